//! What every request is checked for before its handler sees it: its size, its pace, and the one
//! character that no text of ours may hold.
//!
//! PostgreSQL refuses U+0000 in texts. Refusing it here, once, keeps every form and every search
//! from failing inside the database, and both databases alike.

use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::web::error::WebError;

/// The largest form, in bytes: a mailing with both parts as long as they may be, encoded.
pub const LARGEST_FORM: usize = 4 * 1024 * 1024;

/// The same for whoever is not signed in.
pub const LARGEST_FORM_OF_STRANGERS: usize = 64 * 1024;

/// So much of a form that is too large is read all the same: a browser that is still sending
/// would not see the answer.
const READ_ANYWAY: usize = 32 * 1024 * 1024;

/// How long a form may take to arrive.
const PATIENCE: Duration = Duration::from_mins(1);

/// Reads the body of a form and puts it back, checked. Uploads are left to their handler, which
/// streams them.
pub async fn check(request: &mut ServiceRequest, largest: usize) -> Result<(), WebError> {
    if holds_zero(request.query_string().as_bytes()) {
        return Err(ZERO);
    }
    if !is_form(request) {
        return Ok(());
    }
    if holds_zero(&take(request, largest).await?) {
        return Err(ZERO);
    }
    Ok(())
}

/// Whether a request brings a form without files.
pub fn is_form(request: &ServiceRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| {
        kind.as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"application/x-www-form-urlencoded")
    })
}

/// Reads the body of a form, and puts it back.
///
/// # Errors
/// Fails when it is too large, too slow, or incomplete.
pub async fn take(request: &mut ServiceRequest, largest: usize) -> Result<Bytes, WebError> {
    let payload = request.take_payload();
    let body = match tokio::time::timeout(PATIENCE, read(payload, largest)).await {
        Ok(body) => body?,
        Err(_) => return Err(WebError::TooSlow),
    };
    let again = futures_util::stream::once(std::future::ready(Ok(body.clone())));
    request.set_payload(Payload::Stream {
        payload: Box::pin(again),
    });
    Ok(body)
}

const ZERO: WebError = WebError::BadRequest(
    "Die Eingabe enthält ein Zeichen, das kein Text haben kann (U+0000). Entfernen Sie es und \
     versuchen Sie es noch einmal.",
);

async fn read(mut payload: Payload, largest: usize) -> Result<Bytes, WebError> {
    let mut body = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| WebError::Incomplete)?;
        length += chunk.len();
        if length > READ_ANYWAY {
            break;
        }
        if length <= largest {
            body.extend_from_slice(&chunk);
        }
    }
    if length > largest {
        return Err(WebError::TooLarge);
    }
    Ok(body.freeze())
}

/// Whether percent-encoded text holds U+0000.
fn holds_zero(encoded: &[u8]) -> bool {
    encoded.contains(&0) || encoded.windows(3).any(|three| three == b"%00")
}
