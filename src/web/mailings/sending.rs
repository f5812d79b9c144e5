//! *Senden*: what will happen, the start, and how far it has come.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::may_read;
use crate::db::models::mailings::{self, Mailing, MailingGroup};
use crate::domain::time::Timestamp;
use crate::sending::preparation::{self, Audience, Findings};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "mailings/send.html")]
struct SendPage {
    page: Page,
    mailing: Mailing,
    groups: Vec<MailingGroup>,
    audience: Audience,
    total: i64,
    findings: Findings,
}

impl SendPage {
    fn can_start(&self) -> bool {
        self.total > 0 && self.findings.problems.is_empty()
    }
}

#[derive(Template)]
#[template(path = "mailings/progress.html")]
struct ProgressPart {
    mailing: Mailing,
}

impl ProgressPart {
    fn progress_text(&self) -> String {
        progress_text(&self.mailing)
    }
}

/// How far sending has come, as a sentence.
pub(super) fn progress_text(mailing: &Mailing) -> String {
    format!(
        "{} von {}",
        filters::format_number(mailing.ended()),
        filters::format_number(mailing.deliveries)
    )
}

/// GET `/e-mailings/{id}/senden`
pub async fn new(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let (mailing, groups, audience, known) = state
        .read(move |conn| {
            Ok((
                mailings::find(conn, account_id, id)?,
                mailings::groups_of(conn, account_id, id)?,
                preparation::audience(conn, account_id, id)?,
                preparation::known_fields(conn, account_id)?,
            ))
        })
        .await?;
    if !mailing.is_draft() {
        return see_other(format!("/e-mailings/{id}"));
    }
    page(&SendPage {
        page: Page::new(&signed_in, Section::Mailings, "E-Mailing senden"),
        findings: preparation::examine(&mailing.subject, &mailing.html, &mailing.text, &known),
        mailing,
        groups,
        total: audience.total(),
        audience,
    })
}

/// POST `/e-mailings/{id}/senden`
pub async fn create(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id, actor) = (signed_in.account_id(), *id, signed_in.actor());
    state
        .write(move |conn| preparation::start(conn, account_id, id, &actor, Timestamp::now()))
        .await?;
    state.sender.wake();
    see_other(format!("/e-mailings/{id}?meldung=versand-gestartet"))
}

/// GET `/e-mailings/{id}/stand`
pub async fn progress(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    may_read(&signed_in)?;
    let (account_id, id) = (signed_in.account_id(), *id);
    let mailing = state
        .read(move |conn| mailings::find(conn, account_id, id))
        .await?;
    let mut response = HttpResponse::Ok();
    response.content_type("text/html; charset=utf-8");
    if mailing.sent_at.is_some() {
        response.insert_header(("X-Fertig", "ja"));
    }
    let body = ProgressPart { mailing }.render().map_err(WebError::from)?;
    Ok(response.body(body))
}
