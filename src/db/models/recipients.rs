//! Recipients: people with an address. Whatever changes an address or a name keeps the search's
//! index in the same transaction.

use diesel::prelude::*;

use serde_json::json;

use super::accounts;
use super::journal::{self, JournalKind};
use crate::db::json_rows::{self, Column};
use crate::db::prepared::prepared;
use crate::db::schema::recipients;
use crate::db::{Conn, DbError, DbResult, search};
use crate::domain::address::EmailAddress;
use crate::domain::secret::{Random128, random_128};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};

/// A recipient.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = recipients)]
pub struct Recipient {
    /// The recipient's number; never given twice.
    pub id: i64,
    /// The address as it was typed.
    pub address: String,
    /// The normalised address: unique in the account.
    pub address_key: String,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// Free fields, as a JSON object of texts.
    pub fields: String,
    /// Whether mails go there.
    pub status: RecipientStatus,
    /// When that changed, in milliseconds.
    pub status_changed_at: Option<i64>,
    /// Who changed it.
    pub status_source: Option<TrackingSource>,
    /// What the person has said about personal tracking.
    pub tracking: RecipientTracking,
    /// When, in milliseconds.
    pub tracking_changed_at: Option<i64>,
    /// From where.
    pub tracking_source: Option<TrackingSource>,
    /// The last no to personal tracking, in milliseconds, lifted or not.
    pub refused_at: Option<i64>,
    /// The random key of the personal links.
    pub public_key: Vec<u8>,
    /// When the recipient was added, in milliseconds.
    pub created_at: i64,
    /// Temporary bounces in a row, as of the last one.
    pub soft_bounces: i64,
    /// When the recipient last got another address, in milliseconds.
    pub address_changed_at: Option<i64>,
}

/// A recipient as a row of a list.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(table_name = recipients)]
pub struct RecipientRow {
    /// The recipient's number.
    pub id: i64,
    /// The address as typed.
    pub address: String,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// Whether mails go there.
    pub status: RecipientStatus,
    /// What the person has said about personal tracking.
    pub tracking: RecipientTracking,
}

/// The columns of a [`RecipientRow`], of the recipients under the name `r`.
pub(crate) const ROW_COLUMNS: &str =
    "r.id, r.address, r.first_name, r.last_name, r.status, r.tracking";

/// A recipient to be added.
#[derive(Debug, Clone)]
pub struct NewRecipient<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// Free fields.
    pub fields: &'a serde_json::Map<String, serde_json::Value>,
    /// What is known about tracking from the start: setting, time, source.
    pub tracking: Option<(RecipientTracking, i64, TrackingSource)>,
    /// Since when the person is known to have unsubscribed, in milliseconds, and from where.
    pub unsubscribed: Option<(i64, TrackingSource)>,
}

/// What can be changed about a recipient on the tab *Daten*.
#[derive(Debug, Clone)]
pub struct RecipientData<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// Free fields.
    pub fields: &'a serde_json::Map<String, serde_json::Value>,
}

/// Adds a recipient; [`DbError::Duplicate`] when the address is there already.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    new: &NewRecipient<'_>,
    now: Timestamp,
) -> DbResult<i64> {
    let key = random_128().map_err(|e| DbError::Unavailable(e.to_string()))?;
    let tracking = new.tracking;
    let id: i64 = diesel::insert_into(recipients::table)
        .values((
            (
                recipients::account_id.eq(account_id),
                recipients::address.eq(new.address.as_typed()),
                recipients::address_key.eq(new.address.key()),
                recipients::search_text.eq(search::search_text(
                    new.address,
                    new.first_name,
                    new.last_name,
                )),
                recipients::first_name.eq(new.first_name),
                recipients::last_name.eq(new.last_name),
                recipients::fields.eq(serde_json::Value::Object(new.fields.clone()).to_string()),
            ),
            recipients::tracking.eq(tracking.map_or(RecipientTracking::Unset, |t| t.0).as_str()),
            recipients::tracking_changed_at.eq(tracking.map(|t| t.1)),
            recipients::tracking_source.eq(tracking.map(|t| t.2.as_str())),
            recipients::refused_at.eq(refusal(tracking)),
            recipients::status.eq(match new.unsubscribed {
                Some(_) => RecipientStatus::Unsubscribed.as_str(),
                None => RecipientStatus::Active.as_str(),
            }),
            recipients::status_changed_at.eq(new.unsubscribed.map(|u| u.0)),
            recipients::status_source.eq(new.unsubscribed.map(|u| u.1.as_str())),
            recipients::public_key.eq(&key[..]),
            recipients::created_at.eq(now.millis()),
            recipients::updated_at.eq(now.millis()),
        ))
        .returning(recipients::id)
        .get_result(conn)?;
    search::add(conn, account_id, &[id])?;
    accounts::count_recipients(conn, account_id, 1)?;
    note_start(conn, account_id, &[(id, tracking, new.unsubscribed)])?;
    Ok(id)
}

/// What somebody starts with: about tracking, and since when unsubscribed.
pub(crate) type Start = (
    i64,
    Option<(RecipientTracking, i64, TrackingSource)>,
    Option<(i64, TrackingSource)>,
);

/// Lets the journal know what new recipients start with.
pub(crate) fn note_start(conn: &mut Conn, account_id: i64, started: &[Start]) -> DbResult<()> {
    let told = |&(id, tracking, _): &Start| {
        let (said, since, source) = tracking?;
        Some((id, state(said.as_str(), source, Timestamp(since))))
    };
    let tracking: Vec<_> = started.iter().filter_map(told).collect();
    journal::note_each(conn, account_id, &tracking, JournalKind::Tracking)?;
    let told = |&(id, _, unsubscribed): &Start| {
        let (since, source) = unsubscribed?;
        let word = RecipientStatus::Unsubscribed.as_str();
        Some((id, state(word, source, Timestamp(since))))
    };
    let status: Vec<_> = started.iter().filter_map(told).collect();
    journal::note_each(conn, account_id, &status, JournalKind::Status)
}

/// As the journal tells it.
pub(crate) fn state(word: &str, source: TrackingSource, since: Timestamp) -> serde_json::Value {
    json!({ "state": word, "source": source.as_str(), "since": since.millis() })
}

/// When a no was said, of what is known about tracking.
pub(crate) fn refusal(tracking: Option<(RecipientTracking, i64, TrackingSource)>) -> Option<i64> {
    tracking
        .filter(|(said, ..)| *said == RecipientTracking::Objected)
        .map(|(_, at, _)| at)
}

/// How many recipients have said what about personal tracking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrackingCounts {
    /// *ohne Angabe*.
    pub unset: i64,
    /// *eingewilligt*.
    pub consented: i64,
    /// *widersprochen*.
    pub objected: i64,
}

/// Counts them. Reads every recipient of the account.
pub fn count_by_tracking(conn: &mut Conn, account_id: i64) -> DbResult<TrackingCounts> {
    let rows: Vec<(RecipientTracking, i64)> = recipients::table
        .filter(recipients::account_id.eq(account_id))
        .group_by(recipients::tracking)
        .select((recipients::tracking, diesel::dsl::count_star()))
        .load(conn)?;
    let mut counts = TrackingCounts::default();
    for (said, n) in rows {
        match said {
            RecipientTracking::Unset => counts.unset = n,
            RecipientTracking::Consented => counts.consented = n,
            RecipientTracking::Objected => counts.objected = n,
        }
    }
    Ok(counts)
}

/// The recipient of that number.
pub fn find(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Recipient> {
    Ok(recipients::table
        .filter(recipients::account_id.eq(account_id))
        .find(recipient_id)
        .select(Recipient::as_select())
        .first(conn)?)
}

/// The recipient with that normalised address.
pub fn find_by_address(
    conn: &mut Conn,
    account_id: i64,
    address_key: &str,
) -> DbResult<Option<Recipient>> {
    Ok(recipients::table
        .filter(recipients::account_id.eq(account_id))
        .filter(recipients::address_key.eq(address_key))
        .select(Recipient::as_select())
        .first(conn)
        .optional()?)
}

/// The free fields of the newest recipients, each a JSON object.
pub fn newest_fields(conn: &mut Conn, account_id: i64, limit: i64) -> DbResult<Vec<String>> {
    Ok(recipients::table
        .filter(recipients::account_id.eq(account_id))
        .order(recipients::id.desc())
        .limit(limit)
        .select(recipients::fields)
        .load(conn)?)
}

/// Those of the recipients that exist in the account.
pub fn find_many(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<Vec<Recipient>> {
    Ok(recipients::table
        .filter(recipients::account_id.eq(account_id))
        .filter(recipients::id.eq_any(ids))
        .order(recipients::id)
        .select(Recipient::as_select())
        .load(conn)?)
}

/// Whose personal link carries that key, and in which account. The key is the only thing a
/// public request knows; it is unguessable and leads to exactly one account.
pub fn find_by_public_key(conn: &mut Conn, key: &Random128) -> DbResult<Option<(i64, Recipient)>> {
    Ok(recipients::table
        .filter(recipients::public_key.eq(&key[..]))
        .select((recipients::account_id, Recipient::as_select()))
        .first(conn)
        .optional()?)
}

/// Changes address, names and fields; [`DbError::Duplicate`] when the address belongs to
/// somebody else. What the person said about tracking stays (it is theirs, not the address's).
pub fn update(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    data: &RecipientData<'_>,
    now: Timestamp,
) -> DbResult<()> {
    search::remove(conn, account_id, &[recipient_id])?;
    diesel::update(scoped(account_id, recipient_id))
        .set((
            recipients::address.eq(data.address.as_typed()),
            recipients::address_key.eq(data.address.key()),
            recipients::search_text.eq(search::search_text(
                data.address,
                data.first_name,
                data.last_name,
            )),
            recipients::first_name.eq(data.first_name),
            recipients::last_name.eq(data.last_name),
            recipients::fields.eq(serde_json::Value::Object(data.fields.clone()).to_string()),
            recipients::updated_at.eq(now.millis()),
            recipients::changed_by.eq(None::<i64>),
        ))
        .execute(conn)?;
    search::add(conn, account_id, &[recipient_id])
}

/// Notes that the recipient has another address from now on.
pub(crate) fn note_new_address(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    now: Timestamp,
) -> DbResult<()> {
    diesel::update(scoped(account_id, recipient_id))
        .set(recipients::address_changed_at.eq(now.millis()))
        .execute(conn)?;
    Ok(())
}

/// Sets whether mails go there, whatever it was. The caller holds the lock of the account's recipients
/// exclusively.
pub fn set_status(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    status: RecipientStatus,
    source: TrackingSource,
    now: Timestamp,
) -> DbResult<()> {
    diesel::update(scoped(account_id, recipient_id))
        .set((
            recipients::status.eq(status.as_str()),
            recipients::status_changed_at.eq(now.millis()),
            recipients::status_source.eq(source.as_str()),
        ))
        .execute(conn)?;
    let told = state(status.as_str(), source, now);
    journal::note(
        conn,
        account_id,
        &[recipient_id],
        JournalKind::Status,
        &told,
    )
}

/// A change of whether mails go to somebody.
#[derive(Debug, Clone, Copy)]
pub struct StatusChange<'a> {
    /// From one of these.
    pub from: &'a [RecipientStatus],
    /// To this.
    pub to: RecipientStatus,
    /// On whose word.
    pub source: TrackingSource,
}

/// Changes whether mails go there. Gives whether it did: where the status is another one by now, as
/// when somebody else makes the same change at this moment, nothing happens.
pub fn change_status(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    change: StatusChange<'_>,
    now: Timestamp,
) -> DbResult<bool> {
    let StatusChange { from, to, source } = change;
    let from: Vec<&str> = from.iter().map(|status| status.as_str()).collect();
    let changed =
        diesel::update(scoped(account_id, recipient_id).filter(recipients::status.eq_any(from)))
            .set((
                recipients::status.eq(to.as_str()),
                recipients::status_changed_at.eq(now.millis()),
                recipients::status_source.eq(source.as_str()),
            ))
            .execute(conn)?;
    if changed == 0 {
        return Ok(false);
    }
    let (about, told) = ([recipient_id], state(to.as_str(), source, now));
    journal::note(conn, account_id, &about, JournalKind::Status, &told)?;
    Ok(true)
}

/// Sets what the person has said. Only for [`crate::tracking::settings`], which holds the
/// account's locks (rule P2) and writes the audit log (rule P11).
pub(crate) fn set_tracking(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    tracking: RecipientTracking,
    source: TrackingSource,
    now: Timestamp,
) -> DbResult<()> {
    diesel::update(scoped(account_id, recipient_id))
        .set((
            recipients::tracking.eq(tracking.as_str()),
            recipients::tracking_changed_at.eq(now.millis()),
            recipients::tracking_source.eq(source.as_str()),
        ))
        .execute(conn)?;
    if tracking == RecipientTracking::Objected {
        diesel::update(scoped(account_id, recipient_id))
            .set(recipients::refused_at.eq(now.millis()))
            .execute(conn)?;
    }
    let told = state(tracking.as_str(), source, now);
    journal::note(
        conn,
        account_id,
        &[recipient_id],
        JournalKind::Tracking,
        &told,
    )
}

/// Removes the rows of recipients whose past has been cut off. Only for [`crate::erasure`].
pub(crate) fn remove(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<usize> {
    journal::note(conn, account_id, ids, JournalKind::Deleted, &json!({}))?;
    search::remove(conn, account_id, ids)?;
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let removed = prepared(format!(
        "DELETE FROM recipients WHERE id IN (SELECT id FROM {rows} AS gone) AND account_id = $2"
    ))
    .text(json_rows::of_numbers(ids.iter().copied()))
    .int(account_id)
    .execute(conn)?;
    accounts::count_recipients(conn, account_id, -i64::try_from(removed).unwrap_or(0))?;
    Ok(removed)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn scoped(account_id: i64, recipient_id: i64) -> _ {
    recipients::table
        .filter(recipients::account_id.eq(account_id))
        .filter(recipients::id.eq(recipient_id))
}
