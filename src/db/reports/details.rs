//! One mailing's figures per hour, per link and per class of device.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};

use crate::db::schema::mailing_devices;
use crate::db::{Conn, DbResult};
use crate::domain::small_groups::Count;

/// How often something was counted, in the four ways there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// With a way back to a recipient, or to a pseudonym by now.
    pub personal: i64,
    /// Of these, the first of their recipient.
    pub unique: i64,
    /// Anonymously.
    pub anonymous: Count,
    /// By programs: in no rate.
    pub automatic: i64,
}

impl Counts {
    /// All of them.
    pub const fn all(self) -> i64 {
        self.personal + self.anonymous.all + self.automatic
    }

    fn add(&mut self, row: &HourRow) {
        self.personal += row.personal;
        self.unique += row.firsts;
        self.anonymous.all += row.anonymous;
        self.anonymous.account_off += row.account_off;
        self.automatic += row.automatic;
    }
}

/// Opens and clicks of one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourCounts {
    /// The hour, in whole hours since 1970.
    pub hour: i64,
    /// Opens.
    pub opens: Counts,
    /// Clicks on any link.
    pub clicks: Counts,
}

#[derive(QueryableByName)]
struct HourRow {
    #[diesel(sql_type = Integer)]
    kind: i32,
    #[diesel(sql_type = BigInt)]
    hour: i64,
    #[diesel(sql_type = BigInt)]
    personal: i64,
    #[diesel(sql_type = BigInt)]
    firsts: i64,
    #[diesel(sql_type = BigInt)]
    anonymous: i64,
    #[diesel(sql_type = BigInt)]
    automatic: i64,
    #[diesel(sql_type = BigInt)]
    account_off: i64,
}

/// The first hours of a mailing, each one, also those without anything; and one entry for all that
/// lies outside of them, so that the sum is the mailing's total.
pub fn hours(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    from: i64,
    number: usize,
) -> DbResult<(Vec<HourCounts>, HourCounts)> {
    let rows: Vec<HourRow> = diesel::sql_query(
        "SELECT CAST(kind AS INTEGER) AS kind, hour, personal, firsts, anonymous, automatic, account_off
         FROM mailing_hours WHERE mailing_id = $1 AND account_id = $2 AND link = 0
         ORDER BY kind, hour",
    )
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    let mut hours: Vec<HourCounts> = (from..)
        .take(number)
        .map(|hour| HourCounts {
            hour,
            ..HourCounts::default()
        })
        .collect();
    let mut others = HourCounts::default();
    for row in &rows {
        let entry = usize::try_from(row.hour - from)
            .ok()
            .and_then(|at| hours.get_mut(at))
            .unwrap_or(&mut others);
        match row.kind {
            0 => entry.opens.add(row),
            _ => entry.clicks.add(row),
        }
    }
    Ok((hours, others))
}

/// Clicks on one link.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct LinkCounts {
    /// The link's number in the mailing.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    /// Where it leads.
    #[diesel(sql_type = Text)]
    pub url: String,
    /// Personally measured clicks.
    #[diesel(sql_type = BigInt)]
    pub personal: i64,
    /// Recipients who clicked it.
    #[diesel(sql_type = BigInt)]
    pub firsts: i64,
    /// Anonymous clicks.
    #[diesel(sql_type = BigInt)]
    pub anonymous: i64,
    /// Of these, those counted while tracking was off for the account.
    #[diesel(sql_type = BigInt)]
    pub account_off: i64,
    /// Clicks by programs.
    #[diesel(sql_type = BigInt)]
    pub automatic: i64,
}

/// Clicks per link, in the order of the mail.
pub fn links(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Vec<LinkCounts>> {
    let sum = |column: &str| format!("CAST(COALESCE(SUM(h.{column}), 0) AS BIGINT) AS {column}");
    let sums = [
        "personal",
        "firsts",
        "anonymous",
        "automatic",
        "account_off",
    ]
    .map(sum)
    .join(", ");
    Ok(diesel::sql_query(format!(
        "SELECT l.number, l.url, {sums}
         FROM mailing_links l
         LEFT JOIN mailing_hours h ON h.mailing_id = l.mailing_id AND h.kind = 1 AND h.link = l.number
         WHERE l.mailing_id = $1 AND l.account_id = $2
         GROUP BY l.number, l.url ORDER BY l.number"
    ))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// How often one class of device was seen: kind (0 open, 1 click), stored number of the class,
/// how often. Only what was measured personally and came from people.
pub fn devices(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
) -> DbResult<Vec<(i32, i32, i64)>> {
    Ok(mailing_devices::table
        .filter(mailing_devices::account_id.eq(account_id))
        .filter(mailing_devices::mailing_id.eq(mailing_id))
        .order((mailing_devices::kind, mailing_devices::device))
        .select((
            mailing_devices::kind,
            mailing_devices::device,
            mailing_devices::n,
        ))
        .load(conn)?)
}
