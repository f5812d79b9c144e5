//! Copies of the database, and bringing one back.
//!
//! * [`copy`] makes a copy beside a running server, and removes copies whose time is over.
//! * [`manifest`] says what a copy holds.
//! * [`journal`] is what a copy that is brought back has to be told again; [`journaler`] writes it.
//! * [`replay`] tells it: those who were deleted since are deleted again, objections hold again.
//! * [`restore`] puts a copy in the place of the database, told.

pub mod copy;
pub mod journal;
pub mod journaler;
pub mod manifest;
pub mod replay;
pub mod restore;

use std::path::PathBuf;

use crate::db::DbError;

/// Why a copy can't be made or brought back: one line for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database refuses.
    #[error("the database can't be used: {0}")]
    Database(#[from] DbError),
    /// A file or directory can't be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Something is not as it has to be.
    #[error("{0}")]
    Refused(String),
}

/// Names the file at fault.
fn at<T>(path: &std::path::Path, outcome: std::io::Result<T>) -> Result<T, BackupError> {
    outcome.map_err(|source| BackupError::File {
        path: path.to_owned(),
        source,
    })
}
