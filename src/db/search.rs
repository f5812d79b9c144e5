//! Search by any part of an address or name.
//!
//! Both databases index the normalised text by its letters in threes; what is found by the index
//! is compared with the whole needle, so `%`, `_`, `+` and `.` mean themselves. Which index it is
//! knows [`super::backend`].

use unicode_normalization::UnicodeNormalization;

use super::paging::{CappedCount, Page, Position, page};
use super::{Conn, DbResult, OnBackend};
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
    let rows = conn
        .backend_mut()
        .find_recipients(account_id, &needle, position, limit)?;
    Ok(page(rows, position, size))
}

/// How many there are, counted up to [`COUNT_LIMIT`].
pub fn count(conn: &mut Conn, account_id: i64, needle: &str) -> DbResult<CappedCount> {
    let needle = normalise(needle);
    let counted = conn
        .backend_mut()
        .count_recipients(account_id, &needle, COUNT_LIMIT + 1)?;
    Ok(CappedCount::new(counted, COUNT_LIMIT))
}

/// Enters recipients into the index, after their row was written.
pub(crate) fn add(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    conn.backend_mut().add_to_search_index(account_id, ids)
}

/// Takes recipients out of the index, before their row changes or goes.
pub(crate) fn remove(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    conn.backend_mut().remove_from_search_index(account_id, ids)
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
