//! The thread that carries what SQLite writes ahead to its place in the database's file.
//!
//! SQLite would do so by itself in whichever commit comes when there is enough of it: that commit,
//! and all who wait behind it, would wait for some ten thousand pages to be written and synced, for
//! hits more than half a second while an import runs. Here another connection does it, and who
//! writes goes on meanwhile. Only a short rest is carried while nobody writes; then the log begins
//! anew at its start and does not grow for ever. Where bulk work writes ahead faster than that, it
//! has to wait now and then.
//!
//! SQLite syncs the file only when all of the log is in it, which is when everybody waits. So the
//! thread does it before, and leaves little to sync then.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;
use parking_lot::FairMutex;

use super::{Conn, DbError, DbResult};

/// How often the thread looks while somebody writes.
const NAP: Duration = Duration::from_millis(50);

/// How long bulk work waits at most for the log, before each of its transactions.
const PATIENCE: Duration = Duration::from_secs(5);

/// When how much is carried, in pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amounts {
    /// From so many on: the hits of a large mailing come back to the same pages again and again,
    /// and each is then carried but once.
    pub many: i32,
    /// So few while others wait for it.
    pub few: i32,
    /// From so many on it is tried to the end, although somebody reads an old state.
    pub most: i32,
}

impl Amounts {
    /// 64 MB, a quarter of one, and 192 MB.
    pub const USUAL: Self = Self {
        many: 16_000,
        few: 60,
        most: 48_000,
    };
}

/// The running thread.
pub(super) struct Checkpointer {
    signs: Arc<Signs>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Signs {
    written: AtomicBool,
    resting: AtomicBool,
    stopping: AtomicBool,
    /// The log is about to begin anew, and bulk work is to wait until it does.
    behind: AtomicBool,
}

impl Checkpointer {
    /// Starts the thread, with a connection of its own. The file is the database's; see
    /// [`super::Db::owns`] for when it may be closed.
    pub fn start(
        conn: Conn,
        writer: Arc<FairMutex<Conn>>,
        file: Arc<File>,
        amounts: Amounts,
    ) -> DbResult<Self> {
        let signs = Arc::<Signs>::default();
        let work = Work {
            conn,
            writer,
            file,
            signs: Arc::clone(&signs),
            amounts,
        };
        let thread = std::thread::Builder::new()
            .name("checkpointer".into())
            .spawn(move || work.run())
            .map_err(|error| DbError::Unavailable(error.to_string()))?;
        Ok(Self {
            signs,
            thread: Some(thread),
        })
    }

    /// Says that something was written.
    pub fn note_writing(&self) {
        self.signs.written.store(true, Ordering::SeqCst);
        if self.signs.resting.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Lets bulk work wait while the last of the log is carried: it writes ahead faster than anybody
    /// can carry it, and at the end all who write would have to wait, hits among them.
    pub fn let_bulk_wait(&self) {
        let since = Instant::now();
        while self.signs.behind.load(Ordering::SeqCst) && since.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.signs.stopping.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that carries what was written ahead had failed");
        }
    }
}

/// What the thread works with.
struct Work {
    conn: Conn,
    writer: Arc<FairMutex<Conn>>,
    file: Arc<File>,
    signs: Arc<Signs>,
    amounts: Amounts,
}

impl Work {
    fn run(mut self) {
        let signs = Arc::clone(&self.signs);
        while !signs.stopping.load(Ordering::SeqCst) {
            if signs.written.swap(false, Ordering::SeqCst) {
                // It is tried again after the next writing, whatever went wrong.
                match catch_unwind(AssertUnwindSafe(|| self.tend())) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "the write-ahead log could not be checkpointed");
                    }
                    Err(_) => tracing::error!("checkpointing the write-ahead log panicked"),
                }
                std::thread::park_timeout(NAP);
                continue;
            }
            signs.resting.store(true, Ordering::SeqCst);
            let wanted =
                signs.written.load(Ordering::SeqCst) || signs.stopping.load(Ordering::SeqCst);
            if !wanted {
                std::thread::park();
            }
            signs.resting.store(false, Ordering::SeqCst);
        }
    }

    fn tend(&mut self) -> DbResult<()> {
        if carry(&mut self.conn, Carry::Nothing)?.rest() < self.amounts.many {
            return Ok(());
        }
        let log = self.carry_and_sync()?;
        let is_long = log.pages > self.amounts.most;
        if log.is_busy() || (log.rest() > self.amounts.few && !is_long) {
            return Ok(());
        }
        // Bulk work would leave more to carry in the end, while all who write wait.
        self.signs.behind.store(true, Ordering::SeqCst);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.finish()));
        self.signs.behind.store(false, Ordering::SeqCst);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Carries all of the log. With nothing left in it the next one who writes begins at its start,
    /// unless somebody still reads an old state: then that happens the next time.
    fn finish(&mut self) -> DbResult<()> {
        let mut before = i32::MAX;
        while !self.signs.stopping.load(Ordering::SeqCst) {
            // Carrying tells how much there was when it began; what was written since is asked for.
            let rest = carry(&mut self.conn, Carry::Nothing)?.rest();
            // Not less than before: somebody reads an old state, or it is written as fast.
            if rest <= self.amounts.few || rest > before / 2 {
                break;
            }
            self.carry_and_sync()?;
            before = rest;
        }
        carry(&mut self.writer.lock(), Carry::WhatCanBe).map(drop)
    }

    fn carry_and_sync(&mut self) -> DbResult<Log> {
        let log = carry(&mut self.conn, Carry::WhatCanBe)?;
        // Only to be done with it: what counts is SQLite's own, whose failure it heeds.
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(%error, "the database's file could not be synced");
        }
        Ok(log)
    }
}

/// What is to be carried.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carry {
    /// Nothing: only how much there is is looked at.
    Nothing,
    /// What nobody needs in its old state; waits for nobody.
    WhatCanBe,
    /// Everything, after which the log is empty.
    Everything,
}

/// How much lies in the log.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub(super) struct Log {
    #[diesel(sql_type = Integer)]
    busy: i32,
    #[diesel(sql_type = Integer, column_name = "log")]
    pages: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl Log {
    /// Whether somebody was in the way.
    pub const fn is_busy(self) -> bool {
        self.busy != 0
    }

    const fn rest(self) -> i32 {
        self.pages - self.checkpointed
    }
}

/// Carries what lies in the write-ahead log.
pub(super) fn carry(conn: &mut Conn, what: Carry) -> DbResult<Log> {
    let statement = match what {
        Carry::Nothing => "PRAGMA wal_checkpoint(NOOP)",
        Carry::WhatCanBe => "PRAGMA wal_checkpoint(PASSIVE)",
        Carry::Everything => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    Ok(sql_query(statement).get_result(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Target;
    use crate::db::connection::Connector;
    use diesel::connection::SimpleConnection;

    #[test]
    fn the_log_begins_anew_while_somebody_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db.sqlite");
        let connector = Connector::new(Target::Sqlite(path.clone()));
        let open = || connector.open().unwrap();
        let writer = Arc::new(FairMutex::new(open()));
        let execute = |statement: &str| writer.lock().batch_execute(statement).unwrap();
        execute("PRAGMA wal_autocheckpoint = 0; CREATE TABLE ballast (bytes BLOB NOT NULL)");
        let amounts = Amounts {
            many: 50,
            few: 10,
            most: 400,
        };
        let file = Arc::new(File::open(&path).unwrap());
        let checkpointer =
            Checkpointer::start(open(), Arc::clone(&writer), Arc::clone(&file), amounts).unwrap();
        let log = dir.path().join("db.sqlite-wal");
        let mut conn = open();
        // Again and again, after a rest as well as in one go, everything is carried.
        for round in 0..3 {
            for _ in 0..100 {
                execute("INSERT INTO ballast VALUES (randomblob(4000))");
                checkpointer.note_writing();
            }
            let patience = Instant::now() + Duration::from_secs(30);
            loop {
                let log = carry(&mut conn, Carry::Nothing).unwrap();
                if log.rest() < amounts.many {
                    break;
                }
                assert!(Instant::now() < patience, "{round}: {log:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let mut written = 0;
        while written < 5_000 {
            checkpointer.let_bulk_wait();
            execute("INSERT INTO ballast VALUES (randomblob(4000))");
            checkpointer.note_writing();
            written += 1;
            let length = std::fs::metadata(&log).unwrap().len();
            assert!(length < 1_000 * 4_096, "the log grows: {length}");
        }
        drop(checkpointer);
        let rows: i64 = {
            #[derive(QueryableByName)]
            struct Counted {
                #[diesel(sql_type = diesel::sql_types::BigInt)]
                n: i64,
            }
            let count = sql_query("SELECT COUNT(*) AS n FROM ballast");
            count.get_result::<Counted>(&mut conn).unwrap().n
        };
        assert_eq!(rows, 5_300);
    }
}
