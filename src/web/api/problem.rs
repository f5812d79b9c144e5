//! What a program is told when something goes wrong: `application/problem+json` (RFC 9457). The
//! `type` of a problem never changes; its texts may.

use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_path_to_error::Segment;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::domain::group::NAME_TAKEN;
use crate::domain::scope::Scope;
use crate::web::error::WebError;
use crate::web::reasons::ADDRESS_TAKEN;

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
    /// The request can't be read, with what is wrong with it.
    Malformed(String),
    /// The body is JSON, but not of the form that is described, or the query is not; what is wrong with
    /// it as the parser says it, and where.
    Unexpected(String, FieldProblem),
    /// These fields are wrong.
    Invalid(Vec<FieldProblem>),
    /// The address belongs to that recipient.
    AddressTaken(i64),
    /// Another group has that name.
    NameTaken,
    /// So many sign-up forms put people into the group.
    GroupInUse(i64),
    /// The group is being deleted, with its people.
    GroupBeingDeleted,
    /// The group asks its members for consent, and this person refused.
    MayNotBeAsked,
    /// That recipient left that group by themselves.
    LeftGroup(i64, i64),
    /// A consent is not taken back as if nothing had been said.
    ConsentStands,
    /// Somebody else changed it since the state that `If-Match` names.
    Stale,
    /// The `Idempotency-Key` was used for another request.
    KeyUsedBefore,
    /// Something without an explanation of its own.
    Status(StatusCode),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The field, with a dot before its part.
    pub field: String,
    /// Where the field stands in the body: a JSON Pointer (RFC 6901) as a URI fragment, such as
    /// `#/consent/given_on`. Missing for a parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What is wrong with it: in German, in the words of the pages.
    pub detail: String,
}

/// How the parsers begin where a field has a name that is not known.
const UNKNOWN_FIELD: &str = "unknown field `";
const NO_SUCH_FIELD: &str = "Diese Angabe gibt es hier nicht.";

fn unreadable(message: &str) -> String {
    format!("Diese Angabe hat nicht die erwartete Form ({message}).")
}

impl FieldProblem {
    /// What is wrong with that field of the body; a dot is before its part.
    pub fn new(field: &str, detail: impl Into<String>) -> Self {
        Self::at(field, field.split('.'), detail)
    }

    /// What is wrong with the entry of that name in a field of the body.
    pub fn of_entry(field: &str, entry: &str, detail: impl Into<String>) -> Self {
        Self::at(field, [field, entry].into_iter(), detail)
    }

    /// What is wrong with that parameter of the query.
    pub fn of_query(parameter: &str, detail: impl Into<String>) -> Self {
        Self {
            field: parameter.to_owned(),
            pointer: None,
            detail: detail.into(),
        }
    }

    /// Why that parameter of the query can't be understood, as the parser says it.
    pub(super) fn of_unreadable_query(parameter: &str, message: &str) -> Self {
        let detail = if message.contains(UNKNOWN_FIELD) {
            NO_SUCH_FIELD.to_owned()
        } else {
            unreadable(message)
        };
        Self::of_query(parameter, detail)
    }

    fn at<'a>(field: &str, path: impl Iterator<Item = &'a str>, detail: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            pointer: Some(pointer(path)),
            detail: detail.into(),
        }
    }

    /// Why a body can't be understood.
    pub(super) fn of_body(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let message = error.inner().to_string();
        let places = error.path().iter();
        let places =
            places.filter(|place| matches!(place, Segment::Seq { .. } | Segment::Map { .. }));
        let mut path: Vec<String> = places
            .map(|place| match place {
                Segment::Seq { index } => index.to_string(),
                other => other.to_string(),
            })
            .collect();
        // The place is that of what holds the field.
        let mut named = |beginning: &str| -> bool {
            let name = message
                .strip_prefix(beginning)
                .and_then(|rest| rest.split('`').next());
            if let Some(name) = name
                && path.last().map(String::as_str) != Some(name)
            {
                path.push(name.to_owned());
            }
            name.is_some()
        };
        let detail = if named("missing field `") {
            "Diese Angabe fehlt.".to_owned()
        } else if named(UNKNOWN_FIELD) {
            NO_SUCH_FIELD.to_owned()
        } else {
            unreadable(&message)
        };
        Self::at(&path.join("."), path.iter().map(String::as_str), detail)
    }
}

/// Characters that a fragment holds only percent-encoded (RFC 3986, section 3.5).
const NOT_IN_FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A JSON Pointer as a URI fragment (RFC 6901, section 6).
fn pointer<'a>(path: impl Iterator<Item = &'a str>) -> String {
    let mut pointer = "#".to_owned();
    for part in path {
        let escaped = part.replace('~', "~0").replace('/', "~1");
        pointer.push('/');
        pointer.extend(utf8_percent_encode(&escaped, NOT_IN_FRAGMENT));
    }
    pointer
}

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
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
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldProblem>,
    /// The recipient who has the address already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<i64>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind().1)
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
        let (word, title) = self.kind();
        ProblemBody {
            kind: format!("/api/v1/problems/{word}"),
            title: title.to_owned(),
            status: self.status_code().as_u16(),
            detail: match self {
                Self::Unauthorized => Some(
                    "Send a key of the account as \"Authorization: Bearer …\". It may be wrong, revoked or expired."
                        .to_owned(),
                ),
                Self::MissingScope(scope) => {
                    Some(format!("This needs a key with the scope {}.", scope.word()))
                }
                Self::Malformed(detail) | Self::Unexpected(detail, _) => Some(detail.clone()),
                Self::GroupInUse(forms) => Some(format!(
                    "Sign-up forms that put people into it: {forms}. Remove them first."
                )),
                Self::LeftGroup(recipient, group) => Some(format!(
                    "Recipient {recipient} left group {group}. They can sign up again, or a user of the account puts them back with a reason, on the recipient's tab Gruppen."
                )),
                Self::Stale => Some("Get it again, and decide anew.".to_owned()),
                Self::ConsentStands => Some("Record an objection instead.".to_owned()),
                _ => None,
            },
            errors: match self {
                Self::Invalid(errors) => errors.clone(),
                Self::Unexpected(_, error) => vec![error.clone()],
                Self::AddressTaken(_) => vec![FieldProblem::new("email", ADDRESS_TAKEN)],
                Self::NameTaken => vec![FieldProblem::new("name", NAME_TAKEN)],
                _ => Vec::new(),
            },
            existing: match self {
                Self::AddressTaken(id) => Some(*id),
                _ => None,
            },
        }
    }

    /// The last part of its type, and its title.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unauthorized => ("unauthorized", "No valid key"),
            Self::MissingScope(_) => ("missing-scope", "The key does not allow this"),
            Self::NotFound => ("not-found", "Not found"),
            Self::Malformed(_) | Self::Unexpected(..) => ("malformed", "The request can't be read"),
            Self::Invalid(_) => ("invalid", "Some fields are wrong"),
            Self::AddressTaken(_) => ("address-taken", "Another recipient has this address"),
            Self::NameTaken => ("name-taken", "Another group has this name"),
            Self::GroupInUse(_) => ("group-in-use", "Sign-up forms put people into this group"),
            Self::GroupBeingDeleted => (
                "group-being-deleted",
                "This group is being deleted with its people",
            ),
            Self::MayNotBeAsked => (
                "may-not-be-asked",
                "This person refused and may not be asked for consent now",
            ),
            Self::LeftGroup(..) => ("left-group", "This person left the group by themselves"),
            Self::ConsentStands => ("consent-stands", "A consent can't be unset"),
            Self::Stale => (
                "precondition-failed",
                "It was changed since the state that If-Match names",
            ),
            Self::KeyUsedBefore => (
                "idempotency-key-reused",
                "This Idempotency-Key was used for another request",
            ),
            Self::Status(status) => of_status(*status),
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
        415 => (
            "unsupported-media-type",
            "The body has to be application/json, of a PATCH application/merge-patch+json",
        ),
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
            Self::Malformed(_) | Self::Unexpected(..) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) | Self::KeyUsedBefore => StatusCode::UNPROCESSABLE_ENTITY,
            Self::AddressTaken(_)
            | Self::NameTaken
            | Self::GroupInUse(_)
            | Self::GroupBeingDeleted
            | Self::MayNotBeAsked
            | Self::LeftGroup(..)
            | Self::ConsentStands => StatusCode::CONFLICT,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_fragments() {
        let of = |field: &str, entry: &str| FieldProblem::of_entry(field, entry, "").pointer;
        assert_eq!(of("fields", "ort").as_deref(), Some("#/fields/ort"));
        assert_eq!(
            of("fields", "a/b~c d%é").as_deref(),
            Some("#/fields/a~1b~0c%20d%25%C3%A9")
        );
        let part = FieldProblem::new("consent.given_on", "").pointer;
        assert_eq!(part.as_deref(), Some("#/consent/given_on"));
        assert_eq!(FieldProblem::of_query("limit", "").pointer, None);
    }
}
