//! The second step of signing in: a code after the password. Until it is right nobody is signed in:
//! the session's key leads only to a row of `sign_ins`, which says whose password was right.

use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;

use super::current::{CurrentSession, Stage};
use super::{new_session, signed_in};
use crate::db::models::users::User;
use crate::db::models::{sessions, sign_ins};
use crate::domain::address::EmailAddress;
use crate::domain::time::Timestamp;
use crate::people::second_factor::{self, Checked};
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::kept;
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
    /// What was typed before the session ended, sealed; else empty.
    carried: String,
    errors: FormErrors,
}

/// The code.
#[derive(Deserialize)]
pub struct CodeForm {
    #[serde(default)]
    code: String,
    #[serde(default)]
    eingaben: String,
}

/// Begins the second step for a user whose password was right. `carried` is what was typed before
/// the session ended, sealed.
pub async fn begin(
    state: &State,
    session: &CurrentSession,
    user: User,
    next: &str,
    carried: String,
) -> WebResult {
    // Without what was asked for there: a search has somebody's address in it (rule P7).
    let next = next.split(['?', '#']).next().unwrap_or("/").to_owned();
    let id = state
        .write(move |conn| {
            let expires = Timestamp::now().plus_millis(MINUTES * 60_000);
            sign_ins::start(conn, &user, &next, expires)
        })
        .await?;
    session.advance_to(Stage::AwaitingCode(id))?;
    if !carried.is_empty() {
        return page(&code_page(carried, FormErrors::new()));
    }
    see_other("/anmelden/code")
}

/// GET `/anmelden/code`
pub async fn new(session: CurrentSession, state: web::Data<State>) -> WebResult {
    if begun(&session, &state).await?.is_none() {
        return see_other(OVER);
    }
    page(&code_page(String::new(), FormErrors::new()))
}

/// POST `/anmelden/code`
pub async fn create(
    request: HttpRequest,
    session: CurrentSession,
    state: web::Data<State>,
    form: web::Form<CodeForm>,
) -> WebResult {
    let Some((sign_in_id, user, next)) = begun(&session, &state).await? else {
        return see_other(OVER);
    };
    let address = EmailAddress::parse(&user.email);
    let address_key = address.map_or_else(|_| user.email.clone(), |a| a.key().to_owned());
    let user_id = user.id;
    let CodeForm { code, eingaben } = form.into_inner();
    match check(&state, user, code).await? {
        right if right.is_right() => {
            let kept = kept::after_signing_in(&request, &state, &address_key, user_id, &eingaben);
            let new = new_session(&request, user_id);
            let started = state
                .write(move |conn| {
                    if !sign_ins::take(conn, sign_in_id)? {
                        return Ok(None);
                    }
                    sessions::start(conn, new, Timestamp::now()).map(Some)
                })
                .await?;
            let Some(session_id) = started else {
                return see_other(OVER);
            };
            session.advance_to(Stage::SignedIn(session_id))?;
            let target = if right == Checked::RecoveryCode {
                "/benutzerkonto/zwei-faktor?meldung=wiederherstellungscode-verwendet"
            } else {
                &next
            };
            signed_in(&state, &address_key, target, kept)
        }
        wrong => {
            state
                .write(move |conn| sign_ins::fail(conn, sign_in_id))
                .await?;
            if begun(&session, &state).await?.is_none() {
                return see_other(OVER);
            }
            let errors = FormErrors::one("code", told(wrong));
            invalid(&code_page(eingaben, errors))
        }
    }
}

/// The sign-in that this session is in: its number, whose it is, and where they want to go.
async fn begun(
    session: &CurrentSession,
    state: &State,
) -> Result<Option<(i64, User, String)>, WebError> {
    let Some(id) = session.sign_in_id() else {
        return Ok(None);
    };
    let found = state
        .read(move |conn| sign_ins::find(conn, id, Timestamp::now()))
        .await?;
    Ok(found.map(|(user, next)| (id, user, next)))
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

fn code_page(carried: String, errors: FormErrors) -> CodePage {
    CodePage {
        carried,
        page: Page::public("Zweiter Schritt"),
        errors,
    }
}
