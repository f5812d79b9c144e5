//! What a program sends, read strictly: JSON only, no field that is not known, nothing larger than
//! it has to be.

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
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(Problem::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
            }
            let raw = tokio::time::timeout(PATIENCE, read(payload))
                .await
                .map_err(|_| Problem::Status(StatusCode::REQUEST_TIMEOUT))??;
            let value = parse(&raw)?;
            Ok(Self { value, raw })
        })
    }
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
        let read = web::Query::<T>::from_query(request.query_string());
        std::future::ready(
            read.map(|query| Self(query.into_inner()))
                .map_err(|error| Problem::Malformed(error.to_string())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
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
