//! The database: SQLite in a file (the default) or PostgreSQL, chosen at run time.
//!
//! Everybody else sees three things: [`Db::read`] and [`Db::write`], which run a closure in a
//! transaction, and the intention-named queries in [`models`], [`search`] and [`reports`]. Nothing outside
//! this folder speaks SQL, and nothing in it knows of HTTP.
//!
//! **Errors.** Every query returns [`DbError`]. *Not there* and *already there* are variants of
//! their own, because callers answer them differently; the rest is a fault of the database.

pub mod account_lock;
pub mod advisory_lock;
mod backend;
mod checkpointer;
mod connection;
mod error;
pub mod json_rows;
pub mod maintenance;
pub mod models;
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

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::r2d2::{Pool, PooledConnection};
use diesel::result::Error as DieselError;
use parking_lot::{FairMutex, FairMutexGuard};

use advisory_lock::Lock;
pub use backend::{Backend, Conn, OnBackend, Target, TargetProblem, open_copy};
use checkpointer::{Amounts, Checkpointer};
use connection::Connector;
pub use error::{DbError, DbResult};

/// Counts the transactions of a connection.
type Transactions = <Conn as Connection>::TransactionManager;

/// How long a statement waits for a lock before it fails, on a server.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request waits for a free connection before it fails.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to the database: cheap to clone, shared by the whole program.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    readers: Pool<Connector>,
    /// What a database in a file needs; none of it for a server.
    embedded: Option<Embedded>,
    /// How many wait for their turn at the one writer.
    waiting: AtomicUsize,
    /// Bulk work lines up here first: of several only one is in the way of who comes next.
    bulk: FairMutex<()>,
}

/// SQLite's file in this process. The fields are dropped in this order.
struct Embedded {
    /// SQLite allows one writer at a time. Letting all writing pass this one connection, in the
    /// order of asking, is what keeps hits fast while an import runs: they wait for one slice of
    /// the import at most, never for a lost race for the file's lock.
    writer: Arc<FairMutex<Conn>>,
    /// Declared behind the writer, which the last connection's closing waits for: see its module.
    checkpointer: Checkpointer,
    /// Where the file is.
    path: PathBuf,
    /// The file, for the checkpointer. Declared last: closing it drops the locks that SQLite holds
    /// on it in this process, so all connections have to be closed before.
    _file: Arc<File>,
}

impl Embedded {
    fn start(mut writer: Conn, connector: &Connector, path: &Path) -> DbResult<Self> {
        // Hits of a large mailing come back to the same pages again and again: 24,000 KiB of them
        // stay in memory. What is written ahead is carried by the checkpointer; only if that should
        // fail, by the writer, from 512 MB on.
        writer.batch_execute(
            "PRAGMA cache_size = -24000;
             PRAGMA wal_autocheckpoint = 128000;",
        )?;
        let writer = Arc::new(FairMutex::new(writer));
        let file = File::options().read(true).write(true).open(path);
        let file = Arc::new(file.map_err(|e| DbError::Unavailable(e.to_string()))?);
        let conn = connector
            .open()
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        let checkpointer =
            Checkpointer::start(conn, Arc::clone(&writer), Arc::clone(&file), Amounts::USUAL)?;
        Ok(Self {
            writer,
            checkpointer,
            path: path.to_owned(),
            _file: file,
        })
    }
}

impl Db {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// Fails when the database can't be reached or a migration fails.
    pub fn open(target: &Target) -> DbResult<Self> {
        Self::open_with(target, |conn| conn.backend_mut().migrate())
    }

    /// Opens a database that is there and up to date, as beside a server that runs on it.
    ///
    /// # Errors
    /// Fails when there is none, or its tables are not those of this version.
    pub fn open_as_it_is(target: &Target) -> DbResult<Self> {
        if target.file().is_some_and(|path| !path.is_file()) {
            return Err(DbError::Refused("there is no database yet"));
        }
        Self::open_with(target, |conn| {
            conn.backend_mut().share_with_a_server()?;
            if conn.backend_mut().is_up_to_date()? {
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
        if let Some(language) = first.backend_mut().foreign_language()? {
            tracing::warn!(
                language,
                "the database server words errors in another language than English: time-outs of \
                 locks and a full disk are not recognised; let a superuser set lc_messages = 'C' \
                 for the role in DATABASE_URL"
            );
        }
        let embedded = match target.file() {
            Some(path) => Some(Embedded::start(first, &connector, path)?),
            None => None,
        };
        let readers = Pool::builder()
            .max_size(if embedded.is_some() { 8 } else { 16 })
            .min_idle(Some(1))
            .connection_timeout(CHECKOUT_TIMEOUT)
            // Who takes one asks it ([`Db::connection`]), or trusts it ([`Db::record`]).
            .test_on_check_out(false)
            .build(connector)
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                readers,
                embedded,
                waiting: AtomicUsize::new(0),
                bulk: FairMutex::new(()),
            }),
        })
    }

    /// See [`Backend::is_server`].
    pub fn is_server(&self) -> bool {
        self.inner.embedded.is_none()
    }

    /// Whether that is a file in which SQLite keeps this database. While it is in use nobody else
    /// may open it in this process: closing it would drop the locks that SQLite holds on it.
    pub fn owns(&self, path: &Path) -> bool {
        let Some(Embedded { path: database, .. }) = &self.inner.embedded else {
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
        conn.conn.backend_mut().begin_read()?;
        finish(&mut conn.conn, queries)
    }

    /// Like [`Db::read`], for whoever lets the database wait between the rows, for so long at most.
    pub fn read_slowly<T>(
        &self,
        limit: Duration,
        queries: impl FnOnce(&mut Conn) -> DbResult<T>,
    ) -> DbResult<T> {
        self.read(|conn| {
            conn.backend_mut().allow_idling(limit)?;
            queries(conn)
        })
    }

    /// Runs queries in one transaction that may write: all of it happens, or nothing.
    ///
    /// On SQLite this waits for its turn at the one writer; keep it short (bulk work goes at a
    /// [`pace::Pace`]).
    pub fn write<T>(&self, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
        if let Some(embedded) = &self.inner.embedded {
            self.inner.waiting.fetch_add(1, Ordering::Relaxed);
            let mut conn = embedded.writer.lock();
            self.inner.waiting.fetch_sub(1, Ordering::Relaxed);
            let outcome = write_on(&mut conn, queries);
            embedded.checkpointer.note_writing();
            return outcome;
        }
        write_on(&mut self.connection()?.conn, queries)
    }

    /// Waits until bulk work may write: on SQLite one of all at a time, and none while the last of
    /// the write-ahead log is carried.
    fn bulk_turn(&self) -> Option<FairMutexGuard<'_, ()>> {
        let Embedded { checkpointer, .. } = self.inner.embedded.as_ref()?;
        let turn = self.inner.bulk.lock();
        checkpointer.let_bulk_wait();
        Some(turn)
    }

    /// Whether somebody waits for a turn at SQLite's one writer.
    fn is_waited_for(&self) -> bool {
        self.inner.waiting.load(Ordering::Relaxed) > 0
    }

    /// Like [`Db::write`], for a batch of hits: before anything is read, it shares the locks of
    /// these accounts' events ([`account_lock`]), which on PostgreSQL come with the beginning. Each is
    /// waited for so long at most; none, and nothing is done, where one could not be had.
    ///
    /// A connection that did its work a moment ago is trusted: asking it first would cost a fifth of
    /// all round trips. Where it is gone after all, nothing was committed, and another one is asked.
    pub fn record<T>(
        &self,
        account_ids: &[i64],
        patience: Duration,
        queries: impl Fn(&mut Conn) -> DbResult<T>,
    ) -> DbResult<Option<T>> {
        if !self.is_server() {
            return self.write(queries).map(Some);
        }
        let locks: Vec<Lock> = account_ids.iter().copied().map(Lock::Events).collect();
        let record_on = |conn: &mut Conn| {
            if conn.backend_mut().begin_write_sharing(&locks, patience)? {
                finish(conn, &queries).map(Some)
            } else {
                Ok(None)
            }
        };
        let mut trusted = self.any_connection()?;
        if trusted.is_trusted() {
            match record_on(&mut trusted.conn) {
                Err(error) if error.is_away() && !trusted.is_good() => {}
                outcome => return outcome,
            }
        }
        drop(trusted);
        record_on(&mut self.connection()?.conn)
    }

    /// A connection that answers.
    fn connection(&self) -> DbResult<PooledConnection<Connector>> {
        let mut conn = self.any_connection()?;
        // Those that a server has left behind may all be gone; new ones come in their place.
        let mut left = self.inner.readers.max_size();
        while self.is_server() && !conn.is_good() {
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
        if let Some(embedded) = &self.inner.embedded {
            return work(&mut embedded.writer.lock());
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

fn write_on<T>(conn: &mut Conn, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
    conn.backend_mut().begin_write()?;
    finish(conn, queries)
}

/// Ends the transaction that was begun: commits what went well, rolls back what did not. There is
/// a copy of this for every transaction of the program: what needs none is done elsewhere.
fn finish<T>(conn: &mut Conn, queries: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
    // A panic in the closure must not leave the shared writer inside a transaction.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queries(conn)));
    match outcome {
        Ok(Ok(value)) => commit(conn).map(|()| value),
        Ok(Err(error)) => {
            roll_back_failed(conn);
            Err(error)
        }
        Err(panic) => {
            let _ = rollback(conn);
            std::panic::resume_unwind(panic)
        }
    }
}

fn commit(conn: &mut Conn) -> DbResult<()> {
    Transactions::commit_transaction(conn).map_err(|error| {
        // A commit that failed may leave the transaction open (disk full, lost server).
        let _ = rollback(conn);
        if conn.backend().is_server() {
            DbError::Unconfirmed
        } else {
            error.into()
        }
    })
}

/// A full disk or a lost server ends the transaction by itself, and then there is nothing to roll
/// back: what went wrong first is what counts.
fn roll_back_failed(conn: &mut Conn) {
    if let Err(second) = rollback(conn) {
        tracing::debug!(error = %DbError::from(second), "nothing was rolled back");
    }
}

fn rollback(conn: &mut Conn) -> Result<(), DieselError> {
    match Transactions::rollback_transaction(conn) {
        // The database has rolled back by itself.
        Err(DieselError::NotInTransaction) => Ok(()),
        other => other,
    }
}

/// The SQLite file inside a data directory.
pub fn sqlite_file(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("widerspruch.sqlite")
}
