//! What became of deliveries, and the end of a mailing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::json_rows::{self, Column};
use crate::db::models::bounce_reasons;
use crate::db::models::deliveries::DeliveryStatus;
use crate::db::models::mailings::MailingStatus;
use crate::db::schema::{deliveries, mailings};
use crate::db::{Conn, DbResult};
use crate::domain::bounce::{BounceKind, BounceReason};
use crate::domain::secret::Random128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::Decision;

use super::claims::InHand;
use super::refusals;

/// What became of a delivery in a sender's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Handed to the transport.
    Handed,
    /// Perhaps handed to the transport.
    Uncertain,
    /// Refused for good.
    Failed,
    /// Put off until then, in milliseconds.
    Deferred(i64),
    /// Not tried, since its domain rests until then, in milliseconds.
    Waits(i64),
    /// Not tried at all: it waits as before.
    PutBack,
}

impl End {
    const fn status(self) -> DeliveryStatus {
        match self {
            Self::Handed => DeliveryStatus::Handed,
            Self::Uncertain => DeliveryStatus::Uncertain,
            Self::Failed => DeliveryStatus::Failed,
            Self::Deferred(_) | Self::Waits(_) => DeliveryStatus::Deferred,
            Self::PutBack => DeliveryStatus::Pending,
        }
    }
}

/// The end of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The delivery.
    pub id: i64,
    /// What became of it.
    pub end: End,
    /// The codes of the mail server's reply, if it said something.
    pub reply_code: Option<String>,
    /// What the mail server refused for good, if it did.
    pub refused: Option<BounceReason>,
}

impl Ended {
    /// Whether the address was refused.
    pub fn is_refused_address(&self) -> bool {
        let reason = self.refused.filter(|_| self.end == End::Failed);
        reason.is_some_and(|reason| reason.kind() == BounceKind::Hard)
    }

    /// Without a reply.
    pub const fn new(id: i64, end: End) -> Self {
        Self {
            id,
            end,
            reply_code: None,
            refused: None,
        }
    }
}

/// A delivery that has its end.
#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    recipient_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    policy: Option<Decision>,
    #[diesel(sql_type = Text)]
    status: DeliveryStatus,
    #[diesel(sql_type = Nullable<Text>)]
    reply_code: Option<String>,
}

/// Ends deliveries that this sender holds and counts them in their mailing. Gives those that were
/// handed over; the recipients of the missing ones were deleted meanwhile. Recipients whose address
/// was refused get no further mails; where there are such, the caller holds the account's lock.
/// Can be repeated.
pub fn end(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    ended: &[Ended],
    holder: i64,
    now: Timestamp,
) -> DbResult<Vec<InHand>> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let listed: Vec<_> = ended
        .iter()
        .map(|row| {
            let (next, tried) = match row.end {
                End::Deferred(until) => (Some(until), 1),
                End::Waits(until) => (Some(until), 0),
                End::PutBack => (None, 0),
                End::Handed | End::Uncertain | End::Failed => (None, 1),
            };
            let status = row.end.status().as_str();
            (row.id, status, row.reply_code.as_deref(), next, tried)
        })
        .collect();
    let rows = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("status", Column::Text),
            ("reply_code", Column::Text),
            ("next_attempt_at", Column::Int),
            ("tried", Column::Int),
        ],
    );
    // What is decided anew before the next attempt is not kept.
    let keep = |column: &str| {
        format!(
            "{column} = CASE WHEN new.status IN ('pending', 'deferred') THEN NULL ELSE deliveries.{column} END"
        )
    };
    // Found by their numbers alone: the other conditions have an index too, which on SQLite would
    // lead through all deliveries of the mailing.
    let changed: Vec<Changed> = diesel::sql_query(format!(
        "WITH new AS {rows}
         UPDATE deliveries SET status = new.status, reply_code = COALESCE(new.reply_code, deliveries.reply_code),
             next_attempt_at = new.next_attempt_at, attempts = deliveries.attempts + new.tried,
             handed_at = CASE WHEN new.status = 'handed' THEN CAST($2 AS BIGINT) END,
             {}, {}, holder = NULL, lease_until = NULL
         FROM new
         WHERE deliveries.id = new.id AND +deliveries.account_id = $3 AND +deliveries.mailing_id = $4
           AND deliveries.status IN ('claimed', 'underway') AND deliveries.holder = $5
         RETURNING deliveries.id, deliveries.recipient_id, deliveries.policy, deliveries.status,
           deliveries.reply_code",
        keep("policy"),
        keep("token_key"),
    ))
    .bind::<Text, _>(json_rows::of(&listed))
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(holder)
    .load(conn)?;
    let failed = changed
        .iter()
        .filter(|row| row.status == DeliveryStatus::Failed)
        .filter_map(|row| Some((row, ended.iter().find(|ended| ended.id == row.id)?)));
    let mut given_up = Vec::new();
    for (row, ended) in failed {
        if let Some(reason) = ended.refused {
            bounce_reasons::note(conn, account_id, row.recipient_id, mailing_id, reason, now)?;
        }
        if ended.is_refused_address() {
            given_up.push((
                row.recipient_id,
                row.reply_code.as_deref().unwrap_or_default(),
            ));
        }
    }
    refusals::give_up(conn, account_id, given_up, now)?;
    count(conn, account_id, mailing_id, &changed)?;
    Ok(changed
        .into_iter()
        .filter(|row| row.status == DeliveryStatus::Handed)
        .map(|row| InHand {
            id: row.id,
            recipient_id: row.recipient_id,
        })
        .collect())
}

/// Counts in a mailing what became of its deliveries.
fn count(conn: &mut Conn, account_id: i64, mailing_id: i64, changed: &[Changed]) -> DbResult<()> {
    let of = |status: DeliveryStatus, policy: Option<Decision>| {
        let n = changed
            .iter()
            .filter(|row| row.status == status && (policy.is_none() || row.policy == policy))
            .count();
        i64::try_from(n).unwrap_or(i64::MAX)
    };
    let handed = of(DeliveryStatus::Handed, None);
    let uncertain = of(DeliveryStatus::Uncertain, None);
    let failed = of(DeliveryStatus::Failed, None);
    if handed + uncertain + failed > 0 {
        let personal = of(DeliveryStatus::Handed, Some(Decision::Personal));
        let anonymous = of(DeliveryStatus::Handed, Some(Decision::Anonymous));
        diesel::update(
            mailings::table
                .filter(mailings::account_id.eq(account_id))
                .filter(mailings::id.eq(mailing_id)),
        )
        .set((
            mailings::handed.eq(mailings::handed + handed),
            mailings::handed_personal.eq(mailings::handed_personal + personal),
            mailings::handed_anonymous.eq(mailings::handed_anonymous + anonymous),
            mailings::uncertain.eq(mailings::uncertain + uncertain),
            mailings::failed.eq(mailings::failed + failed),
        ))
        .execute(conn)?;
    }
    Ok(())
}

/// What holds of a delivery whose end is not known yet, as the indexes have it.
const OPEN: [&str; 3] = [
    "status = 'pending'",
    "status = 'deferred'",
    "status IN ('claimed', 'underway')",
];

/// Whether some delivery of a mailing has no end yet.
pub(super) fn has_open(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<bool> {
    for condition in OPEN {
        let open: Option<i64> = deliveries::table
            .filter(deliveries::account_id.eq(account_id))
            .filter(deliveries::mailing_id.eq(mailing_id))
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(condition))
            .select(deliveries::id)
            .first(conn)
            .optional()?;
        if open.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends a mailing of which nothing waits and nothing is claimed; tells whether it did.
pub fn finish(conn: &mut Conn, account_id: i64, mailing_id: i64, now: Timestamp) -> DbResult<bool> {
    if has_open(conn, account_id, mailing_id)? {
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
        mailings::problem.eq(None::<String>),
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
