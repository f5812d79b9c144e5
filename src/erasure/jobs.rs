//! Deleting many recipients, in the background and in slices.
//!
//! Each slice is one transaction that deletes its recipients, takes them off the job and adds to
//! the receipt, so a program that is killed in the middle goes on where it was. Hits wait only for
//! the last part of each ([`deletion::finish`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::cleanup::Cleaner;
use super::deletion::{self, Remains};
use crate::db::models::audit::Actor;
use crate::db::models::jobs::{self, Job, JobKind, JobStatus, Whom};
use crate::db::models::{groups, receipts, signups};
use crate::db::pace::{Keeps, Pace, Step};
use crate::db::{Conn, Db, DbResult, account_lock};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;

/// How many recipients the first slice deletes.
const FIRST_SLICE: usize = 10;

/// The smallest slice and the largest: a receipt adds up what each of them did.
const SLICES: (usize, usize) = (1, 200);

/// How often a slice that fails is tried again before the job waits for the next start.
const ATTEMPTS: u32 = 5;

/// How long to wait before that.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A job: its account and its number.
type Wanted = (i64, i64);

/// Hands jobs to the background work. Cheap to clone.
#[derive(Clone)]
pub struct Deletions {
    work: Sender<Option<Wanted>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    tools: Arc<Tools>,
}

struct Tools {
    db: Db,
    cleaner: Cleaner,
    remembering: Key,
    stopping: AtomicBool,
}

impl Deletions {
    /// Starts the background work, which first takes up the jobs that an earlier run left.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(db: Db, cleaner: Cleaner, remembering: Key) -> std::io::Result<Self> {
        let (work, waiting) = channel();
        let tools = Arc::new(Tools {
            db,
            cleaner,
            remembering,
            stopping: AtomicBool::new(false),
        });
        let inside = tools.clone();
        let thread = std::thread::Builder::new()
            .name("deletions".into())
            .spawn(move || inside.serve(&waiting))?;
        Ok(Self {
            work,
            thread: Arc::new(Mutex::new(Some(thread))),
            tools,
        })
    }

    /// Lets a committed job be done in the background.
    pub fn enqueue(&self, account_id: i64, job_id: i64) {
        // If the work has ended, the next start takes the job up.
        let _ = self.work.send(Some((account_id, job_id)));
    }

    /// Does a small job here and now.
    ///
    /// # Errors
    /// Fails when the database does; the job then waits for the next start.
    pub fn finish_now(&self, account_id: i64, job_id: i64) -> DbResult<()> {
        self.tools.work_off(account_id, job_id, false)
    }

    /// Ends the background work after the slice it is doing.
    pub fn shut_down(&self) {
        self.tools.stopping.store(true, Ordering::Release);
        let _ = self.work.send(None);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the deleting of many recipients ended with a panic");
        }
    }
}

/// Starts the deletion of many recipients, with its receipt. Gives the job.
pub fn start(
    conn: &mut Conn,
    account_id: i64,
    whom: &Whom,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Job> {
    let receipt = deletion::start_receipt(conn, account_id, actor, now)?;
    let user_id = actor.user_id();
    let job = jobs::start(conn, account_id, user_id, receipt, whom, now)?;
    jobs::find(conn, account_id, job)
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
    account_lock::settle_people(conn, account_id)?;
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

impl Tools {
    fn serve(&self, waiting: &Receiver<Option<Wanted>>) {
        let left = self
            .db
            .read(|conn| jobs::unfinished_of(conn, JobKind::Deletion));
        match left {
            Ok(left) => left
                .into_iter()
                .for_each(|wanted| self.persist(wanted, true)),
            Err(error) => tracing::warn!(%error, "unfinished deletions could not be taken up"),
        }
        while let Ok(Some(wanted)) = waiting.recv() {
            self.persist(wanted, false);
        }
    }

    /// Does a job, with some patience for a database in trouble. What an earlier run deleted for a
    /// job that is `taken_up` is not known any more.
    fn persist(&self, (account_id, job_id): Wanted, taken_up: bool) {
        for _ in 0..ATTEMPTS {
            match self.work_off(account_id, job_id, taken_up) {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, job_id, "a deletion of many recipients halts"),
            }
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(AGAIN_AFTER);
        }
    }

    fn work_off(&self, account_id: i64, job_id: i64, taken_up: bool) -> DbResult<()> {
        let mut all = Remains {
            forgotten: taken_up,
            ..Remains::default()
        };
        let mut pace = Pace::new(FIRST_SLICE, SLICES, Keeps::HitsWaiting);
        let outcome = loop {
            if self.stopping.load(Ordering::Acquire) {
                break Ok(());
            }
            let (size, wanted) = (pace.size(), (account_id, job_id));
            let next = pace.write(&self.db, size, |conn, step| {
                slice(
                    conn,
                    step,
                    wanted,
                    size,
                    &self.remembering,
                    Timestamp::now(),
                )
            });
            match next {
                Ok(Some(remains)) => all.add(remains),
                Ok(None) => {
                    let job = self.db.read(|conn| jobs::find(conn, account_id, job_id));
                    all.receipt = job.ok().map(|job| job.receipt_id);
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        // Once at the end: cleaning reads every file.
        self.cleaner.clean(all);
        outcome
    }
}
