//! A day, in the forms in which people and programs write it: `24.11.25`, `24. November 2025`,
//! `2025-11-24T10:15:00Z`, `11/24/2025`, the serial number of a spreadsheet, Unix seconds.
//!
//! What could be two days is refused, and so is what no day of this product can be.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::time::{Timestamp, ZONE};

/// The earliest year that is accepted: older consents are unlikely, mistyped years are not.
const FIRST_YEAR: i16 = 1990;

/// The last year that is taken where a day may lie in the future.
const LAST_YEAR: i16 = 2100;

/// No day is written in more bytes.
const MAX_BYTES: usize = 100;

/// Day 0 of spreadsheets, for all days from 1 March 1900 on.
const SERIAL_ZERO: Date = jiff::civil::date(1899, 12, 30);

/// Which of two numbers with a slash or hyphen between them is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberOrder {
    /// `24/11/2025`
    DayFirst,
    /// `11/24/2025`
    MonthFirst,
}

/// Why a text is not taken as a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayProblem {
    /// No day in any known form.
    Unreadable,
    /// A day that the calendar does not have, such as 31.02.2026.
    NotInCalendar,
    /// One of two days: `03/04/2025`.
    Ambiguous,
    /// Before 1990.
    TooEarly,
    /// Not begun yet, where only past days make sense.
    InFuture,
    /// After the year 2100.
    TooLate,
}

impl fmt::Display for DayProblem {
    /// The second half of a sentence that begins with what the day is about.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable => "ist kein Tag wie 24.11.2026 oder 2026-11-24.",
            Self::NotInCalendar => "steht nicht im Kalender.",
            Self::Ambiguous => {
                "ist nicht eindeutig: Was davon der Tag und was der Monat ist, lässt sich nicht erkennen. Eindeutig ist zum Beispiel 24.11.2026."
            }
            Self::TooEarly => "liegt vor 1990.",
            Self::InFuture => "liegt in der Zukunft.",
            Self::TooLate => "liegt nach dem Jahr 2100.",
        })
    }
}

impl DayProblem {
    /// A German sentence for a form; `prompt` where there is no day to say anything about.
    pub fn sentence(self, prompt: &str) -> String {
        match self {
            Self::Unreadable => prompt.to_owned(),
            problem => format!("Dieser Tag {problem}"),
        }
    }
}

/// The beginning of a day between 1990 and now, in the time zone of [`ZONE`].
///
/// # Errors
/// [`DayProblem`], also where `03/04/2025` needs an `order` and there is none.
pub fn past_day(
    text: &str,
    order: Option<NumberOrder>,
    now: Timestamp,
) -> Result<Timestamp, DayProblem> {
    match within_years(read(text, order)?).and_then(start_of) {
        Ok(day) if day > now => Err(DayProblem::InFuture),
        Err(DayProblem::TooLate) => Err(DayProblem::InFuture),
        other => other,
    }
}

/// The beginning of a day between 1990 and 2100, in the time zone of [`ZONE`].
///
/// # Errors
/// [`DayProblem`].
pub fn any_day(text: &str) -> Result<Timestamp, DayProblem> {
    start_of(any_date(text)?)
}

/// A day between 1990 and 2100.
///
/// # Errors
/// [`DayProblem`].
pub fn any_date(text: &str) -> Result<Date, DayProblem> {
    within_years(read(text, None)?)
}

/// Which number is the day, where this text leaves no doubt; `None` also for days that are written
/// in another form.
pub fn number_order(text: &str) -> Option<NumberOrder> {
    let (written, _) = written(&cleaned(text)).ok()?;
    match written.date {
        DateForm::Numbers { first, second, .. } => order_of(first, second),
        DateForm::Named { .. } => None,
    }
}

fn order_of(first: i8, second: i8) -> Option<NumberOrder> {
    match (first > 12, second > 12) {
        (true, false) => Some(NumberOrder::DayFirst),
        (false, true) => Some(NumberOrder::MonthFirst),
        _ => None,
    }
}

fn within_years(date: Date) -> Result<Date, DayProblem> {
    match date.year() {
        ..FIRST_YEAR => Err(DayProblem::TooEarly),
        FIRST_YEAR..=LAST_YEAR => Ok(date),
        _ => Err(DayProblem::TooLate),
    }
}

fn start_of(date: Date) -> Result<Timestamp, DayProblem> {
    let start = date.in_tz(ZONE).map_err(|_| DayProblem::NotInCalendar)?;
    Ok(Timestamp(start.timestamp().as_millisecond()))
}

fn read(text: &str, order: Option<NumberOrder>) -> Result<Date, DayProblem> {
    let text = cleaned(text);
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err(DayProblem::Unreadable);
    }
    if let Some(date) = counted(&text) {
        return date;
    }
    let (written, rest) = written(&text)?;
    let date = written.date.resolve(order)?;
    let (time, zone) = match written.time {
        Some(found) => found,
        None => time_and_zone(rest)?,
    };
    match (time, zone) {
        (Some(time), Some(zone)) => zone
            .to_timestamp(DateTime::from_parts(date, time))
            .map(local_date)
            .map_err(|_| DayProblem::NotInCalendar)?,
        _ => Ok(date),
    }
}

/// Without surrounding space, the apostrophe that marks text in spreadsheets, and the invisible
/// direction marks that come along when a date is copied on Windows.
fn cleaned(text: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let text: String = text.chars().take(4 * MAX_BYTES).filter(visible).collect();
    text.trim().trim_start_matches('\'').trim().to_owned()
}

fn local_date(time: jiff::Timestamp) -> Result<Date, DayProblem> {
    let zone = TimeZone::get(ZONE).map_err(|_| DayProblem::Unreadable)?;
    Ok(time.to_zoned(zone).date())
}

/// A day as a count: a spreadsheet's serial, Unix seconds or milliseconds. `None`
/// where the
/// text is no such number.
fn counted(text: &str) -> Option<Result<Date, DayProblem>> {
    let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_date = text.len() == 8 && all_digits(text);
    if is_date || !all_digits(whole) || !all_digits(part) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let moment = |time: Result<jiff::Timestamp, jiff::Error>| {
        let time = time.map_err(|_| DayProblem::Unreadable);
        time.and_then(local_date)
    };
    Some(match whole.len() {
        5 => SERIAL_ZERO
            .checked_add(jiff::Span::new().days(number))
            .map_err(|_| DayProblem::Unreadable),
        9 | 10 => moment(jiff::Timestamp::from_second(number)),
        12 | 13 => moment(jiff::Timestamp::from_millisecond(number)),
        _ => Err(DayProblem::Unreadable),
    })
}

fn calendar(year: i16, month: i8, day: i8) -> Result<Date, DayProblem> {
    Date::new(year, month, day).map_err(|_| DayProblem::NotInCalendar)
}

/// A day as it stands in the text.
enum DateForm {
    Named { year: i16, month: i8, day: i8 },
    Numbers { first: i8, second: i8, year: i16 },
}

impl DateForm {
    fn resolve(&self, order: Option<NumberOrder>) -> Result<Date, DayProblem> {
        match *self {
            Self::Named { year, month, day } => calendar(year, month, day),
            Self::Numbers {
                first,
                second,
                year,
            } if first == second => calendar(year, first, second),
            Self::Numbers {
                first,
                second,
                year,
            } => match order_of(first, second) {
                // Both are too large for a month.
                None if first > 12 => Err(DayProblem::NotInCalendar),
                None => match order.ok_or(DayProblem::Ambiguous)? {
                    NumberOrder::DayFirst => calendar(year, second, first),
                    NumberOrder::MonthFirst => calendar(year, first, second),
                },
                Some(NumberOrder::DayFirst) => calendar(year, second, first),
                Some(NumberOrder::MonthFirst) => calendar(year, first, second),
            },
        }
    }
}

type TimeAndZone = (Option<Time>, Option<Offset>);

struct Written {
    date: DateForm,
    /// Where the time stands before the year, as in `Mon Nov 24 10:15:00 2025`.
    time: Option<TimeAndZone>,
}

/// The day at the beginning of a text, and what follows.
fn written(text: &str) -> Result<(Written, Cursor<'_>), DayProblem> {
    const UNREADABLE: DayProblem = DayProblem::Unreadable;
    let mut cursor = Cursor(text);
    cursor.skip_words(|word| is_weekday(word) || matches!(word, "den" | "dem" | "am" | "vom"));
    let mut time = None;
    let date = if let Some(first) = cursor.number() {
        if first.len() == 8 {
            let date = DateForm::Named {
                year: year_of(&first[..4])?,
                month: small(&first[4..6])?,
                day: small(&first[6..])?,
            };
            return Ok((Written { date, time }, cursor));
        }
        let separator = cursor.take(['.', '/', '-']);
        cursor.spaces();
        match (separator, cursor.number()) {
            (Some(separator), Some(second)) => {
                cursor.spaces();
                cursor.take([separator]).ok_or(UNREADABLE)?;
                cursor.spaces();
                let third = cursor.number().ok_or(UNREADABLE)?;
                numeric([first, second, third], separator)?
            }
            (None, Some(_)) => return Err(UNREADABLE),
            (_, None) => {
                cursor.skip_words(|word| matches!(word, "st" | "nd" | "rd" | "th" | "of"));
                let month = cursor.word().and_then(|word| month(&word));
                cursor.separators();
                let last = cursor.number().ok_or(UNREADABLE)?;
                named(first, month.ok_or(UNREADABLE)?, last)?
            }
        }
    } else {
        let month = cursor.word().and_then(|word| month(&word));
        let month = month.ok_or(UNREADABLE)?;
        cursor.separators();
        let day = cursor.number().ok_or(UNREADABLE)?;
        cursor.skip_words(|word| matches!(word, "st" | "nd" | "rd" | "th"));
        cursor.separators();
        let before_year = cursor.0;
        let mut year = cursor.number().ok_or(UNREADABLE)?;
        if cursor.0.starts_with(':') {
            let mut clock = Cursor(before_year);
            let at = clock.time()?;
            clock.spaces();
            let zone = clock.zone()?;
            clock.spaces();
            year = clock.number().ok_or(UNREADABLE)?;
            cursor = clock;
            time = Some((Some(at), zone));
            if !cursor.0.is_empty() {
                return Err(UNREADABLE);
            }
        }
        named(day, month, year)?
    };
    Ok((Written { date, time }, cursor))
}

/// `24 November 2025`, and rarely `2025 November 24`.
fn named(first: &str, month: i8, last: &str) -> Result<DateForm, DayProblem> {
    let (day, year) = if first.len() == 4 {
        (last, first)
    } else {
        (first, last)
    };
    Ok(DateForm::Named {
        year: year_of(year)?,
        month,
        day: small(day)?,
    })
}

fn numeric([first, second, third]: [&str; 3], separator: char) -> Result<DateForm, DayProblem> {
    if first.len() == 4 {
        return Ok(DateForm::Named {
            year: year_of(first)?,
            month: small(second)?,
            day: small(third)?,
        });
    }
    // `25-11-24` begins with the year for some, and with the day for others.
    if separator == '-' && third.len() == 2 {
        return Err(DayProblem::Ambiguous);
    }
    let (first, second, year) = (small(first)?, small(second)?, year_of(third)?);
    Ok(if separator == '.' {
        DateForm::Named {
            year,
            month: second,
            day: first,
        }
    } else {
        DateForm::Numbers {
            first,
            second,
            year,
        }
    })
}

fn small(digits: &str) -> Result<i8, DayProblem> {
    match digits.len() {
        1 | 2 => digits.parse().map_err(|_| DayProblem::Unreadable),
        _ => Err(DayProblem::Unreadable),
    }
}

/// Two digits are a year between 1990 and 2089.
fn year_of(digits: &str) -> Result<i16, DayProblem> {
    let number: i16 = digits.parse().map_err(|_| DayProblem::Unreadable)?;
    match digits.len() {
        4 => Ok(number),
        2 if number >= FIRST_YEAR % 100 => Ok(1900 + number),
        2 => Ok(2000 + number),
        _ => Err(DayProblem::Unreadable),
    }
}

/// What stands behind the day: nothing, or the time of day, with its zone or without.
fn time_and_zone(mut cursor: Cursor<'_>) -> Result<TimeAndZone, DayProblem> {
    let after_day = cursor.0;
    cursor.separators();
    let is_joined = cursor.0.len() == after_day.len();
    if is_joined && cursor.take(['T', 't']).is_none() && !cursor.0.is_empty() {
        // A day of XML may have a zone, which changes nothing about it.
        cursor.zone()?;
    }
    cursor.skip_words(|word| matches!(word, "um" | "at" | "t"));
    let time = if cursor.0.starts_with(|c: char| c.is_ascii_digit()) {
        Some(cursor.time()?)
    } else {
        None
    };
    cursor.spaces();
    let zone = cursor.zone()?;
    cursor.spaces();
    // `(Central European Standard Time)`, `[Europe/Berlin]`: what the offset has said.
    let named = [('(', ')'), ('[', ']')];
    let is_named = named
        .iter()
        .any(|(open, close)| cursor.0.starts_with(*open) && cursor.0.ends_with(*close));
    if cursor.0.is_empty() || (is_named && zone.is_some()) {
        Ok((time, zone))
    } else {
        Err(DayProblem::Unreadable)
    }
}

/// The rest of a text.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn spaces(&mut self) {
        self.0 = self.0.trim_start();
    }

    fn separators(&mut self) {
        self.0 = self
            .0
            .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '-' | '/'));
    }

    fn take<const N: usize>(&mut self, wanted: [char; N]) -> Option<char> {
        let found = self.0.chars().next().filter(|c| wanted.contains(c))?;
        self.0 = &self.0[found.len_utf8()..];
        Some(found)
    }

    fn while_(&mut self, belongs: impl Fn(char) -> bool) -> Option<&'a str> {
        let end = self.0.find(|c| !belongs(c)).unwrap_or(self.0.len());
        let (found, rest) = self.0.split_at(end);
        self.0 = rest;
        (!found.is_empty()).then_some(found)
    }

    fn number(&mut self) -> Option<&'a str> {
        self.while_(|c| c.is_ascii_digit())
    }

    /// The next word, in lower case.
    fn word(&mut self) -> Option<String> {
        self.while_(char::is_alphabetic).map(str::to_lowercase)
    }

    /// Skips words of that kind, with what separates them.
    fn skip_words(&mut self, skipped: impl Fn(&str) -> bool) {
        loop {
            let before = self.0;
            if !self.word().is_some_and(|word| skipped(&word)) {
                self.0 = before;
                return;
            }
            self.separators();
        }
    }

    /// `10:15`, `10:15:30.123`, `10.15 Uhr`, `10:15 PM`, `101530` behind a `T`.
    fn time(&mut self) -> Result<Time, DayProblem> {
        const UNREADABLE: DayProblem = DayProblem::Unreadable;
        let digits = self.number().ok_or(UNREADABLE)?;
        let (mut hour, mut minute, mut second) = (0, 0, 0);
        if matches!(digits.len(), 4 | 6) {
            hour = small(&digits[..2])?;
            minute = small(&digits[2..4])?;
            second = digits.get(4..6).map_or(Ok(0), small)?;
        } else {
            hour += small(digits)?;
            if self.take([':', '.', 'h']).is_some() {
                minute = small(self.number().ok_or(UNREADABLE)?)?;
                if self.take([':', '.']).is_some() {
                    second = small(self.number().ok_or(UNREADABLE)?)?;
                }
            }
        }
        if self.take(['.', ',']).is_some() {
            self.number().ok_or(UNREADABLE)?;
        }
        let before = self.0;
        self.spaces();
        let half = self.while_(|c| c.is_alphabetic() || c == '.');
        match half.map(str::to_lowercase).as_deref() {
            Some("uhr" | "h") => {}
            Some("am" | "a.m." | "pm" | "p.m.") if !(1..=12).contains(&hour) => {
                return Err(UNREADABLE);
            }
            Some("am" | "a.m.") => hour %= 12,
            Some("pm" | "p.m.") => hour = hour % 12 + 12,
            _ => self.0 = before,
        }
        Time::new(hour, minute, second, 0).map_err(|_| UNREADABLE)
    }

    /// `Z`, `UTC`, `MEZ`, `+01:00`, `GMT+0100`; none where there is none.
    fn zone(&mut self) -> Result<Option<Offset>, DayProblem> {
        const UNREADABLE: DayProblem = DayProblem::Unreadable;
        let named = match self.word().as_deref() {
            None => None,
            Some("z" | "utc" | "gmt" | "ut") => Some(0),
            Some("mez" | "cet") => Some(1),
            Some("mesz" | "cest") => Some(2),
            Some(_) => return Err(UNREADABLE),
        };
        let Some(sign) = self.take(['+', '-', '\u{2212}']) else {
            return named.map(offset).transpose();
        };
        let digits = self.number().ok_or(UNREADABLE)?;
        let (hours, minutes) = match digits.len() {
            1 | 2 if self.take([':']).is_some() => {
                (small(digits)?, small(self.number().ok_or(UNREADABLE)?)?)
            }
            1 | 2 => (small(digits)?, 0),
            4 => (small(&digits[..2])?, small(&digits[2..])?),
            _ => return Err(UNREADABLE),
        };
        let seconds = i32::from(hours) * 3_600 + i32::from(minutes) * 60;
        let seconds = if sign == '+' { seconds } else { -seconds };
        Offset::from_seconds(seconds)
            .map(Some)
            .map_err(|_| UNREADABLE)
    }
}

fn offset(hours: i8) -> Result<Offset, DayProblem> {
    Offset::from_hours(hours).map_err(|_| DayProblem::Unreadable)
}

/// German and English names of months, whole or shortened.
fn month(word: &str) -> Option<i8> {
    Some(match word {
        "januar" | "jänner" | "jaenner" | "january" | "jan" | "jän" => 1,
        "februar" | "feber" | "february" | "feb" => 2,
        "märz" | "maerz" | "march" | "mär" | "mrz" | "mar" | "mae" => 3,
        "april" | "apr" => 4,
        "mai" | "may" => 5,
        "juni" | "june" | "jun" => 6,
        "juli" | "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sept" | "sep" => 9,
        "oktober" | "october" | "okt" | "oct" => 10,
        "november" | "nov" => 11,
        "dezember" | "december" | "dez" | "dec" => 12,
        _ => return None,
    })
}

fn is_weekday(word: &str) -> bool {
    const SHORT: [&str; 16] = [
        "mo", "di", "mi", "do", "fr", "sa", "so", "mon", "tue", "tues", "wed", "thu", "thurs",
        "fri", "sat", "sun",
    ];
    let is_long = word.ends_with("tag") || word.ends_with("day");
    SHORT.contains(&word) || matches!(word, "mittwoch" | "sonnabend") || is_long
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 December 2026, noon.
    const NOW: Timestamp = Timestamp(1_796_122_800_000);

    fn shown(text: &str) -> Result<String, DayProblem> {
        let day = past_day(text, None, NOW)?;
        let time = jiff::Timestamp::from_millisecond(day.millis()).unwrap();
        let local = time.in_tz(ZONE).unwrap();
        assert_eq!((local.hour(), local.minute()), (0, 0), "{text}");
        Ok(local.date().to_string())
    }

    #[test]
    fn a_day_is_read_in_every_form() {
        for text in [
            "24.11.25",
            "24.11.2025",
            " 24.11.2025 10:15 ",
            "24.11.2025, 10:15:30 Uhr",
            "24.11.2025 10.15 Uhr",
            "24.11.2025 um 10:15 Uhr",
            "24. 11. 2025",
            "\u{200e}24.\u{200e}11.\u{200e}2025",
            "'24.11.2025",
            "24. November 2025",
            "24.November 2025",
            "24. Nov. 2025 10:15",
            "24 nov 25",
            "24-Nov-25",
            "24-Nov-2025 10:15:30",
            "24NOV2025",
            "Mo, 24.11.2025",
            "Montag, den 24. November 2025",
            "24th of November 2025",
            "November 24, 2025",
            "Nov 24th 2025, 10:15 PM",
            "Mon, 24 Nov 2025 10:15:00 +0100",
            "Mon Nov 24 10:15:00 2025",
            "Mon Nov 24 10:15:00 CET 2025",
            "Mon Nov 24 2025 10:15:00 GMT+0100 (Central European Standard Time)",
            "2025-11-24",
            "2025-11-24 10:15",
            "2025-11-24T10:15:00",
            "2025-11-24T10:15:00.123456789",
            "2025-11-24 10:15:00,5",
            "2025-11-24T10:15:00Z",
            "2025-11-24T10:15:00+01:00[Europe/Berlin]",
            "2025-11-24 10:15:00 UTC",
            "2025-11-24 10:15:00.000+00",
            "20251124T101500Z",
            "2025-11-24Z",
            "2025-11-24+01:00",
            "2025/11/24",
            "2025.11.24",
            "20251124",
            "11/24/2025",
            "11/24/2025 10:15:00 AM",
            "11/24/25",
            "24/11/2025",
            "24-11-2025",
            "45985",
            "45985.4375",
            "45985,4375",
            "1763972100",
            "1763972100000",
        ] {
            assert_eq!(shown(text).as_deref(), Ok("2025-11-24"), "{text}");
        }
    }

    #[test]
    fn a_moment_with_a_zone_is_on_the_day_it_is_here() {
        for text in [
            "2025-11-24T23:30:00Z",
            "2025-11-24 18:30 -05:00",
            "2025-11-24T23:30:00.999 GMT",
            "1764027000",
        ] {
            assert_eq!(shown(text).as_deref(), Ok("2025-11-25"), "{text}");
        }
        let summer = "2025-07-01T22:30:00Z";
        assert_eq!(shown(summer).as_deref(), Ok("2025-07-02"));
    }

    #[test]
    fn names_of_months_are_german_and_english() {
        for (text, day) in [
            ("1. Jänner 2025", "2025-01-01"),
            ("3. März 2025", "2025-03-03"),
            ("3. Mrz. 2025", "2025-03-03"),
            ("3. Mai 2025", "2025-05-03"),
            ("May 3, 2025", "2025-05-03"),
            ("3-Okt-2025", "2025-10-03"),
            ("3-Dec-1999", "1999-12-03"),
            ("3.12.99", "1999-12-03"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(day), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused_by_name() {
        use DayProblem::{Ambiguous, InFuture, NotInCalendar, TooEarly, Unreadable};
        for (text, problem) in [
            ("", Unreadable),
            ("morgen", Unreadable),
            ("ja", Unreadable),
            ("2025", Unreadable),
            ("11.2025", Unreadable),
            ("24.11.", Unreadable),
            ("24.11.025", Unreadable),
            ("24.11.20255", Unreadable),
            ("24.11.2025x", Unreadable),
            ("2025-11-24x", Unreadable),
            ("24.11.2025 25:00", Unreadable),
            ("24.11.2025 13:00 PM", Unreadable),
            ("24.11.2025 10:15 XYZ", Unreadable),
            ("24.11/2025", Unreadable),
            ("-45985", Unreadable),
            ("251124", Unreadable),
            ("24.13.2025", NotInCalendar),
            ("31.02.2025", NotInCalendar),
            ("2025-02-29", NotInCalendar),
            ("13/13/2025", NotInCalendar),
            ("20251324", NotInCalendar),
            ("11.24.2025", NotInCalendar),
            ("03/04/2025", Ambiguous),
            ("03-04-2025", Ambiguous),
            ("25-11-24", Ambiguous),
            ("24.11.0025", TooEarly),
            ("24.11.1025", TooEarly),
            ("31.12.1989", TooEarly),
            ("1899-12-31", TooEarly),
            ("10000", TooEarly),
            ("2.12.2026", InFuture),
            ("24.11.2052", InFuture),
            ("24.11.52", InFuture),
            ("99999", InFuture),
            ("2999-01-01", InFuture),
        ] {
            assert_eq!(shown(text), Err(problem), "{text}");
        }
        assert_eq!(shown("1.12.2026").as_deref(), Ok("2026-12-01"));
        assert_eq!(shown("1.1.1990").as_deref(), Ok("1990-01-01"));
        assert!(any_day("31.12.2100").is_ok());
        assert_eq!(any_day("1.1.2101"), Err(DayProblem::TooLate));
    }

    #[test]
    fn an_order_decides_what_could_be_two_days() {
        let day = |text, order| past_day(text, Some(order), NOW);
        let (third, fourth) = (any_day("3.4.2025"), any_day("4.3.2025"));
        assert_eq!(day("03/04/2025", NumberOrder::DayFirst), third);
        assert_eq!(day("03/04/2025", NumberOrder::MonthFirst), fourth);
        // What is certain stays so.
        let certain = any_day("24.11.2025");
        assert_eq!(day("11/24/2025", NumberOrder::DayFirst), certain);
        assert_eq!(
            day("05/05/2025", NumberOrder::DayFirst),
            any_day("5.5.2025")
        );
        assert_eq!(
            number_order("11/24/2025 10:15"),
            Some(NumberOrder::MonthFirst)
        );
        assert_eq!(number_order("24/11/25"), Some(NumberOrder::DayFirst));
        for silent in ["03/04/2025", "24.11.2025", "45985", "2025-11-24", ""] {
            assert_eq!(number_order(silent), None, "{silent}");
        }
    }
}
