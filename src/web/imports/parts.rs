//! The parts of a form with a file, with what the reader of them needs to come to an end.

use std::time::Duration;

use actix_multipart::Multipart;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::stream::{Stream, once, unfold};

use crate::web::error::WebError;

/// The shortest boundary that is taken. Browsers send long ones; before a very short one the
/// reader looks beyond the end of a line.
const SHORTEST_BOUNDARY: usize = 4;

/// How long nothing may come of a file that is not whole. A file as such may take its time.
const PATIENCE: Duration = Duration::from_mins(1);

/// The parts of a request.
///
/// A form that ends in the middle of what could be a boundary would be waited for without end: the
/// reader wants to see what follows. So something follows, which belongs to no part.
///
/// # Errors
/// [`WebError::BadRequest`] when the request is no form with parts.
pub fn of(request: &HttpRequest, payload: Payload) -> Result<Multipart, WebError> {
    let kind = request.mime_type().ok().flatten();
    let boundary = kind
        .as_ref()
        .and_then(|kind| kind.get_param("boundary"))
        .map(|boundary| boundary.as_str().len())
        .filter(|length| *length >= SHORTEST_BOUNDARY)
        .ok_or(WebError::BadRequest(
            "Das Formular kam nicht so an, wie Browser es senden. Bitte laden Sie die Datei noch einmal hoch.",
        ))?;
    let mut behind = vec![b'\n'; boundary + 8];
    behind[0] = b'\r';
    let behind = once(std::future::ready(Ok(Bytes::from(behind))));
    Ok(Multipart::new(
        request.headers(),
        in_time(payload).chain(behind),
    ))
}

/// What comes in, up to the first pause that is too long.
fn in_time(payload: Payload) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    unfold(Some(payload), |payload| async move {
        let mut payload = payload?;
        match tokio::time::timeout(PATIENCE, payload.next()).await {
            Ok(piece) => Some((piece?, Some(payload))),
            Err(_) => Some((Err(PayloadError::Incomplete(None)), None)),
        }
    })
}
