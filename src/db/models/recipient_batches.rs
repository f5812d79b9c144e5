//! Many recipients at once: what an import reads and writes per slice, in a fixed number of
//! statements whatever the number of rows.
//!
//! SQLite has no figures about its tables and takes an account for small: it would read all its
//! recipients for each row of a batch. `CROSS JOIN` and `+account_id` make it begin with the
//! batch and look each row up; to PostgreSQL they mean nothing.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::journal::{self, JournalKind};
use super::recipients::{Start, note_start, refusal, search_text, state};
use crate::db::json_rows::{self, Column, hex};
use crate::db::schema::recipients;
use crate::db::{Conn, DbError, DbResult, search};
use crate::domain::address::EmailAddress;
use crate::domain::secret::random_128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};

/// What of a recipient an import compares and changes.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(table_name = recipients)]
pub struct Known {
    /// The recipient's number.
    pub id: i64,
    /// The normalised address.
    pub address_key: String,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// Free fields, as a JSON object of texts.
    pub fields: String,
    /// What the person has said about personal tracking.
    pub tracking: RecipientTracking,
    /// The last no to personal tracking, in milliseconds.
    pub refused_at: Option<i64>,
}

/// Those of the addresses that the account has.
pub fn find_by_keys(conn: &mut Conn, account_id: i64, keys: &[&str]) -> DbResult<Vec<Known>> {
    let rows: Vec<[&str; 1]> = keys.iter().map(|key| [*key]).collect();
    let wanted = json_rows::unfold(conn, &[("address_key", Column::Text)]);
    Ok(diesel::sql_query(format!(
        "SELECT r.id, r.address_key, r.first_name, r.last_name, r.fields, r.tracking, r.refused_at
         FROM {wanted} AS wanted
         CROSS JOIN recipients r WHERE r.address_key = wanted.address_key AND r.account_id = $2"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// A recipient to be added.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// Free fields, as a JSON object of texts.
    pub fields: &'a str,
    /// What is known about tracking from the start: setting, time in milliseconds, source.
    pub tracking: Option<(RecipientTracking, i64, TrackingSource)>,
    /// Since when the person is known to have unsubscribed, in milliseconds, and from where.
    pub unsubscribed: Option<(i64, TrackingSource)>,
}

/// The number that a new recipient got.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = recipients)]
pub struct Added {
    /// The recipient's number.
    pub id: i64,
    /// The normalised address.
    pub address_key: String,
}

/// Adds recipients, with their random keys and entries in the search's index. Addresses that are
/// there by now are left out of the answer and of the database. The account's counter is the
/// caller's to raise, as the last thing in the transaction (see [`crate::import::slice`]).
pub(crate) fn insert(
    conn: &mut Conn,
    account_id: i64,
    new: &[NewRow<'_>],
    now: Timestamp,
) -> DbResult<Vec<Added>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let rows = new
        .iter()
        .map(|row| {
            let key = random_128().map_err(|e| DbError::Unavailable(e.to_string()))?;
            let (tracking, unsubscribed) = (row.tracking, row.unsubscribed);
            Ok(serde_json::json!([
                account_id,
                row.address.as_typed(),
                row.address.key(),
                search_text(row.address, row.first_name, row.last_name),
                row.first_name,
                row.last_name,
                row.fields,
                match unsubscribed {
                    Some(_) => RecipientStatus::Unsubscribed.as_str(),
                    None => RecipientStatus::Active.as_str(),
                },
                unsubscribed.map(|u| u.0),
                unsubscribed.map(|u| u.1.as_str()),
                tracking.map_or(RecipientTracking::Unset, |t| t.0).as_str(),
                tracking.map(|t| t.1),
                tracking.map(|t| t.2.as_str()),
                refusal(tracking),
                hex(&key),
                now.millis(),
            ]))
        })
        .collect::<DbResult<Vec<_>>>()?;
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("account_id", Column::Int),
            ("address", Column::Text),
            ("address_key", Column::Text),
            ("search_text", Column::Text),
            ("first_name", Column::Text),
            ("last_name", Column::Text),
            ("fields", Column::Text),
            ("status", Column::Text),
            ("status_changed_at", Column::Int),
            ("status_source", Column::Text),
            ("tracking", Column::Text),
            ("tracking_changed_at", Column::Int),
            ("tracking_source", Column::Text),
            ("refused_at", Column::Int),
            ("public_key", Column::Bytes),
            ("created_at", Column::Int),
        ],
    );
    let added: Vec<Added> = diesel::sql_query(format!(
        "INSERT INTO recipients (account_id, address, address_key, search_text, first_name,
             last_name, fields, status, status_changed_at, status_source, tracking,
             tracking_changed_at, tracking_source, refused_at, public_key, created_at, updated_at)
         SELECT account_id, address, address_key, search_text, first_name, last_name, fields,
             status, status_changed_at, status_source, tracking, tracking_changed_at,
             tracking_source, refused_at, public_key, created_at, created_at
         FROM {unfolded} AS new WHERE TRUE
         ON CONFLICT (account_id, address_key) DO NOTHING
         RETURNING id, address_key"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .load(conn)?;
    let ids: Vec<i64> = added.iter().map(|row| row.id).collect();
    search::add(conn, account_id, &ids)?;
    note_start(conn, account_id, &started(new, &added))?;
    Ok(added)
}

/// What those who were added start with, as far as they have said something.
fn started(new: &[NewRow<'_>], added: &[Added]) -> Vec<Start> {
    let said: HashMap<&str, &NewRow<'_>> = new
        .iter()
        .filter(|row| row.tracking.is_some() || row.unsubscribed.is_some())
        .map(|row| (row.address.key(), row))
        .collect();
    let of = |one: &Added| {
        let row = said.get(one.address_key.as_str())?;
        Some((one.id, row.tracking, row.unsubscribed))
    };
    added.iter().filter_map(of).collect()
}

/// New names and fields of a recipient.
#[derive(Debug)]
pub struct Change<'a> {
    /// The recipient's number.
    pub id: i64,
    /// The address, for the search's text.
    pub address: &'a EmailAddress,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// Free fields, as a JSON object of texts.
    pub fields: &'a str,
}

/// Changes names and fields.
pub(crate) fn update(
    conn: &mut Conn,
    account_id: i64,
    changes: &[Change<'_>],
    now: Timestamp,
) -> DbResult<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = changes.iter().map(|change| change.id).collect();
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            let text = search_text(change.address, change.first_name, change.last_name);
            let now = now.millis();
            (
                change.id,
                text,
                change.first_name,
                change.last_name,
                change.fields,
                now,
            )
        })
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("search_text", Column::Text),
            ("first_name", Column::Text),
            ("last_name", Column::Text),
            ("fields", Column::Text),
            ("updated_at", Column::Int),
        ],
    );
    search::remove(conn, account_id, &ids)?;
    diesel::sql_query(format!(
        "UPDATE recipients SET search_text = changed.search_text,
             first_name = changed.first_name, last_name = changed.last_name,
             fields = changed.fields, updated_at = changed.updated_at
         FROM {unfolded} AS changed
         WHERE recipients.id = changed.id AND +recipients.account_id = $2"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    search::add(conn, account_id, &ids)
}

/// Notes the objection of those who have not objected yet, and gives their numbers. Only for
/// [`crate::tracking::settings`], which holds the account's exclusive lock (rule P2) and writes
/// the audit log (rule P11).
pub(crate) fn object(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    source: TrackingSource,
    now: Timestamp,
) -> DbResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Changed {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let rows: Vec<_> = ids
        .iter()
        .map(|id| (id, now.millis(), source.as_str()))
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("at", Column::Int),
            ("source", Column::Text),
        ],
    );
    let changed: Vec<Changed> = diesel::sql_query(format!(
        "UPDATE recipients SET tracking = 'objected', tracking_changed_at = said.at,
             tracking_source = said.source, refused_at = said.at
         FROM {unfolded} AS said
         WHERE recipients.id = said.id AND +recipients.account_id = $2
             AND recipients.tracking <> 'objected'
         RETURNING recipients.id AS id"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    let changed: Vec<i64> = changed.into_iter().map(|row| row.id).collect();
    let told = state(RecipientTracking::Objected.as_str(), source, now);
    journal::note(conn, account_id, &changed, JournalKind::Tracking, &told)?;
    Ok(changed)
}

/// Notes the consent of those of whom nothing is known, and gives their numbers; for
/// [`crate::tracking::settings`] like [`object`].
pub(crate) fn consent(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    source: TrackingSource,
    now: Timestamp,
) -> DbResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Changed {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let rows: Vec<_> = ids
        .iter()
        .map(|id| (id, now.millis(), source.as_str()))
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("at", Column::Int),
            ("source", Column::Text),
        ],
    );
    let changed: Vec<Changed> = diesel::sql_query(format!(
        "UPDATE recipients SET tracking = 'consented', tracking_changed_at = said.at,
             tracking_source = said.source
         FROM {unfolded} AS said
         WHERE recipients.id = said.id AND +recipients.account_id = $2
             AND recipients.tracking = 'unset'
         RETURNING recipients.id AS id"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    let changed: Vec<i64> = changed.into_iter().map(|row| row.id).collect();
    let told = state(RecipientTracking::Consented.as_str(), source, now);
    journal::note(conn, account_id, &changed, JournalKind::Tracking, &told)?;
    Ok(changed)
}
