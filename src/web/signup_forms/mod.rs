//! *Anmeldeformulare*: making them, putting them on a website, changing and deleting them.

mod input;

use actix_web::web;
use askama::Template;

use input::FormInput;

use crate::db::models::groups::{self, Group};
use crate::db::models::last_change::{self, Subject};
use crate::db::models::signup_forms::{self, FormRow, SignupForm};
use crate::db::models::signups;
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingMode;
use crate::signup::encode;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions;

#[derive(Template)]
#[template(path = "signup_forms/list.html")]
struct ListPage {
    page: Page,
    forms: Vec<FormRow>,
    count: i64,
    has_groups: bool,
}

#[derive(Template)]
#[template(path = "signup_forms/new.html")]
struct NewPage {
    page: Page,
    groups: Vec<Group>,
    input: FormInput,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "signup_forms/edit.html")]
struct EditPage {
    page: Page,
    form: SignupForm,
    groups: Vec<Group>,
    input: FormInput,
    /// How many wishes to sign up wait to be confirmed.
    open: i64,
    /// Where people sign up.
    address: String,
    snippet: String,
    tracking_is_off: bool,
    errors: FormErrors,
}

/// The form as it is put into another website.
#[derive(Template)]
#[template(path = "signup_forms/snippet.html")]
struct Snippet<'a> {
    address: &'a str,
}

#[derive(Template)]
#[template(path = "signup_forms/delete.html")]
struct DeletePage {
    page: Page,
    form: SignupForm,
    open: i64,
}

/// How long a link may hold, for the form.
const fn validities() -> [(i64, &'static str); 4] {
    input::VALIDITIES
}

fn choices(groups: &[Group]) -> Vec<(i64, &str)> {
    groups
        .iter()
        .map(|group| (group.id, group.name.as_str()))
        .collect()
}

/// GET `/anmeldeformulare`
pub async fn index(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let (forms, groups) = state
        .read(move |conn| {
            Ok((
                signup_forms::all(conn, account_id)?,
                groups::all(conn, account_id)?,
            ))
        })
        .await?;
    page(&ListPage {
        page: Page::new(&signed_in, Section::Recipients, "Anmeldeformulare"),
        count: i64::try_from(forms.len()).unwrap_or(i64::MAX),
        forms,
        has_groups: !groups.is_empty(),
    })
}

/// GET `/anmeldeformulare/neu`
pub async fn new(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let groups = groups_of(&signed_in, &state).await?;
    page(&NewPage {
        page: Page::new(&signed_in, Section::Recipients, "Neues Anmeldeformular"),
        input: FormInput::suggested(&signed_in.account.name, &signed_in.user.email),
        groups,
        errors: FormErrors::new(),
    })
}

/// POST `/anmeldeformulare`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Fields>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let groups = groups_of(&signed_in, &state).await?;
    let input = FormInput::from_fields(&fields);
    let errors = match input.check(&groups) {
        Ok(content) => {
            let id = state
                .write(move |conn| {
                    signup_forms::create(conn, account_id, &content, Timestamp::now())
                })
                .await?;
            return see_other(format!("/anmeldeformulare/{id}?meldung=formular-angelegt"));
        }
        Err(errors) => errors,
    };
    invalid(&NewPage {
        page: Page::new(&signed_in, Section::Recipients, "Neues Anmeldeformular"),
        groups,
        input,
        errors,
    })
}

/// GET `/anmeldeformulare/{id}`
pub async fn edit(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (form, open) = load(&signed_in, &state, *id).await?;
    let groups = groups_of(&signed_in, &state).await?;
    let input = FormInput::of(&form);
    let (errors, kept) = (FormErrors::new(), input.snapshot(&groups));
    let mut shown = edit_page(&signed_in, &state, form, open, groups, input, errors)?;
    shown.page = shown.page.made_from(&kept);
    page(&shown)
}

/// POST `/anmeldeformulare/{id}`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    fields: web::Form<Fields>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let (form, open) = load(&signed_in, &state, id).await?;
    let groups = groups_of(&signed_in, &state).await?;
    let input = FormInput::from_fields(&fields);
    let errors = match input.check(&groups) {
        Ok(content) => {
            let (sent, actor) = (fields.clone(), signed_in.actor());
            let (known, mine) = (groups.clone(), input.snapshot(&groups));
            let saved = state
                .write(move |conn| {
                    let subject = Subject::SignupForm(id);
                    last_change::lock(conn, account_id, subject)?;
                    let kept = FormInput::of(&signup_forms::find(conn, account_id, id)?);
                    if let Some(both) = versions::compare(&sent, &mine, &kept.snapshot(&known)) {
                        return Ok(Err((both, last_change::find(conn, account_id, subject)?)));
                    }
                    let now = Timestamp::now();
                    signup_forms::update(conn, account_id, id, &content, now)?;
                    last_change::note(conn, account_id, subject, actor.user_id(), now).map(Ok)
                })
                .await?;
            let path = format!("/anmeldeformulare/{id}");
            let Err((both, last)) = saved else {
                return see_other(format!("{path}?meldung=gespeichert"));
            };
            let (form, open) = load(&signed_in, &state, id).await?;
            let (input, errors) = (FormInput::from_fields(&both.merged), FormErrors::new());
            let mut shown = edit_page(&signed_in, &state, form, open, groups, input, errors)?;
            shown.page = shown.page.overtaken(both, last, &path);
            return overtaken(&shown);
        }
        Err(errors) => errors,
    };
    let mut shown = edit_page(&signed_in, &state, form, open, groups, input, errors)?;
    shown.page = shown.page.again(&fields);
    invalid(&shown)
}

/// GET `/anmeldeformulare/{id}/loeschen`
pub async fn confirm_deletion(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (form, open) = load(&signed_in, &state, *id).await?;
    page(&DeletePage {
        page: Page::new(&signed_in, Section::Recipients, "Anmeldeformular löschen?"),
        form,
        open,
    })
}

/// POST `/anmeldeformulare/{id}/loeschen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let files = state
        .write(move |conn| {
            signup_forms::find(conn, account_id, id)?;
            let files = signups::mails_of_form(conn, account_id, id)?;
            signup_forms::delete(conn, account_id, id)?;
            Ok(files)
        })
        .await?;
    let outbox = state.outbox.clone();
    web::block(move || outbox.remove(&files)).await?;
    see_other("/anmeldeformulare?meldung=formular-geloescht")
}

async fn load(signed_in: &SignedIn, state: &State, id: i64) -> Result<(SignupForm, i64), WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| {
            let open = signup_forms::count_open(conn, account_id, id, Timestamp::now())?;
            Ok((signup_forms::find(conn, account_id, id)?, open))
        })
        .await
}

async fn groups_of(signed_in: &SignedIn, state: &State) -> Result<Vec<Group>, WebError> {
    let account_id = signed_in.account_id();
    state.read(move |conn| groups::all(conn, account_id)).await
}

fn edit_page(
    signed_in: &SignedIn,
    state: &State,
    form: SignupForm,
    open: i64,
    groups: Vec<Group>,
    input: FormInput,
    errors: FormErrors,
) -> Result<EditPage, WebError> {
    let key = form.public_key.as_slice().try_into();
    let key = key.map_err(|_| WebError::Internal("a key of another length".into()))?;
    let address = state
        .public_url
        .join(&format!("formular/{}", encode(&key)))
        .map_err(|e| WebError::Internal(e.to_string()))?
        .to_string();
    Ok(EditPage {
        page: Page::new(signed_in, Section::Recipients, form.name.clone()),
        snippet: Snippet { address: &address }.render()?,
        address,
        form,
        groups,
        input,
        open,
        tracking_is_off: signed_in.account.tracking_mode == TrackingMode::Off,
        errors,
    })
}
