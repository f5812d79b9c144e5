//! Changing the data of a recipient. An address that is nobody's any more has to leave the tables
//! and the files as that of a deleted person does (rule P7).

use serde_json::json;

use super::deletion::{Remains, folded, forms, remember};
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::journal::{self, JournalKind};
use crate::db::models::last_change::{self, Subject};
use crate::db::models::recipients::{self, Recipient, RecipientData};
use crate::db::models::{bounces, outbox, refusals, signups};
use crate::db::{Conn, DbResult, account_lock};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, TrackingSource};
use crate::tracking::enter::{Start, recall_for};

/// What came of changing somebody's data.
#[derive(Debug)]
pub enum Changed {
    /// Saved.
    Saved {
        /// What has to leave the files, where the address is another one now.
        remains: Option<Remains>,
        /// What was remembered for the new address and now holds.
        recalled: Start,
        /// Whether mails go to the person again, since only the old address was undeliverable.
        is_deliverable_again: bool,
    },
    /// The address belongs to that other recipient: nothing was changed.
    TakenBy(i64),
}

/// Keeps others from changing a recipient until the transaction ends, and gives what is stored.
pub fn lock(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Recipient> {
    account_lock::exclusive(conn, account_id)?;
    recipients::find(conn, account_id, recipient_id)
}

/// Changes address, names and fields. What the person said stays with the person and is remembered
/// for the old address; what is remembered for the new address comes on top (rule P9).
/// Bounces were about the old address and end with it.
pub fn change(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    data: &RecipientData<'_>,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Changed> {
    let before = lock(conn, account_id, recipient_id)?;
    let key = data.address.key();
    // Another spelling of the same address is still the person's.
    let moves = before.address_key != key;
    if moves && let Some(other) = recipients::find_by_address(conn, account_id, key)? {
        return Ok(Changed::TakenBy(other.id));
    }
    recipients::update(conn, account_id, recipient_id, data, now)?;
    let subject = Subject::Recipient(recipient_id);
    last_change::note(conn, account_id, subject, actor.user_id(), now)?;
    if !moves {
        return Ok(Changed::Saved {
            remains: None,
            recalled: Start::default(),
            is_deliverable_again: false,
        });
    }
    journal::note(
        conn,
        account_id,
        &[recipient_id],
        JournalKind::AddressLeft,
        &json!({}),
    )?;
    recipients::note_new_address(conn, account_id, recipient_id, now)?;
    remember(conn, account_id, std::slice::from_ref(&before), remembering)?;
    let recalled = recall_for(conn, account_id, &before, key, remembering, actor, now)?;
    let is_deliverable_again = end_bounces(conn, account_id, &before, recalled, actor, now)?;
    let mut addresses = forms(&before);
    refusals::empty_of(conn, account_id, &addresses)?;
    addresses.extend(folded(&before));
    let mut outbox_files = outbox::remove_of_recipients(conn, account_id, &[recipient_id])?;
    let left = [before.address_key.as_str()];
    outbox_files.extend(signups::remove_of_addresses(conn, account_id, &left)?.files);
    Ok(Changed::Saved {
        remains: Some(Remains {
            addresses,
            outbox_files,
            ..Remains::default()
        }),
        recalled,
        is_deliverable_again,
    })
}

/// Forgets the bounces of the old address. Gives whether mails go to the person again: nothing but
/// the bounces was in the way.
fn end_bounces(
    conn: &mut Conn,
    account_id: i64,
    before: &Recipient,
    recalled: Start,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<bool> {
    bounces::forget_soft(conn, account_id, before.id)?;
    if before.status != RecipientStatus::Bounced || recalled.unsubscribed.is_some() {
        return Ok(false);
    }
    let source = match actor {
        Actor::Key(_) => TrackingSource::Program,
        _ => TrackingSource::Admin,
    };
    let active = RecipientStatus::Active;
    recipients::set_status(conn, account_id, before.id, active, source, now)?;
    let entry = Entry {
        actor,
        action: Action::RecipientReactivated,
        recipient_id: Some(before.id),
        details: json!({}),
    };
    audit::record(conn, account_id, &entry, now)?;
    Ok(true)
}
