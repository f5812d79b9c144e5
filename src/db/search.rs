//! Search by any part of an address or name.
//!
//! Both databases index the search text by its letters in threes; what is found by the index is
//! compared with the whole words, so `%`, `_`, `+` and `.` mean themselves. Text and words are
//! folded alike ([`crate::domain::text::search_forms`]). Which index it is knows
//! [`super::backend`].

mod needle;
pub mod rebuild;

pub use needle::Needle;
pub(crate) use needle::{address_forms, search_text};

use super::paging::{CappedCount, Page, Position, page};
use super::{Conn, DbResult, OnBackend};
use crate::db::models::recipients::RecipientRow;

/// How many hits are counted before it says "mehr als".
pub const COUNT_LIMIT: i64 = 1_000;

/// One page of the recipients whose address or name contains the needle, newest first.
pub fn find(
    conn: &mut Conn,
    account_id: i64,
    typed: &str,
    position: Position,
    size: usize,
) -> DbResult<Page<RecipientRow>> {
    let needle = read(conn, typed)?;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let rows = conn
        .backend_mut()
        .find_recipients(account_id, &needle, position, limit)?;
    Ok(page(rows, position, size))
}

/// How many there are, counted up to [`COUNT_LIMIT`].
pub fn count(conn: &mut Conn, account_id: i64, typed: &str) -> DbResult<CappedCount> {
    let needle = read(conn, typed)?;
    let counted = conn
        .backend_mut()
        .count_recipients(account_id, &needle, COUNT_LIMIT + 1)?;
    Ok(CappedCount::new(counted, COUNT_LIMIT))
}

/// What is looked for; also among texts of an earlier version as long as there are some.
fn read(conn: &mut Conn, typed: &str) -> DbResult<Needle> {
    let needle = Needle::parse(typed);
    Ok(if rebuild::is_pending(conn)? {
        needle.or_unfolded()
    } else {
        needle
    })
}

/// Enters recipients into the index, after their row was written.
pub(crate) fn add(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    conn.backend_mut().add_to_search_index(account_id, ids)
}

/// Takes recipients out of the index, before their row changes or goes.
pub(crate) fn remove(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    conn.backend_mut().remove_from_search_index(account_id, ids)
}
