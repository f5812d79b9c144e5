//! Many recipients at once: what an import reads and writes per slice, in a fixed number of
//! statements whatever the number of rows.
//!
//! SQLite has no figures about its tables and takes an account for small: it would read all its
//! recipients for each row of a batch. `CROSS JOIN` and `+account_id` make it begin with the
//! batch and look each row up; to PostgreSQL they mean nothing.

use std::collections::HashMap;

use diesel::SqliteConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::journal::{self, JournalKind};
use super::recipients::{Start, note_start, refusal, search_text, state};
use crate::db::json_rows::{self, Column, hex};
use crate::db::schema::recipients;
use crate::db::{Conn, DbError, DbResult, search};
use crate::domain::address::EmailAddress;
use crate::domain::secret::{Random128, random_neighbours};
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
#[derive(Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = recipients)]
pub struct Added {
    /// The recipient's number.
    pub id: i64,
    /// The normalised address.
    pub address_key: String,
}

/// Adds recipients, with their random keys and entries in the search's index. Where one of the
/// addresses is there by now, it fails as a duplicate: somebody else entered it since the caller
/// looked. The account's counter is the caller's to raise, as the last thing in the transaction (see [`crate::import::slice`]).
pub(crate) fn insert(
    conn: &mut Conn,
    account_id: i64,
    new: &[NewRow<'_>],
    now: Timestamp,
) -> DbResult<Vec<Added>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let keys =
        random_neighbours(new.len()).map_err(|error| DbError::Unavailable(error.to_string()))?;
    let rows: Vec<Row<'_>> = new.iter().zip(keys).map(Row::of).collect();
    let added = match conn {
        Conn::Sqlite(inner) => insert_each(inner, account_id, &rows, now)?,
        Conn::Postgres(_) => insert_together(conn, account_id, &rows, now)?,
    };
    if added.len() != rows.len() {
        return Err(DbError::Duplicate);
    }
    let ids: Vec<i64> = added.iter().map(|row| row.id).collect();
    search::add(conn, account_id, &ids)?;
    note_start(conn, account_id, &started(new, &added))?;
    Ok(added)
}

/// A recipient as the table has it.
struct Row<'a> {
    address: &'a str,
    address_key: &'a str,
    search_text: String,
    first_name: &'a str,
    last_name: &'a str,
    fields: &'a str,
    status: &'static str,
    status_changed_at: Option<i64>,
    status_source: Option<&'static str>,
    tracking: &'static str,
    tracking_changed_at: Option<i64>,
    tracking_source: Option<&'static str>,
    refused_at: Option<i64>,
    public_key: Random128,
}

impl<'a> Row<'a> {
    fn of((new, public_key): (&'a NewRow<'a>, Random128)) -> Self {
        let (tracking, unsubscribed) = (new.tracking, new.unsubscribed);
        let status = match unsubscribed {
            Some(_) => RecipientStatus::Unsubscribed,
            None => RecipientStatus::Active,
        };
        Self {
            address: new.address.as_typed(),
            address_key: new.address.key(),
            search_text: search_text(new.address, new.first_name, new.last_name),
            first_name: new.first_name,
            last_name: new.last_name,
            fields: new.fields,
            status: status.as_str(),
            status_changed_at: unsubscribed.map(|(at, _)| at),
            status_source: unsubscribed.map(|(_, source)| source.as_str()),
            tracking: tracking.map_or(RecipientTracking::Unset, |t| t.0).as_str(),
            tracking_changed_at: tracking.map(|(_, at, _)| at),
            tracking_source: tracking.map(|(.., source)| source.as_str()),
            refused_at: refusal(tracking),
            public_key,
        }
    }
}

/// SQLite keeps the statement and carries it out for each row: that costs less than to write them
/// as one text and to unfold it. What they became is asked for once: for `RETURNING` it would make a
/// table each time. Nobody else writes meanwhile, and numbers only grow.
fn insert_each(
    conn: &mut SqliteConnection,
    account_id: i64,
    rows: &[Row<'_>],
    now: Timestamp,
) -> DbResult<Vec<Added>> {
    let last: Option<i64> = recipients::table
        .select(diesel::dsl::max(recipients::id))
        .first(conn)?;
    for row in rows {
        diesel::insert_into(recipients::table)
            .values((
                recipients::account_id.eq(account_id),
                recipients::address.eq(row.address),
                recipients::address_key.eq(row.address_key),
                recipients::search_text.eq(&row.search_text),
                recipients::first_name.eq(row.first_name),
                recipients::last_name.eq(row.last_name),
                recipients::fields.eq(row.fields),
                recipients::status.eq(row.status),
                recipients::status_changed_at.eq(row.status_changed_at),
                recipients::status_source.eq(row.status_source),
                recipients::tracking.eq(row.tracking),
                recipients::tracking_changed_at.eq(row.tracking_changed_at),
                recipients::tracking_source.eq(row.tracking_source),
                recipients::refused_at.eq(row.refused_at),
                recipients::public_key.eq(&row.public_key[..]),
                recipients::created_at.eq(now.millis()),
                recipients::updated_at.eq(now.millis()),
            ))
            .execute(conn)?;
    }
    Ok(recipients::table
        .filter(recipients::account_id.eq(account_id))
        .filter(recipients::id.gt(last.unwrap_or(0)))
        .order(recipients::id)
        .select(Added::as_select())
        .load(conn)?)
}

/// To a server they go together.
fn insert_together(
    conn: &mut Conn,
    account_id: i64,
    rows: &[Row<'_>],
    now: Timestamp,
) -> DbResult<Vec<Added>> {
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.address,
                row.address_key,
                &row.search_text,
                row.first_name,
                row.last_name,
                row.fields,
                row.status,
                row.status_changed_at,
                row.status_source,
                row.tracking,
                row.tracking_changed_at,
                row.tracking_source,
                row.refused_at,
                hex(&row.public_key),
            )
        })
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
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
        ],
    );
    Ok(diesel::sql_query(format!(
        "INSERT INTO recipients (address, address_key, search_text, first_name, last_name, fields,
             status, status_changed_at, status_source, tracking, tracking_changed_at,
             tracking_source, refused_at, public_key, account_id, created_at, updated_at)
         SELECT new.*, $2, $3, $4 FROM {unfolded} AS new
         ON CONFLICT (account_id, address_key) DO NOTHING
         RETURNING id, address_key"
    ))
    .bind::<Text, _>(json_rows::of(&told))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(now.millis())
    .load(conn)?)
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
    let says = Saying {
        what: RecipientTracking::Objected,
        also: ", refused_at = said.at",
        of: "recipients.tracking <> 'objected'",
    };
    say(conn, account_id, ids, &says, source, now)
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
    let says = Saying {
        what: RecipientTracking::Consented,
        also: "",
        of: "recipients.tracking = 'unset'",
    };
    say(conn, account_id, ids, &says, source, now)
}

/// What people have said about personal tracking.
struct Saying {
    what: RecipientTracking,
    /// What else is set of `said`, as SQL.
    also: &'static str,
    /// Of whom it is noted, as SQL.
    of: &'static str,
}

fn say(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    says: &Saying,
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
    let (what, also, of) = (says.what.as_str(), says.also, says.of);
    let changed: Vec<Changed> = diesel::sql_query(format!(
        "UPDATE recipients SET tracking = '{what}', tracking_changed_at = said.at,
             tracking_source = said.source{also}
         FROM {unfolded} AS said
         WHERE recipients.id = said.id AND +recipients.account_id = $2 AND {of}
         RETURNING recipients.id AS id"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    let changed: Vec<i64> = changed.into_iter().map(|row| row.id).collect();
    let told = state(what, source, now);
    journal::note(conn, account_id, &changed, JournalKind::Tracking, &told)?;
    Ok(changed)
}
