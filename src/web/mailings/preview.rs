//! *Vorschau*: the mail as an invented recipient would see it. It never carries live tokens.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::Map;

use super::may_read;
use crate::db::models::mailings::{self, Mailing};
use crate::mail::{MailError, PreparedMailing, Recipient, RenderedMail, TrackingUrls};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::mail_document::{self, Shown};
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "mailings/preview.html")]
struct PreviewPage {
    page: Page,
    mailing: Mailing,
    subject: String,
    text: String,
    problem: Option<String>,
}

/// GET `/e-mailings/{id}/vorschau`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let mailing = find(&signed_in, &state, *id).await?;
    let (mailing, rendered) = render(mailing).await?;
    let (subject, text, problem) = match rendered {
        Ok(mail) => (mail.subject, mail.text, None),
        Err(error) => (mailing.subject.clone(), String::new(), Some(told(&error))),
    };
    page(&PreviewPage {
        page: Page::new(&signed_in, Section::Mailings, "Vorschau"),
        mailing,
        subject,
        text,
        problem,
    })
}

/// GET `/e-mailings/{id}/vorschau/inhalt`
pub async fn content(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> Result<HttpResponse, WebError> {
    let mailing = find(&signed_in, &state, *id).await?;
    let (_, rendered) = render(mailing).await?;
    let mail = rendered.map_err(|_| {
        WebError::Conflict("Die Vorlage hat einen Fehler, deshalb gibt es noch keine Vorschau.")
    })?;
    Ok(mail_document::html(mail.html, Shown::Preview))
}

async fn find(signed_in: &SignedIn, state: &State, id: i64) -> Result<Mailing, WebError> {
    may_read(signed_in)?;
    let account_id = signed_in.account_id();
    state
        .read(move |conn| mailings::find(conn, account_id, id))
        .await
}

/// Renders off the async threads: a long mailing takes its time.
async fn render(mailing: Mailing) -> Result<(Mailing, Result<RenderedMail, MailError>), WebError> {
    Ok(web::block(move || {
        let rendered = render_here(&mailing);
        (mailing, rendered)
    })
    .await?)
}

fn render_here(mailing: &Mailing) -> Result<RenderedMail, MailError> {
    let fields = Map::new();
    let somebody = Recipient {
        first_name: "Erika",
        last_name: "Mustermann",
        address: "erika.mustermann@example.org",
        fields: &fields,
    };
    let urls = TrackingUrls {
        pixel: None,
        click: None,
        unsubscribe: "#abmelden",
        preferences: "#datenschutz",
    };
    PreparedMailing::new(&mailing.subject, &mailing.html, &mailing.text, &[])?
        .render(&somebody, &urls)
}

/// What is wrong, for the author.
pub(super) fn told(error: &MailError) -> String {
    match error {
        MailError::Template { problem, .. } => {
            format!("Zeile {}: {}", problem.line, problem.message)
        }
        MailError::TooDeep => "Das HTML ist zu tief verschachtelt.".to_owned(),
        _ => "Das E-Mailing kann so nicht dargestellt werden.".to_owned(),
    }
}
