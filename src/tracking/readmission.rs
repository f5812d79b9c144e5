//! Putting somebody back into a group they left by themselves.

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::group_leavings;
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::domain::time::Timestamp;

/// An administrator does so, for a reason, which the audit log keeps. Does nothing to somebody who has
/// not left the group.
///
/// # Errors
/// [`DbError::Refused`] without a reason.
pub fn readmit(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipient_id: i64,
    reason: &str,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    if reason.trim().is_empty() {
        return Err(DbError::Refused(
            "putting somebody back into a group they left needs a reason",
        ));
    }
    account_lock::exclusive(conn, account_id)?;
    if group_leavings::among(conn, account_id, group_id, &[recipient_id])?.is_empty() {
        return Ok(());
    }
    group_leavings::rejoin(conn, account_id, group_id, recipient_id, now)?;
    let entry = Entry {
        actor,
        action: Action::RecipientReadmitted,
        recipient_id: Some(recipient_id),
        details: json!({ "group": group_id, "reason": reason.trim() }),
    };
    audit::record(conn, account_id, &entry, now)
}
