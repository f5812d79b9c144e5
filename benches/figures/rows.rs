//! Filling tables with many rows at once.

use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use serde_json::Value;
use widerspruch::db::json_rows::{self, Column};

use super::support::World;

/// How many rows one statement writes.
const AT_ONCE: usize = 5_000;

/// Inserts rows into a table, given in the order of the columns.
pub fn insert(world: &World, table: &str, columns: &[(&str, Column)], rows: &[Value]) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    for some in rows.chunks(AT_ONCE) {
        world.write(|conn| {
            let unfolded = json_rows::unfold(conn, columns);
            diesel::sql_query(format!(
                "INSERT INTO {table} ({names}) SELECT {names} FROM {unfolded} AS new"
            ))
            .bind::<Text, _>(json_rows::of(some))
            .execute(conn)?;
            Ok(())
        });
    }
}

/// Carries out a statement.
pub fn execute(world: &World, statement: &str) {
    world.write(|conn| {
        diesel::sql_query(statement).execute(conn)?;
        Ok(())
    });
}
