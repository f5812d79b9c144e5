//! Folds the search texts that an earlier version stored, in small steps beside the running
//! server. How far it has come is kept in the transaction of each step, so whatever ends the
//! program, the next start goes on there.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use super::needle::{search_text, text_of};
use crate::db::json_rows::{self, Column};
use crate::db::models::installation;
use crate::db::{Conn, DbResult, OnBackend};
use crate::domain::address::EmailAddress;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuilt {
    /// So many texts; there may be more.
    Some(usize),
    /// There are no more.
    All,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = Text)]
    address: String,
    #[diesel(sql_type = Text)]
    address_key: String,
    #[diesel(sql_type = Text)]
    first_name: String,
    #[diesel(sql_type = Text)]
    last_name: String,
}

impl Row {
    fn text(&self) -> String {
        let (first, last) = (&self.first_name, &self.last_name);
        EmailAddress::parse(&self.address).map_or_else(
            |_| text_of(&[&self.address, &self.address_key], first, last),
            |address| search_text(&address, first, last),
        )
    }
}

/// Whether there are texts that are not folded yet.
pub fn is_pending(conn: &mut Conn) -> DbResult<bool> {
    Ok(installation::search_folded_to(conn)?.is_some())
}

/// Folds the next `size` texts, of whatever account.
pub fn step(conn: &mut Conn, size: usize) -> DbResult<Rebuilt> {
    let Some(after) = installation::lock_search_folded_to(conn)? else {
        return Ok(Rebuilt::All);
    };
    let rows: Vec<Row> = sql_query(format!(
        "SELECT id, account_id, address, address_key, first_name, last_name FROM recipients
         WHERE id > $1 ORDER BY id LIMIT $2 {}",
        conn.backend().row_lock("FOR UPDATE")
    ))
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(i64::try_from(size).unwrap_or(i64::MAX))
    .load(conn)?;
    let Some(last) = rows.last() else {
        installation::end_search_folding(conn)?;
        return Ok(Rebuilt::All);
    };
    installation::keep_search_folded_to(conn, last.id)?;
    for of_account in rows.chunk_by(|one, next| one.account_id == next.account_id) {
        fold(conn, of_account)?;
    }
    Ok(Rebuilt::Some(rows.len()))
}

/// Folds the texts of recipients of one account.
fn fold(conn: &mut Conn, rows: &[Row]) -> DbResult<()> {
    let Some(account_id) = rows.first().map(|row| row.account_id) else {
        return Ok(());
    };
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let texts: Vec<(i64, String)> = rows.iter().map(|row| (row.id, row.text())).collect();
    let columns = [("id", Column::Int), ("search_text", Column::Text)];
    let unfolded = json_rows::unfold(conn, &columns);
    super::remove(conn, account_id, &ids)?;
    sql_query(format!(
        "UPDATE recipients SET search_text = folded.search_text FROM {unfolded} AS folded
         WHERE recipients.id = folded.id AND +recipients.account_id = $2"
    ))
    .bind::<Text, _>(json_rows::of(&texts))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    super::add(conn, account_id, &ids)
}
