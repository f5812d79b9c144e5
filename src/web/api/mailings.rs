//! `/api/v1/mailings`.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::conditional;
use super::input::Query;
use super::paging::{self, Listed, Part};
use super::{ApiResult, utc};
use crate::db::models::mailings::{self, Mailing, MailingGroup};
use crate::web::state::State;

const PATH: &str = "/api/v1/mailings";

/// A mailing as a line of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailingLine)]
pub struct LineBody {
    /// Its number.
    id: i64,
    /// The subject, a template.
    subject: String,
    /// How far it has come.
    #[schema(pattern = "^(draft|scheduled|preparing|sending|paused|sent|cancelled)$")]
    status: &'static str,
    /// For when it is planned.
    #[schema(required, format = DateTime)]
    scheduled_at: Option<String>,
    /// When sending was started.
    #[schema(required, format = DateTime)]
    send_started_at: Option<String>,
    /// When sending was finished.
    #[schema(required, format = DateTime)]
    sent_at: Option<String>,
    /// To how many recipients it goes; 0 until sending has started.
    deliveries: i64,
    /// How many mails were handed over.
    handed: i64,
    /// How many may have been handed over: the program ended at that instant.
    uncertain: i64,
    /// How many were refused for good.
    failed: i64,
    /// How many were not sent any more, since the recipient was deleted, unsubscribed or bounced before.
    cancelled: i64,
}

/// A mailing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mailing)]
pub struct MailingBody {
    /// What lists say of it.
    #[serde(flatten)]
    line: LineBody,
    /// The sender's name, or empty.
    sender_name: String,
    /// The sender's address.
    sender_address: String,
    /// The HTML part, a template.
    html: String,
    /// The MJML of which the HTML is made, or empty.
    mjml: String,
    /// The text part, a template; empty: made from the HTML.
    text: String,
    /// The groups it goes to.
    groups: Vec<ToGroup>,
}

/// A group that a mailing goes to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToGroup {
    /// The group's number; null when it is gone.
    #[schema(required)]
    id: Option<i64>,
    /// The group's name, as it was called when the mailing was sent.
    name: String,
}

impl From<Mailing> for LineBody {
    fn from(mailing: Mailing) -> Self {
        Self {
            id: mailing.id,
            subject: mailing.subject,
            status: mailing.status.as_str(),
            scheduled_at: mailing.scheduled_at.map(utc),
            send_started_at: mailing.send_started_at.map(utc),
            sent_at: mailing.sent_at.map(utc),
            deliveries: mailing.deliveries,
            handed: mailing.handed,
            uncertain: mailing.uncertain,
            failed: mailing.failed,
            cancelled: mailing.cancelled,
        }
    }
}

impl MailingBody {
    fn new(mut mailing: Mailing, groups: Vec<MailingGroup>) -> Self {
        let take = std::mem::take::<String>;
        Self {
            sender_name: take(&mut mailing.sender_name),
            sender_address: take(&mut mailing.sender_address),
            html: take(&mut mailing.html),
            mjml: take(&mut mailing.mjml),
            text: take(&mut mailing.text),
            groups: groups
                .into_iter()
                .map(|group| ToGroup {
                    id: group.group_id,
                    name: group.group_name,
                })
                .collect(),
            line: mailing.into(),
        }
    }
}

/// List mailings
#[utoipa::path(get, path = "/api/v1/mailings", operation_id = "list_mailings", tag = "Mailings", params(Part),
    responses((status = 200, description = "A page of mailings, the newest first", body = Listed<LineBody>)),
    security(("key" = ["mailings:read"])))]
pub async fn list(caller: Caller, state: web::Data<State>, part: Query<Part>) -> ApiResult {
    let (position, size) = part.0.read()?;
    let account_id = caller.account_id();
    let page = state
        .read(move |conn| mailings::list(conn, account_id, position, size))
        .await?;
    let kept = [("limit", size.to_string())];
    paging::answer(page, |mailing| mailing.id, LineBody::from, PATH, &kept)
}

/// Get a mailing
#[utoipa::path(get, path = "/api/v1/mailings/{id}", operation_id = "get_mailing", tag = "Mailings",
    params(("id" = i64, Path, minimum = 1, description = "The mailing's number"),
           ("If-None-Match" = Option<String>, Header, description = "Answered with 304 while the state with this ETag holds")),
    responses((status = 200, description = "The mailing", body = MailingBody,
               headers(("ETag" = String, description = "Names this state"))),
              (status = 304, description = "As it was")),
    security(("key" = ["mailings:read"])))]
pub async fn show(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
) -> ApiResult {
    let (account_id, id) = (caller.account_id(), *id);
    let (mailing, groups) = state
        .read(move |conn| {
            Ok((
                mailings::find(conn, account_id, id)?,
                mailings::groups_of(conn, account_id, id)?,
            ))
        })
        .await?;
    conditional::show(&request, &MailingBody::new(mailing, groups))
}
