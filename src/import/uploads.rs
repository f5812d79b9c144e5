//! The folder of uploaded files. They are full of addresses, so each goes when its import ends
//! (rule P7), and nobody else on the machine may read them.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::db::models::imports;
use crate::db::{Db, DbResult};
use crate::domain::private_files;
use crate::domain::secret::{hex, random_128};

/// What a file's name ends with until its import has a number.
const UNFINISHED: &str = ".part";

/// What a file's name ends with.
const FINISHED: &str = ".csv";

/// Younger unfinished files may still be on their way in.
const ON_ITS_WAY: Duration = Duration::from_hours(24);

/// The folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Uploads {
    dir: PathBuf,
}

/// A file that is being received. It is removed unless it is kept.
#[derive(Debug)]
pub struct Upload {
    /// Where it lies.
    path: PathBuf,
}

impl Uploads {
    /// The folder inside a data directory, which is made where there is none.
    ///
    /// # Errors
    /// Fails when the folder can't be made.
    pub fn open(data_dir: &Path) -> std::io::Result<Self> {
        let dir = data_dir.join("imports");
        private_files::take_dir(&dir)?;
        Ok(Self { dir })
    }

    /// The file of an import.
    pub fn path(&self, import_id: i64) -> PathBuf {
        self.dir.join(format!("{import_id}{FINISHED}"))
    }

    /// Begins a file that only this program's user can read.
    ///
    /// # Errors
    /// Fails when it can't be made.
    pub fn receive(&self) -> std::io::Result<(Upload, File)> {
        let name = random_128().map_err(std::io::Error::other)?;
        let path = self.dir.join(format!("{}{UNFINISHED}", hex(&name)));
        let mut options = private_files::options();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok((Upload { path }, file))
    }

    /// Makes a received file the file of an import.
    ///
    /// # Errors
    /// Fails when it can't be renamed.
    pub fn keep(&self, upload: Upload, import_id: i64) -> std::io::Result<()> {
        fs::rename(&upload.path, self.path(import_id))?;
        // Nothing is left under the old name for the drop to remove.
        Ok(())
    }

    /// Removes the file of an import that has ended.
    pub fn remove(&self, import_id: i64) {
        remove(&self.path(import_id));
    }

    /// Removes what no import needs any more, as after a crash.
    pub fn sweep(&self, db: &Db) -> DbResult<()> {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return Ok(());
        };
        let mut ids = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                continue;
            };
            if let Some(id) = name.strip_suffix(FINISHED).and_then(|id| id.parse().ok()) {
                ids.push(id);
            } else if name.ends_with(UNFINISHED) && is_old(&entry) {
                remove(&entry.path());
            }
        }
        for id in db.read(|conn| imports::ended_of(conn, &ids))? {
            self.remove(id);
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn is_old(entry: &fs::DirEntry) -> bool {
    entry
        .metadata()
        .and_then(|data| data.modified())
        .ok()
        .and_then(|modified| modified.elapsed().ok())
        .is_some_and(|age| age > ON_ITS_WAY)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(%error, "an uploaded file could not be removed");
    }
}
