//! How a CSV file is written: its encoding, its delimiter, and whether it names its columns.
//!
//! All three are guessed from the file and can be changed by the user.

use std::collections::HashMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::columns::names_address;
use super::decode::{CHUNK_BYTES, decoded};
use super::encoding::{guess_encoding, read_chunk};
use super::records::{Record, Records};
use crate::domain::address::{EmailAddress, addresses_in};

/// How many records of the beginning are looked at.
const SAMPLE_RECORDS: usize = 200;

/// Among how many records of the beginning the header is looked for.
const MAX_TITLE_RECORDS: usize = 20;

/// Declares an enum of choices with its word (for forms and JSON) and its German label.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident => $word:literal, $label:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every choice, the most frequent first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in forms and in JSON.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The German name on the screen.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }

            /// The choice with this [`Self::word`].
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.word() == word)
            }
        }
    };
}

choices! {
    /// The encoding of a file.
    Encoding {
        /// UTF-8, with or without a byte order mark.
        Utf8 => "utf-8", "UTF-8";
        /// What Excel on Windows writes as plain "CSV".
        Windows1252 => "windows-1252", "Windows-1252 (Excel, westeuropäisch)";
        /// What Excel writes as "Unicode Text".
        Utf16Le => "utf-16le", "UTF-16 LE (Excel, Unicode-Text)";
        /// Rare.
        Utf16Be => "utf-16be", "UTF-16 BE";
        /// What Excel on old Macs writes.
        MacRoman => "macintosh", "Mac Roman (alte Macs)";
        /// DOS, in Western Europe.
        Ibm850 => "ibm850", "DOS, Codepage 850";
        /// DOS, as the first PCs had it.
        Ibm437 => "ibm437", "DOS, Codepage 437";
        /// Polish, Czech, Hungarian and their neighbours.
        Windows1250 => "windows-1250", "Windows-1250 (Mitteleuropa)";
        /// Cyrillic.
        Windows1251 => "windows-1251", "Windows-1251 (kyrillisch)";
        /// Turkish.
        Windows1254 => "windows-1254", "Windows-1254 (türkisch)";
    }
}

choices! {
    /// The character between two cells.
    Delimiter {
        /// What Excel writes in German.
        Semicolon => "semicolon", "Semikolon (;)";
        /// What the rest of the world writes.
        Comma => "comma", "Komma (,)";
        /// What is copied out of tables.
        Tab => "tab", "Tabulator";
        /// Rare.
        Pipe => "pipe", "Senkrechter Strich (|)";
    }
}

impl Delimiter {
    /// The delimiter as it stands in the file.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Semicolon => b';',
            Self::Comma => b',',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

/// How a CSV file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// The encoding of its text.
    pub encoding: Encoding,
    /// The character between its cells.
    pub delimiter: Delimiter,
    /// Whether its first row names the columns.
    pub has_header: bool,
    /// How many lines stand above that row, such as a title.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip_lines: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(lines: &u32) -> bool {
    *lines == 0
}

impl Dialect {
    /// Guesses the dialect from the beginning of a file.
    ///
    /// Reads 64 KiB, and on to the first character beyond ASCII where the beginning has none: the
    /// first umlaut tells the encoding. The reader stands anywhere afterwards.
    pub fn guess(mut file: impl Read) -> io::Result<Self> {
        let sample = read_chunk(&mut file)?;
        let encoding = guess_encoding(&sample, &mut file)?;
        let text = decode_sample(&sample, encoding);
        let delimiter = guess_delimiter(&text);
        let (has_header, skip_lines) = guess_header(&text, delimiter);
        Ok(Self {
            encoding,
            delimiter,
            has_header,
            skip_lines,
        })
    }
}

/// The sample as text, whole lines only; what cannot be decoded does not matter for a guess.
fn decode_sample(sample: &[u8], encoding: Encoding) -> String {
    let mut text = decoded(sample, encoding);
    if sample.len() == CHUNK_BYTES
        && let Some(end) = text.rfind(['\n', '\r'])
    {
        text.truncate(end);
    }
    text
}

/// The delimiter with which most rows show a whole address in one of their cells, and then the
/// one that gives most rows the same number of columns.
fn guess_delimiter(text: &str) -> Delimiter {
    if let Some(named) = sep_line(text) {
        return named;
    }
    let score = |delimiter: Delimiter| {
        let mut with_address = 0_usize;
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for (_, record) in sample_records(text, delimiter) {
            with_address +=
                usize::from(record.iter().any(|cell| EmailAddress::parse(cell).is_ok()));
            *counts.entry(record.len()).or_default() += 1;
        }
        let (columns, agreeing) = counts
            .into_iter()
            .max_by_key(|(columns, rows)| (*rows, *columns))
            .unwrap_or_default();
        (with_address, columns > 1, agreeing, columns)
    };
    // Of equal candidates `max_by_key` takes the last: the first of `ALL`.
    Delimiter::ALL
        .iter()
        .rev()
        .copied()
        .max_by_key(|delimiter| score(*delimiter))
        .unwrap_or(Delimiter::Semicolon)
}

/// Excel's own hint: a first line such as `sep=;`.
fn sep_line(text: &str) -> Option<Delimiter> {
    let line = text.lines().next()?;
    let (word, delimiter) = line.split_once('=')?;
    let known = Delimiter::ALL
        .iter()
        .copied()
        .find(|known| delimiter.as_bytes() == [known.byte()]);
    known.filter(|_| word.eq_ignore_ascii_case("sep"))
}

/// Whether there is a header, and how many lines stand above the table.
///
/// A header is the row that names a column in which addresses follow, or else the first row above
/// the addresses that is about as wide as they are; what is narrower is a title. Without rows there
/// is nothing that could be data.
fn guess_header(text: &str, delimiter: Delimiter) -> (bool, u32) {
    let sample: Vec<(u64, Vec<String>)> = sample_records(text, delimiter).collect();
    let lines_above = |index: usize| match sample.get(index) {
        // Empty lines alone are no reason to skip anything.
        Some((line, _)) if index > 0 => u32::try_from(line - 1).unwrap_or(0),
        _ => 0,
    };
    let is_data = |cells: &[String]| cells.iter().any(|cell| is_meant_as_address(cell));
    let names_column = |index: usize| {
        let cells = &sample[index].1;
        let follows = |at: usize| {
            let below = sample[index + 1..].iter().take(MAX_TITLE_RECORDS);
            let mut cells = below.filter_map(|(_, cells)| cells.get(at));
            cells.any(|cell| addresses_in(cell).next().is_some())
        };
        !is_data(cells) && (0..cells.len()).any(|at| names_address(&cells[at]) && follows(at))
    };
    if let Some(header) = (0..sample.len().min(MAX_TITLE_RECORDS)).find(|at| names_column(*at)) {
        return (true, lines_above(header));
    }
    let Some(first) = sample.iter().position(|(_, cells)| is_data(cells)) else {
        let named = sample
            .iter()
            .take(MAX_TITLE_RECORDS)
            .position(|(_, cells)| cells.iter().any(|cell| names_address(cell)));
        return (true, lines_above(named.unwrap_or(0)));
    };
    let filled = |cells: &[String]| cells.iter().filter(|cell| !cell.trim().is_empty()).count();
    let width = sample[first..].iter().map(|(_, cells)| filled(cells)).max();
    let width = width.unwrap_or(0);
    let is_wide = |cells: &[String]| 2 * filled(cells) >= width && filled(cells) >= width.min(2);
    match sample[..first].iter().position(|(_, cells)| is_wide(cells)) {
        Some(header) => (true, lines_above(header)),
        None => (false, lines_above(first)),
    }
}

/// Whether a cell is an address, or one with a mistake such as `anna@`; a header such as
/// `E-Mail (@)` or `@Name` is neither.
fn is_meant_as_address(cell: &str) -> bool {
    let cell = cell.trim();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    EmailAddress::parse(cell).is_ok()
        || cell.ends_with('>') && addresses_in(cell).next().is_some()
        || cell.split_once('@').is_some_and(|(local, rest)| {
            !local.is_empty() && local.chars().all(is_word) && rest.chars().all(is_word)
        }) && !names_address(cell)
}

/// The first records, with their lines.
fn sample_records(text: &str, delimiter: Delimiter) -> impl Iterator<Item = (u64, Vec<String>)> {
    let mut records = Records::new(text.as_bytes(), Encoding::Utf8, delimiter);
    std::iter::from_fn(move || {
        loop {
            match records.next() {
                Ok(Some(Record::Whole)) => return Some((records.line(), records.lossy_cells())),
                Ok(Some(Record::Broken(_))) => {}
                // A workbook is refused when the file is really read.
                Ok(None) | Err(_) => return None,
            }
        }
    })
    .take(SAMPLE_RECORDS)
}

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod tests;
