//! A person's wish to be deleted (Art. 17 GDPR). An administrator fulfils it, or declines it with a
//! reason that the person reads here (Art. 12 (4)).

use actix_web::web;
use serde_json::{Value, json};

use super::super::{InAddress, person};
use super::{back, read, unknown};
use crate::db::models::audit::{self, Action, Actor, Entry, OwnEntry};
use crate::db::models::deletion_requests;
use crate::domain::time::Timestamp;
use crate::web::respond::WebResult;
use crate::web::state::State;

/// Why a wish was declined, as the audit log keeps it.
pub(super) fn reason_of(entry: &OwnEntry) -> String {
    serde_json::from_str::<Value>(&entry.details)
        .ok()
        .and_then(|details| Some(details.get("reason")?.as_str()?.to_owned()))
        .unwrap_or_default()
}

/// POST `/datenschutz/{token}/loeschwunsch`: asks for deletion.
pub async fn create(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    let Some(token) = read(&state, &address) else {
        return unknown();
    };
    let found = state
        .write(move |conn| {
            person::act(conn, &token.recipient_key, |conn, account, recipient| {
                let now = Timestamp::now();
                if deletion_requests::make(conn, account, recipient, now)? {
                    let entry = wish(Action::DeletionRequested, recipient);
                    audit::record(conn, account, &entry, now)?;
                }
                Ok(())
            })
        })
        .await?;
    back(&state, found, token, "loeschwunsch")
}

/// POST `/datenschutz/{token}/loeschwunsch/zuruecknehmen`
pub async fn destroy(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    let Some(token) = read(&state, &address) else {
        return unknown();
    };
    let found = state
        .write(move |conn| {
            person::act(conn, &token.recipient_key, |conn, account, recipient| {
                if deletion_requests::remove(conn, account, recipient)? {
                    let entry = wish(Action::DeletionRequestWithdrawn, recipient);
                    audit::record(conn, account, &entry, Timestamp::now())?;
                }
                Ok(())
            })
        })
        .await?;
    back(&state, found, token, "loeschwunsch-zurueckgenommen")
}

fn wish(action: Action, recipient_id: i64) -> Entry<'static> {
    Entry {
        actor: &Actor::Recipient,
        action,
        recipient_id: Some(recipient_id),
        details: json!({}),
    }
}
