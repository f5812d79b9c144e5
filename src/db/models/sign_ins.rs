//! Signing in between its two steps: the password was right, the code is still to come. No session
//! yet. Found by the hash of the key in a cookie, which leads to exactly one user.

use diesel::prelude::*;

use super::users::User;
use crate::db::schema::{sign_ins, users};
use crate::db::{Conn, DbResult};
use crate::domain::random_key::KeyHash;
use crate::domain::time::Timestamp;

/// After so many wrong codes it begins again with the password.
const MOST_FAILURES: i64 = 5;

/// Begins the second step.
pub fn start(
    conn: &mut Conn,
    key_hash: &KeyHash,
    user: &User,
    next: &str,
    expires: Timestamp,
) -> DbResult<()> {
    diesel::insert_into(sign_ins::table)
        .values((
            sign_ins::key_hash.eq(&key_hash[..]),
            sign_ins::account_id.eq(user.account_id),
            sign_ins::user_id.eq(user.id),
            sign_ins::next.eq(next),
            sign_ins::failures.eq(0),
            sign_ins::expires_at.eq(expires.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Who is signing in with that key, and the page they wanted.
pub fn find(
    conn: &mut Conn,
    key_hash: &KeyHash,
    now: Timestamp,
) -> DbResult<Option<(User, String)>> {
    Ok(sign_ins::table
        .inner_join(users::table)
        .filter(sign_ins::key_hash.eq(&key_hash[..]))
        .filter(sign_ins::expires_at.gt(now.millis()))
        .filter(sign_ins::failures.lt(MOST_FAILURES))
        .select((User::as_select(), sign_ins::next))
        .first(conn)
        .optional()?)
}

/// Counts a wrong code.
pub fn fail(conn: &mut Conn, key_hash: &KeyHash) -> DbResult<()> {
    diesel::update(sign_ins::table.filter(sign_ins::key_hash.eq(&key_hash[..])))
        .set(sign_ins::failures.eq(sign_ins::failures + 1))
        .execute(conn)?;
    Ok(())
}

/// Uses it up: of several at once one becomes a session.
pub fn take(conn: &mut Conn, key_hash: &KeyHash) -> DbResult<bool> {
    let taken = diesel::delete(sign_ins::table.filter(sign_ins::key_hash.eq(&key_hash[..])))
        .execute(conn)?;
    Ok(taken > 0)
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
