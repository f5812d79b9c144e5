//! What lies in the data directory: opened, and locked against a second process.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::backup::journal::Journal;
use crate::backup::{replay, restore};
use crate::config::DataConfig;
use crate::db::Db;
use crate::db::models::installation;
use crate::domain::private_files;
use crate::domain::secret::Secret;
use crate::error::StartError;

/// What lies in the data directory, opened: what the server and the commands share.
pub struct Data {
    /// The database, with all migrations.
    pub db: Db,
    /// The installation's secret.
    pub secret: Secret,
    /// What a restored copy has to be told again.
    pub journal: Journal,
    /// Held as long as this process uses the directory; none on PostgreSQL.
    pub(crate) lock: Option<File>,
}

impl Data {
    /// Makes the data directory and the secret where there are none, takes the directory's lock,
    /// and opens the database.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn open(config: &DataConfig) -> Result<Self, StartError> {
        let data = Self::open_untold(config)?;
        if replay::is_behind(&data.db, &data.journal, config.backup_days)? {
            return Err(StartError::OlderThanJournal(config.journal_dir.clone()));
        }
        Ok(data)
    }

    /// The same for a database that may have been brought back and was not yet told what has
    /// happened since.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn open_untold(config: &DataConfig) -> Result<Self, StartError> {
        prepare_directory(&config.dir)?;
        let lock = match config.database.file() {
            Some(_) => Some(lock_directory(&config.dir)?),
            None => None,
        };
        if restore::is_unfinished(&config.dir) {
            return Err(StartError::RestoreUnfinished(config.dir.clone()));
        }
        let secret = Secret::load_or_create(&config.secret_file)?;
        if let Some(path) = config.database.file() {
            create_database_file(path)?;
        }
        let db = Db::open(&config.database)?;
        let check = secret.check_value();
        let known = db.write(|conn| {
            let known = installation::secret_check(conn)?;
            if known.is_none() {
                installation::keep_secret_check(conn, &check)?;
            }
            Ok(known)
        })?;
        if known.is_some_and(|known| known != check) {
            return Err(StartError::WrongSecret(config.secret_file.clone()));
        }
        let journal = Journal::open(&config.journal_dir, &secret)?;
        Ok(Self {
            db,
            secret,
            journal,
            lock,
        })
    }
}

pub(crate) fn prepare_directory(dir: &Path) -> Result<(), StartError> {
    private_files::take_dir(dir).map_err(|source| StartError::DataDir {
        path: dir.to_owned(),
        source,
    })
}

/// Makes the database's file before SQLite does, whose own would be for everybody to read where the
/// directory lets them. The files beside it get the same permissions.
fn create_database_file(path: &Path) -> Result<(), StartError> {
    let made = private_files::options()
        .write(true)
        .create_new(true)
        .open(path);
    match made {
        Err(source) if source.kind() != ErrorKind::AlreadyExists => Err(StartError::DataDir {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

pub(crate) fn lock_directory(dir: &Path) -> Result<File, StartError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(|source| StartError::DataDir { path, source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
