//! The names of the free fields of an account's recipients.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
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

/// Recipients after that number who may have one of these fields, in the order of their numbers: number
/// and fields. A value that looks like a name makes no difference to who reads the fields.
pub fn with_any(
    conn: &mut Conn,
    account_id: i64,
    names: &[String],
    after_id: i64,
    limit: i64,
) -> DbResult<Vec<(i64, String)>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = Text)]
        fields: String,
    }
    let position = conn.backend().position_function();
    let listed = json_rows::unfold(conn, &[("name", Column::Text)]);
    let names: Vec<[String; 1]> = names
        .iter()
        .map(|name| [format!("{}:", serde_json::Value::from(name.as_str()))])
        .collect();
    let found: Vec<Found> = diesel::sql_query(format!(
        "WITH wanted AS MATERIALIZED (SELECT name FROM {listed} AS listed)
         SELECT id, fields FROM recipients
         WHERE account_id = $2 AND id > $3
             AND EXISTS (SELECT 1 FROM wanted WHERE {position}(recipients.fields, wanted.name) > 0)
         ORDER BY id LIMIT $4"
    ))
    .bind::<Text, _>(json_rows::of(&names))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(after_id)
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(found.into_iter().map(|row| (row.id, row.fields)).collect())
}

/// Gives recipients other fields, where they still have those that were read: number, fields that
/// were read, new ones. Gives how many changed.
pub(crate) fn replace(
    conn: &mut Conn,
    account_id: i64,
    changes: &[(i64, String, String)],
) -> DbResult<usize> {
    if changes.is_empty() {
        return Ok(0);
    }
    let columns = [
        ("id", Column::Int),
        ("before", Column::Text),
        ("after", Column::Text),
    ];
    let rows = json_rows::unfold(conn, &columns);
    Ok(diesel::sql_query(format!(
        "WITH changes AS MATERIALIZED (SELECT id, before, after FROM {rows} AS listed)
         UPDATE recipients SET fields = changes.after FROM changes
         WHERE recipients.id = changes.id AND recipients.account_id = $2
             AND recipients.fields = changes.before"
    ))
    .bind::<Text, _>(json_rows::of(changes))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?)
}
