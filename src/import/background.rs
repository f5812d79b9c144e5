//! Imports of uploaded files in the background: one at a time, those of several accounts in turn.

use std::sync::Arc;

use super::run::{self, RunError};
use super::uploads::Uploads;
use crate::db::models::audit::Actor;
use crate::db::models::imports::{self, Import, ImportStatus};
use crate::db::models::job_queue::{self, Failure, Queued, Task};
use crate::db::models::refusals;
use crate::db::models::users;
use crate::db::{Conn, Db, DbError, DbResult};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::jobs::runner::{Handler, Outcome, Runner, Turn};
use crate::jobs::worker::Worker;

/// So often an import may be refused by a database that is there, before it ends and says so: waiting
/// helps nobody then.
const ATTEMPTS: i64 = 5;

/// What the report says of an import that the database does not take.
const NOT_STORED: &str = "Die Datenbank konnte die Zeilen nach den hier gezählten nicht speichern. \
    Was gezählt ist, ist importiert. Sie können die Datei noch einmal importieren: Doppelt wird dabei nichts.";

/// For how many days an uploaded file waits to be started.
pub const UPLOADS_KEPT_DAYS: i64 = 1;

/// For how many days refused rows are kept (rule P7).
pub const REFUSALS_KEPT_DAYS: i64 = 7;

/// Has queued imports done. Cheap to clone.
#[derive(Clone)]
pub struct Imports {
    /// The uploaded files.
    pub uploads: Uploads,
    runner: Runner,
    node: Arc<str>,
}

struct Importing {
    db: Db,
    uploads: Uploads,
    remembering: Key,
}

impl Imports {
    /// Starts the background work. `node` names the data directory, which the uploads lie in.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(
        db: Db,
        uploads: Uploads,
        remembering: Key,
        node: Arc<str>,
    ) -> std::io::Result<Self> {
        if let Err(error) = take_up(&db, &uploads, &node) {
            tracing::warn!(%error, "what an earlier version left could not be looked up");
        }
        let importing = Importing {
            db: db.clone(),
            uploads: uploads.clone(),
            remembering,
        };
        Ok(Self {
            uploads,
            runner: Runner::start(db, Arc::clone(&node), "imports", importing)?,
            node,
        })
    }

    /// Starts an import of an uploaded file. Gives whether that was still to be done; after the
    /// commit [`Self::wake`] is to be called.
    pub fn queue(&self, conn: &mut Conn, account_id: i64, import_id: i64) -> DbResult<bool> {
        let is_started = imports::start(conn, account_id, import_id)?;
        if is_started {
            let now = Timestamp::now();
            job_queue::push(conn, account_id, Task::Import, import_id, &self.node, now)?;
        }
        Ok(is_started)
    }

    /// Ends an import that a user gives up.
    pub fn cancel(conn: &mut Conn, account_id: i64, import_id: i64) -> DbResult<bool> {
        job_queue::remove(conn, Task::Import, import_id)?;
        let (status, now) = (ImportStatus::Cancelled, Timestamp::now());
        imports::finish(conn, account_id, import_id, status, None, now)
    }

    /// Says that an import was queued.
    pub fn wake(&self) {
        self.runner.wake();
    }

    /// Its thread.
    pub fn worker(&self) -> &Worker {
        self.runner.worker()
    }

    /// Ends the background work after the slice it is writing.
    pub fn shut_down(&self) {
        self.runner.stop();
    }
}

/// Queues running imports whose files lie here: versions before this one had no queue.
fn take_up(db: &Db, uploads: &Uploads, node: &str) -> DbResult<()> {
    uploads.sweep(db)?;
    let running = db.read(|conn| imports::all_with_status(conn, ImportStatus::Running))?;
    // Others were begun on the command line, or lie on the node that took them.
    let here = running.iter().filter(|one| uploads.path(one.id).exists());
    for import in here {
        db.write(|conn| {
            let now = Timestamp::now();
            job_queue::push(conn, import.account_id, Task::Import, import.id, node, now)
        })?;
    }
    Ok(())
}

impl Handler for Importing {
    const TASK: Task = Task::Import;

    fn work_on(&self, queued: &Queued, turn: &mut Turn<'_>) -> DbResult<Outcome> {
        let (account_id, import_id) = (queued.account_id, queued.subject_id);
        let outcome = self.run((account_id, import_id), turn);
        let is_refused = matches!(
            &outcome,
            Err(error @ (DbError::Fault(_) | DbError::Unreadable(_)))
                if Failure::of(error) == Failure::Database
        );
        let was_refused = queued.last_failure == Some(Failure::Database);
        let attempts = queued.failures + 1;
        if is_refused && was_refused && attempts >= ATTEMPTS && !turn.has_progressed() {
            self.give_up(account_id, import_id)?;
            return Ok(Outcome::Done);
        }
        outcome
    }
}

impl Importing {
    fn give_up(&self, account_id: i64, import_id: i64) -> DbResult<()> {
        self.db.write(|conn| {
            imports::finish(
                conn,
                account_id,
                import_id,
                ImportStatus::Failed,
                Some(NOT_STORED),
                Timestamp::now(),
            )
        })?;
        self.uploads.remove(import_id);
        Ok(())
    }

    fn run(&self, (account_id, import_id): (i64, i64), turn: &mut Turn<'_>) -> DbResult<Outcome> {
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
            match self.run_from(&import, &actor, turn) {
                Ok(true) | Err(RunError::Read(_) | RunError::Ended) => {}
                Ok(false) => return Ok(Outcome::Unfinished),
                Err(RunError::Database(error)) => return Err(error),
            }
        }
        self.uploads.remove(import_id);
        Ok(Outcome::Done)
    }

    fn run_from(
        &self,
        import: &Import,
        actor: &Actor,
        turn: &mut Turn<'_>,
    ) -> Result<bool, RunError> {
        let path = self.uploads.path(import.id);
        let go_on = |_| !turn.is_over();
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
