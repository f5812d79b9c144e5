//! Sending later, halting, going on and ending early; and what keeps a mailing from being sent.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::claims::lock;
use super::ending::has_open;
use super::start::lock_mailing;
use crate::db::json_rows::{self, Column};
use crate::db::models::mailings::MailingStatus;
use crate::db::schema::{deliveries, mailings};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::time::Timestamp;

/// Changes a mailing's state if it is in one of these; [`DbError::Refused`] otherwise.
fn change(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    from: &[MailingStatus],
    to: MailingStatus,
) -> DbResult<()> {
    if !from.contains(&lock_mailing(conn, account_id, mailing_id)?) {
        return Err(DbError::Refused("not in this state of a mailing"));
    }
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set(mailings::status.eq(to.as_str()))
    .execute(conn)?;
    Ok(())
}

fn set_time(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    at: Option<Timestamp>,
) -> DbResult<()> {
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set((
        mailings::scheduled_at.eq(at.map(Timestamp::millis)),
        mailings::problem.eq(None::<String>),
    ))
    .execute(conn)?;
    Ok(())
}

/// Sets the time at which a draft will be sent.
pub fn schedule(conn: &mut Conn, account_id: i64, mailing_id: i64, at: Timestamp) -> DbResult<()> {
    use MailingStatus::{Draft, Scheduled};
    change(conn, account_id, mailing_id, &[Draft], Scheduled)?;
    set_time(conn, account_id, mailing_id, Some(at))
}

/// Makes a scheduled mailing a draft again.
pub fn unschedule(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    use MailingStatus::{Draft, Scheduled};
    change(conn, account_id, mailing_id, &[Scheduled], Draft)?;
    set_time(conn, account_id, mailing_id, None)
}

/// The account's mailings that are being prepared or sent.
pub fn under_way(conn: &mut Conn, account_id: i64) -> DbResult<Vec<i64>> {
    use MailingStatus::{Preparing, Sending};
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::status.eq_any([Preparing.as_str(), Sending.as_str()]))
        .order(mailings::id)
        .select(mailings::id)
        .load(conn)?)
}

/// The account's mailings that wait for their time.
pub fn scheduled(conn: &mut Conn, account_id: i64) -> DbResult<Vec<i64>> {
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::status.eq(MailingStatus::Scheduled.as_str()))
        .order(mailings::id)
        .select(mailings::id)
        .load(conn)?)
}

/// Halts a mailing: no further mail is begun after the commit.
pub fn pause(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    use MailingStatus::{Paused, Preparing, Sending};
    change(conn, account_id, mailing_id, &[Preparing, Sending], Paused)
}

/// Lets a halted mailing go on: where its deliveries had not all been written, with those.
pub fn resume(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    use MailingStatus::{Paused, Preparing, Sending};
    let written: i64 = mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::id.eq(mailing_id))
        .select(mailings::deliveries)
        .first(conn)?;
    let to = if written == 0 { Preparing } else { Sending };
    change(conn, account_id, mailing_id, &[Paused], to)?;
    set_problem(conn, account_id, mailing_id, None)
}

/// Ends a mailing for good: no further mail is begun after the commit. Its open deliveries are
/// settled by [`cancel_some`].
pub fn cancel(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    use MailingStatus::{Cancelled, Paused, Preparing, Sending};
    change(
        conn,
        account_id,
        mailing_id,
        &[Preparing, Sending, Paused],
        Cancelled,
    )?;
    set_problem(conn, account_id, mailing_id, None)
}

/// Cancels some open deliveries of a cancelled mailing; ends it when none is left, and tells so.
/// What is underway comes to its end first.
pub fn cancel_some(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    limit: i64,
    now: Timestamp,
) -> DbResult<Cancelled> {
    #[derive(QueryableByName)]
    struct Open {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let mut open: Vec<Open> = Vec::new();
    for status in ["pending", "deferred", "claimed"] {
        let of_index = match status {
            "claimed" => "status IN ('claimed', 'underway') AND ",
            _ => "",
        };
        let left = limit - i64::try_from(open.len()).unwrap_or(limit);
        let found: Vec<Open> = diesel::sql_query(format!(
            "SELECT id FROM deliveries
             WHERE account_id = $1 AND mailing_id = $2 AND {of_index}status = '{status}'
             LIMIT $3"
        ))
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(mailing_id)
        .bind::<BigInt, _>(left)
        .load(conn)?;
        open.extend(found);
    }
    let mailing = mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::id.eq(mailing_id))
        .filter(mailings::status.eq(MailingStatus::Cancelled.as_str()));
    if open.is_empty() {
        if has_open(conn, account_id, mailing_id)? {
            return Ok(Cancelled::Waiting);
        }
        let written: i64 = deliveries::table
            .filter(deliveries::mailing_id.eq(mailing_id))
            .count()
            .get_result(conn)?;
        diesel::update(mailing)
            .set((
                mailings::sent_at.eq(now.millis()),
                mailings::deliveries.eq(written),
            ))
            .execute(conn)?;
        return Ok(Cancelled::All);
    }
    let ids: Vec<i64> = open.iter().map(|row| row.id).collect();
    lock(conn, account_id, &ids)?;
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let cancelled = diesel::sql_query(format!(
        "UPDATE deliveries SET status = 'cancelled', holder = NULL, lease_until = NULL, next_attempt_at = NULL,
             policy = NULL, token_key = NULL
         WHERE id IN (SELECT id FROM {rows} AS wanted) AND +account_id = $2
           AND status IN ('pending', 'deferred', 'claimed')"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    let cancelled = i64::try_from(cancelled).unwrap_or(i64::MAX);
    diesel::update(mailing)
        .set(mailings::cancelled.eq(mailings::cancelled + cancelled))
        .execute(conn)?;
    Ok(Cancelled::Some)
}

/// How far the settling of a cancelled mailing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// Some deliveries were cancelled; there may be more.
    Some,
    /// What is left is underway.
    Waiting,
    /// All deliveries have their end.
    All,
}

/// Keeps what stands in the way of a mailing, in words for its author; none when nothing does.
pub fn set_problem(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    problem: Option<&str>,
) -> DbResult<()> {
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set(mailings::problem.eq(problem))
    .execute(conn)?;
    Ok(())
}

/// How many deliveries were put off and are tried again later.
pub fn deferred(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<i64> {
    Ok(deliveries::table
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::mailing_id.eq(mailing_id))
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "status = 'deferred'",
        ))
        .count()
        .get_result(conn)?)
}

/// Takes places in an account's measure of mails per minute, which all nodes share; gives the time
/// of the first, in milliseconds. The others follow at equal distances. The account has a mail
/// server.
pub fn take_places(conn: &mut Conn, account_id: i64, millis: i64, now: Timestamp) -> DbResult<i64> {
    #[derive(QueryableByName)]
    struct Paced {
        #[diesel(sql_type = BigInt)]
        paced_until: i64,
    }
    let paced: Paced = diesel::sql_query(
        "UPDATE smtp_settings
         SET paced_until = CASE WHEN paced_until > $1 THEN paced_until ELSE $2 END + $3
         WHERE account_id = $4 RETURNING paced_until",
    )
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(millis)
    .bind::<BigInt, _>(account_id)
    .get_result(conn)?;
    Ok(paced.paced_until - millis)
}
