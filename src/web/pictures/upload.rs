//! Receives a picture: its kind is told by its bytes, not by its name.

use actix_multipart::{Field, MultipartError};
use actix_web::HttpRequest;
use actix_web::web::Payload;
use futures_util::TryStreamExt;
use imagesize::ImageType;

use crate::db::models::pictures::NewPicture;
use crate::web::error::WebError;
use crate::web::imports::parts;

/// The largest picture, in bytes.
const MOST_BYTES: usize = 5 * 1024 * 1024;

/// So much of a file that is too large is read all the same: a browser that is still sending
/// would not see the answer.
const READ_ANYWAY: usize = 64 * 1024 * 1024;

/// The most pixels along one side.
const MOST_PIXELS: usize = 10_000;

const NO_FILE: &str = "Wählen Sie ein Bild aus.";
const TOO_LARGE: &str =
    "Das Bild ist größer als 5 MB. Verkleinern Sie es: Für E-Mails reichen 1.200 Pixel Breite.";
const NO_PICTURE: &str = "Das ist kein Bild im Format GIF, JPEG, PNG oder WebP.";
const TOO_WIDE: &str = "Das Bild hat mehr als 10.000 Pixel Breite oder Höhe.";

/// Takes in what the browser sends: the picture, or what is wrong with it.
pub async fn receive(
    request: &HttpRequest,
    payload: Payload,
) -> Result<Result<NewPicture, &'static str>, WebError> {
    let mut payload = parts::of(request, payload)?;
    let mut received = None;
    while let Some(mut field) = payload.try_next().await.map_err(|e| broken(&e))? {
        if field.name() == Some("bild") && received.is_none() {
            let name = file_name(&field);
            match read(&mut field).await? {
                Some(content) => received = Some((name, content)),
                None => return Ok(Err(TOO_LARGE)),
            }
        } else {
            while field.try_next().await.map_err(|e| broken(&e))?.is_some() {}
        }
    }
    Ok(match received {
        Some((file_name, content)) if !content.is_empty() => recognised(file_name, content),
        _ => Err(NO_FILE),
    })
}

/// The bytes of a field; none if there are too many.
async fn read(field: &mut Field) -> Result<Option<Vec<u8>>, WebError> {
    let (mut content, mut length) = (Vec::new(), 0);
    while let Some(piece) = field.try_next().await.map_err(|e| broken(&e))? {
        length += piece.len();
        if length <= MOST_BYTES {
            content.extend_from_slice(&piece);
        } else if length > READ_ANYWAY {
            break;
        }
    }
    Ok((length <= MOST_BYTES).then_some(content))
}

fn recognised(file_name: String, content: Vec<u8>) -> Result<NewPicture, &'static str> {
    let media_type = match imagesize::image_type(&content) {
        Ok(ImageType::Gif) => "image/gif",
        Ok(ImageType::Jpeg) => "image/jpeg",
        Ok(ImageType::Png) => "image/png",
        Ok(ImageType::Webp) => "image/webp",
        _ => return Err(NO_PICTURE),
    };
    let size = imagesize::blob_size(&content).map_err(|_| NO_PICTURE)?;
    if size.width == 0 || size.height == 0 {
        return Err(NO_PICTURE);
    }
    if size.width > MOST_PIXELS || size.height > MOST_PIXELS {
        return Err(TOO_WIDE);
    }
    let pixels = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(NewPicture {
        file_name,
        media_type,
        width: pixels(size.width),
        height: pixels(size.height),
        content,
    })
}

/// The file's name without a path, at most 200 characters.
fn file_name(field: &Field) -> String {
    let sent = field
        .content_disposition()
        .and_then(|disposition| disposition.get_filename())
        .unwrap_or_default();
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    if name.trim().is_empty() {
        "Bild ohne Namen".to_owned()
    } else {
        name
    }
}

fn broken(error: &MultipartError) -> WebError {
    tracing::info!(%error, "an upload broke off");
    WebError::BadRequest("Das Bild kam nicht vollständig an. Bitte laden Sie es noch einmal hoch.")
}
