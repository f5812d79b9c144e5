//! From a hit on a pixel or link to a stored event.
//!
//! Hits wait in a bounded queue in memory. A thread takes all that is waiting, stores it in one
//! transaction ([`store`]) and only then acknowledges each hit: a pixel answered without
//! `Server-Timing: stored;desc=no` is a pixel stored, and the cost of a commit is shared by all
//! that waited for it. On SQLite, which has one writer, one thread does so. On PostgreSQL there
//! are several: while one waits for the server's answer, another prepares what comes next. What
//! happens where a batch can't be stored stands in `writers`.

mod batch;
mod writers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock, RwLockWriteGuard};
use tokio::sync::oneshot;

pub use batch::{store, store_within};
use writers::{Aside, write_batches, write_those_aside};

use crate::db::{Db, DbResult};
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

/// Stores hits in one transaction: [`store_within`].
type Store = dyn Fn(&Db, &[Hit], Duration) -> DbResult<bool> + Send + Sync;

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
    panics: AtomicU64,
    warned: AtomicBool,
    drops: AtomicBool,
    store: Box<Store>,
    /// How many threads take hits from the queue.
    alive: AtomicUsize,
    writers: Mutex<Vec<JoinHandle<()>>>,
    /// Hits that wait for the lock of their account.
    aside: Mutex<Aside>,
    came_aside: Condvar,
    aside_writer: Mutex<Option<JoinHandle<()>>>,
    /// Whether nothing is set aside any more.
    ends: AtomicBool,
}

impl Recorder {
    /// Starts the writers.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(db: Db) -> std::io::Result<Self> {
        Self::start_with(db, store_within)
    }

    /// The same with another way to store hits: how a test disturbs it.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start_with(
        db: Db,
        store: impl Fn(&Db, &[Hit], Duration) -> DbResult<bool> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let (queue, hits) = sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Some(queue)),
            gate: RwLock::new(()),
            patience: Mutex::new(PATIENCE),
            waiting: AtomicUsize::new(0),
            stored: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            unconfirmed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            warned: AtomicBool::new(false),
            drops: AtomicBool::new(false),
            store: Box::new(store),
            alive: AtomicUsize::new(0),
            writers: Mutex::default(),
            aside: Mutex::default(),
            came_aside: Condvar::new(),
            aside_writer: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let writers = if db.is_server() {
            WRITERS_TO_A_SERVER
        } else {
            1
        };
        let hits = Arc::new(Mutex::new(hits));
        for _ in 0..writers {
            let (db, hits, for_writer) = (db.clone(), Arc::clone(&hits), Arc::clone(&shared));
            // Counted from here on: nobody may find it missing before it has begun.
            shared.alive.fetch_add(1, Ordering::SeqCst);
            let writer = Builder::new()
                .name("recorder".into())
                .spawn(move || write_batches(&db, &hits, &for_writer))?;
            shared.writers.lock().push(writer);
        }
        let for_writer = Arc::clone(&shared);
        let writer = Builder::new()
            .name("recorder-aside".into())
            .spawn(move || write_those_aside(&db, &for_writer))?;
        shared.aside_writer.lock().replace(writer);
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
            Ok(Ok(Stored::Unconfirmed)) => self.shared.unconfirmed("the database refused it"),
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

    /// How often storing hits panicked, since the start.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// Whether any thread stores hits.
    pub fn is_alive(&self) -> bool {
        self.shared.alive.load(Ordering::SeqCst) > 0
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
        writers.into_iter().for_each(end);
        // Only now nothing is set aside any more.
        let aside = self.shared.aside.lock();
        self.shared.ends.store(true, Ordering::SeqCst);
        self.shared.came_aside.notify_one();
        drop(aside);
        let writer = self.shared.aside_writer.lock().take();
        writer.into_iter().for_each(end);
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

fn end(writer: JoinHandle<()>) {
    if writer.join().is_err() {
        tracing::error!("a writer of the recorder ended with a panic");
    }
}
