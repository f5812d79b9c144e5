//! Sessions of signed-in users. Looked up by the hash of the key in the cookie: whoever reads
//! the table can't sign in with it.

use diesel::prelude::*;

use super::accounts::Account;
use super::users::User;
use crate::db::schema::{accounts, sessions, users};
use crate::db::{Conn, DbResult};
use crate::domain::random_key::KeyHash;
use crate::domain::time::Timestamp;

/// For how long a session may be without a key, in milliseconds: it gets one with the answer to the
/// request that started it.
const KEYLESS_MILLIS: i64 = 60 * 60_000;

/// A session to be started.
#[derive(Debug, Clone, Copy)]
pub struct NewSession {
    /// Whose it is.
    pub user_id: i64,
    /// The class of device, by number: all that is kept of it (rule P8).
    pub device: i32,
    /// When it ends by itself.
    pub expires: Timestamp,
}

/// A session, as its user sees it.
#[derive(Debug, Clone, Queryable)]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// The class of device, by number.
    pub device: i32,
    /// Since when, in milliseconds.
    pub created_at: i64,
    /// When it was last used, in milliseconds, to a few minutes.
    pub used_at: i64,
}

/// Starts a session and gives its number. It has no key yet, so nobody can use it before
/// [`bind_key`].
pub fn start(conn: &mut Conn, new: NewSession, now: Timestamp) -> DbResult<i64> {
    Ok(diesel::insert_into(sessions::table)
        .values((
            sessions::user_id.eq(new.user_id),
            sessions::device.eq(new.device),
            sessions::created_at.eq(now.millis()),
            sessions::used_at.eq(now.millis()),
            sessions::expires_at.eq(new.expires.millis()),
        ))
        .returning(sessions::id)
        .get_result(conn)?)
}

/// Gives a session its key, once. Does nothing where the session has ended meanwhile: the key then
/// opens nothing.
pub fn bind_key(conn: &mut Conn, id: i64, key_hash: &KeyHash) -> DbResult<()> {
    diesel::update(
        sessions::table
            .find(id)
            .filter(sessions::key_hash.is_null()),
    )
    .set(sessions::key_hash.eq(&key_hash[..]))
    .execute(conn)?;
    Ok(())
}

/// The number of the session with that key.
pub fn find_by_key(conn: &mut Conn, key_hash: &KeyHash, now: Timestamp) -> DbResult<Option<i64>> {
    Ok(sessions::table
        .filter(sessions::key_hash.eq(&key_hash[..]))
        .filter(sessions::expires_at.gt(now.millis()))
        .select(sessions::id)
        .first(conn)
        .optional()?)
}

/// Ends the session with that key.
pub fn end_by_key(conn: &mut Conn, key_hash: &KeyHash) -> DbResult<()> {
    diesel::delete(sessions::table.filter(sessions::key_hash.eq(&key_hash[..]))).execute(conn)?;
    Ok(())
}

/// Whose session that is, of which account, and when it was last used.
pub fn find(conn: &mut Conn, id: i64, now: Timestamp) -> DbResult<Option<(User, Account, i64)>> {
    Ok(sessions::table
        .find(id)
        .inner_join(users::table.inner_join(accounts::table))
        .filter(sessions::expires_at.gt(now.millis()))
        .select((User::as_select(), Account::as_select(), sessions::used_at))
        .first(conn)
        .optional()?)
}

/// Notes that a session is in use.
pub fn touch(conn: &mut Conn, id: i64, now: Timestamp) -> DbResult<()> {
    diesel::update(sessions::table.find(id))
        .set(sessions::used_at.eq(now.millis()))
        .execute(conn)?;
    Ok(())
}

/// The sessions of a user, the last used first.
pub fn of_user(conn: &mut Conn, user_id: i64, now: Timestamp) -> DbResult<Vec<Session>> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::key_hash.is_not_null())
        .filter(sessions::expires_at.gt(now.millis()))
        .order((sessions::used_at.desc(), sessions::id.desc()))
        .select((
            sessions::id,
            sessions::device,
            sessions::created_at,
            sessions::used_at,
        ))
        .load(conn)?)
}

/// Ends one session of a user, by number. Whether there was one.
pub fn end_of_user(conn: &mut Conn, user_id: i64, id: i64) -> DbResult<bool> {
    let ended = diesel::delete(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::id.eq(id)),
    )
    .execute(conn)?;
    Ok(ended > 0)
}

/// Ends all sessions of a user but one, and says how many.
pub fn end_others(conn: &mut Conn, user_id: i64, kept: i64) -> DbResult<usize> {
    Ok(diesel::delete(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::id.ne(kept)),
    )
    .execute(conn)?)
}

/// Ends all sessions of a user.
pub fn end_all(conn: &mut Conn, user_id: i64) -> DbResult<()> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}

/// Removes the sessions that have expired, and those that never got a key because the program
/// ended in between.
pub fn remove_expired(conn: &mut Conn, now: Timestamp) -> DbResult<usize> {
    let unused_before = now.plus_millis(-KEYLESS_MILLIS);
    Ok(diesel::delete(
        sessions::table.filter(
            sessions::expires_at.le(now.millis()).or(sessions::key_hash
                .is_null()
                .and(sessions::created_at.lt(unused_before.millis()))),
        ),
    )
    .execute(conn)?)
}

/// Signs everybody out, of all accounts.
pub fn remove_all(conn: &mut Conn) -> DbResult<usize> {
    Ok(diesel::delete(sessions::table).execute(conn)?)
}
