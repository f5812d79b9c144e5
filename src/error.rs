//! Why the program can't start. Inside, each layer has one error type of its own:
//! [`crate::db::DbError`] for queries, [`crate::web::error::WebError`] for requests,
//! [`crate::mail::MailError`] for mails; each module says what its variants mean.

use std::path::PathBuf;

use crate::config::ConfigProblem;
use crate::db::DbError;
use crate::domain::secret::SecretProblem;

/// Why the program can't start: one line that says which and why.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigProblem),
    /// The data directory can't be made or written.
    #[error("the data directory {path} can't be used: {source}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process has the data directory.
    #[error(
        "the data directory {0} is in use by another widerspruch process; SQLite serves one process at a time \
         (use PostgreSQL for several)"
    )]
    InUse(PathBuf),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] SecretProblem),
    /// The database was made with another secret: no token in a sent mail would be understood.
    #[error(
        "the secret in {0} does not belong to this database; put the right file there or set WIDERSPRUCH_SECRET_FILE"
    )]
    WrongSecret(PathBuf),
    /// The database does not know what the journal knows: it was brought back, and not yet told.
    #[error(
        "this database is older than the journal in {0}: people who were deleted or objected since would come back. \
         If it was restored, run \"widerspruch replay\" first; if it is a new one, put the journal aside"
    )]
    OlderThanJournal(PathBuf),
    /// A restore was interrupted between two files.
    #[error("a restore into {0} was interrupted: run \"widerspruch restore\" again")]
    RestoreUnfinished(PathBuf),
    /// The journal.
    #[error("the journal can't be used: {0}")]
    Journal(#[from] crate::backup::BackupError),
    /// The database.
    #[error("the database can't be used: {0}")]
    Database(#[from] DbError),
    /// The port.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Everything else that the operating system refuses.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// No random bits.
    #[error("no random bits: {0}")]
    NoRandom(#[from] getrandom::Error),
}
