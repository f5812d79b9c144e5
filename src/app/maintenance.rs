//! Small regular work: what has run out, or is kept no longer, goes.

use std::error::Error;
use std::time::Duration;

use crate::backup::copy;
use crate::db::models::{
    api_requests, audit_list, invitations, outbox as outbox_mails, password_resets, sessions,
    sign_ins, signups, webhook_deliveries,
};
use crate::domain::time::Timestamp;
use crate::erasure::{list, retention};
use crate::import::background;
use crate::jobs::worker::{Next, Worker};
use crate::people::{invite, reset};
use crate::sending::outbox;
use crate::web::state::State;
use crate::webhooks;

/// How often.
const INTERVAL: Duration = Duration::from_hours(1);

/// What came of something to do.
type Outcome = Result<(), Box<dyn Error>>;

/// One thing to do.
type Task = fn(&State, Timestamp) -> Outcome;

/// What is done every hour, with its name in the log.
const TASKS: [(&str, Task); 11] = [
    ("sessions", |state, now| {
        state.db.write(|conn| sessions::remove_expired(conn, now))?;
        Ok(())
    }),
    (
        "links to new passwords and invitations",
        remove_expired_links,
    ),
    ("requests of programs", |state, now| {
        let forget = |conn: &mut _| api_requests::remove_old(conn, now);
        state.db.write(forget)?;
        Ok(())
    }),
    ("what webhooks told", |state, now| {
        let before = webhooks::kept_since(now);
        let forget = |conn: &mut _| webhook_deliveries::remove_old(conn, before);
        state.db.write(forget)?;
        Ok(())
    }),
    ("sign-ups that nobody confirmed", |state, now| {
        let files = state.db.write(|conn| signups::remove_expired(conn, now))?;
        state.outbox.remove(&files);
        Ok(())
    }),
    ("outbox", prune_outbox),
    ("imports", |state, _| {
        Ok(background::tidy(&state.db, &state.imports.uploads)?)
    }),
    ("audit log", |state, now| {
        // In small steps.
        while state.db.write(|conn| audit_list::prune(conn, now, 500))? > 0 {}
        Ok(())
    }),
    ("copies of the database", |state, now| {
        Ok(copy::forget_expired(&state.db, now)?)
    }),
    ("deletions by list that nobody confirmed", |state, now| {
        Ok(list::give_up_old(&state.db, now)?)
    }),
    ("cleaning of nodes that are gone", |state, now| {
        Ok(state.cleaner.take_over(&state.db, now)?)
    }),
];

/// Starts the thread.
///
/// # Errors
/// Fails when the operating system gives no thread.
pub(super) fn start(state: State) -> std::io::Result<Worker> {
    let worker = Worker::new("maintenance");
    worker.start(move |worker| {
        if worker.is_stopping() {
            return Ok(Next::After(INTERVAL));
        }
        run_tasks(&state)
    })?;
    Ok(worker)
}

/// Does everything once. What fails leaves the rest alone, and all of it is tried again after a while:
/// doing it twice does no harm.
fn run_tasks(state: &State) -> Result<Next, Box<dyn Error>> {
    let now = Timestamp::now();
    let mut outcome = Ok(Next::After(INTERVAL));
    for (what, task) in TASKS {
        if let Err(error) = task(state, now) {
            tracing::warn!(what, %error, "what is kept no longer could not be removed");
            outcome = Err(error);
        }
    }
    if let Err(error) = retention::start_due(&state.db, now) {
        tracing::warn!(%error, "old tracking data could not be looked up");
        outcome = Err(error.into());
    }
    state.past.wake();
    outcome
}

/// Forgets invitations and links to new passwords that hold no longer.
fn remove_expired_links(state: &State, now: Timestamp) -> Outcome {
    Ok(state.db.write(|conn| {
        sign_ins::remove_expired(conn, now)?;
        invitations::remove_expired(conn, now.plus_days(-invite::SHOWN_DAYS))?;
        password_resets::remove_older(conn, now.plus_days(-reset::REMEMBERED_DAYS))?;
        Ok(())
    })?)
}

/// Takes old mails out of the outbox, and files that a crash left behind.
fn prune_outbox(state: &State, now: Timestamp) -> Outcome {
    let before = now.plus_days(-outbox::KEPT_DAYS);
    let removed = state
        .db
        .write(|conn| outbox_mails::remove_older(conn, before))?;
    state.outbox.remove(&removed);
    Ok(state.outbox.sweep(&state.db)?)
}
