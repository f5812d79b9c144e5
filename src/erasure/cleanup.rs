//! Cleaning the bytes of deleted addresses out of the files, in the background (rule P7).
//!
//! What to look for is kept in memory only: writing it down would keep the very address that is
//! to go. A receipt says *Bereinigung ausstehend* until its cleaning is done; if the program ends
//! before, the next start finds such receipts and zeroes all the database's unused space without
//! knowing the addresses.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::deletion::{MOST_NEEDLES, Remains};
use super::needles::Needles;
use crate::db::models::receipts;
use crate::db::{Db, DbResult, maintenance, unused};
use crate::domain::secret::{hex, random_128};
use crate::domain::time::Timestamp;
use crate::jobs::worker::{Next, Worker};

/// How long to wait before a cleaning that was not possible (somebody reads an old state, the
/// disk is full) is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The longest such wait: each is twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The longest time without a look: whoever has something to clean wakes the thread.
const LONG: Duration = Duration::from_hours(1);

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
    worker: Worker,
    waiting: Arc<Mutex<Vec<Remains>>>,
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
        let waiting = Arc::<Mutex<Vec<Remains>>>::default();
        let mut cleaning = Cleaning {
            db,
            data_dir,
            node: node.clone(),
            waiting: Arc::clone(&waiting),
            open: None,
            has_lost_some: false,
            pause: AGAIN_AFTER,
        };
        let worker = Worker::new("cleaner");
        worker.start(move |_| cleaning.round())?;
        Ok(Self {
            worker,
            waiting,
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
        self.waiting.lock().push(remains);
        self.worker.wake();
    }

    /// Its thread.
    pub const fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Ends the background work after what waits was cleaned, as far as that is possible now.
    pub fn shut_down(&self) {
        self.worker.stop();
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
    waiting: Arc<Mutex<Vec<Remains>>>,
    /// None until the database has said what an earlier run left, and while it is being cleaned.
    open: Option<Open>,
    /// Whether a cleaning panicked: some of the addresses are not known any more.
    has_lost_some: bool,
    pause: Duration,
}

/// What is to be cleaned, as far as it is known.
#[derive(Default)]
struct Open {
    addresses: Vec<String>,
    /// Mails in the outbox that are still to be removed.
    files: Vec<String>,
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
        self.addresses.is_empty()
            && self.files.is_empty()
            && self.receipts.is_empty()
            && !self.unseen
    }

    fn add(&mut self, remains: Remains) {
        self.addresses.extend(remains.addresses);
        // Names come from our own table; anything with a path in it is not one of ours.
        let is_name = |name: &String| !name.contains(['/', '\\']) && !name.contains("..");
        self.files
            .extend(remains.outbox_files.into_iter().filter(is_name));
        self.receipts.extend(remains.receipt);
        self.unseen |= remains.forgotten;
        self.is_zeroed = false;
        if self.addresses.len() > MOST_NEEDLES {
            self.addresses = Vec::new();
            self.unseen = true;
        }
    }
}

impl Cleaning {
    /// Cleans all that waits at once: it costs one reading of the files.
    fn round(&mut self) -> DbResult<Next> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::left(&self.db, &self.node)?,
        };
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if !waiting.is_empty() {
            self.pause = AGAIN_AFTER;
        }
        for remains in waiting {
            open.add(remains);
        }
        if open.is_empty() {
            self.open = Some(open);
            return Ok(Next::After(LONG));
        }
        let has_lost_some = self.has_lost_some;
        open.unseen |= has_lost_some;
        // Unless this comes back: whatever is cleaned from then on is cleaned without looking.
        self.has_lost_some = true;
        let outcome = self.clean(&mut open);
        self.has_lost_some = has_lost_some;
        if matches!(outcome, Ok(true)) {
            self.open = Some(Open::default());
            return Ok(Next::Now);
        }
        // Whatever went wrong, what is to be looked for must not be forgotten.
        self.open = Some(open);
        outcome?;
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        Ok(Next::After(pause))
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
        open.files
            .retain(|name| !is_removed(&self.data_dir.join(OUTBOX).join(name)));
        // An uploaded file goes when its import ends, a message handed over once it is counted.
        let may_hold = |folder: &&str| {
            needles
                .as_ref()
                .is_some_and(|needles| self.may_hold(folder, needles))
        };
        if !open.files.is_empty() || [IMPORTS, BOUNCES].iter().any(may_hold) {
            return Ok(false);
        }
        if !open.receipts.is_empty() {
            self.db
                .write(|conn| receipts::mark_cleaned(conn, &open.receipts, Timestamp::now()))?;
        }
        Ok(true)
    }

    /// Whether a folder of the data directory may hold one of the needles: what can't be read may.
    fn may_hold(&self, folder: &str, needles: &Needles) -> bool {
        let mut folders = vec![self.data_dir.join(folder)];
        while let Some(folder) = folders.pop() {
            match hits_in(&folder, needles, &mut folders) {
                Ok(false) => {}
                Ok(true) => return true,
                // It went meanwhile, or there never was one.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(%error, "a file can't be looked through for deleted addresses");
                    return true;
                }
            }
        }
        false
    }
}

/// Whether one of the files in a folder holds one of the needles. Adds the folders in it to `folders`;
/// symbolic links are not followed, what they lead to is not ours.
fn hits_in(folder: &Path, needles: &Needles, folders: &mut Vec<PathBuf>) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            folders.push(entry.path());
        } else if kind.is_file() && needles.touch_file(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes a file, and gives whether it is gone.
fn is_removed(path: &Path) -> bool {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, "a mail could not be removed from the outbox");
            false
        }
        _ => true,
    }
}
