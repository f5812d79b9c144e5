//! Points in time, as stored: milliseconds and whole hours since 1970-01-01 UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const MILLIS_PER_HOUR: i64 = 3_600_000;

/// The time zone in which people count days.
pub const ZONE: &str = "Europe/Berlin";

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The machine's time.
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The whole hour this falls into.
    pub const fn hour(self) -> Hour {
        Hour(self.0.div_euclid(MILLIS_PER_HOUR))
    }

    /// That many milliseconds later (or earlier, when negative).
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0 + millis)
    }

    /// That many days later (or earlier, when negative).
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days * 24 * MILLIS_PER_HOUR)
    }
}

impl Timestamp {
    /// That many calendar months later (or earlier, when negative), as people count them.
    #[must_use]
    pub fn plus_months(self, months: i64) -> Self {
        let moved = jiff::Timestamp::from_millisecond(self.0)
            .and_then(|time| time.in_tz(ZONE))
            .and_then(|time| time.checked_add(jiff::Span::new().try_months(months)?));
        moved.map_or(self, |time| Self(time.timestamp().as_millisecond()))
    }
}

/// What tells the time: the machine's clock, or one set to another time that runs on from there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    /// By how much it differs from the machine's, in milliseconds.
    ahead_millis: i64,
}

impl Clock {
    /// A clock that shows `time` at this moment.
    pub fn set_to(time: Timestamp) -> Self {
        Self {
            ahead_millis: time.millis() - Timestamp::now().millis(),
        }
    }

    /// What it shows now.
    pub fn now(self) -> Timestamp {
        Timestamp::now().plus_millis(self.ahead_millis)
    }
}

/// Whole hours since 1970-01-01 UTC: as exactly as events are stored (rule P6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The moment the hour begins.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 * MILLIS_PER_HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::day::any_day;

    #[test]
    fn a_clock_runs_on_from_the_time_it_is_set_to() {
        let before = Timestamp::now();
        let past = Timestamp(1_000_000);
        let shown = Clock::set_to(past).now();
        let passed = Timestamp::now().millis() - before.millis();
        assert!((0..=passed).contains(&(shown.millis() - past.millis())));
        assert!(Clock::default().now() >= before);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let day = |text| any_day(text).unwrap();
        assert_eq!(day("24.11.2026").plus_months(6), day("24.05.2027"));
        assert_eq!(day("31.08.2026").plus_months(6), day("28.02.2027"));
    }

    #[test]
    fn hours_are_whole_also_before_1970() {
        assert_eq!(Timestamp(3_600_000 * 5 + 1).hour(), Hour(5));
        assert_eq!(Timestamp(-1).hour(), Hour(-1));
        assert_eq!(Hour(5).start(), Timestamp(18_000_000));
    }
}
