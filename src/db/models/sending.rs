//! Sending a mailing, as the database sees it: freeze it, write its deliveries once, claim some,
//! mark what became of them.
//!
//! A delivery goes from *pending* to *claimed* in one transaction and to *handed* in another;
//! between the two lies the handing over. Whoever deletes the recipient meanwhile takes the
//! delivery out of *claimed*, so that it is not marked as handed.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::mailings::MailingStatus;
use crate::db::json_rows::{self, Column, hex};
use crate::db::schema::{deliveries, mailings};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::secret::Random128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{Decision, RecipientStatus, RecipientTracking};

/// How many recipients of the chosen groups there are with one status and one tracking setting.
#[derive(Debug, Clone, QueryableByName)]
pub struct AudiencePart {
    /// Whether mails go there.
    #[diesel(sql_type = Text)]
    pub status: RecipientStatus,
    /// What they have said about personal tracking.
    #[diesel(sql_type = Text)]
    pub tracking: RecipientTracking,
    /// How many, each counted once however many groups.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// A delivery that waits to be sent, with what its mail is made from.
#[derive(Debug, Clone, QueryableByName)]
pub struct Waiting {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The recipient.
    #[diesel(sql_type = BigInt)]
    pub recipient_id: i64,
    /// The address as typed.
    #[diesel(sql_type = Text)]
    pub address: String,
    /// First name, or empty.
    #[diesel(sql_type = Text)]
    pub first_name: String,
    /// Last name, or empty.
    #[diesel(sql_type = Text)]
    pub last_name: String,
    /// Free fields, as a JSON object.
    #[diesel(sql_type = Text)]
    pub fields: String,
    /// Whether mails go there, at this moment.
    #[diesel(sql_type = Text)]
    pub status: RecipientStatus,
    /// What the person has said about personal tracking, at this moment.
    #[diesel(sql_type = Text)]
    pub tracking: RecipientTracking,
    /// The random key of the personal links.
    #[diesel(sql_type = Binary)]
    pub public_key: Vec<u8>,
}

/// A delivery in the hands of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct InHand {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The recipient.
    #[diesel(sql_type = BigInt)]
    pub recipient_id: i64,
}

/// The decision about a delivery, frozen (rule P1).
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The delivery.
    pub id: i64,
    /// How it may be measured.
    pub policy: Decision,
    /// What its pixel and links carry; only where it is personal.
    pub key: Option<Random128>,
}

/// Who belongs to the chosen groups of a mailing.
pub fn audience(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Vec<AudiencePart>> {
    Ok(diesel::sql_query(
        "SELECT r.status, r.tracking, COUNT(*) AS n
         FROM recipients r
         WHERE r.account_id = $1 AND r.id IN (
             SELECT m.recipient_id FROM mailing_groups g
             JOIN memberships m ON m.account_id = g.account_id AND m.group_id = g.group_id
             WHERE g.account_id = $2 AND g.mailing_id = $3)
         GROUP BY r.status, r.tracking",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?)
}

/// Freezes a draft for sending: its links get their numbers (from 1, in this order), its groups
/// keep the names they have now. [`DbError::Refused`] when it is no draft.
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
            .filter(mailings::status.eq(MailingStatus::Draft.as_str())),
    )
    .set((
        mailings::status.eq(MailingStatus::Preparing.as_str()),
        mailings::send_started_at.eq(now.millis()),
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
    Ok(())
}

/// The mailings of the whole installation whose sending is not finished, as account and mailing,
/// oldest first. The sender works for all accounts; everything it does then is scoped.
pub fn unfinished(conn: &mut Conn) -> DbResult<Vec<(i64, i64)>> {
    Ok(mailings::table
        .filter(mailings::status.eq_any([
            MailingStatus::Preparing.as_str(),
            MailingStatus::Sending.as_str(),
        ]))
        .order(mailings::id)
        .select((mailings::account_id, mailings::id))
        .load(conn)?)
}

/// The active recipients of the mailing's groups, each once.
pub fn recipients_to_reach(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
) -> DbResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let rows: Vec<Id> = diesel::sql_query(
        "SELECT r.id FROM recipients r
         WHERE r.account_id = $1 AND r.status = 'active' AND r.id IN (
             SELECT m.recipient_id FROM mailing_groups g
             JOIN memberships m ON m.account_id = g.account_id AND m.group_id = g.group_id
             WHERE g.account_id = $2 AND g.mailing_id = $3)",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Writes deliveries in the order given; those that are there already stay.
pub fn write_deliveries(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    recipients: &[i64],
) -> DbResult<()> {
    let placed: Vec<(&i64, usize)> = recipients.iter().zip(1..).collect();
    let rows = json_rows::unfold(conn, &[("id", Column::Int), ("place", Column::Int)]);
    diesel::sql_query(format!(
        "WITH wanted AS {rows}
         INSERT INTO deliveries (account_id, mailing_id, recipient_id)
         SELECT r.account_id, $2, r.id
         FROM wanted JOIN recipients r ON r.id = wanted.id
         WHERE r.account_id = $3
         ORDER BY wanted.place
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(json_rows::of(&placed))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
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

/// Some deliveries that wait, in the order of the recipients, which the deliveries' numbers do
/// not know. The caller claims or cancels them in the same transaction.
pub fn waiting(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    limit: i64,
) -> DbResult<Vec<Waiting>> {
    // Rows that somebody is just deleting are passed over.
    let lock = match conn {
        Conn::Sqlite(_) => "",
        Conn::Postgres(_) => "FOR UPDATE OF d SKIP LOCKED",
    };
    Ok(diesel::sql_query(format!(
        "SELECT d.id, r.id AS recipient_id, r.address, r.first_name, r.last_name, r.fields, r.status, r.tracking, r.public_key
         FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
         WHERE d.account_id = $1 AND d.mailing_id = $2 AND d.status = 'pending'
         ORDER BY d.recipient_id LIMIT $3 {lock}"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(limit)
    .load(conn)?)
}

/// Claims deliveries and freezes how they may be measured.
pub fn claim(conn: &mut Conn, account_id: i64, claims: &[Claim]) -> DbResult<()> {
    let rows: Vec<(i64, &str, Option<String>)> = claims
        .iter()
        .map(|claim| {
            (
                claim.id,
                claim.policy.as_str(),
                claim.key.map(|key| hex(&key)),
            )
        })
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("policy", Column::Text),
            ("token_key", Column::Bytes),
        ],
    );
    diesel::sql_query(format!(
        "UPDATE deliveries SET status = 'claimed', policy = new.policy, token_key = new.token_key
         FROM {unfolded} AS new
         WHERE deliveries.id = new.id AND deliveries.account_id = $2 AND deliveries.status = 'pending'"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// Cancels deliveries that wait, since their recipients are not to receive mails any more, and
/// counts them in their mailing.
pub fn cancel(conn: &mut Conn, account_id: i64, mailing_id: i64, ids: &[i64]) -> DbResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let cancelled = diesel::sql_query(format!(
        "UPDATE deliveries SET status = 'cancelled'
         WHERE id IN (SELECT id FROM {rows} AS wanted) AND account_id = $2 AND mailing_id = $3 AND status = 'pending'"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .execute(conn)?;
    let cancelled = i64::try_from(cancelled).unwrap_or(i64::MAX);
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set(mailings::cancelled.eq(mailings::cancelled + cancelled))
    .execute(conn)?;
    Ok(())
}

/// The deliveries that are claimed. Whoever asks holds the mailing alone, so these were left
/// behind by a sender that ended.
pub fn left_behind(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Vec<InHand>> {
    Ok(diesel::sql_query(
        "SELECT id, recipient_id FROM deliveries
         WHERE account_id = $1 AND mailing_id = $2 AND status = 'claimed' AND recipient_id IS NOT NULL
         ORDER BY recipient_id",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?)
}

/// All deliveries of the installation that are claimed, as mailing and recipient: their mails may
/// lie in an outbox without being entered.
pub fn in_hand_of_all(conn: &mut Conn) -> DbResult<Vec<(i64, i64)>> {
    let found: Vec<(i64, Option<i64>)> = mailings::table
        .inner_join(deliveries::table)
        .filter(mailings::status.eq(MailingStatus::Sending.as_str()))
        .filter(deliveries::status.eq("claimed"))
        .filter(deliveries::recipient_id.is_not_null())
        .select((deliveries::mailing_id, deliveries::recipient_id))
        .load(conn)?;
    Ok(found
        .into_iter()
        .filter_map(|(mailing_id, recipient_id)| Some((mailing_id, recipient_id?)))
        .collect())
}

/// Puts claimed deliveries back: they were not handed over, and will be decided anew.
pub fn put_back(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    diesel::sql_query(format!(
        "UPDATE deliveries SET status = 'pending', policy = NULL, token_key = NULL
         WHERE id IN (SELECT id FROM {rows} AS wanted) AND account_id = $2 AND status = 'claimed'"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// How a claimed delivery ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Handed to the transport.
    Handed,
    /// Perhaps handed to the transport.
    Uncertain,
    /// Refused for good.
    Failed,
}

impl End {
    const fn status(self) -> &'static str {
        match self {
            Self::Handed => "handed",
            Self::Uncertain => "uncertain",
            Self::Failed => "failed",
        }
    }
}

/// Ends claimed deliveries and counts them in their mailing. Gives those that were still claimed;
/// the recipients of the others were deleted meanwhile.
pub fn end(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    ids: &[i64],
    end: End,
    now: Timestamp,
) -> DbResult<Vec<InHand>> {
    #[derive(QueryableByName)]
    struct Ended {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = BigInt)]
        recipient_id: i64,
        #[diesel(sql_type = Text)]
        policy: Decision,
    }
    let handed_at = (end == End::Handed).then_some(now.millis());
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let ended: Vec<Ended> = diesel::sql_query(format!(
        "WITH wanted AS {rows}
         UPDATE deliveries SET status = '{status}', handed_at = $2
         FROM wanted
         WHERE deliveries.id = wanted.id AND deliveries.account_id = $3
           AND deliveries.mailing_id = $4 AND deliveries.status = 'claimed'
         RETURNING deliveries.id, deliveries.recipient_id, deliveries.policy",
        status = end.status(),
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<Nullable<BigInt>, _>(handed_at)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?;
    let with = |policy: Option<Decision>| {
        let n = ended
            .iter()
            .filter(|row| policy.is_none_or(|policy| row.policy == policy))
            .count();
        i64::try_from(n).unwrap_or(i64::MAX)
    };
    let mailing = mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::id.eq(mailing_id));
    match end {
        End::Handed => diesel::update(mailing)
            .set((
                mailings::handed.eq(mailings::handed + with(None)),
                mailings::handed_personal
                    .eq(mailings::handed_personal + with(Some(Decision::Personal))),
                mailings::handed_anonymous
                    .eq(mailings::handed_anonymous + with(Some(Decision::Anonymous))),
            ))
            .execute(conn)?,
        End::Uncertain => diesel::update(mailing)
            .set(mailings::uncertain.eq(mailings::uncertain + with(None)))
            .execute(conn)?,
        End::Failed => diesel::update(mailing)
            .set(mailings::failed.eq(mailings::failed + with(None)))
            .execute(conn)?,
    };
    Ok(ended
        .into_iter()
        .map(|row| InHand {
            id: row.id,
            recipient_id: row.recipient_id,
        })
        .collect())
}

/// Ends a mailing of which nothing waits and nothing is claimed; tells whether it did.
pub fn finish(conn: &mut Conn, account_id: i64, mailing_id: i64, now: Timestamp) -> DbResult<bool> {
    let open: Option<i64> = deliveries::table
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::mailing_id.eq(mailing_id))
        .filter(deliveries::status.eq_any(["pending", "claimed"]))
        .select(deliveries::id)
        .first(conn)
        .optional()?;
    if open.is_some() {
        return Ok(false);
    }
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id))
            .filter(mailings::status.eq(MailingStatus::Sending.as_str())),
    )
    .set((
        mailings::status.eq(MailingStatus::Sent.as_str()),
        mailings::sent_at.eq(now.millis()),
    ))
    .execute(conn)?;
    Ok(true)
}

/// Whom a mailing was handed to, and what the pixel and links in that mail carry: how the example
/// account's readers come to their hits.
pub(crate) fn keys_in_mails(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
) -> DbResult<Vec<(i64, Option<Random128>)>> {
    let rows: Vec<(Option<i64>, Option<Vec<u8>>)> = deliveries::table
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::mailing_id.eq(mailing_id))
        .filter(deliveries::status.eq("handed"))
        .order(deliveries::recipient_id)
        .select((deliveries::recipient_id, deliveries::token_key))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(recipient_id, key)| {
            let key = key.and_then(|key| Random128::try_from(key.as_slice()).ok());
            Some((recipient_id?, key))
        })
        .collect())
}

/// Takes the lock of a mailing on this connection (PostgreSQL only): one node sends it. Tells
/// whether it was free.
pub fn try_lock(conn: &mut Conn, mailing_id: i64) -> DbResult<bool> {
    Ok(diesel::select(
        diesel::dsl::sql::<diesel::sql_types::Bool>("pg_try_advisory_lock(4712, CAST(")
            .bind::<BigInt, _>(mailing_id)
            .sql(" AS INTEGER))"),
    )
    .get_result(conn)?)
}

/// Gives the lock of a mailing back.
pub fn unlock(conn: &mut Conn, mailing_id: i64) -> DbResult<()> {
    diesel::sql_query("SELECT pg_advisory_unlock(4712, CAST($1 AS INTEGER))")
        .bind::<BigInt, _>(mailing_id)
        .execute(conn)?;
    Ok(())
}
