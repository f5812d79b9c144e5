//! What waits for which lock on PostgreSQL, how a session is set up there, and that a start waits for
//! another node's migration.

use std::fs::File;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use widerspruch::db::advisory_lock::Lock;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::objections::{self, Memory, Remembered};
use widerspruch::db::models::recipients::RecipientData;
use widerspruch::db::models::users;
use widerspruch::db::{Conn, Db, DbResult, Target, account_lock};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientTracking, TrackingMode, TrackingSource};
use widerspruch::erasure::{change as data, retention};
use widerspruch::people::change::{self as roles, Outcome};
use widerspruch::tracking::settings::{self, Lifting};
use widerspruch::tracking::token::PersonalLink;
use widerspruch::tracking::{pseudonymise, readmission};

use crate::support::program::{Program, program};
use crate::support::{On, World, eventually};
use crate::web::public::personal;

const TEST: Actor = Actor::Program("test");

/// What somebody does in a transaction.
type Act<'a> = &'a (dyn Fn(&mut Conn) -> DbResult<()> + Sync);

/// Nothing of this is about what is recorded, so none of it waits for batches of hits, or lets hits
/// wait.
#[test]
fn only_what_ends_personal_tracking_waits_for_hits() {
    let world = World::start(On::Postgres);
    let (account, now) = (world.account_id, Timestamp::now());
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    world.deliver(mailing, anna, Decision::Personal);
    let group = world.make_group_of("Presse", &[anna]);
    let key = &world.state.remembering;
    let admin = world.read(|conn| users::first_of_account(conn, account)).id;
    let leave = personal(&world, PersonalLink::Preferences, mailing, anna) + "/gruppen";
    let unsubscribe = personal(&world, PersonalLink::Unsubscribe, mailing, anna);
    let source = TrackingSource::Admin;
    let ben = world.make_recipient("ben@example.org");
    world.deliver(mailing, ben, Decision::Personal);
    world.write(|conn| settings::object(conn, account, ben, source, &TEST, now));
    let by_consent = TrackingMode::Consent;
    world.write(|conn| settings::set_account_mode(conn, account, by_consent, &TEST, now));

    world.while_hits_are_stored(|| {
        let visitor = world.visitor();
        let answer = visitor.post(&leave, &[("gruppe", &group.to_string())]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(visitor.post(&unsubscribe, &[]).status, 303);
        let acts: [(&str, Act<'_>); 8] = [
            ("resubscribing", &|conn| {
                settings::resubscribe(conn, account, anna, key, source, &TEST, now)
            }),
            ("roles", &|conn| {
                let all = ("Eva Admin", Roles::ADMIN.with(Role::Reports));
                roles::change(conn, account, admin, all, &TEST, now).map(drop)
            }),
            ("retention", &|conn| {
                retention::set(conn, account, Some(12), &TEST, now)
            }),
            ("readmission", &|conn| {
                readmission::readmit(conn, account, group, anna, "Wunsch", &TEST, now)
            }),
            ("consent", &|conn| {
                settings::consent(conn, account, anna, source, key, &TEST, now).map(drop)
            }),
            ("lifting an objection", &|conn| {
                let lifting = Lifting {
                    reason: "Wunsch",
                    source,
                    remembering: key,
                };
                settings::lift_objection(conn, account, ben, &lifting, &TEST, now)
            }),
            ("data", &|conn| {
                change_address(conn, &world, anna, "anna@example.com")
            }),
            ("wider tracking", &|conn| {
                settings::set_account_mode(conn, account, TrackingMode::Active, &TEST, now)
            }),
        ];
        for (what, act) in acts {
            let outcome = world.state.db.write(act);
            assert!(outcome.is_ok(), "{what}: {outcome:?}");
        }
    });
    assert_eq!(world.rows("recipients", "tracking = 'consented'"), 1);
    assert_eq!(world.rows("mailings", "unsubscriptions = 1"), 1);
}

fn change_address(conn: &mut Conn, world: &World, recipient: i64, address: &str) -> DbResult<()> {
    let (key, now) = (&world.state.remembering, Timestamp::now());
    let data = RecipientData {
        address: &EmailAddress::parse(address).expect("an address"),
        first_name: "Anna",
        last_name: "",
        fields: &serde_json::Map::new(),
    };
    data::change(conn, world.account_id, recipient, &data, key, &TEST, now).map(drop)
}

/// What a batch of hits has decided by is over with the commit, so the commit waits for the batch.
#[test]
fn p2_what_ends_personal_tracking_waits_for_hits_that_are_decided() {
    let world = World::start(On::Postgres);
    let (account, now) = (world.account_id, Timestamp::now());
    let mailing = world.make_sent_mailing("Neues", 1);
    let people: Vec<i64> = (0..5)
        .map(|n| world.make_recipient(&format!("p{n}@example.org")))
        .collect();
    for person in &people {
        world.deliver(mailing, *person, Decision::Personal);
    }
    let key = &world.state.remembering;
    let remembered = Memory {
        address: settings::remembered_address(key, "new@example.org"),
        kind: Remembered::Objection,
        made_at: 1,
    };
    world.write(|conn| objections::remember(conn, account, &remembered, "recipient"));
    let source = TrackingSource::Recipient;
    let acts: [(&str, Act<'_>); 8] = [
        ("one objects", &|conn| {
            settings::object(conn, account, people[0], source, &TEST, now).map(drop)
        }),
        ("many object", &|conn| {
            settings::object_many(conn, account, &people[..2], source, &TEST, now).map(drop)
        }),
        ("an objection is told again", &|conn| {
            let said = (RecipientTracking::Objected, source, now);
            settings::say_again(conn, account, people[2], said, key, &TEST, now).map(drop)
        }),
        ("an objection is remembered for a new address", &|conn| {
            change_address(conn, &world, people[3], "new@example.org")
        }),
        ("one is pseudonymised", &|conn| {
            pseudonymise::pseudonymise_recipient(conn, account, people[4], &TEST, now).map(drop)
        }),
        ("only those who agreed", &|conn| {
            settings::set_account_mode(conn, account, TrackingMode::Consent, &TEST, now)
        }),
        ("nobody", &|conn| {
            settings::set_account_mode(conn, account, TrackingMode::Off, &TEST, now)
        }),
        ("not even anonymous totals", &|conn| {
            settings::set_account_options(conn, account, false, true, &TEST, now)
        }),
    ];
    for (what, act) in acts {
        std::thread::scope(|scope| {
            let acting = world.while_hits_are_stored(|| {
                let acting = scope.spawn(|| world.state.db.write(act));
                let (is_through, _) = eventually(
                    "it waits, or is through",
                    || (acting.is_finished(), world.waiting_for_account_lock()),
                    |(is_through, waiting)| *is_through || *waiting == 1,
                );
                assert!(!is_through, "{what}");
                acting
            });
            let outcome = acting.join().expect("it ends");
            assert!(outcome.is_ok(), "{what}: {outcome:?}");
        });
    }
    assert_eq!(world.rows("recipients", "tracking = 'objected'"), 4);
}

/// Whoever has never been sent anything has no hits.
#[test]
fn an_objection_of_somebody_new_waits_for_no_hits() {
    let world = World::start(On::Postgres);
    let anna = world.make_recipient("anna@example.org");
    world.while_hits_are_stored(|| {
        let (source, now) = (TrackingSource::Form, Timestamp::now());
        let object = |conn: &mut Conn| {
            settings::object(conn, world.account_id, anna, source, &TEST, now)?;
            settings::object_many(conn, world.account_id, &[anna], source, &TEST, now).map(drop)
        };
        let outcome = world.state.db.write(object);
        assert!(outcome.is_ok(), "{outcome:?}");
    });
}

/// Roles are nothing that a deletion or a change of settings has to do with; two of them are.
#[test]
fn roles_wait_for_roles_alone() {
    let world = World::start(On::Postgres);
    let (account, now) = (world.account_id, Timestamp::now());
    world.make_user("max@example.org", Roles::ADMIN);
    let users = world.read(|conn| users::list(conn, account));
    let [one, other] = [users[0].id, users[1].id];
    let step_down = |user| {
        let reader = ("Wer", Roles::NONE.with(Role::Reports));
        move |conn: &mut Conn| roles::change(conn, account, user, reader, &TEST, now)
    };
    world.write(|conn| {
        account_lock::exclusive(conn, account)?;
        let all = ("Eva Admin", Roles::ADMIN.with(Role::Reports));
        let change = |conn: &mut Conn| roles::change(conn, account, one, all, &TEST, now);
        assert_eq!(
            world.state.db.write(change).expect("no lock"),
            Outcome::Done
        );
        Ok(())
    });
    let both = world.overlapping(step_down(one), step_down(other));
    assert_eq!(both, (Outcome::Done, Outcome::LastAdmin));
}

/// The number of an account is nobody else's key.
#[test]
fn no_account_keeps_a_node_from_starting() {
    let world = World::start(On::Postgres);
    let target = Target::parse(world.database_url().expect("a server")).expect("its address");
    for account in [4711, 1, 0, -1] {
        world.write(|conn| {
            account_lock::exclusive(conn, account)?;
            account_lock::keep_hits_out(conn, account)?;
            let opened = Db::open(&target);
            assert!(opened.is_ok(), "{account}: {:?}", opened.err());
            Ok(())
        });
    }
}

/// Another node's migration takes longer than any lock is waited for otherwise.
#[test]
fn a_node_that_starts_waits_for_a_migration() {
    let mut world = World::start(On::Postgres);
    world.stop();
    let url = world.database_url().expect("a server").to_owned();
    let (space, id) = Lock::Migrations.key();
    let migrating = format!("SELECT pg_advisory_lock({space}, {id})");
    let mut other = PgConnection::establish(&url).expect("the server");
    other
        .batch_execute(&migrating)
        .expect("the lock of who migrates");
    let log = world.files.path().join("log");
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            let mut command = program(world.dir.path(), Some(&url));
            Program::start(command.stderr(File::create(&log).expect("a log")))
        });
        let waits_long = "datname = current_database() AND wait_event = 'advisory'
                    AND query_start < clock_timestamp() - INTERVAL '11 seconds'";
        eventually(
            "it waits for longer than for other locks, or ends",
            || {
                (
                    starting.is_finished(),
                    world.rows("pg_stat_activity", waits_long),
                )
            },
            |(has_ended, waiting)| *has_ended || *waiting == 1,
        );
        drop(other);
        starting.join().expect("it serves").stop();
    });
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(
        said.contains("another node migrates the database"),
        "{said}"
    );
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

fn setting(conn: &mut Conn, name: &str) -> DbResult<String> {
    let shown: Setting = diesel::sql_query("SELECT current_setting($1) AS value")
        .bind::<Text, _>(name)
        .get_result(conn)?;
    Ok(shown.value)
}

const IDLE: &str = "idle_in_transaction_session_timeout";

/// A node that hangs in a transaction does not keep its locks for ever.
#[test]
fn a_transaction_that_does_nothing_is_ended() {
    let world = World::start(On::Postgres);
    assert_eq!(world.write(|conn| setting(conn, IDLE)), "2min");
    assert_eq!(world.read(|conn| setting(conn, IDLE)), "2min");
    // A file that somebody takes slowly is read in one.
    let slow = Duration::from_mins(10);
    let slowly = world.state.db.read_slowly(slow, |conn| setting(conn, IDLE));
    assert_eq!(slowly.expect("a setting"), "10min");
    let ended = world.state.db.write(|conn| {
        account_lock::exclusive(conn, world.account_id)?;
        conn.batch_execute("SET LOCAL idle_in_transaction_session_timeout = '1ms'")?;
        let held = "locktype = 'advisory' AND granted AND database =
                    (SELECT oid FROM pg_database WHERE datname = current_database())";
        eventually(
            "the server has ended it",
            || world.rows("pg_locks", held),
            |locks| *locks == 0,
        );
        setting(conn, IDLE)
    });
    let error = ended.expect_err("it is gone");
    assert!(error.is_away(), "{error}");
    assert_eq!(world.rows("recipients", "1 = 1"), 0, "others go on");
}

/// Time-outs of locks and a full disk are known by the server's words.
#[test]
fn a_server_reports_errors_in_english() {
    let world = World::start(On::Postgres);
    world.execute(
        "DO $$ BEGIN
           EXECUTE format('ALTER DATABASE %I SET lc_messages = ''POSIX''', current_database());
         END $$",
    );
    let target = Target::parse(world.database_url().expect("a server")).expect("its address");
    let language = |db: &Db| {
        db.read(|conn| setting(conn, "lc_messages"))
            .expect("a setting")
    };
    let db = Db::open(&target).expect("the server");
    assert_eq!(language(&db), "C");
}

/// Only a superuser may choose the language, or whoever was granted that.
#[test]
fn whoever_may_not_choose_the_language_works_all_the_same() {
    let world = World::start(On::Postgres);
    let url = world.database_url().expect("a server");
    let role = format!("role_{}", url.rsplit('/').next().expect("a database"));
    world.write(|conn| {
        Ok(conn.batch_execute(&format!(
            "CREATE ROLE {role};
             GRANT ALL ON SCHEMA public TO {role};
             GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
        ))?)
    });
    // As who is no superuser, whatever signs in to the server.
    let as_role = format!("{url}?options=-c%20role%3D{role}%20-c%20lc_messages%3DPOSIX");
    let db = Db::open(&Target::parse(&as_role).expect("an address")).expect("it opens");
    let language = db.read(|conn| setting(conn, "lc_messages"));
    assert_eq!(language.expect("a setting"), "POSIX");
    drop(db);
    world.write(|conn| Ok(conn.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))?));
}
