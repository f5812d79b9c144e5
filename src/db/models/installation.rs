//! What is true of the whole installation: so far, which secret it belongs to.

use diesel::prelude::*;

use crate::db::schema::installation;
use crate::db::{Conn, DbResult};

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
