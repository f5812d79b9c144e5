//! Who left a group by themselves. [`super::groups`] puts nobody back who is noted here, whatever way
//! leads into the group; the note ends by the person's own act, by an administrator's with a reason,
//! or with the recipient or the group.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde_json::json;

use super::groups;
use super::journal::{self, JournalKind};
use crate::db::json_rows::{self, Column};
use crate::db::schema::{group_leavings, groups as groups_table};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// A group that a recipient left.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Leaving {
    /// The group's number.
    pub group_id: i64,
    /// The group's name.
    pub name: String,
    /// When, in milliseconds.
    pub left_at: i64,
}

/// A recipient leaves a group, by their own act. Gives whether they belonged to it.
pub fn leave(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipient_id: i64,
    now: Timestamp,
) -> DbResult<bool> {
    if !groups::remove(conn, account_id, group_id, recipient_id)? {
        return Ok(false);
    }
    note(conn, account_id, group_id, recipient_id, now)?;
    let told = json!({ "group": group_id, "by_themselves": now.millis() });
    let about = [recipient_id];
    journal::note(conn, account_id, &about, JournalKind::LeftGroup, &told)?;
    Ok(true)
}

/// Notes that a recipient left a group then; an earlier note stays. Both are of the account, whatever
/// ids were given.
pub(crate) fn note(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipient_id: i64,
    left_at: Timestamp,
) -> DbResult<()> {
    diesel::sql_query(
        "INSERT INTO group_leavings (account_id, group_id, recipient_id, left_at)
         SELECT g.account_id, g.id, r.id, CAST($1 AS BIGINT) FROM groups g CROSS JOIN recipients r
         WHERE g.id = $2 AND g.account_id = $3 AND r.id = $4 AND r.account_id = g.account_id
         ON CONFLICT DO NOTHING",
    )
    .bind::<BigInt, _>(left_at.millis())
    .bind::<BigInt, _>(group_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(recipient_id)
    .execute(conn)?;
    Ok(())
}

/// Puts a recipient back into a group they may have left. Gives whether they had.
pub fn rejoin(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipient_id: i64,
    now: Timestamp,
) -> DbResult<bool> {
    let forgotten = diesel::delete(
        group_leavings::table
            .filter(group_leavings::account_id.eq(account_id))
            .filter(group_leavings::recipient_id.eq(recipient_id))
            .filter(group_leavings::group_id.eq(group_id)),
    )
    .execute(conn)?;
    let about = [recipient_id];
    groups::add_members(conn, account_id, group_id, &about, now)?;
    if forgotten > 0 {
        let told = json!({ "group": group_id });
        journal::note(conn, account_id, &about, JournalKind::BackInGroup, &told)?;
    }
    Ok(forgotten > 0)
}

/// The groups that a recipient left, by name.
pub fn of_recipient(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Vec<Leaving>> {
    Ok(group_leavings::table
        .inner_join(groups_table::table)
        .filter(group_leavings::account_id.eq(account_id))
        .filter(group_leavings::recipient_id.eq(recipient_id))
        .order(groups_table::name_key)
        .select((
            groups_table::id,
            groups_table::name,
            group_leavings::left_at,
        ))
        .load(conn)?)
}

/// Those of the recipients who left that group.
pub fn among(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipients: &[i64],
) -> DbResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Left {
        #[diesel(sql_type = BigInt)]
        recipient_id: i64,
    }
    if recipients.is_empty() {
        return Ok(Vec::new());
    }
    let rows = json_rows::unfold(conn, &[("recipient_id", Column::Int)]);
    let left: Vec<Left> = diesel::sql_query(format!(
        "SELECT l.recipient_id FROM {rows} AS asked CROSS JOIN group_leavings l
         WHERE l.recipient_id = asked.recipient_id AND l.group_id = $2 AND +l.account_id = $3"
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<BigInt, _>(group_id)
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    Ok(left.into_iter().map(|row| row.recipient_id).collect())
}
