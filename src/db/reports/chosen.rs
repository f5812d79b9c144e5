//! Whom a filter of *Empfängeraktivität* finds, to make a group of them. Only who was measured
//! personally and still has a name can be in it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::activity::{Filter, RECEIVED};
use crate::db::json_rows::{self, Column};
use crate::db::{Conn, DbResult};
use crate::domain::tracking::RecipientTracking;

/// A recipient who was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Chosen {
    /// The number.
    #[diesel(sql_type = BigInt)]
    pub recipient_id: i64,
    /// What the person has said about personal tracking by now.
    #[diesel(sql_type = Text)]
    pub tracking: RecipientTracking,
}

/// How many of those who were found have said the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Part {
    /// What they have said about personal tracking by now.
    #[diesel(sql_type = Text)]
    pub tracking: RecipientTracking,
    /// How many they are.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// The numbers of the found recipients after that number, in order. May look through many others.
pub fn after(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    recipient_id: i64,
    limit: i64,
) -> DbResult<Vec<i64>> {
    let found: Vec<Numbered> = diesel::sql_query(format!(
        "SELECT d.recipient_id FROM deliveries d
         WHERE d.mailing_id = $1 AND d.account_id = $2 AND d.recipient_id > $3
           AND d.policy = 'personal' AND {RECEIVED} {}
         ORDER BY d.recipient_id LIMIT $4",
        filter.condition()
    ))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(recipient_id)
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(found.into_iter().map(|row| row.recipient_id).collect())
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    recipient_id: i64,
}

/// Those of these recipients who are found at this moment.
pub fn of(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    recipients: &[i64],
) -> DbResult<Vec<Chosen>> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    Ok(diesel::sql_query(format!(
        "SELECT r.id AS recipient_id, r.tracking
         FROM {rows} AS wanted CROSS JOIN deliveries d CROSS JOIN recipients r
         WHERE d.recipient_id = wanted.id AND d.mailing_id = $2 AND d.account_id = $3
           AND d.policy = 'personal' AND {RECEIVED} {} AND r.id = d.recipient_id",
        filter.condition()
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// How many recipients are found, by what they have said.
pub fn count(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
) -> DbResult<Vec<Part>> {
    Ok(diesel::sql_query(format!(
        "SELECT r.tracking, COUNT(*) AS n
         FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
         WHERE d.mailing_id = $1 AND d.account_id = $2 AND d.policy = 'personal' AND {RECEIVED} {}
         GROUP BY r.tracking",
        filter.condition()
    ))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// How many pseudonyms are found: nobody any more.
pub fn pseudonyms(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
) -> DbResult<i64> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let counted: Counted = diesel::sql_query(format!(
        "SELECT COUNT(*) AS n FROM deliveries d
         WHERE d.mailing_id = $1 AND d.account_id = $2 AND d.recipient_id IS NULL
           AND d.policy = 'personal' AND {RECEIVED} {}",
        filter.condition()
    ))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .get_result(conn)?;
    Ok(counted.n)
}
