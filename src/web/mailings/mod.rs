//! *E-Mailings*: the list, and one mailing as a draft or on its way.

pub mod form;
pub mod preview;
pub mod sending;

use actix_web::web;
use askama::Template;

use crate::db::models::groups::{self, Group};
use crate::db::models::mailings::{self as model, Mailing, MailingGroup};
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::sending::preparation::{self, Findings};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE, PagingQuery};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

use form::MailingForm;

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
#[template(path = "mailings/edit.html")]
struct EditPage {
    page: Page,
    /// None for a mailing that is not saved yet.
    id: Option<i64>,
    form: MailingForm,
    groups: Vec<Group>,
    findings: Findings,
    errors: FormErrors,
    can_send: bool,
}

#[derive(Template)]
#[template(path = "mailings/show.html")]
struct ShowPage {
    page: Page,
    mailing: Mailing,
    groups: Vec<MailingGroup>,
    progress: sending::Progress,
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

impl EditPage {
    fn action(&self) -> String {
        self.id.map_or_else(
            || "/e-mailings".to_owned(),
            |id| format!("/e-mailings/{id}"),
        )
    }

    fn group_choices(&self) -> Vec<(i64, String, bool)> {
        self.groups
            .iter()
            .map(|group| {
                let members = filters::format_number(group.member_count);
                let text = format!("{} ({members} Empfänger)", group.name);
                (group.id, text, self.form.groups.contains(&group.id))
            })
            .collect()
    }
}

/// GET `/e-mailings`
pub async fn index(
    signed_in: SignedIn,
    state: web::Data<State>,
    paging: web::Query<PagingQuery>,
) -> WebResult {
    let roles = signed_in.user.roles();
    may_read(&signed_in)?;
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

/// GET `/e-mailings/neu`
pub async fn new(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let form = MailingForm {
        sender_name: signed_in.account.name.clone(),
        sender_address: signed_in.user.email.clone(),
        ..MailingForm::default()
    };
    page(&editing(&signed_in, &state, None, form, FormErrors::new()).await?)
}

/// POST `/e-mailings`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Vec<(String, String)>>,
) -> WebResult {
    let form = MailingForm::from_fields(fields.into_inner());
    let errors = form.check();
    if !errors.is_empty() {
        return invalid(&editing(&signed_in, &state, None, form, errors).await?);
    }
    let account_id = signed_in.account_id();
    let id = state
        .write(move |conn| model::create(conn, account_id, &form.content(), Timestamp::now()))
        .await?;
    see_other(format!("/e-mailings/{id}?meldung=gespeichert"))
}

/// GET `/e-mailings/{id}`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let roles = signed_in.user.roles();
    may_read(&signed_in)?;
    let (account_id, id) = (signed_in.account_id(), *id);
    let (mailing, groups, deferred) = state
        .read(move |conn| {
            Ok((
                model::find(conn, account_id, id)?,
                model::groups_of(conn, account_id, id)?,
                crate::db::models::sending::deferred(conn, account_id, id)?,
            ))
        })
        .await?;
    if mailing.is_draft() {
        let form = MailingForm::of(mailing, groups);
        return page(&editing(&signed_in, &state, Some(id), form, FormErrors::new()).await?);
    }
    page(&ShowPage {
        page: Page::new(&signed_in, Section::Mailings, mailing.subject.clone()),
        progress: sending::Progress::of(&state, &mailing, deferred),
        mailing,
        groups,
        can_send: roles.allow(Role::Sending),
        can_write: roles.allow(Role::Mailings),
        can_report: roles.allow(Role::Reports),
    })
}

/// POST `/e-mailings/{id}`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    fields: web::Form<Vec<(String, String)>>,
) -> WebResult {
    let id = *id;
    let form = MailingForm::from_fields(fields.into_inner());
    let errors = form.check();
    let account_id = signed_in.account_id();
    if !errors.is_empty() {
        state
            .read(move |conn| model::find(conn, account_id, id))
            .await?;
        return invalid(&editing(&signed_in, &state, Some(id), form, errors).await?);
    }
    state
        .write(move |conn| model::update(conn, account_id, id, &form.content(), Timestamp::now()))
        .await?;
    see_other(format!("/e-mailings/{id}?meldung=gespeichert"))
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

/// Mailings and the mails in the outbox are for those who write and those who send.
pub(in crate::web) fn may_read(signed_in: &SignedIn) -> Result<(), WebError> {
    let roles = signed_in.user.roles();
    if roles.allow(Role::Mailings) || roles.allow(Role::Sending) {
        Ok(())
    } else {
        Err(WebError::Forbidden)
    }
}

async fn editing(
    signed_in: &SignedIn,
    state: &State,
    id: Option<i64>,
    form: MailingForm,
    errors: FormErrors,
) -> Result<EditPage, WebError> {
    let account_id = signed_in.account_id();
    let (groups, known) = state
        .read(move |conn| {
            Ok((
                groups::all(conn, account_id)?,
                preparation::known_fields(conn, account_id)?,
            ))
        })
        .await?;
    let title = if id.is_some() && !form.subject.is_empty() {
        form.subject.clone()
    } else {
        "Neues E-Mailing".to_owned()
    };
    Ok(EditPage {
        page: Page::new(signed_in, Section::Mailings, title),
        findings: preparation::examine(&form.subject, &form.html, &form.text, &known),
        can_send: signed_in.user.roles().allow(Role::Sending),
        id,
        form,
        groups,
        errors,
    })
}
