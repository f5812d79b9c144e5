//! Who may come here. Every route of the table declares its [`Access`]; the layer made from it
//! finds out who is signed in, checks the role, and refuses unsafe requests of other origins.

use std::future::{Ready, ready};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION, REFERRER_POLICY};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, web};

use crate::db::models::accounts::Account;
use crate::db::models::audit::Actor;
use crate::db::models::sessions;
use crate::db::models::users::User;
use crate::domain::role::{Role, Roles};
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::web::account::second_factor;
use crate::web::api::caller;
use crate::web::body;
use crate::web::error::WebError;
use crate::web::help::topics::{self, Topic};
use crate::web::kept;
use crate::web::notice::{self, Notice};
use crate::web::origin;
use crate::web::session::current::CurrentSession;
use crate::web::session::{self, cookie};
use crate::web::state::State;

/// How exactly it is known when a session was last used, in milliseconds: so that looking at a page
/// seldom writes something.
const USED_TO: i64 = 5 * 60_000;

/// A token in an address is a key: no search engine keeps it.
const NOT_INDEXED: (HeaderName, &str) = (
    HeaderName::from_static("x-robots-tag"),
    "noindex, nofollow, noarchive",
);

/// Who may come to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody; unsafe requests only from our own pages. No session is read.
    Everybody,
    /// Whoever signs in or is about to: everybody, unsafe requests only from our own pages. The
    /// answer may start a session.
    SigningIn,
    /// Whoever has the token in the address. Mail clients and mailbox providers send these
    /// requests, without cookie and from anywhere (RFC 8058), so the origin is not checked.
    Token,
    /// Whoever has the single-use link of a mail to a user. Unlike with a [`Self::Token`], unsafe
    /// requests come from our own pages only: nobody is to be led into an account by another site.
    Link,
    /// Whoever fills in a public form, also one that stands on another website: no cookie is read,
    /// so the origin says nothing and is not checked.
    PublicForm,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in and has the role.
    Role(Role),
    /// Whoever is signed in and has one of the roles.
    AnyOf(&'static [Role]),
    /// Whoever is signed in and has all of the roles.
    AllOf(&'static [Role]),
    /// A program with any key of an account. No cookie is read, so a browser can't be led here by
    /// another site, and the origin is not checked.
    AnyKey,
    /// A program with a key that allows this.
    Key(Scope),
}

impl Access {
    /// Whether it is for programs.
    pub const fn is_for_programs(self) -> bool {
        matches!(self, Self::AnyKey | Self::Key(_))
    }

    /// Whether somebody has to be signed in.
    pub const fn needs_sign_in(self) -> bool {
        matches!(
            self,
            Self::SignedIn | Self::Role(_) | Self::AnyOf(_) | Self::AllOf(_)
        )
    }

    /// Whether the session of a request is read, or may begin with the answer. What is asked for
    /// without it needs no look into the database.
    pub const fn uses_session(self) -> bool {
        self.needs_sign_in() || matches!(self, Self::SigningIn | Self::Link)
    }

    /// Whether somebody who is signed in with these roles may come.
    pub fn allows(self, roles: Roles) -> bool {
        match self {
            Self::Everybody
            | Self::SigningIn
            | Self::Token
            | Self::Link
            | Self::PublicForm
            | Self::SignedIn => true,
            Self::AnyKey | Self::Key(_) => false,
            Self::Role(role) => roles.allow(role),
            Self::AnyOf(any) => any.iter().any(|role| roles.allow(*role)),
            Self::AllOf(all) => all.iter().all(|role| roles.allow(*role)),
        }
    }
}

/// Who is signed in; handlers take it as an argument.
#[derive(Clone)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The account; every query is scoped by its number.
    pub account: Account,
    /// The number of this session.
    pub session_id: i64,
    /// What the page is to say, from the address.
    pub notice: Option<Notice>,
    /// What helps with the page that was asked for.
    pub help: Option<&'static Topic>,
}

impl SignedIn {
    /// The account's number.
    pub const fn account_id(&self) -> i64 {
        self.account.id
    }

    /// Whether the account wants a second factor that the user has yet to set up: until then nothing
    /// else is open.
    pub const fn must_set_up(&self) -> bool {
        self.account.second_factor_required && self.user.second_factor_at.is_none()
    }

    /// As the audit log names the user.
    pub fn actor(&self) -> Actor {
        Actor::User {
            id: self.user.id,
            name: self.user.name.clone(),
        }
    }
}

impl FromRequest for SignedIn {
    type Error = WebError;
    type Future = Ready<Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            request
                .extensions()
                .get::<Self>()
                .cloned()
                .ok_or(WebError::Forbidden),
        )
    }
}

/// The layer around a route.
pub async fn guard(
    access: Access,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let from_anywhere =
        matches!(access, Access::Token | Access::PublicForm) || access.is_for_programs();
    if !from_anywhere && is_unsafe(request.method()) && !origin::is_own(&request) {
        return Ok(request.error_response(WebError::OtherOrigin));
    }
    if access.uses_session() && is_unsafe(request.method()) && origin::is_plain_http(&request) {
        let answer = origin::use_https(&request);
        return Ok(request.into_response(answer));
    }
    if access.needs_sign_in() {
        let signed_in = match find_session(&request).await {
            Ok(Some(signed_in)) => signed_in,
            Ok(None) => {
                let answer = to_sign_in(&request)?;
                return Ok(request.into_response(answer));
            }
            Err(error) => return Ok(request.error_response(error)),
        };
        if signed_in.must_set_up() && !is_of_setting_up(request.path()) {
            if kept::has_form(request.request()) {
                return Ok(request.error_response(WebError::Conflict(
                    "Ihr Benutzerkonto verlangt inzwischen einen zweiten Faktor. Richten Sie ihn in einem neuen Tab \
                     unter Benutzerkonto → Zwei-Faktor-Anmeldung ein und senden Sie danach noch einmal.",
                )));
            }
            let answer = HttpResponse::SeeOther()
                .insert_header((LOCATION, second_factor::HERE))
                .finish();
            return Ok(request.into_response(answer));
        }
        let may = access.allows(signed_in.user.roles());
        request.extensions_mut().insert(signed_in);
        if !may {
            return Ok(request.error_response(WebError::Forbidden));
        }
    }
    if access.is_for_programs() {
        let needed = match access {
            Access::Key(scope) => Some(scope),
            _ => None,
        };
        match caller::authenticate(&request, needed).await {
            Ok(caller) => request.extensions_mut().insert(caller),
            Err(problem) => return Ok(request.error_response(problem)),
        };
    }
    let largest = if access.needs_sign_in() {
        body::LARGEST_FORM
    } else if access == Access::SigningIn && comes_from_known_browser(&request) {
        // What was typed before the session ended comes along.
        kept::LARGEST_CARRYING
    } else {
        body::LARGEST_FORM_OF_STRANGERS
    };
    if let Err(error) = body::check(&mut request, largest).await {
        return Ok(request.error_response(error));
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    if matches!(access, Access::Token | Access::Link) {
        let headers = response.headers_mut();
        headers.insert(NOT_INDEXED.0, HeaderValue::from_static(NOT_INDEXED.1));
        // With this policy a browser sends `Origin: null`, also to us. That is no harm with a
        // token, where the origin is not checked; the forms behind a single-use link have to show
        // where they come from, and keep the policy of all pages: no other site learns the address.
        if access == Access::Token {
            headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        }
    }
    Ok(response)
}

fn comes_from_known_browser(request: &ServiceRequest) -> bool {
    let state = request.app_data::<web::Data<State>>();
    state.is_some_and(|state| cookie::browser_of(request.request(), state.is_https()).is_some())
}

/// Where somebody may go who has to set up a second factor: there, and out.
fn is_of_setting_up(path: &str) -> bool {
    let below = path.strip_prefix(second_factor::HERE);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || path == "/abmelden-sitzung"
}

/// Who is signed in with the session of this request.
async fn find_session(request: &ServiceRequest) -> Result<Option<SignedIn>, WebError> {
    let Some(state) = request.app_data::<web::Data<State>>() else {
        return Err(WebError::Internal("no state".into()));
    };
    let Some(session_id) = CurrentSession::of(request).session_id() else {
        return Ok(None);
    };
    let notice =
        web::Query::<std::collections::HashMap<String, String>>::from_query(request.query_string())
            .ok()
            .and_then(|query| query.get("meldung").and_then(|word| notice::find(word)));
    let help = request
        .match_pattern()
        .and_then(|pattern| topics::about(&pattern));
    let now = Timestamp::now();
    let found = state
        .read(move |conn| sessions::find(conn, session_id, now))
        .await?;
    let Some((user, account, used_at)) = found else {
        return Ok(None);
    };
    if now.millis() - used_at > USED_TO {
        let touched = state.write(move |conn| sessions::touch(conn, session_id, now));
        // The page does not depend on it.
        if let Err(error) = touched.await {
            tracing::debug!(%error, "the use of a session was not noted");
        }
    }
    Ok(Some(SignedIn {
        user,
        account,
        session_id,
        notice,
        help,
    }))
}

/// To *Anmelden*, and from there back to the page that was asked for.
///
/// A form that was sent after its session had ended is carried through signing in.
fn to_sign_in(request: &ServiceRequest) -> Result<HttpResponse, WebError> {
    let state = request.app_data::<web::Data<State>>();
    let kept = state.and_then(|state| kept::after_the_session(request.request(), state));
    if let Some((carried, page)) = kept {
        return session::ended(carried, page);
    }
    let wanted = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let address = if is_unsafe(request.method()) || wanted == "/" {
        "/anmelden".to_owned()
    } else {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("weiter", wanted)
            .finish();
        format!("/anmelden?{query}")
    };
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, address))
        .finish())
}

pub(super) fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
