//! Leaving one group, or all mailings. Neither says anything about tracking.

use actix_web::web;
use serde::Deserialize;
use serde_json::json;

use super::super::{InAddress, person, unsubscribe};
use super::{back, read, unknown};
use crate::db::account_lock;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::group_leavings;
use crate::domain::time::Timestamp;
use crate::web::respond::WebResult;
use crate::web::state::State;

/// Which group is left.
#[derive(Deserialize)]
pub struct LeaveForm {
    gruppe: i64,
}

/// POST `/datenschutz/{token}/gruppen`: leaves one group.
pub async fn leave(
    state: web::Data<State>,
    address: web::Path<InAddress>,
    form: web::Form<LeaveForm>,
) -> WebResult {
    let Some(token) = read(&state, &address) else {
        return unknown();
    };
    let group_id = form.gruppe;
    let found = state
        .write(move |conn| {
            person::act(conn, &token.recipient_key, |conn, account, recipient| {
                // A deletion takes the memberships away at the same time.
                account_lock::shared(conn, account)?;
                let now = Timestamp::now();
                if !group_leavings::leave(conn, account, group_id, recipient, now)? {
                    return Ok(());
                }
                let entry = Entry {
                    actor: &Actor::Recipient,
                    action: Action::RecipientLeftGroup,
                    recipient_id: Some(recipient),
                    details: json!({ "group": group_id }),
                };
                audit::record(conn, account, &entry, now)
            })
        })
        .await?;
    back(&state, found, token, "gruppe-verlassen")
}

/// POST `/datenschutz/{token}/abmelden`: no mailings any more.
pub async fn unsubscribe(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    let Some(token) = read(&state, &address) else {
        return unknown();
    };
    let found = state
        .write(move |conn| unsubscribe::end_mailings(conn, token))
        .await?;
    back(&state, found, token, "person-abgemeldet")
}
