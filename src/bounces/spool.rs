//! Messages handed over by `widerspruch bounce` beside a running server on SQLite, which one
//! process at a time may write: files in the data directory, for the server to take up.
//!
//! They hold addresses (rule P7). Nobody else can read them, and each goes as soon as it has been
//! counted.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::apply;
use super::origin::Keys;
use super::report::READ_OF_A_MESSAGE;
use crate::db::{Db, DbResult};
use crate::domain::private_files;
use crate::domain::secret::{hex, random_128};
use crate::domain::time::Timestamp;

/// The folder in the data directory; the cleaning after a deletion looks into it.
pub const FOLDER: &str = "bounces";

/// The ending of a message that is whole.
const WHOLE: &str = "eml";

/// Messages that wait. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// The spool of a data directory; the folder is made where there is none.
    ///
    /// # Errors
    /// Fails when the folder can't be made.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        private_files::take_dir(&folder)?;
        Ok(Self { folder })
    }

    /// The spool of a data directory that a server has used before.
    pub fn of(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join(FOLDER),
        }
    }

    /// Lays a message down; once this returns it is not lost.
    ///
    /// # Errors
    /// Fails when it can't be written.
    pub fn put(&self, message: &[u8]) -> io::Result<()> {
        let name = hex(&random_128().map_err(|_| io::ErrorKind::Other)?);
        let unfinished = self.folder.join(&name);
        let written = write_private(&unfinished, message)
            .and_then(|()| fs::rename(&unfinished, self.folder.join(format!("{name}.{WHOLE}"))))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Counts and removes all that waits.
    ///
    /// # Errors
    /// Fails when the database does; what was not counted stays for the next time.
    pub fn take_all(&self, db: &Db, keys: &Keys) -> DbResult<()> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Ok(());
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_none_or(|ending| ending != WHOLE) {
                remove_if_left_behind(&path);
                continue;
            }
            let mut message = Vec::new();
            let read = File::open(&path).and_then(|file| {
                file.take(READ_OF_A_MESSAGE as u64)
                    .read_to_end(&mut message)
            });
            if read.is_err() {
                tracing::warn!("a message handed over can't be read yet");
                continue;
            }
            db.write(|conn| apply::take(conn, &message, keys, Timestamp::now()))?;
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, "a message handed over can't be removed");
            }
        }
        Ok(())
    }
}

/// A file that was never finished: whoever wrote it has ended, and its mail server tries again.
fn remove_if_left_behind(path: &Path) {
    let age = fs::metadata(path)
        .and_then(|data| data.modified())
        .ok()
        .and_then(|at| at.elapsed().ok());
    if age.is_some_and(|age| age.as_secs() > 60) {
        let _ = fs::remove_file(path);
    }
}

fn write_private(path: &Path, message: &[u8]) -> io::Result<()> {
    let mut file = private_files::options()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(message)?;
    file.sync_all()
}
