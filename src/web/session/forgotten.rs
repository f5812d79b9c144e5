//! *Passwort vergessen*: a link to a new password, by mail. Nothing that a stranger gets to see or
//! to measure depends on whether the address signs in here: what the request does is the same, and
//! everything else happens after its answer.

use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;

use super::invitation::gone;
use crate::db::models::{password_resets, users};
use crate::domain::address::EmailAddress;
use crate::domain::random_key::hash_of;
use crate::domain::time::Timestamp;
use crate::people::letter::{self, NotSent, Tools};
use crate::people::reset;
use crate::web::client;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::page::Page;
use crate::web::password;
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "session/forgotten.html")]
struct ForgottenPage {
    page: Page,
    email: String,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "session/forgotten_sent.html")]
struct SentPage {
    page: Page,
    minutes: i64,
}

#[derive(Template)]
#[template(path = "session/new_password.html")]
struct NewPasswordPage {
    page: Page,
    token: String,
    /// Whose password it is.
    email: String,
    errors: FormErrors,
}

/// Whose password is forgotten.
#[derive(Deserialize)]
pub struct ForgottenForm {
    #[serde(default)]
    email: String,
}

/// The new password.
#[derive(Deserialize)]
pub struct NewPasswordForm {
    #[serde(default)]
    password: String,
}

/// GET `/passwort-vergessen`
pub async fn new() -> WebResult {
    page(&ForgottenPage {
        page: Page::public("Passwort vergessen"),
        email: String::new(),
        errors: FormErrors::new(),
    })
}

/// POST `/passwort-vergessen`
pub async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    form: web::Form<ForgottenForm>,
) -> WebResult {
    let email = match EmailAddress::parse(&form.email) {
        Ok(email) => email,
        Err(problem) => {
            return invalid(&ForgottenPage {
                page: Page::public("Passwort vergessen"),
                email: form.into_inner().email,
                errors: FormErrors::one("email", problem.to_string()),
            });
        }
    };
    let client = client::address(&request, &state.trusted_proxies);
    let whose = format!("reset of {}", email.key());
    let attempt = state.throttle.begin(&whose, client, None)?;
    tokio::time::sleep(attempt.delay()).await;
    let key = email.key().to_owned();
    let state = state.into_inner();
    actix_web::rt::spawn(async move {
        if let Err(error) = send_link(&state, key).await {
            tracing::warn!(%error, "a link to a new password could not be sent");
        }
    });
    see_other("/passwort-vergessen/gesendet")
}

/// GET `/passwort-vergessen/gesendet`
pub async fn sent() -> WebResult {
    page(&SentPage {
        page: Page::public("Sehen Sie in Ihr Postfach"),
        minutes: reset::MINUTES,
    })
}

/// GET `/passwort/{token}`
pub async fn edit(state: web::Data<State>, token: web::Path<String>) -> WebResult {
    let Some(email) = whose(&state, &token).await? else {
        return gone();
    };
    page(&NewPasswordPage {
        page: Page::public("Neues Passwort"),
        token: token.into_inner(),
        email,
        errors: FormErrors::new(),
    })
}

/// POST `/passwort/{token}`
pub async fn update(
    state: web::Data<State>,
    token: web::Path<String>,
    form: web::Form<NewPasswordForm>,
) -> WebResult {
    // Before anything costs work: whether the link holds.
    let Some(email) = whose(&state, &token).await? else {
        return gone();
    };
    let password = form.into_inner().password;
    if let Some(problem) = password::problem(&password) {
        return invalid(&NewPasswordPage {
            page: Page::public("Neues Passwort"),
            token: token.into_inner(),
            email,
            errors: FormErrors::one("password", problem),
        });
    }
    let hash = state.passwords.hash(password).await?;
    let key = hash_of(&token);
    let is_set = state
        .write(move |conn| reset::set_password(conn, &key, &hash, Timestamp::now()))
        .await?;
    if is_set {
        see_other("/anmelden?meldung=passwort-ersetzt")
    } else {
        gone()
    }
}

/// Who signs in with the password that a link sets, if it still holds.
async fn whose(state: &State, token: &str) -> Result<Option<String>, WebError> {
    let key = hash_of(token);
    state
        .read(move |conn| password_resets::whose(conn, &key, Timestamp::now()))
        .await
}

/// Sends a link, if the address signs in here and its account has a mail server. Only so many at a
/// time: a mail server that lets wait keeps only these waiting.
async fn send_link(state: &State, email_key: String) -> Result<(), NotSent> {
    let Ok(_turn) = state.reset_turns.acquire().await else {
        return Ok(());
    };
    let tools = Tools {
        db: state.db.clone(),
        outbox: state.outbox.clone(),
        sealer: state.sealer.clone(),
        public_url: state.public_url.clone(),
    };
    let sent = web::block(move || send_link_here(&tools, &email_key)).await;
    sent.unwrap_or(Ok(()))
}

fn send_link_here(tools: &Tools, email_key: &str) -> Result<(), NotSent> {
    let made = tools.db.write(|conn| {
        let Some(user) = users::find_by_email(conn, email_key)? else {
            return Ok(None);
        };
        if !letter::has_server(conn, user.account_id)? {
            return Ok(None);
        }
        let key = reset::ask(conn, &user, Timestamp::now())?;
        Ok(key.map(|key| (user, key)))
    })?;
    let Some((user, key)) = made else {
        return Ok(());
    };
    let sent = letter::send_reset(tools, &user, &key);
    if sent.is_err() {
        // Whoever asks again need not wait for a mail that never went.
        tools
            .db
            .write(|conn| password_resets::forget(conn, user.account_id, user.id))?;
    }
    sent
}
