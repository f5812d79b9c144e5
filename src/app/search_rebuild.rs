//! After an upgrade from a version whose search texts were not folded: folds them in the
//! background, while the search goes on with both kinds.

use std::time::Instant;

use crate::db::pace::{Keeps, Pace};
use crate::db::search::rebuild::{self, Rebuilt};
use crate::db::{Db, DbResult};
use crate::jobs::worker::{Next, Worker};

/// How many texts go into the first transaction.
const FIRST: usize = 50;

/// The fewest and the most.
const SLICES: (usize, usize) = (10, 1_000);

/// Starts the background work, which ends by itself when all is folded. Stopped before, the next
/// start goes on there.
///
/// # Errors
/// Fails when the operating system gives no thread.
pub(super) fn start(db: Db) -> std::io::Result<Worker> {
    let worker = Worker::new("search-rebuild");
    let mut pace = Pace::new(FIRST, SLICES, Keeps::NobodyWaiting);
    let (began, mut done, mut is_known) = (Instant::now(), 0, false);
    worker.start(move |worker| -> DbResult<Next> {
        is_known = is_known || db.read(rebuild::is_pending)?;
        if worker.is_stopping() || !is_known {
            return Ok(Next::Never);
        }
        let size = pace.size();
        match pace.write(&db, size, |conn, _| rebuild::step(conn, size))? {
            Rebuilt::Some(folded) => {
                done += folded;
                Ok(Next::Now)
            }
            Rebuilt::All => {
                let seconds = began.elapsed().as_secs();
                tracing::info!(recipients = done, seconds, "search index rebuilt");
                Ok(Next::Never)
            }
        }
    })?;
    Ok(worker)
}
