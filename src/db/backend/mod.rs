//! What differs between the databases, in one place. [`Backend`] is all that the program asks of a
//! database beyond the SQL that both understand; `sqlite` and `postgres` implement it.
//!
//! PostgreSQL is behind the cargo feature `postgres`, because its client library and OpenSSL are
//! compiled from source. Nothing outside this folder depends on the feature.

#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(feature = "postgres")]
use diesel::PgConnection;
use diesel::{Connection, QueryResult, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use super::advisory_lock::Lock;
use super::connection::ConnectProblem;
use super::json_rows::Column;
use super::models::recipient_batches::{Added, InsertRow};
use super::models::recipients::RecipientRow;
use super::paging::Position;
use super::search::Needle;
use super::{DbError, DbResult};
use crate::domain::time::Timestamp;

/// What the program asks of a database beyond the SQL that both understand.
pub trait Backend {
    /// Whether this is a server: several nodes may share it, writers are concurrent, and a
    /// statement costs a round trip. Otherwise it is a file of this one process, with one writer
    /// at a time.
    fn is_server(&self) -> bool;

    /// Begins a transaction that reads one consistent state.
    fn begin_read(&mut self) -> QueryResult<()>;

    /// Begins a transaction that may write.
    fn begin_write(&mut self) -> QueryResult<()>;

    /// Begins a transaction that may write, and that shares these locks, as [`Self::lock_shared`]
    /// takes them, before it reads anything. Each is waited for so long at most: `false`, and no
    /// transaction, where one could not be had.
    fn begin_write_sharing(&mut self, locks: &[Lock], patience: Duration) -> DbResult<bool>;

    /// Waits for the lock, in shared mode, and holds it until the transaction ends. A single writer
    /// needs none.
    fn lock_shared(&mut self, _lock: Lock) -> DbResult<()> {
        Ok(())
    }

    /// Prepares for a server beside this process, which writes all the time.
    fn share_with_a_server(&mut self) -> DbResult<()> {
        Ok(())
    }

    /// Like [`Self::lock_shared`], in exclusive mode.
    fn lock_exclusive(&mut self, _lock: Lock) -> DbResult<()> {
        Ok(())
    }

    /// The keys of those of these locks that others hold or wait for in exclusive mode.
    fn held_exclusively(&mut self, _locks: &[Lock]) -> DbResult<Vec<(i32, i32)>> {
        Ok(Vec::new())
    }

    /// Lets this transaction do nothing for so long, where a server would end it earlier.
    fn allow_idling(&mut self, _limit: Duration) -> DbResult<()> {
        Ok(())
    }

    /// The language in which errors are worded, where it is not English.
    fn foreign_language(&mut self) -> DbResult<Option<String>> {
        Ok(None)
    }

    /// The locking clause of a `SELECT`, such as `FOR UPDATE`; empty where a single writer needs
    /// no row locks.
    fn row_lock(&self, clause: &'static str) -> &'static str;

    /// Brings the tables up to date, whoever else is doing the same.
    fn migrate(&mut self) -> DbResult<()>;

    /// Whether all migrations of this version have run.
    fn is_up_to_date(&mut self) -> DbResult<bool>;

    /// See [`super::json_rows::unfold_from`].
    fn unfold(&self, placeholder: &str, columns: &[(&str, Column)]) -> String;

    /// The function that finds a text (second argument) in another (first argument), literally,
    /// and gives its position, or 0.
    fn position_function(&self) -> &'static str;

    /// What lists the keys of the JSON objects in a column, for `FROM`, and how a key is called there.
    fn json_keys(&self, column: &str) -> (String, &'static str);

    /// Inserts recipients and gives them their numbers; fewer than asked for, or
    /// [`DbError::Duplicate`], where an address is taken.
    fn insert_recipients(
        &mut self,
        account_id: i64,
        rows: &[InsertRow<'_>],
        now: Timestamp,
    ) -> DbResult<Vec<Added>>;

    /// The recipients whose search text matches the needle, at most `limit`.
    fn find_recipients(
        &mut self,
        account_id: i64,
        needle: &Needle,
        position: Position,
        limit: i64,
    ) -> DbResult<Vec<RecipientRow>>;

    /// How many [`Self::find_recipients`] would find, counted up to `limit`.
    fn count_recipients(&mut self, account_id: i64, needle: &Needle, limit: i64) -> DbResult<i64>;

    /// Adds recipients to the search index, unless the database maintains it by itself.
    fn add_to_search_index(&mut self, _account_id: i64, _ids: &[i64]) -> DbResult<()> {
        Ok(())
    }

    /// Removes recipients from the search index, unless the database maintains it by itself.
    fn remove_from_search_index(&mut self, _account_id: i64, _ids: &[i64]) -> DbResult<()> {
        Ok(())
    }

    /// Skips the next `count` values of every table's id sequence.
    fn skip_sequence_values(&mut self, count: i64) -> DbResult<()>;

    /// Makes the ids of `journal_entries` continue after `last`, or where they are if that is more.
    fn continue_journal_ids_after(&mut self, last: i64) -> DbResult<()>;

    /// Updates the planner's statistics of these tables, where it plans by any.
    fn analyze(&mut self, _tables: &[&str]) -> DbResult<()> {
        Ok(())
    }

    /// Rewrites the database file without its gaps. Nothing to do for a server, whose files are
    /// its own.
    fn vacuum(&mut self) -> DbResult<()> {
        Ok(())
    }

    /// Writes a snapshot of the database into a new file, without its gaps.
    ///
    /// # Errors
    /// Refused for a server.
    fn vacuum_into(&mut self, file: &str) -> DbResult<()>;
}

/// A connection to either database.
#[cfg(feature = "postgres")]
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// Embedded SQLite.
    Sqlite(SqliteConnection),
    /// A PostgreSQL server.
    Postgres(PgConnection),
}

/// A connection to the one database of this build. Without an enum around it every statement is
/// compiled once instead of twice.
#[cfg(not(feature = "postgres"))]
pub type Conn = SqliteConnection;

/// Leads from a connection to its database.
pub trait OnBackend {
    /// What differs between the databases: facts and SQL.
    fn backend(&self) -> &dyn Backend;

    /// What differs between the databases: whatever runs on the connection.
    fn backend_mut(&mut self) -> &mut dyn Backend;
}

#[cfg(feature = "postgres")]
impl OnBackend for Conn {
    fn backend(&self) -> &dyn Backend {
        match self {
            Self::Sqlite(conn) => conn,
            Self::Postgres(conn) => conn,
        }
    }

    fn backend_mut(&mut self) -> &mut dyn Backend {
        match self {
            Self::Sqlite(conn) => conn,
            Self::Postgres(conn) => conn,
        }
    }
}

#[cfg(not(feature = "postgres"))]
impl OnBackend for Conn {
    fn backend(&self) -> &dyn Backend {
        self
    }

    fn backend_mut(&mut self) -> &mut dyn Backend {
        self
    }
}

/// Opens a copy of a SQLite database for reading; none where that is not possible. Nothing is
/// changed, and no file made beside it.
pub fn open_copy(file: &Path) -> Option<Conn> {
    sqlite::open_copy(file).map(of_sqlite)
}

#[cfg(feature = "postgres")]
fn of_sqlite(conn: SqliteConnection) -> Conn {
    Conn::Sqlite(conn)
}

#[cfg(not(feature = "postgres"))]
fn of_sqlite(conn: SqliteConnection) -> Conn {
    conn
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// The address of a server, with user and password: never shown or logged.
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.file() {
            Some(path) => write!(f, "Sqlite({})", path.display()),
            None => write!(f, "Postgres(…)"),
        }
    }
}

/// Why a `DATABASE_URL` can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetProblem {
    /// Only the scheme is named, since the rest may hold a password.
    #[error("the scheme \"{0}\" is not supported; use sqlite:PATH or postgres://…")]
    UnknownScheme(String),
    /// No scheme at all: whatever it is, it is not shown.
    #[error("it must begin with sqlite: or postgres://")]
    NoScheme,
    /// `sqlite:` without a path.
    #[error("sqlite: needs the path of a file")]
    NoPath,
    /// The cargo feature is missing.
    #[error(
        "this program was built without PostgreSQL; build it with: cargo run --release --features postgres"
    )]
    BuiltWithoutPostgres,
}

impl Target {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// Refuses every other scheme, and PostgreSQL in a build without it.
    pub fn parse(url: &str) -> Result<Self, TargetProblem> {
        let (scheme, rest) = url.split_once(':').ok_or(TargetProblem::NoScheme)?;
        match scheme {
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Ok(Self::Postgres(url.to_owned())),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(TargetProblem::BuiltWithoutPostgres),
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err(TargetProblem::NoPath);
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            other => Err(TargetProblem::UnknownScheme(other.to_owned())),
        }
    }

    /// The file of the database; none where it is a server's.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
        }
    }

    /// Opens a connection and sets it up.
    pub(super) fn connect(&self) -> Result<Conn, ConnectProblem> {
        match self {
            Self::Sqlite(path) => sqlite::connect(path).map(of_sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => postgres::connect(url).map(Conn::Postgres),
        }
    }
}

fn run_migrations<C>(conn: &mut C, migrations: EmbeddedMigrations) -> DbResult<()>
where
    C: MigrationHarness<C::Backend> + Connection,
{
    conn.run_pending_migrations(migrations)
        .map(drop)
        .map_err(|e| DbError::Unavailable(format!("migration failed: {e}")))
}

fn has_run<C>(conn: &mut C, migrations: EmbeddedMigrations) -> DbResult<bool>
where
    C: MigrationHarness<C::Backend> + Connection,
{
    conn.has_pending_migration(migrations)
        .map(|is_pending| !is_pending)
        .map_err(|e| DbError::Unavailable(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_chosen_by_scheme() {
        for (url, path) in [("sqlite:/x/y.db", "/x/y.db"), ("sqlite://y.db", "y.db")] {
            assert_eq!(Target::parse(url).unwrap().file(), Some(Path::new(path)));
        }
        for wrong in ["sqlite:", "sqlite://", "mysql://u:geheim@h/d", "geheim"] {
            let told = Target::parse(wrong).unwrap_err().to_string();
            assert!(!told.contains("geheim"), "{told}");
        }
    }

    #[test]
    fn a_build_without_postgresql_says_how_to_build_with_it() {
        for url in ["postgres://u:geheim@h/d", "postgresql:///d"] {
            let told = Target::parse(url).map_or_else(|e| e.to_string(), |t| format!("{t:?}"));
            let expected = if cfg!(feature = "postgres") {
                "Postgres(…)".to_owned()
            } else {
                TargetProblem::BuiltWithoutPostgres.to_string()
            };
            assert_eq!(told, expected);
        }
        let how = TargetProblem::BuiltWithoutPostgres.to_string();
        assert!(how.ends_with("cargo run --release --features postgres"));
    }
}
