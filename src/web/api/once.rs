//! POSTs that may be sent again: with the same `Idempotency-Key` the same thing is made only once,
//! for a day.
//!
//! Of the request only a keyed hash is kept, of the answer its status and the number of what was
//! made: no address lies here that a deletion would have to find (rule P7).

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiResult;
use super::caller::Caller;
use super::problem::Problem;
use crate::db::models::api_requests::{self, KEPT_MILLIS};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::web::error::WebError;
use crate::web::state::State;

const HEADER: &str = "idempotency-key";

/// What was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    /// Its number.
    id: i64,
}

/// What came of trying to make something.
pub enum Made {
    /// It is there now, with this number.
    New(i64),
    /// It is not, and nothing was changed.
    Not(Problem),
}

/// The identity of a request: a keyed hash of its key, and one of what it asks for.
#[derive(Clone, Copy)]
struct Mark {
    key: [u8; 32],
    request: [u8; 32],
}

impl Mark {
    /// That of a request, if it has a key.
    fn of(request: &HttpRequest, body: &[u8], secret: &Key) -> Result<Option<Self>, Problem> {
        let mut given = request.headers().get_all(HEADER);
        let Some(key) = given.next() else {
            return Ok(None);
        };
        let is_usable = key.to_str().is_ok_and(|key| {
            (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        });
        if !is_usable || given.next().is_some() {
            return Err(Problem::Malformed(
                "Idempotency-Key: give one, of 1 to 255 visible ASCII characters.".to_owned(),
            ));
        }
        let what = [request.path().as_bytes(), b"\n", body].concat();
        Ok(Some(Self {
            key: secret.mac(key.as_bytes()),
            request: secret.mac(&what),
        }))
    }
}

/// Makes something in one transaction, once for each `Idempotency-Key`. `path` is where it is found.
pub async fn make<F>(
    request: &HttpRequest,
    state: &web::Data<State>,
    caller: &Caller,
    body: &[u8],
    path: &'static str,
    act: F,
) -> ApiResult
where
    F: Fn(&mut Conn) -> DbResult<Made> + Send + 'static,
{
    let mark = Mark::of(request, body, &state.idempotency)?;
    let (db, account_id, key_id) = (state.db.clone(), caller.account_id(), caller.key.id);
    let made = web::block(move || {
        let try_it = || {
            db.write(|conn| match mark {
                Some(mark) => once(conn, account_id, key_id, mark, &act),
                None => act(conn),
            })
        };
        match try_it() {
            // Somebody was faster, perhaps the same request: look again.
            Err(DbError::Duplicate) => try_it(),
            other => other,
        }
    })
    .await
    .map_err(WebError::from)??;
    match made {
        Made::New(id) => Ok(HttpResponse::Created()
            .insert_header((LOCATION, format!("{path}/{id}")))
            .json(Created { id })),
        Made::Not(problem) => Err(problem),
    }
}

fn once<F>(conn: &mut Conn, account_id: i64, key_id: i64, mark: Mark, act: &F) -> DbResult<Made>
where
    F: Fn(&mut Conn) -> DbResult<Made>,
{
    let now = Timestamp::now();
    let since = now.plus_millis(-KEPT_MILLIS);
    if let Some(before) = api_requests::find(conn, account_id, key_id, &mark.key, since)? {
        return Ok(if before.request_hash == mark.request {
            Made::New(before.created_id)
        } else {
            Made::Not(Problem::KeyUsedBefore)
        });
    }
    // First of all: the same request at the same time waits here for this one's end.
    api_requests::keep(conn, account_id, key_id, &mark.key, &mark.request, now)?;
    let made = act(conn)?;
    match made {
        Made::New(id) => api_requests::finish(conn, account_id, key_id, &mark.key, id)?,
        // Nothing was done, so it can be tried again.
        Made::Not(_) => api_requests::forget(conn, account_id, key_id, &mark.key)?,
    }
    Ok(made)
}
