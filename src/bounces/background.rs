//! The threads that read mailboxes and take up what was handed over.

use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::time::{Duration, Instant};

use super::mailbox::Reader;
use super::origin::Keys;
use super::server::Problem;
use super::spool::Spool;
use crate::db::models::bounce_mailboxes::{self, Mailbox};
use crate::db::{Db, DbError, DbResult};
use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;
use crate::jobs::concurrent::ConcurrentTasks;
use crate::jobs::worker::{Next, Worker};

/// How often a mailbox is read, in milliseconds.
pub const EVERY: i64 = 5 * 60_000;

/// How often it is looked for mailboxes to read.
const LOOK: Duration = Duration::from_secs(20);

/// How many mailboxes are read at the same time: a mail server that does not answer delays nobody
/// else's.
const MAX_CONCURRENT: usize = 4;

/// How often it is looked for messages handed over.
const LOOK_FOR_HANDED: Duration = Duration::from_secs(1);

/// A mailbox somebody waits for.
struct Wanted {
    account_id: i64,
    done: SyncSender<()>,
}

/// The background work. Cheap to clone.
#[derive(Clone)]
pub struct Bounces {
    reader: Reader,
    wanted: Sender<Wanted>,
    mailboxes: Worker,
    spool: Worker,
}

impl Bounces {
    /// Starts reading.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(db: Db, keys: Keys, sealer: Sealer, spool: Spool) -> std::io::Result<Self> {
        if !db.is_server()
            && let Err(error) = db.write(bounce_mailboxes::release_all)
        {
            tracing::warn!(%error, "mailboxes wait for a reader that ended");
        }
        let (mailboxes, taking) = (Worker::new("bounce-mailboxes"), Worker::new("bounce-spool"));
        let reader = Reader::new(db.clone(), keys.clone(), sealer, mailboxes.clone());
        let (wanted, waiting) = mpsc::channel();
        let for_thread = reader.clone();
        let mut rounds = Rounds {
            reader: for_thread,
            asked: waiting,
            wanted: Vec::new(),
            looked: Instant::now(),
            running: ConcurrentTasks::new(MAX_CONCURRENT),
        };
        mailboxes.start(move |worker| rounds.round(worker))?;
        taking.start(move |_| {
            spool.take_all(&db, &keys)?;
            Ok::<_, DbError>(Next::After(LOOK_FOR_HANDED))
        })?;
        Ok(Self {
            reader,
            wanted,
            mailboxes,
            spool: taking,
        })
    }

    /// Its threads.
    pub const fn workers(&self) -> [&Worker; 2] {
        [&self.mailboxes, &self.spool]
    }

    /// Reads an account's mailbox now, and waits for it, at most so long. Gives whether it was
    /// done by then; it goes on in any case.
    pub fn read_now(&self, account_id: i64, patience: Duration) -> bool {
        let (done, waiting) = mpsc::sync_channel(1);
        let wanted = Wanted { account_id, done };
        let is_asked = self.wanted.send(wanted).is_ok();
        self.mailboxes.wake();
        is_asked && waiting.recv_timeout(patience).is_ok()
    }

    /// Whether the server of a mailbox lets us in: how many messages lie in the folder.
    pub fn test(&self, account_id: i64, mailbox: &Mailbox) -> Result<u32, Problem> {
        self.reader.test(account_id, mailbox)
    }

    /// Ends the background work after the messages it is counting.
    pub fn shut_down(&self) {
        self.mailboxes.stop();
        self.spool.stop();
    }
}

/// The state of the thread that has mailboxes read.
struct Rounds {
    reader: Reader,
    asked: Receiver<Wanted>,
    /// Asked for, and not begun yet.
    wanted: Vec<Wanted>,
    /// When mailboxes that are due were last looked for.
    looked: Instant,
    running: ConcurrentTasks<i64>,
}

impl Rounds {
    /// Begins to read the mailboxes that somebody waits for, and now and then those that are due.
    fn round(&mut self, worker: &Worker) -> DbResult<Next> {
        if worker.is_stopping() {
            self.running.finish();
            return Ok(Next::After(LOOK));
        }
        self.wanted.extend(self.asked.try_iter());
        for wanted in std::mem::take(&mut self.wanted) {
            let account_id = wanted.account_id;
            if self.may_begin(account_id) {
                self.begin(worker, account_id, Some(wanted.done));
            } else {
                self.wanted.push(wanted);
            }
        }
        if self.looked.elapsed() >= LOOK {
            let now = Timestamp::now();
            let before = now.plus_millis(-EVERY);
            let db = self.reader.db();
            let mut has_room = true;
            for account_id in db.read(|conn| bounce_mailboxes::due(conn, before, now))? {
                if self.may_begin(account_id) {
                    self.begin(worker, account_id, None);
                } else {
                    has_room &= self.running.free() > 0;
                }
            }
            // Else the end of one that is being read wakes the thread, and it looks again.
            if has_room {
                self.looked = Instant::now();
            }
        }
        Ok(Next::After(LOOK.saturating_sub(self.looked.elapsed())))
    }

    fn may_begin(&self, account_id: i64) -> bool {
        self.running.free() > 0 && !self.running.running().contains_key(&account_id)
    }

    fn begin(&self, worker: &Worker, account_id: i64, done: Option<SyncSender<()>>) {
        let reader = self.reader.clone();
        let begun = self.running.begin(worker, account_id, move || {
            if let Err(error) = reader.read(account_id) {
                tracing::warn!(account_id, %error, "reading a mailbox halts");
            }
            if let Some(done) = done {
                let _ = done.try_send(());
            }
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "no thread for a mailbox");
        }
    }
}
