//! Sessions of signed-in users. Looked up by the hash of the key in the cookie: whoever reads
//! the table can't sign in with it.

use diesel::prelude::*;

use super::accounts::Account;
use super::users::User;
use crate::db::schema::{accounts, sessions, users};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// SHA-256 of a session's key.
pub type KeyHash = [u8; 32];

/// Starts a session.
pub fn start(
    conn: &mut Conn,
    key_hash: &KeyHash,
    user_id: i64,
    now: Timestamp,
    expires: Timestamp,
) -> DbResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::key_hash.eq(&key_hash[..]),
            sessions::user_id.eq(user_id),
            sessions::created_at.eq(now.millis()),
            sessions::expires_at.eq(expires.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Who is signed in with that key, and to which account.
pub fn find(
    conn: &mut Conn,
    key_hash: &KeyHash,
    now: Timestamp,
) -> DbResult<Option<(User, Account)>> {
    Ok(sessions::table
        .inner_join(users::table.inner_join(accounts::table))
        .filter(sessions::key_hash.eq(&key_hash[..]))
        .filter(sessions::expires_at.gt(now.millis()))
        .select((User::as_select(), Account::as_select()))
        .first(conn)
        .optional()?)
}

/// Ends one session.
pub fn end(conn: &mut Conn, key_hash: &KeyHash) -> DbResult<()> {
    diesel::delete(sessions::table.find(&key_hash[..])).execute(conn)?;
    Ok(())
}

/// Ends all sessions of a user but one, as after a change of the password.
pub fn end_others(conn: &mut Conn, user_id: i64, kept: &KeyHash) -> DbResult<()> {
    diesel::delete(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::key_hash.ne(&kept[..])),
    )
    .execute(conn)?;
    Ok(())
}

/// Removes the sessions that have run out.
pub fn remove_expired(conn: &mut Conn, now: Timestamp) -> DbResult<usize> {
    Ok(
        diesel::delete(sessions::table.filter(sessions::expires_at.le(now.millis())))
            .execute(conn)?,
    )
}
