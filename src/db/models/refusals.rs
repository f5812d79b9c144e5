//! The rows that imports refused, for their reports.
//!
//! A row may hold an address; it is emptied with its person (rule P7), and forgotten after seven
//! days. The names of the columns are kept as line 0.

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
    cells: String,
}

/// The line under which the names of the columns are kept.
const HEADER: i64 = 0;

/// A row to be kept.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    /// The line in the file.
    pub line: u64,
    /// The cell at fault.
    pub value: &'a str,
    /// Why, as a German sentence.
    pub reason: &'a str,
    /// The whole row.
    pub cells: &'a [String],
}

impl Refusal {
    /// The whole row; nothing when its person was deleted, or where an earlier version kept it.
    pub fn cells(&self) -> Vec<String> {
        cells_of(&self.cells)
    }

    /// All texts of the row.
    pub fn texts(&self) -> impl Iterator<Item = String> + use<> {
        std::iter::once(self.value.clone()).chain(self.cells())
    }
}

/// The cells of a kept row.
pub(crate) fn cells_of(stored: &str) -> Vec<String> {
    serde_json::from_str(stored).unwrap_or_default()
}

/// Keeps refused rows for the report, with the names of the columns.
pub(crate) fn keep(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    header: &[String],
    rows: &[Kept<'_>],
) -> DbResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let header = Kept {
        line: 0,
        value: "",
        reason: "",
        cells: header,
    };
    let rows: Vec<_> = std::iter::once(&header)
        .chain(rows)
        .map(|row| {
            let cells = serde_json::to_string(row.cells).unwrap_or_default();
            (
                account_id, import_id, row.line, row.value, row.reason, cells,
            )
        })
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("account_id", Column::Int),
            ("import_id", Column::Int),
            ("line", Column::Int),
            ("value", Column::Text),
            ("reason", Column::Text),
            ("cells", Column::Text),
        ],
    );
    diesel::sql_query(format!(
        "INSERT INTO import_refusals (account_id, import_id, line, value, reason, cells)
         SELECT account_id, import_id, line, value, reason, cells FROM {unfolded} AS refused WHERE TRUE
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .execute(conn)?;
    Ok(())
}

/// The names of the columns of an import's file, as far as they are kept.
pub fn header(conn: &mut Conn, account_id: i64, import_id: i64) -> DbResult<Vec<String>> {
    let stored: Option<String> = import_refusals::table
        .filter(import_refusals::account_id.eq(account_id))
        .filter(import_refusals::import_id.eq(import_id))
        .filter(import_refusals::line.eq(HEADER))
        .select(import_refusals::cells)
        .first(conn)
        .optional()?;
    Ok(stored.map_or_else(Vec::new, |stored| cells_of(&stored)))
}

/// Refused rows from after that line on; from before line 0, the names of the columns as well.
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
        .filter(import_refusals::line.gt(HEADER))
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
         UPDATE import_refusals SET value = '', cells = '' WHERE account_id = $2
         AND (import_id, line) IN (SELECT import_id, line FROM wanted)"
    ))
    .bind::<Text, _>(json_rows::of(lines))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// Empties the refused rows that hold one of these addresses (rule P7: import reports too). Those
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
         UPDATE import_refusals SET value = '', cells = ''
         WHERE account_id = $2 AND ({position}(value, '@') > 0 OR {position}(cells, '@') > 0)
             AND EXISTS (SELECT 1 FROM gone
                         WHERE {position}(lower(import_refusals.value), gone.address) > 0
                             OR {position}(lower(import_refusals.cells), gone.address) > 0)"
    ))
    .text(json_rows::of(&listed))
    .int(account_id)
    .execute(conn)?;
    Ok(())
}
