//! Deleting people: what goes, what stays, and what nobody can find any more.

mod beside_hits;
mod bulk;
pub mod bytes;
mod cleanup;
mod deletion;
mod list;
mod retention;
mod turns;
mod whereabouts;

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::groups;
use widerspruch::db::models::jobs::{self, Whom};
use widerspruch::domain::time::Timestamp;

use crate::support::{World, eventually};

fn make_group(world: &World, name: &str, people: &[i64]) -> i64 {
    world.write(|conn| {
        let now = Timestamp::now();
        let group = groups::create(conn, world.account_id, name, now)?;
        groups::add_members(conn, world.account_id, group, people, now)?;
        Ok(group)
    })
}

/// Deletes a group's people in the background.
fn start_deletion(world: &World, group: i64) {
    let job = world.write(|conn| {
        let (actor, whom) = (Actor::Program("Test"), Whom::Group(group));
        let now = Timestamp::now();
        widerspruch::erasure::jobs::start(
            conn,
            world.account_id,
            &whom,
            &actor,
            world.state.cleaner.node(),
            now,
        )
    });
    world.state.deletions.enqueue(job.id);
}

/// Waits until all jobs are over.
fn wait_until_over(world: &World) {
    eventually(
        "the jobs are over",
        || world.read(jobs::unfinished).len(),
        |unfinished| *unfinished == 0,
    );
}

/// Waits until no deletion leaves anything to be cleaned.
pub fn wait_until_clean(world: &World) {
    eventually(
        "the cleaning comes to an end",
        || world.rows("receipts", "cleanup = 'pending'"),
        |pending| *pending == 0,
    );
}
