//! *Löschwünsche*: recipients who asked to be deleted. They are deleted as everybody is
//! ([`super::delete`]); declining needs a reason, which the person reads.

use actix_web::web;
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use crate::db::DbError;
use crate::db::models::audit::{self, Action, Entry};
use crate::db::models::deletion_requests::{self, DeletionRequest};
use crate::db::models::recipients::{self, Recipient};
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::{FormErrors, NO_ADDRESS, may_hold_address};
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// Longest reason, in characters.
const MAX_REASON_CHARS: usize = 1_000;

/// After so many days the account owes an answer: one month (Art. 12 (3) GDPR), counted short.
const DAYS_TO_ANSWER: i64 = 30;

#[derive(Template)]
#[template(path = "recipients/deletion_requests.html")]
struct ListPage {
    page: Page,
    rows: Vec<DeletionRequest>,
    links: Links,
    count: i64,
    now: i64,
}

impl ListPage {
    /// Until when the account owes an answer, in milliseconds.
    fn until(row: &DeletionRequest) -> i64 {
        Timestamp(row.requested_at)
            .plus_days(DAYS_TO_ANSWER)
            .millis()
    }

    fn is_late(&self, row: &DeletionRequest) -> bool {
        Self::until(row) < self.now
    }
}

#[derive(Template)]
#[template(path = "recipients/decline_deletion.html")]
struct DeclinePage {
    page: Page,
    recipient: Recipient,
    requested_at: i64,
    reason: String,
    errors: FormErrors,
}

/// Why a wish is declined.
#[derive(Deserialize)]
pub struct DeclineForm {
    #[serde(default)]
    reason: String,
}

/// GET `/empfaenger/loeschwuensche`
pub async fn list(
    signed_in: SignedIn,
    state: web::Data<State>,
    paging: web::Query<PagingQuery>,
) -> WebResult {
    let (account_id, position) = (signed_in.account_id(), paging.position());
    let (found, count) = state
        .read(move |conn| {
            Ok((
                deletion_requests::list(conn, account_id, position, PAGE_SIZE)?,
                deletion_requests::count(conn, account_id)?,
            ))
        })
        .await?;
    page(&ListPage {
        page: Page::new(&signed_in, Section::Recipients, "Löschwünsche"),
        links: Links::new(
            &found,
            |row| row.recipient_id,
            "/empfaenger/loeschwuensche",
            &[],
        ),
        rows: found.rows,
        count,
        now: Timestamp::now().millis(),
    })
}

/// GET `/empfaenger/{id}/loeschwunsch/ablehnen`
pub async fn ask_to_decline(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let asked = decline_page(&signed_in, &state, *id, String::new(), FormErrors::new()).await?;
    page(&asked)
}

/// POST `/empfaenger/{id}/loeschwunsch/ablehnen`
pub async fn decline(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<DeclineForm>,
) -> WebResult {
    let (account_id, actor, id) = (signed_in.account_id(), signed_in.actor(), *id);
    let reason = form.into_inner().reason.trim().to_owned();
    let problem = if reason.is_empty() {
        Some("Geben Sie einen Grund an: Die Person hat ein Recht darauf, ihn zu erfahren.")
    } else if reason.chars().count() > MAX_REASON_CHARS {
        Some("Der Grund darf höchstens 1.000 Zeichen haben.")
    } else if may_hold_address(&reason) {
        Some(NO_ADDRESS)
    } else {
        None
    };
    if let Some(problem) = problem {
        let errors = FormErrors::one("reason", problem);
        return invalid(&decline_page(&signed_in, &state, id, reason, errors).await?);
    }
    state
        .write(move |conn| {
            if !deletion_requests::remove(conn, account_id, id)? {
                return Err(DbError::NotFound);
            }
            let entry = Entry {
                actor: &actor,
                action: Action::DeletionRequestDeclined,
                recipient_id: Some(id),
                details: json!({ "reason": reason }),
            };
            audit::record(conn, account_id, &entry, Timestamp::now())
        })
        .await?;
    see_other("/empfaenger/loeschwuensche?meldung=loeschwunsch-abgelehnt")
}

async fn decline_page(
    signed_in: &SignedIn,
    state: &State,
    id: i64,
    reason: String,
    errors: FormErrors,
) -> Result<DeclinePage, WebError> {
    let account_id = signed_in.account_id();
    let (recipient, requested_at) = state
        .read(move |conn| {
            Ok((
                recipients::find(conn, account_id, id)?,
                deletion_requests::of_recipient(conn, account_id, id)?,
            ))
        })
        .await?;
    Ok(DeclinePage {
        page: Page::new(signed_in, Section::Recipients, "Löschwunsch ablehnen?"),
        requested_at: requested_at.ok_or(WebError::NotFound)?,
        recipient,
        reason,
        errors,
    })
}
