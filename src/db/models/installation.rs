//! What is true of the whole installation: which secret it belongs to, when it was last in use, and
//! how far it has been told what happened after the copy that it was brought back from.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::schema::installation;
use crate::db::{Conn, DbResult, OnBackend};
use crate::domain::time::Timestamp;

const CHECK: &str = "secret_check";

/// The check value kept at the first start; none on a new database.
pub fn secret_check(conn: &mut Conn) -> DbResult<Option<String>> {
    value(conn, CHECK)
}

/// Keeps the check value of the secret this database belongs to.
pub fn keep_secret_check(conn: &mut Conn, value: &str) -> DbResult<()> {
    diesel::insert_into(installation::table)
        .values((installation::key.eq(CHECK), installation::value.eq(value)))
        .execute(conn)?;
    Ok(())
}

const IN_USE: &str = "in_use_at";

/// When a server was last known to use this database: by that a copy's age is told. None where
/// none has.
pub fn in_use_at(conn: &mut Conn) -> DbResult<Option<Timestamp>> {
    let found = value(conn, IN_USE)?;
    Ok(found.and_then(|text| text.parse().ok()).map(Timestamp))
}

/// Notes that a server uses this database.
pub fn note_use(conn: &mut Conn, now: Timestamp) -> DbResult<()> {
    keep(conn, IN_USE, &now.millis().to_string())
}

const REPLAY: &str = "replay";

/// How far a replay of the journal has come that has not ended, as its own JSON; none where none
/// is under way.
pub fn replay(conn: &mut Conn) -> DbResult<Option<String>> {
    value(conn, REPLAY)
}

/// Keeps how far it has come, in the transaction that brings it there.
pub fn keep_replay(conn: &mut Conn, progress: &str) -> DbResult<()> {
    keep(conn, REPLAY, progress)
}

/// Notes that it has ended.
pub fn end_replay(conn: &mut Conn) -> DbResult<()> {
    diesel::delete(installation::table.filter(installation::key.eq(REPLAY))).execute(conn)?;
    Ok(())
}

/// Put there by the migration `search_folding`, where there were recipients.
const SEARCH_FOLDED_TO: &str = "search_folded_to";

/// Up to which recipient the search texts of an earlier version are folded; none where all are.
pub(crate) fn search_folded_to(conn: &mut Conn) -> DbResult<Option<i64>> {
    Ok(value(conn, SEARCH_FOLDED_TO)?.map(|text| text.parse().unwrap_or(0)))
}

/// The same, and keeps other nodes from folding until the transaction ends.
pub(crate) fn lock_search_folded_to(conn: &mut Conn) -> DbResult<Option<i64>> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let locked: Option<Locked> = diesel::sql_query(format!(
        "SELECT value FROM installation WHERE key = $1 {}",
        conn.backend().row_lock("FOR UPDATE")
    ))
    .bind::<Text, _>(SEARCH_FOLDED_TO)
    .get_result(conn)
    .optional()?;
    Ok(locked.map(|row| row.value.parse().unwrap_or(0)))
}

/// Keeps up to which recipient they are folded, in the transaction that folded them.
pub(crate) fn keep_search_folded_to(conn: &mut Conn, recipient_id: i64) -> DbResult<()> {
    keep(conn, SEARCH_FOLDED_TO, &recipient_id.to_string())
}

/// Notes that all are folded.
pub(crate) fn end_search_folding(conn: &mut Conn) -> DbResult<()> {
    diesel::delete(installation::table.filter(installation::key.eq(SEARCH_FOLDED_TO)))
        .execute(conn)?;
    Ok(())
}

fn value(conn: &mut Conn, key: &str) -> DbResult<Option<String>> {
    Ok(installation::table
        .filter(installation::key.eq(key))
        .select(installation::value)
        .first(conn)
        .optional()?)
}

fn keep(conn: &mut Conn, key: &str, value: &str) -> DbResult<()> {
    diesel::sql_query(
        "INSERT INTO installation (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .bind::<Text, _>(key)
    .bind::<Text, _>(value)
    .execute(conn)?;
    Ok(())
}
