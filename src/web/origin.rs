//! Where an unsafe request comes from: from our own pages, and by https where that is the only way.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, ORIGIN};
use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;

use crate::web::error::WebError;
use crate::web::page::Page;
use crate::web::respond::page_with;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "errors/use_https.html")]
struct UseHttpsPage<'a> {
    page: Page,
    /// Where this installation is reached.
    address: &'a str,
}

/// Whether a browser says that one of our own pages sent this. Browsers say so in
/// `Sec-Fetch-Site` (Fetch Metadata) or, older ones, in `Origin` (RFC 6454); what says neither
/// is no browser and can't be led by another site.
pub fn is_own(request: &ServiceRequest) -> bool {
    let header = |name| header_of(request, name);
    if let Some(site) = header("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = header(ORIGIN.as_str()) else {
        return true;
    };
    let public = request
        .app_data::<web::Data<State>>()
        .map(|state| state.public_url.origin().ascii_serialization());
    let host = header(HOST.as_str()).unwrap_or_default();
    public.as_deref() == Some(origin)
        || origin
            .split_once("://")
            .is_some_and(|(_, of)| !host.is_empty() && of == host)
}

/// Whether the browser reached by http what is only to be reached by https: it would not keep the
/// session's cookie, and the page would lead back to signing in for ever. Browsers send Fetch
/// Metadata to trustworthy origins only, and these keep the cookie: https, and the own machine.
pub fn is_plain_http(request: &ServiceRequest) -> bool {
    let is_https = request
        .app_data::<web::Data<State>>()
        .is_some_and(|state| state.is_https());
    let origin = header_of(request, ORIGIN.as_str()).unwrap_or_default();
    is_https && origin.starts_with("http://") && header_of(request, "sec-fetch-site").is_none()
}

/// The page that says so.
pub fn use_https(request: &ServiceRequest) -> HttpResponse {
    let address = request
        .app_data::<web::Data<State>>()
        .map_or("/", |state| state.public_url.as_str());
    let page = Page::public("Bitte über https öffnen");
    page_with(StatusCode::FORBIDDEN, &UseHttpsPage { page, address })
        .unwrap_or_else(|error: WebError| error.error_response())
}

fn header_of<'a>(request: &'a ServiceRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
