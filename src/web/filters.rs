//! How numbers and times are written in German, as filters for templates.
//!
//! A template struct brings them in with `use crate::web::filters;`.
#![allow(clippy::inline_always, reason = "askama's macro inlines filters")]
#![allow(
    missing_docs,
    reason = "askama's macro makes structs that cannot carry docs"
)]

use askama::{Result, Values};
use jiff::tz::TimeZone;

use crate::db::paging::CappedCount;
use crate::domain::small_groups::{LEAST, Shown};
use crate::domain::time::ZONE;

/// The time zone of all times on the screen.
fn zone() -> TimeZone {
    TimeZone::get(ZONE).unwrap_or(TimeZone::UTC)
}

/// 1234567 as "1.234.567".
pub fn format_number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

/// A share as "12,3 %"; "–" where the whole is nothing.
pub fn format_percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".into();
    }
    let tenths = (i128::from(part) * 2_000 + i128::from(whole)) / (2 * i128::from(whole));
    format!("{},{} %", tenths / 10, tenths % 10)
}

/// Milliseconds as "24.11.2026, 09:15 Uhr".
pub fn format_time(millis: i64) -> String {
    format_as(millis, "%d.%m.%Y, %H:%M Uhr")
}

/// Milliseconds as "24.11.2026".
pub fn format_date(millis: i64) -> String {
    format_as(millis, "%d.%m.%Y")
}

/// Milliseconds in any form, in the time zone of the screen.
pub fn format_as(millis: i64, form: &str) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|time| time.to_zoned(zone()).strftime(form).to_string())
        .unwrap_or_default()
}

/// A capped count as "17" or "mehr als 1.000".
pub fn format_capped(count: CappedCount) -> String {
    let number = format_number(count.counted);
    if count.more {
        format!("mehr als {number}")
    } else {
        number
    }
}

/// An anonymous count as it may be shown: "1.234", "< 5", or "–" of a group too small.
pub fn format_shown(shown: Shown) -> String {
    match shown {
        Shown::Exactly(n) => format_number(n),
        Shown::Few => format!("< {LEAST}"),
        Shown::SmallGroup => "–".into(),
    }
}

/// `{{ n|number }}`
#[askama::filter_fn]
pub fn number(number: &i64, _: &dyn Values) -> Result<String> {
    Ok(format_number(*number))
}

/// `{{ anonymous|shown }}`
#[askama::filter_fn]
pub fn shown(shown: &Shown, _: &dyn Values) -> Result<String> {
    Ok(format_shown(*shown))
}

/// `{{ part|percent_of(whole) }}`
#[askama::filter_fn]
pub fn percent_of(part: &i64, _: &dyn Values, whole: &i64) -> Result<String> {
    Ok(format_percent(*part, *whole))
}

/// `{{ millis|time }}`
#[askama::filter_fn]
pub fn time(millis: &i64, _: &dyn Values) -> Result<String> {
    Ok(format_time(*millis))
}

/// `{{ millis|date }}`
#[askama::filter_fn]
pub fn date(millis: &i64, _: &dyn Values) -> Result<String> {
    Ok(format_date(*millis))
}

/// A time, or the day alone where it is midnight: days that somebody typed have no time.
pub fn format_moment(millis: i64) -> String {
    if format_as(millis, "%H:%M:%S") == "00:00:00" {
        format_date(millis)
    } else {
        format_time(millis)
    }
}

/// `{{ millis|moment }}`
#[askama::filter_fn]
pub fn moment(millis: &i64, _: &dyn Values) -> Result<String> {
    Ok(format_moment(*millis))
}

/// `{{ millis|hour }}`: "24.11.2026, 9 Uhr", of a time that is kept to the hour.
#[askama::filter_fn]
pub fn hour(millis: &i64, _: &dyn Values) -> Result<String> {
    Ok(format_as(*millis, "%d.%m.%Y, %-H Uhr"))
}

/// `{{ count|capped }}`
#[askama::filter_fn]
pub fn capped(count: &CappedCount, _: &dyn Values) -> Result<String> {
    Ok(format_capped(*count))
}

/// `{{ n|counted("Empfänger", "Empfänger") }}`: a number with the right form of its noun.
#[askama::filter_fn]
pub fn counted(number: &i64, _: &dyn Values, one: &str, many: &str) -> Result<String> {
    Ok(if *number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {many}", format_number(*number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(format_number(0), "0");
        assert_eq!(format_number(999), "999");
        assert_eq!(format_number(1_234_567), "1.234.567");
        assert_eq!(format_number(-1_000), "−1.000");
    }

    #[test]
    fn shares_are_rounded_and_never_of_nothing() {
        assert_eq!(format_percent(1, 3), "33,3 %");
        assert_eq!(format_percent(2, 3), "66,7 %");
        assert_eq!(format_percent(5, 5), "100,0 %");
        assert_eq!(format_percent(1, 0), "–");
    }

    #[test]
    fn times_are_german() {
        assert_eq!(format_time(1_795_508_100_000), "24.11.2026, 09:15 Uhr");
        assert_eq!(format_date(1_782_856_800_000), "01.07.2026");
    }
}
