//! `/api/v1/key`: what the key that calls allows.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::{ApiResult, utc};
use crate::domain::scope::Scope;

/// The key that calls.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyBody {
    /// What it is called in the account.
    name: String,
    /// The account it belongs to.
    account: String,
    /// What it allows.
    scopes: Vec<&'static str>,
    /// Until when it is valid; null: until it is revoked.
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
}

/// Get the key that calls
#[utoipa::path(get, path = "/api/v1/key", operation_id = "get_key", tag = "Key",
    responses((status = 200, description = "The key", body = KeyBody)),
    security(("key" = [])))]
pub async fn show(caller: Caller) -> ApiResult {
    let scopes = caller.key.scopes().iter().map(Scope::word);
    Ok(HttpResponse::Ok().json(KeyBody {
        name: caller.key.name.clone(),
        account: caller.account.name.clone(),
        scopes: scopes.collect(),
        expires_at: caller.key.expires_at.map(utc),
    }))
}
