//! The search on SQLite: an FTS5 index of trigrams.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::{SqliteConnection, sql_query};

use crate::db::DbResult;
use crate::db::json_rows;
use crate::db::models::recipients::{ROW_COLUMNS, RecipientRow};
use crate::db::paging::Position;

/// Needles shorter than this have no trigram and are looked for row by row.
const SHORTEST_INDEXED: usize = 3;

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

pub fn find(
    conn: &mut SqliteConnection,
    account_id: i64,
    needle: &str,
    position: Position,
    limit: i64,
) -> DbResult<Vec<RecipientRow>> {
    let (comparison, order, key) = position.descending();
    let rows = match trigrams(needle) {
        Some(query) => sql_query(format!(
            "SELECT {ROW_COLUMNS} FROM recipient_search s JOIN recipients r ON r.id = s.rowid
             WHERE s.recipient_search MATCH $1 AND s.rowid {comparison} $2 AND r.account_id = $3
               AND instr(r.search_text, $4) > 0
             ORDER BY s.rowid {order} LIMIT $5"
        ))
        .bind::<Text, _>(query)
        .bind::<BigInt, _>(key)
        .bind::<BigInt, _>(account_id)
        .bind::<Text, _>(needle)
        .bind::<BigInt, _>(limit)
        .load(conn)?,
        None => sql_query(format!(
            "SELECT {ROW_COLUMNS} FROM recipients r
             WHERE r.account_id = $1 AND r.id {comparison} $2 AND instr(r.search_text, $3) > 0
             ORDER BY r.id {order} LIMIT $4"
        ))
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(key)
        .bind::<Text, _>(needle)
        .bind::<BigInt, _>(limit)
        .load(conn)?,
    };
    Ok(rows)
}

pub fn count(
    conn: &mut SqliteConnection,
    account_id: i64,
    needle: &str,
    limit: i64,
) -> DbResult<i64> {
    let counted: Counted = match trigrams(needle) {
        Some(query) => sql_query(
            "SELECT COUNT(*) AS n FROM (
                 SELECT 1 FROM recipient_search s JOIN recipients r ON r.id = s.rowid
                 WHERE s.recipient_search MATCH $1 AND r.account_id = $2 AND instr(r.search_text, $3) > 0
                 LIMIT $4)",
        )
        .bind::<Text, _>(query)
        .bind::<BigInt, _>(account_id)
        .bind::<Text, _>(needle)
        .bind::<BigInt, _>(limit)
        .get_result(conn)?,
        None => sql_query(
            "SELECT COUNT(*) AS n FROM (
                 SELECT 1 FROM recipients r
                 WHERE r.account_id = $1 AND instr(r.search_text, $2) > 0 LIMIT $3)",
        )
        .bind::<BigInt, _>(account_id)
        .bind::<Text, _>(needle)
        .bind::<BigInt, _>(limit)
        .get_result(conn)?,
    };
    Ok(counted.n)
}

// `CROSS JOIN`, because SQLite takes an account for small and would read all its recipients for
// each number in the list.

pub fn add(conn: &mut SqliteConnection, account_id: i64, ids: &[i64]) -> DbResult<()> {
    insert(conn, account_id, ids)?;
    merge(conn, ids.len())
}

/// Merges some of the index's parts, in the measure in which others are added.
///
/// Left alone, FTS5 merges up to some hundred pages at once in a commit of an import now and then,
/// some 40 ms that hits would wait for. A few pages each time write an eighth more in all, and no
/// commit stands out.
fn merge(conn: &mut SqliteConnection, added: usize) -> DbResult<()> {
    // By trial with 150 rows a commit: of 10, 20, 30 and 40 pages the last was the fastest and left
    // the fewest parts.
    let pages = i64::try_from(8 + added / 4).unwrap_or(i64::MAX);
    sql_query("INSERT INTO recipient_search (recipient_search, rank) VALUES ('merge', $1)")
        .bind::<BigInt, _>(pages)
        .execute(conn)?;
    Ok(())
}

fn insert(conn: &mut SqliteConnection, account_id: i64, ids: &[i64]) -> DbResult<()> {
    // The numbers of those who were added together follow one another: no list is needed.
    if let [first, .., last] = ids
        && ids.is_sorted_by(|one, next| one + 1 == *next)
    {
        sql_query(
            "INSERT INTO recipient_search (rowid, search_text)
             SELECT id, search_text FROM recipients
             WHERE id BETWEEN $1 AND $2 AND +account_id = $3",
        )
        .bind::<BigInt, _>(first)
        .bind::<BigInt, _>(last)
        .bind::<BigInt, _>(account_id)
        .execute(conn)?;
        return Ok(());
    }
    sql_query(
        "INSERT INTO recipient_search (rowid, search_text)
         SELECT r.id, r.search_text FROM json_each($1) wanted
         CROSS JOIN recipients r
         WHERE r.id = json_extract(wanted.value, '$[0]') AND r.account_id = $2",
    )
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

pub fn remove(conn: &mut SqliteConnection, account_id: i64, ids: &[i64]) -> DbResult<()> {
    // The index does not hold the texts: to take an entry out, it has to be told what was in it.
    sql_query(
        "INSERT INTO recipient_search (recipient_search, rowid, search_text)
         SELECT 'delete', r.id, r.search_text FROM json_each($1) wanted
         CROSS JOIN recipients r
         WHERE r.id = json_extract(wanted.value, '$[0]') AND r.account_id = $2",
    )
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// The needle's trigrams, each quoted, all of them required; none when it is too short.
///
/// A phrase would do the same at once, but needs an index that keeps positions, three times as
/// large; comparing the rows found with the whole needle makes up for it.
fn trigrams(needle: &str) -> Option<String> {
    let letters: Vec<char> = needle.chars().collect();
    if letters.len() < SHORTEST_INDEXED {
        return None;
    }
    let quoted: Vec<String> = letters
        .windows(SHORTEST_INDEXED)
        .map(|three| {
            format!(
                "\"{}\"",
                three.iter().collect::<String>().replace('"', "\"\"")
            )
        })
        .collect();
    Some(quoted.join(" AND "))
}
