//! Recipients who asked for their data to be deleted (Art. 17 GDPR). A request goes with the
//! recipient, or when the person takes it back or the account declines it.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;

use super::journal::{self, JournalKind};
use crate::db::paging::{Page, Position, page};
use crate::db::schema::{deletion_requests, recipients};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// A request, with the person who made it.
#[derive(Debug, Clone, Queryable)]
pub struct DeletionRequest {
    /// The recipient.
    pub recipient_id: i64,
    /// The address as typed.
    pub address: String,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// When it was made, in milliseconds.
    pub requested_at: i64,
}

/// Enters a request. Gives whether it is new; an older one keeps its time.
pub fn make(conn: &mut Conn, account_id: i64, recipient_id: i64, now: Timestamp) -> DbResult<bool> {
    let made = diesel::sql_query(
        "INSERT INTO deletion_requests (account_id, recipient_id, requested_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(recipient_id)
    .bind::<BigInt, _>(now.millis())
    .execute(conn)?;
    if made > 0 {
        let (told, kind) = (
            json!({ "since": now.millis() }),
            JournalKind::DeletionRequested,
        );
        journal::note(conn, account_id, &[recipient_id], kind, &told)?;
    }
    Ok(made > 0)
}

/// When the recipient asked, in milliseconds, if so.
pub fn of_recipient(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Option<i64>> {
    Ok(deletion_requests::table
        .find((account_id, recipient_id))
        .select(deletion_requests::requested_at)
        .first(conn)
        .optional()?)
}

/// Takes a request away. Gives whether there was one.
pub fn remove(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<bool> {
    let removed =
        diesel::delete(deletion_requests::table.find((account_id, recipient_id))).execute(conn)?;
    if removed > 0 {
        let kind = JournalKind::DeletionRequestEnded;
        journal::note(conn, account_id, &[recipient_id], kind, &json!({}))?;
    }
    Ok(removed > 0)
}

/// How many there are.
pub fn count(conn: &mut Conn, account_id: i64) -> DbResult<i64> {
    Ok(deletion_requests::table
        .filter(deletion_requests::account_id.eq(account_id))
        .count()
        .get_result(conn)?)
}

/// A page of the requests, those of the newest recipients first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<DeletionRequest>> {
    let (_, _, key) = position.descending();
    let query = deletion_requests::table
        .inner_join(recipients::table)
        .filter(deletion_requests::account_id.eq(account_id))
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX))
        .select((
            deletion_requests::recipient_id,
            recipients::address,
            recipients::first_name,
            recipients::last_name,
            deletion_requests::requested_at,
        ));
    let rows = if position.reads_backwards() {
        query
            .filter(deletion_requests::recipient_id.gt(key))
            .order(deletion_requests::recipient_id.asc())
            .load(conn)?
    } else {
        query
            .filter(deletion_requests::recipient_id.lt(key))
            .order(deletion_requests::recipient_id.desc())
            .load(conn)?
    };
    Ok(page(rows, position, size))
}
