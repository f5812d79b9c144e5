//! Objections and unsubscriptions that outlive a deletion (rule P9), as keyed hashes of addresses.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use serde_json::json;

use super::journal::{self, JournalKind};
use crate::db::json_rows::{self, Column, hex};
use crate::db::schema::objections;
use crate::db::{Conn, DbResult};
use crate::domain::stored_as_word;

stored_as_word! {
    /// What is remembered.
    Remembered {
        /// An objection to personal tracking.
        Objection => "objection",
        /// An unsubscription from mailings.
        Unsubscription => "unsubscription",
    }
}

/// HMAC-SHA-256 of a normalised address under the installation's key for this purpose.
pub type AddressHash = [u8; 32];

/// One remembered fact.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Whose, as a hash.
    pub address: AddressHash,
    /// What.
    pub kind: Remembered,
    /// When it was said, in milliseconds.
    pub made_at: i64,
}

/// Remembers; the older of two equal facts stays.
pub fn remember(conn: &mut Conn, account_id: i64, memory: &Memory, source: &str) -> DbResult<()> {
    diesel::sql_query(
        "INSERT INTO objections (account_id, kind, address_hmac, made_at, source) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, kind, address_hmac) DO NOTHING",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<Text, _>(memory.kind.as_str())
    .bind::<Binary, _>(&memory.address[..])
    .bind::<BigInt, _>(memory.made_at)
    .bind::<Text, _>(source)
    .execute(conn)?;
    let told = json!({
        "kind": memory.kind.as_str(),
        "address": hex(&memory.address),
        "since": memory.made_at,
        "source": source,
    });
    journal::note_account(conn, account_id, JournalKind::Remembered, &told)
}

/// When the person with that address said so, in milliseconds, if it is remembered.
pub fn find(
    conn: &mut Conn,
    account_id: i64,
    kind: Remembered,
    address: &AddressHash,
) -> DbResult<Option<i64>> {
    Ok(objections::table
        .find((account_id, kind.as_str(), &address[..]))
        .select(objections::made_at)
        .first(conn)
        .optional()?)
}

/// What is remembered of many addresses: the place of the address in the list, what, and when it
/// was said, in milliseconds.
pub fn find_many(
    conn: &mut Conn,
    account_id: i64,
    addresses: &[AddressHash],
) -> DbResult<Vec<(usize, Remembered, i64)>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        place: i64,
        #[diesel(sql_type = Text)]
        kind: Remembered,
        #[diesel(sql_type = BigInt)]
        made_at: i64,
    }
    let rows: Vec<(usize, String)> = addresses
        .iter()
        .enumerate()
        .map(|(place, address)| (place, hex(address)))
        .collect();
    let columns = [("place", Column::Int), ("address_hmac", Column::Bytes)];
    let asked = json_rows::unfold(conn, &columns);
    // `CROSS JOIN` and the kinds let SQLite look each hash up instead of reading them all.
    let found: Vec<Found> = diesel::sql_query(format!(
        "SELECT asked.place, o.kind, o.made_at FROM {asked} AS asked
         CROSS JOIN objections o
         WHERE o.address_hmac = asked.address_hmac AND o.account_id = $2
             AND o.kind IN ('objection', 'unsubscription')"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    Ok(found
        .into_iter()
        .filter_map(|row| Some((usize::try_from(row.place).ok()?, row.kind, row.made_at)))
        .collect())
}

/// Whether anything is remembered.
pub fn any(conn: &mut Conn, account_id: i64) -> DbResult<bool> {
    Ok(objections::table
        .filter(objections::account_id.eq(account_id))
        .select(objections::made_at)
        .first::<i64>(conn)
        .optional()?
        .is_some())
}

/// Forgets, as when an objection is lifted.
pub fn forget(
    conn: &mut Conn,
    account_id: i64,
    kind: Remembered,
    address: &AddressHash,
) -> DbResult<()> {
    diesel::delete(objections::table.find((account_id, kind.as_str(), &address[..])))
        .execute(conn)?;
    Ok(())
}

/// How many facts are remembered.
pub fn count(conn: &mut Conn, account_id: i64, kind: Remembered) -> DbResult<i64> {
    Ok(objections::table
        .filter(objections::account_id.eq(account_id))
        .filter(objections::kind.eq(kind.as_str()))
        .count()
        .get_result(conn)?)
}

/// Forgets all, as when the account switches remembering off.
pub fn forget_all(conn: &mut Conn, account_id: i64) -> DbResult<usize> {
    journal::note_account(conn, account_id, JournalKind::Forgotten, &json!({}))?;
    Ok(
        diesel::delete(objections::table.filter(objections::account_id.eq(account_id)))
            .execute(conn)?,
    )
}
