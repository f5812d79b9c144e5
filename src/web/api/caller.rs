//! Which program calls: by the key in `Authorization: Bearer` (RFC 6750), and by nothing else.
//!
//! A key is `wsp_` and 256 random bits. Guessing one is hopeless, so failures are not slowed down;
//! and since it is looked up by its hash, how long that takes tells nothing about the keys there
//! are.

use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::db::models::accounts::Account;
use crate::db::models::api_keys::{self, ApiKey, KeyHash};
use crate::db::models::audit::Actor;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::web::state::State;

/// How every key begins, so that it is known as one where it should not be.
const PREFIX: &str = "wsp_";

/// So much of a key is kept to know it again: 24 bits of it.
const BEGINNING: usize = PREFIX.len() + 4;

/// A key that was just made.
pub struct NewKey {
    /// The key itself: shown once.
    pub key: String,
    /// What is kept to know it again.
    pub beginning: String,
    /// What it is looked up by.
    pub hash: KeyHash,
}

/// Makes a key.
///
/// # Errors
/// Fails when the operating system gives no random bits.
pub fn new_key() -> Result<NewKey, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    Ok(NewKey {
        beginning: key.chars().take(BEGINNING).collect(),
        hash: hash(&key),
        key,
    })
}

fn hash(key: &str) -> KeyHash {
    Sha256::digest(key.as_bytes()).into()
}

/// The program that calls; handlers take it as an argument.
#[derive(Clone)]
pub struct Caller {
    /// The account; every query is scoped by its number.
    pub account: Account,
    /// The key.
    pub key: ApiKey,
}

impl Caller {
    /// The account's number.
    pub const fn account_id(&self) -> i64 {
        self.account.id
    }

    /// As the audit log names the program.
    pub fn actor(&self) -> Actor {
        Actor::key(&self.key.name)
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Self>().cloned();
        ready(found.ok_or(Problem::Unauthorized))
    }
}

/// Who calls, if the key is valid and allows what is needed.
pub async fn authenticate(
    request: &ServiceRequest,
    needed: Option<Scope>,
) -> Result<Caller, Problem> {
    let key = bearer(request).ok_or(Problem::Unauthorized)?;
    let state = request
        .app_data::<web::Data<State>>()
        .ok_or(Problem::Unauthorized)?;
    let hash = hash(key);
    let found = state
        .read(move |conn| api_keys::find_by_hash(conn, &hash))
        .await?;
    let now = Timestamp::now();
    let (key, account) = found
        .filter(|(key, _)| key.is_valid(now))
        .ok_or(Problem::Unauthorized)?;
    note_use(state, &account, &key, now).await;
    if let Some(scope) = needed
        && !key.scopes().allow(scope)
    {
        return Err(Problem::MissingScope(scope));
    }
    Ok(Caller { account, key })
}

/// The key that the request shows, if it looks like one of ours.
fn bearer(request: &ServiceRequest) -> Option<&str> {
    let shown = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = shown.split_once(' ')?;
    let key = key.trim();
    let is_ours =
        scheme.eq_ignore_ascii_case("bearer") && key.starts_with(PREFIX) && key.len() < 64;
    is_ours.then_some(key)
}

/// Notes the use, once an hour. What a program asks for does not fail because of that.
async fn note_use(state: &State, account: &Account, key: &ApiKey, now: Timestamp) {
    let hour = now.hour();
    if key
        .last_used_at
        .is_some_and(|at| at >= hour.start().millis())
    {
        return;
    }
    let (account_id, id) = (account.id, key.id);
    let noted = state
        .write(move |conn| api_keys::note_use(conn, account_id, id, hour))
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "the use of a key could not be noted");
    }
}
