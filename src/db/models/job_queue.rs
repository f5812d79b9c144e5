//! The queue of background work: what is to be done, queued in the transaction of the act that wants
//! it, and taken under a lease, so that of several programs one does it, and another one takes it up
//! when that has ended.

use diesel::prelude::*;

use crate::db::schema::job_queue;
use crate::db::{Conn, DbError, DbResult};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// What is to be done.
    Task {
        /// Deletes recipients ([`super::jobs`]).
        Deletion => "deletion",
        /// Pseudonymises what is older ([`super::jobs`]).
        Pseudonymisation => "pseudonymisation",
        /// Writes the rows of an uploaded file ([`super::imports`]).
        Import => "import",
    }
}

stored_as_word! {
    /// Why a job could not be done the last time.
    Failure {
        /// The database could not be reached, or kept a lock for too long.
        DatabaseAway => "database_away",
        /// The database refused it.
        Database => "database",
        /// There is no room left where the database lies.
        DiskFull => "disk_full",
        /// The program itself is at fault.
        Panic => "panic",
    }
}

impl Failure {
    /// What an error of the database means for a job.
    pub fn of(error: &DbError) -> Self {
        if error.is_disk_full() {
            Self::DiskFull
        } else if error.is_away() || matches!(error, DbError::Unconfirmed) {
            Self::DatabaseAway
        } else {
            Self::Database
        }
    }
}

/// A queued job.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = job_queue)]
pub struct Queued {
    /// Its number in the queue.
    pub id: i64,
    /// The account it is for.
    pub account_id: i64,
    /// What is to be done.
    #[diesel(column_name = kind)]
    pub task: Task,
    /// With which job or import.
    pub subject_id: i64,
    /// How often it has failed in a row.
    pub failures: i64,
    /// Since when it only fails, in milliseconds.
    pub failing_since: Option<i64>,
    /// Why, the last time.
    pub last_failure: Option<Failure>,
    /// When it is to be taken up (again), in milliseconds.
    pub due_at: i64,
    /// Up to when it is claimed, in milliseconds; 0 while it is not. Whoever claimed it still has it as
    /// long as this value has not changed.
    pub leased_until: i64,
}

/// Queues a job, unless it is queued already. `node` names the data directory whose program is to do
/// it; empty where any can.
pub fn push(
    conn: &mut Conn,
    account_id: i64,
    task: Task,
    subject_id: i64,
    node: &str,
    now: Timestamp,
) -> DbResult<()> {
    let queued = job_queue::table
        .filter(job_queue::kind.eq(task.as_str()))
        .filter(job_queue::subject_id.eq(subject_id))
        .select(job_queue::id);
    if queued.first::<i64>(conn).optional()?.is_some() {
        return Ok(());
    }
    diesel::insert_into(job_queue::table)
        .values((
            job_queue::account_id.eq(account_id),
            job_queue::kind.eq(task.as_str()),
            job_queue::subject_id.eq(subject_id),
            job_queue::node.eq(node),
            job_queue::due_at.eq(now.millis()),
            job_queue::queued_at.eq(now.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Leases and pauses are shorter than this, in milliseconds: a time further ahead was set before the
/// clock was set back, and counts as over.
const MAX_AHEAD: i64 = 150_000;

/// For how long a job waits for the program that has its data directory, in milliseconds: after that
/// the program is taken for gone, and any other one does the job. Never so with imports, whose files
/// lie there.
const WAITS_FOR_ITS_NODE: i64 = 3_600_000;

/// The account and the number of the oldest due job of each account, of those that the program with
/// this data directory is to do.
pub fn due(conn: &mut Conn, task: Task, node: &str, now: Timestamp) -> DbResult<Vec<(i64, i64)>> {
    let is_left_behind = job_queue::due_at
        .le(now.millis() - WAITS_FOR_ITS_NODE)
        .and(job_queue::kind.ne(Task::Import.as_str()));
    Ok(job_queue::table
        .filter(job_queue::kind.eq(task.as_str()))
        .filter(is_due(now.millis()))
        .filter(is_free(now.millis()))
        .filter(job_queue::node.eq_any(["", node]).or(is_left_behind))
        .group_by(job_queue::account_id)
        .select((
            job_queue::account_id,
            diesel::dsl::min(job_queue::id).assume_not_null(),
        ))
        .load(conn)?)
}

/// When the next job of this data directory's program will be due, leases considered, in
/// milliseconds.
pub fn next_due_at(conn: &mut Conn, task: Task, node: &str) -> DbResult<Option<i64>> {
    let waiting: Vec<(i64, i64)> = job_queue::table
        .filter(job_queue::kind.eq(task.as_str()))
        .filter(job_queue::node.eq_any(["", node]))
        .order(job_queue::due_at)
        .limit(100)
        .select((job_queue::due_at, job_queue::leased_until))
        .load(conn)?;
    let times = waiting.into_iter().map(|(due, leased)| due.max(leased));
    Ok(times.min())
}

/// Claims a job. Gives none where somebody else has it, or it is done.
pub fn claim(
    conn: &mut Conn,
    id: i64,
    now: Timestamp,
    lease: Timestamp,
) -> DbResult<Option<Queued>> {
    let free = job_queue::table.find(id).filter(is_free(now.millis()));
    let claimed = diesel::update(free)
        .set((
            job_queue::leased_until.eq(lease.millis()),
            job_queue::due_at.eq(now.millis()),
        ))
        .execute(conn)?;
    if claimed == 0 {
        return Ok(None);
    }
    let queued = job_queue::table.find(id).select(Queued::as_select());
    Ok(queued.first(conn).optional()?)
}

/// The number in the queue of a job or import, while it is queued.
pub fn number_of(conn: &mut Conn, task: Task, subject_id: i64) -> DbResult<Option<i64>> {
    Ok(job_queue::table
        .filter(job_queue::kind.eq(task.as_str()))
        .filter(job_queue::subject_id.eq(subject_id))
        .select(job_queue::id)
        .first(conn)
        .optional()?)
}

/// Renews the lease of a claimed job that gets on. Gives whether it was still valid.
pub fn renew(
    conn: &mut Conn,
    claimed: &mut Queued,
    now: Timestamp,
    lease: Timestamp,
) -> DbResult<bool> {
    let renewed = diesel::update(claimed_by(claimed))
        .set((
            job_queue::leased_until.eq(lease.millis()),
            job_queue::due_at.eq(now.millis()),
            job_queue::failures.eq(0),
            job_queue::failing_since.eq(None::<i64>),
            job_queue::last_failure.eq(None::<&str>),
        ))
        .execute(conn)?;
    if renewed > 0 {
        claimed.leased_until = lease.millis();
    }
    Ok(renewed > 0)
}

/// Whether jobs of other accounts wait for the program with this data directory.
pub fn others_wait(
    conn: &mut Conn,
    claimed: &Queued,
    node: &str,
    now: Timestamp,
) -> DbResult<bool> {
    let due = due(conn, claimed.task, node, now)?;
    Ok(due
        .iter()
        .any(|(account, _)| *account != claimed.account_id))
}

/// Ends the lease of a job that is not done, for its next turn.
pub fn release(conn: &mut Conn, claimed: &Queued, due: Timestamp) -> DbResult<()> {
    diesel::update(claimed_by(claimed))
        .set((
            job_queue::leased_until.eq(0),
            job_queue::due_at.eq(due.millis()),
            job_queue::failures.eq(0),
            job_queue::failing_since.eq(None::<i64>),
            job_queue::last_failure.eq(None::<&str>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends the lease of a job that has failed, so often in a row, until it is tried again.
pub fn note_failure(
    conn: &mut Conn,
    claimed: &Queued,
    failures: i64,
    failure: Failure,
    now: Timestamp,
    due: Timestamp,
) -> DbResult<()> {
    let since = if failures > 1 {
        claimed.failing_since.unwrap_or(now.millis())
    } else {
        now.millis()
    };
    diesel::update(claimed_by(claimed))
        .set((
            job_queue::leased_until.eq(0),
            job_queue::due_at.eq(due.millis()),
            job_queue::failures.eq(failures),
            job_queue::failing_since.eq(since),
            job_queue::last_failure.eq(failure.as_str()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Takes a job that is done off the queue.
pub fn remove(conn: &mut Conn, task: Task, subject_id: i64) -> DbResult<()> {
    diesel::delete(
        job_queue::table
            .filter(job_queue::kind.eq(task.as_str()))
            .filter(job_queue::subject_id.eq(subject_id)),
    )
    .execute(conn)?;
    Ok(())
}

/// Ends the leases of programs that have ended: on SQLite there is but one.
pub fn release_all(conn: &mut Conn) -> DbResult<()> {
    diesel::update(job_queue::table)
        .set(job_queue::leased_until.eq(0))
        .execute(conn)?;
    Ok(())
}

/// The account's queued jobs, the oldest first.
pub fn of_account(conn: &mut Conn, account_id: i64, limit: i64) -> DbResult<Vec<Queued>> {
    Ok(job_queue::table
        .filter(job_queue::account_id.eq(account_id))
        .order(job_queue::id)
        .limit(limit)
        .select(Queued::as_select())
        .load(conn)?)
}

/// The queued job with this job or import of the account, while there is one.
pub fn find(
    conn: &mut Conn,
    account_id: i64,
    task: Task,
    subject_id: i64,
) -> DbResult<Option<Queued>> {
    Ok(job_queue::table
        .filter(job_queue::account_id.eq(account_id))
        .filter(job_queue::kind.eq(task.as_str()))
        .filter(job_queue::subject_id.eq(subject_id))
        .select(Queued::as_select())
        .first(conn)
        .optional()?)
}

/// Jobs that are to be taken up.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_due(now: i64) -> _ {
    let ahead: i64 = now + MAX_AHEAD;
    job_queue::due_at.le(now).or(job_queue::due_at.gt(ahead))
}

/// Jobs that nobody has claimed, or whose lease is over.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_free(now: i64) -> _ {
    let ahead: i64 = now + MAX_AHEAD;
    job_queue::leased_until
        .le(now)
        .or(job_queue::leased_until.gt(ahead))
}

/// A job as long as its lease is the one that was claimed.
#[diesel::dsl::auto_type(no_type_alias)]
fn claimed_by(claimed: &Queued) -> _ {
    let (id, lease): (i64, i64) = (claimed.id, claimed.leased_until);
    job_queue::table
        .filter(job_queue::id.eq(id))
        .filter(job_queue::leased_until.eq(lease))
}
