//! Background work that meets failure: nothing gives up, nothing says "done" that is not, and one
//! account's trouble is no other's.

use std::net::TcpListener;

use diesel::connection::SimpleConnection;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::job_queue::{self, Task};
use widerspruch::db::models::jobs::Whom;
use widerspruch::db::models::{groups, recipients};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::webhook::HookEvent;
use widerspruch::erasure;
use widerspruch::jobs::worker::{Next, Worker};
use widerspruch::webhooks::client::Reach;

use crate::support::agent::Agent;
use crate::support::webhook::Listener;
use crate::support::{On, World, eventually, on_both};

/// Lets the database refuse that.
fn break_it(world: &World, what: &str) {
    world.write(|conn| {
        Ok(conn.batch_execute(&match world.on {
            On::Sqlite => format!(
                "CREATE TRIGGER broken BEFORE {what} BEGIN SELECT RAISE(ABORT, 'broken'); END"
            ),
            On::Postgres => format!(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   RAISE EXCEPTION 'broken'; END $$;
                 CREATE TRIGGER broken BEFORE {what} FOR EACH ROW EXECUTE FUNCTION broken()"
            ),
        })?)
    });
}

fn mend_it(world: &World) {
    world.write(|conn| {
        Ok(conn.batch_execute(match world.on {
            On::Sqlite => "DROP TRIGGER broken",
            On::Postgres => "DROP FUNCTION broken() CASCADE",
        })?)
    });
}

fn make_group(world: &World, account_id: i64, people: i64) -> i64 {
    world.write(|conn| {
        let now = Timestamp::now();
        let mut ids = Vec::new();
        for n in 0..people {
            let new = recipients::NewRecipient {
                address: &EmailAddress::parse(&format!("p{n}@example.org")).expect("an address"),
                first_name: "",
                last_name: "",
                fields: &serde_json::Map::new(),
                tracking: None,
                unsubscribed: None,
            };
            ids.push(recipients::create(conn, account_id, &new, now)?);
        }
        let group = groups::create(conn, account_id, "Herbst", now)?;
        groups::add_members(conn, account_id, group, &ids, now)?;
        Ok(group)
    })
}

fn start_deletion(world: &World, account_id: i64, group: i64) -> i64 {
    let job = world.write(|conn| {
        let (actor, whom) = (Actor::Program("Test"), Whom::Group(group));
        let (node, now) = (world.state.cleaner.node(), Timestamp::now());
        erasure::jobs::start(conn, account_id, &whom, &actor, node, now)
    });
    world.state.deletions.enqueue(job.id);
    job.id
}

/// Waits until a job has failed so often, without waiting out its pauses.
fn wait_for_failures(world: &World, failures: i64) {
    eventually(
        "the job fails",
        || {
            world.execute("UPDATE job_queue SET due_at = 0");
            world.state.deletions.worker().wake();
            world.total("failures", "job_queue", "1 = 1")
        },
        |now| *now >= failures,
    );
}

on_both!(
    a_deletion_that_fails_again_and_again_is_done_in_the_end,
    |world| {
        let group = make_group(world, world.account_id, 60);
        break_it(world, "DELETE ON recipients");
        let admin = world.admin();
        admin
            .visit("/benutzerkonto/auftraege")
            .assert_says("Nichts zu tun");
        let answer = admin.post(&format!("/gruppen/{group}/samt-empfaengern-loeschen"), &[]);
        let job = answer.location().expect("its progress");
        assert!(job.starts_with("/auftraege/"), "{job}");
        wait_for_failures(world, 7);
        let trouble = "Die Datenbank hat den letzten Schritt abgelehnt.";
        for page in [&job, &format!("{job}/stand"), "/benutzerkonto/auftraege"] {
            admin
                .visit(page)
                .assert_says("nicht voran")
                .assert_says(trouble);
        }
        assert_eq!(world.rows("recipients", "1 = 1"), 60);
        // Those who are to go are known by their group, so it stays until then.
        let dissolve = admin.post(&format!("/gruppen/{group}/aufloesen"), &[]);
        assert_eq!(dissolve.location().as_ref(), Some(&job));
        let again = admin.post(&format!("/gruppen/{group}/samt-empfaengern-loeschen"), &[]);
        assert_eq!(again.location().as_ref(), Some(&job));
        mend_it(world);
        eventually(
            "it is done by itself",
            || {
                world.execute("UPDATE job_queue SET due_at = 0");
                world.state.deletions.worker().wake();
                world.rows("recipients", "1 = 1")
            },
            |left| *left == 0,
        );
        eventually(
            "it is off the queue",
            || world.rows("job_queue", "1 = 1"),
            |queued| *queued == 0,
        );
        admin
            .visit("/benutzerkonto/auftraege")
            .assert_says("Nichts zu tun");
    }
);

on_both!(
    a_small_deletion_that_fails_after_its_commit_leads_to_its_progress,
    |world| {
        let ids = [1, 2].map(|n| {
            world
                .make_recipient(&format!("p{n}@example.org"))
                .to_string()
        });
        break_it(world, "DELETE ON recipients");
        let admin = world.admin();
        let answer = admin.post(
            "/empfaenger/loeschen",
            &[("id", &*ids[0]), ("id", &*ids[1])],
        );
        let job = answer
            .location()
            .expect("its progress, since it will be done");
        assert!(job.starts_with("/auftraege/"), "{job}");
        mend_it(world);
        eventually(
            "it is done by itself",
            || world.rows("recipients", "1 = 1"),
            |left| *left == 0,
        );
    }
);

on_both!(one_accounts_large_deletion_lets_another_one_pass, |world| {
    let large = make_group(world, world.account_id, 4_000);
    let other = world.make_account("Andere GmbH", "andere@example.org");
    let small = make_group(world, other, 3);
    start_deletion(world, world.account_id, large);
    let of = |account: i64| world.rows("recipients", &format!("account_id = {account}"));
    eventually(
        "the first one has begun",
        || of(world.account_id),
        |left| *left < 4_000,
    );
    start_deletion(world, other, small);
    eventually("the second one is done", || of(other), |left| *left == 0);
    assert!(of(world.account_id) > 0, "the first one is not");
    // Nobody waits for the rest.
    world.state.deletions.shut_down();
});

on_both!(
    what_another_program_held_is_taken_up_after_its_lease,
    |world| {
        let group = make_group(world, world.account_id, 3);
        let job = world.write(|conn| {
            let (actor, whom) = (Actor::Program("Test"), Whom::Group(group));
            let (node, now) = (world.state.cleaner.node(), Timestamp::now());
            let job = erasure::jobs::start(conn, world.account_id, &whom, &actor, node, now)?;
            let queued = job_queue::number_of(conn, Task::Deletion, job.id)?.expect("it is queued");
            let held = job_queue::claim(conn, queued, now, now.plus_millis(100_000))?;
            assert!(held.is_some());
            let second = job_queue::claim(conn, queued, now, now.plus_millis(100_000))?;
            assert!(second.is_none(), "one at a time");
            Ok(job.id)
        });
        assert!(
            !world.state.deletions.finish_now(job),
            "somebody else has it"
        );
        assert_eq!(world.rows("recipients", "1 = 1"), 3);
        world.execute("UPDATE job_queue SET leased_until = 1");
        world.state.deletions.worker().wake();
        eventually(
            "it is done",
            || world.rows("recipients", "1 = 1"),
            |left| *left == 0,
        );
    }
);

on_both!(a_night_of_retention_that_fails_is_not_skipped, |world| {
    let recipient = world.make_recipient("anna@example.org");
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    world.deliver(
        mailing,
        recipient,
        widerspruch::domain::tracking::Decision::Personal,
    );
    world.execute("UPDATE mailings SET send_started_at = 1");
    world.execute("UPDATE deliveries SET handed_at = 1");
    let now = Timestamp::now();
    world.execute("UPDATE accounts SET retention_months = 3, retention_next_at = 1");
    break_it(world, "INSERT ON jobs");
    let start = || erasure::retention::start_due(&world.state.db, now);
    assert!(start().is_err());
    mend_it(world);
    assert_eq!(world.rows("jobs", "1 = 1"), 0);
    start().expect("the database is there");
    assert_eq!(world.rows("jobs", "kind = 'pseudonymisation'"), 1);
});

on_both!(a_dead_webhook_delays_nobody_elses, |_world| {
    let world = &World::start_with(_world.on, |config| config.webhooks = Reach::Anywhere);
    // Connections wait there for ever.
    let dead = TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead_url = format!("http://{}/", dead.local_addr().expect("an address"));
    let (dead_hook, _) = world.make_webhook(&dead_url, &HookEvent::ALL);
    let other = world.make_account("Andere GmbH", "andere@example.org");
    let good = Listener::start();
    let admin = world.admin();
    let event = |admin: &Agent, id: i64| {
        admin.submit(
            &format!("/empfaenger/{id}/tracking"),
            &[("tracking_off", "ja")],
        );
    };
    for n in 0..20 {
        event(&admin, world.make_recipient(&format!("p{n}@example.org")));
    }
    let theirs = format!("webhook_id = {dead_hook} AND status = 'pending' AND attempts > 0");
    eventually(
        "it is tried",
        || world.rows("webhook_deliveries", &theirs),
        |n| *n > 0,
    );
    let admin = world.signed_in("andere@example.org");
    let form = [("url", &*good.url), ("ereignisse", "recipient.objected")];
    let made = admin.post("/benutzerkonto/schnittstelle/webhooks", &form);
    assert_eq!(made.status, 201);
    let form = [("email", "maria@example.org"), ("name", "Maria")];
    assert_eq!(admin.post("/empfaenger/neu", &form).status, 303);
    let maria = world.total("id", "recipients", &format!("account_id = {other}"));
    event(&admin, maria);
    good.waits_for(1);
    let untried = format!("webhook_id = {dead_hook} AND attempts = 0");
    assert!(
        world.rows("webhook_deliveries", &untried) > 0,
        "it came first, and is not through yet"
    );
});

#[test]
fn work_that_only_panics_is_said() {
    let world = World::start_with(On::Sqlite, |config| {
        config.metrics_listen = Some("127.0.0.1:0".parse().expect("an address"));
    });
    let address = world.state.metrics_address.expect("it listens");
    let monitor = Agent::new(&format!("http://{address}"));
    assert_eq!(monitor.get("/healthz").status, 200);
    let worker = Worker::new("broken");
    world.state.workers.lock().push(worker.clone());
    worker
        .start(|_| -> Result<Next, String> { panic!("on purpose") })
        .expect("a thread");
    eventually(
        "it is said",
        || monitor.get("/healthz").status,
        |status| *status == 503,
    );
    let health = monitor.get("/healthz");
    health.assert_says("not at work: broken");
    let metrics = String::from_utf8(monitor.get("/metrics").body).expect("text");
    let line = |text: &str| metrics.lines().any(|line| line.starts_with(text));
    assert!(
        line("widerspruch_worker_panics_total{worker=\"broken\"}"),
        "{metrics}"
    );
    assert!(
        line("widerspruch_worker_failures_in_a_row{worker=\"deletions\"} 0"),
        "{metrics}"
    );
    worker.stop();
}
