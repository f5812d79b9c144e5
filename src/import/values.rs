//! The value of a cell: cleaned, checked, or refused with a German reason.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Longest first or last name, in characters.
pub(super) const MAX_NAME_CHARS: usize = 200;

/// Longest value of a free field, in characters.
pub(super) const MAX_FIELD_CHARS: usize = 2_000;

/// Longest quotation of a refused value, in characters.
pub(super) const MAX_QUOTED_CHARS: usize = 200;

/// What is wrong with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellProblem {
    /// More characters than the given number.
    TooLong(usize),
    /// A control character other than tab and line end.
    ControlCharacter(char),
}

impl fmt::Display for CellProblem {
    /// The second half of a sentence that begins with the name of the column.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(most) if *most >= 1000 => {
                write!(
                    formatter,
                    "ist länger als {}.{:03} Zeichen.",
                    most / 1000,
                    most % 1000
                )
            }
            Self::TooLong(most) => write!(formatter, "ist länger als {most} Zeichen."),
            Self::ControlCharacter(c) => {
                write!(
                    formatter,
                    "enthält ein Steuerzeichen (U+{:04X}).",
                    u32::from(*c)
                )
            }
        }
    }
}

/// A name on one line, its white space reduced to single blanks, in NFC; `None` when empty.
pub(super) fn name(cell: &str) -> Result<Option<String>, CellProblem> {
    let mut name = String::with_capacity(cell.len());
    for word in cell.split_whitespace() {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    checked(name, MAX_NAME_CHARS)
}

/// The value of a free field, trimmed, line ends as `\n`, in NFC; `None` when empty.
pub(super) fn field(cell: &str) -> Result<Option<String>, CellProblem> {
    let trimmed = cell.trim();
    let value = if trimmed.contains('\r') {
        trimmed.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        trimmed.to_owned()
    };
    checked(value, MAX_FIELD_CHARS)
}

fn checked(value: String, most_chars: usize) -> Result<Option<String>, CellProblem> {
    if value.is_empty() {
        return Ok(None);
    }
    if let Some(control) = value.chars().find(|c| c.is_control() && !c.is_whitespace()) {
        return Err(CellProblem::ControlCharacter(control));
    }
    let value = if value.is_ascii() || is_nfc(&value) {
        value
    } else {
        value.nfc().collect()
    };
    // No text has more characters than bytes.
    if value.len() > most_chars && value.chars().count() > most_chars {
        return Err(CellProblem::TooLong(most_chars));
    }
    Ok(Some(value))
}

/// A cell without the apostrophe that keeps spreadsheet programs from taking it for a formula, as the
/// files of this product have it.
pub(super) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => rest,
        _ => cell,
    }
}

/// Reads a cell that answers yes or no.
///
/// `None` is an empty cell, which says nothing; the error is any word that is not a clear yes or
/// no.
pub(super) fn answer(cell: &str) -> Result<Option<bool>, UnclearAnswer> {
    const YES: [&str; 8] = ["ja", "j", "yes", "y", "true", "wahr", "1", "x"];
    const NO: [&str; 6] = ["nein", "n", "no", "false", "falsch", "0"];
    let word = cell.trim();
    let is_one_of = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if word.is_empty() {
        Ok(None)
    } else if is_one_of(&YES) {
        Ok(Some(true))
    } else if is_one_of(&NO) {
        Ok(Some(false))
    } else {
        Err(UnclearAnswer)
    }
}

/// Neither a clear yes nor a clear no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnclearAnswer;

impl fmt::Display for UnclearAnswer {
    /// The second half of a sentence that begins with the name of the column.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "ist unklar. Möglich sind ja oder nein, j oder n, wahr oder falsch, 1 oder 0, x oder leer.",
        )
    }
}

/// At most [`MAX_QUOTED_CHARS`] characters of a text, an ellipsis where something is missing.
pub(super) fn shortened(text: &str) -> String {
    let shown = |c: char| match c {
        // PostgreSQL stores no NUL, and a page shows none of the others.
        '\0'..='\u{1f}' if !c.is_whitespace() => {
            char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        other => other,
    };
    let mut quoted: String = text.chars().take(MAX_QUOTED_CHARS).map(shown).collect();
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() {
        quoted.pop();
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clear_answer_is_understood_in_any_case() {
        for yes in [
            "ja", "J", "JA", " ja ", "yes", "Y", "True", "WAHR", "1", "x", "X",
        ] {
            assert_eq!(answer(yes), Ok(Some(true)), "{yes:?}");
        }
        for no in ["nein", "N", "no", "FALSE", "falsch", "0"] {
            assert_eq!(answer(no), Ok(Some(false)), "{no:?}");
        }
        for silence in ["", "  ", "\u{a0}"] {
            assert_eq!(answer(silence), Ok(None));
        }
        for unclear in ["vielleicht", "2", "jain", "-", "deaktiviert"] {
            assert_eq!(answer(unclear), Err(UnclearAnswer), "{unclear:?}");
        }
    }

    #[test]
    fn names_are_one_clean_line() {
        assert_eq!(
            name("  Hans \r\n Peter\u{a0}"),
            Ok(Some("Hans Peter".to_owned()))
        );
        assert_eq!(name("Jo\u{308}rg"), Ok(Some("Jörg".to_owned())));
        assert_eq!(name(" \t"), Ok(None));
        assert_eq!(name("a\u{1}b"), Err(CellProblem::ControlCharacter('\u{1}')));
    }

    #[test]
    fn limits_count_characters_not_bytes() {
        assert_eq!(
            name(&"ä".repeat(MAX_NAME_CHARS)),
            Ok(Some("ä".repeat(MAX_NAME_CHARS)))
        );
        let problem = name(&"ä".repeat(MAX_NAME_CHARS + 1)).expect_err("too long");
        assert_eq!(problem.to_string(), "ist länger als 200 Zeichen.");
        let problem = field(&"ä".repeat(MAX_FIELD_CHARS + 1)).expect_err("too long");
        assert_eq!(problem.to_string(), "ist länger als 2.000 Zeichen.");
    }

    #[test]
    fn fields_keep_their_lines() {
        assert_eq!(field(" a\r\nb\rc\td "), Ok(Some("a\nb\nc\td".to_owned())));
    }

    #[test]
    fn quotations_are_short() {
        assert_eq!(shortened(&"ä".repeat(200)), "ä".repeat(200));
        assert_eq!(shortened(&"ä".repeat(201)), "ä".repeat(199) + "…");
    }

    #[test]
    fn what_is_quoted_is_short_and_can_be_shown() {
        assert_eq!(shortened("a\0b\u{7}c d"), "a␀b␇c d");
        let long = "ü".repeat(MAX_QUOTED_CHARS + 1);
        let quoted = shortened(&long);
        assert_eq!(quoted.chars().count(), MAX_QUOTED_CHARS);
        assert!(quoted.ends_with("ü…"));
        assert_eq!(shortened(&long[2..]), &long[2..]);
    }
}
