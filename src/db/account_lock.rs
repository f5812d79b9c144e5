//! Which work on an account waits for which other.
//!
//! On SQLite there is one writer, and nothing to do. On PostgreSQL an account has three locks, each
//! held until the transaction ends:
//!
//! - **Recipients**: who they are and what they have said. Exclusive for whoever reads that, decides
//!   by it, and writes: objections, consents, the tracking mode, changes of an address, confirmed
//!   sign-ups, deletion, pseudonymisation. Shared by whoever relies on it until the commit (writing
//!   deliveries, selections), and by changes of one person that several may make at once, because
//!   one conditional `UPDATE` decides and its row count is obeyed (unsubscribing, bounces, leaving a
//!   group).
//! - **Events**: between the decision about an event and its commit. Shared by batches of events
//!   ([`super::Db::record`]). Exclusive for a commit after which no event may be stored as it was
//!   decided before: pseudonymising and deleting, where an event in between would change the figures
//!   that are compared (rule P5), and narrowing what is recorded, by an objection or by the
//!   account's settings (rule P2). All events of the account wait meanwhile, so nothing else takes
//!   it, and whoever does takes it last: work done before it delays no event.
//! - **Users**: that an administrator remains.
//!
//! Lock order: recipients, events, rows that a batch of events changes (deliveries, hourly totals).
//! Rows to which those refer (accounts, mailings) may be locked before, but only `FOR NO KEY UPDATE`,
//! as every `UPDATE` of ours does.

use super::advisory_lock::Lock;
use super::{Conn, DbResult, OnBackend};

/// Shares the lock of the account's recipients.
pub fn shared(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    conn.backend_mut().lock_shared(Lock::Recipients(account_id))
}

/// Takes the lock of the account's recipients exclusively.
pub fn exclusive(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    conn.backend_mut()
        .lock_exclusive(Lock::Recipients(account_id))
}

/// Takes the lock of the account's events exclusively: batches that are decided are committed
/// before, all others are decided after the commit. The caller holds [`exclusive`].
pub fn keep_hits_out(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    conn.backend_mut().lock_exclusive(Lock::Events(account_id))
}

/// Takes the lock of the account's users exclusively.
pub fn users(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    conn.backend_mut().lock_exclusive(Lock::Users(account_id))
}

/// Those of the accounts whose events could not be stored at this moment.
pub fn keeping_hits_out(conn: &mut Conn, account_ids: &[i64]) -> DbResult<Vec<i64>> {
    let locks: Vec<Lock> = account_ids.iter().copied().map(Lock::Events).collect();
    let held = conn.backend_mut().held_exclusively(&locks)?;
    let is_held = |id: &i64| held.contains(&Lock::Events(*id).key());
    Ok(account_ids.iter().copied().filter(is_held).collect())
}
