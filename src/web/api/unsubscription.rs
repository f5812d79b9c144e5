//! `/api/v1/recipients/{id}/unsubscription`: no more mailings.
//!
//! There is no way back for programs: that mails go again to somebody who wanted none is for a
//! person to decide and answer for, on the page of the recipient.

use actix_web::{HttpResponse, web};

use super::ApiResult;
use super::caller::Caller;
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingSource;
use crate::tracking::settings;
use crate::web::state::State;

/// Unsubscribe a recipient
///
/// No mailing goes there any more, also none that waits. Who is unsubscribed already stays so. It
/// says nothing about personal tracking: an objection is a setting of its own.
#[utoipa::path(put, path = "/api/v1/recipients/{id}/unsubscription", operation_id = "unsubscribe_recipient", tag = "Recipients",
    params(("id" = i64, Path, minimum = 1, description = "The recipient's number")),
    responses((status = 204, description = "Is unsubscribed")),
    security(("key" = ["recipients:write"])))]
pub async fn create(caller: Caller, state: web::Data<State>, id: web::Path<i64>) -> ApiResult {
    let (account_id, actor, id) = (caller.account_id(), caller.actor(), *id);
    state
        .write(move |conn| {
            let (source, now) = (TrackingSource::Program, Timestamp::now());
            settings::unsubscribe(conn, account_id, id, source, &actor, now)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
