//! Answers: a rendered page, or the way to another one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, LOCATION};
use askama::Template;

use crate::web::error::WebError;

/// The answer of every handler.
pub type WebResult = Result<HttpResponse, WebError>;

/// A page.
pub fn page(template: &impl Template) -> WebResult {
    page_with(StatusCode::OK, template)
}

/// A page with a form whose input has to be corrected (422, RFC 9110 section 15.5.21).
pub fn invalid(template: &impl Template) -> WebResult {
    page_with(StatusCode::UNPROCESSABLE_ENTITY, template)
}

/// A page with a form that somebody else has overtaken (409, RFC 9110 section 15.5.10).
pub fn overtaken(template: &impl Template) -> WebResult {
    page_with(StatusCode::CONFLICT, template)
}

/// A page with any status.
pub fn page_with(status: StatusCode, template: &impl Template) -> WebResult {
    Ok(HttpResponse::build(status)
        .content_type(ContentType::html())
        .body(template.render()?))
}

/// After a change: on to the page that shows it (303, RFC 9110 section 15.4.4).
pub fn see_other(path: impl AsRef<str>) -> WebResult {
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, path.as_ref()))
        .finish())
}
