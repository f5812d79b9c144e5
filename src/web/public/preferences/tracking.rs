//! A person's no to personal tracking (Art. 21 GDPR), without giving reasons, and their yes
//! (Art. 7), of which the evidence is kept.

use actix_web::web;

use super::super::person;
use super::{back, read, unknown};
use crate::db::models::audit::Actor;
use crate::db::models::consents::{self, ConsentKind};
use crate::db::models::{accounts, mailing_counters};
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingSource;
use crate::tracking::settings;
use crate::web::respond::WebResult;
use crate::web::state::State;

/// What somebody agrees to who allows personal tracking on the page, word for word.
pub(super) fn wording(account: &str) -> String {
    format!(
        "Ich erlaube {account}, personenbezogen zu erfassen, welche E-Mails ich öffne und welche Links ich darin \
         anklicke. Das kann ich jederzeit hier widerrufen."
    )
}

/// POST `/datenschutz/{token}`: *Widersprechen*.
pub async fn create(state: web::Data<State>, text: web::Path<String>) -> WebResult {
    let Some(token) = read(&state, &text) else {
        return unknown();
    };
    let found = state
        .write(move |conn| {
            person::act(
                conn,
                &token.recipient_key,
                |conn, account_id, recipient_id| {
                    let changed = settings::object(
                        conn,
                        account_id,
                        recipient_id,
                        TrackingSource::Recipient,
                        &Actor::Recipient,
                        Timestamp::now(),
                    )?;
                    if changed {
                        mailing_counters::count_objection(conn, account_id, token.mailing_id)?;
                    }
                    Ok(())
                },
            )
        })
        .await?;
    back(found, &text, "widersprochen")
}

/// POST `/datenschutz/{token}/erlauben`: the person agrees, and takes an objection back with it.
pub async fn destroy(state: web::Data<State>, text: web::Path<String>) -> WebResult {
    let Some(token) = read(&state, &text) else {
        return unknown();
    };
    let remembering = state.remembering.clone();
    let found = state
        .write(move |conn| {
            person::act(conn, &token.recipient_key, |conn, account, recipient| {
                let (source, now) = (TrackingSource::Recipient, Timestamp::now());
                if settings::consent(conn, account, recipient, source, &remembering, now)? {
                    let wording = wording(&accounts::find(conn, account)?.name);
                    let place = "Datenschutz-Einstellungen";
                    let consent = consents::given_now(ConsentKind::Tracking, &wording, place, now);
                    consents::record(conn, account, recipient, &consent)?;
                }
                Ok(())
            })
        })
        .await?;
    back(found, &text, "tracking-erlaubt")
}
