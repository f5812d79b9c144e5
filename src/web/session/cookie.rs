//! The names of the cookies, and the one by which the sign-in knows a browser again
//! ([`super::throttle`]). The session's own cookie is written by the session middleware
//! ([`super::store`]).

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// The name of the session's cookie. With the prefix, browsers accept a cookie only from this very
/// host, by https and for the whole site (RFC 6265bis, section 4.1.3.2).
pub const fn session_name(https: bool) -> &'static str {
    if https { "__Host-sitzung" } else { "sitzung" }
}

const fn browser_name(https: bool) -> &'static str {
    if https { "__Host-browser" } else { "browser" }
}

/// The cookie of a browser in which somebody has signed in.
pub fn of_browser(value: &str, https: bool) -> Cookie<'static> {
    Cookie::build(browser_name(https), value.to_owned())
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(365))
        .finish()
}

/// What a request's browser shows.
pub fn browser_of(request: &HttpRequest, https: bool) -> Option<String> {
    let cookie = request.cookie(browser_name(https))?;
    Some(cookie.value().to_owned())
}
