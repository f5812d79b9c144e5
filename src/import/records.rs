//! The file cut into records, in constant memory whatever the file holds.
//!
//! Fields and quotes are the `csv-core` parser's business. What it leaves open is decided here:
//! a record has a greatest size, knows the line it starts on, and an unclosed quotation mark costs
//! one row and not the rest of the file.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use csv_core::ReadRecordResult;

use super::decode::{CHUNK_BYTES, MIN_ROOM, Utf8Source};
use super::dialect::{Delimiter, Dialect, Encoding};
use super::error::ReadError;

/// The greatest size of a record, in bytes of UTF-8.
pub(super) const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// How many bytes may be read a second time after unclosed quotation marks, beyond what was read
/// a first time. It keeps the time linear for files made to be slow.
const FREE_REREAD_BYTES: u64 = 256 * 1024 * 1024;

/// What was found next in the file.
pub(super) enum Record {
    /// A record with all its fields.
    Whole,
    /// A record that cannot be told apart from what follows, or has too many columns.
    Broken(Breakage),
}

/// Why a record is broken. The display text is a German sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breakage {
    /// A quotation mark is opened and not closed within [`MAX_RECORD_BYTES`] or the file.
    OpenQuote,
    /// The text in quotes runs over the line's end and does not end where a field ends.
    MisplacedQuote,
    /// A single line is longer than [`MAX_RECORD_BYTES`].
    TooLong,
    /// There are more columns than the file has.
    Columns { expected: usize, found: usize },
}

impl fmt::Display for Breakage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote => formatter.write_str("Ein Anführungszeichen wird geöffnet, aber nicht geschlossen."),
            Self::MisplacedQuote => formatter.write_str(
                "Ein Anführungszeichen steht an der falschen Stelle, der Text läuft in die nächste Zeile weiter.",
            ),
            Self::TooLong => formatter.write_str("Die Zeile ist länger als 4 MiB."),
            Self::Columns { expected, found } => {
                let columns = |count: usize| if count == 1 { "Spalte" } else { "Spalten" };
                write!(
                    formatter,
                    "Die Zeile hat {found} {} statt {expected}.",
                    columns(*found)
                )
            }
        }
    }
}

/// Reads records one after the other.
pub(super) struct Records<R> {
    source: Utf8Source<R>,
    core: csv_core::Reader,
    delimiter: u8,
    /// How many lines at the beginning belong to no record.
    skip_lines: u32,
    expected_columns: Option<usize>,
    /// Text in `start..end`, beginning with the current record.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    source_ended: bool,
    begun: bool,
    /// Bytes of the current record, still in the buffer for whoever wants to quote them.
    current: usize,
    /// Line on which the current record starts.
    line: u64,
    /// Whether the byte before the current record is a carriage return.
    after_return: bool,
    /// The fields of the current record, unquoted, one behind the other.
    fields: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
    columns: usize,
    reread_bytes: u64,
}

/// How the parser left a record.
enum Scan {
    Complete { length: usize },
    OpenQuote { length: usize },
    TooLong { length: usize },
}

impl<R: Read> Records<R> {
    pub(super) fn new(inner: R, encoding: Encoding, delimiter: Delimiter) -> Self {
        Self {
            source: Utf8Source::new(inner, encoding),
            core: csv_core::ReaderBuilder::new()
                .delimiter(delimiter.byte())
                .build(),
            delimiter: delimiter.byte(),
            skip_lines: 0,
            expected_columns: None,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            source_ended: false,
            begun: false,
            current: 0,
            line: 1,
            after_return: false,
            fields: vec![0; 4096],
            ends: vec![0; 64],
            columns: 0,
            reread_bytes: 0,
        }
    }

    /// The records of a file that is written in that dialect, from its header on.
    pub(super) fn of(inner: R, dialect: Dialect) -> Self {
        Self {
            skip_lines: dialect.skip_lines,
            ..Self::new(inner, dialect.encoding, dialect.delimiter)
        }
    }

    /// From now on records with more columns are broken, unless the additional ones are empty: many
    /// programs end every line with a delimiter. Records may have fewer: many programs leave out the
    /// last cells of a line where they are empty.
    pub(super) fn expect_columns(&mut self, columns: usize) {
        self.expected_columns = Some(columns);
    }

    /// Bytes taken from the file so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    /// The line on which the current record starts, as an editor numbers it.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The fields of the current record one behind the other, with the place where each ends.
    pub(super) fn fields(&self) -> (&[u8], &[usize]) {
        let ends = &self.ends[..self.columns];
        (&self.fields[..ends.last().copied().unwrap_or(0)], ends)
    }

    /// A field of the current record; empty where it has none.
    pub(super) fn cell(&self, index: usize) -> &[u8] {
        let (fields, ends) = self.fields();
        let start = match index.checked_sub(1) {
            Some(before) => ends.get(before),
            None => Some(&0),
        };
        match (start, ends.get(index)) {
            (Some(start), Some(end)) => &fields[*start..*end],
            _ => &[],
        }
    }

    /// The first line of the current record as it stands in the file.
    pub(super) fn raw_line(&self) -> Cow<'_, str> {
        let raw = &self.buffer[self.start..self.start + self.current];
        let line = raw
            .split(|byte| is_line_end(*byte))
            .next()
            .unwrap_or_default();
        String::from_utf8_lossy(line)
    }

    /// The fields of the current record for display.
    pub(super) fn lossy_cells(&self) -> Vec<String> {
        let (fields, ends) = self.fields();
        let mut start = 0;
        ends.iter()
            .map(|end| {
                let cell = String::from_utf8_lossy(&fields[start..*end]).into_owned();
                start = *end;
                cell
            })
            .collect()
    }

    /// Goes to the next record that is not empty; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Record>, ReadError> {
        self.consume(self.current);
        if !self.begun {
            self.begun = true;
            self.skip_sep_line()?;
            self.skip_first_lines()?;
        }
        loop {
            self.skip_line_ends()?;
            if self.start == self.end {
                self.current = 0;
                return Ok(None);
            }
            let breakage = match self.scan()? {
                Scan::Complete { length } => {
                    self.current = length;
                    if self.fields().0.iter().all(u8::is_ascii_whitespace) {
                        self.consume(length);
                        continue;
                    }
                    match self.breakage() {
                        None => return Ok(Some(Record::Whole)),
                        Some(breakage) => breakage,
                    }
                }
                Scan::OpenQuote { length } => {
                    self.current = length;
                    Breakage::OpenQuote
                }
                Scan::TooLong { length } => {
                    self.current = length;
                    if self.spans_lines() {
                        Breakage::OpenQuote
                    } else {
                        Breakage::TooLong
                    }
                }
            };
            self.keep_first_line_only()?;
            return Ok(Some(Record::Broken(breakage)));
        }
    }

    /// What is wrong with the current, completely parsed record.
    fn breakage(&self) -> Option<Breakage> {
        if self.spans_lines() && !is_well_quoted(self.raw(), self.delimiter) {
            return Some(Breakage::MisplacedQuote);
        }
        let expected = self.expected_columns?;
        let (fields, ends) = self.fields();
        let surplus = match expected.checked_sub(1) {
            Some(last) if ends.len() > expected => &fields[ends[last]..],
            _ => return None,
        };
        (!surplus.iter().all(u8::is_ascii_whitespace)).then_some(Breakage::Columns {
            expected,
            found: ends.len(),
        })
    }

    fn raw(&self) -> &[u8] {
        &self.buffer[self.start..self.start + self.current]
    }

    /// Whether the current record has a line end within.
    fn spans_lines(&self) -> bool {
        self.raw()
            .iter()
            .position(|byte| is_line_end(*byte))
            .is_some_and(|first| self.raw()[first..].iter().any(|byte| !is_line_end(*byte)))
    }

    /// Shortens a broken record to its first line: whatever a stray quotation mark swallowed is
    /// read again as rows of its own.
    fn keep_first_line_only(&mut self) -> Result<(), ReadError> {
        let first_line = self.raw().iter().position(|byte| is_line_end(*byte));
        if let Some(length) = first_line {
            let again = (self.current - length) as u64;
            if self.reread_bytes + again <= FREE_REREAD_BYTES + 4 * self.bytes_read() {
                self.reread_bytes += again;
                self.current = length;
            }
            return Ok(());
        }
        // Without a line end the rest of the line is dropped unseen; a piece stays for the report.
        let kept = self.current.min(MIN_ROOM * 16);
        loop {
            let rest = self.start + kept;
            match self.buffer[rest..self.end]
                .iter()
                .position(|byte| is_line_end(*byte))
            {
                Some(length) => {
                    self.buffer.copy_within(rest + length..self.end, rest);
                    self.end -= length;
                    break;
                }
                None => self.end = rest,
            }
            if !self.fill()? {
                break;
            }
        }
        self.current = kept;
        Ok(())
    }

    /// Parses the record at the start of the buffer, reading on as needed.
    fn scan(&mut self) -> Result<Scan, ReadError> {
        self.core.reset();
        self.columns = 0;
        let (mut length, mut written) = (0, 0);
        loop {
            let at_end = self.start + length == self.end && !self.fill()?;
            if length > MAX_RECORD_BYTES {
                return Ok(Scan::TooLong { length });
            }
            // At the end of the file an additional line end tells whether a quotation mark is
            // still open: only then the parser wants more.
            let input = if at_end {
                &b"\n"[..]
            } else {
                &self.buffer[self.start + length..self.end]
            };
            let (result, read, wrote, ended) = self.core.read_record(
                input,
                &mut self.fields[written..],
                &mut self.ends[self.columns..],
            );
            written += wrote;
            self.columns += ended;
            if !at_end {
                length += read;
            }
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => {
                    return Ok(Scan::Complete { length });
                }
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if at_end => return Ok(Scan::OpenQuote { length }),
                ReadRecordResult::InputEmpty => {}
            }
        }
    }

    /// Excel's hint (`sep=;`) is no row.
    fn skip_sep_line(&mut self) -> Result<(), ReadError> {
        while self.end - self.start < 6 && self.fill()? {}
        let text = &self.buffer[self.start..self.end];
        let is_hint = text.len() > 4 && text[..4].eq_ignore_ascii_case(b"sep=");
        if is_hint && text.get(5).is_none_or(|byte| is_line_end(*byte)) {
            self.consume(5);
        }
        Ok(())
    }

    fn skip_first_lines(&mut self) -> Result<(), ReadError> {
        while self.line <= u64::from(self.skip_lines) && (self.start < self.end || self.fill()?) {
            self.consume(1);
        }
        Ok(())
    }

    fn skip_line_ends(&mut self) -> Result<(), ReadError> {
        loop {
            if self.start == self.end && !self.fill()? {
                return Ok(());
            }
            if !is_line_end(self.buffer[self.start]) {
                return Ok(());
            }
            self.consume(1);
        }
    }

    /// Gives up the first bytes of the buffer and counts their lines.
    fn consume(&mut self, length: usize) {
        for byte in &self.buffer[self.start..self.start + length] {
            // A line feed after a carriage return ends the same line.
            let ends_line = *byte == b'\r' || (*byte == b'\n' && !self.after_return);
            self.line += u64::from(ends_line);
            self.after_return = *byte == b'\r';
        }
        self.start += length;
        self.current = 0;
    }

    /// Appends the next piece of the file to the buffer; false at the end of the file.
    fn fill(&mut self) -> Result<bool, ReadError> {
        if self.source_ended {
            return Ok(false);
        }
        if self.buffer.len() - self.end < MIN_ROOM {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.buffer.len() - self.end < CHUNK_BYTES {
                self.buffer.resize(self.end + CHUNK_BYTES, 0);
            }
        }
        let count = self.source.read(&mut self.buffer[self.end..])?;
        self.end += count;
        self.source_ended = count == 0;
        Ok(count > 0)
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Whether every quoted field of the record ends where a field may end. The parser is lenient
/// there, which is right for a line with a stray `"`, but not where that swallows the next line.
fn is_well_quoted(raw: &[u8], delimiter: u8) -> bool {
    let mut rest = raw;
    loop {
        let mut length = 0;
        if rest.first() == Some(&b'"') {
            length = 1;
            loop {
                let Some(quote) = rest[length..].iter().position(|byte| *byte == b'"') else {
                    return false;
                };
                length += quote + 1;
                if rest.get(length) != Some(&b'"') {
                    break;
                }
                length += 1;
            }
            if rest
                .get(length)
                .is_some_and(|byte| *byte != delimiter && !is_line_end(*byte))
            {
                return false;
            }
        }
        match rest[length..].iter().position(|byte| *byte == delimiter) {
            Some(next) => rest = &rest[length + next + 1..],
            None => return true,
        }
    }
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
