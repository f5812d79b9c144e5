//! Deleting many recipients, in the background and in slices.
//!
//! A job is queued in the transaction that starts it ([`crate::jobs`]). Each slice is one transaction
//! that deletes its recipients, takes them off the job and adds to the receipt, so a program that is
//! killed in the middle goes on where it was. Hits wait only for
//! the last part of each ([`deletion::finish`]).

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::cleanup::Cleaner;
use super::deletion::{self, Remains};
use crate::db::models::audit::Actor;
use crate::db::models::job_queue::{self, Queued, Task};
use crate::db::models::jobs::{self, Job, JobStatus, Whom};
use crate::db::models::{groups, receipts, signups};
use crate::db::pace::{Keeps, Pace, Step};
use crate::db::{Conn, Db, DbError, DbResult, account_lock};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::jobs::runner::{Handler, Outcome, Runner, Turn};
use crate::jobs::worker::Worker;

/// How many recipients the first slice deletes.
const FIRST_SLICE: usize = 10;

/// The smallest slice and the largest: a receipt adds up what each of them did.
const SLICES: (usize, usize) = (1, 200);

/// A job: its account and its number.
type Wanted = (i64, i64);

/// Has queued deletions done. Cheap to clone.
#[derive(Clone)]
pub struct Deletions {
    runner: Runner,
    begun_here: BegunHere,
}

/// The jobs that were begun while this program runs. What it deleted for others before it started, or
/// another program did, it does not know: their addresses can't be looked for in files.
type BegunHere = Arc<Mutex<HashSet<i64>>>;

struct Tools {
    db: Db,
    cleaner: Cleaner,
    remembering: Key,
    begun_here: BegunHere,
}

impl Deletions {
    /// Starts the background work.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(db: Db, cleaner: Cleaner, remembering: Key) -> std::io::Result<Self> {
        let begun_here = BegunHere::default();
        let node = cleaner.node().into();
        let tools = Tools {
            db: db.clone(),
            cleaner,
            remembering,
            begun_here: Arc::clone(&begun_here),
        };
        Ok(Self {
            runner: Runner::start(db, node, "deletions", tools)?,
            begun_here,
        })
    }

    /// Lets a committed job be done in the background.
    pub fn enqueue(&self, job_id: i64) {
        self.begun_here.lock().insert(job_id);
        self.runner.wake();
    }

    /// Does a small job here and now. Gives whether it is done; if not, that happens in the
    /// background as soon as it can.
    pub fn finish_now(&self, job_id: i64) -> bool {
        self.begun_here.lock().insert(job_id);
        self.runner.finish_now(job_id)
    }

    /// Its thread.
    pub fn worker(&self) -> &Worker {
        self.runner.worker()
    }

    /// Ends the background work after the slice it is doing.
    pub fn shut_down(&self) {
        self.runner.stop();
    }
}

/// Queues the deletion of many recipients, with its receipt, for the program whose data directory has
/// their mails. Gives the job; of a group that is being deleted already, the one that does so.
pub fn start(
    conn: &mut Conn,
    account_id: i64,
    whom: &Whom,
    actor: &Actor,
    node: &str,
    now: Timestamp,
) -> DbResult<Job> {
    if let Whom::Group(group) = whom
        && let Some(running) = jobs::deleting_group(conn, account_id, *group)?
    {
        return jobs::find(conn, account_id, running);
    }
    let receipt = deletion::start_receipt(conn, account_id, actor, now)?;
    let user_id = actor.user_id();
    let job = jobs::start(conn, account_id, user_id, receipt, whom, now)?;
    queue(conn, account_id, (job, receipt), node, now)?;
    jobs::find(conn, account_id, job)
}

pub(super) fn queue(
    conn: &mut Conn,
    account_id: i64,
    (job_id, receipt_id): (i64, i64),
    node: &str,
    now: Timestamp,
) -> DbResult<()> {
    receipts::assign(conn, account_id, receipt_id, node)?;
    job_queue::push(conn, account_id, Task::Deletion, job_id, node, now)
}

/// Deletes the next few recipients of a job. Gives none when there were none left and the job is
/// over.
fn slice(
    conn: &mut Conn,
    step: &mut Step,
    (account_id, job_id): Wanted,
    size: usize,
    key: &Key,
    now: Timestamp,
) -> DbResult<Option<Remains>> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    // Another node may be at the same job: one slice after the other.
    account_lock::exclusive(conn, account_id)?;
    let job = jobs::find(conn, account_id, job_id)?;
    if job.status != JobStatus::Running {
        return Ok(None);
    }
    let receipt = job.receipt_id;
    let wishes = jobs::next_signups(conn, account_id, job_id, size)?;
    if !wishes.is_empty() {
        let remains = deletion::delete_signups(conn, account_id, &wishes, receipt)?;
        jobs::take_signups_off(conn, account_id, job_id, &wishes)?;
        return Ok(Some(remains));
    }
    let lines = jobs::next_refusals(conn, account_id, job_id, size)?;
    if !lines.is_empty() {
        let remains = deletion::empty_refusals(conn, account_id, &lines, receipt)?;
        let numbers: Vec<_> = lines.iter().map(|one| (one.import_id, one.line)).collect();
        jobs::take_refusals_off(conn, account_id, job_id, &numbers)?;
        return Ok(Some(remains));
    }
    let ids = jobs::next(conn, account_id, &job, size)?;
    if ids.is_empty() {
        if let Some(group_id) = job.group_id {
            // Its forms go with it, and the files of their mails have to go before.
            let outbox_files = signups::mails_of_group(conn, account_id, group_id)?;
            if !outbox_files.is_empty() {
                return Ok(Some(Remains {
                    outbox_files,
                    ..Remains::default()
                }));
            }
            groups::dissolve(conn, account_id, group_id)?;
        }
        jobs::finish(conn, account_id, job_id, now)?;
        return Ok(None);
    }
    let name = receipts::find(conn, account_id, receipt)?.actor;
    let actor = match job.user_id {
        Some(id) => Actor::User { id, name },
        None => Actor::Program("Löschauftrag"),
    };
    let leaving = deletion::prepare(conn, account_id, &ids, receipt, key, &actor, now)?;
    jobs::take_off(conn, account_id, job_id, &ids)?;
    step.keep_hits_out(conn, account_id)?;
    Ok(Some(deletion::finish(conn, account_id, leaving)?))
}

impl Handler for Tools {
    const TASK: Task = Task::Deletion;

    fn work_on(&self, queued: &Queued, turn: &mut Turn<'_>) -> DbResult<Outcome> {
        let (account_id, job_id) = (queued.account_id, queued.subject_id);
        // Not known again unless this turn ends well: a panic takes the addresses along that it has
        // deleted.
        let is_known = self.begun_here.lock().remove(&job_id);
        let mut all = Remains::default();
        let mut outcome = self.delete((account_id, job_id), &mut all, turn);
        if matches!(outcome, Ok(Outcome::Done)) {
            let receipt = self.db.read(|conn| {
                let receipt = jobs::find(conn, account_id, job_id)?.receipt_id;
                let is_ours =
                    receipts::is_assigned(conn, account_id, receipt, self.cleaner.node())?;
                Ok(is_ours.then_some(receipt))
            });
            match receipt {
                Ok(receipt) => {
                    all.receipt = receipt;
                    all.forgotten |= !is_known;
                }
                // Nothing is left to delete, and the receipt is asked for in the next turn.
                Err(error) => outcome = Err(error),
            }
        }
        // What is not known to be committed may have deleted somebody.
        let is_over = matches!(outcome, Ok(Outcome::Done) | Err(DbError::Unconfirmed));
        if is_known && !is_over {
            self.begun_here.lock().insert(job_id);
        }
        // Once at the end of the turn: cleaning reads every file.
        if !all.is_empty() {
            self.cleaner.clean(all);
        }
        outcome
    }
}

impl Tools {
    fn delete(&self, wanted: Wanted, all: &mut Remains, turn: &mut Turn<'_>) -> DbResult<Outcome> {
        let mut pace = Pace::new(FIRST_SLICE, SLICES, Keeps::HitsWaiting);
        loop {
            let size = pace.size();
            let next = pace.write(&self.db, size, |conn, step| {
                let now = Timestamp::now();
                slice(conn, step, wanted, size, &self.remembering, now)
            })?;
            match next {
                None => return Ok(Outcome::Done),
                Some(remains) => all.add(remains),
            }
            if turn.is_over() {
                return Ok(Outcome::Unfinished);
            }
        }
    }
}
