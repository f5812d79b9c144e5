//! Unsubscriptions and undeliverable addresses that an import brings.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::{recipient_batches, webhook_deliveries};
use crate::db::{Conn, DbResult, account_lock};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, TrackingSource};
use crate::domain::webhook::HookEvent;

/// What a file says about whether one recipient may still be mailed.
#[derive(Debug, Clone, Copy)]
pub struct Stated {
    /// The recipient's number.
    pub recipient_id: i64,
    /// [`RecipientStatus::Unsubscribed`] or [`RecipientStatus::Bounced`].
    pub status: RecipientStatus,
    /// Since when.
    pub since: Timestamp,
    /// How the account learnt of it.
    pub source: TrackingSource,
    /// In the import's own word.
    pub said: &'static str,
}

/// The details of the audit log's entry: what proves it is the import.
pub(super) fn evidence(source: TrackingSource, import: i64, said: &str, since: Timestamp) -> Value {
    json!({ "source": source.as_str(), "import": import, "said": said, "since": since.millis() })
}

/// Ends mails to many recipients, as an import says. Who has unsubscribed stays as they are, with
/// their own time and source; an address that counts as undeliverable can still be unsubscribed.
/// Gives the numbers of those for whom it is new.
pub fn end_mails(
    conn: &mut Conn,
    account_id: i64,
    import_id: i64,
    people: &[Stated],
    actor: &Actor,
    now: Timestamp,
) -> DbResult<HashSet<i64>> {
    if people.is_empty() {
        return Ok(HashSet::new());
    }
    account_lock::shared(conn, account_id)?;
    let said: Vec<_> = people
        .iter()
        .map(|one| (one.recipient_id, one.status, one.since, one.source))
        .collect();
    let changed = recipient_batches::end_mails(conn, account_id, &said)?;
    let new = || {
        people
            .iter()
            .filter(|one| changed.contains(&one.recipient_id))
    };
    let entries: Vec<Entry<'_>> = new()
        .map(|one| Entry {
            actor,
            action: match one.status {
                RecipientStatus::Bounced => Action::RecipientBounced,
                _ => Action::RecipientUnsubscribed,
            },
            recipient_id: Some(one.recipient_id),
            details: evidence(one.source, import_id, one.said, one.since),
        })
        .collect();
    audit::record_many(conn, account_id, &entries, now)?;
    for (status, event) in [
        (RecipientStatus::Unsubscribed, HookEvent::Unsubscribed),
        (RecipientStatus::Bounced, HookEvent::Bounced),
    ] {
        for source in [TrackingSource::Import, TrackingSource::Complaint] {
            let about: Vec<i64> = new()
                .filter(|one| one.status == status && one.source == source)
                .map(|one| one.recipient_id)
                .collect();
            if !about.is_empty() {
                webhook_deliveries::queue(conn, account_id, event, &about, source.as_str(), now)?;
            }
        }
    }
    Ok(changed)
}
