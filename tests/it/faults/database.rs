//! The database held by somebody else, or gone.

use std::fs::File;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use widerspruch::db::models::audit::Actor;
use widerspruch::db::sqlite_file;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::sending::preparation;

use crate::mailings::{HTML, draft, people, sent};
use crate::support::agent::Agent;
use crate::support::hits::Read;
use crate::support::program::{Program, program};
use crate::support::{On, World, eventually};

const UNCONFIRMED: Option<&str> = Some("stored;desc=no");
const AWAY: &str = "Die Datenbank antwortet nicht";

/// Adds somebody while the database is away, and is told so.
#[track_caller]
fn assert_refused(admin: &Agent) {
    let answer = admin.post("/empfaenger/neu", &[("email", "jana@example.org")]);
    assert_eq!(answer.status, 503, "{}", answer.text());
    answer.assert_says(AWAY);
    answer.assert_says("Es wurde nichts geändert.");
}

/// A backup, or a curious administrator, holds the file's lock.
#[test]
fn a_locked_database_is_waited_for_and_said() {
    let world = World::start(On::Sqlite);
    let (read, admin, reader) = (Read::new(&world), world.admin(), world.visitor());
    read.by(&world, &[&world.url], || read.acknowledged() < 20);
    let stored = world.total("opens", "deliveries", "1 = 1");
    let file = sqlite_file(world.dir.path());
    let mut other = SqliteConnection::establish(file.to_str().expect("a path")).expect("the file");
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    world.answers_hits_in_time();

    assert_refused(&admin);
    admin.visit("/empfaenger");
    let key = world.deliveries_key(read.mailing);
    for _ in 0..3 {
        let answer = reader.get(&world.pixel(read.mailing, key));
        assert_eq!(
            (answer.status, answer.header("server-timing")),
            (200, UNCONFIRMED)
        );
    }
    other.batch_execute("ROLLBACK").expect("the lock is free");
    world.answers_hits_when_stored();
    world.wait_for_recorder();
    let since = world.total("opens", "deliveries", "1 = 1") - stored;
    assert!((0..=3).contains(&since), "{since}");
    let answer = admin.post("/empfaenger/neu", &[("email", "jana@example.org")]);
    assert_eq!(answer.status, 303, "it goes on by itself");
    let answer = reader.get(&world.pixel(read.mailing, key));
    assert_eq!(answer.header("server-timing"), None);
}

#[test]
fn a_database_that_is_gone_is_said() {
    let (world, proxy) = World::start_behind_proxy();
    let admin = world.admin();
    proxy.cut();
    assert_refused(&admin);
    let answer = admin.get("/empfaenger");
    assert_eq!(answer.status, 503);
    answer.assert_says(AWAY);
    let form = [("email", "admin@example.org"), ("password", "falsch")];
    let answer = world.visitor().post("/anmelden", &form);
    assert_eq!(
        answer.status, 503,
        "nobody is told that the password is wrong"
    );
    proxy.restore();
    eventually(
        "it goes on by itself",
        || admin.get("/empfaenger").status,
        |status| *status == 200,
    );
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    let answer = admin.post("/empfaenger/neu", &[("email", "jana@example.org")]);
    assert_eq!(answer.status, 303);
}

/// Nobody knows then of which account the hit is: it must not look as if it were stored.
#[test]
fn a_hit_on_a_mailing_that_is_not_in_memory_is_not_acknowledged_while_the_database_is_gone() {
    let (world, proxy) = World::start_behind_proxy();
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let reader = world.visitor();
    let before = world.state.recorder.unconfirmed();
    proxy.cut();
    let answer = reader.get(&world.pixel(mailing, key));
    assert_eq!(
        (answer.status, answer.header("server-timing")),
        (200, UNCONFIRMED)
    );
    assert!(answer.body.starts_with(b"GIF89a"));
    let answer = reader.get(&world.click(mailing, key, 1));
    assert_eq!(
        (answer.status, answer.header("server-timing")),
        (503, UNCONFIRMED)
    );
    answer.assert_says("Dieser Link führt gerade nicht weiter");
    answer.assert_says("in einigen Minuten noch einmal");
    assert_eq!(world.state.recorder.unconfirmed(), before + 2);
    proxy.restore();
    eventually(
        "the link leads on",
        || reader.get(&world.click(mailing, key, 1)).status,
        |status| *status == 302,
    );
    assert_eq!(world.total("opens", "deliveries", "1 = 1"), 0);
    assert_eq!(world.total("clicks", "deliveries", "1 = 1"), 1);
}

/// The mails are written, and then the database does not take it down: the sender settles what it
/// holds itself, without ending and starting again.
fn mails_that_were_not_noted(on: On) {
    const PEOPLE: usize = 120;
    let mut world = World::start(on);
    let all = people(&world, PEOPLE);
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)?;
        Ok(conn.batch_execute(match on {
            On::Sqlite => {
                "CREATE TRIGGER refuse BEFORE INSERT ON outbox_mails
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            On::Postgres => {
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   RAISE EXCEPTION 'refused';
                 END $$;
                 CREATE TRIGGER refuse BEFORE INSERT ON outbox_mails EXECUTE FUNCTION refuse()"
            }
        })?)
    });
    let log = world.files.path().join("log");
    let mut command = program(world.dir.path(), world.database_url());
    let running = Program::start(command.stderr(File::create(&log).expect("a log")));
    eventually(
        "it says that it could not",
        || std::fs::read_to_string(&log).expect("a log"),
        |said| said.contains("sending will be tried again"),
    );
    assert!(world.rows("deliveries", "status = 'claimed'") > 0);
    world.write(|conn| {
        Ok(conn.batch_execute(match on {
            On::Sqlite => "DROP TRIGGER refuse",
            On::Postgres => "DROP FUNCTION refuse() CASCADE",
        })?)
    });
    let mailing = sent(&world, mailing);
    let count = i64::try_from(PEOPLE).expect("a number");
    assert_eq!(
        (mailing.handed, mailing.uncertain, mailing.failed),
        (count, 0, 0)
    );
    assert_eq!(world.rows("outbox_mails", "1 = 1"), count);
    running.stop();
    let outbox = std::fs::read_dir(world.dir.path().join("outbox")).expect("the outbox");
    assert_eq!(outbox.count(), PEOPLE, "each once");
}

#[test]
fn mails_that_were_not_noted_are_taken_up_again_sqlite() {
    mails_that_were_not_noted(On::Sqlite);
}

#[test]
fn mails_that_were_not_noted_are_taken_up_again_postgres() {
    mails_that_were_not_noted(On::Postgres);
}
