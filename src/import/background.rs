//! Runs imports of uploaded files in the background, one after the other, and takes up those that
//! an earlier run of the program left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::run::{self, RunError};
use super::uploads::Uploads;
use crate::db::models::audit::Actor;
use crate::db::models::imports::{self, Import, ImportStatus};
use crate::db::models::refusals;
use crate::db::models::users;
use crate::db::{Db, DbError, DbResult};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;

/// How often an import halted by the database is tried again before it waits for the next start.
const ATTEMPTS: u32 = 5;

/// How long to wait before that.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What the report says of an import that the database does not take.
const NOT_STORED: &str = "Die Datenbank konnte die Zeilen nach den hier gezählten nicht speichern. \
    Was gezählt ist, ist importiert. Sie können die Datei noch einmal importieren: Doppelt wird dabei nichts.";

/// For how many days an uploaded file waits to be started.
pub const UPLOADS_KEPT_DAYS: i64 = 1;

/// For how many days refused rows are kept (rule P7).
pub const REFUSALS_KEPT_DAYS: i64 = 7;

/// An import: its account and its number.
type Wanted = (i64, i64);

/// Hands imports to the background work. Cheap to clone.
#[derive(Clone)]
pub struct Imports {
    /// The uploaded files.
    pub uploads: Uploads,
    work: Sender<Option<Wanted>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    stopping: Arc<AtomicBool>,
}

struct Worker {
    db: Db,
    uploads: Uploads,
    remembering: Key,
    stopping: Arc<AtomicBool>,
}

impl Imports {
    /// Starts the background work, which first takes up what an earlier run left.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(db: Db, uploads: Uploads, remembering: Key) -> std::io::Result<Self> {
        let (work, waiting) = channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            db,
            uploads: uploads.clone(),
            remembering,
            stopping: stopping.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("imports".into())
            .spawn(move || worker.serve(&waiting))?;
        Ok(Self {
            uploads,
            work,
            thread: Arc::new(Mutex::new(Some(thread))),
            stopping,
        })
    }

    /// Lets a started import be run in the background.
    pub fn enqueue(&self, account_id: i64, import_id: i64) {
        // If the work has ended, the next start takes the import up.
        let _ = self.work.send(Some((account_id, import_id)));
    }

    /// Ends the background work after the slice it is writing.
    pub fn shut_down(&self) {
        self.stopping.store(true, Ordering::Release);
        let _ = self.work.send(None);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the importing ended with a panic");
        }
    }
}

impl Worker {
    fn serve(&self, waiting: &Receiver<Option<Wanted>>) {
        if let Err(error) = self.uploads.sweep(&self.db) {
            tracing::warn!(%error, "old uploads could not be removed");
        }
        match self
            .db
            .read(|conn| imports::all_with_status(conn, ImportStatus::Running))
        {
            Ok(left) => left
                .into_iter()
                // Others were begun on the command line, or lie on the node that took them.
                .filter(|import| self.uploads.path(import.id).exists())
                .for_each(|import| self.persist((import.account_id, import.id))),
            Err(error) => tracing::warn!(%error, "unfinished imports could not be taken up"),
        }
        while let Ok(Some(wanted)) = waiting.recv() {
            self.persist(wanted);
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Runs an import, with some patience for a database in trouble. Where it is there, but does
    /// not take what the file says, waiting helps nobody: then the import ends and says so.
    fn persist(&self, (account_id, import_id): Wanted) {
        for attempt in 1..=ATTEMPTS {
            if self.is_stopping() {
                return;
            }
            let Err(error) = self.run((account_id, import_id)) else {
                return;
            };
            tracing::warn!(%error, import_id, "an import halts");
            let refused = matches!(error, DbError::Fault(_) | DbError::Unreadable(_));
            if attempt == ATTEMPTS && refused {
                self.give_up(account_id, import_id);
            }
            std::thread::sleep(AGAIN_AFTER);
        }
    }

    fn give_up(&self, account_id: i64, import_id: i64) {
        let now = Timestamp::now();
        let ended = self.db.write(|conn| {
            imports::finish(
                conn,
                account_id,
                import_id,
                ImportStatus::Failed,
                Some(NOT_STORED),
                now,
            )
        });
        match ended {
            Ok(_) => self.uploads.remove(import_id),
            Err(error) => tracing::warn!(%error, import_id, "a failed import can't be ended"),
        }
    }

    fn run(&self, (account_id, import_id): Wanted) -> DbResult<()> {
        let (import, actor) = self.db.read(|conn| {
            let import = imports::find(conn, account_id, import_id)?;
            let actor = match import.user_id {
                Some(id) => Actor::User {
                    id,
                    name: users::name(conn, account_id, id)?,
                },
                None => Actor::Program("Import"),
            };
            Ok((import, actor))
        })?;
        if import.status == ImportStatus::Running {
            match self.run_from(&import, &actor) {
                Ok(true) | Err(RunError::Read(_) | RunError::Ended) => {}
                Ok(false) => return Ok(()),
                Err(RunError::Database(error)) => return Err(error),
            }
        }
        self.uploads.remove(import_id);
        Ok(())
    }

    fn run_from(&self, import: &Import, actor: &Actor) -> Result<bool, RunError> {
        let path = self.uploads.path(import.id);
        let go_on = |_| !self.is_stopping();
        run::run(&self.db, &self.remembering, actor, import, &path, go_on)
    }
}

/// What the housekeeping does: gives up uploads that nobody started, and removes files that no
/// import needs.
///
/// # Errors
/// Fails when the database does.
pub fn tidy(db: &Db, uploads: &Uploads) -> Result<(), DbError> {
    let now = Timestamp::now();
    db.write(|conn| {
        imports::expire_uploads(conn, now.plus_days(-UPLOADS_KEPT_DAYS), now)?;
        refusals::purge(conn, now.plus_days(-REFUSALS_KEPT_DAYS))
    })?;
    uploads.sweep(db)
}
