//! Signing in and out. A session is a resource: signing in creates it, signing out deletes it.
//! With a second factor there is a [`second_step`] before it. Behind single-use links:
//! [`invitation`] makes a user, [`forgotten`] sets a new password. The cookie and its key are the
//! session middleware's ([`store`]), and handlers see them as a [`CurrentSession`].

pub mod cookie;
pub mod current;
pub mod forgotten;
pub mod invitation;
pub mod second_step;
pub mod store;
pub mod throttle;

use actix_web::http::StatusCode;
use actix_web::http::header::USER_AGENT;
use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;

use crate::db::models::sessions::{self, NewSession};
use crate::db::models::users;
use crate::domain::address::EmailAddress;
use crate::domain::time::Timestamp;
use crate::tracking::visitor::{Request, Visitor};
use crate::web::client;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::kept::{self, Carried};
use crate::web::notice;
use crate::web::page::Page;
use crate::web::respond::{WebResult, invalid, page, page_with, see_other};
use crate::web::state::State;
use current::{CurrentSession, Stage};

/// How long a session lasts, in days.
pub const DAYS: i64 = 14;

/// What is said whatever was wrong: who guesses learns nothing from it.
const WRONG: &str = "E-Mail-Adresse oder Passwort stimmt nicht.";

#[derive(Template)]
#[template(path = "session/new.html")]
struct SignInPage {
    page: Page,
    email: String,
    next: String,
    /// What was typed before the session ended.
    carried: Option<Carried>,
    errors: FormErrors,
}

/// After signing in: what was typed before waits to be shown in its form again.
#[derive(Template)]
#[template(path = "session/resumed.html")]
struct ResumedPage {
    page: Page,
    /// The address of the form's page.
    path: String,
    sealed: String,
}

/// What is typed to sign in.
#[derive(Deserialize)]
pub struct SignInForm {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    eingaben: String,
}

/// What stands in the address of the page: a notice, and where to go on.
#[derive(Deserialize)]
pub struct SignInQuery {
    meldung: Option<String>,
    #[serde(default)]
    weiter: String,
}

/// GET `/anmelden`
pub async fn new(query: web::Query<SignInQuery>) -> WebResult {
    let notice = query.meldung.as_deref().and_then(notice::find);
    page(&SignInPage {
        page: Page::public("Anmelden").with_notice(notice),
        email: String::new(),
        next: query.into_inner().weiter,
        carried: None,
        errors: FormErrors::new(),
    })
}

/// POST `/anmelden`
pub async fn create(
    request: HttpRequest,
    session: CurrentSession,
    state: web::Data<State>,
    form: web::Form<SignInForm>,
) -> WebResult {
    let form = form.into_inner();
    let address = EmailAddress::parse(&form.email).ok();
    let key = address.map_or_else(
        || form.email.trim().to_lowercase(),
        |address| address.key().to_owned(),
    );
    let client = client::address(&request, &state.trusted_proxies);
    let known = cookie::browser_of(&request, state.is_https());
    let attempt = state.throttle.begin(&key, client, known.as_deref())?;
    tokio::time::sleep(attempt.delay()).await;
    let sign_in = key.clone();
    let user = state
        .read(move |conn| users::find_by_email(conn, &key))
        .await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let matches = state.passwords.check(form.password, hash).await?;
    let Some(user) = user.filter(|_| matches) else {
        return invalid(&SignInPage {
            page: Page::public("Anmelden"),
            email: form.email,
            next: form.next,
            carried: carried_on(form.eingaben),
            errors: FormErrors::one("email", WRONG),
        });
    };
    attempt.succeeded();
    let next = own_path(&form.next);
    if user.second_factor_at.is_some() {
        return second_step::begin(&state, &session, user, next, form.eingaben).await;
    }
    let kept = kept::after_signing_in(&request, &state, &sign_in, user.id, &form.eingaben);
    let new = new_session(&request, user.id);
    let id = state
        .write(move |conn| sessions::start(conn, new, Timestamp::now()))
        .await?;
    session.advance_to(Stage::SignedIn(id))?;
    signed_in(&state, &sign_in, next, kept)
}

/// The answer that ends signing in: on to a page, or to what was typed before; with the cookie of a
/// known browser.
fn signed_in(
    state: &State,
    address_key: &str,
    path: &str,
    kept: Option<(String, String)>,
) -> WebResult {
    let browser = state.throttle.cookie(address_key);
    let browser = browser.map_err(|e| WebError::Internal(e.to_string()))?;
    let mut answer = match kept {
        Some((path, sealed)) => page(&ResumedPage {
            page: Page::public("Ihre Eingaben sind noch da"),
            path: own_path(&path).to_owned(),
            sealed,
        })?,
        None => see_other(path)?,
    };
    answer
        .add_cookie(&cookie::of_browser(&browser, state.is_https()))
        .map_err(|error| WebError::Internal(error.to_string()))?;
    Ok(answer)
}

/// The page to sign in that answers a form whose session has ended. `path` is the form's page.
pub fn ended(carried: Carried, path: String) -> WebResult {
    page_with(
        StatusCode::FORBIDDEN,
        &SignInPage {
            page: Page::public("Bitte melden Sie sich noch einmal an"),
            email: String::new(),
            next: path,
            carried: Some(carried),
            errors: FormErrors::new(),
        },
    )
}

/// What a form to sign in has carried, to be carried on.
fn carried_on(sealed: String) -> Option<Carried> {
    (!sealed.is_empty()).then_some(Carried {
        sealed: Some(sealed),
        to_copy: Vec::new(),
        had_file: false,
        had_secret: false,
    })
}

/// A path of this installation; the start page where the text is anything else, so that signing
/// in never leads to another site (no open redirect).
fn own_path(text: &str) -> &str {
    let second = text.as_bytes().get(1);
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if text.starts_with('/') && second != Some(&b'/') && plain {
        text
    } else {
        "/"
    }
}

/// A session of a user, with the browser of this request, to be started now.
pub fn new_session(request: &HttpRequest, user_id: i64) -> NewSession {
    let user_agent = request.headers().get(USER_AGENT);
    let visitor = Visitor::of(Request {
        user_agent: user_agent.and_then(|value| value.to_str().ok()),
        ..Request::default()
    });
    NewSession {
        user_id,
        device: visitor.device.number(),
        expires: Timestamp::now().plus_days(DAYS),
    }
}

/// Starts a session for a user who has just been made, and goes on to a page.
pub async fn start_session(
    request: &HttpRequest,
    session: &CurrentSession,
    state: &State,
    user_id: i64,
    path: &str,
) -> WebResult {
    let new = new_session(request, user_id);
    let id = state
        .write(move |conn| sessions::start(conn, new, Timestamp::now()))
        .await?;
    session.advance_to(Stage::SignedIn(id))?;
    let user = state
        .read(move |conn| sessions::find(conn, id, Timestamp::now()))
        .await?;
    let address = user.and_then(|(user, ..)| EmailAddress::parse(&user.email).ok());
    match address {
        Some(address) => signed_in(state, address.key(), path, None),
        None => see_other(path),
    }
}

/// POST `/abmelden-sitzung`
pub async fn destroy(session: CurrentSession) -> WebResult {
    session.end();
    see_other("/anmelden?meldung=abgemeldet")
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn signing_in_stays_on_this_site() {
        assert_eq!(
            own_path("/empfaenger?seite=letzte"),
            "/empfaenger?seite=letzte"
        );
        for foreign in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "evil",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign:?}");
        }
    }
}
