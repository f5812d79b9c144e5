//! The threads that read mailboxes and take up what was handed over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::mailbox::Reader;
use super::origin::Keys;
use super::server::Problem;
use super::spool::Spool;
use crate::db::Db;
use crate::db::models::bounce_mailboxes::{self, Mailbox};
use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;

/// How often a mailbox is read, in milliseconds.
pub const EVERY: i64 = 5 * 60_000;

/// How often it is looked for mailboxes to read.
const LOOK: Duration = Duration::from_secs(20);

/// How often it is looked for messages handed over.
const LOOK_FOR_HANDED: Duration = Duration::from_secs(1);

/// How long to wait when the database is in trouble.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// A mailbox somebody waits for.
struct Wanted {
    account_id: i64,
    done: SyncSender<()>,
}

/// The background work. Cheap to clone.
#[derive(Clone)]
pub struct Bounces {
    reader: Reader,
    wanted: Sender<Option<Wanted>>,
    ending: Arc<Mutex<Option<Sender<()>>>>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    stopping: Arc<AtomicBool>,
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
        let stopping = Arc::new(AtomicBool::new(false));
        let reader = Reader::new(db.clone(), keys.clone(), sealer, Arc::clone(&stopping));
        let (wanted, waiting) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let for_thread = reader.clone();
        let reading = thread("bounce-mailboxes").spawn(move || read_all(&for_thread, &waiting))?;
        let taking = thread("bounce-spool").spawn(move || take_all(&db, &keys, &spool, &ended))?;
        Ok(Self {
            reader,
            wanted,
            ending: Arc::new(Mutex::new(Some(ending))),
            threads: Arc::new(Mutex::new(vec![reading, taking])),
            stopping,
        })
    }

    /// Reads an account's mailbox now, and waits for it, at most so long. Gives whether it was
    /// done by then; it goes on in any case.
    pub fn read_now(&self, account_id: i64, patience: Duration) -> bool {
        let (done, waiting) = mpsc::sync_channel(1);
        let wanted = Wanted { account_id, done };
        self.wanted.send(Some(wanted)).is_ok() && waiting.recv_timeout(patience).is_ok()
    }

    /// Whether the server of a mailbox lets us in: how many messages lie in the folder.
    pub fn test(&self, account_id: i64, mailbox: &Mailbox) -> Result<u32, Problem> {
        self.reader.test(account_id, mailbox)
    }

    /// Ends the background work after the message it has in hand.
    pub fn shut_down(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = self.wanted.send(None);
        self.ending.lock().take();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("the reading of what came back ended with a panic");
            }
        }
    }
}

fn read_all(reader: &Reader, waiting: &Receiver<Option<Wanted>>) {
    loop {
        match waiting.recv_timeout(LOOK) {
            Ok(Some(wanted)) => {
                read(reader, wanted.account_id);
                let _ = wanted.done.try_send(());
            }
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let now = Timestamp::now();
                let due = reader
                    .db()
                    .read(|conn| bounce_mailboxes::due(conn, now.plus_millis(-EVERY), now));
                match due {
                    Ok(due) => due.into_iter().for_each(|account| read(reader, account)),
                    Err(error) => tracing::warn!(%error, "mailboxes can't be looked for"),
                }
            }
        }
    }
}

fn read(reader: &Reader, account_id: i64) {
    match catch_unwind(AssertUnwindSafe(|| reader.read(account_id))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(account_id, %error, "reading a mailbox halts"),
        Err(_) => tracing::error!(account_id, "reading a mailbox ended with a panic"),
    }
}

fn take_all(db: &Db, keys: &Keys, spool: &Spool, ended: &Receiver<()>) {
    let mut pause = Duration::ZERO;
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        pause = match spool.take_all(db, keys) {
            Ok(()) => LOOK_FOR_HANDED,
            Err(error) => {
                tracing::warn!(%error, "messages handed over wait for the database");
                AGAIN_AFTER
            }
        };
    }
}
