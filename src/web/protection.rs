//! The outermost layer: security headers on every answer, and one page for every error.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use askama::Template;

use crate::web::access::SignedIn;
use crate::web::api::problem;
use crate::web::error::{Shown, shown_for};
use crate::web::kept::{self, Typed};
use crate::web::page::{Page, PageUser};
use crate::web::state::State;

/// No script or style in the page, nothing from elsewhere, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "errors/error.html")]
struct ErrorPage<'a> {
    page: Page,
    message: &'a str,
    code: u16,
    /// What was typed and could not be saved.
    typed: Option<Typed>,
    /// The same, sealed for who is signed in.
    sealed: Option<String>,
    /// Whether a file has to be chosen again.
    had_file: bool,
}

/// The layer around the whole application.
pub async fn protect(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = std::time::Instant::now();
    let brings_form = kept::turn_into_page(&mut request).await;
    let method = request.method().clone();
    let mut response = match brings_form {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(error) => request.error_response(error),
    };
    response = kept::put_back(response).await;
    let status = response.status();
    // The pattern of the route, never the path: tokens stand in paths (rule P8).
    tracing::debug!(
        %method,
        route = response.request().match_pattern().as_deref().unwrap_or("none"),
        status = status.as_u16(),
        ms = begun.elapsed().as_millis(),
        "answered"
    );
    if let Some(state) = response.request().app_data::<web::Data<State>>() {
        let request = response.request();
        let route = || request.match_pattern();
        state.requests.count(&method, route, status);
    }
    if status.is_client_error() || status.is_server_error() {
        if response.request().path().starts_with("/api/") {
            response = problem::explained(response);
        } else if !is_page(&response) {
            response = with_error_page(response);
        }
    }
    let https = response
        .request()
        .app_data::<web::Data<State>>()
        .is_some_and(|state| state.is_https());
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(REFERRER_POLICY, "same-origin");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
    // Pages hold other people's data: nothing of them stays in a cache.
    set(CACHE_CONTROL, "no-store");
    if https {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    Ok(response)
}

fn is_page(response: &ServiceResponse) -> bool {
    response.headers().contains_key(CONTENT_TYPE)
        && response.response().extensions().get::<Shown>().is_none()
        && response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
            let kind = kind.as_bytes();
            kind.starts_with(b"text/html") || kind == b"application/json"
        })
}

fn with_error_page(response: ServiceResponse) -> ServiceResponse {
    let status = response.status();
    let shown = response
        .response()
        .extensions()
        .get::<Shown>()
        .copied()
        .unwrap_or_else(|| shown_for(status));
    let user = response
        .request()
        .extensions()
        .get::<SignedIn>()
        .map(PageUser::new);
    let mut page = Page::public(shown.title);
    page.user = user;
    let (typed, sealed) = match kept::with_an_error(response.request()) {
        Some((typed, sealed)) => (Some(typed), sealed),
        None => (None, None),
    };
    let body = ErrorPage {
        page,
        message: shown.message,
        code: status.as_u16(),
        typed,
        sealed,
        had_file: kept::had_file(response.request()),
    }
    .render()
    .unwrap_or_else(|_| shown.message.to_owned());
    let mut answer = HttpResponse::build(status);
    // A 405 says what is allowed, for example.
    for (name, value) in response.headers() {
        if name != CONTENT_TYPE {
            answer.append_header((name.clone(), value.clone()));
        }
    }
    let answer = answer.content_type("text/html; charset=utf-8").body(body);
    response.into_response(answer)
}
