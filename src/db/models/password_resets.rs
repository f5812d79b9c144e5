//! Links to a new password, one for each user who asked for one. The key in the link is all that a
//! request behind it knows; it leads to exactly one user.

use diesel::prelude::*;

use crate::db::schema::{password_resets, users};
use crate::db::{Conn, DbResult};
use crate::domain::random_key::KeyHash;
use crate::domain::time::Timestamp;

/// What is known of a user's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Reset {
    /// How often one was asked for lately.
    pub times: i64,
    /// When it was last made, in milliseconds.
    pub created_at: i64,
}

/// The link that a user has.
pub fn of_user(conn: &mut Conn, account_id: i64, user_id: i64) -> DbResult<Option<Reset>> {
    Ok(password_resets::table
        .filter(password_resets::account_id.eq(account_id))
        .filter(password_resets::user_id.eq(user_id))
        .select((password_resets::times, password_resets::created_at))
        .first(conn)
        .optional()?)
}

/// Keeps a key in place of the one that was there, whose link holds no longer.
pub fn put(
    conn: &mut Conn,
    (account_id, user_id): (i64, i64),
    key_hash: &KeyHash,
    times: i64,
    (now, expires): (Timestamp, Timestamp),
) -> DbResult<()> {
    forget(conn, account_id, user_id)?;
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::user_id.eq(user_id),
            password_resets::account_id.eq(account_id),
            password_resets::key_hash.eq(&key_hash[..]),
            password_resets::times.eq(times),
            password_resets::created_at.eq(now.millis()),
            password_resets::expires_at.eq(expires.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets the link of a user.
pub fn forget(conn: &mut Conn, account_id: i64, user_id: i64) -> DbResult<()> {
    diesel::delete(
        password_resets::table
            .filter(password_resets::account_id.eq(account_id))
            .filter(password_resets::user_id.eq(user_id)),
    )
    .execute(conn)?;
    Ok(())
}

/// The address of the user whose password a key sets, if it opens something.
pub fn whose(conn: &mut Conn, key_hash: &KeyHash, now: Timestamp) -> DbResult<Option<String>> {
    Ok(password_resets::table
        .inner_join(users::table)
        .filter(password_resets::key_hash.eq(&key_hash[..]))
        .filter(password_resets::expires_at.gt(now.millis()))
        .select(users::email)
        .first(conn)
        .optional()?)
}

/// Uses a key up: of several at once one gets the account's and the user's number, the others
/// nothing.
pub fn take(conn: &mut Conn, key_hash: &KeyHash, now: Timestamp) -> DbResult<Option<(i64, i64)>> {
    Ok(diesel::delete(
        password_resets::table
            .filter(password_resets::key_hash.eq(&key_hash[..]))
            .filter(password_resets::expires_at.gt(now.millis())),
    )
    .returning((password_resets::account_id, password_resets::user_id))
    .get_result(conn)
    .optional()?)
}

/// Forgets links that were made before that, of all accounts.
pub fn remove_older(conn: &mut Conn, than: Timestamp) -> DbResult<usize> {
    Ok(
        diesel::delete(
            password_resets::table.filter(password_resets::created_at.lt(than.millis())),
        )
        .execute(conn)?,
    )
}
