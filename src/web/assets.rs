//! Style sheets, scripts and pictures of the product itself, inside the binary. Their addresses
//! carry a hash, so browsers may keep them for good.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;

use crate::domain::secret::hex;
use crate::web::error::WebError;
use crate::web::respond::WebResult;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The address of a file, with the beginning of its hash.
pub fn address(path: &str) -> String {
    let hash = Files::get(path)
        .map(|file| file.metadata.sha256_hash())
        .unwrap_or_default();
    let short = hex(&hash[..4]);
    format!("/static/{path}?v={short}")
}

/// GET `/static/…`
pub async fn show(path: web::Path<String>) -> WebResult {
    let file = Files::get(&path).ok_or(WebError::NotFound)?;
    let kind = match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let hash = hex(&file.metadata.sha256_hash()[..8]);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((ETAG, format!("\"{hash}\"")))
        .body(file.data.into_owned()))
}
