//! What takes long (deletions of many recipients, the pseudonymising of all that is older): what is
//! still to be done, so that it outlives a restart.
//!
//! Chosen recipients are listed by number. Those of a group are not: whoever belonged to the group
//! when the job was started is to go, and leaves the group by going.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::models::deliveries::Past;
use crate::db::schema::{import_refusals, job_items, job_refusals, job_signups, jobs, memberships};
use crate::db::{Conn, DbResult};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// How far a job has come.
    JobStatus {
        /// Waits for its confirmation.
        Draft => "draft",
        /// There may be something left.
        Running => "running",
        /// All is done.
        Done => "done",
    }
}

stored_as_word! {
    /// What a job does.
    JobKind {
        /// Deletes recipients.
        Deletion => "deletion",
        /// Pseudonymises the deliveries of mails that were handed over before a moment.
        Pseudonymisation => "pseudonymisation",
    }
}

/// Something that takes long.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// What it does.
    pub kind: JobKind,
    /// The user who started it, while there is one.
    pub user_id: Option<i64>,
    /// Its receipt.
    #[diesel(select_expression = jobs::receipt_id.assume_not_null())]
    pub receipt_id: i64,
    /// The group that goes with its people, while it exists.
    pub group_id: Option<i64>,
    /// Up to when mails were handed over whose deliveries it pseudonymises, in milliseconds.
    pub until: Option<i64>,
    /// How far it has come.
    pub status: JobStatus,
    /// How many recipients or deliveries there were.
    pub total: i64,
    /// How many are done.
    pub done: i64,
    /// When it was started, in milliseconds.
    pub created_at: i64,
}

/// Which recipients a job deletes.
#[derive(Debug, Clone)]
pub enum Whom {
    /// Those of these numbers.
    Chosen(Vec<i64>),
    /// All of a group, and the group.
    Group(i64),
}

/// Starts a job and gives its number.
pub fn start(
    conn: &mut Conn,
    account_id: i64,
    user_id: Option<i64>,
    receipt_id: i64,
    whom: &Whom,
    now: Timestamp,
) -> DbResult<i64> {
    let (group_id, total) = match whom {
        Whom::Chosen(_) => (None, 0),
        Whom::Group(id) => {
            let group = super::groups::find(conn, account_id, *id)?;
            (Some(group.id), group.member_count)
        }
    };
    let job_id = diesel::insert_into(jobs::table)
        .values((
            jobs::account_id.eq(account_id),
            jobs::kind.eq(JobKind::Deletion.as_str()),
            jobs::user_id.eq(user_id),
            jobs::receipt_id.eq(receipt_id),
            jobs::group_id.eq(group_id),
            jobs::status.eq(JobStatus::Running.as_str()),
            jobs::total.eq(total),
            jobs::created_at.eq(now.millis()),
        ))
        .returning(jobs::id)
        .get_result(conn)?;
    if let Whom::Chosen(ids) = whom {
        list(conn, account_id, job_id, ids)?;
    }
    Ok(job_id)
}

fn list(conn: &mut Conn, account_id: i64, job_id: i64, ids: &[i64]) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let listed = diesel::sql_query(format!(
        "WITH wanted AS (SELECT DISTINCT id FROM {rows} AS chosen)
         INSERT INTO job_items (account_id, job_id, recipient_id)
         SELECT r.account_id, CAST($2 AS BIGINT), r.id
         FROM wanted CROSS JOIN recipients r WHERE r.id = wanted.id AND r.account_id = $3"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(job_id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    diesel::update(
        jobs::table
            .filter(jobs::account_id.eq(account_id))
            .find(job_id),
    )
    .set(jobs::total.eq(i64::try_from(listed).unwrap_or(i64::MAX)))
    .execute(conn)?;
    Ok(())
}

/// The job of that number; a draft is none yet ([`super::deletion_lists`]).
pub fn find(conn: &mut Conn, account_id: i64, job_id: i64) -> DbResult<Job> {
    Ok(jobs::table
        .filter(jobs::account_id.eq(account_id))
        .filter(jobs::status.ne(JobStatus::Draft.as_str()))
        .find(job_id)
        .select(Job::as_select())
        .first(conn)?)
}

/// Starts the pseudonymising of so many deliveries of mails handed over before a moment, and gives
/// its number.
pub(crate) fn start_pseudonymisation(
    conn: &mut Conn,
    account_id: i64,
    user_id: Option<i64>,
    receipt_id: i64,
    (until, total): (Timestamp, i64),
    now: Timestamp,
) -> DbResult<i64> {
    Ok(diesel::insert_into(jobs::table)
        .values((
            jobs::account_id.eq(account_id),
            jobs::kind.eq(JobKind::Pseudonymisation.as_str()),
            jobs::user_id.eq(user_id),
            jobs::receipt_id.eq(receipt_id),
            jobs::until.eq(until.millis()),
            jobs::status.eq(JobStatus::Running.as_str()),
            jobs::total.eq(total),
            jobs::created_at.eq(now.millis()),
        ))
        .returning(jobs::id)
        .get_result(conn)?)
}

/// The account's running job of that kind, if there is one.
pub fn running(conn: &mut Conn, account_id: i64, kind: JobKind) -> DbResult<Option<Job>> {
    Ok(jobs::table
        .filter(jobs::account_id.eq(account_id))
        .filter(jobs::kind.eq(kind.as_str()))
        .filter(jobs::status.eq(JobStatus::Running.as_str()))
        .order(jobs::id)
        .select(Job::as_select())
        .first(conn)
        .optional()?)
}

/// The running job that deletes a group with its people, if there is one.
pub fn deleting_group(conn: &mut Conn, account_id: i64, group_id: i64) -> DbResult<Option<i64>> {
    Ok(jobs::table
        .filter(jobs::account_id.eq(account_id))
        .filter(jobs::group_id.eq(group_id))
        .filter(jobs::status.eq(JobStatus::Running.as_str()))
        .select(jobs::id)
        .first(conn)
        .optional()?)
}

/// Adds to what a job has done.
pub(crate) fn count_done(conn: &mut Conn, account_id: i64, job_id: i64, n: i64) -> DbResult<()> {
    diesel::update(
        jobs::table
            .filter(jobs::account_id.eq(account_id))
            .find(job_id),
    )
    .set(jobs::done.eq(jobs::done + n))
    .execute(conn)?;
    Ok(())
}

/// Account and number of every unfinished job of the installation, oldest first.
pub fn unfinished(conn: &mut Conn) -> DbResult<Vec<(i64, i64)>> {
    Ok(jobs::table
        .filter(jobs::status.eq(JobStatus::Running.as_str()))
        .order(jobs::id)
        .select((jobs::account_id, jobs::id))
        .load(conn)?)
}

/// The next recipients to go; none when all are gone.
pub fn next(conn: &mut Conn, account_id: i64, job: &Job, limit: i64) -> DbResult<Vec<i64>> {
    match job.group_id {
        Some(group_id) => Ok(memberships::table
            .filter(memberships::account_id.eq(account_id))
            .filter(memberships::group_id.eq(group_id))
            .filter(memberships::created_at.le(job.created_at))
            .order(memberships::recipient_id)
            .limit(limit)
            .select(memberships::recipient_id)
            .load(conn)?),
        None => Ok(job_items::table
            .filter(job_items::account_id.eq(account_id))
            .filter(job_items::job_id.eq(job.id))
            .order(job_items::recipient_id)
            .limit(limit)
            .select(job_items::recipient_id)
            .load(conn)?),
    }
}

/// The next unconfirmed sign-ups to go; none when all are gone.
pub(crate) fn next_signups(
    conn: &mut Conn,
    account_id: i64,
    job_id: i64,
    limit: i64,
) -> DbResult<Vec<i64>> {
    Ok(job_signups::table
        .filter(job_signups::account_id.eq(account_id))
        .filter(job_signups::job_id.eq(job_id))
        .order(job_signups::signup_id)
        .limit(limit)
        .select(job_signups::signup_id)
        .load(conn)?)
}

/// Takes sign-ups that are gone off the job.
pub(crate) fn take_signups_off(
    conn: &mut Conn,
    account_id: i64,
    job_id: i64,
    ids: &[i64],
) -> DbResult<()> {
    diesel::delete(
        job_signups::table
            .filter(job_signups::account_id.eq(account_id))
            .filter(job_signups::job_id.eq(job_id))
            .filter(job_signups::signup_id.eq_any(ids)),
    )
    .execute(conn)?;
    Ok(())
}

/// A refused line of an import, as far as it is not forgotten yet.
#[derive(Queryable)]
pub(crate) struct RefusedLine {
    /// The import.
    pub import_id: i64,
    /// The line in its file.
    pub line: i64,
    /// The cell at fault; none where it is forgotten.
    pub value: Option<String>,
    /// The whole row.
    pub cells: Option<String>,
}

/// The next refused lines of imports to be emptied; none when all are.
pub(crate) fn next_refusals(
    conn: &mut Conn,
    account_id: i64,
    job_id: i64,
    limit: i64,
) -> DbResult<Vec<RefusedLine>> {
    let same = import_refusals::import_id
        .eq(job_refusals::import_id)
        .and(import_refusals::line.eq(job_refusals::line))
        .and(import_refusals::account_id.eq(account_id));
    Ok(job_refusals::table
        .left_join(import_refusals::table.on(same))
        .filter(job_refusals::account_id.eq(account_id))
        .filter(job_refusals::job_id.eq(job_id))
        .order((job_refusals::import_id, job_refusals::line))
        .limit(limit)
        .select((
            job_refusals::import_id,
            job_refusals::line,
            import_refusals::value.nullable(),
            import_refusals::cells.nullable(),
        ))
        .load(conn)?)
}

/// Takes refused lines that are emptied off the job.
pub(crate) fn take_refusals_off(
    conn: &mut Conn,
    account_id: i64,
    job_id: i64,
    lines: &[(i64, i64)],
) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("import_id", Column::Int), ("line", Column::Int)]);
    diesel::sql_query(format!(
        "WITH emptied AS (SELECT import_id, line FROM {rows} AS listed)
         DELETE FROM job_refusals WHERE account_id = $2 AND job_id = $3
         AND (import_id, line) IN (SELECT import_id, line FROM emptied)"
    ))
    .bind::<Text, _>(json_rows::of(lines))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(job_id)
    .execute(conn)?;
    Ok(())
}

/// Takes recipients who are gone off the job.
pub(crate) fn take_off(conn: &mut Conn, account_id: i64, job_id: i64, ids: &[i64]) -> DbResult<()> {
    diesel::delete(
        job_items::table
            .filter(job_items::account_id.eq(account_id))
            .filter(job_items::job_id.eq(job_id))
            .filter(job_items::recipient_id.eq_any(ids)),
    )
    .execute(conn)?;
    diesel::update(
        jobs::table
            .filter(jobs::account_id.eq(account_id))
            .find(job_id),
    )
    .set(jobs::done.eq(jobs::done + i64::try_from(ids.len()).unwrap_or(0)))
    .execute(conn)?;
    Ok(())
}

/// Ends a job.
pub(crate) fn finish(
    conn: &mut Conn,
    account_id: i64,
    job_id: i64,
    now: Timestamp,
) -> DbResult<()> {
    diesel::update(
        jobs::table
            .filter(jobs::account_id.eq(account_id))
            .find(job_id),
    )
    .set((
        jobs::status.eq(JobStatus::Done.as_str()),
        jobs::finished_at.eq(now.millis()),
    ))
    .execute(conn)?;
    Ok(())
}

/// What is stored about a group's people from old mailings, summed up.
pub fn past_of_group(conn: &mut Conn, account_id: i64, group_id: i64) -> DbResult<Past> {
    Ok(diesel::sql_query(
        "SELECT COUNT(DISTINCT CASE WHEN d.status NOT IN ('pending', 'deferred', 'claimed', 'underway') THEN d.mailing_id END) AS mailings,
                CAST(COALESCE(SUM(d.opens), 0) AS BIGINT) AS opens,
                CAST(COALESCE(SUM(d.clicks), 0) AS BIGINT) AS clicks,
                COUNT(CASE WHEN d.status IN ('pending', 'deferred', 'claimed', 'underway') THEN 1 END) AS unsent
         FROM memberships m
         JOIN deliveries d ON d.recipient_id = m.recipient_id
         WHERE m.account_id = $1 AND m.group_id = $2",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(group_id)
    .get_result(conn)?)
}
