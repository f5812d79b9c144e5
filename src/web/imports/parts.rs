//! The parts of a form with a file, with what the reader of them needs to come to an end.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest, web};
use futures_util::stream::{Stream, once, unfold};
use futures_util::{StreamExt, TryStreamExt};

use crate::web::error::WebError;

/// The shortest boundary that is taken. Browsers send long ones; before a very short one the
/// reader looks beyond the end of a line.
const SHORTEST_BOUNDARY: usize = 4;

/// How much is collected before it is written to the disk.
const WRITTEN_AT_ONCE: usize = 1024 * 1024;

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

/// Writes a field to a file, in pieces, and stops behind so many bytes. Gives its size.
pub async fn store(field: &mut Field, mut file: File, most: u64) -> Result<(File, u64), WebError> {
    let mut size = 0;
    let mut waiting = Vec::with_capacity(WRITTEN_AT_ONCE);
    loop {
        let piece = field.try_next().await.map_err(|e| broken(&e))?;
        let ends = piece.is_none();
        if let Some(piece) = piece {
            size += piece.len() as u64;
            waiting.extend_from_slice(&piece);
        }
        if waiting.len() >= WRITTEN_AT_ONCE || ends {
            let written = std::mem::replace(&mut waiting, Vec::with_capacity(WRITTEN_AT_ONCE));
            file = web::block(move || file.write_all(&written).map(|()| file))
                .await?
                .map_err(WebError::from)?;
        }
        if ends || size > most {
            return Ok((file, size));
        }
    }
}

/// Reads a plain field; none where it is longer than so many bytes.
pub async fn text(field: &mut Field, most: usize) -> Result<Option<String>, WebError> {
    let mut bytes = Vec::new();
    let mut fits = true;
    while let Some(piece) = field.try_next().await.map_err(|e| broken(&e))? {
        fits &= bytes.len() + piece.len() <= most;
        if fits {
            bytes.extend_from_slice(&piece);
        }
    }
    Ok(fits.then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// What is said where the form breaks off.
pub fn broken(error: &MultipartError) -> WebError {
    tracing::info!(%error, "an upload broke off");
    WebError::BadRequest(
        "Die Datei kam nicht vollständig an. Bitte laden Sie sie noch einmal hoch.",
    )
}
