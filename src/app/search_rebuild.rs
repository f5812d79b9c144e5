//! After an upgrade from a version whose search texts were not folded: folds them in the
//! background, while the search goes on with both kinds.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::db::pace::{Keeps, Pace};
use crate::db::search::rebuild::{self, Rebuilt};
use crate::db::{Db, DbResult};

/// How many texts go into the first transaction.
const FIRST: usize = 50;

/// The fewest and the most.
const SLICES: (usize, usize) = (10, 1_000);

/// How long to wait after a failure; twice as long after each further one.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The longest such wait.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The background work, where there is any left.
pub(super) struct SearchRebuild {
    ends: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl SearchRebuild {
    /// Starts it.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub(super) fn start(db: Db) -> std::io::Result<Self> {
        let (ends, stopped) = channel();
        let is_pending = db.read(rebuild::is_pending).unwrap_or(true);
        let thread = if is_pending {
            let builder = std::thread::Builder::new().name("search-rebuild".into());
            Some(builder.spawn(move || run(&db, &stopped))?)
        } else {
            None
        };
        Ok(Self { ends, thread })
    }

    /// Ends it after the transaction in hand; the next start goes on there.
    pub(super) fn shut_down(self) {
        let _ = self.ends.send(());
        if let Some(thread) = self.thread
            && thread.join().is_err()
        {
            tracing::error!("the rebuild of the search index ended with a panic");
        }
    }
}

fn run(db: &Db, stopped: &Receiver<()>) {
    let mut pace = Pace::new(FIRST, SLICES, Keeps::NobodyWaiting);
    let (began, mut done, mut retry_after) = (Instant::now(), 0, RETRY_AFTER);
    loop {
        let pause = match step(db, &mut pace) {
            Ok(Rebuilt::All) => {
                let seconds = began.elapsed().as_secs();
                tracing::info!(recipients = done, seconds, "search index rebuilt");
                return;
            }
            Ok(Rebuilt::Some(folded)) => {
                done += folded;
                retry_after = RETRY_AFTER;
                Duration::ZERO
            }
            Err(error) => {
                tracing::warn!(%error, "search index not rebuilt yet, trying again");
                let pause = retry_after;
                retry_after = (retry_after * 2).min(MAX_RETRY_AFTER);
                pause
            }
        };
        if !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

fn step(db: &Db, pace: &mut Pace) -> DbResult<Rebuilt> {
    let size = pace.size();
    pace.write(db, size, |conn, _| rebuild::step(conn, size))
}
