//! Signing in and out. A session is a resource: signing in creates it, signing out deletes it.
//! With a second factor there is a [`second_step`] before it. Behind single-use links: [`invitation`] makes a user, [`forgotten`] sets a new password.

pub mod cookie;
pub mod forgotten;
pub mod invitation;
pub mod second_step;
pub mod throttle;

use actix_web::http::header::{LOCATION, USER_AGENT};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::db::models::sessions::{self, NewSession};
use crate::db::models::users;
use crate::db::{Conn, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::random_key::{KeyHash, new_key};
use crate::domain::time::Timestamp;
use crate::tracking::visitor::{Request, Visitor};
use crate::web::access::SignedIn;
use crate::web::client;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::notice;
use crate::web::page::Page;
use crate::web::respond::{WebResult, invalid, page};
use crate::web::state::State;

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
    errors: FormErrors,
}

/// What is typed to sign in.
#[derive(Deserialize)]
pub struct SignInForm {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
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
        errors: FormErrors::new(),
    })
}

/// POST `/anmelden`
pub async fn create(
    request: HttpRequest,
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
            errors: FormErrors::one("email", WRONG),
        });
    };
    attempt.succeeded();
    let next = own_path(&form.next);
    if user.second_factor_at.is_some() {
        return second_step::begin(&state, user, next).await;
    }
    let (session_key, session) = new_session(&request, user.id)?;
    state.write(move |conn| session.start(conn)).await?;
    signed_in(&state, &session_key, &sign_in, next)
}

/// The answer that ends signing in: on to a page, with the cookies of session and browser.
fn signed_in(state: &State, session_key: &str, address_key: &str, path: &str) -> WebResult {
    let internal = |problem: String| WebError::Internal(problem);
    let browser = state.throttle.cookie(address_key);
    let browser = browser.map_err(|e| internal(e.to_string()))?;
    Ok(HttpResponse::SeeOther()
        .cookie(cookie::with_key(session_key, state.is_https()))
        .cookie(cookie::of_browser(&browser, state.is_https()))
        .insert_header((LOCATION, path))
        .finish())
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

/// A session that is about to start.
struct Prepared {
    key_hash: KeyHash,
    user_id: i64,
    device: i32,
}

impl Prepared {
    fn start(&self, conn: &mut Conn) -> DbResult<()> {
        let now = Timestamp::now();
        let new = NewSession {
            key_hash: &self.key_hash,
            user_id: self.user_id,
            device: self.device,
            expires: now.plus_days(DAYS),
        };
        sessions::start(conn, &new, now)
    }
}

/// A new session of a user, with its key.
fn new_session(request: &HttpRequest, user_id: i64) -> Result<(String, Prepared), WebError> {
    let (key, key_hash) = new_key().map_err(|e| WebError::Internal(e.to_string()))?;
    let user_agent = request.headers().get(USER_AGENT);
    let visitor = Visitor::of(Request {
        user_agent: user_agent.and_then(|value| value.to_str().ok()),
        ..Request::default()
    });
    let session = Prepared {
        key_hash,
        user_id,
        device: visitor.device.number(),
    };
    Ok((key, session))
}

/// Starts a session for a user who has just been made, and goes on to a page with its cookie.
pub async fn start_session(
    request: &HttpRequest,
    state: &State,
    user_id: i64,
    path: &str,
) -> WebResult {
    let (key, session) = new_session(request, user_id)?;
    state.write(move |conn| session.start(conn)).await?;
    Ok(HttpResponse::SeeOther()
        .cookie(cookie::with_key(&key, state.is_https()))
        .insert_header((LOCATION, path))
        .finish())
}

/// POST `/abmelden-sitzung`
pub async fn destroy(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let session = signed_in.session;
    state
        .write(move |conn| sessions::end(conn, &session))
        .await?;
    Ok(HttpResponse::SeeOther()
        .cookie(cookie::gone(state.is_https()))
        .insert_header((LOCATION, "/anmelden?meldung=abgemeldet"))
        .finish())
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
