//! What people outside reach: the pixel, the links, and the personal pages behind a token.
//!
//! A damaged, forged, old or unknown token never gives an error page to a mail client: the pixel
//! is a picture whatever happens, and a click whose link can't be known gets a friendly page.

pub mod click;
pub mod person;
pub mod pixel;
pub mod preferences;
pub mod signup;
pub mod unsubscribe;

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::domain::time::Timestamp;
use crate::tracking::links::MailingLinks;
use crate::tracking::recorder::{Hit, Stored};
use crate::tracking::token::{HitKind, TrackingToken};
use crate::tracking::visitor::{Request, Visitor};
use crate::web::head;
use crate::web::state::State;

/// The parameter of an address with a token: the token, and what mail programs and people put
/// behind it. The readers of tokens know where they end.
#[derive(Deserialize)]
pub struct InAddress {
    token: String,
}

/// The links of a token's mailing: from memory, else from the database. None when there is no
/// such mailing. When the database is away nobody knows, and the hit counts as not stored: the
/// token is genuine, so there is something to miss.
async fn links_of(state: &State, mailing_id: i64) -> Result<Option<Arc<MailingLinks>>, NotStored> {
    if let Some(links) = state.links.kept(mailing_id) {
        return Ok(Some(links));
    }
    let cache = state.links.clone();
    match web::block(move || cache.load(mailing_id)).await {
        Ok(Ok(links)) => Ok(links),
        Ok(Err(_)) | Err(_) => Err(NotStored(state.recorder.miss())),
    }
}

/// A hit that could not even be handed to the recorder.
struct NotStored(Stored);

/// Hands the hit of a token to the recorder. Whoever asks for headers alone makes none.
async fn record(
    state: &State,
    links: &MailingLinks,
    kind: HitKind,
    token: TrackingToken,
    visitor: Visitor,
) -> Stored {
    if head::is_all_that_is_wanted() {
        return Stored::Yes;
    }
    let hit = Hit {
        account_id: links.account_id,
        mailing_id: token.mailing_id,
        kind,
        key: token.key,
        link: token.link,
        at: Timestamp::now(),
        visitor,
    };
    state.recorder.record(hit).await
}

/// What a request says about who makes it.
fn visitor(request: &HttpRequest) -> Visitor {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let is = |name, word| header(name).is_some_and(|value| value.contains(word));
    Visitor::of(Request {
        user_agent: header("user-agent"),
        is_prefetch: is("sec-purpose", "prefetch")
            || is("purpose", "prefetch")
            || is("x-moz", "prefetch")
            || is("x-purpose", "preview"),
    })
}

/// Marks an answer whose hit is not known to be stored.
fn mark(response: &mut HttpResponse, stored: Stored) {
    if stored == Stored::Unconfirmed {
        response.headers_mut().insert(
            HeaderName::from_static("server-timing"),
            actix_web::http::header::HeaderValue::from_static("stored;desc=no"),
        );
    }
}
