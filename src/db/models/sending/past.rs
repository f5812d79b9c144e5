//! Mailings of the past, written as handed over many at a time: how the example gets mailings to
//! hundreds of thousands. The counters move with every slice, so a mailing whose writing was
//! interrupted is a smaller one, and right.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column, hex};
use crate::db::models::mailings::MailingStatus;
use crate::db::schema::{mailings, recipients};
use crate::db::{Conn, DbError, DbResult, OnBackend};
use crate::domain::secret::Random128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{Decision, RecipientTracking};

/// Marks a mailing that was just frozen as sent: its deliveries are entered as handed over.
pub fn mark_sent(conn: &mut Conn, account_id: i64, mailing_id: i64, at: Timestamp) -> DbResult<()> {
    let changed = diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id))
            .filter(mailings::status.eq(MailingStatus::Preparing.as_str())),
    )
    .set((
        mailings::status.eq(MailingStatus::Sent.as_str()),
        mailings::sent_at.eq(at.millis()),
    ))
    .execute(conn)?;
    match changed {
        1 => Ok(()),
        _ => Err(DbError::Refused("only a mailing that was just started")),
    }
}

/// Somebody whom mails reach.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(table_name = recipients)]
pub struct Reached {
    /// The recipient.
    pub id: i64,
    /// What the person has said about personal tracking, at this moment.
    pub tracking: RecipientTracking,
}

/// Those of the recipients whom mails reach, in the order given; nobody deletes them before the
/// end of the transaction.
pub fn reached(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<Vec<Reached>> {
    let lock = conn.backend().row_lock("FOR KEY SHARE OF r");
    let placed: Vec<(&i64, usize)> = ids.iter().zip(1..).collect();
    let rows = json_rows::unfold(conn, &[("id", Column::Int), ("place", Column::Int)]);
    Ok(diesel::sql_query(format!(
        "SELECT r.id, r.tracking FROM {rows} AS wanted CROSS JOIN recipients r
         WHERE r.id = wanted.id AND r.account_id = $2 AND r.status = 'active'
         ORDER BY wanted.place {lock}"
    ))
    .bind::<Text, _>(json_rows::of(&placed))
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// A mail that was handed over.
#[derive(Debug, Clone, Copy)]
pub struct HandedOver {
    /// To whom.
    pub recipient_id: i64,
    /// How it may be measured (rule P1).
    pub policy: Decision,
    /// What its pixel and links carry; only where it is personal.
    pub key: Option<Random128>,
}

/// Enters deliveries that were handed over, in the order given, and counts them in the mailing.
pub fn enter_handed(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    handed: &[HandedOver],
    at: Timestamp,
) -> DbResult<()> {
    let listed: Vec<_> = handed
        .iter()
        .map(|mail| {
            (
                account_id,
                mailing_id,
                mail.recipient_id,
                mail.policy.as_str(),
                mail.key.map(|key| hex(&key)),
                at.millis(),
            )
        })
        .collect();
    let rows = json_rows::unfold(
        conn,
        &[
            ("account_id", Column::Int),
            ("mailing_id", Column::Int),
            ("recipient_id", Column::Int),
            ("policy", Column::Text),
            ("token_key", Column::Bytes),
            ("handed_at", Column::Int),
        ],
    );
    diesel::sql_query(format!(
        "INSERT INTO deliveries (account_id, mailing_id, recipient_id, policy, token_key, status, attempts, handed_at)
         SELECT account_id, mailing_id, recipient_id, policy, token_key, 'handed', 1, handed_at
         FROM {rows} AS new"
    ))
    .bind::<Text, _>(json_rows::of(&listed))
    .execute(conn)?;
    let count = |policy: Option<Decision>| {
        let some = handed
            .iter()
            .filter(|mail| policy.is_none_or(|policy| mail.policy == policy));
        i64::try_from(some.count()).unwrap_or(i64::MAX)
    };
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set((
        mailings::deliveries.eq(mailings::deliveries + count(None)),
        mailings::handed.eq(mailings::handed + count(None)),
        mailings::handed_personal.eq(mailings::handed_personal + count(Some(Decision::Personal))),
        mailings::handed_anonymous
            .eq(mailings::handed_anonymous + count(Some(Decision::Anonymous))),
    ))
    .execute(conn)?;
    Ok(())
}
