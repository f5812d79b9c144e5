//! The names of the free fields of an account's recipients.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::{Conn, DbResult, OnBackend};

/// How many recipients of an account have each free field, by its name as it is written. Reads all
/// of its recipients.
pub fn all(conn: &mut Conn, account_id: i64) -> DbResult<Vec<(String, i64)>> {
    #[derive(QueryableByName)]
    struct Field {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = BigInt)]
        recipients: i64,
    }
    let (keys, name) = conn.backend().json_keys("recipients.fields");
    let found: Vec<Field> = diesel::sql_query(format!(
        "SELECT {name} AS name, COUNT(*) AS recipients FROM recipients, {keys}
         WHERE recipients.account_id = $1 AND recipients.fields <> '{{}}'
         GROUP BY {name} ORDER BY {name}"
    ))
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    Ok(found
        .into_iter()
        .map(|field| (field.name, field.recipients))
        .collect())
}
