//! What somebody typed is not lost where it could not be saved: the database was away, the session
//! had ended, a role was gone. The answer carries it, to be sent again; through signing in it goes
//! sealed, for the browser it came from and then for the user who signs in there. Nothing of it is
//! stored here. Passwords and codes are never carried.
//!
//! - Here: which forms are kept, and how they are sealed. [`fill`] puts them into their page again.

mod fill;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::CookieJar;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, REFERER};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;
use crate::web::access::{SignedIn, is_unsafe};
use crate::web::body;
use crate::web::origin;
use crate::web::session::cookie;
use crate::web::state::State;

pub use fill::{put_back, turn_into_page};

/// The hidden field with what was typed, sealed.
pub const FIELD: &str = "eingaben";

/// The largest form that is carried through signing in, in bytes.
const LARGEST_CARRIED: usize = 1024 * 1024;

/// The largest form with such a field: sealed and encoded it is longer by a third, and more of it
/// than of others is left as it is.
pub const LARGEST_CARRYING: usize = 2 * 1024 * 1024;

/// How long what was typed can be taken up again, in milliseconds.
const KEPT_FOR: i64 = 24 * 3_600_000;

/// Parts of names of fields whose values are never carried.
const SECRET: [&str; 4] = ["password", "passwort", "code", "secret"];

/// The whole names of such fields.
const SECRET_NAMES: [&str; 2] = ["current", "new"];

/// Fields that say something to the program alone.
const TECHNICAL: [&str; 6] = ["stand", "gezeigt", "vorher", "entwurf", "feld", "weiter"];

/// The bytes of a form, kept with its request.
pub struct FormBody(Bytes);

/// A form as it was typed. Holds what people typed, so it has no `Debug` (rule P8).
#[derive(Clone, Serialize, Deserialize)]
pub struct Typed {
    /// The page it stands on.
    pub page: String,
    /// Where it is sent.
    pub action: String,
    /// Names and values, without secrets.
    pub fields: Vec<(String, String)>,
    /// Whether there was a password or a code, which has to be typed again.
    pub had_secret: bool,
    at: i64,
    /// How many bytes were sent.
    #[serde(skip)]
    length: usize,
}

/// What an answer carries of a form that could not be saved.
#[derive(Clone)]
pub struct Carried {
    /// The form, sealed; none where there was a file, or too much.
    pub sealed: Option<String>,
    /// What is too much to be carried, to be copied: what a field is called, and its value.
    pub to_copy: Vec<(String, String)>,
    /// Whether a file has to be chosen again.
    pub had_file: bool,
    /// Whether a password or a code has to be typed again.
    pub had_secret: bool,
}

/// Whether the values of that field are never carried.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str()) || SECRET.iter().any(|part| name.contains(part))
}

impl Typed {
    /// What a request has sent, if it was kept.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let kept = request.extensions();
        if let Some(typed) = kept.get::<Self>() {
            return Some(typed.clone());
        }
        let body = kept.get::<FormBody>()?;
        let mut had_secret = false;
        let mut fields = Vec::new();
        for (name, value) in url::form_urlencoded::parse(&body.0) {
            if !is_secret(&name) {
                // The one character that no text may hold is left out.
                fields.push((name.into_owned(), value.replace('\0', "")));
            } else if !value.is_empty() {
                had_secret = true;
            }
        }
        let action = request.uri().path_and_query();
        Some(Self {
            page: page_of(request),
            action: action.map_or("/", |path| path.as_str()).to_owned(),
            fields,
            had_secret,
            at: Timestamp::now().millis(),
            length: body.0.len(),
        })
    }

    /// What a person typed, to be read: name and value.
    pub fn readable(&self) -> impl Iterator<Item = (&str, &str)> {
        let said = |(name, value): &&(String, String)| {
            !value.trim().is_empty() && !TECHNICAL.contains(&name.as_str())
        };
        let fields = self.fields.iter().filter(said);
        fields.map(|(name, value)| (label(name), value.as_str()))
    }

    /// Sealed for somebody.
    fn seal(&self, sealer: &Sealer, whose: &str) -> Option<String> {
        if self.length > LARGEST_CARRIED {
            return None;
        }
        let text = serde_json::to_vec(self).ok()?;
        let bytes = sealer.seal(whose, &text).ok()?;
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What was sealed for somebody, if it is not too old.
    fn open(sealer: &Sealer, whose: &str, encoded: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let text = sealer.open(whose, &bytes).ok()?;
        let typed: Self = serde_json::from_slice(&text).ok()?;
        let age = Timestamp::now().millis() - typed.at;
        (0..KEPT_FOR).contains(&age).then_some(typed)
    }

    /// Sealed for a user who is signed in.
    pub fn seal_for_user(&self, state: &State, user_id: i64) -> Option<String> {
        self.seal(&state.sealer, &of_user(user_id))
    }

    /// What was sealed for that user.
    pub fn open_for_user(state: &State, user_id: i64, sealed: &str) -> Option<Self> {
        Self::open(&state.sealer, &of_user(user_id), sealed)
    }
}

fn of_user(user_id: i64) -> String {
    format!("typed/user/{user_id}")
}

/// Nobody knows any more whose session it was, but the browser shows who signed in there last.
fn of_browser(cookie: &str) -> String {
    format!("typed/browser/{cookie}")
}

/// What people call a field.
fn label(name: &str) -> &str {
    match name {
        "subject" => "Betreff",
        "sender_name" => "Absendername",
        "sender_address" => "Absenderadresse",
        "html" => "Inhalt",
        "text" => "Text",
        "groups" | "gruppen" => "Gruppe (Nummer)",
        "email" => "E-Mail-Adresse",
        "name" => "Name",
        "vorname" => "Vorname",
        "nachname" => "Nachname",
        "wert" => "Freies Feld",
        "reason" => "Grund",
        other => other,
    }
}

/// The page that a form was sent from: browsers say so to the same origin.
fn page_of(request: &HttpRequest) -> String {
    let said = request.headers().get(REFERER);
    let said = said.and_then(|page| page.to_str().ok());
    let path = said.and_then(|page| url::Url::parse(page).ok());
    path.map_or_else(|| request.path().to_owned(), |page| page.path().to_owned())
}

fn is_upload(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"))
}

/// What the answer to a request carries that came after its session had ended; none for whoever
/// never signed in with this browser.
pub fn after_the_session(request: &HttpRequest, state: &State) -> Option<(Carried, String)> {
    if request.method() != Method::POST {
        return None;
    }
    let browser = cookie::browser_of(request, state.is_https())?;
    let typed = Typed::of(request);
    if typed.is_none() && !is_upload(request) {
        return None;
    }
    let sealed = typed
        .as_ref()
        .and_then(|typed| typed.seal(&state.sealer, &of_browser(&browser)));
    let to_copy = typed.as_ref().filter(|_| sealed.is_none());
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let carried = Carried {
        had_file: typed.is_none(),
        had_secret: typed.as_ref().is_some_and(|typed| typed.had_secret),
        to_copy: to_copy.map_or_else(Vec::new, |typed| typed.readable().map(owned).collect()),
        sealed,
    };
    Some((carried, page_of(request)))
}

/// What was carried through signing in, for the user with that address who has just signed in: the
/// page, and the form sealed for them. None where somebody else had typed it.
pub fn after_signing_in(
    request: &HttpRequest,
    state: &State,
    address_key: &str,
    user_id: i64,
    sealed: &str,
) -> Option<(String, String)> {
    let browser = cookie::browser_of(request, state.is_https())?;
    if sealed.is_empty() || !state.throttle.is_known(&browser, address_key) {
        return None;
    }
    let typed = Typed::open(&state.sealer, &of_browser(&browser), sealed)?;
    let sealed = typed.seal_for_user(state, user_id)?;
    Some((typed.page, sealed))
}

/// The layer outside of the session's: keeps the bytes of a form, so that whatever fails further
/// inside can give them back. Only of forms of our own pages, and only from a browser in which
/// somebody has signed in.
///
/// # Errors
/// None: every failure is a response.
pub async fn keep(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_form = is_unsafe(request.method()) && body::is_form(&request);
    if is_form && origin::is_own(&request) {
        let largest = largest_from(request.request());
        if largest > 0 {
            match body::take(&mut request, largest).await {
                Ok(bytes) => request.extensions_mut().insert(FormBody(bytes)),
                Err(error) => return Ok(request.error_response(error)),
            };
        }
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// How much is kept of a form from this browser. The session's cookie is signed, so a stranger
/// can't make one up.
fn largest_from(request: &HttpRequest) -> usize {
    let Some(state) = request.app_data::<web::Data<State>>() else {
        return 0;
    };
    let jar = CookieJar::new();
    let session = request.cookie(cookie::session_name(state.is_https()));
    if session.is_some_and(|session| jar.signed(&state.session_key).verify(session).is_some()) {
        body::LARGEST_FORM
    } else if cookie::browser_of(request, state.is_https()).is_some() {
        LARGEST_CARRIED
    } else {
        0
    }
}

/// What an error page carries: the form, and sealed for who is signed in, if that is known.
pub fn with_an_error(request: &HttpRequest) -> Option<(Typed, Option<String>)> {
    let typed = Typed::of(request)?;
    let user = request
        .extensions()
        .get::<SignedIn>()
        .map(|who| who.user.id);
    let state = request.app_data::<web::Data<State>>();
    let sealed = state.zip(user);
    let sealed = sealed.and_then(|(state, user)| typed.seal_for_user(state, user));
    Some((typed, sealed))
}

/// Whether a form of a request was kept.
pub fn has_form(request: &HttpRequest) -> bool {
    request.extensions().get::<FormBody>().is_some()
}

/// Whether a request sent a file that has to be chosen again.
pub fn had_file(request: &HttpRequest) -> bool {
    is_upload(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn typed(at: i64) -> Typed {
        Typed {
            page: "/e-mailings/neu".into(),
            action: "/e-mailings".into(),
            fields: vec![("subject".into(), "Herbst".into())],
            had_secret: false,
            at,
            length: 0,
        }
    }

    #[test]
    fn only_who_typed_it_gets_it_back_and_not_forever() {
        let sealer = Secret::from_bytes([7; 32]).sealer();
        let now = Timestamp::now().millis();
        let encoded = typed(now).seal(&sealer, &of_user(1)).unwrap();
        assert!(!encoded.contains("Herbst"));
        assert!(Typed::open(&sealer, &of_user(1), &encoded).is_some());
        assert!(Typed::open(&sealer, &of_user(2), &encoded).is_none());
        assert!(Typed::open(&sealer, &of_browser("x"), &encoded).is_none());
        assert!(Typed::open(&sealer, &of_user(1), &encoded[1..]).is_none());
        let old = typed(now - KEPT_FOR).seal(&sealer, &of_user(1)).unwrap();
        assert!(Typed::open(&sealer, &of_user(1), &old).is_none());
    }

    #[test]
    fn passwords_and_codes_are_secret() {
        for name in [
            "password",
            "current",
            "new",
            "code",
            "Neues-Passwort",
            "client_secret",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["subject", "html", "neues-feld", "stand", "name", "username"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
