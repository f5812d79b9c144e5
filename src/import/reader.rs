//! A CSV file as rows: each one fit for the database, or refused with its value and a reason.

use std::fmt;
use std::io::Read;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::columns::{Column, ColumnMapping};
use super::dialect::Dialect;
use super::error::ReadError;
use super::records::{Breakage, Record, Records};
use super::status::{self, StatedStatus};
use super::values::{self, shortened};
use crate::domain::address::{AddressProblem, EmailAddress, addresses_in};
use crate::domain::day::{DayProblem, NumberOrder, number_order, past_day};
use crate::domain::field::same_field;
use crate::domain::time::Timestamp;

/// A row that can be imported.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRow {
    /// The line in the file on which the row starts, as an editor numbers it.
    pub line: u64,
    /// The address.
    pub address: EmailAddress,
    /// The first name; `None` without such a column, or where its cell is empty.
    pub first_name: Option<String>,
    /// The last name; `None` without such a column, or where its cell is empty.
    pub last_name: Option<String>,
    /// Whether the file says that personal tracking is off for this recipient; `None` where it
    /// says nothing (no such column, empty cell).
    pub tracking_off: Option<bool>,
    /// Whether the file says that the recipient has consented to personal tracking; `None` where
    /// it says nothing.
    pub consents: Option<bool>,
    /// On which day, where the file says so.
    pub consent_day: Option<Timestamp>,
    /// The worst that the file says about whether the recipient may still be mailed, and since when;
    /// `None` where it says nothing.
    pub status: Option<(StatedStatus, Option<Timestamp>)>,
    /// The free fields that have a value, by name; all values are strings.
    pub fields: Map<String, Value>,
}

/// How much of a refused row is kept, in bytes.
const MAX_KEPT_BYTES: usize = 64 * 1024;

/// A row that is not imported. Holds personal data, as the person who imports needs to see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// The line in the file on which the row starts, as an editor numbers it.
    pub line: u64,
    /// The cell at fault, or the line where no single one is; at most 200 characters.
    pub value: String,
    /// Why, as a German sentence.
    pub reason: String,
    /// The whole row, up to 64 KiB of it; a line that can't be taken apart is one cell.
    pub cells: Vec<String>,
}

impl fmt::Debug for RefusedRow {
    /// Keeps the value, mostly an address, out of logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RefusedRow")
            .field("line", &self.line)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Reads a file row by row.
///
/// Empty lines, lines of nothing but delimiters, and the header are not rows. The iterator ends
/// after a [`ReadError`].
pub struct RowReader<R> {
    records: Records<R>,
    mapping: ColumnMapping,
    address: usize,
    day_order: Option<NumberOrder>,
    header: Option<Vec<String>>,
    rows_seen: u64,
    failed: bool,
}

/// Which number is the day in the column of days, where at least one of its cells leaves no doubt
/// and no other contradicts it. Reads the file to its end.
///
/// # Errors
/// Fails when the file can't be read.
pub fn day_order(
    file: impl Read,
    dialect: Dialect,
    mapping: &ColumnMapping,
) -> Result<Option<NumberOrder>, ReadError> {
    let Some(index) = mapping.position(&Column::ConsentDay) else {
        return Ok(None);
    };
    let mut records = Records::of(file, dialect);
    let mut order = None;
    while let Some(record) = records.next()? {
        if let Record::Broken(_) = record {
            continue;
        }
        let cells = records.lossy_cells();
        let shown = cells.get(index).and_then(|cell| number_order(cell));
        match (order, shown) {
            (Some(order), Some(shown)) if order != shown => return Ok(None),
            (None, Some(_)) => order = shown,
            _ => {}
        }
    }
    Ok(order)
}

impl<R: Read> RowReader<R> {
    /// Begins to read: checks the mapping and, where there is a header, that it has as many
    /// columns.
    pub fn new(file: R, dialect: Dialect, mapping: ColumnMapping) -> Result<Self, ReadError> {
        mapping.validate()?;
        let mut header = None;
        let mut records = Records::of(file, dialect);
        if dialect.has_header {
            match records.next()? {
                Some(Record::Broken(breakage)) => {
                    return Err(ReadError::Header(breakage.to_string()));
                }
                Some(Record::Whole) if records.fields().1.len() != mapping.columns.len() => {
                    return Err(ReadError::OtherColumns {
                        expected: mapping.columns.len(),
                        found: records.fields().1.len(),
                    });
                }
                Some(Record::Whole) => header = Some(records.lossy_cells()),
                None => {}
            }
        }
        records.expect_columns(mapping.columns.len());
        Ok(Self {
            records,
            address: mapping.position(&Column::Address).unwrap_or_default(),
            mapping,
            day_order: None,
            header,
            rows_seen: 0,
            failed: false,
        })
    }

    /// The names of the columns, or their numbers.
    pub fn header(&self) -> Vec<String> {
        let numbers = || (1..=self.mapping.columns.len()).map(|number| format!("Spalte {number}"));
        self.header.clone().unwrap_or_else(|| numbers().collect())
    }

    /// Reads days that could be two in that order ([`day_order`]).
    #[must_use]
    pub fn with_day_order(mut self, order: Option<NumberOrder>) -> Self {
        self.day_order = order;
        self
    }

    /// Calls free fields by the names under which the account has them already: each with how many
    /// people have it.
    pub fn rename_fields(&mut self, existing: &[(String, i64)]) {
        for column in &mut self.mapping.columns {
            if let Column::Field(name) = column
                && let Some(known) = same_field(name, existing)
            {
                known.clone_into(name);
            }
        }
    }

    /// Bytes of the file read so far, for progress. Reading is a little ahead of the rows.
    pub fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }

    /// How many rows came out so far, refused and skipped ones included: the place to continue
    /// from with [`Self::skip_rows`] after an interruption.
    pub fn rows_seen(&self) -> u64 {
        self.rows_seen
    }

    /// Skips rows that an earlier run has dealt with. Returns how many there were, fewer than
    /// asked for only at the end of the file.
    pub fn skip_rows(&mut self, rows: u64) -> Result<u64, ReadError> {
        for skipped in 0..rows {
            if self.records.next()?.is_none() {
                return Ok(skipped);
            }
            self.rows_seen += 1;
        }
        Ok(rows)
    }

    fn row(&self) -> Result<ImportRow, RefusedRow> {
        let cell = self.cell(self.address)?;
        let address = EmailAddress::parse(cell).map_err(|problem| match problem {
            AddressProblem::Empty => self.refuse_line("Die E-Mail-Adresse fehlt."),
            _ if addresses_in(cell).nth(1).is_some() => self.refuse(
                cell,
                "In der Zelle stehen mehrere E-Mail-Adressen. Eine Zeile steht für einen Empfänger mit einer Adresse.",
            ),
            problem => self.refuse(cell, problem),
        })?;
        let mut row = ImportRow {
            line: self.records.line(),
            address,
            first_name: None,
            last_name: None,
            tracking_off: None,
            consents: None,
            consent_day: None,
            status: None,
            fields: Map::new(),
        };
        for (index, column) in self.mapping.columns.iter().enumerate() {
            if *column == Column::Ignore {
                continue;
            }
            let cell = self.cell(index)?;
            let refuse =
                |problem| self.refuse(cell, format_args!("„{}“ {problem}", column.label()));
            let unclear = |problem: values::UnclearAnswer| {
                self.refuse(cell, format_args!("„{}“ {problem}", column.label()))
            };
            match column {
                Column::Address | Column::Ignore => {}
                Column::FirstName => row.first_name = values::name(cell).map_err(refuse)?,
                Column::LastName => row.last_name = values::name(cell).map_err(refuse)?,
                Column::TrackingOff => {
                    row.tracking_off = values::answer(cell).map_err(unclear)?;
                }
                Column::Consent => row.consents = values::answer(cell).map_err(unclear)?,
                Column::ConsentDay => {
                    row.consent_day = self.past_day(cell).map_err(|problem| {
                        self.refuse(cell, format_args!("„{}“ {problem}", column.label()))
                    })?;
                }
                Column::Status
                | Column::Subscribed
                | Column::Confirmed
                | Column::Unsubscribed
                | Column::Undeliverable => {
                    let said = status::read(column, cell, Timestamp::now()).map_err(|problem| {
                        self.refuse(cell, format_args!("„{}“ {problem}", column.label()))
                    })?;
                    row.status = row.status.max(said);
                }
                Column::Field(name) => {
                    if let Some(value) = values::field(cell).map_err(refuse)? {
                        row.fields.insert(name.clone(), Value::String(value));
                    }
                }
            }
        }
        Ok(row)
    }

    fn past_day(&self, cell: &str) -> Result<Option<Timestamp>, DayProblem> {
        if cell.trim().is_empty() {
            return Ok(None);
        }
        past_day(cell, self.day_order, Timestamp::now()).map(Some)
    }

    /// The cell of a column, if it is sound text. What nobody imports may be damaged.
    fn cell(&self, index: usize) -> Result<&str, RefusedRow> {
        const UNDECODABLE: &str = "Die Zeile enthält Zeichen, die nicht lesbar sind. Bitte prüfen Sie die Zeichenkodierung der Datei.";
        let bytes = self.records.cell(index);
        if bytes.contains(&0) {
            return Err(self.refuse_line(
                "Die Zeile enthält ein NUL-Zeichen. Bitte prüfen Sie die Zeichenkodierung der Datei.",
            ));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| self.refuse_line(UNDECODABLE))?;
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err(self.refuse_line("Die Zeile enthält beschädigte Zeichen (�)."));
        }
        Ok(values::unguarded(text))
    }

    fn refuse(&self, value: &str, reason: impl fmt::Display) -> RefusedRow {
        let mut reason = reason.to_string();
        let mut cells = self.records.lossy_cells();
        if !keep_within(&mut cells, MAX_KEPT_BYTES) {
            reason.push_str(" Die Zeile ist hier gekürzt, weil sie länger als 64 KiB ist.");
        }
        RefusedRow {
            line: self.records.line(),
            value: shortened(value.trim()),
            reason,
            cells,
        }
    }

    fn refuse_line(&self, reason: impl fmt::Display) -> RefusedRow {
        self.refuse(&self.records.raw_line(), reason)
    }

    fn refuse_broken(&self, breakage: Breakage) -> RefusedRow {
        let mut refused = self.refuse_line(breakage);
        let spans_lines = refused.cells.iter().any(|cell| cell.contains(['\n', '\r']));
        if spans_lines || !matches!(breakage, Breakage::Columns { .. }) {
            refused.cells = vec![self.records.raw_line().into_owned()];
            keep_within(&mut refused.cells, MAX_KEPT_BYTES);
        }
        refused
    }
}

impl<R: Read> Iterator for RowReader<R> {
    type Item = Result<Result<ImportRow, RefusedRow>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let record = match self.records.next() {
            Ok(record) => record?,
            Err(error) => {
                self.failed = true;
                return Some(Err(error));
            }
        };
        self.rows_seen += 1;
        Some(Ok(match record {
            Record::Whole => self.row(),
            Record::Broken(breakage) => Err(self.refuse_broken(breakage)),
        }))
    }
}

/// Shortens the last cells so that all of them have at most so many bytes. Gives whether that was
/// unnecessary.
fn keep_within(cells: &mut [String], most: usize) -> bool {
    let mut left = most;
    let mut is_whole = true;
    for cell in cells {
        if cell.len() > left {
            is_whole = false;
            cell.truncate(cell.floor_char_boundary(left));
            cell.push('…');
            left = 0;
        } else {
            left -= cell.len();
        }
    }
    is_whole
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
