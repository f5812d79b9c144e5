//! What a copy that is brought back has to be told again: who was deleted since, who objected, what
//! was pseudonymised.
//!
//! An entry is written in the transaction of the change itself, by the query that makes the change,
//! so nothing passes it by. Here it only waits: [`crate::backup`] writes it into a file apart from
//! the database, and then leaves of it what tells that this database knows it, a random mark.
//! While it waits it names people by number and by their random key, which dies with them.
//!
//! An entry's time is when it is written, whatever time the change itself bears: that is what the
//! times of copies are compared with.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use serde_json::Value;

use crate::db::json_rows::{self, Column, hex};
use crate::db::prepared::prepared;
use crate::db::schema::{journal_entries, recipients};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::secret::{Random128, random_128};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;

stored_as_word! {
    /// What happened.
    JournalKind {
        /// A recipient was deleted.
        Deleted => "deleted",
        /// A recipient's address is another one now.
        AddressLeft => "address_left",
        /// What a recipient says about personal tracking.
        Tracking => "tracking",
        /// Whether mails go to a recipient.
        Status => "status",
        /// A recipient is no longer in a group.
        LeftGroup => "left_group",
        /// A recipient who had left a group by themselves is in it again.
        BackInGroup => "back_in_group",
        /// A recipient asked for deletion.
        DeletionRequested => "deletion_requested",
        /// That was taken back, or declined.
        DeletionRequestEnded => "deletion_request_ended",
        /// A recipient's past was pseudonymised.
        Pseudonymised => "pseudonymised",
        /// All of an account's past up to a moment was pseudonymised.
        PastPseudonymised => "past_pseudonymised",
        /// Something is remembered beyond a deletion (rule P9).
        Remembered => "remembered",
        /// Everything remembered was forgotten.
        Forgotten => "forgotten",
        /// Whom the account tracks.
        Mode => "mode",
        /// What remains without personal tracking, and whether objections are remembered.
        Options => "options",
    }
}

/// An entry that waits for being written into the file.
#[derive(Debug, Clone, Queryable)]
pub struct Waiting {
    /// Its number: the order of the changes.
    pub id: i64,
    /// The account.
    pub account_id: i64,
    /// What this entry is known by.
    pub mark: Vec<u8>,
    /// When it happened, in milliseconds.
    pub at: i64,
    /// What.
    pub kind: Option<JournalKind>,
    /// To which recipient.
    pub recipient_id: Option<i64>,
    /// The recipient's random key.
    pub person: Option<Vec<u8>>,
    /// What else matters, as JSON.
    pub details: Option<String>,
}

fn mark() -> DbResult<Random128> {
    random_128().map_err(|error| DbError::Unavailable(error.to_string()))
}

/// Notes what happens to these recipients; those who are not there are left out. To be called
/// while they still exist.
pub(crate) fn note(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
    kind: JournalKind,
    details: &Value,
) -> DbResult<()> {
    let with_details: Vec<(i64, Value)> =
        recipients.iter().map(|id| (*id, details.clone())).collect();
    note_each(conn, account_id, &with_details, kind)
}

/// The same where each has something of their own to tell.
pub(crate) fn note_each(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[(i64, Value)],
    kind: JournalKind,
) -> DbResult<()> {
    if recipients.is_empty() {
        return Ok(());
    }
    let (at, kind) = (Timestamp::now().millis(), kind.as_str());
    let rows = recipients
        .iter()
        .map(|(id, details)| Ok((id, hex(&mark()?), at, kind, details.to_string())))
        .collect::<DbResult<Vec<_>>>()?;
    let columns = [
        ("id", Column::Int),
        ("mark", Column::Bytes),
        ("at", Column::Int),
        ("kind", Column::Text),
        ("details", Column::Text),
    ];
    let noted = json_rows::unfold(conn, &columns);
    prepared(format!(
        "INSERT INTO journal_entries (account_id, mark, at, kind, recipient_id, person, details)
         SELECT r.account_id, noted.mark, noted.at, noted.kind, r.id, r.public_key, noted.details
         FROM {noted} AS noted CROSS JOIN recipients r
         WHERE r.id = noted.id AND +r.account_id = $2"
    ))
    .text(json_rows::of(&rows))
    .int(account_id)
    .execute(conn)?;
    Ok(())
}

/// Notes what happens to a whole account.
pub(crate) fn note_account(
    conn: &mut Conn,
    account_id: i64,
    kind: JournalKind,
    details: &Value,
) -> DbResult<()> {
    diesel::insert_into(journal_entries::table)
        .values((
            journal_entries::account_id.eq(account_id),
            journal_entries::mark.eq(&mark()?[..]),
            journal_entries::at.eq(Timestamp::now().millis()),
            journal_entries::kind.eq(kind.as_str()),
            journal_entries::details.eq(details.to_string()),
        ))
        .execute(conn)?;
    Ok(())
}

/// The first entries that wait, in the order of the changes; of all accounts, since there is one
/// journal.
pub fn waiting(conn: &mut Conn, limit: i64) -> DbResult<Vec<Waiting>> {
    Ok(journal_entries::table
        .filter(journal_entries::kind.is_not_null())
        .order(journal_entries::id)
        .limit(limit)
        .load(conn)?)
}

/// Leaves of entries that are in the file what tells that this database knows them.
pub fn mark_written(conn: &mut Conn, ids: &[i64]) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    diesel::sql_query(format!(
        "UPDATE journal_entries SET kind = NULL, recipient_id = NULL, person = NULL, details = NULL
         WHERE id IN (SELECT id FROM {rows} AS written)"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .execute(conn)?;
    Ok(())
}

/// Those of the marks that this database knows.
pub fn known(conn: &mut Conn, marks: &[Random128]) -> DbResult<Vec<Vec<u8>>> {
    #[derive(QueryableByName)]
    struct Known {
        #[diesel(sql_type = Binary)]
        mark: Vec<u8>,
    }
    let rows: Vec<[String; 1]> = marks.iter().map(|mark| [hex(mark)]).collect();
    let asked = json_rows::unfold(conn, &[("mark", Column::Bytes)]);
    let known: Vec<Known> = diesel::sql_query(format!(
        "SELECT j.mark FROM {asked} AS asked CROSS JOIN journal_entries j
         WHERE j.mark = asked.mark"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .load(conn)?;
    Ok(known.into_iter().map(|row| row.mark).collect())
}

/// Removes marks of entries that are older, some at a time. Gives how many.
pub fn prune(conn: &mut Conn, before: Timestamp, limit: i64) -> DbResult<usize> {
    Ok(diesel::sql_query(
        "DELETE FROM journal_entries WHERE id IN (
             SELECT id FROM journal_entries WHERE at < $1 AND kind IS NULL ORDER BY at LIMIT $2)",
    )
    .bind::<BigInt, _>(before.millis())
    .bind::<BigInt, _>(limit)
    .execute(conn)?)
}

/// Notes that this database knows an entry of the file by now.
pub(crate) fn note_known(
    conn: &mut Conn,
    account_id: i64,
    mark: &Random128,
    at: Timestamp,
) -> DbResult<()> {
    diesel::insert_into(journal_entries::table)
        .values((
            journal_entries::account_id.eq(account_id),
            journal_entries::mark.eq(&mark[..]),
            journal_entries::at.eq(at.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// A recipient with the random key by which the journal tells people apart.
#[derive(Debug, Clone, Queryable)]
pub struct Person {
    /// The recipient's number.
    pub id: i64,
    /// The account.
    pub account_id: i64,
    /// The random key.
    pub key: Vec<u8>,
}

/// The next people behind that number; of all accounts, since there is one journal.
pub fn people(conn: &mut Conn, after: i64, limit: i64) -> DbResult<Vec<Person>> {
    Ok(recipients::table
        .filter(recipients::id.gt(after))
        .order(recipients::id)
        .limit(limit)
        .select((
            recipients::id,
            recipients::account_id,
            recipients::public_key,
        ))
        .load(conn)?)
}
