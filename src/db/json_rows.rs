//! Many rows in one statement, on both databases.
//!
//! Diesel's combined connection can't insert in batches. One JSON text as the only bind can, in
//! one statement for any number of rows, and the statement around it is the same on both
//! databases: only the way to unfold the text differs (`backend`).

use super::{Conn, OnBackend};
/// The form that [`Column::Bytes`] expects.
pub use crate::domain::secret::hex;

/// The type of one column of the unfolded rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// A number; JSON null becomes NULL.
    Int,
    /// A word; JSON null becomes NULL.
    Text,
    /// Bytes, written in the JSON as hexadecimal digits.
    Bytes,
    /// `true` or `false`.
    Bool,
}

/// A subquery `(SELECT … AS name, … FROM …)` that unfolds the JSON array of arrays in `$1`:
/// [`unfold_from`] for another placeholder.
pub fn unfold(conn: &Conn, columns: &[(&str, Column)]) -> String {
    unfold_from("$1", conn, columns)
}

/// A subquery that unfolds the JSON array of arrays in that placeholder.
///
/// What is looked up for each row is named after it with `CROSS JOIN` and found in `WHERE`: on
/// SQLite that keeps this order, while a plain `JOIN` may go through the whole table and unfold
/// the text again for each of its rows. PostgreSQL chooses the order by itself.
pub fn unfold_from(placeholder: &str, conn: &Conn, columns: &[(&str, Column)]) -> String {
    conn.backend().unfold(placeholder, columns)
}

/// A list of numbers as JSON rows of one column.
pub fn of_numbers(numbers: impl IntoIterator<Item = i64>) -> String {
    let rows: Vec<[i64; 1]> = numbers.into_iter().map(|n| [n]).collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

/// Any rows as JSON.
pub fn of<T: serde::Serialize>(rows: &[T]) -> String {
    // Rows are tuples of numbers, texts and truth values: nothing in them can fail to serialise.
    serde_json::to_string(rows).unwrap_or_default()
}
