//! Who may record events of an account, and who may change what is recorded.
//!
//! Rule P2 says: after the commit that switches tracking off, nothing personal is stored. A batch
//! of hits reads the settings in its own transaction; what is missing is that no deactivation may
//! commit *between* that reading and the batch's commit. On SQLite there is one writer, so there is
//! nothing to do. On PostgreSQL batches hold a shared lock on the account and everything that
//! changes tracking settings or pseudonymises holds an exclusive one, both until their commit.

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;

use super::{Conn, DbResult};

/// Begins a transaction of PostgreSQL that holds the shared locks of these accounts, in ascending
/// order, in one round trip: for batches of hits.
pub fn begin_shared(account_ids: &[i64]) -> String {
    let mut sorted = account_ids.to_vec();
    sorted.sort_unstable();
    let locks = sorted
        .iter()
        .map(|id| format!("; SELECT pg_advisory_xact_lock_shared({id})"));
    std::iter::once("BEGIN".to_owned()).chain(locks).collect()
}

/// Taken by whoever relies on an account's settings until the commit.
pub fn shared(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    lock(conn, "SELECT pg_advisory_xact_lock_shared($1)", account_id)
}

/// Taken by whoever changes a tracking setting, pseudonymises or deletes.
pub fn exclusive(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    lock(conn, "SELECT pg_advisory_xact_lock($1)", account_id)
}

fn lock(conn: &mut Conn, statement: &str, account_id: i64) -> DbResult<()> {
    if let Conn::Postgres(inner) = conn {
        diesel::sql_query(statement)
            .bind::<BigInt, _>(account_id)
            .execute(inner)?;
    }
    Ok(())
}
