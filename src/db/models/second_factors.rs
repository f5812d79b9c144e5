//! The second factor of users: columns of `users` of their own, and their recovery codes.

use diesel::prelude::*;

use crate::db::schema::{recovery_codes, users};
use crate::db::{Conn, DbResult};
use crate::domain::random_key::KeyHash;
use crate::domain::time::Timestamp;

/// A user's second factor, set up or being so.
#[derive(Clone, Queryable)]
pub struct SecondFactor {
    /// The secret, sealed for [`place`].
    pub secret: Option<Vec<u8>>,
    /// Since when it is asked for, in milliseconds; none while it is being set up.
    pub since: Option<i64>,
    /// The step of the last code that was used.
    pub last_step: i64,
}

/// For which place the secret of a user is sealed (see [`crate::domain::sealed::Sealer`]).
pub fn place(user_id: i64) -> String {
    format!("totp/{user_id}")
}

/// A user, with the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The account's number.
    pub account_id: i64,
    /// The user's number.
    pub user_id: i64,
}

macro_rules! row {
    ($owner:expr) => {
        users::table
            .filter(users::account_id.eq($owner.account_id))
            .filter(users::id.eq($owner.user_id))
    };
}

/// What a user has.
pub fn find(conn: &mut Conn, owner: Owner) -> DbResult<SecondFactor> {
    Ok(row!(owner)
        .select((
            users::totp_secret,
            users::second_factor_at,
            users::totp_step,
        ))
        .first(conn)?)
}

/// Keeps a secret that its user is to confirm; nothing happens where a second factor is set up.
pub fn propose(conn: &mut Conn, owner: Owner, sealed: &[u8]) -> DbResult<()> {
    diesel::update(row!(owner).filter(users::second_factor_at.is_null()))
        .set((users::totp_secret.eq(sealed), users::totp_step.eq(0)))
        .execute(conn)?;
    Ok(())
}

/// From now on it is asked for. Whether it was being set up.
pub fn confirm(conn: &mut Conn, owner: Owner, step: i64, now: Timestamp) -> DbResult<bool> {
    let confirmed = diesel::update(
        row!(owner)
            .filter(users::second_factor_at.is_null())
            .filter(users::totp_secret.is_not_null()),
    )
    .set((
        users::second_factor_at.eq(now.millis()),
        users::totp_step.eq(step),
        users::code_failures.eq(0),
        users::codes_blocked_until.eq(0),
    ))
    .execute(conn)?;
    Ok(confirmed > 0)
}

/// Takes it away, with the recovery codes. Whether it was asked for before.
pub fn remove(conn: &mut Conn, owner: Owner) -> DbResult<bool> {
    let set_up = row!(owner).filter(users::second_factor_at.is_not_null());
    // Of several who take it away at once, one has.
    let had = diesel::update(set_up)
        .set(users::second_factor_at.eq(None::<i64>))
        .execute(conn)?
        > 0;
    diesel::update(row!(owner))
        .set((
            users::totp_secret.eq(None::<Vec<u8>>),
            users::totp_step.eq(0),
            users::code_failures.eq(0),
            users::codes_blocked_until.eq(0),
        ))
        .execute(conn)?;
    remove_codes(conn, owner)?;
    Ok(had)
}

/// Begins an attempt, which counts as a failure until [`use_step`] takes that back. Gives how many
/// there were in a row with this one; none while codes are blocked. Of several attempts at once
/// each waits for the one before.
pub fn begin_attempt(conn: &mut Conn, owner: Owner, now: Timestamp) -> DbResult<Option<i64>> {
    Ok(
        diesel::update(row!(owner).filter(users::codes_blocked_until.le(now.millis())))
            .set(users::code_failures.eq(users::code_failures + 1))
            .returning(users::code_failures)
            .get_result(conn)
            .optional()?,
    )
}

/// Uses a step up: neither its code nor an older one is taken again. Whether it was still unused.
pub fn use_step(conn: &mut Conn, owner: Owner, step: i64) -> DbResult<bool> {
    let used = diesel::update(row!(owner).filter(users::totp_step.lt(step)))
        .set((users::totp_step.eq(step), users::code_failures.eq(0)))
        .execute(conn)?;
    Ok(used > 0)
}

/// Takes no codes until then.
pub fn block(conn: &mut Conn, owner: Owner, until: Timestamp) -> DbResult<()> {
    diesel::update(row!(owner))
        .set((
            users::codes_blocked_until.eq(until.millis()),
            users::code_failures.eq(0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Puts these recovery codes in the place of those there were.
pub fn replace_codes(
    conn: &mut Conn,
    owner: Owner,
    hashes: impl IntoIterator<Item = KeyHash>,
) -> DbResult<()> {
    remove_codes(conn, owner)?;
    for hash in hashes {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::user_id.eq(owner.user_id),
                recovery_codes::account_id.eq(owner.account_id),
                recovery_codes::code_hash.eq(&hash[..]),
            ))
            .execute(conn)?;
    }
    Ok(())
}

fn remove_codes(conn: &mut Conn, owner: Owner) -> DbResult<()> {
    diesel::delete(
        recovery_codes::table
            .filter(recovery_codes::account_id.eq(owner.account_id))
            .filter(recovery_codes::user_id.eq(owner.user_id)),
    )
    .execute(conn)?;
    Ok(())
}

/// Uses a recovery code up: of several at once one is let in.
pub fn use_code(conn: &mut Conn, owner: Owner, hash: &KeyHash) -> DbResult<bool> {
    let used = diesel::delete(
        recovery_codes::table
            .filter(recovery_codes::account_id.eq(owner.account_id))
            .filter(recovery_codes::user_id.eq(owner.user_id))
            .filter(recovery_codes::code_hash.eq(&hash[..])),
    )
    .execute(conn)?;
    Ok(used > 0)
}

/// How many recovery codes are left.
pub fn codes_left(conn: &mut Conn, owner: Owner) -> DbResult<i64> {
    Ok(recovery_codes::table
        .filter(recovery_codes::account_id.eq(owner.account_id))
        .filter(recovery_codes::user_id.eq(owner.user_id))
        .count()
        .get_result(conn)?)
}
