//! Groups of recipients, and who belongs to them. The number of members is a counter kept in the
//! transaction that changes the membership.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use serde_json::json;

use super::askable;
use super::journal::{self, JournalKind};
use crate::db::json_rows::{self, Column};
use crate::db::paging::{Page, Position, page};
use crate::db::prepared::prepared;
use crate::db::schema::{groups, memberships};
use crate::db::{Conn, DbResult};
use crate::domain::text::{clean_name, name_key};
use crate::domain::time::Timestamp;

/// A group.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = groups)]
pub struct Group {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// How many recipients belong to it.
    pub member_count: i64,
    /// Whether it was made to ask its members for consent: whoever refuses is not in it.
    pub asks_consent: bool,
}

/// All groups of the account, by name.
pub fn all(conn: &mut Conn, account_id: i64) -> DbResult<Vec<Group>> {
    Ok(groups::table
        .filter(groups::account_id.eq(account_id))
        .order(groups::name_key)
        .select(Group::as_select())
        .load(conn)?)
}

/// A page of the groups, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<Group>> {
    let (_, _, key) = position.descending();
    let query = groups::table
        .filter(groups::account_id.eq(account_id))
        .select(Group::as_select())
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX));
    let rows = if position.reads_backwards() {
        query
            .filter(groups::id.gt(key))
            .order(groups::id.asc())
            .load(conn)?
    } else {
        query
            .filter(groups::id.lt(key))
            .order(groups::id.desc())
            .load(conn)?
    };
    Ok(page(rows, position, size))
}

/// The group of that number.
pub fn find(conn: &mut Conn, account_id: i64, group_id: i64) -> DbResult<Group> {
    Ok(groups::table
        .filter(groups::account_id.eq(account_id))
        .find(group_id)
        .select(Group::as_select())
        .first(conn)?)
}

/// The group of that name, in whatever spelling of [`name_key`]; of several the oldest.
pub fn find_by_name(conn: &mut Conn, account_id: i64, name: &str) -> DbResult<Option<Group>> {
    let key = name_key(name);
    let known = groups::table
        .filter(groups::account_id.eq(account_id))
        .filter(groups::name_key.eq(&key))
        .select(Group::as_select())
        .first(conn)
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    // Keys of earlier versions: they neither composed names nor left out what can't be seen.
    let names: Vec<(i64, String)> = groups::table
        .filter(groups::account_id.eq(account_id))
        .order(groups::id)
        .select((groups::id, groups::name))
        .load(conn)?;
    match names.iter().find(|(_, name)| name_key(name) == key) {
        Some((id, _)) => find(conn, account_id, *id).map(Some),
        None => Ok(None),
    }
}

/// Makes a group; [`crate::db::DbError::Duplicate`] when the name is taken.
pub fn create(conn: &mut Conn, account_id: i64, name: &str, now: Timestamp) -> DbResult<i64> {
    Ok(diesel::insert_into(groups::table)
        .values((
            groups::account_id.eq(account_id),
            groups::name.eq(clean_name(name)),
            groups::name_key.eq(name_key(name)),
            groups::created_at.eq(now.millis()),
        ))
        .returning(groups::id)
        .get_result(conn)?)
}

/// Marks a group as one whose members are asked for consent; it has none yet.
pub(crate) fn set_asking(conn: &mut Conn, account_id: i64, group_id: i64) -> DbResult<()> {
    diesel::update(
        groups::table
            .filter(groups::account_id.eq(account_id))
            .find(group_id),
    )
    .set(groups::asks_consent.eq(true))
    .execute(conn)?;
    Ok(())
}

/// Whether another group has that name. A group may always keep its own, also where an earlier
/// version let two have the same.
pub fn is_taken(conn: &mut Conn, account_id: i64, group_id: i64, name: &str) -> DbResult<bool> {
    let own = find(conn, account_id, group_id)?;
    Ok(name_key(&own.name) != name_key(name) && find_by_name(conn, account_id, name)?.is_some())
}

/// Renames a group; [`crate::db::DbError::Duplicate`] when the name is taken.
pub fn rename(conn: &mut Conn, account_id: i64, group_id: i64, name: &str) -> DbResult<()> {
    let own = find(conn, account_id, group_id)?;
    let group = groups::table
        .filter(groups::account_id.eq(account_id))
        .find(group_id);
    let clean = groups::name.eq(clean_name(name));
    let key = name_key(name);
    if name_key(&own.name) == key {
        diesel::update(group).set(clean).execute(conn)?;
    } else {
        let key = groups::name_key.eq(key);
        diesel::update(group).set((clean, key)).execute(conn)?;
    }
    Ok(())
}

/// *Gruppe auflösen*: the group goes, its people stay.
pub fn dissolve(conn: &mut Conn, account_id: i64, group_id: i64) -> DbResult<()> {
    diesel::delete(
        groups::table
            .filter(groups::account_id.eq(account_id))
            .find(group_id),
    )
    .execute(conn)?;
    Ok(())
}

/// The groups a recipient belongs to, by name.
pub fn of_recipient(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Vec<Group>> {
    Ok(groups::table
        .inner_join(memberships::table)
        .filter(groups::account_id.eq(account_id))
        .filter(memberships::recipient_id.eq(recipient_id))
        .order(groups::name_key)
        .select(Group::as_select())
        .load(conn)?)
}

/// The groups a recipient belongs to, by name, each with the time since when, in milliseconds.
pub fn joined(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Vec<(String, i64)>> {
    Ok(groups::table
        .inner_join(memberships::table)
        .filter(groups::account_id.eq(account_id))
        .filter(memberships::recipient_id.eq(recipient_id))
        .order(groups::name_key)
        .select((groups::name, memberships::created_at))
        .load(conn)?)
}

/// Adds recipients to a group; who belongs to it already stays. Gives how many came.
pub fn add_members(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipients: &[i64],
    now: Timestamp,
) -> DbResult<usize> {
    add(conn, account_id, group_id, recipients, false, now)
}

/// The same for what was measured about them: these memberships end when it is pseudonymised.
pub(crate) fn add_by_activity(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipients: &[i64],
    now: Timestamp,
) -> DbResult<usize> {
    add(conn, account_id, group_id, recipients, true, now)
}

fn add(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipients: &[i64],
    from_activity: bool,
    now: Timestamp,
) -> DbResult<usize> {
    // Both the group and the recipients are taken from the account, whatever ids were given.
    // `CROSS JOIN` lets SQLite look each of them up; it would read the whole account for each.
    let rows = json_rows::unfold(conn, &[("recipient_id", Column::Int)]);
    let added = diesel::sql_query(format!(
        "WITH wanted AS (SELECT recipient_id FROM {rows} AS listed)
         INSERT INTO memberships (account_id, group_id, recipient_id, created_at, from_activity)
         SELECT g.account_id, g.id, r.id, CAST($2 AS BIGINT), CAST($3 AS BOOLEAN)
         FROM wanted
         CROSS JOIN groups g
         CROSS JOIN recipients r
         WHERE g.id = $4 AND g.account_id = $5
             AND r.id = wanted.recipient_id AND r.account_id = g.account_id
             AND NOT (g.asks_consent AND {})
             -- Who left by themselves stays out, whatever way leads into the group.
             AND NOT EXISTS (SELECT 1 FROM group_leavings l
                             WHERE l.recipient_id = r.id AND l.group_id = g.id)
         ORDER BY r.id
         ON CONFLICT DO NOTHING",
        askable::has_refused("$6")
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<BigInt, _>(now.millis())
    .bind::<Bool, _>(from_activity)
    .bind::<BigInt, _>(group_id)
    .bind::<BigInt, _>(account_id)
    // Whoever refused since then is not asked, whatever way leads into the group.
    .bind::<BigInt, _>(askable::refused_since(now))
    .execute(conn)?;
    count_members(
        conn,
        account_id,
        group_id,
        i64::try_from(added).unwrap_or(i64::MAX),
    )?;
    Ok(added)
}

/// Takes a recipient out of a group.
pub fn remove_member(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipient_id: i64,
) -> DbResult<()> {
    if remove(conn, account_id, group_id, recipient_id)? {
        let (about, told) = ([recipient_id], json!({ "group": group_id }));
        journal::note(conn, account_id, &about, JournalKind::LeftGroup, &told)?;
    }
    Ok(())
}

/// The same without telling the journal. Gives whether the recipient belonged to the group.
pub(super) fn remove(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    recipient_id: i64,
) -> DbResult<bool> {
    let removed = diesel::delete(memberships::table.find((account_id, group_id, recipient_id)))
        .execute(conn)?;
    count_members(
        conn,
        account_id,
        group_id,
        -i64::try_from(removed).unwrap_or(0),
    )?;
    Ok(removed > 0)
}

/// Takes recipients out of all their groups, as before they are deleted. Gives how many
/// memberships ended.
pub(crate) fn remove_from_all(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
) -> DbResult<usize> {
    let ids = json_rows::of_numbers(recipients.iter().copied());
    // The plus keeps SQLite from walking all memberships of the account.
    let rows = json_rows::unfold(conn, &[("recipient_id", Column::Int)]);
    prepared(format!(
        "UPDATE groups SET member_count = member_count - leaving.n
         FROM (SELECT m.group_id, COUNT(*) AS n
               FROM memberships m
               WHERE m.recipient_id IN (SELECT recipient_id FROM {rows} AS gone)
                 AND +m.account_id = $2 GROUP BY m.group_id) AS leaving
         WHERE groups.id = leaving.group_id"
    ))
    .text(ids.clone())
    .int(account_id)
    .execute(conn)?;
    Ok(prepared(format!(
        "DELETE FROM memberships
         WHERE recipient_id IN (SELECT recipient_id FROM {rows} AS gone) AND +account_id = $2"
    ))
    .text(ids)
    .int(account_id)
    .execute(conn)?)
}

/// Takes recipients who refused out of the groups that ask for consent.
pub(crate) fn leave_asking(conn: &mut Conn, account_id: i64, recipients: &[i64]) -> DbResult<()> {
    let asking: Vec<i64> = groups::table
        .filter(groups::account_id.eq(account_id))
        .filter(groups::asks_consent.eq(true))
        .order(groups::id)
        .select(groups::id)
        .load(conn)?;
    let ids = json_rows::of_numbers(recipients.iter().copied());
    let rows = json_rows::unfold(conn, &[("recipient_id", Column::Int)]);
    for group_id in asking {
        let left = diesel::sql_query(format!(
            "DELETE FROM memberships
             WHERE recipient_id IN (SELECT recipient_id FROM {rows} AS refusing)
                 AND group_id = $2 AND account_id = $3"
        ))
        .bind::<Text, _>(&ids)
        .bind::<BigInt, _>(group_id)
        .bind::<BigInt, _>(account_id)
        .execute(conn)?;
        let left = i64::try_from(left).unwrap_or(0);
        if left > 0 {
            count_members(conn, account_id, group_id, -left)?;
        }
    }
    Ok(())
}

/// Takes a recipient out of the groups they came into by what was measured about them, as when
/// that is pseudonymised: the membership would still tell it (rule P6).
pub(crate) fn leave_by_activity(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
) -> DbResult<()> {
    diesel::sql_query(
        "UPDATE groups SET member_count = member_count - 1
         WHERE id IN (SELECT m.group_id FROM memberships m
                      WHERE m.recipient_id = $1 AND m.from_activity) AND account_id = $2",
    )
    .bind::<BigInt, _>(recipient_id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    diesel::delete(
        memberships::table
            .filter(memberships::recipient_id.eq(recipient_id))
            .filter(memberships::account_id.eq(account_id))
            .filter(memberships::from_activity.eq(true)),
    )
    .execute(conn)?;
    Ok(())
}

/// Notes of which mailing's activity a group was made.
pub(crate) fn made_of(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    mailing_id: i64,
) -> DbResult<()> {
    diesel::update(
        groups::table
            .filter(groups::account_id.eq(account_id))
            .find(group_id),
    )
    .set(groups::from_mailing_id.eq(mailing_id))
    .execute(conn)?;
    Ok(())
}

/// The groups that were made of a mailing's activity.
pub(crate) fn of_activity(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Vec<i64>> {
    Ok(groups::table
        .filter(groups::account_id.eq(account_id))
        .filter(groups::from_mailing_id.eq(mailing_id))
        .order(groups::id)
        .select(groups::id)
        .load(conn)?)
}

/// Takes those out of a group made of a mailing's activity to whom these deliveries belong: they
/// are about to be pseudonymised.
pub(crate) fn leave_with_deliveries(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    deliveries: &[i64],
) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let left = diesel::sql_query(format!(
        "DELETE FROM memberships
         WHERE recipient_id IN (SELECT d.recipient_id FROM {rows} AS cut CROSS JOIN deliveries d
                                WHERE d.id = cut.id AND +d.account_id = $2)
             AND account_id = $3 AND group_id = $4 AND from_activity"
    ))
    .bind::<Text, _>(json_rows::of_numbers(deliveries.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(group_id)
    .execute(conn)?;
    let left = i64::try_from(left).unwrap_or(0);
    count_members(conn, account_id, group_id, -left)
}

fn count_members(conn: &mut Conn, account_id: i64, group_id: i64, change: i64) -> DbResult<()> {
    diesel::update(
        groups::table
            .filter(groups::account_id.eq(account_id))
            .find(group_id),
    )
    .set(groups::member_count.eq(groups::member_count + change))
    .execute(conn)?;
    Ok(())
}
