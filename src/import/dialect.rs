//! How a CSV file is written: its encoding, its delimiter, and whether it names its columns.
//!
//! All three are guessed from the file and can be changed by the user.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};

use serde::{Deserialize, Serialize};

use super::columns::names_address;
use super::decode::CHUNK_BYTES;
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

fn guess_encoding(sample: &[u8], file: &mut impl Read) -> io::Result<Encoding> {
    if sample.starts_with(b"\xef\xbb\xbf") {
        return Ok(Encoding::Utf8);
    }
    if sample.starts_with(b"\xff\xfe") {
        return Ok(Encoding::Utf16Le);
    }
    if sample.starts_with(b"\xfe\xff") {
        return Ok(Encoding::Utf16Be);
    }
    let mut window = sample.to_vec();
    loop {
        match weigh(&window) {
            Evidence::Utf8 => return Ok(Encoding::Utf8),
            Evidence::Windows1252 => return Ok(Encoding::Windows1252),
            Evidence::None { tail } => {
                let more = read_chunk(file)?;
                if more.is_empty() {
                    // A file of ASCII alone is UTF-8; one cut within a character is not.
                    return Ok(if tail == 0 {
                        Encoding::Utf8
                    } else {
                        Encoding::Windows1252
                    });
                }
                window.drain(..window.len() - tail);
                window.extend_from_slice(&more);
            }
        }
    }
}

enum Evidence {
    Utf8,
    Windows1252,
    /// Only ASCII so far, except for `tail` bytes at the end that can begin a character.
    None {
        tail: usize,
    },
}

/// Umlauts in Windows-1252 hardly ever form valid UTF-8, so the majority decides; a single bad
/// byte in a UTF-8 file does not turn all its umlauts into garbage.
fn weigh(bytes: &[u8]) -> Evidence {
    let (mut valid, mut invalid, mut tail) = (0_usize, 0_usize, 0);
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_ascii() {
            valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        }
        invalid += usize::from(!chunk.invalid().is_empty());
        tail = chunk.invalid().len();
    }
    // At the very end an incomplete character is no mistake: the piece ends there.
    let cut = tail > 0
        && std::str::from_utf8(&bytes[bytes.len() - tail..])
            .is_err_and(|e| e.error_len().is_none());
    if cut {
        invalid -= 1;
    } else {
        tail = 0;
    }
    match (valid, invalid) {
        (0, 0) => Evidence::None { tail },
        _ if valid > invalid => Evidence::Utf8,
        _ => Evidence::Windows1252,
    }
}

/// The sample as text, whole lines only; what cannot be decoded does not matter for a guess.
fn decode_sample(sample: &[u8], encoding: Encoding) -> String {
    let decoded = match encoding {
        Encoding::Utf8 => encoding_rs::UTF_8.decode_with_bom_removal(sample),
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.decode_without_bom_handling(sample),
        Encoding::Utf16Le => encoding_rs::UTF_16LE.decode_with_bom_removal(sample),
        Encoding::Utf16Be => encoding_rs::UTF_16BE.decode_with_bom_removal(sample),
    };
    let mut text = decoded.0.into_owned();
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
    let is_wide = |cells: &[String]| 2 * filled(cells) >= width.unwrap_or(0);
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

/// Up to 64 KiB, fewer only at the end of the file.
fn read_chunk(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut length = 0;
    while length < chunk.len() {
        match file.read(&mut chunk[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    chunk.truncate(length);
    Ok(chunk)
}

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod tests;
