//! The cookie of a session: 256 random bits. The database knows only their hash. And the cookie by
//! which the sign-in knows a browser again ([`super::throttle`]).

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use crate::domain::random_key::{KeyHash, hash_of};

/// With the prefix, browsers accept the cookie only from this very host, by https and for the
/// whole site (RFC 6265bis, section 4.1.3.2).
const fn name(https: bool) -> &'static str {
    if https { "__Host-sitzung" } else { "sitzung" }
}

const fn sign_in_name(https: bool) -> &'static str {
    if https {
        "__Host-anmeldung"
    } else {
        "anmeldung"
    }
}

const fn browser_name(https: bool) -> &'static str {
    if https { "__Host-browser" } else { "browser" }
}

/// The cookie that carries a key.
pub fn with_key(key: &str, https: bool) -> Cookie<'static> {
    let age = Duration::days(super::DAYS);
    build(name(https), key.to_owned(), https, age)
}

/// The cookie that removes itself.
pub fn gone(https: bool) -> Cookie<'static> {
    build(name(https), String::new(), https, Duration::ZERO)
}

/// The cookie of a sign-in between its two steps.
pub fn of_sign_in(key: &str, https: bool) -> Cookie<'static> {
    let age = Duration::minutes(super::second_step::MINUTES);
    build(sign_in_name(https), key.to_owned(), https, age)
}

/// That cookie, removing itself.
pub fn sign_in_gone(https: bool) -> Cookie<'static> {
    build(sign_in_name(https), String::new(), https, Duration::ZERO)
}

/// The hash of the key of a sign-in between its two steps.
pub fn sign_in_of(request: &HttpRequest, https: bool) -> Option<KeyHash> {
    let cookie = request.cookie(sign_in_name(https))?;
    (!cookie.value().is_empty()).then(|| hash_of(cookie.value()))
}

/// The cookie of a browser in which somebody has signed in.
pub fn of_browser(value: &str, https: bool) -> Cookie<'static> {
    let age = Duration::days(365);
    build(browser_name(https), value.to_owned(), https, age)
}

/// What a request's browser shows.
pub fn browser_of(request: &HttpRequest, https: bool) -> Option<String> {
    let cookie = request.cookie(browser_name(https))?;
    Some(cookie.value().to_owned())
}

fn build(name: &'static str, value: String, https: bool, age: Duration) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(age)
        .finish()
}

/// The hash of the key in a request's cookie.
pub fn session_of(request: &HttpRequest, https: bool) -> Option<KeyHash> {
    let cookie = request.cookie(name(https))?;
    (!cookie.value().is_empty()).then(|| hash_of(cookie.value()))
}
