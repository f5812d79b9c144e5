//! Reads an account's mailbox: what is new in it is counted, and what was about a mail of ours is
//! removed from it. Everything else stays there, unread.
//!
//! A message is counted in the transaction that notes how far the mailbox has been read, and is
//! removed afterwards. So whatever ends in between, the program or the connection, nothing is
//! counted twice, and what is still to be removed is removed at the next time. One reader holds
//! the mailbox, for a time that each message renews.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::apply::{self, Outcome};
use super::origin::Keys;
use super::report;
use super::server::{Problem, Server};
use crate::db::models::bounce_mailboxes::{self, Lease, Mailbox, Progress, Sort};
use crate::db::{Db, DbError, DbResult};
use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;
use crate::jobs::worker::Worker;

/// How long a reader holds a mailbox without a sign of life, in milliseconds: longer than the
/// server may be silent.
const LEASE: i64 = 120_000;

/// How many messages are counted before they are removed from the mailbox.
const REMOVED_AT_ONCE: usize = 50;

/// How often a message is tried that every time ends the reading.
const ATTEMPTS: u32 = 3;

/// How many messages are read at a time.
const READ_AT_A_TIME: usize = 5_000;

/// Reads mailboxes. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    db: Db,
    keys: Keys,
    sealer: Sealer,
    worker: Worker,
    /// The message that each account's mailbox was last tried at, and how often.
    tries: Arc<Mutex<HashMap<i64, (u32, u32)>>>,
}

/// Why reading ends.
enum Halt {
    Problem(Problem),
    Database(DbError),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<DbError> for Halt {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl Reader {
    /// Reads with these keys; ends between two messages once the worker is stopping.
    pub fn new(db: Db, keys: Keys, sealer: Sealer, worker: Worker) -> Self {
        Self {
            db,
            keys,
            sealer,
            worker,
            tries: Arc::default(),
        }
    }

    /// The database that it writes to.
    pub(super) const fn db(&self) -> &Db {
        &self.db
    }

    /// Whether the server lets us in: how many messages lie in the folder.
    pub fn test(&self, account_id: i64, mailbox: &Mailbox) -> Result<u32, Problem> {
        let server = self.open(account_id, mailbox)?;
        let messages = server.messages;
        server.close();
        Ok(messages)
    }

    /// Reads what is new, unless somebody else is at it, and notes how it went.
    ///
    /// # Errors
    /// Fails when the database does.
    pub fn read(&self, account_id: i64) -> DbResult<()> {
        let now = Timestamp::now();
        let taken = self.db.write(|conn| {
            let Some(lease) = Lease::take(conn, account_id, now, soon())? else {
                return Ok(None);
            };
            Ok(bounce_mailboxes::find(conn, account_id)?.map(|found| (lease, found)))
        })?;
        let Some((mut lease, (mailbox, progress))) = taken else {
            return Ok(());
        };
        let outcome = self.read_with(&mut lease, account_id, &mailbox, &progress);
        let problem = match outcome {
            Ok(()) => None,
            Err(Halt::Problem(problem)) => Some(problem.to_string()),
            Err(Halt::Database(DbError::Refused(_))) => {
                // Somebody changed the mailbox meanwhile, or took it over.
                return Ok(());
            }
            Err(Halt::Database(error)) => return Err(error),
        };
        self.db
            .write(|conn| lease.give_back(conn, problem.as_deref(), Timestamp::now()))
    }

    fn open(&self, account_id: i64, mailbox: &Mailbox) -> Result<Server, Problem> {
        let password = match &mailbox.password {
            None => String::new(),
            Some(sealed) => {
                let opened = self
                    .sealer
                    .open(&bounce_mailboxes::place(account_id), sealed)
                    .map_err(|_| Problem::Password)?;
                String::from_utf8(opened.to_vec()).map_err(|_| Problem::Password)?
            }
        };
        Server::open(mailbox, &password)
    }

    fn read_with(
        &self,
        lease: &mut Lease,
        account_id: i64,
        mailbox: &Mailbox,
        progress: &Progress,
    ) -> Result<(), Halt> {
        let mut server = self.open(account_id, mailbox)?;
        let mut last = 0;
        if progress.uid_validity == Some(server.uid_validity) {
            last = progress
                .last_uid
                .and_then(|uid| u32::try_from(uid).ok())
                .unwrap_or(0);
            self.remove(lease, &mut server, &mut progress.to_remove())?;
        } else {
            let (validity, until) = (server.uid_validity, soon());
            self.renewing(lease, |lease, conn| lease.begin(conn, validity, until))?;
        }
        let mut to_remove = Vec::new();
        let uids = server.after(last, Timestamp::now())?;
        for uid in uids.into_iter().take(READ_AT_A_TIME) {
            if self.worker.is_stopping() {
                break;
            }
            self.count(lease, account_id, &mut server, uid, &mut to_remove)?;
            if to_remove.len() >= REMOVED_AT_ONCE {
                self.remove(lease, &mut server, &mut to_remove)?;
            }
        }
        self.remove(lease, &mut server, &mut to_remove)?;
        server.close();
        Ok(())
    }

    /// Counts one message.
    fn count(
        &self,
        lease: &mut Lease,
        account_id: i64,
        server: &mut Server,
        uid: u32,
        to_remove: &mut Vec<u32>,
    ) -> Result<(), Halt> {
        let message = if self.is_hopeless(account_id, uid) {
            tracing::warn!(account_id, "a message that can't be read is passed over");
            None
        } else {
            server.message(uid)?
        };
        let returned = message.map(|message| report::read(&message, &self.keys));
        let mut removing = to_remove.clone();
        if returned.is_some_and(|returned| returned.is_ours()) {
            removing.push(uid);
        }
        self.renewing(lease, |lease, conn| {
            let now = Timestamp::now();
            let outcome = match &returned {
                None => Outcome::Other,
                Some(returned) => apply::apply(conn, returned, now)?,
            };
            let sort = match outcome {
                Outcome::Counted(_) | Outcome::Nothing => Sort::Assigned,
                Outcome::Unassigned => Sort::Unassigned,
                Outcome::Other => Sort::Other,
            };
            lease.advance(conn, uid, sort, &removing, soon())
        })?;
        *to_remove = removing;
        self.tries.lock().remove(&account_id);
        Ok(())
    }

    /// Notes another attempt at a message, and whether there were enough: one that ends the
    /// reading every time must not keep the rest from being read.
    fn is_hopeless(&self, account_id: i64, uid: u32) -> bool {
        let mut tries = self.tries.lock();
        let (last, n) = tries.entry(account_id).or_insert((uid, 0));
        if *last != uid {
            (*last, *n) = (uid, 0);
        }
        *n += 1;
        *n > ATTEMPTS
    }

    fn remove(
        &self,
        lease: &mut Lease,
        server: &mut Server,
        uids: &mut Vec<u32>,
    ) -> Result<(), Halt> {
        if uids.is_empty() {
            return Ok(());
        }
        server.remove(uids)?;
        self.renewing(lease, |lease, conn| lease.removed(conn, soon()))?;
        uids.clear();
        Ok(())
    }

    /// Writes something that renews the lease; what was rolled back renews nothing.
    fn renewing(
        &self,
        lease: &mut Lease,
        write: impl FnOnce(&mut Lease, &mut crate::db::Conn) -> DbResult<()>,
    ) -> DbResult<()> {
        let mut renewed = *lease;
        self.db.write(|conn| write(&mut renewed, conn))?;
        *lease = renewed;
        Ok(())
    }
}

/// Until when a mailbox is held from now on.
fn soon() -> Timestamp {
    Timestamp::now().plus_millis(LEASE)
}
