//! Tab *Passwort*.

use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use crate::db::models::audit::{self, Action, Entry};
use crate::db::models::{sessions, sign_ins, users};
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::password;
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::session::current::{CurrentSession, Stage};
use crate::web::session::new_session;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    page: Page,
    is_admin: bool,
    errors: FormErrors,
}

/// What is typed to change a password.
#[derive(Deserialize)]
pub struct PasswordForm {
    current: String,
    new: String,
}

/// GET `/benutzerkonto/passwort`
pub async fn edit(signed_in: SignedIn) -> WebResult {
    page(&form_page(&signed_in, FormErrors::new()))
}

/// POST `/benutzerkonto/passwort`
pub async fn update(
    request: HttpRequest,
    signed_in: SignedIn,
    session: CurrentSession,
    state: web::Data<State>,
    form: web::Form<PasswordForm>,
) -> WebResult {
    let form = form.into_inner();
    let mut errors = FormErrors::new();
    if !is_own_password(&signed_in, &state, form.current).await? {
        errors.add("current", "Das bisherige Passwort stimmt nicht.");
    }
    if let Some(problem) = password::problem(&form.new) {
        errors.add("new", problem);
    }
    if !errors.is_empty() {
        return invalid(&form_page(&signed_in, errors));
    }
    let hash = state.passwords.hash(form.new).await?;
    let (account_id, user_id) = (signed_in.account_id(), signed_in.user.id);
    let session_id = signed_in.session_id;
    let actor = signed_in.actor();
    let new = new_session(&request, user_id);
    let started = state
        .write(move |conn| {
            // Ended by somebody while this request ran: it does nothing more, and above all it does
            // not begin anew.
            if !sessions::end_of_user(conn, user_id, session_id)? {
                return Ok(None);
            }
            users::set_password(conn, account_id, user_id, &hash)?;
            sessions::end_all(conn, user_id)?;
            sign_ins::end_all(conn, user_id)?;
            let entry = Entry {
                actor: &actor,
                action: Action::PasswordChanged,
                recipient_id: None,
                details: json!({}),
            };
            let now = Timestamp::now();
            audit::record(conn, account_id, &entry, now)?;
            sessions::start(conn, new, now).map(Some)
        })
        .await?;
    let Some(session_id) = started else {
        return see_other("/anmelden");
    };
    session.advance_to(Stage::SignedIn(session_id))?;
    see_other("/benutzerkonto/passwort?meldung=passwort-geaendert")
}

/// Whether that is the password of who is signed in; asked more slowly after wrong ones.
///
/// # Errors
/// [`WebError::TooMany`] when too many attempts wait already.
pub async fn is_own_password(
    signed_in: &SignedIn,
    state: &State,
    typed: String,
) -> Result<bool, WebError> {
    let whose = format!("password of {}", signed_in.user.id);
    let attempt = state.throttle.begin(&whose, None, None)?;
    tokio::time::sleep(attempt.delay()).await;
    let hash = signed_in.user.password_hash.clone();
    let matches = state.passwords.check(typed, Some(hash)).await?;
    if matches {
        attempt.succeeded();
    }
    Ok(matches)
}

fn form_page(signed_in: &SignedIn, errors: FormErrors) -> PasswordPage {
    PasswordPage {
        page: Page::new(signed_in, Section::Account, "Benutzerkonto"),
        is_admin: signed_in.user.roles().allow(Role::Admin),
        errors,
    }
}
