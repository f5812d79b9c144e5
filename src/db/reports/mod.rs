//! The figures of mailings, read from the counters that are kept while hits are stored: a report
//! costs the same for a thousand and for ten million events. Only *Empfängeraktivität*
//! ([`activity`]) reads deliveries, a page at a time.

pub mod activity;
pub mod chosen;
pub mod details;
pub mod found;
pub mod overview;
pub mod person;

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
    /// Mails that came back for good.
    #[diesel(sql_type = BigInt)]
    pub bounces: i64,
    /// Mails that came back for now.
    #[serde(default)]
    #[diesel(sql_type = BigInt)]
    pub soft_bounces: i64,
    /// Mails that their recipients reported as unwanted.
    #[serde(default)]
    #[diesel(sql_type = BigInt)]
    pub complaints: i64,
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
    let (sums, names): (Vec<String>, Vec<String>) = [
        (0, "personal", "opens"),
        (0, "firsts", "openers"),
        (0, "anonymous", "anonymous_opens"),
        (0, "automatic", "automatic_opens"),
        (1, "personal", "clicks"),
        (1, "firsts", "clickers"),
        (1, "anonymous", "anonymous_clicks"),
        (1, "automatic", "automatic_clicks"),
    ]
    .into_iter()
    .map(|(kind, column, name)| {
        (
            format!("SUM(CASE WHEN kind = {kind} THEN {column} ELSE 0 END) AS {name}"),
            format!("CAST(COALESCE(h.{name}, 0) AS BIGINT) AS {name}"),
        )
    })
    .unzip();
    // Both kinds are named so that the hours are found by their key, without those of each link.
    Ok(diesel::sql_query(format!(
        "WITH wanted AS {rows},
              summed AS (SELECT mailing_id, {sums} FROM mailing_hours
                         WHERE mailing_id IN (SELECT id FROM wanted) AND kind IN (0, 1) AND link = 0
                         GROUP BY mailing_id)
         SELECT m.id AS mailing_id, m.subject, m.handed, m.handed_personal, m.handed_anonymous,
                m.bounces, m.soft_bounces, m.complaints, m.unsubscriptions, m.objections, {names}
         FROM wanted
         CROSS JOIN mailings m
         LEFT JOIN summed h ON h.mailing_id = m.id
         WHERE m.id = wanted.id AND m.account_id = $2
         ORDER BY m.id",
        sums = sums.join(", "),
        names = names.join(", "),
    ))
    .bind::<Text, _>(json_rows::of_numbers(mailings.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}
