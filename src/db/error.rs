//! What can go wrong in the database, told without the values that were at stake (rule P8).

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// How PostgreSQL words it.
const LOCK_TIMEOUT: &str = "lock timeout";

/// What went wrong in the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The row asked for does not exist, or belongs to another account.
    #[error("not found")]
    NotFound,
    /// A value that must be unique exists already.
    #[error("already there")]
    Duplicate,
    /// A stored value can't be understood: the data was changed by something else.
    #[error("stored value is unreadable: {0}")]
    Unreadable(String),
    /// A rule of the product would be broken, so nothing was done.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// No connection could be had.
    #[error("no database connection: {0}")]
    Unavailable(String),
    /// The connection was lost while a transaction was being committed: nobody knows whether it
    /// was. Doing it again could do it twice.
    #[error("not known whether it was committed")]
    Unconfirmed,
    /// Everything else the database reports.
    #[error("database: {}", without_values(.0))]
    Fault(DieselError),
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Duplicate,
            DieselError::DeserializationError(inner) => Self::Unreadable(inner.to_string()),
            other => Self::Fault(other),
        }
    }
}

impl DbError {
    /// Whether the disk on which the database lies has no room left: nothing was changed.
    ///
    /// Diesel keeps no error codes, so this goes by what SQLite says, and by what PostgreSQL
    /// passes on of the operating system (SQLSTATE 53100). Both in English: see
    /// [`super::Backend::foreign_language`].
    pub fn is_disk_full(&self) -> bool {
        self.told().is_some_and(|told| {
            told.contains("database or disk is full") || told.contains("No space left on device")
        })
    }

    /// Whether the database can't be reached just now, or somebody else holds it: nothing was
    /// changed, and trying again may go well.
    pub fn is_away(&self) -> bool {
        let is_closed = matches!(
            self,
            Self::Unavailable(_)
                | Self::Fault(DieselError::DatabaseError(
                    DatabaseErrorKind::ClosedConnection,
                    _
                ))
        );
        is_closed
            || self.told().is_some_and(|told| {
                told.contains("database is locked")
                    || told.contains(LOCK_TIMEOUT)
                    || told.contains("server closed the connection")
                    || told.contains("no connection to the server")
                    || told.contains("terminating connection")
            })
    }

    /// Whether a lock of the server was waited for in vain (SQLSTATE 55P03): nothing was changed.
    pub fn is_lock_timeout(&self) -> bool {
        self.told().is_some_and(|told| told.contains(LOCK_TIMEOUT))
    }

    /// Whether a row refers to one that is not there (any more): nothing was changed.
    pub const fn is_missing_reference(&self) -> bool {
        matches!(
            self,
            Self::Fault(DieselError::DatabaseError(
                DatabaseErrorKind::ForeignKeyViolation,
                _
            ))
        )
    }

    fn told(&self) -> Option<&str> {
        match self {
            Self::Fault(DieselError::DatabaseError(_, told)) => Some(told.message()),
            _ => None,
        }
    }
}

/// What the database says, up to where it quotes something: behind that stand names and, where an
/// index or a cast is the matter, addresses and needles, which no log may hold (rule P8).
fn without_values(error: &DieselError) -> String {
    match error {
        DieselError::DatabaseError(kind, told) => {
            let message = told.message();
            let end = message
                .find(['"', '\'', '«', '„', '“', ':', '\n', '('])
                .unwrap_or(message.len());
            let table = told.table_name().unwrap_or_default();
            let constraint = told.constraint_name().unwrap_or_default();
            format!("{kind:?}: {} {table} {constraint}", message[..end].trim())
                .trim_end()
                .to_owned()
        }
        DieselError::QueryBuilderError(_) | DieselError::SerializationError(_) => {
            "a query could not be built".to_owned()
        }
        other => other.to_string(),
    }
}

/// The result of every query.
pub type DbResult<T> = Result<T, DbError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p8_an_error_tells_no_value() {
        for message in [
            "fts5: syntax error near \"anna@example.org\"",
            "invalid input syntax for type bigint: \"anna@example.org\"",
            "Key (address)=(anna@example.org) already exists",
            "ungültige Eingabe „anna@example.org“",
        ] {
            let error = DieselError::DatabaseError(
                DatabaseErrorKind::Unknown,
                Box::new(message.to_owned()),
            );
            let told = DbError::from(error).to_string();
            assert!(!told.contains("anna"), "{told}");
            assert!(told.starts_with("database: Unknown"), "{told}");
        }
    }
}
