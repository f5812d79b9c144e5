//! What is true of the whole installation: which secret it belongs to, and when it was last in use.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::schema::installation;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

const CHECK: &str = "secret_check";

/// The check value kept at the first start; none on a new database.
pub fn secret_check(conn: &mut Conn) -> DbResult<Option<String>> {
    Ok(installation::table
        .filter(installation::key.eq(CHECK))
        .select(installation::value)
        .first(conn)
        .optional()?)
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
    let found: Option<String> = installation::table
        .filter(installation::key.eq(IN_USE))
        .select(installation::value)
        .first(conn)
        .optional()?;
    Ok(found.and_then(|text| text.parse().ok()).map(Timestamp))
}

/// Notes that a server uses this database.
pub fn note_use(conn: &mut Conn, now: Timestamp) -> DbResult<()> {
    diesel::sql_query(
        "INSERT INTO installation (key, value) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .bind::<Text, _>(IN_USE)
    .bind::<Text, _>(now.millis().to_string())
    .execute(conn)?;
    Ok(())
}
