//! The second step of signing in: a code after the password. Until it is right there is no session,
//! only a cookie that says whose password was.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{cookie, new_session, signed_in};
use crate::db::models::sign_ins;
use crate::db::models::users::User;
use crate::domain::address::EmailAddress;
use crate::domain::random_key::new_key;
use crate::domain::time::Timestamp;
use crate::people::second_factor::{self, Checked};
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::page::Page;
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// How long there is time for the code, in minutes.
pub const MINUTES: i64 = 10;

const OVER: &str = "/anmelden?meldung=anmeldung-abgelaufen";

#[derive(Template)]
#[template(path = "session/code.html")]
struct CodePage {
    page: Page,
    errors: FormErrors,
}

/// The code.
#[derive(Deserialize)]
pub struct CodeForm {
    #[serde(default)]
    code: String,
}

/// Begins the second step for a user whose password was right.
pub async fn begin(state: &State, user: User, next: &str) -> WebResult {
    let (key, key_hash) = new_key().map_err(|e| WebError::Internal(e.to_string()))?;
    // Without what was asked for there: a search has somebody's address in it (rule P7).
    let next = next.split(['?', '#']).next().unwrap_or("/").to_owned();
    state
        .write(move |conn| {
            let expires = Timestamp::now().plus_millis(MINUTES * 60_000);
            sign_ins::start(conn, &key_hash, &user, &next, expires)
        })
        .await?;
    Ok(HttpResponse::SeeOther()
        .cookie(cookie::of_sign_in(&key, state.is_https()))
        .insert_header((LOCATION, "/anmelden/code"))
        .finish())
}

/// GET `/anmelden/code`
pub async fn new(request: HttpRequest, state: web::Data<State>) -> WebResult {
    if begun(&request, &state).await?.is_none() {
        return see_other(OVER);
    }
    page(&code_page(FormErrors::new()))
}

/// POST `/anmelden/code`
pub async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    form: web::Form<CodeForm>,
) -> WebResult {
    let Some((user, next)) = begun(&request, &state).await? else {
        return see_other(OVER);
    };
    let Some(key_hash) = cookie::sign_in_of(&request, state.is_https()) else {
        return see_other(OVER);
    };
    let address = EmailAddress::parse(&user.email);
    let address_key = address.map_or_else(|_| user.email.clone(), |a| a.key().to_owned());
    let user_id = user.id;
    match check(&state, user, form.into_inner().code).await? {
        right if right.is_right() => {
            let (key, session) = new_session(&request, user_id)?;
            let is_first = state
                .write(move |conn| {
                    let is_first = sign_ins::take(conn, &key_hash)?;
                    if is_first {
                        session.start(conn)?;
                    }
                    Ok(is_first)
                })
                .await?;
            if !is_first {
                return see_other(OVER);
            }
            let target = if right == Checked::RecoveryCode {
                "/benutzerkonto/zwei-faktor?meldung=wiederherstellungscode-verwendet"
            } else {
                &next
            };
            let mut response = signed_in(&state, &key, &address_key, target)?;
            response
                .add_cookie(&cookie::sign_in_gone(state.is_https()))
                .map_err(|e| WebError::Internal(e.to_string()))?;
            Ok(response)
        }
        wrong => {
            state
                .write(move |conn| sign_ins::fail(conn, &key_hash))
                .await?;
            if begun(&request, &state).await?.is_none() {
                return see_other(OVER);
            }
            invalid(&code_page(FormErrors::one("code", told(wrong))))
        }
    }
}

/// Who is in the second step with the cookie of this request, and where they want to go.
async fn begun(request: &HttpRequest, state: &State) -> Result<Option<(User, String)>, WebError> {
    let Some(key_hash) = cookie::sign_in_of(request, state.is_https()) else {
        return Ok(None);
    };
    state
        .read(move |conn| sign_ins::find(conn, &key_hash, Timestamp::now()))
        .await
}

/// Checks a user's code, more slowly after wrong ones.
///
/// # Errors
/// [`WebError::TooMany`] when too many attempts wait already.
pub async fn check(state: &State, user: User, code: String) -> Result<Checked, WebError> {
    let whose = format!("code of {}", user.id);
    let attempt = state.throttle.begin(&whose, None, None)?;
    tokio::time::sleep(attempt.delay()).await;
    let sealer = state.sealer.clone();
    let checked = state
        .write(move |conn| second_factor::check(conn, &sealer, &user, &code, Timestamp::now()))
        .await?;
    if checked.is_right() {
        attempt.succeeded();
    }
    Ok(checked)
}

/// What is said about a code that is not right.
pub const fn told(checked: Checked) -> &'static str {
    match checked {
        Checked::Blocked => {
            "Zu viele falsche Codes. Eine Stunde lang wird keiner angenommen; ein Wiederherstellungscode aber jederzeit."
        }
        Checked::Code | Checked::RecoveryCode | Checked::Wrong => {
            "Dieser Code stimmt nicht oder wurde schon verwendet. Jeder gilt nur einmal: Warten Sie auf den nächsten."
        }
    }
}

fn code_page(errors: FormErrors) -> CodePage {
    CodePage {
        page: Page::public("Zweiter Schritt"),
        errors,
    }
}
