//! What became of deliveries, and the end of a mailing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::json_rows::{self, Column};
use crate::db::models::mailings::MailingStatus;
use crate::db::schema::{deliveries, mailings};
use crate::db::{Conn, DbResult};
use crate::domain::secret::Random128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::Decision;

use super::claims::InHand;

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
