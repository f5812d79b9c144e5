//! Claims jobs of the queue and runs their handlers.
//!
//! One thread for each kind of job. It takes the oldest due job of the account that had its turn
//! longest ago, under a lease that it renews while it works; when the program is killed, whoever
//! comes next takes the job up after the lease. A job that takes long gives way to another account's
//! after some seconds. What fails is tried again after a growing pause, without an end: the longest
//! one is a minute, so that an outage of the database delays a deletion by little more than itself.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::worker::{Next, Worker, backoff};
use crate::db::models::job_queue::{self, Failure, Queued, Task};
use crate::db::{Db, DbResult};
use crate::domain::time::Timestamp;

/// For how long a job is claimed before another program may claim it, in milliseconds.
const LEASE: i64 = 60_000;

/// How often the lease of a running job is renewed, and it is looked whether others wait.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(3);

/// The longest time without a look into the queue: another node may have queued a job, or have ended
/// with one claimed.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The pause after a first failure of a job, doubled after each further one in a row.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The longest such pause.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The outcome of a job's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is done: it goes off the queue.
    Done,
    /// There is more to do.
    Unfinished,
}

/// Does jobs of one kind.
pub trait Handler: Send + Sync + 'static {
    /// Which kind.
    const TASK: Task;

    /// Works on a job until it is done or its turn is over ([`Turn::is_over`], to be asked after each
    /// committed step). What is committed may be done again only if that changes nothing.
    ///
    /// # Errors
    /// Fails when the database does: the job is tried again.
    fn work_on(&self, job: &Queued, turn: &mut Turn<'_>) -> DbResult<Outcome>;
}

/// A job's time with its handler.
pub struct Turn<'a> {
    core: &'a Core,
    claimed: Queued,
    /// None before the first step: what a handler does to begin with is no part of the turn.
    looked: Option<Instant>,
    has_progressed: bool,
}

impl Turn<'_> {
    /// Whether a step is done in this turn.
    pub const fn has_progressed(&self) -> bool {
        self.has_progressed
    }

    /// Whether it is time to stop: another account waits, the program ends, or somebody else has
    /// the job. Says at the same time that a step is done.
    pub fn is_over(&mut self) -> bool {
        self.has_progressed = true;
        if self.core.worker.is_stopping() {
            return true;
        }
        let looked = *self.looked.get_or_insert_with(Instant::now);
        if looked.elapsed() < RENEWAL_INTERVAL {
            return false;
        }
        self.looked = Some(Instant::now());
        let now = Timestamp::now();
        let db = &self.core.db;
        let lease = now.plus_millis(LEASE);
        let renewed = db.write(|conn| job_queue::renew(conn, &mut self.claimed, now, lease));
        let others =
            || db.read(|conn| job_queue::others_wait(conn, &self.claimed, &self.core.node, now));
        // In doubt it is over: the database says more at the next turn.
        !renewed.unwrap_or(false) || others().unwrap_or(true)
    }
}

/// Runs the jobs of one kind. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    core: Arc<Core>,
    /// What [`Self::finish_now`] works with.
    handler: Arc<dyn Work>,
}

/// What a runner and the turns of its jobs know.
struct Core {
    db: Db,
    node: Arc<str>,
    task: Task,
    worker: Worker,
}

/// A [`Handler`] whose kind is known otherwise.
trait Work: Send + Sync {
    fn work_on(&self, job: &Queued, turn: &mut Turn<'_>) -> DbResult<Outcome>;
}

impl<H: Handler> Work for H {
    fn work_on(&self, job: &Queued, turn: &mut Turn<'_>) -> DbResult<Outcome> {
        Handler::work_on(self, job, turn)
    }
}

/// The state of the thread.
#[derive(Default)]
struct Rounds {
    /// When accounts had their last turns: the higher, the later.
    served: HashMap<i64, u64>,
    turns: u64,
    /// The outcome of a turn that could not be recorded yet.
    unrecorded: Option<(Queued, TurnResult)>,
}

/// What is to be noted of a job whose turn is over.
#[derive(Clone, Copy)]
enum TurnResult {
    Done,
    Release,
    Failed { failures: i64, failure: Failure },
}

impl Runner {
    /// Starts the thread.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start<H: Handler>(
        db: Db,
        node: Arc<str>,
        name: &'static str,
        handler: H,
    ) -> std::io::Result<Self> {
        let runner = Self {
            core: Arc::new(Core {
                db,
                node,
                task: H::TASK,
                worker: Worker::new(name),
            }),
            handler: Arc::new(handler),
        };
        let inside = runner.clone();
        let mut rounds = Rounds::default();
        runner
            .core
            .worker
            .start(move |_| inside.round(&mut rounds))?;
        Ok(runner)
    }

    /// Its thread.
    pub fn worker(&self) -> &Worker {
        &self.core.worker
    }

    /// Says that a job was queued.
    pub fn wake(&self) {
        self.core.worker.wake();
    }

    /// Ends the thread after the step it is at.
    pub fn stop(&self) {
        self.core.worker.stop();
    }

    /// Does a small job here and now. Gives whether it is done; if not, it is being done, or will be,
    /// in the background.
    pub fn finish_now(&self, subject_id: i64) -> bool {
        let claimed = self.core.db.write(|conn| {
            let Some(id) = job_queue::number_of(conn, self.core.task, subject_id)? else {
                return Ok(None);
            };
            let now = Timestamp::now();
            job_queue::claim(conn, id, now, now.plus_millis(LEASE))
        });
        let is_done = match claimed {
            Ok(Some(claimed)) => {
                let (claimed, result) = self.turn(claimed);
                let recorded = self.record(&claimed, result);
                recorded.is_ok() && matches!(result, TurnResult::Done)
            }
            Ok(None) | Err(_) => false,
        };
        if !is_done {
            self.wake();
        }
        is_done
    }

    fn round(&self, rounds: &mut Rounds) -> DbResult<Next> {
        if let Some((claimed, result)) = rounds.unrecorded.clone() {
            self.record(&claimed, result)?;
            rounds.unrecorded = None;
        }
        let Core { db, node, task, .. } = &*self.core;
        if self.core.worker.is_stopping() {
            return Ok(Next::After(POLL_INTERVAL));
        }
        let now = Timestamp::now();
        let due = db.read(|conn| job_queue::due(conn, *task, node, now))?;
        rounds
            .served
            .retain(|account, _| due.iter().any(|(other, _)| other == account));
        let turn_of = |account: &i64| rounds.served.get(account).copied().unwrap_or(0);
        let Some((account_id, id)) = due.iter().min_by_key(|(account, _)| turn_of(account)) else {
            let next = db.read(|conn| job_queue::next_due_at(conn, *task, node))?;
            return Ok(Next::After(until(next, now)));
        };
        rounds.turns += 1;
        rounds.served.insert(*account_id, rounds.turns);
        let lease = now.plus_millis(LEASE);
        let Some(claimed) = db.write(|conn| job_queue::claim(conn, *id, now, lease))? else {
            return Ok(Next::Now);
        };
        let result = self.turn(claimed);
        // Kept until it is noted: the job is not done again as long as this program knows.
        let (claimed, result) = rounds.unrecorded.insert(result);
        self.record(claimed, *result)?;
        rounds.unrecorded = None;
        Ok(Next::Now)
    }

    /// Lets the handler work on a job.
    fn turn(&self, claimed: Queued) -> (Queued, TurnResult) {
        let job = claimed.clone();
        let mut turn = Turn {
            core: &self.core,
            claimed,
            looked: None,
            has_progressed: false,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| self.handler.work_on(&job, &mut turn)));
        let failure = match outcome {
            Ok(Ok(Outcome::Done)) => return (turn.claimed, TurnResult::Done),
            Ok(Ok(Outcome::Unfinished)) => return (turn.claimed, TurnResult::Release),
            Ok(Err(error)) => {
                let task = self.core.task.as_str();
                tracing::warn!(task, subject = job.subject_id, %error, "a job failed, trying again");
                Failure::of(&error)
            }
            Err(_) => {
                self.core.worker.note_panic();
                let task = self.core.task.as_str();
                tracing::error!(
                    task,
                    subject = job.subject_id,
                    "a job panicked, trying again"
                );
                Failure::Panic
            }
        };
        let before = if turn.has_progressed { 0 } else { job.failures };
        let failures = before + 1;
        (turn.claimed, TurnResult::Failed { failures, failure })
    }

    fn record(&self, claimed: &Queued, result: TurnResult) -> DbResult<()> {
        let now = Timestamp::now();
        self.core.db.write(|conn| match result {
            TurnResult::Done => job_queue::remove(conn, claimed.task, claimed.subject_id),
            TurnResult::Release => job_queue::release(conn, claimed, now),
            TurnResult::Failed { failures, failure } => {
                let in_a_row = u32::try_from(failures).unwrap_or(u32::MAX);
                let pause = backoff(in_a_row, RETRY_AFTER, MAX_RETRY_AFTER);
                let due = now.plus_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
                job_queue::note_failure(conn, claimed, failures, failure, now, due)
            }
        })
    }
}

/// How long to sleep until a job is due.
fn until(due_at: Option<i64>, now: Timestamp) -> Duration {
    let left = due_at.and_then(|at| u64::try_from(at - now.millis()).ok());
    left.map_or(POLL_INTERVAL, |left| {
        Duration::from_millis(left).clamp(Duration::from_millis(10), POLL_INTERVAL)
    })
}
