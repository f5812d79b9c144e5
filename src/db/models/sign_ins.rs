//! Signing in between its two steps: the password was right, the code is still to come. No session
//! yet. Found by the hash of the key in the session cookie, which leads to exactly one user.

use diesel::prelude::*;

use super::users::User;
use crate::db::schema::{sign_ins, users};
use crate::db::{Conn, DbResult};
use crate::domain::random_key::KeyHash;
use crate::domain::time::Timestamp;

/// After so many wrong codes it begins again with the password.
const MOST_FAILURES: i64 = 5;

/// Begins the second step and gives its number. It has no key yet, so nobody can use it before
/// [`bind_key`].
pub fn start(conn: &mut Conn, user: &User, next: &str, expires: Timestamp) -> DbResult<i64> {
    Ok(diesel::insert_into(sign_ins::table)
        .values((
            sign_ins::account_id.eq(user.account_id),
            sign_ins::user_id.eq(user.id),
            sign_ins::next.eq(next),
            sign_ins::failures.eq(0),
            sign_ins::expires_at.eq(expires.millis()),
        ))
        .returning(sign_ins::id)
        .get_result(conn)?)
}

/// Gives it its key, once. Does nothing where it has ended meanwhile: the key then opens nothing.
pub fn bind_key(conn: &mut Conn, id: i64, key_hash: &KeyHash) -> DbResult<()> {
    diesel::update(
        sign_ins::table
            .find(id)
            .filter(sign_ins::key_hash.is_null()),
    )
    .set(sign_ins::key_hash.eq(&key_hash[..]))
    .execute(conn)?;
    Ok(())
}

/// The number of the one with that key.
pub fn find_by_key(conn: &mut Conn, key_hash: &KeyHash, now: Timestamp) -> DbResult<Option<i64>> {
    Ok(sign_ins::table
        .filter(sign_ins::key_hash.eq(&key_hash[..]))
        .filter(sign_ins::expires_at.gt(now.millis()))
        .select(sign_ins::id)
        .first(conn)
        .optional()?)
}

/// Ends the one with that key.
pub fn end_by_key(conn: &mut Conn, key_hash: &KeyHash) -> DbResult<()> {
    diesel::delete(sign_ins::table.filter(sign_ins::key_hash.eq(&key_hash[..]))).execute(conn)?;
    Ok(())
}

/// Who is signing in, and the page they wanted.
pub fn find(conn: &mut Conn, id: i64, now: Timestamp) -> DbResult<Option<(User, String)>> {
    Ok(sign_ins::table
        .find(id)
        .inner_join(users::table)
        .filter(sign_ins::expires_at.gt(now.millis()))
        .filter(sign_ins::failures.lt(MOST_FAILURES))
        .select((User::as_select(), sign_ins::next))
        .first(conn)
        .optional()?)
}

/// Counts a wrong code.
pub fn fail(conn: &mut Conn, id: i64) -> DbResult<()> {
    diesel::update(sign_ins::table.find(id))
        .set(sign_ins::failures.eq(sign_ins::failures + 1))
        .execute(conn)?;
    Ok(())
}

/// Uses it up: of several at once one becomes a session.
pub fn take(conn: &mut Conn, id: i64) -> DbResult<bool> {
    Ok(diesel::delete(sign_ins::table.find(id)).execute(conn)? > 0)
}

/// Ends all of a user's, as after a change of the password.
pub fn end_all(conn: &mut Conn, user_id: i64) -> DbResult<()> {
    diesel::delete(sign_ins::table.filter(sign_ins::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}

/// Removes those that have run out.
pub fn remove_expired(conn: &mut Conn, now: Timestamp) -> DbResult<usize> {
    Ok(
        diesel::delete(sign_ins::table.filter(sign_ins::expires_at.le(now.millis())))
            .execute(conn)?,
    )
}
