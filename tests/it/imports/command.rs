//! `widerspruch import` as a process of its own.

use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use widerspruch::db::models::imports::{self, ImportStatus};
use widerspruch::db::models::{accounts, group_leavings, groups};

use widerspruch::db::paging::Position;
use widerspruch::domain::time::Timestamp;

use crate::support::{On, World, attempts};

fn command(world: &World, arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_widerspruch"));
    command
        .env_remove("DATABASE_URL")
        .arg("import")
        .arg("--data-dir")
        .arg(world.dir.path())
        .args(["--account", &world.account_id.to_string()])
        .args(arguments)
        .arg(file);
    if let Some(url) = world.database_url() {
        command.env("DATABASE_URL", url);
    }
    command
}

pub fn import(world: &World, arguments: &[&str], file: &Path) -> Output {
    command(world, arguments, file)
        .output()
        .expect("the program runs")
}

#[track_caller]
pub fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A world whose server has ended: on SQLite the command wants the directory for itself.
pub fn stopped(on: On) -> World {
    let mut world = World::start(on);
    world.stop();
    world
}

/// A file outside the data directory, as Excel writes it.
fn write_file(folder: &Path, rows: usize) -> PathBuf {
    let mut text = String::from("E-Mail;Vorname;Nachname;Ort\r\n");
    for n in 0..rows {
        let _ = write!(text, "person{n}@example.org;Vorname{n};Müller;Köln\r\n");
    }
    let bytes = windows_1252(&text);
    let path = folder.join("kunden.csv");
    std::fs::write(&path, bytes).expect("the file");
    path
}

/// In Windows-1252.
fn windows_1252(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("a character of Latin-1"))
        .collect()
}

fn counts(world: &World) -> (i64, i64, i64) {
    world.read(|conn| {
        let group = groups::find_by_name(conn, world.account_id, "Kunden")?;
        Ok((
            accounts::find(conn, world.account_id)?.recipient_count,
            world.rows("recipients", "1 = 1"),
            group.map_or(0, |group| group.member_count),
        ))
    })
}

fn a_hundred_thousand_rows(on: On) {
    let world = stopped(on);
    let folder = tempfile::tempdir().unwrap();
    let file = write_file(folder.path(), 100_000);
    let group = ["--group", "Kunden"];
    let first = said(&import(&world, &group, &file));
    assert!(
        first.starts_with("100000 added, 0 updated, 0 unchanged, 0 refused."),
        "{first}"
    );
    assert_eq!(counts(&world), (100_000, 100_000, 100_000));
    assert_eq!(world.rows("recipients", "last_name = 'Müller'"), 100_000);
    let second = said(&import(&world, &group, &file));
    assert!(
        second.starts_with("0 added, 0 updated, 100000 unchanged, 0 refused."),
        "{second}"
    );
    assert_eq!(counts(&world), (100_000, 100_000, 100_000));
}

#[test]
fn a_hundred_thousand_rows_sqlite() {
    a_hundred_thousand_rows(On::Sqlite);
}

#[test]
fn a_hundred_thousand_rows_postgres() {
    a_hundred_thousand_rows(On::Postgres);
}

/// Kills the command in the middle, several times, and lets it come to its end.
fn a_killed_import_goes_on(on: On) -> Option<()> {
    const ROWS: usize = 30_000;
    let world = stopped(on);
    let folder = tempfile::tempdir().unwrap();
    let file = write_file(folder.path(), ROWS);
    let group = ["--group", "Kunden"];
    for _ in 0..3 {
        let mut child = command(&world, &group, &file)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut stderr = child.stderr.take().unwrap();
        let mut seen = String::new();
        let mut byte = [0; 1];
        while !seen.contains(" rows") && stderr.read(&mut byte).unwrap() == 1 {
            seen.push(char::from(byte[0]));
        }
        child.kill().expect("killed");
        if child.wait().unwrap().success() {
            return None;
        }
    }
    let (_, between, _) = counts(&world);
    let rows = i64::try_from(ROWS).unwrap();
    assert!(
        between > 0 && between < rows,
        "{between} rows after three kills"
    );

    let output = import(&world, &group, &file);
    let summary = said(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("goes on after row"));
    assert!(
        summary.starts_with("30000 added, 0 updated, 0 unchanged, 0 refused."),
        "{summary}"
    );
    assert_eq!(counts(&world), (rows, rows, rows));
    assert_eq!(world.rows("memberships", "1 = 1"), rows);
    let all = world
        .read(|conn| imports::list(conn, world.account_id, Position::First, 10))
        .rows;
    assert_eq!(all.len(), 1, "one import, taken up again");
    assert_eq!(all[0].status, ImportStatus::Done);
    if on == On::Sqlite {
        let indexed = world.rows("recipient_search", "recipient_search MATCH '\"per\"'");
        assert_eq!(indexed, rows);
    }
    Some(())
}

#[test]
fn a_killed_import_goes_on_sqlite() {
    attempts("killed before its end", || {
        a_killed_import_goes_on(On::Sqlite)
    });
}

#[test]
fn a_killed_import_goes_on_postgres() {
    attempts("killed before its end", || {
        a_killed_import_goes_on(On::Postgres)
    });
}

#[test]
fn refused_rows_are_listed() {
    let world = stopped(On::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    let mut text = String::from("E-Mail\nanna@example.org\n");
    text.push_str(&"kaputt@\n".repeat(25));
    std::fs::write(&file, text).unwrap();
    let summary = said(&import(&world, &["--group", "Kunden"], &file));
    assert!(
        summary.starts_with("1 added, 0 updated, 0 unchanged, 25 refused."),
        "{summary}"
    );
    assert!(summary.contains("line 3: \"kaputt@\": "), "{summary}");
    assert_eq!(summary.matches("kaputt@").count(), 20);
    assert!(summary.contains("5 more"), "{summary}");
}

fn who_left_the_group_is_named(on: On) {
    let world = stopped(on);
    let (account, now) = (world.account_id, Timestamp::now());
    let vera = world.make_recipient("vera@example.org");
    world.write(|conn| {
        let group = groups::create(conn, account, "Kunden", now)?;
        groups::add_members(conn, account, group, &[vera], now)?;
        group_leavings::leave(conn, account, group, vera, now)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, "E-Mail;Vorname\nvera@example.org;Vera\n").expect("the file");
    let summary = said(&import(&world, &["--group", "Kunden"], &file));
    for line in [
        "0 added, 1 updated, 0 unchanged, 0 refused.",
        "1 not put back into the group, which they left.",
        "line 2: \"vera@example.org\": Hat die Gruppe „Kunden“ selbst verlassen",
    ] {
        assert!(summary.contains(line), "{summary}");
    }
    assert_eq!(world.rows("memberships", "1 = 1"), 0);
}

#[test]
fn who_left_the_group_is_named_sqlite() {
    who_left_the_group_is_named(On::Sqlite);
}

#[test]
fn who_left_the_group_is_named_postgres() {
    who_left_the_group_is_named(On::Postgres);
}

#[test]
fn beside_a_running_server_it_says_so() {
    let world = World::start(On::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let file = write_file(folder.path(), 1);
    let output = import(&world, &["--group", "Kunden"], &file);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("in use"), "{errors}");
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    let world = stopped(On::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let file = write_file(folder.path(), 1);
    let mut nobody = World::start_empty(On::Sqlite);
    nobody.stop();
    let output = import(&nobody, &["--group", "Kunden"], &file);
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no account 0"));
    assert!(!output.status.success());
    let missing = import(
        &world,
        &["--group", "Kunden"],
        &folder.path().join("fehlt.csv"),
    );
    assert!(String::from_utf8_lossy(&missing.stderr).contains("fehlt.csv"));
    assert!(!missing.status.success());
    let nameless = import(&world, &["--group", " "], &file);
    assert!(String::from_utf8_lossy(&nameless.stderr).contains("--group: "));
    assert!(!nameless.status.success());
}

fn encoding_and_lines_above_the_header_can_be_chosen(on: On) {
    let world = stopped(on);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alt.csv");
    // "Weiß" in code page 850, which alone could be a word of another one.
    std::fs::write(
        &path,
        b"Liste;von;allen\nWer;Name;Mail\n1;Wei\xe1;eva@example.org\n",
    )
    .expect("the file");
    let chosen = [
        "--group",
        "Kunden",
        "--encoding",
        "ibm850",
        "--skip-lines",
        "1",
    ];
    let output = import(&world, &chosen, &path);
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        shown.contains("Read as ibm850 (--encoding):\n  Weiß"),
        "{shown}"
    );
    assert!(said(&output).starts_with("1 added, 0 updated, 0 unchanged, 0 refused."));
    assert_eq!(world.rows("recipients", "last_name = 'Weiß'"), 1);
    let unknown = ["--group", "Kunden", "--encoding", "ebcdic"];
    let unknown = import(&world, &unknown, &path);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("windows-1250"));
}

#[test]
fn encoding_and_lines_above_the_header_can_be_chosen_sqlite() {
    encoding_and_lines_above_the_header_can_be_chosen(On::Sqlite);
}

#[test]
fn encoding_and_lines_above_the_header_can_be_chosen_postgres() {
    encoding_and_lines_above_the_header_can_be_chosen(On::Postgres);
}
