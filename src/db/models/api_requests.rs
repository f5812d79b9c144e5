//! Requests of programs that must not be done twice: keyed hashes, and the number of what was made.

use diesel::prelude::*;

use crate::db::schema::api_requests;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// For how long they are kept: a day.
pub const KEPT_MILLIS: i64 = 24 * 3_600_000;

/// A request as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = api_requests)]
pub struct Request {
    /// A keyed hash of what was asked for.
    pub request_hash: Vec<u8>,
    /// The number of what was made.
    pub created_id: i64,
}

/// The request that was made since then with the same API key and idempotency key.
pub fn find(
    conn: &mut Conn,
    account_id: i64,
    key_id: i64,
    idempotency_hash: &[u8; 32],
    since: Timestamp,
) -> DbResult<Option<Request>> {
    Ok(api_requests::table
        .filter(api_requests::account_id.eq(account_id))
        .filter(api_requests::key_id.eq(key_id))
        .filter(api_requests::idempotency_hash.eq(&idempotency_hash[..]))
        .filter(api_requests::created_at.gt(since.millis()))
        .select(Request::as_select())
        .first(conn)
        .optional()?)
}

/// Keeps a request that is about to be done, in the place of an older one with the same keys.
/// [`crate::db::DbError::Duplicate`] when another transaction was faster.
pub fn keep(
    conn: &mut Conn,
    account_id: i64,
    key_id: i64,
    idempotency_hash: &[u8; 32],
    request_hash: &[u8; 32],
    now: Timestamp,
) -> DbResult<()> {
    diesel::delete(
        api_requests::table
            .filter(api_requests::account_id.eq(account_id))
            .filter(api_requests::key_id.eq(key_id))
            .filter(api_requests::idempotency_hash.eq(&idempotency_hash[..]))
            .filter(api_requests::created_at.le(now.millis() - KEPT_MILLIS)),
    )
    .execute(conn)?;
    diesel::insert_into(api_requests::table)
        .values((
            api_requests::account_id.eq(account_id),
            api_requests::key_id.eq(key_id),
            api_requests::idempotency_hash.eq(&idempotency_hash[..]),
            api_requests::request_hash.eq(&request_hash[..]),
            api_requests::created_id.eq(0),
            api_requests::created_at.eq(now.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Notes what was made, in the transaction that made it.
pub fn finish(
    conn: &mut Conn,
    account_id: i64,
    key_id: i64,
    idempotency_hash: &[u8; 32],
    created_id: i64,
) -> DbResult<()> {
    diesel::update(
        api_requests::table
            .filter(api_requests::account_id.eq(account_id))
            .filter(api_requests::key_id.eq(key_id))
            .filter(api_requests::idempotency_hash.eq(&idempotency_hash[..])),
    )
    .set(api_requests::created_id.eq(created_id))
    .execute(conn)?;
    Ok(())
}

/// Forgets a request of which nothing came.
pub fn forget(
    conn: &mut Conn,
    account_id: i64,
    key_id: i64,
    idempotency_hash: &[u8; 32],
) -> DbResult<()> {
    diesel::delete(
        api_requests::table
            .filter(api_requests::account_id.eq(account_id))
            .filter(api_requests::key_id.eq(key_id))
            .filter(api_requests::idempotency_hash.eq(&idempotency_hash[..])),
    )
    .execute(conn)?;
    Ok(())
}

/// Forgets those of all accounts whose time is over: the housekeeping's.
pub fn remove_old(conn: &mut Conn, now: Timestamp) -> DbResult<usize> {
    let old = api_requests::created_at.le(now.millis() - KEPT_MILLIS);
    Ok(diesel::delete(api_requests::table.filter(old)).execute(conn)?)
}
