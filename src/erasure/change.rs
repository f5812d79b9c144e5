//! Changing the data of a recipient. An address that is nobody's any more has to leave the tables
//! and the files as that of a deleted person does (rule P7).

use serde_json::json;

use super::deletion::{Remains, folded, forms};
use crate::db::models::audit::Actor;
use crate::db::models::journal::{self, JournalKind};
use crate::db::models::recipients::{self, RecipientData};
use crate::db::models::{outbox, refusals, signups};
use crate::db::{Conn, DbResult, account_lock};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::RecipientTracking;
use crate::tracking::enter::recall_objection;

/// What came of changing somebody's data.
#[derive(Debug)]
pub enum Changed {
    /// Saved.
    Saved {
        /// What has to leave the files, where the address is another one now.
        remains: Option<Remains>,
        /// Whether an objection that was remembered for the new address now holds.
        recalled: bool,
    },
    /// The address belongs to that other recipient: nothing was changed.
    TakenBy(i64),
}

/// Changes address, names and fields. The person's own objection stays; one that is remembered
/// for the new address comes on top (rule P9).
pub fn change(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    data: &RecipientData<'_>,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Changed> {
    account_lock::exclusive(conn, account_id)?;
    let before = recipients::find(conn, account_id, recipient_id)?;
    let key = data.address.key();
    // Another spelling of the same address is still the person's.
    let moves = before.address_key != key;
    if moves && let Some(other) = recipients::find_by_address(conn, account_id, key)? {
        return Ok(Changed::TakenBy(other.id));
    }
    recipients::update(conn, account_id, recipient_id, data, now)?;
    if !moves {
        return Ok(Changed::Saved {
            remains: None,
            recalled: false,
        });
    }
    journal::note(
        conn,
        account_id,
        &[recipient_id],
        JournalKind::AddressLeft,
        &json!({}),
    )?;
    let recalled = before.tracking != RecipientTracking::Objected
        && recall_objection(conn, account_id, recipient_id, key, remembering, actor, now)?;
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
    })
}
