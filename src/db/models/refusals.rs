//! The rows that imports refused, for their reports.
//!
//! A value may hold an address; it is emptied with its person (rule P7), and forgotten after seven
//! days.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::paging::{Page, Position, page};
use crate::db::prepared::prepared;
use crate::db::schema::{import_refusals, imports};
use crate::db::{Conn, DbResult, OnBackend};
use crate::domain::time::Timestamp;

/// A refused row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = import_refusals)]
pub struct Refusal {
    /// The line in the file.
    pub line: i64,
    /// The cell at fault; emptied when its person was deleted.
    pub value: String,
    /// Why, as a German sentence.
    pub reason: String,
}

/// Keeps refused rows for the report.
pub(crate) fn keep(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    rows: &[(u64, &str, &str)],
) -> DbResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|(line, value, reason)| (account_id, import_id, line, value, reason))
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("account_id", Column::Int),
            ("import_id", Column::Int),
            ("line", Column::Int),
            ("value", Column::Text),
            ("reason", Column::Text),
        ],
    );
    diesel::sql_query(format!(
        "INSERT INTO import_refusals (account_id, import_id, line, value, reason)
         SELECT account_id, import_id, line, value, reason FROM {unfolded} AS refused WHERE TRUE
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .execute(conn)?;
    Ok(())
}

/// Refused rows from after that line on.
pub fn after(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    after_line: i64,
    limit: i64,
) -> DbResult<Vec<Refusal>> {
    Ok(import_refusals::table
        .filter(import_refusals::account_id.eq(account_id))
        .filter(import_refusals::import_id.eq(import_id))
        .filter(import_refusals::line.gt(after_line))
        .order(import_refusals::line)
        .limit(limit)
        .select(Refusal::as_select())
        .load(conn)?)
}

/// One page of the refused rows, in the order of the file.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<Refusal>> {
    let of_import = import_refusals::table
        .filter(import_refusals::account_id.eq(account_id))
        .filter(import_refusals::import_id.eq(import_id))
        .select(Refusal::as_select())
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX))
        .into_boxed();
    let place = match position {
        Position::First => of_import.order(import_refusals::line.asc()),
        Position::After(line) => of_import
            .filter(import_refusals::line.gt(line))
            .order(import_refusals::line.asc()),
        Position::Before(line) => of_import
            .filter(import_refusals::line.lt(line))
            .order(import_refusals::line.desc()),
        Position::Last => of_import.order(import_refusals::line.desc()),
    };
    Ok(page(place.load(conn)?, position, size))
}

/// The imports of the account with refused rows that are not forgotten yet.
pub fn imports_with_some(conn: &mut Conn, account_id: i64) -> DbResult<Vec<i64>> {
    let some = import_refusals::table.filter(import_refusals::import_id.eq(imports::id));
    Ok(imports::table
        .filter(imports::account_id.eq(account_id))
        .filter(imports::refused.gt(0))
        .filter(diesel::dsl::exists(some))
        .order(imports::id)
        .select(imports::id)
        .load(conn)?)
}

/// Forgets the refused rows of imports that began before then (rule P7: they are kept seven
/// days). Gives how many. Of every account: it is the installation's housekeeping.
pub fn purge(conn: &mut Conn, before: Timestamp) -> DbResult<usize> {
    Ok(diesel::sql_query(
        "DELETE FROM import_refusals WHERE import_id IN (SELECT id FROM imports WHERE created_at < $1)",
    )
    .bind::<BigInt, _>(before.millis())
    .execute(conn)?)
}

/// Empties these lines of imports: (import, line).
pub(crate) fn empty(conn: &mut Conn, account_id: i64, lines: &[(i64, i64)]) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("import_id", Column::Int), ("line", Column::Int)]);
    diesel::sql_query(format!(
        "WITH wanted AS (SELECT import_id, line FROM {rows} AS listed)
         UPDATE import_refusals SET value = '' WHERE account_id = $2
         AND (import_id, line) IN (SELECT import_id, line FROM wanted)"
    ))
    .bind::<Text, _>(json_rows::of(lines))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// Empties the refused values that hold one of these addresses (rule P7: import reports too). Those
/// of a file with the wrong column hold none, and have an index without them.
pub(crate) fn empty_of(conn: &mut Conn, account_id: i64, addresses: &[String]) -> DbResult<()> {
    if addresses.is_empty() {
        return Ok(());
    }
    let position = conn.backend().position_function();
    let rows = json_rows::unfold(conn, &[("address", Column::Text)]);
    let listed: Vec<[String; 1]> = addresses.iter().map(|one| [one.to_lowercase()]).collect();
    prepared(format!(
        "WITH gone AS MATERIALIZED (SELECT address FROM {rows} AS listed)
         UPDATE import_refusals SET value = ''
         WHERE account_id = $2 AND {position}(value, '@') > 0
             AND EXISTS (SELECT 1 FROM gone
                         WHERE {position}(lower(import_refusals.value), gone.address) > 0)"
    ))
    .text(json_rows::of(&listed))
    .int(account_id)
    .execute(conn)?;
    Ok(())
}
