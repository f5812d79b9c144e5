//! Sessions of signed-in users. Looked up by the hash of the key in the cookie: whoever reads
//! the table can't sign in with it.

use diesel::prelude::*;

use super::accounts::Account;
use super::users::User;
use crate::db::schema::{accounts, sessions, users};
use crate::db::{Conn, DbResult};
use crate::domain::random_key::KeyHash;
use crate::domain::time::Timestamp;

/// A session to be started.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// The hash of its key.
    pub key_hash: &'a KeyHash,
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
    /// The hash of its key.
    pub key_hash: Vec<u8>,
    /// The class of device, by number.
    pub device: i32,
    /// Since when, in milliseconds.
    pub created_at: i64,
    /// When it was last used, in milliseconds, to a few minutes.
    pub used_at: i64,
}

/// Starts a session.
pub fn start(conn: &mut Conn, new: &NewSession<'_>, now: Timestamp) -> DbResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::key_hash.eq(&new.key_hash[..]),
            sessions::user_id.eq(new.user_id),
            sessions::device.eq(new.device),
            sessions::created_at.eq(now.millis()),
            sessions::used_at.eq(now.millis()),
            sessions::expires_at.eq(new.expires.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Who is signed in with that key, to which account, and when the session was last used.
pub fn find(
    conn: &mut Conn,
    key_hash: &KeyHash,
    now: Timestamp,
) -> DbResult<Option<(User, Account, i64)>> {
    Ok(sessions::table
        .inner_join(users::table.inner_join(accounts::table))
        .filter(sessions::key_hash.eq(&key_hash[..]))
        .filter(sessions::expires_at.gt(now.millis()))
        .select((User::as_select(), Account::as_select(), sessions::used_at))
        .first(conn)
        .optional()?)
}

/// Notes that a session is in use.
pub fn touch(conn: &mut Conn, key_hash: &KeyHash, now: Timestamp) -> DbResult<()> {
    diesel::update(sessions::table.filter(sessions::key_hash.eq(&key_hash[..])))
        .set(sessions::used_at.eq(now.millis()))
        .execute(conn)?;
    Ok(())
}

/// The sessions of a user, the last used first.
pub fn of_user(conn: &mut Conn, user_id: i64, now: Timestamp) -> DbResult<Vec<Session>> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::expires_at.gt(now.millis()))
        .order((sessions::used_at.desc(), sessions::id.desc()))
        .select((
            sessions::id,
            sessions::key_hash,
            sessions::device,
            sessions::created_at,
            sessions::used_at,
        ))
        .load(conn)?)
}

/// Ends one session.
pub fn end(conn: &mut Conn, key_hash: &KeyHash) -> DbResult<()> {
    diesel::delete(sessions::table.filter(sessions::key_hash.eq(&key_hash[..]))).execute(conn)?;
    Ok(())
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

/// Ends all sessions of a user but one, as after a change of the password.
pub fn end_others(conn: &mut Conn, user_id: i64, kept: &KeyHash) -> DbResult<usize> {
    Ok(diesel::delete(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::key_hash.ne(&kept[..])),
    )
    .execute(conn)?)
}

/// Ends all sessions of a user.
pub fn end_all(conn: &mut Conn, user_id: i64) -> DbResult<()> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}

/// Removes the sessions that have run out.
pub fn remove_expired(conn: &mut Conn, now: Timestamp) -> DbResult<usize> {
    Ok(
        diesel::delete(sessions::table.filter(sessions::expires_at.le(now.millis())))
            .execute(conn)?,
    )
}

/// Signs everybody out, of all accounts.
pub fn remove_all(conn: &mut Conn) -> DbResult<usize> {
    Ok(diesel::delete(sessions::table).execute(conn)?)
}
