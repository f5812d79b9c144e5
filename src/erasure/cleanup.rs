//! Cleaning the bytes of deleted addresses out of the files, in the background (rule P7).
//!
//! What to look for is kept in memory only: writing it down would keep the very address that is
//! to go. A receipt says *Bereinigung ausstehend* until its cleaning is done; if the program ends
//! before, the next start finds such receipts and zeroes all the database's unused space without
//! knowing the addresses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::deletion::{MOST_NEEDLES, Remains};
use super::needles::Needles;
use crate::db::models::receipts;
use crate::db::{Db, DbResult, maintenance, unused};
use crate::domain::secret::{hex, random_128};
use crate::domain::time::Timestamp;

/// How long to wait before a cleaning that was not possible (somebody reads an old state, the
/// disk is full) is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The longest such wait: each is twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// When another node is taken for gone: an upload that nobody imports stays that long.
const ABANDONED_AFTER_DAYS: i64 = 1;

/// The file with the name of this data directory among those of other nodes.
const NODE: &str = "node";

/// The folder of uploaded files in the data directory.
pub(super) const IMPORTS: &str = "imports";

/// The folder of the outbox in the data directory.
pub const OUTBOX: &str = "outbox";

/// The folder of messages handed over in the data directory.
pub const BOUNCES: &str = "bounces";

/// Hands remains to the background work. Cheap to clone.
#[derive(Clone)]
pub struct Cleaner {
    work: Sender<Option<Remains>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    node: Arc<str>,
}

impl Cleaner {
    /// Starts the background work, which first takes up what an earlier run left.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(db: Db, data_dir: PathBuf) -> std::io::Result<Self> {
        let node: Arc<str> = if db.is_server() {
            node_of(&data_dir)?.into()
        } else {
            "".into()
        };
        let cleaning = Cleaning {
            db,
            data_dir,
            node: node.clone(),
        };
        let (work, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("cleaner".into())
            .spawn(move || run(&cleaning, &waiting))?;
        Ok(Self {
            work,
            thread: Arc::new(Mutex::new(Some(thread))),
            node,
        })
    }

    /// Whose files are cleaned here: what receipts are assigned to.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Takes over the cleaning of nodes that are gone.
    pub fn take_over(&self, db: &Db, now: Timestamp) -> DbResult<()> {
        let before = now.plus_days(-ABANDONED_AFTER_DAYS);
        for receipt in db.read(|conn| receipts::abandoned(conn, &self.node, before))? {
            self.clean(Remains {
                receipt: Some(receipt),
                forgotten: true,
                ..Remains::default()
            });
        }
        Ok(())
    }

    /// Cleans up after a committed deletion.
    pub fn clean(&self, remains: Remains) {
        // If the work has ended, the next start takes it up.
        let _ = self.work.send(Some(remains));
    }

    /// Ends the background work after what it is doing.
    pub fn shut_down(&self) {
        let _ = self.work.send(None);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the cleaning ended with a panic");
        }
    }
}

/// The name of a data directory, which it keeps.
fn node_of(data_dir: &Path) -> std::io::Result<String> {
    let file = data_dir.join(NODE);
    match std::fs::read_to_string(&file) {
        Ok(name) if !name.is_empty() => Ok(name),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => {
            let name = hex(&random_128().map_err(std::io::Error::other)?);
            std::fs::write(&file, &name)?;
            Ok(name)
        }
    }
}

struct Cleaning {
    db: Db,
    data_dir: PathBuf,
    node: Arc<str>,
}

/// What is to be cleaned, as far as it is known.
#[derive(Default)]
struct Open {
    addresses: Vec<String>,
    /// Receipts that say *erledigt* afterwards.
    receipts: Vec<i64>,
    /// Whether there are addresses nobody knows any more: all unused space is zeroed.
    unseen: bool,
    /// Whether the database's unused space is free of all these.
    is_zeroed: bool,
}

impl Open {
    /// Takes up what an earlier run left, without its addresses.
    fn left(db: &Db, node: &str) -> DbResult<Self> {
        let receipts = if db.is_server() {
            db.read(|conn| receipts::pending_at(conn, node))?
        } else {
            // One process has all the files.
            db.read(receipts::pending)?
        };
        Ok(Self {
            unseen: !receipts.is_empty(),
            receipts,
            ..Self::default()
        })
    }

    fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.receipts.is_empty() && !self.unseen
    }

    fn add(&mut self, remains: Remains) {
        self.addresses.extend(remains.addresses);
        self.receipts.extend(remains.receipt);
        self.unseen |= remains.forgotten;
        self.is_zeroed = false;
        if self.addresses.len() > MOST_NEEDLES {
            self.addresses = Vec::new();
            self.unseen = true;
        }
    }
}

fn run(cleaning: &Cleaning, waiting: &Receiver<Option<Remains>>) {
    let mut open = Open::left(&cleaning.db, &cleaning.node).unwrap_or_else(|error| {
        tracing::warn!(%error, "old deletions could not be taken up");
        Open::default()
    });
    let mut pause = AGAIN_AFTER;
    if !open.is_empty() {
        pause = cleaning.attempt(&mut open, pause);
    }
    loop {
        let next = if open.is_empty() {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(pause)
        };
        match next {
            Ok(Some(remains)) => {
                cleaning.remove_files(&remains.outbox_files);
                open.add(remains);
                pause = AGAIN_AFTER;
            }
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // All that waits is cleaned at once: it costs one reading of the files.
        let mut ends = false;
        while let Ok(more) = waiting.try_recv() {
            let Some(remains) = more else {
                ends = true;
                break;
            };
            cleaning.remove_files(&remains.outbox_files);
            open.add(remains);
        }
        pause = cleaning.attempt(&mut open, pause);
        if ends {
            return;
        }
    }
}

impl Cleaning {
    /// Cleans what is open, if that is possible now. Gives how long to wait before the next time.
    fn attempt(&self, open: &mut Open, pause: Duration) -> Duration {
        match self.clean(open) {
            Ok(true) => {
                *open = Open::default();
                AGAIN_AFTER
            }
            Ok(false) => (pause * 2).min(LONGEST_PAUSE),
            Err(error) => {
                tracing::warn!(%error, "a deletion could not be cleaned up yet");
                (pause * 2).min(LONGEST_PAUSE)
            }
        }
    }

    /// Cleans all files. Gives whether that was possible.
    fn clean(&self, open: &mut Open) -> DbResult<bool> {
        let needles = Needles::of(&open.addresses);
        if !open.is_zeroed {
            // What still stands in the database after this stands there rightly: as the address of
            // a user, of a sender, in another account, or as a part of a longer one.
            unused::zero(&self.db, |bytes| {
                open.unseen || needles.as_ref().is_some_and(|needles| needles.touch(bytes))
            })?;
            open.is_zeroed = true;
        }
        if !maintenance::empty_log(&self.db)? {
            return Ok(false);
        }
        let found = needles
            .as_ref()
            .map(|needles| self.files_with(needles))
            .unwrap_or_default();
        // An uploaded file goes when its import ends, a message handed over once it is counted.
        let passing = [IMPORTS, BOUNCES].map(|folder| self.data_dir.join(folder));
        if found
            .iter()
            .any(|path| passing.iter().any(|folder| path.starts_with(folder)))
        {
            return Ok(false);
        }
        if !open.receipts.is_empty() {
            self.db
                .write(|conn| receipts::mark_cleaned(conn, &open.receipts, Timestamp::now()))?;
        }
        Ok(true)
    }

    fn remove_files(&self, names: &[String]) {
        for name in names {
            // Names come from our own table; anything with a path in it is not one of ours.
            if name.contains(['/', '\\']) || name.contains("..") {
                continue;
            }
            let path = self.data_dir.join(OUTBOX).join(name);
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "a mail could not be removed from the outbox");
            }
        }
    }

    /// The files of the data directory that hold one of the needles, without the database's own.
    fn files_with(&self, needles: &Needles) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.data_dir.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if !self.db.owns(&path) && needles.touch_file(&path) {
                    found.push(path);
                }
            }
        }
        found
    }
}
