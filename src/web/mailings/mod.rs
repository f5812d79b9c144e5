//! *E-Mailings*: the list, and one mailing as a draft or on its way.
//!
//! - [`editor`] writes a draft, [`form`] is what can be typed, [`preview`] shows it, [`trial`] sends
//!   it to its author, both as one recipient would get it;
//! - [`sending`] sends it.

pub mod editor;
pub mod form;
mod moment;
mod persona;
pub mod preview;
mod review;
mod saving;
pub mod sending;
pub mod trial;

use actix_web::web;
use askama::Template;

use crate::db::models::mailings::{self as model, Mailing, MailingGroup};
use crate::db::models::outbox;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "mailings/list.html")]
struct ListPage {
    page: Page,
    rows: Vec<Mailing>,
    links: Links,
    count: i64,
    can_write: bool,
}

#[derive(Template)]
#[template(path = "mailings/show.html")]
struct ShowPage {
    page: Page,
    mailing: Mailing,
    groups: Vec<MailingGroup>,
    progress: sending::Progress,
    /// How many of its mails lie in the *Postausgang*.
    in_outbox: i64,
    can_write: bool,
    can_report: bool,
    can_send: bool,
}

#[derive(Template)]
#[template(path = "mailings/delete.html")]
struct DeletionPage {
    page: Page,
    mailing: Mailing,
}

/// GET `/e-mailings`
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
                model::list(conn, account_id, position, PAGE_SIZE)?,
                model::count(conn, account_id)?,
            ))
        })
        .await?;
    page(&ListPage {
        page: Page::new(&signed_in, Section::Mailings, "E-Mailings"),
        links: Links::new(&found, |row| row.id, "/e-mailings", &[]),
        rows: found.rows,
        count,
        can_write: roles.allow(Role::Mailings),
    })
}

/// GET `/e-mailings/{id}`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let roles = signed_in.user.roles();
    let (account_id, id) = (signed_in.account_id(), *id);
    let (mailing, groups, deferred, in_outbox) = state
        .read(move |conn| {
            Ok((
                model::find(conn, account_id, id)?,
                model::groups_of(conn, account_id, id)?,
                crate::db::models::sending::deferred(conn, account_id, id)?,
                outbox::count_of_mailing(conn, account_id, id)?,
            ))
        })
        .await?;
    if mailing.is_draft() {
        return editor::edit(&signed_in, &state, mailing, groups).await;
    }
    page(&ShowPage {
        page: Page::new(&signed_in, Section::Mailings, mailing.subject.clone()),
        progress: sending::Progress::of(&state, &mailing, deferred),
        mailing,
        groups,
        in_outbox,
        can_send: roles.allow(Role::Sending),
        can_write: roles.allow(Role::Mailings),
        can_report: roles.allow(Role::Reports),
    })
}

/// GET `/e-mailings/{id}/loeschen`
pub async fn confirm_deletion(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let mailing = state
        .read(move |conn| model::find(conn, account_id, id))
        .await?;
    if !mailing.is_draft() {
        return see_other(format!("/e-mailings/{id}"));
    }
    page(&DeletionPage {
        page: Page::new(&signed_in, Section::Mailings, "Entwurf löschen?"),
        mailing,
    })
}

/// POST `/e-mailings/{id}/loeschen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    state
        .write(move |conn| model::delete_draft(conn, account_id, id))
        .await?;
    see_other("/e-mailings?meldung=entwurf-geloescht")
}

/// POST `/e-mailings/{id}/kopieren`
pub async fn copy(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let copy = state
        .write(move |conn| model::copy(conn, account_id, id, Timestamp::now()))
        .await?;
    see_other(format!("/e-mailings/{copy}?meldung=kopiert"))
}
