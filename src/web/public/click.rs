//! The links of a mail: on to the target that is stored with the mailing, and nowhere else.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{InAddress, NotStored, links_of, mark, record, visitor};
use crate::mail::links::location;
use crate::tracking::token::HitKind;
use crate::web::page::Page;
use crate::web::respond::{WebResult, page_with};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "public/unknown_link.html")]
struct UnknownLink {
    page: Page,
    /// The link may well be good: only the database is away.
    is_for_now: bool,
}

/// GET `/k/{token}`
pub async fn follow(
    request: HttpRequest,
    state: web::Data<State>,
    address: web::Path<InAddress>,
) -> WebResult {
    let Some(token) = state.tokens.read_tracking(HitKind::Click, &address.token) else {
        return unknown();
    };
    let links = match links_of(&state, token.mailing_id).await {
        Ok(Some(links)) => links,
        Ok(None) => return unknown(),
        Err(NotStored(stored)) => {
            let mut response = unknown_for_now()?;
            mark(&mut response, stored);
            return Ok(response);
        }
    };
    let Some(url) = links.urls.get(&token.link).and_then(|url| location(url)) else {
        return unknown();
    };
    let mut response = HttpResponse::Found()
        .insert_header((LOCATION, url))
        .insert_header((CACHE_CONTROL, "no-store, max-age=0"))
        // The target must not learn the token from the referrer.
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .finish();
    let stored = record(&state, &links, HitKind::Click, token, visitor(&request)).await;
    mark(&mut response, stored);
    Ok(response)
}

/// A friendly page in place of an error: whoever comes here wanted to read something.
fn unknown() -> WebResult {
    let page = Page::public("Dieser Link führt nicht weiter");
    let is_for_now = false;
    page_with(StatusCode::NOT_FOUND, &UnknownLink { page, is_for_now })
}

fn unknown_for_now() -> WebResult {
    let page = Page::public("Dieser Link führt gerade nicht weiter");
    let is_for_now = true;
    page_with(
        StatusCode::SERVICE_UNAVAILABLE,
        &UnknownLink { page, is_for_now },
    )
}
