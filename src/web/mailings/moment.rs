//! A time of the clock, as browsers send it and as people type it.

use jiff::civil::Time;

/// Reads a time: `09:30`, `9:30`, `9.30`, `9 Uhr`, `9 Uhr 30`, `0930`, and their like.
pub(super) fn time(typed: &str) -> Option<Time> {
    let lower = typed.trim().to_lowercase();
    let plain = lower
        .strip_prefix("um ")
        .unwrap_or(&lower)
        .replace("uhr", ":")
        .replace(['.', 'h', ','], ":");
    let parts: Vec<&str> = plain
        .split(|c: char| c == ':' || c.is_whitespace())
        .filter(|part| !part.is_empty())
        .collect();
    let (hour, minute) = match parts[..] {
        [both] if both.len() == 4 && both.is_ascii() => (&both[..2], &both[2..]),
        [hour] => (hour, "00"),
        [hour, minute] => (hour, minute),
        [hour, minute, second] if number(second, 2)? < 60 => (hour, minute),
        _ => return None,
    };
    if minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}

/// A number of at most so many digits, and nothing else.
fn number(text: &str, digits: usize) -> Option<i16> {
    let is_number =
        !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        for typed in [
            "09:30",
            "9:30",
            "9.30",
            "09.30",
            "9:30 Uhr",
            "9.30 uhr",
            "9 Uhr 30",
            "9Uhr30",
            "9h30",
            "0930",
            "09:30:00",
            " 9:30 ",
            "um 9:30 Uhr",
            "9,30",
        ] {
            assert_eq!(time(typed), Some(jiff::civil::time(9, 30, 0, 0)), "{typed}");
        }
        for typed in ["9", "09", "9 Uhr", "9:00", "0900", "9h"] {
            assert_eq!(time(typed), Some(jiff::civil::time(9, 0, 0, 0)), "{typed}");
        }
        assert_eq!(time("0:00"), Some(Time::midnight()));
        for typed in [
            "", "x", "24:00", "25:00", "9:60", "9:3", "9:300", "-9:30", "9:30:99", "9:30:1:1",
            "930", "Uhr", ":30", "ä930",
        ] {
            assert_eq!(time(typed), None, "{typed}");
        }
    }
}
