//! The figures of mailings, read from the counters that are kept while hits are stored: a report
//! costs the same for a thousand and for ten million events. Only *Empfängeraktivität*
//! ([`activity`]) reads deliveries, a page at a time.

pub mod activity;
pub mod details;
pub mod overview;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::{Deserialize, Serialize};

use crate::db::json_rows::{self, Column};
use crate::db::{Conn, DbResult};

/// Every total of one mailing's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, QueryableByName)]
pub struct Figures {
    /// The mailing.
    #[diesel(sql_type = BigInt)]
    pub mailing_id: i64,
    /// Its subject.
    #[diesel(sql_type = Text)]
    pub subject: String,
    /// Mails handed over.
    #[diesel(sql_type = BigInt)]
    pub handed: i64,
    /// Of these, measured personally: the denominator of the unique rates.
    #[diesel(sql_type = BigInt)]
    pub handed_personal: i64,
    /// Of these, counted anonymously.
    #[diesel(sql_type = BigInt)]
    pub handed_anonymous: i64,
    /// Personally measured opens.
    #[diesel(sql_type = BigInt)]
    pub opens: i64,
    /// Recipients who opened (unique opens).
    #[diesel(sql_type = BigInt)]
    pub openers: i64,
    /// Anonymous opens.
    #[diesel(sql_type = BigInt)]
    pub anonymous_opens: i64,
    /// Opens by programs: in no rate.
    #[diesel(sql_type = BigInt)]
    pub automatic_opens: i64,
    /// Personally measured clicks.
    #[diesel(sql_type = BigInt)]
    pub clicks: i64,
    /// Recipients who clicked (unique clicks).
    #[diesel(sql_type = BigInt)]
    pub clickers: i64,
    /// Anonymous clicks.
    #[diesel(sql_type = BigInt)]
    pub anonymous_clicks: i64,
    /// Clicks by programs: in no rate.
    #[diesel(sql_type = BigInt)]
    pub automatic_clicks: i64,
    /// Mails that came back.
    #[diesel(sql_type = BigInt)]
    pub bounces: i64,
    /// Unsubscriptions through this mailing's links.
    #[diesel(sql_type = BigInt)]
    pub unsubscriptions: i64,
    /// Objections through this mailing's links.
    #[diesel(sql_type = BigInt)]
    pub objections: i64,
}

/// The figures of these mailings, in ascending order of their numbers.
pub fn figures(conn: &mut Conn, account_id: i64, mailings: &[i64]) -> DbResult<Vec<Figures>> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let sum = |kind: i32, column: &str, name: &str| {
        format!(
            "CAST(COALESCE(SUM(CASE WHEN h.kind = {kind} THEN h.{column} END), 0) AS BIGINT) AS {name}"
        )
    };
    let sums = [
        sum(0, "personal", "opens"),
        sum(0, "firsts", "openers"),
        sum(0, "anonymous", "anonymous_opens"),
        sum(0, "automatic", "automatic_opens"),
        sum(1, "personal", "clicks"),
        sum(1, "firsts", "clickers"),
        sum(1, "anonymous", "anonymous_clicks"),
        sum(1, "automatic", "automatic_clicks"),
    ]
    .join(", ");
    Ok(diesel::sql_query(format!(
        "SELECT m.id AS mailing_id, m.subject, m.handed, m.handed_personal, m.handed_anonymous,
                m.bounces, m.unsubscriptions, m.objections, {sums}
         FROM {rows} AS wanted
         JOIN mailings m ON m.id = wanted.id
         LEFT JOIN mailing_hours h ON h.mailing_id = m.id AND h.link = 0
         WHERE m.account_id = $2
         GROUP BY m.id, m.subject, m.handed, m.handed_personal, m.handed_anonymous,
                  m.bounces, m.unsubscriptions, m.objections
         ORDER BY m.id"
    ))
    .bind::<Text, _>(json_rows::of_numbers(mailings.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}
