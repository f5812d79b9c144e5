//! The past by its age: deliveries of mails that were handed over before a moment and are still
//! tied to somebody.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::deliveries::UNSENT;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// What there is in one mailing.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct PastMailing {
    /// The mailing.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Its subject.
    #[diesel(sql_type = Text)]
    pub subject: String,
    /// When its sending began, in milliseconds.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub send_started_at: Option<i64>,
    /// Deliveries.
    #[diesel(sql_type = BigInt)]
    pub deliveries: i64,
    /// Opens with a way back.
    #[diesel(sql_type = BigInt)]
    pub opens: i64,
    /// Clicks with a way back.
    #[diesel(sql_type = BigInt)]
    pub clicks: i64,
}

/// Which mailings `m` and deliveries `d` are meant. The recipient's number is asked for by its
/// size, so that both databases find it in the key of mailing and recipient.
fn older(until: Timestamp) -> (String, String) {
    let until = until.millis();
    (
        format!("m.send_started_at < {until}"),
        format!(
            "d.mailing_id = m.id AND d.recipient_id > 0 AND d.status NOT IN ({UNSENT})
             AND (d.handed_at IS NULL OR d.handed_at < {until})"
        ),
    )
}

/// What there is, mailing by mailing, the newest first.
pub fn mailings(conn: &mut Conn, account_id: i64, until: Timestamp) -> DbResult<Vec<PastMailing>> {
    let (mailing, delivery) = older(until);
    Ok(diesel::sql_query(format!(
        "SELECT m.id, m.subject, m.send_started_at, COUNT(*) AS deliveries,
                CAST(SUM(d.opens) AS BIGINT) AS opens, CAST(SUM(d.clicks) AS BIGINT) AS clicks
         FROM mailings m CROSS JOIN deliveries d
         WHERE m.account_id = $1 AND {mailing} AND {delivery}
         GROUP BY m.id, m.subject, m.send_started_at ORDER BY m.id DESC"
    ))
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// To how many recipients these deliveries belong.
pub fn recipients(conn: &mut Conn, account_id: i64, until: Timestamp) -> DbResult<i64> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let (mailing, delivery) = older(until);
    let counted: Counted = diesel::sql_query(format!(
        "SELECT COUNT(DISTINCT d.recipient_id) AS n FROM mailings m CROSS JOIN deliveries d
         WHERE m.account_id = $1 AND {mailing} AND {delivery}"
    ))
    .bind::<BigInt, _>(account_id)
    .get_result(conn)?;
    Ok(counted.n)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// The first mailing behind that number with something of that age.
pub(crate) fn next_mailing(
    conn: &mut Conn,
    account_id: i64,
    until: Timestamp,
    after: i64,
) -> DbResult<Option<i64>> {
    let (mailing, delivery) = older(until);
    let found: Option<Number> = diesel::sql_query(format!(
        "SELECT m.id FROM mailings m
         WHERE m.account_id = $1 AND m.id > $2 AND {mailing}
             AND EXISTS (SELECT 1 FROM deliveries d WHERE {delivery})
         ORDER BY m.id LIMIT 1"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(after)
    .get_result(conn)
    .optional()?;
    Ok(found.map(|row| row.id))
}

/// The next deliveries of a mailing, in the order of their numbers: those were given in shuffled
/// order, so what is cut off together, and lies together in the files of PostgreSQL afterwards,
/// says nothing about whose it was (rule P6).
pub(crate) fn deliveries(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    until: Timestamp,
    after: i64,
    limit: i64,
) -> DbResult<Vec<i64>> {
    let (_, delivery) = older(until);
    // The plus keeps both databases from walking all deliveries there are in that order.
    let found: Vec<Number> = diesel::sql_query(format!(
        "SELECT d.id FROM mailings m CROSS JOIN deliveries d
         WHERE m.account_id = $1 AND m.id = $2 AND {delivery} AND +d.id > $3
         ORDER BY +d.id LIMIT $4"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(found.into_iter().map(|row| row.id).collect())
}
