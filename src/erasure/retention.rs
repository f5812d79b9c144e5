//! *Aufbewahrung*: what is older than the account keeps it is pseudonymised by itself, in the night.
//!
//! Old is a delivery whose mail was handed over so many months ago, with all that hangs on it, also
//! what came late: a reader who opens an old mail leaves a younger event, but not a longer trace.

use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde_json::json;

use super::past::{self, Preview};
use crate::db::models::accounts::{self, Account};
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::jobs::Job;
use crate::db::models::receipts::ReceiptKind;
use crate::db::{Conn, Db, DbResult, account_lock};
use crate::domain::time::Timestamp;

/// The fewest and the most months that can be set.
pub const MONTHS: std::ops::RangeInclusive<i64> = 1..=120;

/// At this hour of the night it is looked at.
const HOUR: i8 = 3;

/// The night is that of the screen's times.
const ZONE: &str = "Europe/Berlin";

/// The name in the audit log and on receipts.
const ACTOR: Actor = Actor::Program("Aufbewahrung");

/// Sets after how many months tracking data is pseudonymised; none: never by itself.
pub fn set(
    conn: &mut Conn,
    account_id: i64,
    months: Option<i64>,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    account_lock::exclusive(conn, account_id)?;
    if accounts::find(conn, account_id)?.retention_months == months {
        return Ok(());
    }
    let next = months.map(|_| next_night(now));
    accounts::set_retention(conn, account_id, months, next)?;
    let entry = Entry {
        actor,
        action: Action::RetentionChanged,
        recipient_id: None,
        details: json!({ "months": months }),
    };
    audit::record(conn, account_id, &entry, now)
}

/// What the next run will do, and when that is; none where nothing is set.
pub fn next_run(conn: &mut Conn, account: &Account) -> DbResult<Option<(Timestamp, Preview)>> {
    let (Some(months), Some(at)) = (account.retention_months, account.retention_next_at) else {
        return Ok(None);
    };
    let at = Timestamp(at);
    let preview = past::preview(conn, account.id, months_before(at, months))?;
    Ok(Some((at, preview)))
}

/// Queues now what the next run would do now. Gives the job; none where nothing is that old.
pub fn run_now(db: &Db, account: &Account, actor: &Actor, now: Timestamp) -> DbResult<Option<Job>> {
    let Some(months) = account.retention_months else {
        return Ok(None);
    };
    let until = months_before(now, months);
    let preview = db.read(|conn| past::preview(conn, account.id, until))?;
    if preview.mailings.is_empty() {
        return Ok(None);
    }
    let reach = (until, &preview);
    let start =
        |conn: &mut Conn| past::start(conn, account.id, ReceiptKind::Retention, reach, actor, now);
    db.write(start).map(Some)
}

/// Queues what is due in all accounts: the question of each hour. What fails for one account leaves
/// the others alone, and is due again when this is asked again.
///
/// # Errors
/// The first one, after all accounts had their turn.
pub fn start_due(db: &Db, now: Timestamp) -> DbResult<()> {
    let mut outcome = Ok(());
    for account in db.read(|conn| accounts::with_due_retention(conn, now))? {
        let started = start_due_of(db, &account, now);
        outcome = outcome.and(started);
    }
    outcome
}

/// The run and the date of the next one are one transaction: a night is never skipped.
fn start_due_of(db: &Db, account: &Account, now: Timestamp) -> DbResult<()> {
    let Some(months) = account.retention_months else {
        return Ok(());
    };
    let until = months_before(now, months);
    let preview = db.read(|conn| past::preview(conn, account.id, until))?;
    db.write(|conn| {
        // Of several nodes one takes it.
        account_lock::exclusive(conn, account.id)?;
        let current = accounts::find(conn, account.id)?;
        let is_due = current
            .retention_next_at
            .is_some_and(|at| at <= now.millis());
        if !is_due || current.retention_months != Some(months) {
            return Ok(());
        }
        accounts::set_retention(conn, account.id, Some(months), Some(next_night(now)))?;
        if !preview.mailings.is_empty() {
            let reach = (until, &preview);
            past::start(conn, account.id, ReceiptKind::Retention, reach, &ACTOR, now)?;
        }
        Ok(())
    })
}

fn zone() -> TimeZone {
    TimeZone::get(ZONE).unwrap_or(TimeZone::UTC)
}

fn local(time: Timestamp) -> jiff::Zoned {
    jiff::Timestamp::from_millisecond(time.millis())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(zone())
}

/// The next time it is three o'clock in the night.
fn next_night(now: Timestamp) -> Timestamp {
    let today = local(now);
    let at_three = |day: jiff::civil::Date| {
        day.at(HOUR, 0, 0, 0)
            .to_zoned(zone())
            .map(|at| Timestamp(at.timestamp().as_millisecond()))
    };
    let nights = [Ok(today.date()), today.date().tomorrow()];
    nights
        .into_iter()
        .filter_map(|day| day.and_then(at_three).ok())
        .find(|night| *night > now)
        .unwrap_or_else(|| now.plus_days(1))
}

/// The same moment of so many months before.
fn months_before(time: Timestamp, months: i64) -> Timestamp {
    local(time).checked_sub(months.months()).map_or_else(
        |_| time.plus_days(-31 * months),
        |before| Timestamp(before.timestamp().as_millisecond()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().unwrap();
        Timestamp(time.as_millisecond())
    }

    #[test]
    fn the_next_night_is_ahead_also_when_the_clocks_change() {
        for (now, night) in [
            ("2026-11-24T20:00:00Z", "2026-11-25T02:00:00Z"),
            ("2026-11-25T01:00:00Z", "2026-11-25T02:00:00Z"),
            ("2026-11-25T02:00:00Z", "2026-11-26T02:00:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-02T01:00:00Z"),
            ("2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        ] {
            assert_eq!(next_night(at(now)), at(night), "{now}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let of = |time, months| months_before(at(time), months);
        assert_eq!(of("2026-11-25T02:00:00Z", 1), at("2026-10-25T02:00:00Z"));
        assert_eq!(of("2026-03-31T10:00:00Z", 1), at("2026-02-28T11:00:00Z"));
        assert_eq!(of("2026-11-25T02:00:00Z", 13), at("2025-10-25T01:00:00Z"));
    }
}
