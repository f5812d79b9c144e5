//! `widerspruch restore` and `widerspruch replay`: nobody comes back from a copy.

use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;
use widerspruch::db::models::backups;
use widerspruch::db::models::group_leavings;
use widerspruch::db::models::objections::{self, Remembered};
use widerspruch::db::models::recipients::{self, Recipient};
use widerspruch::db::reports::{self, Figures};
use widerspruch::db::{Db, Target};
use widerspruch::domain::secret::Purpose;
use widerspruch::domain::secret::Secret;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientStatus, RecipientTracking};

use super::copy::{backup, copies};
use crate::erasure::bytes::files_with;
use crate::erasure::wait_until_clean;
use crate::support::program::{Program, program, run};
use crate::support::{On, World, eventually};

/// What a command printed, if it went well.
#[track_caller]
pub fn done(outcome: &Output) -> String {
    let printed = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(outcome.status.success(), "{outcome:?}");
    printed
}

/// What a command says that refuses.
#[track_caller]
pub fn refused(outcome: &Output) -> String {
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    said
}

/// A copy of the database, by whichever means.
pub enum Copy {
    Directory(PathBuf),
    Dump(PathBuf),
}

/// People who will do different things after the copy is made.
pub struct Story {
    mailing: i64,
    figures: Vec<Figures>,
    pub copy: Copy,
    _shelf: TempDir,
}

/// Whoever is in the copy.
const NAMES: [&str; 8] = [
    "anna", "bert", "carla", "dora", "emil", "frida", "gustav", "greta",
];

pub fn address(name: &str) -> String {
    format!("{name}@geheim.example.org")
}

pub fn find(world: &World, name: &str) -> Option<Recipient> {
    world.read(|conn| recipients::find_by_address(conn, world.account_id, &address(name)))
}

fn id(world: &World, name: &str) -> i64 {
    find(world, name).expect("the recipient").id
}

fn figures(world: &World, mailing: i64) -> Vec<Figures> {
    world.read(|conn| reports::figures(conn, world.account_id, &[mailing]))
}

/// A mailing that all have read; Frida objects; then the copy is made.
pub fn until_the_copy(world: &World) -> Story {
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    let visitor = world.visitor();
    for name in NAMES {
        let person = world.make_recipient(&address(name));
        let key = world.deliver(mailing, person, Decision::Personal);
        visitor.get(&world.pixel(mailing, key));
        visitor.get(&world.click(mailing, key, 1));
    }
    let admin = world.admin();
    object(world, "frida");
    admin.submit("/gruppen", &[("name", "Kunden")]);
    let group = world.total("id", "groups", "name = 'Kunden'");
    admin.submit(
        &format!("/empfaenger/{}/gruppen", id(world, "greta")),
        &[
            ("gezeigt", &group.to_string()),
            ("gruppen", &group.to_string()),
        ],
    );
    assert_eq!(world.rows("memberships", "1 = 1"), 1);
    let shelf = tempfile::tempdir().expect("a directory");
    let copy = match world.on {
        On::Sqlite => {
            done(&run(&mut backup(world, shelf.path())));
            Copy::Directory(copies(shelf.path()).remove(0))
        }
        On::Postgres => {
            let dump = shelf.path().join("dump");
            let outcome = std::process::Command::new("pg_dump")
                .args(["--format=custom", "--file"])
                .arg(&dump)
                .arg(world.database_url().expect("an address"))
                .output();
            done(&outcome.expect("pg_dump is there"));
            Copy::Dump(dump)
        }
    };
    Story {
        mailing,
        figures: figures(world, mailing),
        copy,
        _shelf: shelf,
    }
}

fn object(world: &World, name: &str) {
    let path = format!("/empfaenger/{}/tracking", id(world, name));
    world.admin().submit(&path, &[("tracking_off", "ja")]);
}

/// What happens afterwards.
pub fn after_the_copy(world: &World) {
    let admin = world.admin();
    let submit = |name: &str, rest: &str, form: &[(&str, &str)]| {
        admin.submit(&format!("/empfaenger/{}/{rest}", id(world, name)), form);
    };
    submit("anna", "loeschen", &[]);
    object(world, "bert");
    submit("carla", "abmelden", &[]);
    submit("dora", "tracking/pseudonymisieren", &[]);
    let path = format!("/empfaenger/{}", id(world, "emil"));
    admin.submit(&path, &[("email", &address("emil.neu"))]);
    let reason = [("reason", "hat am Telefon darum gebeten")];
    submit("frida", "tracking/aufheben", &reason);
    let group = world.total("id", "groups", "name = 'Kunden'").to_string();
    submit("greta", "gruppen", &[("gezeigt", &group)]);
    let joins = [("gezeigt", group.as_str()), ("gruppen", group.as_str())];
    submit("gustav", "gruppen", &joins);
    let gustav = id(world, "gustav");
    world.write(|conn| {
        let (group, now) = (group.parse().expect("a number"), Timestamp::now());
        group_leavings::leave(conn, world.account_id, group, gustav, now)
    });
    // Somebody new, whom the copy does not know, objects; somebody else comes and goes.
    for name in ["neu", "kurz"] {
        world.make_recipient(&address(name));
        object(world, name);
    }
    submit("kurz", "loeschen", &[]);
}

/// The state after the copy was brought back and told.
pub fn assert_told(world: &World, story: &Story) {
    for gone in ["anna", "emil", "neu", "kurz"] {
        assert!(find(world, gone).is_none(), "{gone}");
    }
    let bert = find(world, "bert").expect("Bert");
    assert_eq!(bert.tracking, RecipientTracking::Objected);
    let carla = find(world, "carla").expect("Carla");
    assert_eq!(carla.status, RecipientStatus::Unsubscribed);
    let dora = find(world, "dora").expect("Dora");
    assert_eq!(world.deliveries_of(dora.id), Vec::<i64>::new());
    let frida = find(world, "frida").expect("Frida");
    assert_eq!(frida.tracking, RecipientTracking::Unset);
    let gustav = find(world, "gustav").expect("Gustav");
    assert_eq!(world.deliveries_of(gustav.id).len(), 1, "untouched");
    assert_eq!(world.rows("memberships", "1 = 1"), 0);
    let left = format!("recipient_id = {}", gustav.id);
    assert_eq!(
        world.rows("group_leavings", &left),
        1,
        "and nothing puts him back"
    );
    assert_eq!(
        figures(world, story.mailing),
        story.figures,
        "p5: no number changes"
    );
    // Whoever the copy does not know has objected all the same.
    let secret = Secret::load(&world.dir.path().join("secret.key")).expect("the secret");
    let key = secret.key(Purpose::RememberedAddress);
    for name in ["neu", "kurz"] {
        let hash = key.mac(address(name).as_bytes());
        let kind = Remembered::Objection;
        let found = world.read(|conn| objections::find(conn, world.account_id, kind, &hash));
        assert!(found.is_some(), "{name}");
    }
    // A server that has just started may still be at it.
    wait_until_clean(world);
    assert_eq!(
        world.rows("receipts", "kind = 'deletion' AND cleanup = 'done'"),
        1
    );
    for gone in ["anna", "emil", "neu", "kurz"] {
        let found = files_with(world.dir.path(), &address(gone));
        assert_eq!(found, Vec::<String>::new(), "{gone}");
    }
    let log = world.admin().visit("/benutzerkonto/protokoll");
    log.assert_says("Aus Sicherung wiederhergestellt")
        .assert_says("Wiederherstellung aus Sicherung")
        .assert_says("erneut gelöscht: 2");
}

/// Copies a journal to where another installation looks for it.
pub fn copy_journal(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("the journal") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// Copies a database that nobody writes, with its secret.
pub fn copy_database(from: &Path, to: &Path) {
    for name in ["secret.key", "widerspruch.sqlite", "widerspruch.sqlite-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).expect("a copy");
        }
    }
}

#[test]
fn nobody_comes_back_from_a_copy_on_a_new_machine() {
    let mut world = World::start(On::Sqlite);
    let story = until_the_copy(&world);
    after_the_copy(&world);
    world.stop();
    let Copy::Directory(copy) = &story.copy else {
        panic!("a directory")
    };

    let new = tempfile::tempdir().expect("a directory");
    let restore = || {
        let mut command = program(new.path(), None);
        command.arg("restore").arg(copy);
        command
    };
    let said = refused(&run(&mut restore()));
    assert!(said.contains("secret.key"), "without the secret: {said}");
    let secret = world.dir.path().join("secret.key");
    std::fs::copy(secret, new.path().join("secret.key")).expect("the secret");
    let said = refused(&run(&mut restore()));
    assert!(said.contains("there is no journal"), "{said}");
    copy_journal(
        &world.dir.path().join("journal"),
        &new.path().join("journal"),
    );

    let said = done(&run(&mut restore()));
    assert!(said.contains("1 recipients deleted,"), "{said}");
    assert!(said.contains("whose address had changed"), "{said}");
    let restored = World::on_directory(new, world.account_id);
    assert_told(&restored, &story);

    // A database that is there goes only if that is wanted, and not under a server.
    let again = run(program(restored.dir.path(), None).arg("restore").arg(copy));
    assert!(refused(&again).contains("in use"));
}

#[test]
fn nobody_comes_back_from_a_dump() {
    let mut world = World::start(On::Postgres);
    let story = until_the_copy(&world);
    after_the_copy(&world);
    world.stop();
    let Copy::Dump(dump) = &story.copy else {
        panic!("a dump")
    };
    let url = world.database_url().expect("an address").to_owned();
    let outcome = std::process::Command::new("pg_restore")
        .args(["--clean", "--if-exists", "--no-owner", "--dbname", &url])
        .arg(dump)
        .output();
    done(&outcome.expect("pg_restore is there"));

    // No node starts on it, and no command works with it.
    for command in ["serve", "migrate"] {
        let said = refused(&run(program(world.dir.path(), Some(&url)).arg(command)));
        assert!(said.contains("older than the journal"), "{said}");
        assert!(said.contains("widerspruch replay"), "{said}");
    }
    let said = done(&run(program(world.dir.path(), Some(&url)).arg("replay")));
    assert!(said.contains("1 recipients deleted,"), "{said}");
    world.restart();
    assert_told(&world, &story);
    world.stop();
    // There is nothing to be told twice.
    let said = done(&run(program(world.dir.path(), Some(&url)).arg("replay")));
    assert!(said.contains("nothing"), "{said}");
}

#[test]
fn a_copy_takes_the_place_of_a_database_only_if_that_is_wanted() {
    let mut world = World::start(On::Sqlite);
    world.make_recipient(&address("anna"));
    let shelf = tempfile::tempdir().expect("a directory");
    done(&run(&mut backup(&world, shelf.path())));
    let copy = copies(shelf.path()).remove(0);
    world.stop();
    // A younger copy, which this one can't know of.
    world.write(|conn| {
        let now = Timestamp::now();
        backups::enter(conn, "/nirgends/jung", now, now.plus_days(9))
    });
    // Everything in processes of their own: the files change under them.
    let dir = tempfile::tempdir().expect("a directory");
    copy_database(world.dir.path(), dir.path());
    copy_journal(
        &world.dir.path().join("journal"),
        &dir.path().join("journal"),
    );
    let restore = |more: &[&str]| {
        let mut command = program(dir.path(), None);
        command.arg("restore").arg(&copy).args(more);
        run(&mut command)
    };
    let said = refused(&restore(&[]));
    assert!(said.contains("--replace"), "{said}");
    done(&restore(&["--replace"]));
    let names = |dir: &Path| {
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .expect("a directory")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
            .collect();
        names.sort();
        names
    };
    let left = ["journal", "lock", "secret.key", "widerspruch.sqlite"];
    assert_eq!(names(dir.path()), left, "nothing is left beside it");
    let known = || {
        let target = Target::Sqlite(dir.path().join("widerspruch.sqlite"));
        let db = Db::open_as_it_is(&target).expect("it opens");
        let known = db.read(|conn| backups::living(conn, Timestamp::now()));
        let known = known.expect("copies").into_iter();
        known.map(|one| one.name).collect::<Vec<_>>()
    };
    let path = copy.canonicalize().expect("a path").display().to_string();
    assert_eq!(known(), [path, "/nirgends/jung".to_owned()]);

    // Interrupted between two files: nobody takes that for a new installation.
    let database = dir.path().join("widerspruch.sqlite");
    let aside = dir.path().join("widerspruch.sqlite.before-restore");
    std::fs::rename(&database, aside).expect("a file");
    std::fs::write(dir.path().join("restore-unfinished"), "").expect("a file");
    let said = refused(&run(program(dir.path(), None).arg("migrate")));
    assert!(said.contains("was interrupted"), "{said}");
    done(&restore(&[]));
    assert_eq!(names(dir.path()), left);

    // A damaged copy is none, and the database stays.
    let bytes = std::fs::read(&database).expect("the database");
    let held = copy.join("widerspruch.sqlite");
    let mut damaged = std::fs::read(&held).expect("the copy");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&held, damaged).expect("a file");
    let said = refused(&restore(&["--replace"]));
    assert!(said.contains("is damaged"), "{said}");
    assert_eq!(std::fs::read(&database).expect("the database"), bytes);
}

#[test]
fn the_journal_has_to_reach_back_to_the_copy() {
    let mut world = World::start(On::Sqlite);
    world.make_recipient(&address("anna"));
    let shelf = tempfile::tempdir().expect("a directory");
    done(&run(&mut backup(&world, shelf.path())));
    let copy = copies(shelf.path()).remove(0);
    world.stop();
    let new = tempfile::tempdir().expect("a directory");
    std::fs::copy(
        world.dir.path().join("secret.key"),
        new.path().join("secret.key"),
    )
    .expect("the secret");
    let later = Timestamp::now().plus_days(1);
    let journal = new.path().join("journal");
    std::fs::create_dir(&journal).expect("a directory");
    std::fs::write(journal.join("since"), later.millis().to_string()).expect("a file");
    let restore = |more: &[&str]| {
        let mut command = program(new.path(), None);
        command.arg("restore").arg(&copy).args(more);
        run(&mut command)
    };
    let said = refused(&restore(&[]));
    assert!(said.contains("begins after the copy was made"), "{said}");
    // A damaged one is no better.
    std::fs::write(journal.join("2026-01-01.x.journal"), "unlesbar\n").expect("a file");
    let said = refused(&restore(&[]));
    assert!(said.contains("damaged"), "{said}");
    let said = done(&restore(&["--without-journal"]));
    assert!(said.contains("nothing"), "{said}");
    let server = Program::serve(new.path(), None);
    server.stop();
}

/// What waits in the database of a server that is killed is not lost, as long as the database is
/// there.
#[test]
fn what_a_killed_server_had_not_yet_written_is_in_the_journal() {
    let mut world = World::start(On::Sqlite);
    world.make_recipient(&address("bleibt"));
    let anna = world.make_recipient(&address("anna"));
    let shelf = tempfile::tempdir().expect("a directory");
    done(&run(&mut backup(&world, shelf.path())));
    let copy = copies(shelf.path()).remove(0);
    // The journal can't be written.
    let journal = world.dir.path().join("journal");
    let is_there = || journal.join("since").is_file();
    eventually("the journal is there", is_there, |there| *there);
    let aside = world.dir.path().join("journal-aside");
    std::fs::rename(&journal, &aside).expect("a directory");
    world
        .admin()
        .submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    world.stop();
    assert_eq!(world.rows("journal_entries", "kind = 'deleted'"), 1);
    std::fs::rename(&aside, &journal).expect("a directory");

    let dir = tempfile::tempdir().expect("a directory");
    copy_database(world.dir.path(), dir.path());
    copy_journal(&journal, &dir.path().join("journal"));
    let mut command = program(dir.path(), None);
    let said = done(&run(command.arg("restore").arg(&copy).arg("--replace")));
    assert!(said.contains("1 recipients deleted"), "{said}");
    let restored = World::on_directory(dir, world.account_id);
    assert!(find(&restored, "anna").is_none());
    assert!(find(&restored, "bleibt").is_some());
}
