//! A new password for who forgot the old one.

use serde_json::json;

use super::{LinkKey, note};
use crate::db::models::audit::{Action, Actor};
use crate::db::models::users::{self, User};
use crate::db::models::{password_resets, sessions, sign_ins};
use crate::db::{Conn, DbResult};
use crate::domain::random_key::KeyHash;
use crate::domain::time::Timestamp;

/// For how long a link holds, in minutes.
pub const MINUTES: i64 = 60;

const MINUTE: i64 = 60_000;

/// For how long it is remembered how often somebody asked, in days.
pub const REMEMBERED_DAYS: i64 = 1;

/// How long after one mail somebody gets the next, in milliseconds: so nobody can fill a mailbox,
/// or make the link in it worthless again and again.
const fn pause_after(times: i64) -> i64 {
    match times {
        ..=1 => 2 * MINUTE,
        2 => 10 * MINUTE,
        _ => MINUTES * MINUTE,
    }
}

/// Makes a link because somebody asked for one at the sign-in; none shortly after the last one.
pub fn ask(conn: &mut Conn, user: &User, now: Timestamp) -> DbResult<Option<LinkKey>> {
    let last = password_resets::of_user(conn, user.account_id, user.id)?;
    if last.is_some_and(|last| now.millis() - last.created_at < pause_after(last.times)) {
        return Ok(None);
    }
    let times = last.map_or(0, |last| last.times) + 1;
    make(conn, user, times, now).map(Some)
}

/// Makes a link because an administrator wants it.
pub fn make_for(
    conn: &mut Conn,
    account_id: i64,
    user_id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<(User, LinkKey)> {
    let user = users::find(conn, account_id, user_id)?;
    let key = make(conn, &user, 1, now)?;
    let what = (Action::PasswordLinkMade, json!({ "user": user.name }));
    note(conn, account_id, actor, what, now)?;
    Ok((user, key))
}

fn make(conn: &mut Conn, user: &User, times: i64, now: Timestamp) -> DbResult<LinkKey> {
    let (key, hash) = LinkKey::make()?;
    let expires = now.plus_millis(MINUTES * MINUTE);
    let whose = (user.account_id, user.id);
    password_resets::put(conn, whose, &hash, times, (now, expires))?;
    Ok(key)
}

/// Sets a new password, once, and ends all sessions of that user; whether the link still held.
pub fn set_password(
    conn: &mut Conn,
    key: &KeyHash,
    password_hash: &str,
    now: Timestamp,
) -> DbResult<bool> {
    let Some((account_id, user_id)) = password_resets::take(conn, key, now)? else {
        return Ok(false);
    };
    let name = users::name(conn, account_id, user_id)?;
    replace(conn, (account_id, user_id), password_hash)?;
    let actor = Actor::User { id: user_id, name };
    let what = (Action::PasswordReset, json!({}));
    note(conn, account_id, &actor, what, now)?;
    Ok(true)
}

/// Sets a new password from the machine itself, and ends all sessions of that user; whether the
/// address signs in here.
pub fn set_from_the_machine(
    conn: &mut Conn,
    email_key: &str,
    password_hash: &str,
    now: Timestamp,
) -> DbResult<bool> {
    let Some(user) = users::find_by_email(conn, email_key)? else {
        return Ok(false);
    };
    password_resets::forget(conn, user.account_id, user.id)?;
    replace(conn, (user.account_id, user.id), password_hash)?;
    let what = (Action::PasswordReset, json!({ "user": user.name }));
    note(conn, user.account_id, &super::COMMAND, what, now)?;
    Ok(true)
}

fn replace(
    conn: &mut Conn,
    (account_id, user_id): (i64, i64),
    password_hash: &str,
) -> DbResult<()> {
    users::set_password(conn, account_id, user_id, password_hash)?;
    sign_ins::end_all(conn, user_id)?;
    sessions::end_all(conn, user_id)
}
