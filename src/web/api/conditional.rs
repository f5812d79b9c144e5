//! Conditional requests (RFC 9110, section 13): what is read carries an `ETag`, and who changes it
//! can say which state they saw. The comparison is made in the transaction that writes.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, ETAG, EntityTag, Header, IF_MATCH, IF_NONE_MATCH, IfMatch, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ApiResult;
use super::problem::Problem;

/// Which state a change was made for.
pub enum Condition {
    /// Whatever there is.
    None,
    /// `*`: whatever there is, as long as it exists.
    Exists,
    /// One of these states.
    Seen(Vec<EntityTag>),
}

impl Condition {
    /// What `If-Match` says.
    ///
    /// # Errors
    /// [`Problem::Malformed`] when it can't be read: a change is not made on a guess.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        if !request.headers().contains_key(IF_MATCH) {
            return Ok(Self::None);
        }
        match IfMatch::parse(request) {
            Ok(IfMatch::Any) => Ok(Self::Exists),
            Ok(IfMatch::Items(seen)) => Ok(Self::Seen(seen)),
            Err(_) => Err(Problem::Malformed(
                "If-Match takes entity tags in quotes, or *.".to_owned(),
            )),
        }
    }

    /// Whether the stored state has to be looked at.
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Seen(_))
    }

    /// Whether the change may be made of this state.
    ///
    /// # Errors
    /// [`Problem::Stale`] when somebody else changed it meanwhile.
    pub fn check(&self, stored: &impl Serialize) -> Result<(), Problem> {
        let Self::Seen(seen) = self else {
            return Ok(());
        };
        let is = tag(stored)?;
        // A weak tag never matches here (section 13.1.1).
        if seen.iter().any(|tag| tag.strong_eq(&is)) {
            Ok(())
        } else {
            Err(Problem::Stale)
        }
    }
}

/// The tag of a state: a digest of what is answered.
fn tag(body: &impl Serialize) -> Result<EntityTag, Problem> {
    let text = serde_json::to_vec(body);
    let text = text.map_err(|_| Problem::Status(StatusCode::INTERNAL_SERVER_ERROR))?;
    let digest = Sha256::digest(&text);
    Ok(EntityTag::new_strong(URL_SAFE_NO_PAD.encode(&digest[..18])))
}

/// Answers with what was asked for and its tag; with 304 where `If-None-Match` says it is known.
pub fn show(request: &HttpRequest, body: &impl Serialize) -> ApiResult {
    let is = tag(body)?;
    let is_known = request.headers().contains_key(IF_NONE_MATCH)
        && match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(known)) => known.iter().any(|tag| tag.weak_eq(&is)),
            Err(_) => false,
        };
    if is_known {
        return Ok(with_tag(&mut HttpResponse::NotModified(), is).finish());
    }
    Ok(with_tag(&mut HttpResponse::Ok(), is).json(body))
}

/// Answers with what was changed, and its new tag.
pub fn changed(body: &impl Serialize) -> ApiResult {
    let is = tag(body)?;
    Ok(with_tag(&mut HttpResponse::Ok(), is).json(body))
}

fn with_tag(
    answer: &mut actix_web::HttpResponseBuilder,
    tag: EntityTag,
) -> &mut actix_web::HttpResponseBuilder {
    answer
        .insert_header((ETAG, tag.to_string()))
        // Kept nowhere between (rule P7); a program may keep what it asked for itself.
        .insert_header((CACHE_CONTROL, "private, no-store"))
}
