//! Changing a recipient: as a whole, by [`super::recipients::update`], or in part.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::ApiResult;
use super::caller::Caller;
use super::conditional::{self, Condition};
use super::input::MergePatch;
use super::problem::Problem;
use super::recipients::{RecipientBody, body_of, check, read};
use crate::db::models::recipients::{Recipient, RecipientData};
use crate::domain::time::Timestamp;
use crate::erasure::change::{self, Changed};
use crate::web::recipients::person::Person;
use crate::web::state::State;

/// What is to be changed of a recipient's data (RFC 7396): what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecipientPatch)]
#[allow(dead_code, reason = "says which members a patch may have")]
pub struct DataPatch {
    /// The address; of no other recipient of the account.
    #[schema(max_length = 320, nullable = false)]
    email: Option<String>,
    /// First name.
    #[schema(max_length = 200)]
    first_name: Option<String>,
    /// Last name.
    #[schema(max_length = 200)]
    last_name: Option<String>,
    /// Free fields, by name; null removes one.
    fields: Option<BTreeMap<String, Option<String>>>,
}

/// Change some data of a recipient
///
/// Members that are left out stay as they are; `null` empties one, or removes a free field.
#[utoipa::path(patch, path = "/api/v1/recipients/{id}", operation_id = "patch_recipient", tag = "Recipients",
    request_body(content = DataPatch, content_type = "application/merge-patch+json"),
    params(("id" = i64, Path, minimum = 1, description = "The recipient's number"),
           ("If-Match" = Option<String>, Header, description = "Only of the state with this ETag; 412 when somebody else changed it meanwhile")),
    responses((status = 200, description = "The recipient as it is now", body = RecipientBody,
               headers(("ETag" = String, description = "Names this state")))),
    security(("key" = ["recipients:write"])))]
pub async fn patch(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
    input: MergePatch<DataPatch>,
) -> ApiResult {
    let patched = move |stored: &Recipient| {
        let fields: serde_json::Value = serde_json::from_str(&stored.fields).unwrap_or_default();
        let whole = input.apply(json!({
            "email": stored.address,
            "first_name": stored.first_name,
            "last_name": stored.last_name,
            "fields": fields,
        }))?;
        check(whole).map_err(Problem::Invalid)
    };
    change(&caller, &state, &request, *id, patched).await
}

/// Changes a recipient into what is wanted of the stored state, if that is the one that was seen.
pub(super) async fn change(
    caller: &Caller,
    state: &State,
    request: &HttpRequest,
    id: i64,
    wanted: impl FnOnce(&Recipient) -> Result<Person, Problem> + Send + 'static,
) -> ApiResult {
    let condition = Condition::of(request)?;
    let (account_id, actor) = (caller.account_id(), caller.actor());
    let key = state.remembering.clone();
    let changed = state
        .write(move |conn| {
            let stored = change::lock(conn, account_id, id)?;
            // What could not be done anyway is said first (RFC 9110, section 13.2.1).
            let is = body_of(conn, account_id, id)?;
            let person = wanted(&stored).and_then(|person| condition.check(&is).map(|()| person));
            let person = match person {
                Ok(person) => person,
                Err(problem) => return Ok(Err(problem)),
            };
            let data = RecipientData {
                address: &person.address,
                first_name: &person.first_name,
                last_name: &person.last_name,
                fields: &person.fields,
            };
            let now = Timestamp::now();
            change::change(conn, account_id, id, &data, &key, &actor, now).map(Ok)
        })
        .await??;
    match changed {
        Changed::Saved { remains, .. } => {
            if let Some(remains) = remains {
                state.cleaner.clean(remains);
            }
            conditional::changed(&read(caller, state, id).await?)
        }
        Changed::TakenBy(other) => Err(Problem::AddressTaken(other)),
    }
}
