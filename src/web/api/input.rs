//! What a program sends, read strictly: JSON only, no field that is not known, nothing larger than
//! it has to be.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use super::problem::{FieldProblem, Problem};

/// The largest body, in bytes: a person with many free fields.
const LARGEST: usize = 256 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body, as it came and as it is understood.
pub struct Json<T> {
    /// What it says.
    pub value: T,
    /// The bytes of it.
    pub raw: Bytes,
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_of_kind(request, "application/json");
        let payload = payload.take();
        Box::pin(async move {
            let raw = receive(is_json, payload).await?;
            let value = parse(&raw)?;
            Ok(Self { value, raw })
        })
    }
}

/// What is to be changed of something (RFC 7396): an object whose members take the place of those
/// there are; `null` takes one away.
pub struct MergePatch<T> {
    /// The patch, understood as far as that goes without what it changes.
    patch: Value,
    kind: PhantomData<T>,
}

impl<T: DeserializeOwned + 'static> FromRequest for MergePatch<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_patch = is_of_kind(request, "application/merge-patch+json");
        let payload = payload.take();
        Box::pin(async move {
            let raw = receive(is_patch, payload).await?;
            // Read for its rules alone: which members there are, and of what kind.
            parse::<T>(&raw)?;
            let patch = parse(&raw)?;
            let kind = PhantomData;
            Ok(Self { patch, kind })
        })
    }
}

impl<T> MergePatch<T> {
    /// What becomes of something.
    ///
    /// # Errors
    /// [`Problem::Unexpected`] when something is missing afterwards.
    pub fn apply<U: DeserializeOwned>(&self, to: Value) -> Result<U, Problem> {
        let mut changed = to;
        merge(&mut changed, &self.patch);
        from_value(changed)
    }
}

/// The algorithm of RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        patch.clone_into(target);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

fn is_of_kind(request: &HttpRequest, wanted: &str) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

async fn receive(is_of_kind: bool, payload: Payload) -> Result<Bytes, Problem> {
    if !is_of_kind {
        return Err(Problem::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    tokio::time::timeout(PATIENCE, read(payload))
        .await
        .map_err(|_| Problem::Status(StatusCode::REQUEST_TIMEOUT))?
}

async fn read(mut payload: Payload) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::Malformed("The body is incomplete.".to_owned()))?;
        if body.len() + chunk.len() > LARGEST {
            return Err(Problem::Status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, Problem> {
    let value: Value =
        serde_json::from_slice(raw).map_err(|error| Problem::Malformed(error.to_string()))?;
    if holds_zero(&value) {
        return Err(Problem::Malformed(
            "No text may hold the character U+0000.".to_owned(),
        ));
    }
    if !value.is_object() {
        // Serde would take an array for the fields in their order.
        return Err(Problem::Malformed(
            "The body has to be an object.".to_owned(),
        ));
    }
    from_value(value)
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        Problem::Unexpected(error.inner().to_string(), FieldProblem::of_body(&error))
    })
}

/// Whether a text in it holds U+0000, which PostgreSQL refuses.
fn holds_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(all) => all.iter().any(holds_zero),
        Value::Object(all) => all
            .iter()
            .any(|(name, value)| name.contains('\0') || holds_zero(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The part of the address behind the question mark.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        let read = read_query(query).map(Self);
        std::future::ready(read.map_err(|message| query_problem::<T>(query, message)))
    }
}

fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, String> {
    let read = web::Query::<T>::from_query(query);
    read.map(web::Query::into_inner)
        .map_err(|error| error.to_string())
}

/// Why a query can't be understood. No parameter is required, so one that is wrong is wrong alone
/// too; the parser does not name it.
fn query_problem<T: DeserializeOwned>(query: &str, message: String) -> Problem {
    let mut seen = HashSet::new();
    for pair in query.split('&') {
        let Some((name, _)) = form_urlencoded::parse(pair.as_bytes()).next() else {
            continue;
        };
        let problem = match read_query::<T>(pair) {
            Err(message) => FieldProblem::of_unreadable_query(&name, &message),
            Ok(_) if !seen.insert(name.clone()) => {
                FieldProblem::of_query(&name, "Diese Angabe steht mehrmals da.")
            }
            Ok(_) => continue,
        };
        return Problem::Unexpected(message, problem);
    }
    Problem::Malformed(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
    }

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn a_patch_is_merged_as_the_rfc_has_it() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut merged: Value = serde_json::from_str(target).unwrap();
            merge(&mut merged, &serde_json::from_str(patch).unwrap());
            assert_eq!(
                merged,
                serde_json::from_str::<Value>(result).unwrap(),
                "{patch}"
            );
        }
    }

    #[test]
    fn only_what_is_known_is_read() {
        let name = |text: &str| parse::<Named>(text.as_bytes()).map(|named| named.name);
        assert_eq!(name(r#"{"name":"Anna"}"#), Ok("Anna".to_owned()));
        for wrong in [
            r#"{"name":"Anna","account_id":2}"#,
            r#"{"name":"A\u0000"}"#,
            r#"{"name":"Anna"} {}"#,
            r#"{"name":1}"#,
            "[]",
            r#"["Anna"]"#,
            "{",
            "",
        ] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
        let place = |text: &str| match parse::<Named>(text.as_bytes()) {
            Err(Problem::Unexpected(_, error)) => (error.pointer.unwrap_or_default(), error.detail),
            other => panic!("{other:?}"),
        };
        let (pointer, detail) = place("{}");
        assert_eq!((&*pointer, &*detail), ("#/name", "Diese Angabe fehlt."));
        let (pointer, detail) = place(r#"{"name":"Anna","admin":true}"#);
        assert_eq!(
            (&*pointer, &*detail),
            ("#/admin", "Diese Angabe gibt es hier nicht.")
        );
        assert_eq!(place(r#"{"name":1}"#).0, "#/name");
        assert!(parse::<Value>(br#"{"a":[{"b\u0000":1}]}"#).is_err());
        assert!(parse::<Named>(b"{\"name\":\"\xff\"}").is_err());
    }
}
