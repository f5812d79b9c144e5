//! `/api/v1/receipts`: what a deletion did, and whether the files are clean yet.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::{ApiResult, utc};
use crate::db::models::receipts::{self, Receipt};
use crate::web::state::State;

/// What a deletion or a pseudonymisation did, without saying to whom.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptBody {
    /// Its number.
    id: i64,
    /// What was done: `deletion`, `pseudonymisation`, `past`, or `retention`.
    kind: &'static str,
    /// Who did it.
    actor: String,
    /// To how many recipients.
    recipients: i64,
    /// How many memberships in groups ended.
    groups_left: i64,
    /// How many deliveries were pseudonymised.
    deliveries: i64,
    /// How many opens were pseudonymised.
    opens: i64,
    /// How many clicks were pseudonymised.
    clicks: i64,
    /// Whether the bytes are out of the files too: `pending`, `done`, or `unneeded`.
    #[schema(pattern = "^(pending|done|unneeded)$")]
    cleanup: &'static str,
    /// When it was done.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Receipt> for ReceiptBody {
    fn from(receipt: Receipt) -> Self {
        Self {
            id: receipt.id,
            kind: receipt.kind.as_str(),
            actor: receipt.actor,
            recipients: receipt.recipients,
            groups_left: receipt.groups_left,
            deliveries: receipt.deliveries,
            opens: receipt.opens,
            clicks: receipt.clicks,
            cleanup: receipt.cleanup.as_str(),
            created_at: utc(receipt.created_at),
        }
    }
}

/// Get a receipt
#[utoipa::path(get, path = "/api/v1/receipts/{id}", operation_id = "get_receipt", tag = "Recipients",
    params(("id" = i64, Path, minimum = 1, description = "The receipt's number")),
    responses((status = 200, description = "The receipt", body = ReceiptBody)),
    security(("key" = ["recipients:delete"])))]
pub async fn show(caller: Caller, state: web::Data<State>, id: web::Path<i64>) -> ApiResult {
    let (account_id, id) = (caller.account_id(), *id);
    let receipt = state
        .read(move |conn| receipts::find(conn, account_id, id))
        .await?;
    Ok(HttpResponse::Ok().json(ReceiptBody::from(receipt)))
}
