//! Before the first mail: who is reached, the freezing of a draft, and its deliveries.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use crate::db::json_rows::{self, Column};
use crate::db::models::askable;
use crate::db::models::mailings::MailingStatus;
use crate::db::schema::mailings;
use crate::db::{Conn, DbError, DbResult, OnBackend};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking};

/// How many recipients of the chosen groups there are with one status and one tracking setting.
#[derive(Debug, Clone, QueryableByName)]
pub struct AudiencePart {
    /// Whether mails go there.
    #[diesel(sql_type = Text)]
    pub status: RecipientStatus,
    /// What they have said about personal tracking.
    #[diesel(sql_type = Text)]
    pub tracking: RecipientTracking,
    /// Whether the mailing asks for consent and they are not to be asked.
    #[diesel(sql_type = Bool)]
    pub left_alone: bool,
    /// How many, each counted once however many groups.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// Who belongs to the chosen groups of a mailing.
pub fn audience(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    now: Timestamp,
) -> DbResult<Vec<AudiencePart>> {
    Ok(diesel::sql_query(format!(
        "WITH asking AS (
             SELECT COUNT(*) AS n FROM mailing_groups c JOIN groups g ON g.id = c.group_id
             WHERE c.account_id = $1 AND c.mailing_id = $2 AND g.asks_consent)
         SELECT r.status, r.tracking, (asking.n > 0 AND {}) AS left_alone, COUNT(*) AS n
         FROM recipients r CROSS JOIN asking
         WHERE r.account_id = $4 AND r.id IN (
             SELECT m.recipient_id FROM mailing_groups g
             JOIN memberships m ON m.account_id = g.account_id AND m.group_id = g.group_id
             WHERE g.account_id = $5 AND g.mailing_id = $6)
         GROUP BY 1, 2, 3",
        askable::has_refused("$3")
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(askable::refused_since(now))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?)
}

/// Freezes a draft for sending: its links get their numbers (from 1, in this order), its groups
/// keep the names they have now, and whether one of them asks for consent is kept, too.
/// [`DbError::Refused`] when it is neither a draft nor scheduled.
pub fn freeze(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    links: &[String],
    now: Timestamp,
) -> DbResult<()> {
    let changed = diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id))
            .filter(mailings::status.eq_any([
                MailingStatus::Draft.as_str(),
                MailingStatus::Scheduled.as_str(),
            ])),
    )
    .set((
        mailings::status.eq(MailingStatus::Preparing.as_str()),
        mailings::send_started_at.eq(now.millis()),
        mailings::problem.eq(None::<String>),
    ))
    .execute(conn)?;
    if changed == 0 {
        return Err(DbError::Refused("only drafts can be sent"));
    }
    let numbered: Vec<(usize, &String)> = (1..).zip(links).collect();
    let rows = json_rows::unfold(conn, &[("number", Column::Int), ("url", Column::Text)]);
    diesel::sql_query(format!(
        "WITH link AS {rows}
         INSERT INTO mailing_links (account_id, mailing_id, number, url)
         SELECT $2, $3, link.number, link.url FROM link"
    ))
    .bind::<Text, _>(json_rows::of(&numbered))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .execute(conn)?;
    diesel::sql_query(
        "UPDATE mailing_groups SET group_name =
             (SELECT g.name FROM groups g WHERE g.id = mailing_groups.group_id)
         WHERE account_id = $1 AND mailing_id = $2 AND group_id IS NOT NULL",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .execute(conn)?;
    diesel::sql_query(
        "UPDATE mailings SET asks_consent = EXISTS (
             SELECT 1 FROM mailing_groups c JOIN groups g ON g.id = c.group_id
             WHERE c.mailing_id = mailings.id AND c.account_id = mailings.account_id AND g.asks_consent)
         WHERE account_id = $1 AND id = $2",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .execute(conn)?;
    Ok(())
}

/// A mailing that there is something to do about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Work {
    /// Whose it is.
    #[diesel(sql_type = BigInt)]
    pub account_id: i64,
    /// The mailing.
    #[diesel(sql_type = BigInt)]
    pub mailing_id: i64,
}

/// What is not finished in the whole installation: first cancelled mailings whose deliveries are
/// not all settled, which is soon done, then those being prepared or sent, or whose time has come,
/// oldest first. The sender works for all accounts; everything it does then is scoped.
pub fn unfinished(conn: &mut Conn, now: Timestamp) -> DbResult<Vec<Work>> {
    Ok(diesel::sql_query(
        "SELECT account_id, id AS mailing_id FROM mailings
         WHERE status IN ('scheduled', 'preparing', 'sending', 'cancelled') AND sent_at IS NULL
           AND (status <> 'scheduled' OR scheduled_at <= $1)
         ORDER BY CASE status WHEN 'cancelled' THEN 0 ELSE 1 END, id",
    )
    .bind::<BigInt, _>(now.millis())
    .load(conn)?)
}

/// When there will be something to do again, in milliseconds: a mailing's time comes, or that of a
/// delivery that was put off, or the lease of a sender runs out that may have ended in the middle.
pub fn next_due(conn: &mut Conn) -> DbResult<Option<i64>> {
    #[derive(QueryableByName)]
    struct Due {
        #[diesel(sql_type = Nullable<BigInt>)]
        at: Option<i64>,
    }
    let due: Due = diesel::sql_query(
        "WITH unfinished AS (SELECT id, status, scheduled_at FROM mailings
             WHERE status IN ('scheduled', 'preparing', 'sending', 'cancelled') AND sent_at IS NULL)
         SELECT MIN(at) AS at FROM (
             SELECT scheduled_at AS at FROM unfinished WHERE status = 'scheduled'
             UNION ALL
             SELECT (SELECT MIN(d.next_attempt_at) FROM deliveries d
                     WHERE d.mailing_id = m.id AND d.status = 'deferred') FROM unfinished m
             UNION ALL
             SELECT (SELECT MIN(d.lease_until) FROM deliveries d
                     WHERE d.mailing_id = m.id AND d.status IN ('claimed', 'underway')) FROM unfinished m
         ) AS due",
    )
    .get_result(conn)?;
    Ok(due.at)
}

/// How far a mailing has come, read for a change: nobody else changes it until the end of the
/// transaction.
pub fn lock_mailing(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<MailingStatus> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Text)]
        status: MailingStatus,
    }
    // Does not hold up new deliveries, which refer to the mailing.
    let lock = conn.backend().row_lock("FOR NO KEY UPDATE");
    let found: Found = diesel::sql_query(format!(
        "SELECT status FROM mailings WHERE account_id = $1 AND id = $2 {lock}"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .get_result(conn)?;
    Ok(found.status)
}

/// The active recipients of the mailing's groups, each once; where it asks for consent, without
/// those who have refused.
pub fn recipients_to_reach(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    now: Timestamp,
) -> DbResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let rows: Vec<Id> = diesel::sql_query(format!(
        "SELECT r.id FROM recipients r
         WHERE r.account_id = $1 AND r.status = 'active' AND r.id IN (
             SELECT m.recipient_id FROM mailing_groups g
             JOIN memberships m ON m.account_id = g.account_id AND m.group_id = g.group_id
             WHERE g.account_id = $2 AND g.mailing_id = $3)
           AND NOT ({} AND EXISTS (SELECT 1 FROM mailings m WHERE m.id = $5 AND m.asks_consent))",
        askable::has_refused("$4")
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(askable::refused_since(now))
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Writes deliveries in the order given; those that are there already stay. Tells whether the
/// mailing is still being prepared: another node may have finished, or somebody halted it.
///
/// The mailing is locked, so several nodes take turns. The caller shares the lock of the account's
/// people: nobody is deleted meanwhile who gets a delivery here.
pub fn write_deliveries(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    recipients: &[i64],
) -> DbResult<bool> {
    if lock_mailing(conn, account_id, mailing_id)? != MailingStatus::Preparing {
        return Ok(false);
    }
    let placed: Vec<(&i64, usize)> = recipients.iter().zip(1..).collect();
    let rows = json_rows::unfold(conn, &[("id", Column::Int), ("place", Column::Int)]);
    diesel::sql_query(format!(
        "WITH wanted AS {rows}
         INSERT INTO deliveries (account_id, mailing_id, recipient_id)
         SELECT r.account_id, $2, r.id
         FROM wanted CROSS JOIN recipients r
         WHERE r.id = wanted.id AND r.account_id = $3
         ORDER BY wanted.place
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(json_rows::of(&placed))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(true)
}

/// All deliveries are written: handing over begins.
pub fn begin(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    diesel::sql_query(
        "UPDATE mailings SET status = 'sending', deliveries =
             (SELECT COUNT(*) FROM deliveries d WHERE d.mailing_id = mailings.id)
         WHERE account_id = $1 AND id = $2 AND status = 'preparing'",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .execute(conn)?;
    Ok(())
}
