//! The beginning of a file, for the page on which a person checks dialect and columns.

use std::io::{Read, Seek};

use super::columns::ColumnMapping;
use super::dialect::Dialect;
use super::error::ReadError;
use super::records::{Record, Records};
use super::values::shortened;

/// The beginning of a file as it stands there. Cells are shortened to 200 characters, and what
/// cannot be decoded shows as `�`.
///
/// Full of addresses, so it can be neither stored nor logged: it is read again from the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// The names of the columns, where the dialect says that there are some.
    pub header: Option<Vec<String>>,
    /// The first rows; a row may have more or fewer cells than the file has columns.
    pub rows: Vec<Vec<String>>,
    /// The number of columns: that of the header, or of the longest row.
    pub columns: usize,
}

/// All that is found out about a file before its import.
#[derive(Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The guessed dialect.
    pub dialect: Dialect,
    /// The beginning of the file, read in that dialect.
    pub preview: Preview,
    /// The guessed meaning of its columns.
    pub mapping: ColumnMapping,
}

/// Reads the header and the first `rows` rows.
pub fn preview(file: impl Read, dialect: Dialect, rows: usize) -> Result<Preview, ReadError> {
    let mut records = Records::of(file, dialect);
    let mut header = None;
    let mut found = Vec::new();
    while found.len() < rows || (dialect.has_header && header.is_none()) {
        let cells = match records.next()? {
            None => break,
            Some(Record::Whole) => records.lossy_cells(),
            Some(Record::Broken(_)) => vec![records.raw_line().into_owned()],
        };
        let cells = cells.iter().map(|cell| shortened(cell)).collect();
        if dialect.has_header && header.is_none() {
            header = Some(cells);
        } else {
            found.push(cells);
        }
    }
    let columns = header
        .as_ref()
        .map_or_else(|| found.iter().map(Vec::len).max().unwrap_or(0), Vec::len);
    Ok(Preview {
        header,
        rows: found,
        columns,
    })
}

/// How much of a file is looked through for characters beyond ASCII, in bytes.
const MAX_LOOKED_THROUGH: u64 = 16 * 1024 * 1024;

/// The cells beyond ASCII of the first rows that have some, a row each: what shows whether the
/// encoding is the right one. Like the preview, they can be neither stored nor logged.
///
/// # Errors
/// Fails when the file can't be read.
pub fn beyond_ascii(
    file: impl Read,
    dialect: Dialect,
    rows: usize,
) -> Result<Vec<String>, ReadError> {
    let mut records = Records::of(file, dialect);
    let mut found = Vec::new();
    while found.len() < rows && records.bytes_read() < MAX_LOOKED_THROUGH {
        match records.next()? {
            None => break,
            Some(Record::Whole) if records.fields().0.is_ascii() => {}
            Some(Record::Whole) => {
                let cells = records.lossy_cells();
                let odd: Vec<&str> = cells
                    .iter()
                    .map(|cell| cell.trim())
                    .filter(|cell| !cell.is_ascii())
                    .collect();
                found.push(shortened(&odd.join(" · ")));
            }
            Some(Record::Broken(_)) => {}
        }
    }
    Ok(found)
}

impl Preview {
    /// Guesses what the columns are.
    pub fn guess_mapping(&self) -> ColumnMapping {
        let mut mapping = ColumnMapping::guess(self.header.as_deref(), &self.rows);
        mapping.columns.truncate(self.columns);
        mapping
    }
}

/// Guesses everything about a file and shows its first `rows` rows. The file is read from its
/// start, and stands anywhere afterwards.
pub fn inspect(file: &mut (impl Read + Seek), rows: usize) -> Result<Inspection, ReadError> {
    file.rewind()?;
    let dialect = Dialect::guess(&mut *file)?;
    file.rewind()?;
    let preview = preview(file, dialect, rows)?;
    let mapping = preview.guess_mapping();
    Ok(Inspection {
        dialect,
        preview,
        mapping,
    })
}
