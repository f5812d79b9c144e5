//! What is true of the whole installation: which secret it belongs to, when it was last in use, and
//! how far it has been told what happened after the copy that it was brought back from.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::schema::installation;
use crate::db::{Conn, DbResult};
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
