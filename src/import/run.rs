//! Running an import: reads the file and writes it slice by slice.
//!
//! Each slice is one transaction that also moves the import on ([`super::slice`]), so an import
//! that was killed goes on from its last slice, and running one twice makes no doubles.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use diesel::result::Error as DieselError;
use serde::{Deserialize, Serialize};

use super::columns::{Column, ColumnMapping};
use super::dialect::Dialect;
use super::error::ReadError;
use super::evidence::ConsentEvidence;
use super::people::{Consents, Job};
use super::reader::{self, RowReader};
use super::slice::{self, Slice};
use super::status::StatedStatus;
use crate::db::models::audit::Actor;
use crate::db::models::fields;
use crate::db::models::imports::{self, Counts, Import, ImportStatus};
use crate::db::pace::{Keeps, Pace};
use crate::db::{Db, DbError, maintenance};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;

/// The first slice, in rows.
const FIRST_SLICE: usize = 200;

/// The smallest slice and the largest.
const SLICES: (usize, usize) = (50, 2_000);

/// A slice ends early after that many bytes of the file: rows of long fields are few.
const SLICE_BYTES: u64 = 1024 * 1024;

/// After so many rows the database is asked to look at how much there is now.
const MANY: u64 = 10_000;

/// How often a slice is tried when others are in its way.
const ATTEMPTS: u32 = 6;

/// How a file is imported; stored with the import as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Encoding, delimiter, header.
    pub dialect: Dialect,
    /// What each column is.
    pub mapping: ColumnMapping,
    /// What proves the consents in the file, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentEvidence>,
    /// What holds for everybody in the file, where no row says worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody: Option<StatedStatus>,
    /// When a file that lies elsewhere was last changed, in milliseconds: tells whether it is
    /// still the one that an interrupted import had begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<i64>,
}

impl Settings {
    /// As stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From the stored text.
    pub fn from_json(text: &str) -> Result<Self, DbError> {
        serde_json::from_str(text).map_err(|error| DbError::Unreadable(error.to_string()))
    }
}

/// Why an import stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file can't be read to its end.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database is in trouble; the import can go on later.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The import was ended by somebody, or is being written by another process.
    #[error("the import was ended, or is being run elsewhere")]
    Ended,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file dealt with.
    pub bytes_read: u64,
    /// Rows dealt with.
    pub rows_read: u64,
}

/// Runs an import, from where it stands to the end of its file, and marks it done.
///
/// `report` is called after every slice; where it gives `false` the run stops, to be taken up
/// later. Gives whether it came to the end.
///
/// A file that can't be read marks the import failed; trouble with the database leaves it running.
pub fn run(
    db: &Db,
    remembering: &Key,
    actor: &Actor,
    import: &Import,
    path: &Path,
    mut report: impl FnMut(Progress) -> bool,
) -> Result<bool, RunError> {
    let settings = Settings::from_json(&import.settings)?;
    let mut job = Job {
        header: Vec::new(),
        consent: settings.consent.as_ref().and_then(Consents::of),
        everybody: settings.everybody,
        account_id: import.account_id,
        import_id: import.id,
        group_id: import.group_id,
        remembering: remembering.clone(),
        actor: actor.clone(),
    };
    let outcome = write_all(db, &mut job, settings, import, path, &mut report);
    let (status, problem) = match &outcome {
        Ok(true) => (ImportStatus::Done, None),
        Err(RunError::Read(error)) => (ImportStatus::Failed, Some(error.to_string())),
        Ok(false) | Err(RunError::Database(_) | RunError::Ended) => return outcome,
    };
    let ended = db.write(|conn| {
        imports::finish(
            conn,
            job.account_id,
            job.import_id,
            status,
            problem.as_deref(),
            Timestamp::now(),
        )
    })?;
    if ended { outcome } else { Err(RunError::Ended) }
}

fn write_all(
    db: &Db,
    job: &mut Job,
    settings: Settings,
    import: &Import,
    path: &Path,
    report: &mut impl FnMut(Progress) -> bool,
) -> Result<bool, RunError> {
    let mut file = File::open(path).map_err(ReadError::from)?;
    let order = reader::day_order(BufReader::new(&file), settings.dialect, &settings.mapping)?;
    file.rewind().map_err(ReadError::from)?;
    let is_field = |column: &Column| matches!(column, Column::Field(_));
    let has_fields = settings.mapping.columns.iter().any(is_field);
    let mut rows = RowReader::new(BufReader::new(file), settings.dialect, settings.mapping)?
        .with_day_order(order);
    job.header = rows.header();
    if has_fields {
        rows.rename_fields(&db.read(|conn| fields::all(conn, job.account_id))?);
    }
    let job = &*job;
    rows.skip_rows(u64::try_from(import.rows_read).unwrap_or(0))?;
    let mut pace = Pace::new(FIRST_SLICE, SLICES, Keeps::NobodyWaiting);
    let size = AtomicUsize::new(pace.size());
    let size = &size;
    let mut written = 0;
    std::thread::scope(|scope| {
        // Ends when its reader has no more, or when this side does not want any.
        let (hand, slices) = sync_channel(0);
        std::thread::Builder::new()
            .name("import-reader".into())
            .spawn_scoped(scope, move || read_ahead(&mut rows, size, &hand))
            .map_err(ReadError::from)?;
        for slice in &slices {
            let slice = slice?;
            write(&mut pace, db, job, &slice)?;
            size.store(pace.size(), Ordering::Relaxed);
            written += slice.to_row - slice.from_row;
            let progress = Progress {
                bytes_read: slice.bytes_read,
                rows_read: slice.to_row,
            };
            if !report(progress) {
                return Ok(false);
            }
        }
        if written >= MANY {
            maintenance::refresh_statistics(db)?;
        }
        Ok(true)
    })
}

/// Reads the next slice while the one before is written, one ahead and no more; to the end of the
/// file or of its readable part, or until nobody takes them.
fn read_ahead<R: std::io::Read>(
    rows: &mut RowReader<R>,
    size: &AtomicUsize,
    hand: &SyncSender<Result<Slice, ReadError>>,
) {
    loop {
        let slice = read_slice(rows, size.load(Ordering::Relaxed));
        let is_over = match &slice {
            Ok(slice) if slice.from_row == slice.to_row => return,
            Ok(_) => false,
            Err(_) => true,
        };
        if hand.send(slice).is_err() || is_over {
            return;
        }
    }
}

fn read_slice<R: std::io::Read>(rows: &mut RowReader<R>, size: usize) -> Result<Slice, ReadError> {
    let mut slice = Slice {
        from_row: rows.rows_seen(),
        ..Slice::default()
    };
    let full = rows.bytes_read() + SLICE_BYTES;
    for _ in 0..size {
        if rows.bytes_read() >= full {
            break;
        }
        match rows.next() {
            None => break,
            Some(row) => match row? {
                Ok(row) => slice.rows.push(row),
                Err(refused) => slice.refused.push(refused),
            },
        }
    }
    slice.to_row = rows.rows_seen();
    slice.bytes_read = rows.bytes_read();
    Ok(slice)
}

/// Writes a slice, and tries it again when others are in its way.
fn write(pace: &mut Pace, db: &Db, job: &Job, slice: &Slice) -> Result<Counts, RunError> {
    let rows = usize::try_from(slice.to_row - slice.from_row).unwrap_or(usize::MAX);
    let mut attempt = 1;
    loop {
        let outcome = pace.write(db, rows, |conn, _| {
            slice::write(conn, job, slice, Timestamp::now())
        });
        match outcome {
            Ok(Some(counts)) => return Ok(counts),
            Ok(None) => return Err(RunError::Ended),
            Err(error) if attempt < ATTEMPTS && passes(&error) => {
                std::thread::sleep(Duration::from_millis(20) * attempt);
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a failure comes of somebody else's work at the same time, and trying again helps:
/// lost races, deadlocks, a recipient who was deleted between two statements.
fn passes(error: &DbError) -> bool {
    matches!(
        error,
        DbError::Duplicate
            | DbError::Unavailable(_)
            | DbError::Fault(DieselError::DatabaseError(..))
    )
}
