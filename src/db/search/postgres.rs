//! The search on PostgreSQL: a GIN index of trigrams (`pg_trgm`) that serves LIKE.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, sql_query};

use crate::db::DbResult;
use crate::db::models::recipients::{ROW_COLUMNS, RecipientRow};
use crate::db::paging::Position;

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

pub fn find(
    conn: &mut PgConnection,
    account_id: i64,
    needle: &str,
    position: Position,
    limit: i64,
) -> DbResult<Vec<RecipientRow>> {
    let (comparison, order, key) = position.descending();
    Ok(sql_query(format!(
        "SELECT {ROW_COLUMNS} FROM recipients r
         WHERE r.account_id = $1 AND r.id {comparison} $2 AND r.search_text LIKE $3
         ORDER BY r.id {order} LIMIT $4"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(key)
    .bind::<Text, _>(pattern(needle))
    .bind::<BigInt, _>(limit)
    .load(conn)?)
}

pub fn count(conn: &mut PgConnection, account_id: i64, needle: &str, limit: i64) -> DbResult<i64> {
    let counted: Counted = sql_query(
        "SELECT COUNT(*) AS n FROM (
             SELECT 1 FROM recipients r WHERE r.account_id = $1 AND r.search_text LIKE $2 LIMIT $3) AS counted",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<Text, _>(pattern(needle))
    .bind::<BigInt, _>(limit)
    .get_result(conn)?;
    Ok(counted.n)
}

/// A LIKE pattern that finds the needle literally.
fn pattern(needle: &str) -> String {
    let mut pattern = String::with_capacity(needle.len() + 2);
    pattern.push('%');
    for letter in needle.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn signs_mean_themselves() {
        assert_eq!(pattern("50%_a\\b"), "%50\\%\\_a\\\\b%");
    }
}
