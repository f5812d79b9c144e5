//! `/api/v1/recipients`: finding, entering, changing and deleting people.

use std::collections::{BTreeMap, HashSet};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::conditional::{self, Condition};
use super::groups::GroupBody;
use super::input::{Json, Query};
use super::once::{self, Created, Made};
use super::paging::{self, Listed, Part};
use super::problem::{FieldProblem, Problem};
use super::receipts::ReceiptBody;
use super::recipient_changes;
use super::{ApiResult, utc};
use crate::db::models::groups::{self, Group};
use crate::db::models::receipts;
use crate::db::models::recipient_list::{self, Filter};
use crate::db::models::recipients::{self, Recipient, RecipientRow};
use crate::db::{Conn, DbResult, search};
use crate::domain::text::clean_name;
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingSource;
use crate::erasure::change;
use crate::erasure::deletion;
use crate::import::columns::{RESERVED_FIELD_NAMES, field_name};
use crate::tracking::enter::{self, Entered, Entering};
use crate::web::reasons;
use crate::web::recipients::person::{Person, Typed, checked_value};
use crate::web::state::State;

const PATH: &str = "/api/v1/recipients";

/// Longest needle that is searched for, in characters.
const MAX_NEEDLE_CHARS: usize = 320;

/// A recipient as a line of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecipientLine)]
pub struct LineBody {
    /// The recipient's number; never given twice.
    id: i64,
    /// The address.
    email: String,
    /// First name, or empty.
    first_name: String,
    /// Last name, or empty.
    last_name: String,
    /// Whether mails go there: `active`, `unsubscribed`, or `bounced`.
    #[schema(pattern = "^(active|unsubscribed|bounced)$")]
    status: &'static str,
    /// What the person has said about personal tracking: `unset`, `consented`, or `objected`.
    #[schema(pattern = "^(unset|consented|objected)$")]
    tracking: &'static str,
}

/// A recipient.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recipient)]
pub struct RecipientBody {
    /// What lists say of the person.
    #[serde(flatten)]
    line: LineBody,
    /// Free fields, by name.
    fields: BTreeMap<String, String>,
    /// The groups the person belongs to, by name.
    groups: Vec<GroupBody>,
    /// When the recipient was entered.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A person to be entered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRecipient)]
pub struct NewInput {
    /// The address; of no other recipient of the account.
    #[schema(max_length = 320)]
    email: String,
    /// First name.
    #[serde(default)]
    #[schema(max_length = 200)]
    first_name: String,
    /// Last name.
    #[serde(default)]
    #[schema(max_length = 200)]
    last_name: String,
    /// Free fields, by name: small letters, digits and underscores.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// The numbers of the groups to belong to.
    #[serde(default)]
    groups: Vec<i64>,
    /// Whether the person objects to personal tracking. An objection that is remembered from before
    /// holds in any case.
    #[serde(default)]
    objects: bool,
}

/// The data of a recipient, as a whole: what is left out is emptied.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecipientData)]
pub struct DataInput {
    /// The address; of no other recipient of the account.
    #[schema(max_length = 320)]
    email: String,
    /// First name.
    #[serde(default)]
    #[schema(max_length = 200)]
    first_name: String,
    /// Last name.
    #[serde(default)]
    #[schema(max_length = 200)]
    last_name: String,
    /// Free fields, by name: small letters, digits and underscores.
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

/// Which recipients.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Begin after the recipient with this number.
    #[param(minimum = 1)]
    after: Option<i64>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Only those whose address or name contains this, in any usual spelling: `mueller` finds
    /// `Müller`. Several words have to be in the name.
    #[param(max_length = 320)]
    search: Option<String>,
    /// Only the members of the group with this number. Not together with `search`.
    #[param(minimum = 1)]
    group: Option<i64>,
}

impl From<RecipientRow> for LineBody {
    fn from(row: RecipientRow) -> Self {
        Self {
            id: row.id,
            email: row.address,
            first_name: row.first_name,
            last_name: row.last_name,
            status: row.status.as_str(),
            tracking: row.tracking.as_str(),
        }
    }
}

impl RecipientBody {
    fn new(recipient: Recipient, groups: Vec<Group>) -> Self {
        Self {
            fields: serde_json::from_str(&recipient.fields).unwrap_or_default(),
            groups: groups.into_iter().map(GroupBody::from).collect(),
            created_at: utc(recipient.created_at),
            line: LineBody {
                id: recipient.id,
                email: recipient.address,
                first_name: recipient.first_name,
                last_name: recipient.last_name,
                status: recipient.status.as_str(),
                tracking: recipient.tracking.as_str(),
            },
        }
    }
}

/// The person, by the same rules as on the pages; or every field that is wrong.
pub(super) fn check(input: DataInput) -> Result<Person, Vec<FieldProblem>> {
    let mut wrong = Vec::new();
    let mut free = BTreeMap::new();
    for (typed, value) in input.fields {
        let name = clean_name(&typed);
        let problem = name_problem(&name)
            .map(ToOwned::to_owned)
            .or_else(|| checked_value(&name, &value).err())
            .or_else(|| free.contains_key(&name).then(|| TWICE.to_owned()));
        match problem {
            Some(problem) => wrong.push(FieldProblem::of_entry("fields", &typed, problem)),
            None => drop(free.insert(name, value)),
        }
    }
    let typed = Typed {
        email: input.email,
        first_name: input.first_name,
        last_name: input.last_name,
        free: free.into_iter().collect(),
        ..Typed::default()
    };
    match typed.check() {
        Ok(person) if wrong.is_empty() => Ok(person),
        Ok(_) => Err(wrong),
        Err(errors) => {
            wrong.extend(errors.iter().map(|(field, reason)| {
                let field = match field {
                    "vorname" => "first_name",
                    "nachname" => "last_name",
                    "email" => "email",
                    _ => "fields",
                };
                FieldProblem::new(field, reason)
            }));
            Err(wrong)
        }
    }
}

/// Two names of fields that are the same one.
const TWICE: &str = "Dieses Feld ist zweimal angegeben.";

/// What is wrong with the name of a free field.
fn name_problem(name: &str) -> Option<&'static str> {
    if RESERVED_FIELD_NAMES.contains(&name) {
        Some(reasons::FIELD_IS_FIXED)
    } else if field_name(name).as_deref() == Some(name) {
        None
    } else {
        Some(
            "Der Name eines Feldes besteht aus kleinen Buchstaben ohne Umlaute, Ziffern und Unterstrichen, höchstens 40 Zeichen.",
        )
    }
}

/// List or search recipients
#[utoipa::path(get, path = "/api/v1/recipients", operation_id = "list_recipients", tag = "Recipients", params(Wanted),
    responses((status = 200, description = "A page of recipients, the newest first", body = Listed<LineBody>)),
    security(("key" = ["recipients:read"])))]
pub async fn list(caller: Caller, state: web::Data<State>, wanted: Query<Wanted>) -> ApiResult {
    let Wanted {
        after,
        limit,
        search,
        group,
    } = wanted.0;
    let (position, size) = Part { after, limit }.read()?;
    let needle = search.unwrap_or_default().trim().to_owned();
    let mut wrong = Vec::new();
    if !needle.is_empty() && group.is_some() {
        wrong.push(FieldProblem::of_query(
            "group",
            "Nicht zusammen mit search.",
        ));
    }
    if needle.chars().count() > MAX_NEEDLE_CHARS {
        wrong.push(FieldProblem::of_query(
            "search",
            "Geben Sie höchstens 320 Zeichen an.",
        ));
    }
    if !wrong.is_empty() {
        return Err(Problem::Invalid(wrong));
    }
    let mut kept = vec![("limit", size.to_string())];
    if !needle.is_empty() {
        kept.push(("search", needle.clone()));
    }
    if let Some(group) = group {
        kept.push(("group", group.to_string()));
    }
    let account_id = caller.account_id();
    let page = state
        .read(move |conn| {
            if !needle.is_empty() {
                return search::find(conn, account_id, &needle, position, size);
            }
            if let Some(group) = group {
                groups::find(conn, account_id, group)?;
            }
            let filter = Filter {
                group_id: group,
                ..Filter::default()
            };
            recipient_list::list(conn, account_id, filter, position, size)
        })
        .await?;
    paging::answer(page, |row| row.id, LineBody::from, PATH, &kept)
}

/// Enter a recipient
///
/// An objection or unsubscription that is remembered for the address holds again.
#[utoipa::path(post, path = "/api/v1/recipients", operation_id = "create_recipient", tag = "Recipients", request_body = NewInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for a day",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Entered", body = Created,
               headers(("Location" = String, description = "Where the recipient is found")))),
    security(("key" = ["recipients:write"])))]
pub async fn create(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    input: Json<NewInput>,
) -> ApiResult {
    let NewInput {
        email,
        first_name,
        last_name,
        fields,
        groups: wanted,
        objects,
    } = input.value;
    let data = DataInput {
        email,
        first_name,
        last_name,
        fields,
    };
    let person = check(data).map_err(Problem::Invalid)?;
    let (account_id, actor) = (caller.account_id(), caller.actor());
    let remembering = state.remembering.clone();
    once::make(&request, &state, &caller, &input.raw, PATH, move |conn| {
        let known: HashSet<i64> = groups::all(conn, account_id)?
            .iter()
            .map(|group| group.id)
            .collect();
        if !wanted.iter().all(|id| known.contains(id)) {
            let missing = wanted
                .iter()
                .enumerate()
                .filter(|(_, id)| !known.contains(id));
            let wrong = missing.map(|(place, _)| {
                FieldProblem::of_entry("groups", &place.to_string(), "Diese Gruppe gibt es nicht.")
            });
            return Ok(Made::Not(Problem::Invalid(wrong.collect())));
        }
        let entering = Entering {
            address: &person.address,
            first_name: &person.first_name,
            last_name: &person.last_name,
            fields: &person.fields,
            groups: &wanted,
            objects,
            source: TrackingSource::Program,
        };
        let entered = enter::enter(
            conn,
            account_id,
            &entering,
            &remembering,
            &actor,
            Timestamp::now(),
        )?;
        Ok(match entered {
            Entered::New(id, _) => Made::New(id),
            Entered::Existing(id) => Made::Not(Problem::AddressTaken(id)),
        })
    })
    .await
}

/// Get a recipient
#[utoipa::path(get, path = "/api/v1/recipients/{id}", operation_id = "get_recipient", tag = "Recipients",
    params(("id" = i64, Path, minimum = 1, description = "The recipient's number"),
           ("If-None-Match" = Option<String>, Header, description = "Answered with 304 while the state with this ETag holds")),
    responses((status = 200, description = "The recipient", body = RecipientBody,
               headers(("ETag" = String, description = "Names this state"))),
              (status = 304, description = "As it was")),
    security(("key" = ["recipients:read"])))]
pub async fn show(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
) -> ApiResult {
    conditional::show(&request, &read(&caller, &state, *id).await?)
}

/// Change a recipient
///
/// A new address keeps what the person has said, and it stays remembered for the old one; what is
/// remembered for the new address holds, too. Bounces end with the old address.
#[utoipa::path(put, path = "/api/v1/recipients/{id}", operation_id = "update_recipient", tag = "Recipients", request_body = DataInput,
    params(("id" = i64, Path, minimum = 1, description = "The recipient's number"),
           ("If-Match" = Option<String>, Header, description = "Only of the state with this ETag; 412 when somebody else changed it meanwhile")),
    responses((status = 200, description = "The recipient as it is now", body = RecipientBody,
               headers(("ETag" = String, description = "Names this state")))),
    security(("key" = ["recipients:write"])))]
pub async fn update(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
    input: Json<DataInput>,
) -> ApiResult {
    let person = check(input.value).map_err(Problem::Invalid)?;
    recipient_changes::change(&caller, &state, &request, *id, move |_| Ok(person)).await
}

/// Delete a recipient
///
/// Pseudonymises the old tracking data, without changing a figure of any report, and removes the
/// person from every table at once; the files are cleaned shortly after. The receipt does not say
/// who it was.
#[utoipa::path(delete, path = "/api/v1/recipients/{id}", operation_id = "delete_recipient", tag = "Recipients",
    params(("id" = i64, Path, minimum = 1, description = "The recipient's number"),
           ("If-Match" = Option<String>, Header, description = "Only of the state with this ETag; 412 when somebody else changed it meanwhile")),
    responses((status = 200, description = "Deleted; what was done", body = ReceiptBody)),
    security(("key" = ["recipients:delete"])))]
pub async fn delete(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
) -> ApiResult {
    let condition = Condition::of(&request)?;
    let (account_id, actor, id) = (caller.account_id(), caller.actor(), *id);
    let (key, node) = (state.remembering.clone(), state.cleaner.node().to_owned());
    let (receipt, remains) = state
        .write(move |conn| {
            let now = Timestamp::now();
            if condition.is_set() {
                change::lock(conn, account_id, id)?;
                if let Err(stale) = condition.check(&body_of(conn, account_id, id)?) {
                    return Ok(Err(stale));
                }
            }
            let (receipt, remains) =
                deletion::delete_recipient(conn, account_id, id, &key, &actor, now)?;
            receipts::assign(conn, account_id, receipt, &node)?;
            Ok(Ok((receipts::find(conn, account_id, receipt)?, remains)))
        })
        .await??;
    state.cleaner.clean(remains);
    Ok(HttpResponse::Ok().json(ReceiptBody::from(receipt)))
}

pub(super) async fn read(
    caller: &Caller,
    state: &State,
    id: i64,
) -> Result<RecipientBody, Problem> {
    let account_id = caller.account_id();
    Ok(state
        .read(move |conn| body_of(conn, account_id, id))
        .await?)
}

pub(super) fn body_of(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<RecipientBody> {
    Ok(RecipientBody::new(
        recipients::find(conn, account_id, id)?,
        groups::of_recipient(conn, account_id, id)?,
    ))
}
