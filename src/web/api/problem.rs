//! What a program is told when something goes wrong: `application/problem+json` (RFC 9457). The
//! `type` of a problem never changes; its texts may.

use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::db::DbError;
use crate::domain::scope::Scope;
use crate::web::error::WebError;

/// The media type of every problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is no key, or none that is valid.
    Unauthorized,
    /// The key does not allow it.
    MissingScope(Scope),
    /// There is no such thing, or it belongs to another account: the answer is the same.
    NotFound,
    /// Something without an explanation of its own.
    Status(StatusCode),
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemBody {
    /// What kind of problem it is: an address below `/api/v1/problems/` that never changes.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem it is, for people.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What it was this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.body().title)
    }
}

impl From<WebError> for Problem {
    fn from(error: WebError) -> Self {
        let status = error.status_code();
        if status.is_server_error() {
            tracing::error!(what = %error, "a request of a program failed");
        }
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            other => Self::Status(other),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        WebError::from(error).into()
    }
}

impl Problem {
    /// As it is sent.
    pub fn body(&self) -> ProblemBody {
        let status = self.status_code();
        let (word, title, detail) = match self {
            Self::Unauthorized => (
                "unauthorized",
                "No valid key",
                Some(
                    "Send a key of the account as \"Authorization: Bearer …\". It may be wrong, revoked or expired."
                        .to_owned(),
                ),
            ),
            Self::MissingScope(scope) => (
                "missing-scope",
                "The key does not allow this",
                Some(format!("This needs a key with the scope {}.", scope.word())),
            ),
            Self::NotFound => ("not-found", "Not found", None),
            Self::Status(status) => {
                let (word, title) = of_status(*status);
                (word, title, None)
            }
        };
        ProblemBody {
            kind: format!("/api/v1/problems/{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
        }
    }
}

/// The kind and title of a problem that is known by its status only.
fn of_status(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        404 => ("not-found", "Not found"),
        405 => ("method-not-allowed", "Method not allowed"),
        408 => ("timeout", "The request did not arrive in time"),
        409 => ("conflict", "Not possible in the present state"),
        413 => ("too-large", "The request is too large"),
        429 => ("too-many-requests", "Too many requests"),
        503 => ("unavailable", "The database is away, nothing was changed"),
        507 => ("disk-full", "The disk is full, nothing was changed"),
        400..=499 => ("bad-request", "Bad request"),
        _ => ("internal", "Internal error"),
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::MissingScope(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Status(status) => *status,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            // RFC 6750, section 3.
            Self::Unauthorized => {
                answer.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"widerspruch\""));
            }
            Self::MissingScope(scope) => {
                answer.insert_header((
                    WWW_AUTHENTICATE,
                    format!(
                        "Bearer realm=\"widerspruch\", error=\"insufficient_scope\", scope=\"{}\"",
                        scope.word()
                    ),
                ));
            }
            Self::Status(StatusCode::SERVICE_UNAVAILABLE) => {
                answer.insert_header((RETRY_AFTER, "5"));
            }
            _ => {}
        }
        answer.insert_header((CONTENT_TYPE, MEDIA_TYPE));
        let text = serde_json::to_string(&self.body()).unwrap_or_default();
        answer.body(text)
    }
}

/// An answer with an error as a program reads it, whoever raised it: a routing error too.
pub fn explained(response: ServiceResponse) -> ServiceResponse {
    let is_explained = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == MEDIA_TYPE);
    if is_explained {
        return response;
    }
    let mut answer = Problem::Status(response.status()).error_response();
    // A 405 says what is allowed, for example.
    for (name, value) in response.headers() {
        if !answer.headers().contains_key(name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.into_response(answer)
}
