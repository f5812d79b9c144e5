//! *Ersteinrichtung*: the first account and its first administrator, behind a one-time link that
//! the program prints while there is no account.

use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::db::models::users::NewUser;
use crate::db::models::{accounts, users};
use crate::db::{Conn, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::role::Roles;
use crate::domain::time::Timestamp;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::page::Page;
use crate::web::password;
use crate::web::respond::{WebResult, invalid, page};
use crate::web::session::{self, current::CurrentSession};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "setup/new.html")]
struct SetupPage {
    page: Page,
    key: String,
    form: SetupForm,
    errors: FormErrors,
}

/// What is typed at *Ersteinrichtung*.
#[derive(Default, Deserialize)]
pub struct SetupForm {
    account: String,
    name: String,
    email: String,
    #[serde(default)]
    password: String,
}

/// GET `/einrichtung/{key}`
pub async fn new(state: web::Data<State>, key: web::Path<String>) -> WebResult {
    check_key(&state, &key)?;
    page(&SetupPage {
        page: Page::public("Ersteinrichtung"),
        key: key.into_inner(),
        form: SetupForm::default(),
        errors: FormErrors::new(),
    })
}

/// POST `/einrichtung/{key}`
pub async fn create(
    request: HttpRequest,
    session: CurrentSession,
    state: web::Data<State>,
    key: web::Path<String>,
    form: web::Form<SetupForm>,
) -> WebResult {
    check_key(&state, &key)?;
    let form = form.into_inner();
    let mut errors = FormErrors::new();
    if form.account.trim().is_empty() {
        errors.add("account", "Geben Sie dem Benutzerkonto einen Namen.");
    }
    if form.name.trim().is_empty() {
        errors.add("name", "Geben Sie Ihren Namen ein.");
    }
    let email = EmailAddress::parse(&form.email)
        .map_err(|problem| errors.add("email", problem.to_string()))
        .ok();
    if let Some(problem) = password::problem(&form.password) {
        errors.add("password", problem);
    }
    let (Some(email), true) = (email, errors.is_empty()) else {
        return invalid(&SetupPage {
            page: Page::public("Ersteinrichtung"),
            key: key.into_inner(),
            form,
            errors,
        });
    };
    let hash = state.passwords.hash(form.password).await?;
    let user_id = state
        .write(move |conn| {
            // Two people may have the link: only the first one sets up.
            if accounts::any(conn)? {
                return Ok(None);
            }
            create_account(
                conn,
                &form.account,
                &email,
                &form.name,
                &hash,
                Timestamp::now(),
            )
            .map(Some)
        })
        .await?;
    state.setup_key.lock().take();
    match user_id {
        Some((_, user_id)) => {
            session::start_session(&request, &session, &state, user_id, "/").await
        }
        None => Err(WebError::NotFound),
    }
}

/// Makes an account with its first administrator; gives the numbers of both.
pub fn create_account(
    conn: &mut Conn,
    account: &str,
    email: &EmailAddress,
    name: &str,
    password_hash: &str,
    now: Timestamp,
) -> DbResult<(i64, i64)> {
    let account_id = accounts::create(conn, account.trim(), now)?;
    let new = NewUser {
        email,
        name: name.trim(),
        roles: Roles::ADMIN,
        password_hash,
    };
    let user_id = users::create(conn, account_id, &new, now)?;
    Ok((account_id, user_id))
}

/// Whether that is the key of the one-time link, while there is one.
pub(super) fn check_key(state: &State, key: &str) -> Result<(), WebError> {
    match state.setup_key.lock().as_deref() {
        Some(expected) if bool::from(expected.as_bytes().ct_eq(key.as_bytes())) => Ok(()),
        _ => Err(WebError::NotFound),
    }
}
