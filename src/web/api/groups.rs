//! `/api/v1/groups`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiResult;
use super::caller::Caller;
use super::conditional::{self, Condition};
use super::input::{Json, Query};
use super::once::{self, Created, Made};
use super::paging::{self, Listed, Part};
use super::problem::{FieldProblem, Problem};
use crate::db::models::group_leavings;
use crate::db::models::groups::{self, Group};
use crate::db::models::last_change::{self, Subject};
use crate::db::models::{jobs, recipients, signup_forms};
use crate::db::{Conn, DbResult};
use crate::domain::group::name_problem;
use crate::domain::time::Timestamp;
use crate::web::state::State;

const PATH: &str = "/api/v1/groups";

/// A group of recipients.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Group)]
pub struct GroupBody {
    /// Its number.
    id: i64,
    /// Its name.
    name: String,
    /// How many recipients belong to it.
    members: i64,
    /// Whether it was made to ask its members for consent: whoever objects leaves it, and stays out
    /// for six months.
    asks_consent: bool,
}

/// What a group is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupInput {
    /// Its name, of no other group of the account. Neither case nor the way it is composed in
    /// Unicode matters; invisible characters are left out.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

impl From<Group> for GroupBody {
    fn from(group: Group) -> Self {
        Self {
            id: group.id,
            name: group.name,
            members: group.member_count,
            asks_consent: group.asks_consent,
        }
    }
}

impl GroupInput {
    fn check(&self) -> Result<(), Problem> {
        match name_problem(&self.name) {
            None => Ok(()),
            Some(wrong) => Err(Problem::Invalid(vec![FieldProblem::new("name", wrong)])),
        }
    }
}

/// List groups
#[utoipa::path(get, path = "/api/v1/groups", operation_id = "list_groups", tag = "Groups", params(Part),
    responses((status = 200, description = "A page of groups, the newest first", body = Listed<GroupBody>)),
    security(("key" = ["recipients:read"])))]
pub async fn list(caller: Caller, state: web::Data<State>, part: Query<Part>) -> ApiResult {
    let (position, size) = part.0.read()?;
    let account_id = caller.account_id();
    let page = state
        .read(move |conn| groups::list(conn, account_id, position, size))
        .await?;
    let kept = [("limit", size.to_string())];
    paging::answer(page, |group| group.id, GroupBody::from, PATH, &kept)
}

/// Make a group
#[utoipa::path(post, path = "/api/v1/groups", operation_id = "create_group", tag = "Groups", request_body = GroupInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat for a day",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Made", body = Created,
               headers(("Location" = String, description = "Where it is found")))),
    security(("key" = ["recipients:write"])))]
pub async fn create(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    input: Json<GroupInput>,
) -> ApiResult {
    input.value.check()?;
    let (account_id, name) = (caller.account_id(), input.value.name);
    once::make(&request, &state, &caller, &input.raw, PATH, move |conn| {
        if groups::find_by_name(conn, account_id, &name)?.is_some() {
            return Ok(Made::Not(Problem::NameTaken));
        }
        Ok(Made::New(groups::create(
            conn,
            account_id,
            &name,
            Timestamp::now(),
        )?))
    })
    .await
}

/// Get a group
#[utoipa::path(get, path = "/api/v1/groups/{id}", operation_id = "get_group", tag = "Groups",
    params(("id" = i64, Path, minimum = 1, description = "The group's number"),
           ("If-None-Match" = Option<String>, Header, description = "Answered with 304 while the state with this ETag holds")),
    responses((status = 200, description = "The group", body = GroupBody,
               headers(("ETag" = String, description = "Names this state"))),
              (status = 304, description = "As it was")),
    security(("key" = ["recipients:read"])))]
pub async fn show(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
) -> ApiResult {
    let (account_id, id) = (caller.account_id(), *id);
    let group = state
        .read(move |conn| groups::find(conn, account_id, id))
        .await?;
    conditional::show(&request, &GroupBody::from(group))
}

/// Rename a group
#[utoipa::path(put, path = "/api/v1/groups/{id}", operation_id = "rename_group", tag = "Groups", request_body = GroupInput,
    params(("id" = i64, Path, minimum = 1, description = "The group's number"),
           ("If-Match" = Option<String>, Header, description = "Only of the state with this ETag; 412 when somebody else changed it meanwhile")),
    responses((status = 200, description = "The group as it is now", body = GroupBody,
               headers(("ETag" = String, description = "Names this state")))),
    security(("key" = ["recipients:write"])))]
pub async fn rename(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
    input: Json<GroupInput>,
) -> ApiResult {
    input.value.check()?;
    let condition = Condition::of(&request)?;
    let (account_id, id, name) = (caller.account_id(), *id, input.value.name);
    let renamed = state
        .write(move |conn| {
            if let Err(stale) = check(conn, account_id, id, &condition)? {
                return Ok(Err(stale));
            }
            if groups::is_taken(conn, account_id, id, &name)? {
                return Ok(Err(Problem::NameTaken));
            }
            groups::rename(conn, account_id, id, &name)?;
            last_change::note(conn, account_id, Subject::Group(id), None, Timestamp::now())?;
            groups::find(conn, account_id, id).map(Ok)
        })
        .await?;
    conditional::changed(&GroupBody::from(renamed?))
}

/// Whether a group may be changed: it is the one that was seen, and stays so until the commit.
fn check(
    conn: &mut Conn,
    account_id: i64,
    id: i64,
    condition: &Condition,
) -> DbResult<Result<(), Problem>> {
    last_change::lock(conn, account_id, Subject::Group(id))?;
    let group = groups::find(conn, account_id, id)?;
    Ok(condition.check(&GroupBody::from(group)))
}

/// Dissolve a group
///
/// Its members stay recipients, and reports stay as they are. Not while sign-up forms put people
/// into it.
#[utoipa::path(delete, path = "/api/v1/groups/{id}", operation_id = "dissolve_group", tag = "Groups",
    params(("id" = i64, Path, minimum = 1, description = "The group's number"),
           ("If-Match" = Option<String>, Header, description = "Only of the state with this ETag; 412 when somebody else changed it meanwhile")),
    responses((status = 204, description = "It is gone")),
    security(("key" = ["recipients:write"])))]
pub async fn delete(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
) -> ApiResult {
    let condition = Condition::of(&request)?;
    let (account_id, id) = (caller.account_id(), *id);
    let forms = state
        .write(move |conn| {
            if let Err(stale) = check(conn, account_id, id, &condition)? {
                return Ok(Err(stale));
            }
            // Whoever is to be deleted with it is known by belonging to it.
            if jobs::deleting_group(conn, account_id, id)?.is_some() {
                return Ok(Err(Problem::GroupBeingDeleted));
            }
            let forms = signup_forms::count_of_group(conn, account_id, id)?;
            if forms == 0 {
                groups::dissolve(conn, account_id, id)?;
            }
            Ok(Ok(forms))
        })
        .await??;
    if forms > 0 {
        return Err(Problem::GroupInUse(forms));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Put a recipient into a group
///
/// Who belongs to it already stays. Who left it by themselves is not put back (409, `left-group`): they
/// can sign up again, or a user of the account puts them back with a reason.
#[utoipa::path(put, path = "/api/v1/groups/{id}/members/{recipient}", operation_id = "add_member", tag = "Groups",
    params(("id" = i64, Path, minimum = 1, description = "The group's number"),
           ("recipient" = i64, Path, minimum = 1, description = "The recipient's number")),
    responses((status = 204, description = "Belongs to it")),
    security(("key" = ["recipients:write"])))]
pub async fn add_member(
    caller: Caller,
    state: web::Data<State>,
    path: web::Path<(i64, i64)>,
) -> ApiResult {
    let (account_id, (group_id, recipient_id)) = (caller.account_id(), *path);
    let belongs = state
        .write(move |conn| {
            groups::find(conn, account_id, group_id)?;
            recipients::find(conn, account_id, recipient_id)?;
            groups::add_members(
                conn,
                account_id,
                group_id,
                &[recipient_id],
                Timestamp::now(),
            )?;
            let left = group_leavings::among(conn, account_id, group_id, &[recipient_id])?;
            if !left.is_empty() {
                return Ok(Err(Problem::LeftGroup(recipient_id, group_id)));
            }
            let all = groups::of_recipient(conn, account_id, recipient_id)?;
            let belongs = all.iter().any(|group| group.id == group_id);
            Ok(belongs.then_some(()).ok_or(Problem::MayNotBeAsked))
        })
        .await?;
    belongs?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take a recipient out of a group
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{recipient}", operation_id = "remove_member", tag = "Groups",
    params(("id" = i64, Path, minimum = 1, description = "The group's number"),
           ("recipient" = i64, Path, minimum = 1, description = "The recipient's number")),
    responses((status = 204, description = "Does not belong to it (any more)")),
    security(("key" = ["recipients:write"])))]
pub async fn remove_member(
    caller: Caller,
    state: web::Data<State>,
    path: web::Path<(i64, i64)>,
) -> ApiResult {
    let (account_id, (group_id, recipient_id)) = (caller.account_id(), *path);
    state
        .write(move |conn| {
            groups::find(conn, account_id, group_id)?;
            recipients::find(conn, account_id, recipient_id)?;
            groups::remove_member(conn, account_id, group_id, recipient_id)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
