//! From a hit on a pixel or link to a stored event.
//!
//! Hits wait in a bounded queue in memory. A thread takes all that is waiting, stores it in one
//! transaction ([`store`]) and only then acknowledges each hit: a pixel answered without
//! `Server-Timing: stored;desc=no` is a pixel stored, and the cost of a commit is shared by all
//! that waited for it. On SQLite, which has one writer, one thread does so. On PostgreSQL there
//! are several: while one waits for the server's answer, another prepares what comes next.

mod batch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, RwLock, RwLockWriteGuard};
use tokio::sync::oneshot;

pub use batch::store;

use crate::db::{Db, DbError};
use crate::domain::secret::Random128;
use crate::domain::time::Timestamp;
use crate::tracking::token::HitKind;
use crate::tracking::visitor::Visitor;

/// How many hits may wait; more are answered unconfirmed.
pub const QUEUE: usize = 65_536;

/// How many hits one transaction takes at most: a few milliseconds of work.
const BATCH: usize = 2_048;

/// How many batches are on their way to a server at the same time.
const WRITERS_TO_A_SERVER: usize = 2;

/// How long a request waits for its hit to be stored before it is answered unconfirmed.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// Something that happened to a mail, as it came in: nothing about it is decided yet.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// The account of the mailing.
    pub account_id: i64,
    /// The mailing.
    pub mailing_id: i64,
    /// Open or click.
    pub kind: HitKind,
    /// The delivery's key, if the token carried one.
    pub key: Option<Random128>,
    /// The link's number; 0 for an open.
    pub link: u16,
    /// When.
    pub at: Timestamp,
    /// Class of device, and whether a program came.
    pub visitor: Visitor,
}

/// Whether a hit is known to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Its transaction is committed.
    Yes,
    /// Not known to be: the queue is full, the database away, or it took too long.
    Unconfirmed,
}

struct Waiting {
    hit: Hit,
    done: oneshot::Sender<Stored>,
}

/// The way into the queue. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Option<SyncSender<Waiting>>>,
    /// Open while no test makes hits wait.
    gate: RwLock<()>,
    /// [`PATIENCE`], unless a test says otherwise.
    patience: Mutex<Duration>,
    waiting: AtomicUsize,
    stored: AtomicU64,
    batches: AtomicU64,
    unconfirmed: AtomicU64,
    warned: AtomicBool,
    drops: AtomicBool,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts the writers.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(db: Db) -> std::io::Result<Self> {
        let (queue, hits) = sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Some(queue)),
            gate: RwLock::new(()),
            patience: Mutex::new(PATIENCE),
            waiting: AtomicUsize::new(0),
            stored: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            unconfirmed: AtomicU64::new(0),
            warned: AtomicBool::new(false),
            drops: AtomicBool::new(false),
            writers: Mutex::default(),
        });
        let writers = if db.is_server() {
            WRITERS_TO_A_SERVER
        } else {
            1
        };
        let hits = Arc::new(Mutex::new(hits));
        for _ in 0..writers {
            let (db, hits, for_writer) = (db.clone(), Arc::clone(&hits), Arc::clone(&shared));
            let writer = std::thread::Builder::new()
                .name("recorder".into())
                .spawn(move || write_batches(&db, &hits, &for_writer))?;
            shared.writers.lock().push(writer);
        }
        Ok(Self { shared })
    }

    /// Records a hit and waits (half a second at most) until it is stored.
    pub async fn record(&self, hit: Hit) -> Stored {
        if self.shared.drops.load(Ordering::Relaxed) {
            return Stored::Yes;
        }
        let (done, stored) = oneshot::channel();
        let queue = self.shared.queue.lock().clone();
        let sent = queue.map(|queue| {
            self.shared.waiting.fetch_add(1, Ordering::Relaxed);
            queue.try_send(Waiting { hit, done })
        });
        match sent {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) => {
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                return self.shared.unconfirmed("the queue is full");
            }
            None => return self.shared.unconfirmed("the recorder has been shut down"),
        }
        let patience = *self.shared.patience.lock();
        match tokio::time::timeout(patience, stored).await {
            Ok(Ok(Stored::Yes)) => Stored::Yes,
            Ok(Ok(Stored::Unconfirmed)) => Stored::Unconfirmed,
            Ok(Err(_)) => self.shared.unconfirmed("the writer has ended"),
            Err(_) => self.shared.unconfirmed("storing took too long"),
        }
    }

    /// Counts a hit that can't be recorded, since the database does not say of which mailing it is.
    pub fn miss(&self) -> Stored {
        self.shared.unconfirmed("the database is away")
    }

    /// How many hits are waiting to be stored.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// How many hits were stored since the start.
    pub fn stored(&self) -> u64 {
        self.shared.stored.load(Ordering::Relaxed)
    }

    /// In how many transactions.
    pub fn batches(&self) -> u64 {
        self.shared.batches.load(Ordering::Relaxed)
    }

    /// How many hits were answered without knowing them stored, since the start.
    pub fn unconfirmed(&self) -> u64 {
        self.shared.unconfirmed.load(Ordering::Relaxed)
    }

    /// Keeps the writers from their next batch while the guard lives: how a test makes hits wait in
    /// memory across a deactivation.
    pub fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.shared.gate.write()
    }

    /// Lets requests wait that long for their hits: how a test has them stored before they are
    /// answered, on however busy a machine.
    pub fn set_patience(&self, patience: Duration) {
        *self.shared.patience.lock() = patience;
    }

    /// Answers hits as if they were stored, and drops them: how the bench sees what their route
    /// costs without a database. Nothing else may ask for it.
    pub fn drop_hits(&self, drops: bool) {
        self.shared.drops.store(drops, Ordering::Relaxed);
    }

    /// Takes no more hits, stores those that wait, and ends the writers.
    pub fn shut_down(&self) {
        self.shared.queue.lock().take();
        let writers = std::mem::take(&mut *self.shared.writers.lock());
        for writer in writers {
            if writer.join().is_err() {
                tracing::error!("a writer of the recorder ended with a panic");
            }
        }
    }
}

impl Shared {
    /// Counts hits that one transaction has stored.
    fn stored(&self, hits: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        let hits = u64::try_from(hits).unwrap_or(u64::MAX);
        self.stored.fetch_add(hits, Ordering::Relaxed);
    }

    /// Counts an unconfirmed hit, and says so in the log once until it goes well again.
    fn unconfirmed(&self, why: &str) -> Stored {
        self.unconfirmed.fetch_add(1, Ordering::Relaxed);
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(why, "hits are answered without being known to be stored");
        }
        Stored::Unconfirmed
    }
}

fn write_batches(db: &Db, hits: &Mutex<Receiver<Waiting>>, shared: &Shared) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        // One writer at a time gathers; the others are at their batches, or wait here.
        let hits = hits.lock();
        let Ok(first) = hits.recv() else {
            return;
        };
        batch.push(first);
        let gate = shared.gate.read();
        while batch.len() < BATCH
            && let Ok(next) = hits.try_recv()
        {
            batch.push(next);
        }
        drop(hits);
        store_batch(db, &mut batch, shared);
        drop(gate);
    }
}

fn store_batch(db: &Db, batch: &mut Vec<Waiting>, shared: &Shared) {
    let hits: Vec<Hit> = batch.iter().map(|waiting| waiting.hit).collect();
    let outcome = store(db, &hits);
    shared.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
    match outcome {
        Ok(()) => {
            shared.warned.store(false, Ordering::Relaxed);
            shared.stored(batch.len());
            for waiting in batch.drain(..) {
                // Whoever asked may have gone; the hit is stored all the same.
                let _ = waiting.done.send(Stored::Yes);
            }
        }
        Err(error) if batch.len() == 1 || matches!(error, DbError::Unconfirmed) => {
            // What may be stored already must not be stored again.
            tracing::debug!(%error, "hits could not be stored");
            for waiting in batch.drain(..) {
                let _ = waiting
                    .done
                    .send(shared.unconfirmed("the database refused it"));
            }
        }
        Err(_) => {
            // One hit may spoil the batch (its mailing was deleted meanwhile): the others must
            // not suffer. If the database is away, the first failure says so for all.
            let mut away = false;
            for waiting in batch.drain(..) {
                let one = if away {
                    None
                } else {
                    store(db, &[waiting.hit]).err()
                };
                away = away || matches!(one, Some(DbError::Unavailable(_)));
                let stored = if away || one.is_some() {
                    shared.unconfirmed("the database refused it")
                } else {
                    shared.stored(1);
                    Stored::Yes
                };
                let _ = waiting.done.send(stored);
            }
        }
    }
}
