//! *Löschen nach Liste* between its dry run and its confirmation: a job that is still a draft. It
//! holds numbers only, no address, and is given up when nobody confirms it (rule P7).

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::models::deliveries::Past;
use crate::db::models::jobs::{JobKind, JobStatus};
use crate::db::schema::{job_items, job_refusals, job_signups, jobs};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::time::Timestamp;

/// What an address stands for.
#[derive(Debug, Clone, QueryableByName)]
pub struct Known {
    /// The number of a recipient or of an unconfirmed sign-up.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The normalised address.
    #[diesel(sql_type = Text)]
    pub address_key: String,
}

/// Begins a draft and gives its number.
pub fn start(conn: &mut Conn, account_id: i64, user_id: i64, now: Timestamp) -> DbResult<i64> {
    Ok(diesel::insert_into(jobs::table)
        .values((
            jobs::account_id.eq(account_id),
            jobs::kind.eq(JobKind::Deletion.as_str()),
            jobs::user_id.eq(user_id),
            jobs::status.eq(JobStatus::Draft.as_str()),
            jobs::total.eq(0),
            jobs::created_at.eq(now.millis()),
        ))
        .returning(jobs::id)
        .get_result(conn)?)
}

/// The account's recipients with these addresses.
pub fn recipients(conn: &mut Conn, account_id: i64, keys: &[&str]) -> DbResult<Vec<Known>> {
    known(conn, account_id, keys, "recipients")
}

/// The account's unconfirmed sign-ups with these addresses, possibly several of one.
pub fn signups(conn: &mut Conn, account_id: i64, keys: &[&str]) -> DbResult<Vec<Known>> {
    known(conn, account_id, keys, "signups")
}

fn known(
    conn: &mut Conn,
    account_id: i64,
    keys: &[&str],
    table: &'static str,
) -> DbResult<Vec<Known>> {
    let rows: Vec<[&str; 1]> = keys.iter().map(|key| [*key]).collect();
    let wanted = json_rows::unfold(conn, &[("address_key", Column::Text)]);
    // Begins with the batch, also on SQLite: see recipient_batches.
    Ok(diesel::sql_query(format!(
        "SELECT k.id, k.address_key FROM (SELECT DISTINCT address_key FROM {wanted} AS listed) AS wanted
         CROSS JOIN {table} k WHERE k.address_key = wanted.address_key AND k.account_id = $2"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// Notes recipients on a draft, and gives how many were not on it yet.
pub fn note_recipients(
    conn: &mut Conn,
    account_id: i64,
    draft_id: i64,
    ids: &[i64],
) -> DbResult<usize> {
    note(conn, account_id, draft_id, ids, "job_items", "recipient_id")
}

/// Notes unconfirmed sign-ups on a draft, and gives how many were not on it yet.
pub fn note_signups(
    conn: &mut Conn,
    account_id: i64,
    draft_id: i64,
    ids: &[i64],
) -> DbResult<usize> {
    note(conn, account_id, draft_id, ids, "job_signups", "signup_id")
}

fn note(
    conn: &mut Conn,
    account_id: i64,
    draft_id: i64,
    ids: &[i64],
    table: &'static str,
    column: &'static str,
) -> DbResult<usize> {
    if ids.is_empty() {
        return Ok(0);
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    Ok(diesel::sql_query(format!(
        "INSERT INTO {table} (account_id, job_id, {column})
         SELECT j.account_id, j.id, listed.id FROM {rows} AS listed
         CROSS JOIN jobs j WHERE j.id = $2 AND j.account_id = $3 AND j.status = 'draft'
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(draft_id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?)
}

/// Notes refused lines of imports on a draft, as (import, line), and gives how many were not on it
/// yet.
pub fn note_refusals(
    conn: &mut Conn,
    account_id: i64,
    draft_id: i64,
    lines: &[(i64, i64)],
) -> DbResult<usize> {
    if lines.is_empty() {
        return Ok(0);
    }
    let rows = json_rows::unfold(conn, &[("import_id", Column::Int), ("line", Column::Int)]);
    Ok(diesel::sql_query(format!(
        "INSERT INTO job_refusals (account_id, job_id, import_id, line)
         SELECT j.account_id, j.id, listed.import_id, listed.line FROM {rows} AS listed
         CROSS JOIN jobs j WHERE j.id = $2 AND j.account_id = $3 AND j.status = 'draft'
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(json_rows::of(lines))
    .bind::<BigInt, _>(draft_id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?)
}

/// The draft is whole: so many recipients are on it.
pub fn complete(conn: &mut Conn, account_id: i64, draft_id: i64, recipients: i64) -> DbResult<()> {
    diesel::update(
        jobs::table
            .filter(jobs::account_id.eq(account_id))
            .filter(jobs::status.eq(JobStatus::Draft.as_str()))
            .find(draft_id),
    )
    .set(jobs::total.eq(recipients))
    .execute(conn)?;
    Ok(())
}

/// What is stored about those on a draft from old mailings, summed up.
pub fn past(conn: &mut Conn, account_id: i64, draft_id: i64) -> DbResult<Past> {
    Ok(diesel::sql_query(
        "SELECT COUNT(DISTINCT CASE WHEN d.status NOT IN ('pending', 'deferred', 'claimed', 'underway', 'cancelled') THEN d.mailing_id END) AS mailings,
                CAST(COALESCE(SUM(d.opens), 0) AS BIGINT) AS opens,
                CAST(COALESCE(SUM(d.clicks), 0) AS BIGINT) AS clicks,
                COUNT(CASE WHEN d.status IN ('pending', 'deferred', 'claimed', 'underway') THEN 1 END) AS unsent
         FROM job_items i
         CROSS JOIN deliveries d
         WHERE i.job_id = $1 AND i.account_id = $2 AND d.recipient_id = i.recipient_id",
    )
    .bind::<BigInt, _>(draft_id)
    .bind::<BigInt, _>(account_id)
    .get_result(conn)?)
}

/// How many unconfirmed sign-ups are on a draft.
pub fn signup_count(conn: &mut Conn, account_id: i64, draft_id: i64) -> DbResult<i64> {
    Ok(job_signups::table
        .filter(job_signups::account_id.eq(account_id))
        .filter(job_signups::job_id.eq(draft_id))
        .count()
        .get_result(conn)?)
}

/// How many refused lines of imports are on a draft.
pub fn refusal_count(conn: &mut Conn, account_id: i64, draft_id: i64) -> DbResult<i64> {
    Ok(job_refusals::table
        .filter(job_refusals::account_id.eq(account_id))
        .filter(job_refusals::job_id.eq(draft_id))
        .count()
        .get_result(conn)?)
}

/// Whether there is such a draft of this user, and it is no older.
///
/// # Errors
/// [`DbError::NotFound`] where there is none (any more).
pub fn expect(
    conn: &mut Conn,
    (account_id, user_id): (i64, i64),
    draft_id: i64,
    not_before: Timestamp,
) -> DbResult<()> {
    let draft = jobs::table
        .filter(jobs::account_id.eq(account_id))
        .filter(jobs::user_id.eq(user_id))
        .filter(jobs::status.eq(JobStatus::Draft.as_str()))
        .filter(jobs::created_at.ge(not_before.millis()))
        .find(draft_id);
    if diesel::select(diesel::dsl::exists(draft)).get_result(conn)? {
        Ok(())
    } else {
        Err(DbError::NotFound)
    }
}

/// Makes the draft a job that runs, once.
///
/// # Errors
/// [`DbError::NotFound`] where it is none any more.
pub fn confirm(
    conn: &mut Conn,
    account_id: i64,
    draft_id: i64,
    receipt_id: i64,
    now: Timestamp,
) -> DbResult<()> {
    let confirmed = diesel::update(
        jobs::table
            .filter(jobs::account_id.eq(account_id))
            .filter(jobs::status.eq(JobStatus::Draft.as_str()))
            .find(draft_id),
    )
    .set((
        jobs::receipt_id.eq(receipt_id),
        jobs::status.eq(JobStatus::Running.as_str()),
        jobs::created_at.eq(now.millis()),
    ))
    .execute(conn)?;
    if confirmed == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

/// Which drafts are made before that moment, of all accounts: (account, number).
pub fn older(conn: &mut Conn, than: Timestamp) -> DbResult<Vec<(i64, i64)>> {
    Ok(jobs::table
        .filter(jobs::status.eq(JobStatus::Draft.as_str()))
        .filter(jobs::created_at.lt(than.millis()))
        .order(jobs::id)
        .select((jobs::account_id, jobs::id))
        .load(conn)?)
}

/// Takes up to so many recipients off a draft that is given up; when none are left, the draft goes,
/// and the answer is `true`.
pub fn give_up(conn: &mut Conn, account_id: i64, draft_id: i64, limit: i64) -> DbResult<bool> {
    let draft = jobs::table
        .filter(jobs::account_id.eq(account_id))
        .filter(jobs::status.eq(JobStatus::Draft.as_str()))
        .find(draft_id);
    if !diesel::select(diesel::dsl::exists(draft)).get_result::<bool>(conn)? {
        return Ok(true);
    }
    let ids: Vec<i64> = job_items::table
        .filter(job_items::account_id.eq(account_id))
        .filter(job_items::job_id.eq(draft_id))
        .order(job_items::recipient_id)
        .limit(limit)
        .select(job_items::recipient_id)
        .load(conn)?;
    if ids.is_empty() {
        diesel::delete(draft).execute(conn)?;
        return Ok(true);
    }
    diesel::delete(
        job_items::table
            .filter(job_items::account_id.eq(account_id))
            .filter(job_items::job_id.eq(draft_id))
            .filter(job_items::recipient_id.eq_any(ids)),
    )
    .execute(conn)?;
    Ok(false)
}
