//! What a file says about whether somebody may still be mailed: words, flags and dates as the common
//! newsletter tools write them.

use serde::{Deserialize, Serialize};

use super::columns::{Column, compact};
use super::status_words::word;
use crate::domain::day::past_day;
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// What a file says about one person, or about everybody in it.
    #[derive(PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    StatedStatus {
        /// Receives mails in the tool the file comes from.
        Active => "active",
        /// Never confirmed the subscription (double opt-in), or never asked for one.
        Unconfirmed => "unconfirmed",
        /// The address refuses mails for good.
        Undeliverable => "undeliverable",
        /// Unsubscribed, blocked or removed there.
        Unsubscribed => "unsubscribed",
        /// Reported a mail as unwanted.
        Complained => "complained",
    }
}

impl StatedStatus {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "aktiv",
            Self::Unconfirmed => "nicht bestätigt",
            Self::Undeliverable => "unzustellbar",
            Self::Unsubscribed => "abgemeldet oder gesperrt",
            Self::Complained => "als Spam gemeldet",
        }
    }
}

/// What a cell says: the status, and since when where the cell is a past day.
pub(super) type Statement = (StatedStatus, Option<Timestamp>);

/// A cell of a status column that nobody can interpret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownStatus(String);

impl std::fmt::Display for UnknownStatus {
    /// The second half of a sentence that begins with the name of the column.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Somebody's address in the wrong column: the report keeps it apart from the reason, where
        // a deletion finds it.
        if self.0.contains('@') {
            formatter.write_str("kennt diesen Wert nicht. Erwartet wird ein Status wie aktiv, abgemeldet, gesperrt oder unzustellbar.")
        } else {
            write!(
                formatter,
                "kennt „{}“ nicht. Erwartet wird ein Status wie aktiv, abgemeldet, gesperrt oder unzustellbar.",
                self.0
            )
        }
    }
}

/// Longest quotation of an unknown word, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// Reads a cell of a column of these kinds; `None` where it says nothing.
pub(super) fn read(
    column: &Column,
    cell: &str,
    now: Timestamp,
) -> Result<Option<Statement>, UnknownStatus> {
    use StatedStatus::{Active, Unconfirmed, Undeliverable, Unsubscribed};
    let flag = Flag::of(cell);
    let word = word(cell);
    let unknown = || UnknownStatus(cell.trim().chars().take(MAX_QUOTED_CHARS).collect());
    // An empty cell says nothing; beside ticked ones it is an empty box.
    if flag == Flag::Nothing && *column != Column::Subscribed {
        return Ok(None);
    }
    let said = match (column, flag) {
        (Column::Status, _) => word.ok_or_else(unknown)?,
        (Column::Subscribed, Flag::Nothing) | (Column::Confirmed, Flag::No) => Unconfirmed,
        (Column::Subscribed | Column::Confirmed, Flag::Yes)
        | (Column::Unsubscribed | Column::Undeliverable, Flag::No) => Active,
        (Column::Subscribed, Flag::No) => Unsubscribed,
        (Column::Subscribed | Column::Confirmed, Flag::Other) => match word {
            Some(word) => word,
            None if day(cell).is_some() => return Ok(Some((Active, None))),
            None => return Err(unknown()),
        },
        (Column::Undeliverable, _) => match word {
            Some(word) if word != Unconfirmed => word,
            _ => Undeliverable,
        },
        // A reason, a date, a number: whatever stands there stands there because it happened.
        (Column::Unsubscribed, _) => match word {
            Some(Active) => return Err(unknown()),
            Some(word) if word != Unconfirmed => word,
            _ => Unsubscribed,
        },
        _ => return Ok(None),
    };
    let since = day(cell).filter(|day| *day <= now && said > Active);
    Ok(Some((said, since)))
}

/// A cell of a column that answers yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// Empty, or what programs write for it.
    Nothing,
    Yes,
    No,
    /// Anything else.
    Other,
}

impl Flag {
    pub(super) fn of(cell: &str) -> Self {
        const NOTHING: [&str; 10] = [
            "null",
            "nil",
            "nan",
            "na",
            "undefined",
            "never",
            "nie",
            "leer",
            "empty",
            "none",
        ];
        const YES: [&str; 12] = [
            "ja",
            "j",
            "yes",
            "y",
            "true",
            "wahr",
            "t",
            "x",
            "1",
            "on",
            "checked",
            "angekreuzt",
        ];
        const NO: [&str; 9] = [
            "nein",
            "n",
            "no",
            "false",
            "falsch",
            "f",
            "off",
            "0",
            "unchecked",
        ];
        const TICKS: [char; 3] = ['✓', '✔', '☑'];
        let trimmed = cell.trim();
        let word = compact(trimmed);
        if trimmed.chars().any(|c| TICKS.contains(&c)) {
            Self::Yes
        } else if trimmed.contains('☐') {
            Self::No
        } else if word.is_empty() {
            // Dashes say nothing; crosses and words of other scripts may say anything.
            if trimmed
                .chars()
                .all(|c| c.is_ascii_punctuation() || "–—".contains(c))
            {
                Self::Nothing
            } else {
                Self::Other
            }
        } else if NOTHING.contains(&word.as_str()) || is_first_day(trimmed) {
            Self::Nothing
        } else if NO.contains(&word.as_str()) || word.bytes().all(|byte| byte == b'0') {
            // 0000-00-00 00:00:00 is MySQL for no date.
            Self::No
        } else if YES.contains(&word.as_str()) {
            Self::Yes
        } else {
            Self::Other
        }
    }
}

/// The first day there is, which some programs write for none.
fn is_first_day(cell: &str) -> bool {
    cell.starts_with("0001-01-01") || cell.starts_with("01.01.0001")
}

/// The day of a cell, with or without a time behind it.
fn day(cell: &str) -> Option<Timestamp> {
    past_day(cell, None, Timestamp::now()).ok()
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
