//! A person's no to personal tracking (Art. 21 GDPR), without giving reasons, and their yes
//! (Art. 7), of which the evidence is kept.

use actix_web::web;

use super::super::InAddress;
use super::super::person::{self, Person};
use super::{back, read, unknown};
use crate::db::models::audit::Actor;
use crate::db::models::consents::{self, ConsentKind};
use crate::db::models::{accounts, mailing_counters, recipients};
use crate::db::{Conn, DbResult};
use crate::domain::consent::{OBJECTING, OWN_PAGE, wording};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientTracking, TrackingMode, TrackingSource};
use crate::tracking::settings;
use crate::web::respond::WebResult;
use crate::web::state::State;

/// POST `/datenschutz/{token}`: *Widersprechen*, or the no to the question there.
pub async fn create(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    let Some(token) = read(&state, &address) else {
        return unknown();
    };
    let found = state
        .write(move |conn| {
            person::act(
                conn,
                &token.recipient_key,
                |conn, account_id, recipient_id| {
                    let (source, now) = (TrackingSource::Recipient, Timestamp::now());
                    let actor = Actor::Recipient;
                    settings::lock_recipient(conn, account_id, recipient_id)?;
                    let shown = objecting(conn, account_id, recipient_id, now)?;
                    if settings::object(conn, account_id, recipient_id, source, &actor, now)? {
                        let kind = ConsentKind::Tracking;
                        let refusal = consents::answered_now(kind, false, &shown, OWN_PAGE, now);
                        consents::record(conn, account_id, recipient_id, &refusal)?;
                        mailing_counters::count_objection(conn, account_id, token.mailing_id)?;
                    }
                    Ok(())
                },
            )
        })
        .await?;
    back(&state, found, token, "widersprochen")
}

/// POST `/datenschutz/{token}/erlauben`: the person agrees, and takes an objection back with it.
pub async fn destroy(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    let Some(token) = read(&state, &address) else {
        return unknown();
    };
    let remembering = state.remembering.clone();
    let found = state
        .write(move |conn| {
            person::act(conn, &token.recipient_key, |conn, account, recipient| {
                let (source, now) = (TrackingSource::Recipient, Timestamp::now());
                let (actor, key) = (Actor::Recipient, &remembering);
                if settings::consent(conn, account, recipient, source, key, &actor, now)? {
                    let wording = wording(&accounts::find(conn, account)?.name);
                    let kind = ConsentKind::Tracking;
                    let consent = consents::answered_now(kind, true, &wording, OWN_PAGE, now);
                    consents::record(conn, account, recipient, &consent)?;
                }
                Ok(())
            })
        })
        .await?;
    back(&state, found, token, "tracking-erlaubt")
}

/// Whether the page asks this person for consent: where only those are tracked who agreed, and
/// this one has said neither yes nor, for a while, no (CNIL, deliberation 2026-042). Whoever is not
/// asked can still allow it by themselves.
pub(super) fn asks(person: &Person, now: Timestamp) -> bool {
    person.account.tracking_mode == TrackingMode::Consent
        && person.recipient.tracking == RecipientTracking::Unset
        && settings::rests_until(&person.recipient, now).is_none()
}

/// The words to which somebody says no.
fn objecting(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    now: Timestamp,
) -> DbResult<String> {
    let person = Person {
        account: accounts::find(conn, account_id)?,
        recipient: recipients::find(conn, account_id, recipient_id)?,
    };
    Ok(if asks(&person, now) {
        wording(&person.account.name)
    } else {
        OBJECTING.to_owned()
    })
}
