//! *Postausgang*: the mails handed over by the built-in transport, as their recipients see them.
//! Opening one really loads its pixel, and its links really are counted.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::db::models::outbox::{self, OutboxMail};
use crate::domain::role::Role;
use crate::mail::links::with_links_in_new_tabs;
use crate::mail::read::{ReadMail, read};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::mail_document::{self, Shown};
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "outbox/list.html")]
struct ListPage {
    page: Page,
    rows: Vec<OutboxMail>,
    links: Links,
    count: i64,
    can_empty: bool,
}

#[derive(Template)]
#[template(path = "outbox/show.html")]
struct ShowPage {
    page: Page,
    entry: OutboxMail,
    mail: ReadMail,
}

#[derive(Template)]
#[template(path = "outbox/empty.html")]
struct EmptyPage {
    page: Page,
    count: i64,
}

/// GET `/postausgang`
pub async fn index(
    signed_in: SignedIn,
    state: web::Data<State>,
    paging: web::Query<PagingQuery>,
) -> WebResult {
    let roles = signed_in.user.roles();
    let account_id = signed_in.account_id();
    let position = paging.position();
    let (found, count) = state
        .read(move |conn| {
            Ok((
                outbox::list(conn, account_id, position, PAGE_SIZE)?,
                outbox::count(conn, account_id)?,
            ))
        })
        .await?;
    page(&ListPage {
        page: Page::new(&signed_in, Section::Outbox, "Postausgang"),
        links: Links::new(&found, |row| row.id, "/postausgang", &[]),
        rows: found.rows,
        count,
        can_empty: roles.allow(Role::Sending),
    })
}

/// GET `/postausgang/leeren`
pub async fn confirm_emptying(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let count = state
        .read(move |conn| outbox::count(conn, account_id))
        .await?;
    page(&EmptyPage {
        page: Page::new(&signed_in, Section::Outbox, "Postausgang leeren?"),
        count,
    })
}

/// POST `/postausgang/leeren`
pub async fn empty(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let files = state
        .write(move |conn| outbox::remove_all(conn, account_id))
        .await?;
    let directory = state.outbox.clone();
    web::block(move || directory.remove(&files)).await?;
    see_other("/postausgang?meldung=postausgang-geleert")
}

/// GET `/postausgang/{id}`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (entry, bytes) = find(&signed_in, &state, *id).await?;
    let mail = understood(&bytes)?;
    page(&ShowPage {
        page: Page::new(&signed_in, Section::Outbox, mail.subject.clone()),
        entry,
        mail,
    })
}

/// GET `/postausgang/{id}/inhalt`
pub async fn content(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (_, bytes) = find(&signed_in, &state, *id).await?;
    let html = understood(&bytes)?.html.ok_or(WebError::NotFound)?;
    let html = with_links_in_new_tabs(&html).map_err(|e| WebError::Internal(e.to_string()))?;
    Ok(mail_document::html(html, Shown::Received))
}

/// GET `/postausgang/{id}/datei.eml`
pub async fn download(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (_, bytes) = find(&signed_in, &state, *id).await?;
    Ok(HttpResponse::Ok()
        .content_type("message/rfc822")
        .insert_header((
            "Content-Disposition",
            "attachment; filename=\"nachricht.eml\"",
        ))
        .body(bytes))
}

async fn find(
    signed_in: &SignedIn,
    state: &State,
    id: i64,
) -> Result<(OutboxMail, Vec<u8>), WebError> {
    let account_id = signed_in.account_id();
    let entry = state
        .read(move |conn| outbox::find(conn, account_id, id))
        .await?;
    let (directory, file) = (state.outbox.clone(), entry.file.clone());
    let bytes = web::block(move || directory.read(&file))
        .await?
        // It lies on the node that sent it, or is just being removed.
        .map_err(|_| WebError::NotFound)?;
    Ok((entry, bytes))
}

fn understood(bytes: &[u8]) -> Result<ReadMail, WebError> {
    read(bytes).map_err(|e| WebError::Internal(e.to_string()))
}
