//! One user: name, roles, and a link to a new password.

use actix_web::web;
use askama::Template;

use super::form::UserForm;
use super::{LinkPage, Purpose, tools};
use crate::db::models::last_change::LastChange;
use crate::db::models::users::{self, User};
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::people::change::{self, Outcome};
use crate::people::{letter, reset};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions;

const OWN_ADMIN: &str = "Die Rolle Admin können Sie sich nicht selbst nehmen. Das kann eine andere Administratorin oder ein anderer Administrator.";

const LAST_ADMIN: &str =
    "Mindestens ein Benutzer braucht die Rolle Admin. Geben Sie sie zuerst jemand anderem.";

#[derive(Template)]
#[template(path = "account/users/edit.html")]
struct EditPage {
    page: Page,
    user: User,
    is_own: bool,
    form: UserForm,
    errors: FormErrors,
}

/// GET `/benutzerkonto/benutzer/{id}`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let user = find(&signed_in, &state, *id).await?;
    let form = UserForm::of(&user);
    let kept = form.snapshot();
    let mut shown = edit_page(&signed_in, user, form, FormErrors::new());
    shown.page = shown.page.made_from(&kept);
    page(&shown)
}

/// POST `/benutzerkonto/benutzer/{id}`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    fields: web::Form<Fields>,
) -> WebResult {
    let user = find(&signed_in, &state, *id).await?;
    let form = UserForm::from_fields(&fields);
    let mut errors = form.check();
    let is_own = user.id == signed_in.user.id;
    if errors.is_empty() && is_own && !form.roles.has(Role::Admin) {
        errors.add("rollen", OWN_ADMIN);
    }
    if !errors.is_empty() {
        let mut shown = edit_page(&signed_in, user, form, errors);
        shown.page = shown.page.again(&fields);
        return invalid(&shown);
    }
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let (id, name, roles) = (user.id, form.name.clone(), form.roles);
    let (sent, mine) = (fields.clone(), form.snapshot());
    let outcome = state
        .write(move |conn| {
            let kept = UserForm::of(&change::lock(conn, account_id, id)?).snapshot();
            if let Some(both) = versions::compare(&sent, &mine, &kept) {
                return Ok(Err(both));
            }
            let now = Timestamp::now();
            change::change(conn, account_id, id, (&name, roles), &actor, now).map(Ok)
        })
        .await?;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(both) => {
            let user = find(&signed_in, &state, id).await?;
            let form = UserForm::from_fields(&both.merged);
            let mut shown = edit_page(&signed_in, user, form, FormErrors::new());
            let path = format!("/benutzerkonto/benutzer/{id}");
            shown.page = shown.page.overtaken(both, LastChange::default(), &path);
            return overtaken(&shown);
        }
    };
    match outcome {
        Outcome::Done => see_other("/benutzerkonto/benutzer?meldung=gespeichert"),
        Outcome::LastAdmin => {
            let errors = FormErrors::one("rollen", LAST_ADMIN);
            let mut shown = edit_page(&signed_in, user, form, errors);
            shown.page = shown.page.again(&fields);
            invalid(&shown)
        }
    }
}

/// POST `/benutzerkonto/benutzer/{id}/passwort`
pub async fn new_password(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, actor, id) = (signed_in.account_id(), signed_in.actor(), *id);
    let ((user, key), has_server) = state
        .write(move |conn| {
            let made = reset::make_for(conn, account_id, id, &actor, Timestamp::now())?;
            Ok((made, letter::has_server(conn, account_id)?))
        })
        .await?;
    let mut shown = LinkPage {
        page: Page::new(&signed_in, Section::Account, "Neues Passwort"),
        name: user.name.clone(),
        email: user.email.clone(),
        purpose: Purpose::Password,
        url: None,
        problem: None,
    };
    if !has_server {
        shown.url = Some(letter::reset_url(&state.public_url, &key));
        return page(&shown);
    }
    let tools = tools(&state);
    match web::block(move || letter::send_reset(&tools, &user, &key)).await? {
        Ok(()) => see_other("/benutzerkonto/benutzer?meldung=passwort-link"),
        Err(error) => {
            tracing::warn!(%error, "a link to a new password could not be sent");
            shown.problem = Some(error.in_german());
            page(&shown)
        }
    }
}

pub(super) async fn find(signed_in: &SignedIn, state: &State, id: i64) -> Result<User, WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| users::find(conn, account_id, id))
        .await
}

fn edit_page(signed_in: &SignedIn, user: User, form: UserForm, errors: FormErrors) -> EditPage {
    EditPage {
        page: Page::new(signed_in, Section::Account, user.name.clone()),
        is_own: user.id == signed_in.user.id,
        user,
        form,
        errors,
    }
}
