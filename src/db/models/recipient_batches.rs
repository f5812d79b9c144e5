//! Many recipients at once: what an import reads and writes per slice, in a fixed number of
//! statements whatever the number of rows.
//!
//! SQLite has no figures about its tables and takes an account for small: it would read all its
//! recipients for each row of a batch. `CROSS JOIN` and `+account_id` make it begin with the
//! batch and look each row up; to PostgreSQL they mean nothing.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::journal::{self, JournalKind};
use super::recipients::{Start, note_start, refusal, state};
use crate::db::json_rows::{self, Column};
use crate::db::schema::recipients;
use crate::db::{Conn, DbError, DbResult, OnBackend, search};
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
    /// Whether mails go there.
    pub status: RecipientStatus,
}

/// Those of the addresses that the account has.
pub fn find_by_keys(conn: &mut Conn, account_id: i64, keys: &[&str]) -> DbResult<Vec<Known>> {
    let rows: Vec<[&str; 1]> = keys.iter().map(|key| [*key]).collect();
    let wanted = json_rows::unfold(conn, &[("address_key", Column::Text)]);
    Ok(diesel::sql_query(format!(
        "SELECT r.id, r.address_key, r.first_name, r.last_name, r.fields, r.tracking, r.refused_at,
             r.status
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
    /// Since when the address is said to refuse mails for good, in milliseconds, and by whom.
    pub undeliverable: Option<(i64, TrackingSource)>,
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
    let rows: Vec<InsertRow<'_>> = new.iter().zip(keys).map(InsertRow::of).collect();
    let added = conn
        .backend_mut()
        .insert_recipients(account_id, &rows, now)?;
    if added.len() != rows.len() {
        return Err(DbError::Duplicate);
    }
    let ids: Vec<i64> = added.iter().map(|row| row.id).collect();
    search::add(conn, account_id, &ids)?;
    note_start(conn, account_id, &started(new, &added))?;
    Ok(added)
}

/// A recipient as the table has it.
pub struct InsertRow<'a> {
    pub(in crate::db) address: &'a str,
    pub(in crate::db) address_key: &'a str,
    pub(in crate::db) search_text: String,
    pub(in crate::db) first_name: &'a str,
    pub(in crate::db) last_name: &'a str,
    pub(in crate::db) fields: &'a str,
    pub(in crate::db) status: &'static str,
    pub(in crate::db) status_changed_at: Option<i64>,
    pub(in crate::db) status_source: Option<&'static str>,
    pub(in crate::db) tracking: &'static str,
    pub(in crate::db) tracking_changed_at: Option<i64>,
    pub(in crate::db) tracking_source: Option<&'static str>,
    pub(in crate::db) refused_at: Option<i64>,
    pub(in crate::db) public_key: Random128,
}

impl<'a> InsertRow<'a> {
    fn of((new, public_key): (&'a NewRow<'a>, Random128)) -> Self {
        let (tracking, unsubscribed) = (new.tracking, new.unsubscribed);
        let (status, since) = match (unsubscribed, new.undeliverable) {
            (Some(since), _) => (RecipientStatus::Unsubscribed, Some(since)),
            (None, Some(since)) => (RecipientStatus::Bounced, Some(since)),
            (None, None) => (RecipientStatus::Active, None),
        };
        Self {
            address: new.address.as_typed(),
            address_key: new.address.key(),
            search_text: search::search_text(new.address, new.first_name, new.last_name),
            first_name: new.first_name,
            last_name: new.last_name,
            fields: new.fields,
            status: status.as_str(),
            status_changed_at: since.map(|(at, _)| at),
            status_source: since.map(|(_, source)| source.as_str()),
            tracking: tracking.map_or(RecipientTracking::Unset, |t| t.0).as_str(),
            tracking_changed_at: tracking.map(|(_, at, _)| at),
            tracking_source: tracking.map(|(.., source)| source.as_str()),
            refused_at: refusal(tracking),
            public_key,
        }
    }
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
            let text = search::search_text(change.address, change.first_name, change.last_name);
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
             fields = changed.fields, updated_at = changed.updated_at, changed_by = NULL
         FROM {unfolded} AS changed
         WHERE recipients.id = changed.id AND +recipients.account_id = $2"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    search::add(conn, account_id, &ids)
}

/// Ends mails to these recipients: their number, the new status, since when, and from where. Gives the
/// numbers of those for whom it is new: nobody who has unsubscribed becomes undeliverable.
pub(crate) fn end_mails(
    conn: &mut Conn,
    account_id: i64,
    said: &[(i64, RecipientStatus, Timestamp, TrackingSource)],
) -> DbResult<HashSet<i64>> {
    #[derive(QueryableByName)]
    struct Changed {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let rows: Vec<_> = said
        .iter()
        .map(|(id, status, since, source)| (id, status.as_str(), since.millis(), source.as_str()))
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("status", Column::Text),
            ("at", Column::Int),
            ("source", Column::Text),
        ],
    );
    let changed: Vec<Changed> = diesel::sql_query(format!(
        "UPDATE recipients SET status = said.status, status_changed_at = said.at,
             status_source = said.source
         FROM {unfolded} AS said
         WHERE recipients.id = said.id AND +recipients.account_id = $2
             AND (recipients.status = 'active'
                  OR (recipients.status = 'bounced' AND said.status = 'unsubscribed'))
         RETURNING recipients.id AS id"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    let changed: HashSet<i64> = changed.into_iter().map(|row| row.id).collect();
    // An address that counts as undeliverable is nothing a person said: a copy need not know it.
    let told: Vec<_> = said
        .iter()
        .filter(|(id, status, ..)| changed.contains(id) && *status == RecipientStatus::Unsubscribed)
        .map(|(id, status, since, source)| (*id, state(status.as_str(), *source, *since)))
        .collect();
    journal::note_each(conn, account_id, &told, JournalKind::Status)?;
    Ok(changed)
}

/// Notes the objection of those who have not objected yet, and gives their numbers. Only for
/// [`crate::tracking::settings`], which holds the account's locks (rule P2) and writes the audit
/// log (rule P11).
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
