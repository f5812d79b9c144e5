//! The list of recipients, newest first, by group, status, and what was said about tracking.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::deletion_requests;
use crate::db::models::groups::{self, Group};
use crate::db::models::recipient_list::{self, Filter};
use crate::db::models::recipients::RecipientRow;
use crate::db::paging::CappedCount;
use crate::db::search::COUNT_LIMIT;
use crate::domain::tracking::{RecipientStatus, RecipientTracking};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/list.html")]
struct ListPage {
    page: Page,
    rows: Vec<RecipientRow>,
    links: Links,
    count: CappedCount,
    filter: Filter,
    /// The group that the list is narrowed to.
    group: Option<Group>,
    groups: Vec<Group>,
    /// How many ask to be deleted.
    deletion_requests: i64,
}

impl ListPage {
    fn group_options(&self) -> Vec<(i64, &str)> {
        self.groups
            .iter()
            .map(|group| (group.id, group.name.as_str()))
            .collect()
    }

    fn chosen_group(&self) -> String {
        self.filter
            .group_id
            .map(|id| id.to_string())
            .unwrap_or_default()
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn status_options(&self) -> [(&'static str, &'static str); 3] {
        [
            RecipientStatus::Active,
            RecipientStatus::Unsubscribed,
            RecipientStatus::Bounced,
        ]
        .map(|status| (status.as_str(), status.label()))
    }

    fn chosen_status(&self) -> &'static str {
        self.filter.status.map_or("", RecipientStatus::as_str)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn tracking_options(&self) -> [(&'static str, &'static str); 3] {
        [
            RecipientTracking::Unset,
            RecipientTracking::Consented,
            RecipientTracking::Objected,
        ]
        .map(|said| (said.as_str(), said.word()))
    }

    fn chosen_tracking(&self) -> &'static str {
        self.filter.tracking.map_or("", RecipientTracking::as_str)
    }

    fn is_narrowed(&self) -> bool {
        self.filter != Filter::default()
    }
}

/// What the list is narrowed to, as it stands in the address. A form sends empty texts for what
/// was not chosen.
#[derive(Default, Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    gruppe: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    tracking: String,
}

impl ListQuery {
    fn filter(&self) -> Result<Filter, WebError> {
        let unknown = |_| WebError::NotFound;
        Ok(Filter {
            group_id: match self.gruppe.as_str() {
                "" => None,
                id => Some(id.parse().map_err(|_| WebError::NotFound)?),
            },
            status: match self.status.as_str() {
                "" => None,
                word => Some(word.parse().map_err(unknown)?),
            },
            tracking: match self.tracking.as_str() {
                "" => None,
                word => Some(word.parse().map_err(unknown)?),
            },
        })
    }
}

/// GET `/empfaenger`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<ListQuery>,
    paging: web::Query<PagingQuery>,
) -> WebResult {
    let filter = query.filter()?;
    let position = paging.position();
    let account_id = signed_in.account_id();
    let (found, counted, groups, deletion_requests) = state
        .read(move |conn| {
            Ok((
                recipient_list::list(conn, account_id, filter, position, PAGE_SIZE)?,
                recipient_list::count(conn, account_id, filter, COUNT_LIMIT)?,
                groups::all(conn, account_id)?,
                deletion_requests::count(conn, account_id)?,
            ))
        })
        .await?;
    let group = match filter.group_id {
        None => None,
        Some(id) => Some(
            groups
                .iter()
                .find(|group| group.id == id)
                .cloned()
                .ok_or(WebError::NotFound)?,
        ),
    };
    let kept = [
        ("gruppe", query.gruppe.as_str()),
        ("status", query.status.as_str()),
        (
            "tracking",
            filter.tracking.map_or("", RecipientTracking::as_str),
        ),
    ];
    let links = Links::new(&found, |row| row.id, "/empfaenger", &kept);
    let count = exact_count(filter, group.as_ref(), signed_in.account.recipient_count)
        .map_or(counted, |all| CappedCount::new(all, i64::MAX));
    page(&ListPage {
        page: Page::new(&signed_in, Section::Recipients, "Empfänger"),
        rows: found.rows,
        links,
        count,
        filter,
        group,
        groups,
        deletion_requests,
    })
}

/// The whole account and whole groups are counted as they change, so their numbers are known.
fn exact_count(filter: Filter, group: Option<&Group>, in_account: i64) -> Option<i64> {
    if filter.status.is_some() || filter.tracking.is_some() {
        return None;
    }
    Some(group.map_or(in_account, |group| group.member_count))
}
