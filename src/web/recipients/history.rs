//! Tab *Verlauf*: what was sent to a recipient, and what came of it.

use actix_web::web;
use askama::Template;

use crate::db::models::deliveries::{self, DeliveryStatus, HistoryLine};
use crate::db::models::recipients::{self, Recipient};
use crate::domain::role::Role;
use crate::domain::tracking::Decision;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// How many mailings the tab shows.
const MAX_LINES: usize = 200;

#[derive(Template)]
#[template(path = "recipients/history.html")]
struct HistoryPage {
    page: Page,
    recipient: Recipient,
    lines: Vec<HistoryLine>,
    /// Whether there are older mailings than those shown.
    has_more: bool,
    can_reports: bool,
}

impl HistoryPage {
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn is_sent(&self, line: &HistoryLine) -> bool {
        matches!(
            line.status,
            DeliveryStatus::Handed | DeliveryStatus::Uncertain
        )
    }

    /// Whether opens and clicks of this delivery were stored with a way back to the recipient.
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn is_personal(&self, line: &HistoryLine) -> bool {
        line.policy == Some(Decision::Personal)
    }

    /// What became of a delivery, where that is not simply the time of sending.
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn outcome(&self, line: &HistoryLine) -> &'static str {
        match line.status {
            DeliveryStatus::Handed => "",
            DeliveryStatus::Pending => "wartet auf den Versand",
            DeliveryStatus::Deferred => "wird später erneut versucht",
            DeliveryStatus::Claimed | DeliveryStatus::Underway => "wird gerade versendet",
            DeliveryStatus::Uncertain => "möglicherweise versendet",
            DeliveryStatus::Failed => "nicht zustellbar",
            DeliveryStatus::Cancelled => "abgebrochen",
        }
    }
}

/// GET `/empfaenger/{id}/verlauf`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, path: web::Path<i64>) -> WebResult {
    let (account_id, recipient_id) = (signed_in.account_id(), *path);
    let limit = i64::try_from(MAX_LINES + 1).unwrap_or(i64::MAX);
    let (recipient, mut lines) = state
        .read(move |conn| {
            Ok((
                recipients::find(conn, account_id, recipient_id)?,
                deliveries::history(conn, account_id, recipient_id, limit)?,
            ))
        })
        .await?;
    let has_more = lines.len() > MAX_LINES;
    lines.truncate(MAX_LINES);
    page(&HistoryPage {
        page: Page::new(&signed_in, Section::Recipients, recipient.address.clone()),
        recipient,
        lines,
        has_more,
        can_reports: signed_in.user.roles().allow(Role::Reports),
    })
}
