//! Search by any part of an address or name.
//!
//! Both databases index the normalised text by its letters in threes; what is found by the index
//! is compared with the whole needle, so `%`, `_`, `+` and `.` mean themselves. Only this folder
//! knows which index it is.

mod postgres;
mod sqlite;

use unicode_normalization::UnicodeNormalization;

use super::paging::{CappedCount, Page, Position, page};
use super::{Conn, DbResult};
use crate::db::models::recipients::RecipientRow;

/// How many hits are counted before it says "mehr als".
pub const COUNT_LIMIT: i64 = 1_000;

/// The form in which texts are stored and needles are compared: composed (NFC), lower case.
pub fn normalise(text: &str) -> String {
    text.trim().to_lowercase().nfc().collect()
}

/// One page of the recipients whose address or name contains the needle, newest first.
pub fn find(
    conn: &mut Conn,
    account_id: i64,
    needle: &str,
    position: Position,
    size: usize,
) -> DbResult<Page<RecipientRow>> {
    let needle = normalise(needle);
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let rows = match conn {
        Conn::Sqlite(inner) => sqlite::find(inner, account_id, &needle, position, limit)?,
        Conn::Postgres(inner) => postgres::find(inner, account_id, &needle, position, limit)?,
    };
    Ok(page(rows, position, size))
}

/// How many there are, counted up to [`COUNT_LIMIT`].
pub fn count(conn: &mut Conn, account_id: i64, needle: &str) -> DbResult<CappedCount> {
    let needle = normalise(needle);
    let counted = match conn {
        Conn::Sqlite(inner) => sqlite::count(inner, account_id, &needle, COUNT_LIMIT + 1)?,
        Conn::Postgres(inner) => postgres::count(inner, account_id, &needle, COUNT_LIMIT + 1)?,
    };
    Ok(CappedCount::new(counted, COUNT_LIMIT))
}

/// Enters recipients into the index, after their row was written.
pub(crate) fn add(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    match conn {
        Conn::Sqlite(inner) => sqlite::add(inner, account_id, ids),
        // PostgreSQL keeps the index by itself.
        Conn::Postgres(_) => Ok(()),
    }
}

/// Takes recipients out of the index, before their row changes or goes.
pub(crate) fn remove(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    match conn {
        Conn::Sqlite(inner) => sqlite::remove(inner, account_id, ids),
        Conn::Postgres(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn needles_are_composed_and_lower_case() {
        assert_eq!(normalise("  MU\u{308}LLER@Bücher.DE "), "müller@bücher.de");
        assert_eq!(normalise("100%_Anna+Tag."), "100%_anna+tag.");
    }
}
