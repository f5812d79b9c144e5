//! Writing a draft: the form, and the *Prüfung* of what was saved.

use actix_web::web;
use askama::Template;

use super::form::MailingForm;
use super::review;
use crate::db::models::groups::{self, Group};
use crate::db::models::mailings::{self as model, Mailing, MailingGroup};
use crate::db::models::pictures::{self, Picture};
use crate::db::paging::Position;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::mail::check::Finding;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// How many pictures are offered: the newest.
const PICTURES: usize = 6;

#[derive(Template)]
#[template(path = "mailings/edit.html")]
struct EditPage {
    page: Page,
    /// None for a mailing that is not saved yet.
    id: Option<i64>,
    form: MailingForm,
    groups: Vec<Group>,
    /// What the check of the saved draft found; none while nothing is saved.
    findings: Option<Vec<Finding>>,
    errors: FormErrors,
    /// Those that were uploaded last.
    pictures: Vec<Picture>,
    /// Under which address readers reach the pictures.
    base: String,
    can_send: bool,
    can_write: bool,
    can_recipients: bool,
}

impl EditPage {
    fn action(&self) -> String {
        self.id.map_or_else(
            || "/e-mailings".to_owned(),
            |id| format!("/e-mailings/{id}"),
        )
    }

    fn address(&self, picture: &Picture) -> String {
        format!("{}{}", self.base, picture.path())
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

    /// The names of the groups it goes to, for those who may not change them.
    fn chosen_groups(&self) -> Vec<&str> {
        let chosen = self
            .groups
            .iter()
            .filter(|group| self.form.groups.contains(&group.id));
        chosen.map(|group| group.name.as_str()).collect()
    }
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
    let next = after_saving(&fields);
    let (form, errors) = checked(fields.into_inner()).await?;
    if !errors.is_empty() {
        return invalid(&editing(&signed_in, &state, None, form, errors).await?);
    }
    let account_id = signed_in.account_id();
    let id = state
        .write(move |conn| model::create(conn, account_id, &form.content(), Timestamp::now()))
        .await?;
    see_other(format!("/e-mailings/{id}{next}?meldung=gespeichert"))
}

/// The page of a draft.
pub(super) async fn edit(
    signed_in: &SignedIn,
    state: &State,
    mailing: Mailing,
    groups: Vec<MailingGroup>,
) -> WebResult {
    let id = mailing.id;
    let findings = review::of(signed_in, state, &mailing).await?;
    let form = MailingForm::of(mailing, groups);
    page(&EditPage {
        findings: Some(findings),
        ..editing(signed_in, state, Some(id), form, FormErrors::new()).await?
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
    let next = after_saving(&fields);
    let (form, errors) = checked(fields.into_inner()).await?;
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
    see_other(format!("/e-mailings/{id}{next}?meldung=gespeichert"))
}

/// What comes after saving, by the button that was pressed: the draft again, or how it looks.
fn after_saving(fields: &[(String, String)]) -> &'static str {
    let preview = ("weiter".to_owned(), "vorschau".to_owned());
    if fields.contains(&preview) {
        "/vorschau"
    } else {
        ""
    }
}

/// Reads the form off the async threads: making HTML of a long MJML takes its time.
async fn checked(fields: Vec<(String, String)>) -> Result<(MailingForm, FormErrors), WebError> {
    Ok(web::block(move || {
        let mut form = MailingForm::from_fields(fields);
        let errors = form.check();
        (form, errors)
    })
    .await?)
}

async fn editing(
    signed_in: &SignedIn,
    state: &State,
    id: Option<i64>,
    form: MailingForm,
    errors: FormErrors,
) -> Result<EditPage, WebError> {
    let account_id = signed_in.account_id();
    let (groups, pictures) = state
        .read(move |conn| {
            Ok((
                groups::all(conn, account_id)?,
                pictures::list(conn, account_id, Position::First, PICTURES)?,
            ))
        })
        .await?;
    let title = if id.is_some() && !form.subject.is_empty() {
        form.subject.clone()
    } else {
        "Neues E-Mailing".to_owned()
    };
    let roles = signed_in.user.roles();
    Ok(EditPage {
        page: Page::new(signed_in, Section::Mailings, title),
        findings: None,
        can_send: roles.allow(Role::Sending),
        can_write: roles.allow(Role::Mailings),
        can_recipients: roles.allow(Role::Recipients),
        id,
        form,
        groups,
        pictures: pictures.rows,
        base: state.public_url.as_str().trim_end_matches('/').to_owned(),
        errors,
    })
}
