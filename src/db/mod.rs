//! The database: SQLite in a file (the default) or PostgreSQL, chosen at run time.
//!
//! Everybody else sees three things: [`Db::read`] and [`Db::write`], which run a closure in a
//! transaction, and the intention-named queries in [`models`], [`search`] and [`reports`]. Nothing outside
//! this folder speaks SQL, and nothing in it knows of HTTP.
//!
//! **Errors.** Every query returns [`DbError`]. *Not there* and *already there* are variants of
//! their own, because callers answer them differently; the rest is a fault of the database.

pub mod account_lock;
mod checkpointer;
mod connection;
mod error;
pub mod json_rows;
pub mod maintenance;
pub mod models;
pub mod numbers;
pub mod pace;
pub mod paging;
pub mod prepared;
pub mod reports;
pub mod schema;
pub mod search;
pub mod unused;
mod words;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{Pool, PooledConnection};
use diesel::result::Error as DieselError;
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use parking_lot::{FairMutex, FairMutexGuard};

use checkpointer::{Amounts, Checkpointer};
use connection::Connector;
pub use connection::{Conn, Target, TargetProblem};
pub use error::{DbError, DbResult};

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// How long a request waits for a free connection before it fails.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(5);

/// Which database this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One file in the data directory, one process.
    Sqlite,
    /// A server, any number of processes.
    Postgres,
}

/// The way to the database: cheap to clone, shared by the whole program.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    readers: Pool<Connector>,
    /// SQLite allows one writer at a time. Letting all writing pass this one connection, in the
    /// order of asking, is what keeps hits fast while an import runs: they wait for one slice of
    /// the import at most, never for a lost race for the file's lock.
    writer: Option<Arc<FairMutex<Conn>>>,
    /// How many wait for their turn at it.
    waiting: AtomicUsize,
    /// Bulk work lines up here first: of several only one is in the way of who comes next.
    bulk: FairMutex<()>,
    /// Declared behind the writer, which the last connection's closing waits for: see its module.
    checkpointer: Option<Checkpointer>,
    /// Where SQLite's file is.
    path: Option<PathBuf>,
    backend: Backend,
    /// SQLite's file, for the checkpointer. Declared last: closing it drops the locks that SQLite
    /// holds on it in this process, so all connections have to be closed before.
    _file: Option<Arc<File>>,
}

impl Db {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// Fails when the database can't be reached or a migration fails.
    pub fn open(target: &Target) -> DbResult<Self> {
        Self::open_with(target, migrate)
    }

    /// Opens a database that is there and up to date, as beside a server that runs on it.
    ///
    /// # Errors
    /// Fails when there is none, or its tables are not those of this version.
    pub fn open_as_it_is(target: &Target) -> DbResult<Self> {
        if let Target::Sqlite(path) = target
            && !path.is_file()
        {
            return Err(DbError::Refused("there is no database yet"));
        }
        Self::open_with(target, |conn| {
            if is_up_to_date(conn)? {
                Ok(())
            } else {
                Err(DbError::Refused("the database is not one of this version"))
            }
        })
    }

    fn open_with(
        target: &Target,
        prepare: impl FnOnce(&mut Conn) -> DbResult<()>,
    ) -> DbResult<Self> {
        let connector = Connector::new(target.clone());
        let mut first = connector
            .open()
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        prepare(&mut first)?;
        if let Conn::Sqlite(writer) = &mut first {
            // Hits of a large mailing come back to the same pages again and again: 24,000 KiB of
            // them stay in memory. What is written ahead is carried by the checkpointer; only if
            // that should fail, by the writer, from 512 MB on.
            writer.batch_execute(
                "PRAGMA cache_size = -24000;
                 PRAGMA wal_autocheckpoint = 128000;",
            )?;
        }
        let (writer, path, backend) = match target {
            Target::Sqlite(path) => {
                let writer = Arc::new(FairMutex::new(first));
                (Some(writer), Some(path.clone()), Backend::Sqlite)
            }
            Target::Postgres(_) => (None, None, Backend::Postgres),
        };
        let file = match &path {
            Some(path) => {
                let file = File::options().read(true).write(true).open(path);
                Some(Arc::new(
                    file.map_err(|e| DbError::Unavailable(e.to_string()))?,
                ))
            }
            None => None,
        };
        let checkpointer = match (&writer, &file) {
            (Some(writer), Some(file)) => {
                let conn = connector
                    .open()
                    .map_err(|e| DbError::Unavailable(e.to_string()))?;
                Some(Checkpointer::start(
                    conn,
                    Arc::clone(writer),
                    Arc::clone(file),
                    Amounts::USUAL,
                )?)
            }
            _ => None,
        };
        let readers = Pool::builder()
            .max_size(match backend {
                Backend::Sqlite => 8,
                Backend::Postgres => 16,
            })
            .min_idle(Some(1))
            .connection_timeout(CHECKOUT_TIMEOUT)
            // Who takes one asks it ([`Db::connection`]), or trusts it ([`Db::record`]).
            .test_on_check_out(false)
            .build(connector)
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                readers,
                writer,
                waiting: AtomicUsize::new(0),
                bulk: FairMutex::new(()),
                checkpointer,
                path,
                backend,
                _file: file,
            }),
        })
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// Whether that is a file in which SQLite keeps this database. While it is in use nobody else
    /// may open it in this process: closing it would drop the locks that SQLite holds on it.
    pub fn owns(&self, path: &Path) -> bool {
        let Some(database) = &self.inner.path else {
            return false;
        };
        ["", "-wal", "-shm"].iter().any(|ending| {
            let mut own = database.clone().into_os_string();
            own.push(ending);
            path == Path::new(&own) || same_file(path, Path::new(&own))
        })
    }

    /// Runs queries on one consistent state of the data.
    pub fn read<T>(&self, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
        let mut conn = self.connection()?;
        match &mut conn.conn {
            Conn::Sqlite(inner) => AnsiTransactionManager::begin_transaction(inner)?,
            Conn::Postgres(inner) => AnsiTransactionManager::begin_transaction_sql(
                inner,
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )?,
        }
        finish(&mut conn.conn, queries)
    }

    /// Runs queries in one transaction that may write: all of it happens, or nothing.
    ///
    /// On SQLite this waits for its turn at the one writer; keep it short (bulk work goes at a
    /// [`pace::Pace`]).
    pub fn write<T>(&self, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
        if let Some(writer) = &self.inner.writer {
            self.inner.waiting.fetch_add(1, Ordering::Relaxed);
            let mut conn = writer.lock();
            self.inner.waiting.fetch_sub(1, Ordering::Relaxed);
            if let Conn::Sqlite(inner) = &mut *conn {
                // A deferred transaction that reads first and writes later can lose its turn to
                // another process's writer and fail at once, in spite of the busy timeout.
                AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?;
            }
            let outcome = finish(&mut conn, queries);
            if let Some(checkpointer) = &self.inner.checkpointer {
                checkpointer.note_writing();
            }
            return outcome;
        }
        write_on(&mut self.connection()?.conn, "BEGIN", queries)
    }

    /// Waits until bulk work may write: on SQLite one of all at a time, and none while the last of
    /// the write-ahead log is carried.
    fn bulk_turn(&self) -> Option<FairMutexGuard<'_, ()>> {
        let checkpointer = self.inner.checkpointer.as_ref()?;
        let turn = self.inner.bulk.lock();
        checkpointer.let_bulk_wait();
        Some(turn)
    }

    /// Whether somebody waits for a turn at SQLite's one writer.
    fn is_waited_for(&self) -> bool {
        self.inner.waiting.load(Ordering::Relaxed) > 0
    }

    /// Like [`Db::write`], for a batch of hits: before anything is read, it shares the locks of
    /// these accounts' hits ([`account_lock`]), which on PostgreSQL come with the beginning. A
    /// connection that did its work a moment ago is trusted: asking it first would cost a fifth of
    /// all round trips. Where it is gone after all, nothing was committed, and another one is asked.
    pub fn record<T>(
        &self,
        account_ids: &[i64],
        queries: impl Fn(&mut Conn) -> DbResult<T>,
    ) -> DbResult<T> {
        if self.inner.writer.is_some() {
            return self.write(queries);
        }
        let begin = account_lock::begin_shared(account_ids);
        let mut trusted = self.any_connection()?;
        if trusted.is_trusted() {
            match write_on(&mut trusted.conn, &begin, &queries) {
                Err(error) if error.is_away() && !trusted.is_good() => {}
                outcome => return outcome,
            }
        }
        drop(trusted);
        write_on(&mut self.connection()?.conn, &begin, queries)
    }

    /// A connection that answers.
    fn connection(&self) -> DbResult<PooledConnection<Connector>> {
        let mut conn = self.any_connection()?;
        // Those that a server has left behind may all be gone; new ones come in their place.
        let mut left = self.inner.readers.max_size();
        while self.inner.backend == Backend::Postgres && !conn.is_good() {
            if left == 0 {
                return Err(DbError::Unavailable("no connection answers".to_owned()));
            }
            left -= 1;
            drop(conn);
            conn = self.any_connection()?;
        }
        Ok(conn)
    }

    fn any_connection(&self) -> DbResult<PooledConnection<Connector>> {
        let conn = self.inner.readers.get();
        conn.map_err(|e| DbError::Unavailable(e.to_string()))
    }

    /// Runs a statement that can't be in a transaction (`VACUUM`, checkpoints), on the writer.
    pub fn maintain<T>(&self, work: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
        if let Some(writer) = &self.inner.writer {
            return work(&mut writer.lock());
        }
        let mut conn = self.connection()?;
        work(&mut conn.conn)
    }
}

/// Whether two paths lead to one file, by whatever names.
fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// Runs queries in one transaction on a server.
fn write_on<T>(
    conn: &mut Conn,
    begin: &str,
    queries: impl FnOnce(&mut Conn) -> DbResult<T>,
) -> DbResult<T> {
    if let Conn::Postgres(inner) = conn {
        AnsiTransactionManager::begin_transaction_sql(inner, begin)?;
    }
    finish(conn, queries)
}

/// Ends the transaction that was begun: commits what went well, rolls back what did not.
fn finish<T>(conn: &mut Conn, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
    // A panic in the closure must not leave the shared writer inside a transaction.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queries(conn)));
    match outcome {
        Ok(Ok(value)) => {
            if let Err(error) = commit(conn) {
                // A commit that failed may leave the transaction open (disk full, lost server).
                let _ = rollback(conn);
                return Err(match conn {
                    Conn::Sqlite(_) => error.into(),
                    Conn::Postgres(_) => DbError::Unconfirmed,
                });
            }
            Ok(value)
        }
        Ok(Err(error)) => {
            // A full disk or a lost server ends the transaction by itself, and then there is
            // nothing to roll back: what went wrong first is what counts.
            if let Err(second) = rollback(conn) {
                tracing::debug!(error = %DbError::from(second), "nothing was rolled back");
            }
            Err(error)
        }
        Err(panic) => {
            let _ = rollback(conn);
            std::panic::resume_unwind(panic)
        }
    }
}

fn commit(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        Conn::Sqlite(inner) => AnsiTransactionManager::commit_transaction(inner),
        Conn::Postgres(inner) => AnsiTransactionManager::commit_transaction(inner),
    }
}

fn rollback(conn: &mut Conn) -> Result<(), DieselError> {
    let outcome = match conn {
        Conn::Sqlite(inner) => AnsiTransactionManager::rollback_transaction(inner),
        Conn::Postgres(inner) => AnsiTransactionManager::rollback_transaction(inner),
    };
    match outcome {
        // The database has rolled back by itself.
        Err(DieselError::NotInTransaction) => Ok(()),
        other => other,
    }
}

fn migrate(conn: &mut Conn) -> DbResult<()> {
    fn run<C>(conn: &mut C, migrations: EmbeddedMigrations) -> DbResult<()>
    where
        C: MigrationHarness<C::Backend> + Connection,
    {
        conn.run_pending_migrations(migrations)
            .map(|_| ())
            .map_err(|e| DbError::Unavailable(format!("migration failed: {e}")))
    }
    match conn {
        Conn::Sqlite(inner) => run::<SqliteConnection>(inner, SQLITE_MIGRATIONS),
        Conn::Postgres(inner) => {
            // Several nodes may start at once; the first one migrates, the others wait for it.
            use diesel::RunQueryDsl;
            diesel::sql_query("SELECT pg_advisory_lock(4711)").execute(inner)?;
            let outcome = run::<PgConnection>(inner, POSTGRES_MIGRATIONS);
            diesel::sql_query("SELECT pg_advisory_unlock(4711)").execute(inner)?;
            outcome
        }
    }
}

fn is_up_to_date(conn: &mut Conn) -> DbResult<bool> {
    match conn {
        Conn::Sqlite(inner) => inner.has_pending_migration(SQLITE_MIGRATIONS),
        Conn::Postgres(inner) => inner.has_pending_migration(POSTGRES_MIGRATIONS),
    }
    .map(|pending| !pending)
    .map_err(|e| DbError::Unavailable(e.to_string()))
}

/// The SQLite file inside a data directory.
pub fn sqlite_file(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("widerspruch.sqlite")
}
