//! A group of those who may be asked for consent, to send them a mailing that asks.
//!
//! Whoever says no leaves it in the same transaction ([`super::settings`]), and nothing brings them
//! in again for six months: `groups::add_members` refuses, whatever way leads there.

use serde_json::json;

use crate::db::models::askable;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::groups;
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::domain::time::Timestamp;

/// How many recipients join in one transaction: a few milliseconds on SQLite.
const SLICE: i64 = 500;

/// Makes the group, still empty. Gives its number.
///
/// # Errors
/// [`DbError::Duplicate`] when the name is taken.
pub fn make_group(
    conn: &mut Conn,
    account_id: i64,
    name: &str,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<i64> {
    if groups::find_by_name(conn, account_id, name)?.is_some() {
        return Err(DbError::Duplicate);
    }
    let counts = askable::count(conn, account_id, now)?;
    let group_id = groups::create(conn, account_id, name, now)?;
    groups::set_asking(conn, account_id, group_id)?;
    let entry = Entry {
        actor,
        action: Action::AskingGroupMade,
        recipient_id: None,
        details: json!({ "group": group_id, "recipients": counts.now }),
    };
    audit::record(conn, account_id, &entry, now)?;
    Ok(group_id)
}

/// Lets the next ones after that recipient join. Gives where to go on; none at the end.
pub fn join(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    after: i64,
    now: Timestamp,
) -> DbResult<Option<i64>> {
    // Nobody's objection is committed between the question and the answer.
    account_lock::shared(conn, account_id)?;
    let joining = askable::after(conn, account_id, after, now, SLICE)?;
    groups::add_members(conn, account_id, group_id, &joining, now)?;
    Ok(joining.last().copied())
}
