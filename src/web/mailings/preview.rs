//! *Vorschau*: the mail as a recipient would see it, chosen or made up, on a desk or on a phone.
//! It never carries live tokens.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::persona::{Persona, may_choose};
use crate::db::models::mailings::{self, Mailing};
use crate::db::models::readers;
use crate::db::paging::Position;
use crate::db::search;
use crate::mail::{MailError, RenderedMail};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::mail_document::{self, Shown};
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// How many recipients are offered.
const OFFERED: usize = 10;

/// As whom, and how wide.
#[derive(Deserialize)]
pub struct PreviewQuery {
    /// The recipient's number.
    als: Option<i64>,
    /// A part of an address or name that is looked for.
    q: Option<String>,
    /// `telefon`, or else a desk.
    breite: Option<String>,
}

/// A recipient who can be chosen.
struct Choice {
    id: i64,
    address: String,
    name: String,
}

#[derive(Template)]
#[template(path = "mailings/preview.html")]
struct PreviewPage {
    page: Page,
    mailing: Mailing,
    persona: Persona,
    on_phone: bool,
    /// What is looked for.
    needle: String,
    may_choose: bool,
    choices: Vec<Choice>,
    subject: String,
    text: String,
    problem: Option<String>,
}

impl PreviewPage {
    fn here(&self) -> String {
        format!("/e-mailings/{}/vorschau", self.mailing.id)
    }

    /// The query that keeps the person.
    fn as_whom(&self) -> String {
        self.persona
            .id
            .map_or_else(String::new, |id| format!("?als={id}"))
    }

    fn at_width(&self, width: &str) -> String {
        let joint = if self.persona.id.is_some() { '&' } else { '?' };
        format!("{}{}{joint}breite={width}", self.here(), self.as_whom())
    }

    /// Whether those who are offered are all who were found.
    fn are_all(&self) -> bool {
        self.choices.len() < OFFERED
    }

    fn width(&self) -> &'static str {
        if self.on_phone { "telefon" } else { "desktop" }
    }
}

/// GET `/e-mailings/{id}/vorschau`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    query: web::Query<PreviewQuery>,
) -> WebResult {
    let mailing = find(&signed_in, &state, *id).await?;
    let persona = Persona::chosen(&signed_in, &state, query.als).await?;
    let needle = query.q.clone().unwrap_or_default();
    let choices = choices(&signed_in, &state, mailing.id, needle.clone()).await?;
    let base = state.public_url.as_str().trim_end_matches('/');
    let links = [
        format!("{base}/abmelden/…"),
        format!("{base}/datenschutz/…"),
    ];
    let (mailing, persona, rendered) = render(mailing, persona, links).await?;
    let (subject, text, problem) = match rendered {
        Ok(mail) => (mail.subject, mail.text, None),
        Err(error) => (mailing.subject.clone(), String::new(), Some(told(&error))),
    };
    page(&PreviewPage {
        page: Page::new(&signed_in, Section::Mailings, "Vorschau"),
        on_phone: query.breite.as_deref() == Some("telefon"),
        may_choose: may_choose(&signed_in),
        mailing,
        persona,
        needle,
        choices,
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
    query: web::Query<PreviewQuery>,
) -> Result<HttpResponse, WebError> {
    let mailing = find(&signed_in, &state, *id).await?;
    let persona = Persona::chosen(&signed_in, &state, query.als).await?;
    // Followed in its frame, they lead nowhere.
    let links = ["#abmelden".to_owned(), "#datenschutz".to_owned()];
    let (.., rendered) = render(mailing, persona, links).await?;
    let mail = rendered.map_err(|_| {
        WebError::Conflict("Die Vorlage hat einen Fehler, deshalb gibt es noch keine Vorschau.")
    })?;
    Ok(mail_document::html(mail.html, Shown::Preview))
}

pub(super) async fn find(
    signed_in: &SignedIn,
    state: &State,
    id: i64,
) -> Result<Mailing, WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| mailings::find(conn, account_id, id))
        .await
}

/// Whom one could choose: who is looked for, or the first of the chosen groups.
async fn choices(
    signed_in: &SignedIn,
    state: &State,
    mailing_id: i64,
    needle: String,
) -> Result<Vec<Choice>, WebError> {
    if !may_choose(signed_in) {
        return Ok(Vec::new());
    }
    let account_id = signed_in.account_id();
    let name = |first: &str, last: &str| [first, last].join(" ").trim().to_owned();
    state
        .read(move |conn| {
            if needle.trim().is_empty() {
                let limit = i64::try_from(OFFERED).unwrap_or(i64::MAX);
                let found = readers::of_mailing(conn, account_id, mailing_id, 0, limit)?;
                return Ok(found
                    .into_iter()
                    .map(|reader| Choice {
                        id: reader.id,
                        name: name(&reader.first_name, &reader.last_name),
                        address: reader.address,
                    })
                    .collect());
            }
            let found = search::find(conn, account_id, &needle, Position::First, OFFERED)?;
            Ok(found
                .rows
                .into_iter()
                .map(|row| Choice {
                    id: row.id,
                    name: name(&row.first_name, &row.last_name),
                    address: row.address,
                })
                .collect())
        })
        .await
}

/// Renders off the async threads: a long mailing takes its time. The links are those to
/// unsubscribe and to the preferences.
async fn render(
    mailing: Mailing,
    persona: Persona,
    [unsubscribe, preferences]: [String; 2],
) -> Result<(Mailing, Persona, Result<RenderedMail, MailError>), WebError> {
    Ok(web::block(move || {
        let rendered = persona.render(&mailing, &unsubscribe, &preferences);
        (mailing, persona, rendered)
    })
    .await?)
}

/// What is wrong, for the author.
pub(super) fn told(error: &MailError) -> String {
    match error {
        MailError::Template { problem, .. } => {
            format!("Zeile {}: {}", problem.line, problem.message)
        }
        MailError::Unseen(unseen) => match unseen.line {
            Some(line) => format!("Zeile {line}: {}", unseen.message),
            None => unseen.message.clone(),
        },
        MailError::TooDeep => "Das HTML ist zu tief verschachtelt.".to_owned(),
        _ => "Das E-Mailing kann so nicht dargestellt werden.".to_owned(),
    }
}
