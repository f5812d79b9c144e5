//! The link in the mail was followed and the button pressed: the person is entered.

use serde_json::{Map, json};

use super::{decode, hash_of};
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::consents::{self, Consent, ConsentKind};
use crate::db::models::recipients::{self, Recipient, RecipientData};
use crate::db::models::signup_forms::{self, SignupForm};
use crate::db::models::signups::{self, Signup};
use crate::db::models::{accounts, group_leavings};
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::domain::address::EmailAddress;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};
use crate::tracking::enter::{self, Entered, Entering};
use crate::tracking::settings;

/// By whose will everything here happens, and from where it comes.
const ACTOR: Actor = Actor::Recipient;
const SOURCE: TrackingSource = TrackingSource::Form;

/// What is about to be confirmed.
pub struct Open {
    /// What was sent with the form.
    pub signup: Signup,
    /// The form.
    pub form: SignupForm,
    /// The account's name.
    pub account: String,
}

/// What came of it.
pub struct Confirmed {
    /// The recipient's random key, for the way to *Datenschutz-Einstellungen*.
    pub recipient_key: Vec<u8>,
    /// Files of the outbox that go after the commit.
    pub outbox_files: Vec<String>,
}

/// What a link would confirm; none when it is damaged, was used, or has run out.
pub fn look(conn: &mut Conn, token: &str, now: Timestamp) -> DbResult<Option<Open>> {
    let Some(key) = decode(token) else {
        return Ok(None);
    };
    let Some(signup) = signups::find_by_key(conn, &hash_of(&key), now)? else {
        return Ok(None);
    };
    Ok(Some(Open {
        form: signup_forms::find(conn, signup.account_id, signup.form_id)?,
        account: accounts::find(conn, signup.account_id)?.name,
        signup,
    }))
}

/// Confirms, once: enters the person, or subscribes somebody known to one more group, and keeps
/// the evidence.
///
/// A confirmed signing up is the person's own act, later than anything they said before. So it ends
/// an unsubscription, remembered or not. Tracking: whoever ticked the box has consented, which ends
/// an objection; whoever was asked and left it unticked objects, except that a consent given before
/// stays, as leaving a box of another form unticked takes nothing back; whoever was not asked has
/// said nothing.
pub fn confirm(
    conn: &mut Conn,
    token: &str,
    remembering: &Key,
    now: Timestamp,
) -> DbResult<Option<Confirmed>> {
    let Some(open) = look(conn, token, now)? else {
        return Ok(None);
    };
    let Open { signup, form, .. } = &open;
    let account_id = signup.account_id;
    // First the account, then rows: as whoever deletes somebody does.
    account_lock::exclusive(conn, account_id)?;
    let outbox_files = signups::mails_of(conn, account_id, signup.id)?;
    if !signups::take(conn, signup)? {
        return Ok(None);
    }
    let recipient = enter(conn, &open, remembering, now)?;
    if recipient.status != RecipientStatus::Active {
        settings::resubscribe(
            conn,
            account_id,
            recipient.id,
            remembering,
            SOURCE,
            &ACTOR,
            now,
        )?;
    }
    decide_tracking(conn, &recipient, &open, remembering, now)?;
    // Their own act, later than leaving the group.
    group_leavings::rejoin(conn, account_id, form.group_id, recipient.id, now)?;
    keep_evidence(conn, &recipient, &open, now)?;
    let entry = Entry {
        actor: &ACTOR,
        action: Action::SignupConfirmed,
        recipient_id: Some(recipient.id),
        details: json!({ "form": form.id, "group": form.group_id }),
    };
    audit::record(conn, account_id, &entry, now)?;
    Ok(Some(Confirmed {
        recipient_key: recipient.public_key,
        outbox_files,
    }))
}

/// The recipient with that address, entered where there is none. Somebody known gets the names that
/// were missing.
fn enter(conn: &mut Conn, open: &Open, remembering: &Key, now: Timestamp) -> DbResult<Recipient> {
    let Open { signup, .. } = open;
    let account_id = signup.account_id;
    let unreadable = |_| DbError::Unreadable("the address of a signing up".to_owned());
    let address = EmailAddress::parse(&signup.address).map_err(unreadable)?;
    let person = Entering {
        address: &address,
        first_name: &signup.first_name,
        last_name: &signup.last_name,
        fields: &Map::new(),
        groups: &[],
        // Decided afterwards, in the same transaction.
        objects: false,
        source: SOURCE,
    };
    match enter::enter(conn, account_id, &person, remembering, &ACTOR, now)? {
        Entered::New(id, start) => {
            if start.unsubscribed.is_none() {
                let active = RecipientStatus::Active;
                recipients::set_status(conn, account_id, id, active, SOURCE, now)?;
            }
            recipients::find(conn, account_id, id)
        }
        Entered::Existing(id) => {
            let known = recipients::find(conn, account_id, id)?;
            add_names(conn, account_id, &known, signup, now)?;
            Ok(known)
        }
    }
}

fn add_names(
    conn: &mut Conn,
    account_id: i64,
    known: &Recipient,
    signup: &Signup,
    now: Timestamp,
) -> DbResult<()> {
    let has_names = !known.first_name.is_empty() || !known.last_name.is_empty();
    let typed_none = signup.first_name.is_empty() && signup.last_name.is_empty();
    let Ok(address) = EmailAddress::parse(&known.address) else {
        return Ok(());
    };
    if has_names || typed_none {
        return Ok(());
    }
    let fields = serde_json::from_str(&known.fields).unwrap_or_default();
    let data = RecipientData {
        address: &address,
        first_name: &signup.first_name,
        last_name: &signup.last_name,
        fields: &fields,
    };
    recipients::update(conn, account_id, known.id, &data, now)
}

fn decide_tracking(
    conn: &mut Conn,
    recipient: &Recipient,
    open: &Open,
    remembering: &Key,
    now: Timestamp,
) -> DbResult<()> {
    let (account_id, id) = (open.signup.account_id, recipient.id);
    let was_asked = !open.signup.tracking_wording.is_empty();
    if open.signup.tracking_agreed {
        settings::consent(conn, account_id, id, SOURCE, remembering, &ACTOR, now)?;
    } else if was_asked && recipient.tracking == RecipientTracking::Unset {
        settings::object(conn, account_id, id, SOURCE, &ACTOR, now)?;
    }
    Ok(())
}

/// `recipient` is as before the confirmation: a box left empty is a no only where nothing had been
/// said.
fn keep_evidence(
    conn: &mut Conn,
    recipient: &Recipient,
    open: &Open,
    now: Timestamp,
) -> DbResult<()> {
    let Open { signup, form, .. } = open;
    let mut given = vec![(ConsentKind::Subscription, true, &signup.consent_wording)];
    let agreed = signup.tracking_agreed;
    let was_asked = !signup.tracking_wording.is_empty();
    if agreed || (was_asked && recipient.tracking == RecipientTracking::Unset) {
        given.push((ConsentKind::Tracking, agreed, &signup.tracking_wording));
    }
    for (kind, agreed, wording) in given {
        let consent = Consent {
            kind,
            agreed,
            wording: wording.clone(),
            form_name: form.name.clone(),
            asked_at: signup.created_at,
            given_at: now.millis(),
        };
        consents::record(conn, signup.account_id, recipient.id, &consent)?;
    }
    Ok(())
}
