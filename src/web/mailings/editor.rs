//! Writing a draft: the form, and the *Prüfung* of what was saved.

use actix_web::{HttpRequest, web};
use askama::Template;

use super::form::MailingForm;
use super::review;
use super::saving::{self, FORM_KEY, Overtaking};
use crate::db::models::groups::{self, Group};
use crate::db::models::mailings::{self as model, Mailing, MailingGroup};
use crate::db::models::pictures::{self, Picture};
use crate::db::paging::Position;
use crate::domain::random_key::new_key;
use crate::domain::role::Role;
use crate::mail::check::Finding;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
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
    /// The random key of a page on which a draft is begun.
    form_key: String,
}

impl EditPage {
    /// Notes in the form what it was made from.
    fn remember_state(&mut self) {
        self.page.stamp = self.form.snapshot(&self.groups).stamp();
    }

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
    let mut shown = editing(&signed_in, &state, None, form, FormErrors::new()).await?;
    let (key, _) = new_key().map_err(|error| WebError::Internal(error.to_string()))?;
    shown.form_key = key;
    shown.remember_state();
    page(&shown)
}

/// POST `/e-mailings`
pub async fn create(
    request: HttpRequest,
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Fields>,
) -> WebResult {
    save(&request, &signed_in, &state, None, fields.into_inner()).await
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
    let mut shown = editing(signed_in, state, Some(id), form, FormErrors::new()).await?;
    shown.findings = Some(findings);
    shown.remember_state();
    page(&shown)
}

/// POST `/e-mailings/{id}`
pub async fn update(
    request: HttpRequest,
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    fields: web::Form<Fields>,
) -> WebResult {
    save(&request, &signed_in, &state, Some(*id), fields.into_inner()).await
}

/// Saves a draft, for a form or for the script that saves while somebody is writing.
async fn save(
    request: &HttpRequest,
    signed_in: &SignedIn,
    state: &State,
    id: Option<i64>,
    fields: Fields,
) -> WebResult {
    let (account_id, by_script) = (signed_in.account_id(), saving::is_script(request));
    let (form, errors) = checked(&fields).await?;
    if !errors.is_empty() {
        if let Some(id) = id {
            let found = state.read(move |conn| model::find(conn, account_id, id));
            found.await?;
        }
        if by_script {
            return Ok(saving::refused(&errors));
        }
        let mut shown = editing(signed_in, state, id, form, errors).await?;
        fields.text(FORM_KEY).clone_into(&mut shown.form_key);
        shown.page = shown.page.again(&fields);
        return invalid(&shown);
    }
    let (sent, user) = (fields.clone(), signed_in.user.id);
    let outcome = state
        .write(move |conn| saving::save(conn, account_id, user, id, &sent, &form))
        .await?;
    match outcome {
        Ok(saved) if by_script => Ok(saving::told(&saved)),
        Ok(saved) => see_other(format!(
            "/e-mailings/{}{}?meldung=gespeichert",
            saved.id,
            after_saving(&fields)
        )),
        Err(_) if by_script => Ok(saving::overtaken()),
        Err(overtaken_by) => {
            let Overtaking { id, both, last } = *overtaken_by;
            let form = MailingForm::from_fields(&both.merged);
            let errors = FormErrors::new();
            let mut shown = editing(signed_in, state, Some(id), form, errors).await?;
            let path = format!("/e-mailings/{id}");
            shown.page = shown.page.overtaken(both, last, &path);
            overtaken(&shown)
        }
    }
}

/// What comes after saving, by the button that was pressed: the draft again, or how it looks.
fn after_saving(fields: &Fields) -> &'static str {
    if fields.all("weiter").any(|next| next == "vorschau") {
        "/vorschau"
    } else {
        ""
    }
}

/// Reads the form off the async threads: making HTML of a long MJML takes its time.
async fn checked(fields: &Fields) -> Result<(MailingForm, FormErrors), WebError> {
    let mut form = MailingForm::from_fields(fields);
    Ok(web::block(move || {
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
        form_key: String::new(),
        base: state.public_url.as_str().trim_end_matches('/').to_owned(),
        errors,
    })
}
