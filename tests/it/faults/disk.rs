//! No room on the disk.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::mailings::MailingStatus;
use widerspruch::domain::time::Timestamp;
use widerspruch::sending::preparation;

use crate::mailings::{HTML, draft, find, people, sent};
use crate::support::agent::{Agent, Answer};
use crate::support::hits::Read;
use crate::support::program::{Program, after_line, program};
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, attempts, eventually, on_both};

const NO_ROOM: &str = "Auf dem Server ist kein Speicherplatz mehr frei";

/// The database's disk is full: SQLite may not grow any more; a PostgreSQL server says what it
/// says when its files can't (SQLSTATE 53100).
fn fill(world: &World) {
    world.write(|conn| {
        Ok(conn.batch_execute(match world.on {
            On::Sqlite => "PRAGMA max_page_count = 1",
            On::Postgres => {
                "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   RAISE EXCEPTION USING ERRCODE = '53100',
                   MESSAGE = 'could not extend file \"base/5/16384\": No space left on device';
                 END $$;
                 CREATE TRIGGER no_room BEFORE INSERT ON recipients EXECUTE FUNCTION no_room();
                 CREATE TRIGGER no_room BEFORE INSERT ON events EXECUTE FUNCTION no_room()"
            }
        })?)
    });
}

fn make_room(world: &World) {
    world.write(|conn| {
        Ok(conn.batch_execute(match world.on {
            On::Sqlite => "PRAGMA max_page_count = 4294967294",
            On::Postgres => "DROP FUNCTION no_room() CASCADE",
        })?)
    });
}

on_both!(
    a_full_database_says_so_and_goes_on_when_there_is_room,
    |world| {
        let read = Read::new(world);
        let admin = world.admin();
        let add = |n: usize| {
            // Long, so that it soon needs a page of its own.
            let (email, name) = (format!("neu{n}@example.net"), "Muster".repeat(16));
            let form = [
                ("email", &*email),
                ("first_name", "Jana"),
                ("last_name", &name),
            ];
            admin.post("/empfaenger/neu", &form)
        };
        assert_eq!(add(0).status, 303);
        fill(world);
        let mut added = 1;
        let refusal = loop {
            let answer = add(added);
            if answer.status != 303 {
                break answer;
            }
            added += 1;
            assert!(added < 2_000, "the disk is full");
        };
        assert_eq!(refusal.status, 507, "{}", refusal.text());
        refusal.assert_says(NO_ROOM);
        refusal.assert_says("Es wurde nichts geändert.");
        let ours = "address LIKE 'neu%'";
        let count = || usize::try_from(world.rows("recipients", ours)).expect("a number");
        assert_eq!(count(), added, "what was refused is not there");
        admin.visit("/empfaenger");
        let hits = std::sync::atomic::AtomicUsize::new(0);
        let goes_on = || hits.fetch_add(1, Ordering::SeqCst) < 200;
        read.by(world, &[&world.url], goes_on);
        world.wait_for_recorder();
        read.assert_stored(world);

        make_room(world);
        assert_eq!(add(added).status, 303, "it goes on by itself");
        assert_eq!(count(), added + 1);
        let enough = read.acknowledged() + 100;
        read.by(world, &[&world.url], || read.acknowledged() < enough);
        world.wait_for_recorder();
        read.assert_stored(world);
    }
);

/// A server whose files can be kept from growing.
fn limited(world: &World) -> Program {
    let mut command = after_line(
        "trap '' XFSZ",
        &program(world.dir.path(), world.database_url()),
    );
    // Its words must not fail, whatever file they go to.
    Program::start(command.stderr(Stdio::null()))
}

#[test]
fn while_nothing_can_be_written_no_hit_is_acknowledged() {
    let mut world = World::start(On::Sqlite);
    let read = Read::new(&world);
    world.stop();
    let program = limited(&world);
    let is_over = AtomicBool::new(false);
    let more = |hits: usize| read.wait_for(read.acknowledged() + hits);
    std::thread::scope(|scope| {
        let url = &*program.url;
        let (read, world, is_over) = (&read, &world, &is_over);
        scope.spawn(move || read.by(world, &[url], || !is_over.load(Ordering::SeqCst)));
        for _ in 0..3 {
            more(100);
            program.limit_files(Some(0));
            let before = read.unconfirmed();
            eventually(
                "hits are not acknowledged",
                || read.unconfirmed(),
                |hits| *hits >= before + 40,
            );
            program.limit_files(None);
        }
        more(100);
        is_over.store(true, Ordering::SeqCst);
    });
    program.stop();
    read.assert_stored(&world);
}

fn upload(browser: &Agent, bytes: &[u8]) -> Answer {
    let mut body =
        b"--wxyz\r\ncontent-disposition: form-data; name=\"datei\"; filename=\"a.csv\"\r\n\r\n"
            .to_vec();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--wxyz--\r\n");
    browser.post_body(
        "/empfaenger/import",
        "multipart/form-data; boundary=wxyz",
        &body,
    )
}

fn a_file_that_finds_no_room(on: On) {
    let mut world = World::start(on);
    world.stop();
    let program = limited(&world);
    let browser = Agent::new(&program.url);
    let form = [("email", ADMIN), ("password", PASSWORD)];
    assert_eq!(browser.post("/anmelden", &form).status, 303);
    let file = "E-Mail\nanna@example.org\n".repeat(10_000);
    program.limit_files(Some(0));
    let answer = upload(&browser, file.as_bytes());
    assert_eq!(answer.status, 507, "{}", answer.text());
    answer.assert_says(NO_ROOM);
    let left = std::fs::read_dir(world.dir.path().join("imports")).expect("a folder");
    assert_eq!(left.count(), 0, "no part of it stays");
    program.limit_files(None);
    let answer = upload(&browser, file.as_bytes());
    assert_eq!(answer.status, 303, "{}", answer.text());
    program.stop();
}

#[test]
fn a_file_that_finds_no_room_leaves_nothing_sqlite() {
    a_file_that_finds_no_room(On::Sqlite);
}

#[test]
fn a_file_that_finds_no_room_leaves_nothing_postgres() {
    a_file_that_finds_no_room(On::Postgres);
}

/// Mails that can't be written wait, and each is written once when there is room.
fn mails_wait_for_room(on: On) -> Option<()> {
    const PEOPLE: usize = 200;
    let mut world = World::start(on);
    let all = people(&world, PEOPLE);
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)
    });
    let outbox = world.dir.path().join("outbox");
    let written = || {
        let files = std::fs::read_dir(&outbox).into_iter().flatten().flatten();
        files
            .filter(|file| file.path().extension().is_some_and(|end| end == "eml"))
            .count()
    };
    let program = limited(&world);
    eventually("mails are written", written, |mails| *mails > 0);
    program.limit_files(Some(0));
    if on == On::Postgres {
        let now = eventually(
            "the problem is told",
            || find(&world, mailing),
            |found| found.problem.is_some() || found.status == MailingStatus::Sent,
        );
        // All were written before.
        let problem = now.problem?;
        let told = "Der Postausgang kann gerade nicht beschrieben werden.";
        assert_eq!(problem, told);
    } else {
        // That has no room in the database either.
        let agent = Agent::new(&program.url);
        assert_eq!(agent.get("/anmelden").status, 200, "pages are shown");
    }
    program.limit_files(None);
    let mailing = sent(&world, mailing);
    let count = i64::try_from(PEOPLE).expect("a number");
    assert_eq!(
        (mailing.handed, mailing.uncertain, mailing.failed),
        (count, 0, 0)
    );
    assert_eq!(mailing.problem, None);
    assert_eq!(world.rows("outbox_mails", "1 = 1"), count);
    program.stop();
    assert_eq!(written(), PEOPLE);
    Some(())
}

#[test]
fn mails_that_find_no_room_wait_for_it_sqlite() {
    attempts("no room in the middle", || mails_wait_for_room(On::Sqlite));
}

#[test]
fn mails_that_find_no_room_wait_for_it_postgres() {
    attempts("no room in the middle", || {
        mails_wait_for_room(On::Postgres)
    });
}
