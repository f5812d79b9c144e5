//! Roles of a user, and removal. Each act holds the lock of the account's users from its look at the
//! administrators until its commit, so that two of them can't remove each other at once.

use serde_json::json;

use super::note;
use crate::db::models::audit::{Action, Actor};
use crate::db::models::users::{self, User};
use crate::db::models::{password_resets, sessions};
use crate::db::{Conn, DbResult, account_lock};
use crate::domain::role::{Role, Roles};
use crate::domain::time::Timestamp;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// Nothing: nobody would be left to administer the account.
    LastAdmin,
}

/// Whether this is the account's only administrator.
pub fn is_last_admin(users: &[User], user_id: i64) -> bool {
    let is_admin = |user: &&User| user.roles().has(Role::Admin);
    let mut admins = users.iter().filter(is_admin);
    admins.next().is_some_and(|user| user.id == user_id) && admins.next().is_none()
}

/// Keeps others from changing users until the transaction ends, and gives one as stored.
pub fn lock(conn: &mut Conn, account_id: i64, user_id: i64) -> DbResult<User> {
    account_lock::users(conn, account_id)?;
    users::find(conn, account_id, user_id)
}

/// Changes name and roles, from the user's next request on.
pub fn change(
    conn: &mut Conn,
    account_id: i64,
    user_id: i64,
    (name, roles): (&str, Roles),
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Outcome> {
    let before = lock(conn, account_id, user_id)?;
    if !roles.has(Role::Admin) && is_last_admin(&users::list(conn, account_id)?, user_id) {
        return Ok(Outcome::LastAdmin);
    }
    if before.name == name && before.roles() == roles {
        return Ok(Outcome::Done);
    }
    users::change(conn, account_id, user_id, name, roles)?;
    let details = json!({
        "user": name,
        "name_before": (before.name != name).then_some(before.name.as_str()),
        "roles": roles.labels(),
        "roles_before": (before.roles() != roles).then(|| before.roles().labels()),
    });
    note(conn, account_id, actor, (Action::UserChanged, details), now)?;
    Ok(Outcome::Done)
}

/// Removes a user. What that person made stays, and so does the name in the audit log.
pub fn remove(
    conn: &mut Conn,
    account_id: i64,
    user_id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Outcome> {
    account_lock::users(conn, account_id)?;
    let user = users::find(conn, account_id, user_id)?;
    if is_last_admin(&users::list(conn, account_id)?, user_id) {
        return Ok(Outcome::LastAdmin);
    }
    sessions::end_all(conn, user_id)?;
    password_resets::forget(conn, account_id, user_id)?;
    users::remove(conn, account_id, user_id)?;
    let details = json!({ "user": user.name, "number": user.id });
    note(conn, account_id, actor, (Action::UserDeleted, details), now)?;
    Ok(Outcome::Done)
}
