//! Pseudonymising the past of many at once, by the age of their mails: all of an account's, or what
//! is older than it is kept ([`super::retention`]).
//!
//! A slice is one transaction and changes some deliveries of one mailing, as many as fit into some
//! milliseconds ([`crate::db::pace`]), so hits wait no longer than that. What is cut off is no
//! longer found by the question for the next ones: a program that is killed in the middle goes on
//! where it was.

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::job_queue::{self, Queued, Task};
use crate::db::models::jobs::{self, Job, JobKind, JobStatus};
use crate::db::models::journal::{self, JournalKind};
use crate::db::models::receipts::{self, Done, ReceiptKind};
use crate::db::models::{accounts, past};
use crate::db::pace::{Keeps, Pace, Step};
use crate::db::{Conn, Db, DbResult, account_lock};
use crate::domain::time::Timestamp;
use crate::jobs::runner::{Handler, Outcome, Runner, Turn};
use crate::tracking::pseudonymise::{cut_off_by_age, leave_groups_of};

pub use crate::db::models::past::PastMailing;

/// How many deliveries are looked up at once.
const LOOKED_UP: i64 = 20_000;

/// With how many deliveries the first slice begins.
const FIRST_SLICE: usize = 100;

/// The smallest slice and the largest.
const SLICES: (usize, usize) = (10, 2_000);

/// What would be pseudonymised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Mailing by mailing, the newest first.
    pub mailings: Vec<PastMailing>,
    /// To how many recipients that belongs.
    pub recipients: i64,
    /// How many mailings.
    pub count: i64,
    /// How many deliveries.
    pub deliveries: i64,
    /// How many opens.
    pub opens: i64,
    /// How many clicks.
    pub clicks: i64,
}

/// Looks up what there is of mails handed over before that moment.
pub fn preview(conn: &mut Conn, account_id: i64, until: Timestamp) -> DbResult<Preview> {
    let mailings = past::mailings(conn, account_id, until)?;
    let recipients = if mailings.is_empty() {
        0
    } else {
        past::recipients(conn, account_id, until)?
    };
    Ok(Preview {
        recipients,
        count: i64::try_from(mailings.len()).unwrap_or(i64::MAX),
        deliveries: mailings.iter().map(|mailing| mailing.deliveries).sum(),
        opens: mailings.iter().map(|mailing| mailing.opens).sum(),
        clicks: mailings.iter().map(|mailing| mailing.clicks).sum(),
        mailings,
    })
}

/// Queues the pseudonymising of what was previewed, with its receipt. Where something of that kind is
/// running already that reaches as far, that one is given: the two would do the same.
pub fn start(
    conn: &mut Conn,
    account_id: i64,
    kind: ReceiptKind,
    (until, preview): (Timestamp, &Preview),
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Job> {
    account_lock::exclusive(conn, account_id)?;
    accounts::find(conn, account_id)?;
    if let Some(running) = jobs::running(conn, account_id, JobKind::Pseudonymisation)?
        && running.until >= Some(until.millis())
    {
        return Ok(running);
    }
    let receipt = receipts::start(conn, account_id, kind, actor.label(), now)?;
    let known = Done {
        recipients: preview.recipients,
        ..Done::default()
    };
    receipts::add(conn, account_id, receipt, &known)?;
    let user_id = actor.user_id();
    let reach = (until, preview.deliveries);
    let job = jobs::start_pseudonymisation(conn, account_id, user_id, receipt, reach, now)?;
    job_queue::push(conn, account_id, Task::Pseudonymisation, job, "", now)?;
    let entry = Entry {
        actor,
        action: Action::PastPseudonymised,
        recipient_id: None,
        details: json!({
            "until": until.millis(),
            "by_age": kind == ReceiptKind::Retention,
            "deliveries": preview.deliveries,
            "receipt": receipt,
        }),
    };
    audit::record(conn, account_id, &entry, now)?;
    let told = json!({ "until": until.millis(), "kind": kind.as_str() });
    journal::note_account(conn, account_id, JournalKind::PastPseudonymised, &told)?;
    jobs::find(conn, account_id, job)
}

/// Starts the background work.
///
/// # Errors
/// Fails when the operating system gives no thread.
pub fn start_work(db: Db) -> std::io::Result<Runner> {
    Runner::start(db.clone(), "".into(), "past", Pseudonymising { db })
}

/// Does a job here and now.
///
/// # Errors
/// Fails when the database does; the job is then done by the next server that runs.
pub fn finish_now(db: &Db, account_id: i64, job_id: i64) -> DbResult<()> {
    let work = Pseudonymising { db: db.clone() };
    work.pseudonymise(account_id, job_id, &mut || false)?;
    db.write(|conn| job_queue::remove(conn, Task::Pseudonymisation, job_id))
}

struct Pseudonymising {
    db: Db,
}

impl Handler for Pseudonymising {
    const TASK: Task = Task::Pseudonymisation;

    fn work_on(&self, queued: &Queued, turn: &mut Turn<'_>) -> DbResult<Outcome> {
        self.pseudonymise(queued.account_id, queued.subject_id, &mut || turn.is_over())
    }
}

impl Pseudonymising {
    fn pseudonymise(
        &self,
        account_id: i64,
        job_id: i64,
        is_over: &mut dyn FnMut() -> bool,
    ) -> DbResult<Outcome> {
        let job = self.db.read(|conn| jobs::find(conn, account_id, job_id))?;
        let Some(until) = job.until.map(Timestamp) else {
            return Ok(Outcome::Done);
        };
        let mut pace = Pace::new(FIRST_SLICE, SLICES, Keeps::HitsWaiting);
        let mut mailing_id = 0;
        while let Some(next) = self
            .db
            .read(|conn| past::next_mailing(conn, account_id, until, mailing_id))?
        {
            mailing_id = next;
            let mut after = 0;
            loop {
                let found = self.db.read(|conn| {
                    past::deliveries(conn, account_id, mailing_id, until, after, LOOKED_UP)
                })?;
                let Some(last) = found.last() else {
                    break;
                };
                after = *last;
                let mut rest = found.as_slice();
                while !rest.is_empty() {
                    let (these, others) = rest.split_at(pace.size().min(rest.len()));
                    pace.write(&self.db, these.len(), |conn, step| {
                        slice(conn, step, (account_id, job_id), mailing_id, these)
                    })?;
                    rest = others;
                    if is_over() {
                        return Ok(Outcome::Unfinished);
                    }
                }
            }
        }
        self.db.write(|conn| {
            account_lock::exclusive(conn, account_id)?;
            if jobs::find(conn, account_id, job_id)?.status == JobStatus::Running {
                jobs::finish(conn, account_id, job_id, Timestamp::now())?;
            }
            Ok(Outcome::Done)
        })
    }
}

/// Pseudonymises some deliveries of a mailing and adds them to the job and its receipt.
fn slice(
    conn: &mut Conn,
    step: &mut Step,
    (account_id, job_id): (i64, i64),
    mailing_id: i64,
    deliveries: &[i64],
) -> DbResult<()> {
    // Another node may be at the same job: one slice after the other.
    account_lock::exclusive(conn, account_id)?;
    let job = jobs::find(conn, account_id, job_id)?;
    if job.status != JobStatus::Running {
        return Ok(());
    }
    leave_groups_of(conn, account_id, mailing_id, deliveries)?;
    step.keep_hits_out(conn, account_id)?;
    let (cut, figures) = cut_off_by_age(conn, account_id, mailing_id, deliveries)?;
    if cut.deliveries == 0 {
        return Ok(());
    }
    let done = Done {
        deliveries: cut.deliveries,
        opens: cut.opens,
        clicks: cut.clicks,
        figures,
        ..Done::default()
    };
    receipts::add(conn, account_id, job.receipt_id, &done)?;
    jobs::count_done(conn, account_id, job_id, cut.deliveries)
}
