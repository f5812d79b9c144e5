//! Who may record events of an account, and who may change what is recorded.
//!
//! Rule P2 says: after the commit that switches tracking off, nothing personal is stored. A batch
//! of hits reads the settings in its own transaction; what is missing is that no deactivation may
//! commit *between* that reading and the batch's commit. On SQLite there is one writer, so there is
//! nothing to do. On PostgreSQL an account has two locks, both held until the commit:
//!
//! - that of its *people*, shared by whoever relies on what they say (sending, bounces, selections)
//!   and held alone by whoever changes that, pseudonymises or deletes;
//! - that of its *hits*, shared by batches of hits and held alone by the same changes, but only
//!   from the moment on from which no hit may come between. A long act does everything else before
//!   it takes this one.
//!
//! The people's lock is taken before the hits', and both before rows that a batch of hits changes.

use super::advisory_lock::Lock;
use super::{Conn, DbResult, OnBackend};

/// Taken by whoever relies on an account's people and settings until the commit.
pub fn shared(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    conn.backend_mut().lock_shared(Lock::Recipients(account_id))
}

/// Taken by whoever changes a tracking setting or pseudonymises: both locks.
pub fn exclusive(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    settle_people(conn, account_id)?;
    keep_hits_out(conn, account_id)
}

/// The first half of [`exclusive`]: what is said about people stays as it is, while hits are stored.
pub fn settle_people(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    conn.backend_mut()
        .lock_exclusive(Lock::Recipients(account_id))
}

/// The second half: all hits of the account wait from now on.
pub fn keep_hits_out(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    conn.backend_mut().lock_exclusive(Lock::Events(account_id))
}
