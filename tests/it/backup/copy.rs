//! `widerspruch backup`: beside a running server, whole or not at all, and gone after its time.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use widerspruch::backup::copy::{self, Shelf};
use widerspruch::backup::manifest::{DATABASE, Manifest};
use widerspruch::db::models::backups;
use widerspruch::db::{Db, Target};
use widerspruch::domain::time::Timestamp;

use crate::erasure::wait_until_clean;
use crate::support::hits::Read;
use crate::support::program::{after_line, program, run};
use crate::support::{On, World, on_both};

/// The command that makes a copy of a world.
pub fn backup(world: &World, to: &Path) -> Command {
    let mut command = program(world.dir.path(), world.database_url());
    command.env_remove("WIDERSPRUCH_BACKUPS");
    command.arg("backup").arg("--to").arg(to);
    command
}

/// The whole copies in a directory, the oldest first.
pub fn copies(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// What the database of a copy counts.
fn counted(copy: &Path, sql: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let db = Db::open_as_it_is(&Target::Sqlite(copy.join(DATABASE))).expect("it opens");
    let counted = db.read(|conn| {
        Ok(sql_query(format!("SELECT COALESCE({sql}, 0) AS n")).get_result::<Counted>(conn)?)
    });
    counted.expect("the query succeeds").n
}

/// Who closes the last connection to a database removes its write-ahead log. The command that makes
/// a copy has to see that the server has it open, also after the server has looked for an address.
#[test]
fn a_copy_made_after_a_deletion_leaves_the_server_its_log() {
    let world = World::start(On::Sqlite);
    let read = Read::new(&world);
    let gone = world.make_recipient("anna@example.org");
    let admin = world.admin();
    admin.submit(&format!("/empfaenger/{gone}/loeschen"), &[]);
    wait_until_clean(&world);
    let shelf = tempfile::tempdir().expect("a directory");
    let copy = || {
        let outcome = run(&mut backup(&world, shelf.path()));
        assert!(outcome.status.success(), "{outcome:?}");
        copies(shelf.path()).pop().expect("a copy")
    };
    copy();
    read.by(&world, &[&world.url], || read.acknowledged() < 50);
    read.assert_stored(&world);
    // Another process sees what the server has stored since.
    let seen = counted(&copy(), "(SELECT SUM(n) FROM events)");
    let stored = world.total("n", "events", "1 = 1");
    assert!(stored >= 50);
    assert_eq!(seen, stored);
}

#[test]
fn a_copy_is_made_while_hits_come_in() {
    let world = World::start(On::Sqlite);
    let read = Read::new(&world);
    let shelf = tempfile::tempdir().expect("a directory");
    let to = shelf.path().join("copies");
    let made = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let goes_on = || made.load(std::sync::atomic::Ordering::SeqCst) < 3;
            read.by(&world, &[&world.url], goes_on);
        });
        for n in 1..=3 {
            let before = read.acknowledged();
            read.wait_for(before + 51);
            let outcome = run(&mut backup(&world, &to));
            assert!(outcome.status.success(), "{outcome:?}");
            made.store(n, std::sync::atomic::Ordering::SeqCst);
        }
    });
    read.assert_stored(&world);

    let made = copies(&to);
    assert_eq!(made.len(), 3);
    for copy in &made {
        let manifest = Manifest::read(copy).expect("a manifest");
        manifest.check(copy).expect("it is whole");
        // Of one moment: what is counted once and again is the same.
        let events = counted(copy, "(SELECT SUM(n) FROM events WHERE kind = 0)");
        assert!(events > 0, "hits had come in before");
        for same in [
            "(SELECT SUM(opens) FROM deliveries)",
            "(SELECT SUM(personal) FROM mailing_hours WHERE kind = 0 AND link = 0)",
            "(SELECT SUM(n) FROM mailing_devices WHERE kind = 0)",
        ] {
            assert_eq!(counted(copy, same), events, "{same}");
        }
        let mut names: Vec<_> = std::fs::read_dir(copy)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        // Not the secret. (Opening the copy left SQLite's own files beside it, or not.)
        assert!(names.iter().all(|name| {
            let name = name.to_string_lossy();
            name == "manifest.json" || name.starts_with(DATABASE)
        }));
        let rights =
            |path: &Path| std::fs::metadata(path).expect("it").permissions().mode() & 0o777;
        assert_eq!(rights(copy), 0o700);
        assert_eq!(rights(&copy.join(DATABASE)), 0o600);
    }
    let known = world.read(|conn| backups::living(conn, Timestamp::now()));
    let known: Vec<PathBuf> = known.iter().map(|one| PathBuf::from(&one.name)).collect();
    let there: Vec<PathBuf> = made.iter().map(|one| one.canonicalize().unwrap()).collect();
    assert_eq!(known, there);
    let log = world.admin().visit("/benutzerkonto/protokoll");
    log.assert_says("Sicherung erstellt");
    let name = made[0].file_name().unwrap().to_string_lossy().into_owned();
    log.assert_says(&name);
    let page = world.admin().visit("/benutzerkonto/aufbewahrung");
    page.assert_says(&name).assert_says("Aufbewahrt bis");
}

#[test]
fn p7_a_copy_holds_nothing_of_what_was_deleted() {
    let world = World::start(On::Sqlite);
    let address = "anna.altmann@geheim.example.org";
    let anna = world.make_recipient(address);
    let other = world.make_recipient("bert@geheim.example.org");
    world
        .admin()
        .submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    let shelf = tempfile::tempdir().expect("a directory");
    assert!(run(&mut backup(&world, shelf.path())).status.success());
    let bytes = std::fs::read(copies(shelf.path())[0].join(DATABASE)).expect("the copy");
    let holds = |needle: &str| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
    assert!(other > 0 && holds("bert@geheim.example.org"), "the control");
    assert!(!holds(address));
}

#[test]
fn a_copy_is_whole_or_not_there() {
    let world = World::start(On::Sqlite);
    for n in 0..2_000 {
        world.make_recipient(&format!("p{n}@example.org"));
    }
    let shelf = tempfile::tempdir().expect("a directory");
    let (mut interrupted, mut n) = (0, 0);
    while n < 15 || interrupted < 4 {
        assert!(n < 500, "it ends each time before it is killed");
        let mut child = backup(&world, shelf.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        // Each time a little later.
        std::thread::sleep(Duration::from_millis(n % 15 * 4));
        n += 1;
        let _ = child.kill();
        if !child.wait().expect("it ends").success() {
            interrupted += 1;
        }
        for copy in copies(shelf.path()) {
            let name = copy.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                let manifest = Manifest::read(&copy).expect("a manifest");
                manifest.check(&copy).expect("it is whole");
            }
        }
    }
    // What a power cut leaves at the worst moment, made on purpose.
    let left = shelf.path().canonicalize().unwrap();
    let left = left.join(".unfinished-widerspruch-x");
    std::fs::create_dir(&left).expect("a directory");
    std::fs::write(left.join(DATABASE), "half").expect("a file");
    let known_as = left.with_file_name("widerspruch-x").display().to_string();
    let now = Timestamp::now();
    world.write(|conn| backups::enter(conn, &known_as, now, now.plus_days(30)));

    assert!(run(&mut backup(&world, shelf.path())).status.success());
    assert!(!left.exists());
    let known = world.read(|conn| backups::living(conn, now));
    assert!(known.iter().all(|one| one.name != known_as));
    // None is there that nobody knows of.
    for copy in copies(shelf.path()) {
        let path = copy.canonicalize().unwrap().display().to_string();
        assert!(known.iter().any(|one| one.name == path), "{path}");
    }
}

#[test]
fn a_full_disk_leaves_no_copy() {
    let world = World::start(On::Sqlite);
    for n in 0..2_000 {
        world.make_recipient(&format!("p{n}@example.org"));
    }
    let shelf = tempfile::tempdir().expect("a directory");
    // In blocks of 512 bytes: less than the copy takes.
    let line = "trap '' XFSZ; ulimit -f 200";
    let outcome = run(&mut after_line(line, &backup(&world, shelf.path())));
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.status.code(), Some(1), "{said}");
    assert_eq!(copies(shelf.path()), Vec::<PathBuf>::new(), "{said}");
    assert_eq!(world.rows("backups", "1 = 1"), 0);
}

#[test]
fn copies_go_after_their_time() {
    let world = World::start(On::Sqlite);
    let shelf = tempfile::tempdir().expect("a directory");
    let now = Timestamp::now();
    let make = |keep_days: i64| {
        let open = Shelf::open(shelf.path(), world.dir.path()).expect("it opens");
        let made = open.make(&world.state.db, keep_days, now);
        made.expect("a copy").path
    };
    let (over, kept) = (make(5), make(20));
    // Something else there is nobody's to remove.
    let foreign = shelf.path().join("widerspruch-notizen");
    std::fs::create_dir(&foreign).expect("a directory");
    std::fs::write(foreign.join("text"), "bleibt").expect("a file");
    let later = now.plus_days(10);
    copy::forget_expired(&world.state.db, later).expect("it forgets");
    assert!(!over.exists() && kept.exists() && foreign.exists());
    let known = world.read(|conn| backups::living(conn, later));
    assert_eq!(known.len(), 1);
    // Who was deleted after the copy was made may be in it; who was deleted before is not.
    let holding = |days| world.read(|conn| backups::holding(conn, now.plus_days(days), later));
    assert_eq!(holding(1).len(), 1);
    assert_eq!(holding(-1).len(), 0);

    // Also those that no database knows of.
    let over = make(5);
    world.write(|conn| backups::withdraw(conn, &over.display().to_string()));
    let open = Shelf::open(shelf.path(), world.dir.path()).expect("it opens");
    assert_eq!(open.prune(later).expect("it prunes"), 1);
    assert!(!over.exists() && kept.exists() && foreign.exists());
    drop(open);
    let outcome = run(backup(&world, shelf.path()).arg("--prune"));
    let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(said.contains("0 copies removed") && kept.exists(), "{said}");
}

#[test]
fn copies_do_not_lie_with_the_data() {
    let world = World::start(On::Sqlite);
    let outcome = run(&mut backup(&world, &world.dir.path().join("copies")));
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.status.code(), Some(1));
    assert!(
        said.contains("must not lie in the data directory"),
        "{said}"
    );
    assert_eq!(world.rows("backups", "1 = 1"), 0);

    let nowhere = tempfile::tempdir().expect("a directory");
    let mut command = program(&nowhere.path().join("data"), None);
    let outcome = run(command.arg("backup").arg("--to").arg(nowhere.path()));
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert!(said.contains("there is no database yet"), "{said}");
}

on_both!(copies_made_by_other_means_are_entered, |world| {
    let shelf = tempfile::tempdir().expect("a directory");
    let outcome = run(backup(world, shelf.path()).args(["--note", "pg_dump vom Sonntag"]));
    let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(said.contains("pg_dump vom Sonntag"), "{said}");
    let known = world.read(|conn| backups::living(conn, Timestamp::now()));
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].name, "pg_dump vom Sonntag");
    let log = world.admin().visit("/benutzerkonto/protokoll");
    log.assert_says("Sicherung erstellt");
    if world.on == On::Postgres {
        let outcome = run(&mut backup(world, shelf.path()));
        let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
        assert!(
            said.contains("pg_dump") && said.contains("--note"),
            "{said}"
        );
    }
});
