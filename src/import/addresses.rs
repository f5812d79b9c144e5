//! A list of addresses, out of a file or as it was pasted: a column of a table, or a text with an
//! address per line or several with commas, semicolons or tabs between them, also as mail programs
//! write them (`Anna Müller <anna@example.org>`).
//!
//! Holds one piece of the text at a time, whatever its size.

use std::io::{Read, Seek};

use super::columns::{Column, names_address};
use super::decode::{MIN_ROOM, Utf8Source};
use super::dialect::{Dialect, Encoding};
use super::error::ReadError;
use super::preview::{Inspection, inspect};
use super::reader::RefusedRow;
use super::records::{Record, Records};
use super::values::shortened;
use crate::domain::address::{AddressProblem, EmailAddress};

/// How many rows are looked at to recognise the columns.
const SAMPLE_ROWS: usize = 100;

/// A line may be longer than this; it is then taken apart between two of its addresses.
const PIECE_BYTES: usize = 16 * 1024;

/// How the addresses stand in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// In one column of a table; no other column is read.
    Column {
        /// How the table is written.
        dialect: Dialect,
        /// Which column, from 0.
        index: usize,
        /// How many there are.
        columns: usize,
        /// What the header calls it.
        name: Option<String>,
    },
    /// One after the other.
    Text {
        /// The text's encoding.
        encoding: Encoding,
        /// How many lines stand above the addresses and their heading.
        skip_lines: u32,
        /// Whether the first line after them is a heading.
        heading: bool,
    },
}

/// Finds out how the addresses stand in a text. It is read from its start, and stands there again
/// afterwards.
///
/// # Errors
/// Fails when the text can't be read at all.
pub fn layout(file: &mut (impl Read + Seek)) -> Result<Layout, ReadError> {
    let found = inspect(&mut *file, SAMPLE_ROWS)?;
    file.rewind()?;
    let Inspection {
        dialect,
        preview,
        mapping,
    } = found;
    // One line with a comma does not make a table of a text.
    let wide = preview.rows.iter().filter(|row| row.len() > 1).count();
    let looks_like_rows = wide > 1 && 2 * wide >= preview.rows.len();
    let is_table = preview.columns > 1 && (preview.header.is_some() || looks_like_rows);
    let index = mapping.position(&Column::Address).filter(|_| is_table);
    let holds_address = |index: usize| {
        let mut cells = preview.rows.iter().filter_map(|row| row.get(index));
        cells.any(|cell| cell.contains('@'))
    };
    // Without names nobody knows which of several columns is meant: then all are.
    let alone = (0..preview.columns).filter(|at| holds_address(*at)).count() == 1;
    match index {
        Some(index) if dialect.has_header || alone => Ok(Layout::Column {
            dialect,
            index,
            columns: preview.columns,
            name: preview
                .header
                .and_then(|header| header.into_iter().nth(index)),
        }),
        _ => {
            let heading = matches!(preview.header.as_deref(), Some([only]) if names_address(only));
            Ok(Layout::Text {
                encoding: dialect.encoding,
                // Without a heading beneath it a line is no title: it may be a mistyped address.
                skip_lines: if heading { dialect.skip_lines } else { 0 },
                heading,
            })
        }
    }
}

/// Reads addresses one after the other. Ends after a [`ReadError`].
pub struct AddressList<R> {
    source: Source<R>,
    /// What the last piece held, the last first.
    waiting: Vec<Result<EmailAddress, RefusedRow>>,
    ended: bool,
}

enum Source<R> {
    Column {
        records: Box<Records<R>>,
        index: usize,
    },
    Text(Lines<R>),
}

impl<R: Read> AddressList<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// Fails when the beginning can't be read.
    pub fn new(file: R, layout: &Layout) -> Result<Self, ReadError> {
        let source = match layout {
            Layout::Column {
                dialect,
                index,
                columns,
                ..
            } => {
                let mut records = Records::of(file, *dialect);
                if dialect.has_header {
                    records.next()?;
                }
                records.expect_columns(*columns);
                Source::Column {
                    records: Box::new(records),
                    index: *index,
                }
            }
            Layout::Text {
                encoding,
                skip_lines,
                heading,
            } => {
                let mut lines = Lines::new(file, *encoding);
                while lines.line <= u64::from(*skip_lines) && lines.next()?.is_some() {}
                if *heading {
                    while lines.next()?.is_some_and(|piece| piece.is_blank()) {}
                }
                Source::Text(lines)
            }
        };
        Ok(Self {
            source,
            waiting: Vec::new(),
            ended: false,
        })
    }

    /// Reads on until there is something to give, or the end is reached.
    fn fill(&mut self) -> Result<(), ReadError> {
        while self.waiting.is_empty() && !self.ended {
            match &mut self.source {
                Source::Column { records, index } => match records.next()? {
                    None => self.ended = true,
                    Some(Record::Broken(breakage)) => {
                        let row =
                            refused(records.line(), &records.raw_line(), breakage.to_string());
                        self.waiting.push(Err(row));
                    }
                    Some(Record::Whole) => {
                        let cells = records.lossy_cells();
                        let cell = cells.get(*index).map(String::as_str).unwrap_or_default();
                        self.waiting = entries(records.line(), cell);
                        if self.waiting.is_empty() {
                            let reason = "Die E-Mail-Adresse fehlt.".to_owned();
                            let row = refused(records.line(), &records.raw_line(), reason);
                            self.waiting.push(Err(row));
                        }
                    }
                },
                Source::Text(lines) => match lines.next()? {
                    None => self.ended = true,
                    Some(Piece::Whole { line, text }) => self.waiting = entries(line, &text),
                    Some(Piece::TooLong { line, text }) => {
                        let problem = AddressProblem::TooLong.to_string();
                        self.waiting.push(Err(refused(line, &text, problem)));
                    }
                },
            }
            self.waiting.reverse();
        }
        Ok(())
    }
}

impl<R: Read> Iterator for AddressList<R> {
    type Item = Result<Result<EmailAddress, RefusedRow>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.fill() {
            self.ended = true;
            return Some(Err(error));
        }
        self.waiting.pop().map(Ok)
    }
}

fn refused(line: u64, value: &str, reason: String) -> RefusedRow {
    RefusedRow {
        line,
        value: shortened(value.trim()),
        reason,
        cells: Vec::new(),
    }
}

/// The addresses of a line or cell.
fn entries(line: u64, text: &str) -> Vec<Result<EmailAddress, RefusedRow>> {
    let mut found = Vec::new();
    let mut name: Option<&str> = None;
    for piece in pieces(text) {
        // "Müller, Anna <anna@example.org>": what stands before the comma belongs to the name.
        if let Some(before) = name.take()
            && !piece.contains('<')
        {
            found.push(address(line, before));
        }
        if looks_like_name(piece) {
            name = Some(piece);
        } else {
            found.push(address(line, piece));
        }
    }
    found.extend(name.map(|name| address(line, name)));
    found
}

fn address(line: u64, piece: &str) -> Result<EmailAddress, RefusedRow> {
    let bare = piece
        .strip_suffix('>')
        .and_then(|rest| rest.rsplit_once('<'))
        .map_or(piece, |(_, inside)| inside);
    EmailAddress::parse(bare).map_err(|problem| refused(line, piece, problem.to_string()))
}

/// What stands between commas, semicolons and tabs outside of quotation marks; nothing empty.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    // A single quotation mark is a stray one and quotes nothing.
    let paired = text.matches('"').count().is_multiple_of(2);
    let mut inside = false;
    text.split(move |c| {
        inside ^= c == '"' && paired;
        !inside && is_separator(c)
    })
    .map(str::trim)
    .filter(|piece| !piece.is_empty())
}

const fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '\t')
}

/// Whether a piece without an address may be the first half of a name, rather than an address with
/// a mistake in it: a dot is followed by a space in names.
fn looks_like_name(piece: &str) -> bool {
    let dotted = piece
        .split('.')
        .skip(1)
        .any(|rest| rest.starts_with(char::is_alphanumeric));
    !piece.contains(['@', '<']) && !dotted
}

/// A line, or a part of a very long one.
enum Piece {
    Whole { line: u64, text: String },
    TooLong { line: u64, text: String },
}

impl Piece {
    fn is_blank(&self) -> bool {
        matches!(self, Self::Whole { text, .. } if text.trim().is_empty())
    }
}

/// The lines of a text, long ones taken apart.
struct Lines<R> {
    source: Utf8Source<R>,
    buffer: Vec<u8>,
    line: u64,
    /// Whether the rest of a line is dropped, which is too long.
    dropping: bool,
    ended: bool,
}

impl<R: Read> Lines<R> {
    fn new(file: R, encoding: Encoding) -> Self {
        Self {
            source: Utf8Source::new(file, encoding),
            buffer: Vec::new(),
            line: 1,
            dropping: false,
            ended: false,
        }
    }

    fn next(&mut self) -> Result<Option<Piece>, ReadError> {
        loop {
            let line = self.line;
            if let Some(end) = self.buffer.iter().position(|byte| is_line_end(*byte)) {
                let text = self.take(end);
                // "\r\n" is one end: the line between its halves is empty, and is not counted.
                let half = self.buffer.starts_with(b"\r\n");
                self.line += u64::from(!half);
                self.buffer.drain(..1);
                if std::mem::take(&mut self.dropping) {
                    continue;
                }
                return Ok(Some(Piece::Whole { line, text }));
            }
            if self.buffer.len() > PIECE_BYTES {
                if let Some(end) = between_addresses(&self.buffer) {
                    let text = self.take(end);
                    if !std::mem::take(&mut self.dropping) {
                        return Ok(Some(Piece::Whole { line, text }));
                    }
                } else {
                    let text = self.take(self.buffer.len());
                    if !std::mem::replace(&mut self.dropping, true) {
                        return Ok(Some(Piece::TooLong { line, text }));
                    }
                }
                continue;
            }
            if self.ended {
                let text = self.take(self.buffer.len());
                let rest = !text.is_empty() && !self.dropping;
                return Ok(rest.then_some(Piece::Whole { line, text }));
            }
            let before = self.buffer.len();
            self.buffer.resize(before + PIECE_BYTES.max(MIN_ROOM), 0);
            let read = self.source.read(&mut self.buffer[before..])?;
            self.buffer.truncate(before + read);
            self.ended = read == 0;
        }
    }

    /// Takes the first bytes as text; what is not readable shows as `�`.
    fn take(&mut self, length: usize) -> String {
        let text = String::from_utf8_lossy(&self.buffer[..length]).into_owned();
        self.buffer.drain(..length);
        text
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Where a long line may be taken apart: behind the last address before a separator; outside of
/// quotation marks, unless one was opened and never closed.
fn between_addresses(line: &[u8]) -> Option<usize> {
    let place = |heeds_quotes: bool| {
        let (mut quoted, mut has_address, mut found) = (false, false, None);
        for (at, byte) in line.iter().enumerate() {
            match byte {
                b'"' => quoted ^= heeds_quotes,
                b'@' => has_address = true,
                _ if !quoted && is_separator(char::from(*byte)) && has_address => {
                    has_address = false;
                    found = Some(at);
                }
                _ => {}
            }
        }
        found
    };
    place(true).or_else(|| place(false))
}

#[cfg(test)]
#[path = "addresses_tests.rs"]
mod tests;
