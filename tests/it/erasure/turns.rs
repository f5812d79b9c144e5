//! Who waits for a deletion, and for whom a deletion waits: on PostgreSQL, where several write at a
//! time.

use diesel::RunQueryDsl;
use widerspruch::db::account_lock;
use widerspruch::db::models::audit::Actor;
use widerspruch::domain::time::Timestamp;
use widerspruch::erasure::deletion;
use widerspruch::sending::preparation;

use super::{start_deletion, wait_until_over};
use crate::mailings::{HTML, draft, people};
use crate::support::{On, World, eventually};

const TEST: Actor = Actor::Program("Test");

/// How many wait for a lock of an account.
fn waiting(world: &World) -> i64 {
    let waits =
        "datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'";
    world.rows("pg_stat_activity", waits)
}

/// Else what was written for somebody who goes would keep the deletion from being done.
#[test]
fn a_deletion_waits_for_deliveries_that_are_written() {
    let world = World::start(On::Postgres);
    let group = people(&world, 3);
    let mailing = draft(&world, HTML, &[group]);
    world
        .write(|conn| preparation::start(conn, world.account_id, mailing, &TEST, Timestamp::now()));
    world.write(|conn| {
        diesel::sql_query("LOCK TABLE deliveries IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
        world.state.sender.wake();
        let writes = "datname = current_database() AND wait_event_type = 'Lock'
            AND query LIKE '%INSERT INTO deliveries%'";
        eventually(
            "the sender writes",
            || world.rows("pg_stat_activity", writes),
            |writing| *writing == 1,
        );
        start_deletion(&world, group);
        eventually("the deletion waits", || waiting(&world), |n| *n == 1);
        Ok(())
    });
    wait_until_over(&world);
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    assert_eq!(world.rows("deliveries", "recipient_id IS NULL"), 3);
}

/// Whoever unsubscribes while being deleted comes first, and it is remembered, or too late.
#[test]
fn p9_nobody_unsubscribes_unremembered() {
    let world = World::start(On::Postgres);
    let program = world.program();
    let anna = world.make_recipient("anna@example.org");
    let path = format!("/api/v1/recipients/{anna}/unsubscription");
    std::thread::scope(|scope| {
        let unsubscribing = world.write(|conn| {
            account_lock::exclusive(conn, world.account_id)?;
            let unsubscribing = scope.spawn(|| program.send("PUT", &path, None, &[]).status);
            eventually(
                "it waits, or is done",
                || (unsubscribing.is_finished(), waiting(&world)),
                |(is_done, waiting)| *is_done || *waiting == 1,
            );
            let (key, now) = (&world.state.remembering, Timestamp::now());
            deletion::delete_recipient(conn, world.account_id, anna, key, &TEST, now)?;
            Ok(unsubscribing)
        });
        assert_eq!(unsubscribing.join().expect("an answer"), 404);
    });
}
