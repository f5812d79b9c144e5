//! Switching personal tracking off and on, for an account or one recipient.
//!
//! Everything that changes a tracking setting passes through here, because three things belong
//! to each change: the locks of the account ([`account_lock`]), so that no hit is stored with a wider
//! setting after the commit (rule P2); the entry in the audit log (rule P11); and what is remembered
//! beyond a deletion (rule P9).

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::objections::{self, Remembered};
use crate::db::models::recipients::{self, Recipient, StatusChange};
use crate::db::models::{accounts, deliveries, groups, recipient_batches, webhook_deliveries};
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{
    RecipientStatus, RecipientTracking, TrackingMode, TrackingSource, may_be_asked_from,
};
use crate::domain::webhook::HookEvent;

/// The HMAC under which an address is remembered beyond deletion (rule P9).
pub fn remembered_address(key: &Key, address_key: &str) -> objections::AddressHash {
    key.mac(address_key.as_bytes())
}

/// Keeps others from changing the account's tracking settings until the transaction ends, and gives
/// the mode as it is.
pub fn lock_mode(conn: &mut Conn, account_id: i64) -> DbResult<TrackingMode> {
    account_lock::exclusive(conn, account_id)?;
    Ok(accounts::find(conn, account_id)?.tracking_mode)
}

/// Keeps others from changing what is said about a recipient until the transaction ends, and gives
/// what is stored.
pub fn lock_recipient(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<Recipient> {
    account_lock::exclusive(conn, account_id)?;
    recipients::find(conn, account_id, recipient_id)
}

/// Lets hits of these recipients that are decided already be stored, and all others wait for the
/// commit (rule P2). Whoever was never sent anything has none, and is sent nothing meanwhile: the caller
/// holds the lock of the account's recipients.
pub(super) fn end_hits_of(conn: &mut Conn, account_id: i64, recipients: &[i64]) -> DbResult<()> {
    if deliveries::any_of(conn, account_id, recipients)? {
        account_lock::keep_hits_out(conn, account_id)?;
    }
    Ok(())
}

/// *Tracking deaktivieren* / *Tracking aktivieren* / *nur mit Einwilligung* for the whole account.
pub fn set_account_mode(
    conn: &mut Conn,
    account_id: i64,
    mode: TrackingMode,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let before = lock_mode(conn, account_id)?;
    if before == mode {
        return Ok(());
    }
    accounts::set_tracking_mode(conn, account_id, mode, before, actor.label(), now)?;
    let action = match mode {
        TrackingMode::Off => Action::AccountTrackingOff,
        TrackingMode::Active => Action::AccountTrackingOn,
        TrackingMode::Consent => Action::AccountTrackingByConsent,
    };
    let entry = Entry {
        actor,
        action,
        recipient_id: None,
        details: json!({ "mode": mode.as_str(), "before": before.as_str() }),
    };
    audit::record(conn, account_id, &entry, now)?;
    if mode.is_narrower_than(before) {
        account_lock::keep_hits_out(conn, account_id)?;
    }
    Ok(())
}

/// What remains when nothing personal is measured, and *Widersprüche und Abmeldungen merken*.
/// Switching the latter off forgets everything that was remembered.
pub fn set_account_options(
    conn: &mut Conn,
    account_id: i64,
    count_anonymously: bool,
    remember: bool,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    account_lock::exclusive(conn, account_id)?;
    let counted = accounts::find(conn, account_id)?.count_anonymously;
    accounts::set_tracking_options(conn, account_id, count_anonymously, remember)?;
    let forgotten = if remember {
        0
    } else {
        objections::forget_all(conn, account_id)?
    };
    let entry = Entry {
        actor,
        action: Action::AccountTrackingOptions,
        recipient_id: None,
        details: json!({ "count_anonymously": count_anonymously, "remember": remember, "forgotten": forgotten }),
    };
    audit::record(conn, account_id, &entry, now)?;
    if counted && !count_anonymously {
        account_lock::keep_hits_out(conn, account_id)?;
    }
    Ok(())
}

/// Ticks *Tracking deaktiviert* for one recipient. Gives whether anything changed.
pub fn object(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    source: TrackingSource,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<bool> {
    account_lock::exclusive(conn, account_id)?;
    let recipient = recipients::find(conn, account_id, recipient_id)?;
    if recipient.tracking == RecipientTracking::Objected {
        return Ok(false);
    }
    recipients::set_tracking(
        conn,
        account_id,
        recipient_id,
        RecipientTracking::Objected,
        source,
        now,
    )?;
    groups::leave_asking(conn, account_id, &[recipient_id])?;
    let entry = Entry {
        actor,
        action: Action::RecipientObjected,
        recipient_id: Some(recipient_id),
        details: json!({ "source": source.as_str() }),
    };
    audit::record(conn, account_id, &entry, now)?;
    let about = [recipient_id];
    webhook_deliveries::queue(
        conn,
        account_id,
        HookEvent::Objected,
        &about,
        source.as_str(),
        now,
    )?;
    end_hits_of(conn, account_id, &about)?;
    Ok(true)
}

/// Ticks *Tracking deaktiviert* for many recipients. Those who have objected before stay as they
/// are, with their own time and source. Gives how many it is new for.
pub fn object_many(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
    source: TrackingSource,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<usize> {
    if recipients.is_empty() {
        return Ok(0);
    }
    account_lock::exclusive(conn, account_id)?;
    let changed = recipient_batches::object(conn, account_id, recipients, source, now)?;
    if !changed.is_empty() {
        groups::leave_asking(conn, account_id, &changed)?;
    }
    let entries: Vec<Entry<'_>> = changed
        .iter()
        .map(|id| Entry {
            actor,
            action: Action::RecipientObjected,
            recipient_id: Some(*id),
            details: json!({ "source": source.as_str() }),
        })
        .collect();
    audit::record_many(conn, account_id, &entries, now)?;
    let (event, source) = (HookEvent::Objected, source.as_str());
    webhook_deliveries::queue(conn, account_id, event, &changed, source, now)?;
    end_hits_of(conn, account_id, &changed)?;
    Ok(changed.len())
}

/// How an objection comes to be lifted.
#[derive(Debug, Clone, Copy)]
pub struct Lifting<'a> {
    /// Why; needed where the objection was the recipient's own act.
    pub reason: &'a str,
    /// Who lifts it.
    pub source: TrackingSource,
    /// The key under which the objection may be remembered (rule P9).
    pub remembering: &'a Key,
}

/// Unticks *Tracking deaktiviert*. An objection that the recipient made needs a reason, which the
/// audit log keeps; what was remembered of the objection is forgotten too.
pub fn lift_objection(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    lifting: &Lifting<'_>,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let Lifting {
        reason,
        source,
        remembering,
    } = *lifting;
    account_lock::exclusive(conn, account_id)?;
    let recipient = recipients::find(conn, account_id, recipient_id)?;
    if recipient.tracking != RecipientTracking::Objected {
        return Ok(());
    }
    if needs_reason(&recipient) && source != TrackingSource::Recipient && reason.trim().is_empty() {
        return Err(DbError::Refused(
            "lifting a recipient's own objection needs a reason",
        ));
    }
    recipients::set_tracking(
        conn,
        account_id,
        recipient_id,
        RecipientTracking::Unset,
        source,
        now,
    )?;
    let address = remembered_address(remembering, &recipient.address_key);
    objections::forget(conn, account_id, Remembered::Objection, &address)?;
    let entry = Entry {
        actor,
        action: Action::ObjectionLifted,
        recipient_id: Some(recipient_id),
        details: json!({ "reason": reason.trim() }),
    };
    audit::record(conn, account_id, &entry, now)
}

/// Records that the person agrees to personal tracking (Art. 7 GDPR): their own act, later than
/// any objection, which it lifts. The evidence is for the caller to keep
/// ([`crate::db::models::consents`]). Gives whether anything changed.
pub fn consent(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    source: TrackingSource,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<bool> {
    account_lock::exclusive(conn, account_id)?;
    let recipient = recipients::find(conn, account_id, recipient_id)?;
    if recipient.tracking == RecipientTracking::Consented {
        return Ok(false);
    }
    recipients::set_tracking(
        conn,
        account_id,
        recipient_id,
        RecipientTracking::Consented,
        source,
        now,
    )?;
    let address = remembered_address(remembering, &recipient.address_key);
    objections::forget(conn, account_id, Remembered::Objection, &address)?;
    let entry = Entry {
        actor,
        action: Action::RecipientConsented,
        recipient_id: Some(recipient_id),
        details: json!({
            "source": source.as_str(),
            "lifts_objection": recipient.tracking == RecipientTracking::Objected,
        }),
    };
    audit::record(conn, account_id, &entry, now)?;
    Ok(true)
}

/// Records the consent of many recipients of whom nothing is known: who has said something before,
/// yes or no, stays as they are. The evidence is for the caller to keep. Gives for whom it is new.
pub fn consent_many(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
    source: TrackingSource,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Vec<i64>> {
    if recipients.is_empty() {
        return Ok(Vec::new());
    }
    account_lock::exclusive(conn, account_id)?;
    let changed = recipient_batches::consent(conn, account_id, recipients, source, now)?;
    let entries: Vec<Entry<'_>> = changed
        .iter()
        .map(|id| Entry {
            actor,
            action: Action::RecipientConsented,
            recipient_id: Some(*id),
            details: json!({ "source": source.as_str() }),
        })
        .collect();
    audit::record_many(conn, account_id, &entries, now)?;
    Ok(changed)
}

/// Says again what a recipient has said before the database was brought back from a copy, with the
/// time of then. A consent is not said again, since its evidence (Art. 7 (1) GDPR) is not in the
/// copy: of it remains that an objection from before no longer holds.
pub fn say_again(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    said: (RecipientTracking, TrackingSource, Timestamp),
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<bool> {
    let (tracking, source, since) = said;
    account_lock::exclusive(conn, account_id)?;
    let recipient = recipients::find(conn, account_id, recipient_id)?;
    let objects = tracking == RecipientTracking::Objected;
    if objects == (recipient.tracking == RecipientTracking::Objected) {
        return Ok(false);
    }
    let (tracking, action) = if objects {
        (RecipientTracking::Objected, Action::RecipientObjected)
    } else {
        let address = remembered_address(remembering, &recipient.address_key);
        objections::forget(conn, account_id, Remembered::Objection, &address)?;
        (RecipientTracking::Unset, Action::ObjectionLifted)
    };
    recipients::set_tracking(conn, account_id, recipient_id, tracking, source, since)?;
    if objects {
        groups::leave_asking(conn, account_id, &[recipient_id])?;
    }
    let entry = Entry {
        actor,
        action,
        recipient_id: Some(recipient_id),
        details: json!({ "source": source.as_str(), "since": since.millis() }),
    };
    audit::record(conn, account_id, &entry, now)?;
    if objects {
        end_hits_of(conn, account_id, &[recipient_id])?;
    }
    Ok(true)
}

/// From when on this recipient may be asked for consent again; none when nothing is in the way.
pub fn rests_until(recipient: &recipients::Recipient, now: Timestamp) -> Option<Timestamp> {
    let until = may_be_asked_from(Timestamp(recipient.refused_at?));
    (until > now).then_some(until)
}

/// Why a consent can't be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Its day has not come yet.
    InTheFuture,
    /// The person objected on a later day: what was said last holds.
    ObjectedSince,
    /// The person refused, and may not be asked again before then.
    NotToBeAsked(Timestamp),
}

/// What stands in the way of recording that this recipient agreed on the day that began then:
/// `asked`, or without being asked.
pub fn consent_obstacle(
    recipient: &recipients::Recipient,
    day: Timestamp,
    asked: bool,
    now: Timestamp,
) -> Option<Obstacle> {
    if day > now {
        return Some(Obstacle::InTheFuture);
    }
    let objected_since = recipient.tracking == RecipientTracking::Objected
        && recipient
            .refused_at
            .is_some_and(|at| at >= day.plus_days(1).millis());
    if objected_since {
        return Some(Obstacle::ObjectedSince);
    }
    rests_until(recipient, now)
        .filter(|_| asked)
        .map(Obstacle::NotToBeAsked)
}

/// Whether lifting this recipient's objection needs a reason: it was the person's own act.
pub fn needs_reason(recipient: &recipients::Recipient) -> bool {
    matches!(
        recipient.tracking_source,
        Some(TrackingSource::Recipient | TrackingSource::Remembered | TrackingSource::Form)
    )
}

/// Unsubscribes a recipient from mailings. Says nothing about tracking: the two are separate. Whoever
/// deletes the recipient at the same time remembers it (rule P9), or comes first. Gives whether it is
/// new: of several at once (the link, a program, a complaint) one is.
pub fn unsubscribe(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    source: TrackingSource,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<bool> {
    account_lock::shared(conn, account_id)?;
    recipients::find(conn, account_id, recipient_id)?;
    let change = StatusChange {
        from: &[RecipientStatus::Active, RecipientStatus::Bounced],
        to: RecipientStatus::Unsubscribed,
        source,
    };
    if !recipients::change_status(conn, account_id, recipient_id, change, now)? {
        return Ok(false);
    }
    let entry = Entry {
        actor,
        action: Action::RecipientUnsubscribed,
        recipient_id: Some(recipient_id),
        details: json!({ "source": source.as_str() }),
    };
    audit::record(conn, account_id, &entry, now)?;
    let (event, about) = (HookEvent::Unsubscribed, [recipient_id]);
    webhook_deliveries::queue(conn, account_id, event, &about, source.as_str(), now)?;
    Ok(true)
}

/// Lets mails go to a recipient again; what was remembered of the unsubscription is forgotten. Does
/// nothing else where mails go there already.
pub fn resubscribe(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    remembered: &Key,
    source: TrackingSource,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    account_lock::shared(conn, account_id)?;
    let recipient = recipients::find(conn, account_id, recipient_id)?;
    let change = StatusChange {
        from: &[RecipientStatus::Unsubscribed, RecipientStatus::Bounced],
        to: RecipientStatus::Active,
        source,
    };
    let is_new = recipients::change_status(conn, account_id, recipient_id, change, now)?;
    let address = remembered_address(remembered, &recipient.address_key);
    objections::forget(conn, account_id, Remembered::Unsubscription, &address)?;
    if !is_new {
        return Ok(());
    }
    let entry = Entry {
        actor,
        action: Action::RecipientResubscribed,
        recipient_id: Some(recipient_id),
        details: json!({ "source": source.as_str() }),
    };
    audit::record(conn, account_id, &entry, now)
}

/// What is remembered about an address that is entered (again): the setting to start with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recalled {
    /// When the person objected, in milliseconds.
    pub objected_at: Option<i64>,
    /// When the person unsubscribed, in milliseconds.
    pub unsubscribed_at: Option<i64>,
}

/// Looks up what is remembered about an address (rule P9).
pub fn recall(
    conn: &mut Conn,
    account_id: i64,
    key: &Key,
    address_key: &str,
) -> DbResult<Recalled> {
    let address = remembered_address(key, address_key);
    Ok(Recalled {
        objected_at: objections::find(conn, account_id, Remembered::Objection, &address)?,
        unsubscribed_at: objections::find(conn, account_id, Remembered::Unsubscription, &address)?,
    })
}

/// Looks up what is remembered about many addresses, in their order (rule P9).
pub fn recall_many(
    conn: &mut Conn,
    account_id: i64,
    key: &Key,
    address_keys: &[&str],
) -> DbResult<Vec<Recalled>> {
    let mut recalled = vec![Recalled::default(); address_keys.len()];
    // Most accounts remember nobody, and the hashes of a large file cost something.
    if address_keys.is_empty() || !objections::any(conn, account_id)? {
        return Ok(recalled);
    }
    let hashes: Vec<_> = address_keys
        .iter()
        .map(|address| remembered_address(key, address))
        .collect();
    for (place, kind, at) in objections::find_many(conn, account_id, &hashes)? {
        if let Some(one) = recalled.get_mut(place) {
            match kind {
                Remembered::Objection => one.objected_at = Some(at),
                Remembered::Unsubscription => one.unsubscribed_at = Some(at),
            }
        }
    }
    Ok(recalled)
}
