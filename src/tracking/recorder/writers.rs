//! The threads that store hits.
//!
//! A batch is stored in one transaction, and answered when that is committed. Where it fails:
//!
//! - *An account's lock is held* ([`account_lock`]), or a row of it: the hits of that account are set
//!   aside, and so are those that come after them. A thread of its own stores them, account by account,
//!   until none is left; nobody else waits for that lock.
//! - *Some hit can't be stored*, such as that of a mailing that was deleted meanwhile: the batch is
//!   split by mailing, then in halves, until only that hit is refused.
//! - *The database is away*, or the disk full: all are refused after a second attempt.
//! - *Nobody knows whether it is committed*: all are refused, because nothing may be stored twice. A
//!   panic counts as that; the thread goes on.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{BATCH, QUEUE, Shared, Stored, Waiting};
use crate::db::{Db, DbError, DbResult, account_lock};

/// How long a batch of several accounts waits for each lock. Deletions hold one for some milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_millis(50);

/// How long hits that are set aside wait for their account's lock before others of them have their turn.
const ASIDE_PATIENCE: Duration = Duration::from_millis(200);

/// For how long hits that are set aside are tried when the program ends.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// After so many failures, what is left of a batch is refused: it is not a few hits' fault. A batch
/// that is halved down to one hit fails eleven times.
const MOST_FAILURES: usize = 40;

/// Hits that wait for a lock, by account. An account is in it for as long as any of its hits is, or
/// is being stored.
pub(super) type Aside = BTreeMap<i64, Vec<Waiting>>;

/// A thread that is counted as alive until it ends, however it does.
struct Alive<'a>(&'a Shared);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Stores what comes, until the queue is closed and empty.
pub(super) fn write_batches(db: &Db, hits: &Mutex<Receiver<Waiting>>, shared: &Shared) {
    let _alive = Alive(shared);
    loop {
        // One writer at a time gathers; the others are at their batches, or wait here.
        let hits = hits.lock();
        let Ok(first) = hits.recv() else {
            return;
        };
        let mut batch = vec![first];
        let gate = shared.gate.read();
        while batch.len() < BATCH
            && let Ok(next) = hits.try_recv()
        {
            batch.push(next);
        }
        drop(hits);
        let batch = shared.join_those_aside(batch);
        let locked_out = shared.store_all(db, batch, LOCK_PATIENCE);
        if !locked_out.is_empty() {
            let locked_out = shared.store_those_not_held(db, locked_out);
            shared.set_aside(locked_out);
        }
        drop(gate);
    }
}

/// Stores what was set aside, until [`Shared::ends`] says that no more comes.
pub(super) fn write_those_aside(db: &Db, shared: &Shared) {
    let mut deadline = None;
    loop {
        let mut aside = shared.aside.lock();
        while aside.is_empty() {
            if shared.ends.load(Ordering::SeqCst) {
                return;
            }
            shared.came_aside.wait(&mut aside);
        }
        let accounts: Vec<i64> = aside.keys().copied().collect();
        drop(aside);
        for account_id in accounts {
            shared.store_some_aside(db, account_id);
        }
        if shared.ends.load(Ordering::SeqCst) {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + LAST_PATIENCE);
            if Instant::now() > deadline {
                shared.give_up_those_aside();
            }
        }
    }
}

impl Shared {
    /// Stores hits and answers them. Gives back those for which a lock could not be had in time.
    fn store_all(&self, db: &Db, hits: Vec<Waiting>, patience: Duration) -> Vec<Waiting> {
        let mut locked_out = Vec::new();
        let mut parts = vec![hits];
        let mut failures = 0;
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let error = match self.store(db, &part, patience) {
                Ok(true) => {
                    self.confirm(part);
                    continue;
                }
                Ok(false) => {
                    locked_out.append(&mut part);
                    continue;
                }
                Err(error) => error,
            };
            failures += 1;
            tracing::debug!(%error, hits = part.len(), "hits could not be stored");
            if error.is_lock_timeout() {
                locked_out.append(&mut part);
            } else if matches!(error, DbError::Unconfirmed) {
                self.refuse(part);
            } else if error.is_disk_full() || failures > MOST_FAILURES {
                self.refuse(part);
                parts.drain(..).for_each(|part| self.refuse(part));
            } else if error.is_away() {
                // Nothing was stored. The connection may have been an old one: once more.
                if failures > 1 {
                    self.refuse(part);
                    parts.drain(..).for_each(|part| self.refuse(part));
                } else {
                    parts.push(part);
                }
            } else if let Some(rest) = split(&mut part, &error) {
                parts.extend([rest, part]);
            } else {
                self.refuse(part);
            }
        }
        locked_out
    }

    /// One attempt to store hits in one transaction; `false` where a lock could not be had in time.
    fn store(&self, db: &Db, hits: &[Waiting], patience: Duration) -> DbResult<bool> {
        let hits: Vec<_> = hits.iter().map(|waiting| waiting.hit).collect();
        let attempt = AssertUnwindSafe(|| (self.store)(db, &hits, patience));
        catch_unwind(attempt).unwrap_or_else(|_| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                hits = hits.len(),
                "storing hits panicked: they count as not stored, and the thread goes on"
            );
            Err(DbError::Unconfirmed)
        })
    }

    /// Of hits for which some lock could not be had, stores those of the accounts whose lock is free.
    /// Gives back the others.
    fn store_those_not_held(&self, db: &Db, hits: Vec<Waiting>) -> Vec<Waiting> {
        let accounts = accounts_of(&hits);
        if accounts.len() == 1 {
            return hits;
        }
        // Where that can't be asked, each account is tried by itself.
        let held = db.read(|conn| account_lock::keeping_hits_out(conn, &accounts));
        let held = held.unwrap_or(accounts);
        let (mut aside, free): (Vec<_>, Vec<_>) = hits
            .into_iter()
            .partition(|waiting| held.contains(&waiting.hit.account_id));
        if !free.is_empty() {
            aside.append(&mut self.store_all(db, free, LOCK_PATIENCE));
        }
        aside
    }

    /// Puts hits of accounts of which some are set aside behind these; gives the others.
    fn join_those_aside(&self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let aside = self.aside.lock();
        if aside.is_empty() {
            return batch;
        }
        let (joining, others): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|waiting| aside.contains_key(&waiting.hit.account_id));
        drop(aside);
        self.set_aside(joining);
        others
    }

    fn set_aside(&self, hits: Vec<Waiting>) {
        let mut aside = self.aside.lock();
        let mut room = QUEUE.saturating_sub(aside.values().map(Vec::len).sum());
        let mut too_many = Vec::new();
        for waiting in hits {
            if room == 0 {
                too_many.push(waiting);
                continue;
            }
            room -= 1;
            let account = aside.entry(waiting.hit.account_id).or_default();
            account.push(waiting);
        }
        drop(aside);
        self.came_aside.notify_one();
        self.refuse(too_many);
    }

    /// Stores a batch of the hits of one account that are set aside, if its lock can be had.
    fn store_some_aside(&self, db: &Db, account_id: i64) {
        let gate = self.gate.read();
        let mut batch = Vec::new();
        if let Some(of_account) = self.aside.lock().get_mut(&account_id) {
            let some = of_account.len().min(BATCH);
            batch.extend(of_account.drain(..some));
        }
        let mut locked_out = self.store_all(db, batch, ASIDE_PATIENCE);
        let mut aside = self.aside.lock();
        let of_account = aside.entry(account_id).or_default();
        of_account.append(&mut locked_out);
        if of_account.is_empty() {
            aside.remove(&account_id);
        }
        drop(aside);
        drop(gate);
    }

    fn give_up_those_aside(&self) {
        let aside = std::mem::take(&mut *self.aside.lock());
        let hits: Vec<Waiting> = aside.into_values().flatten().collect();
        tracing::error!(
            hits = hits.len(),
            "hits are lost: the locks of their accounts were held until the end"
        );
        self.refuse(hits);
    }

    fn confirm(&self, hits: Vec<Waiting>) {
        self.waiting.fetch_sub(hits.len(), Ordering::Relaxed);
        self.warned.store(false, Ordering::Relaxed);
        self.stored(hits.len());
        for waiting in hits {
            // Whoever asked may have gone; the hit is stored all the same.
            let _ = waiting.done.send(Stored::Yes);
        }
    }

    fn refuse(&self, hits: Vec<Waiting>) {
        self.waiting.fetch_sub(hits.len(), Ordering::Relaxed);
        for waiting in hits {
            let _ = waiting.done.send(Stored::Unconfirmed);
        }
    }
}

/// Splits hits of which some can't be stored, and leaves the first part: by mailing, then in halves.
/// None where there is nothing to split.
fn split(hits: &mut Vec<Waiting>, error: &DbError) -> Option<Vec<Waiting>> {
    let mailing = |waiting: &Waiting| (waiting.hit.account_id, waiting.hit.mailing_id);
    hits.sort_by_key(mailing);
    let middle = hits.len() / 2;
    let of_middle = mailing(hits.get(middle)?);
    let begin = hits.partition_point(|one| mailing(one) < of_middle);
    let end = hits.partition_point(|one| mailing(one) <= of_middle);
    let at = match (begin, end) {
        // All are of one mailing: if what they refer to is not there, it is that.
        (0, end) if end == hits.len() => {
            if error.is_missing_reference() {
                return None;
            }
            middle
        }
        (0, end) => end,
        (begin, _) => begin,
    };
    (at > 0).then(|| hits.split_off(at))
}

/// In order, each once.
fn accounts_of(hits: &[Waiting]) -> Vec<i64> {
    let mut accounts: Vec<i64> = hits.iter().map(|waiting| waiting.hit.account_id).collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}
