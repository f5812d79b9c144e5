//! `/api/v1/key`: what the key that calls allows.

use actix_web::HttpResponse;
use serde::Serialize;

use super::caller::Caller;
use super::problem::Problem;
use super::utc;
use crate::domain::scope::Scope;

/// The key that calls.
#[derive(Serialize)]
pub struct KeyBody {
    /// What it is called in the account.
    name: String,
    /// The account it belongs to.
    account: String,
    /// What it allows.
    scopes: Vec<&'static str>,
    /// Until when it is valid; null: until it is revoked.
    expires_at: Option<String>,
}

/// GET `/api/v1/key`
pub async fn show(caller: Caller) -> Result<HttpResponse, Problem> {
    let scopes = caller.key.scopes().iter().map(Scope::word);
    Ok(HttpResponse::Ok().json(KeyBody {
        name: caller.key.name.clone(),
        account: caller.account.name.clone(),
        scopes: scopes.collect(),
        expires_at: caller.key.expires_at.map(utc),
    }))
}
