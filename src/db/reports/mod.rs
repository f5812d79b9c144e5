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
use crate::db::prepared::prepared;
use crate::db::{Conn, DbResult};
use crate::domain::small_groups::{Count, Groups, Shown};

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
    /// Of these, those counted while tracking was off for the account.
    #[serde(default)]
    #[diesel(sql_type = BigInt)]
    pub account_off_opens: i64,
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
    /// Of these, those counted while tracking was off for the account.
    #[serde(default)]
    #[diesel(sql_type = BigInt)]
    pub account_off_clicks: i64,
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

impl Figures {
    /// Of how many people the anonymous counts are. Both numbers are frozen when the mails go out.
    pub const fn groups(&self) -> Groups {
        Groups {
            objected: self.handed_anonymous,
            everybody: self.handed_personal + self.handed_anonymous,
        }
    }

    /// Anonymous opens, as they may be shown.
    pub const fn shown_opens(&self) -> Shown {
        self.groups().total(Count {
            all: self.anonymous_opens,
            account_off: self.account_off_opens,
        })
    }

    /// Anonymous clicks, as they may be shown.
    pub const fn shown_clicks(&self) -> Shown {
        self.groups().total(Count {
            all: self.anonymous_clicks,
            account_off: self.account_off_clicks,
        })
    }
}

/// The figures of these mailings, in ascending order of their numbers.
pub fn figures(conn: &mut Conn, account_id: i64, mailings: &[i64]) -> DbResult<Vec<Figures>> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let names = [
        ("o.personal", "opens"),
        ("o.firsts", "openers"),
        ("o.anonymous", "anonymous_opens"),
        ("o.account_off", "account_off_opens"),
        ("o.automatic", "automatic_opens"),
        ("c.personal", "clicks"),
        ("c.firsts", "clickers"),
        ("c.anonymous", "anonymous_clicks"),
        ("c.account_off", "account_off_clicks"),
        ("c.automatic", "automatic_clicks"),
    ]
    .map(|(sum, name)| format!("CAST(COALESCE({sum}, 0) AS BIGINT) AS {name}"))
    .join(", ");
    // Both kinds are named so that the hours are found by their key, without those of each link.
    // Each hour is read once and added to five sums; a sum per figure would be eight.
    Ok(prepared(format!(
        "WITH wanted AS {rows},
              summed AS (SELECT mailing_id, kind, SUM(personal) AS personal, SUM(firsts) AS firsts,
                                SUM(anonymous) AS anonymous, SUM(automatic) AS automatic,
                                SUM(account_off) AS account_off
                         FROM mailing_hours
                         WHERE mailing_id IN (SELECT id FROM wanted) AND kind IN (0, 1) AND link = 0
                         GROUP BY mailing_id, kind)
         SELECT m.id AS mailing_id, m.subject, m.handed, m.handed_personal, m.handed_anonymous,
                m.bounces, m.soft_bounces, m.complaints, m.unsubscriptions, m.objections, {names}
         FROM wanted
         CROSS JOIN mailings m
         LEFT JOIN summed o ON o.mailing_id = m.id AND o.kind = 0
         LEFT JOIN summed c ON c.mailing_id = m.id AND c.kind = 1
         WHERE m.id = wanted.id AND m.account_id = $2
         ORDER BY m.id"
    ))
    .text(json_rows::of_numbers(mailings.iter().copied()))
    .int(account_id)
    .load(conn)?)
}
