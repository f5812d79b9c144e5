//! The link in the confirmation mail. Looking changes nothing, since programs that check mails
//! follow links; the button confirms, once.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::domain::address::masked;
use crate::domain::time::Timestamp;
use crate::signup::confirm::{self, Open};
use crate::tracking::token::{PersonalLink, PersonalToken};
use crate::web::error::WebError;
use crate::web::page::Page;
use crate::web::respond::{WebResult, page, page_with, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "public/signup/confirm.html")]
struct ConfirmPage {
    page: Page,
    token: String,
    open: Open,
    address: String,
}

#[derive(Template)]
#[template(path = "public/signup/expired.html")]
struct ExpiredPage {
    page: Page,
}

/// GET `/bestaetigen/{token}`
pub async fn show(state: web::Data<State>, token: web::Path<String>) -> WebResult {
    let token = token.into_inner();
    let asked = token.clone();
    let found = state
        .read(move |conn| confirm::look(conn, &asked, Timestamp::now()))
        .await?;
    match found {
        Some(open) => page(&ConfirmPage {
            page: Page::public("Anmeldung bestätigen"),
            token,
            address: masked(&open.signup.address),
            open,
        }),
        None => expired(),
    }
}

/// POST `/bestaetigen/{token}`
pub async fn create(state: web::Data<State>, token: web::Path<String>) -> WebResult {
    let remembering = state.remembering.clone();
    let confirmed = state
        .write(move |conn| confirm::confirm(conn, &token, &remembering, Timestamp::now()))
        .await?;
    let Some(confirmed) = confirmed else {
        return expired();
    };
    let outbox = state.outbox.clone();
    web::block(move || outbox.remove(&confirmed.outbox_files)).await?;
    let key = confirmed.recipient_key.as_slice().try_into();
    let token = PersonalToken {
        mailing_id: 0,
        recipient_key: key.map_err(|_| WebError::Internal("a key of another length".into()))?,
    };
    let token = state.tokens.personal(PersonalLink::Preferences, token);
    see_other(format!("/datenschutz/{token}?meldung=anmeldung-bestaetigt"))
}

fn expired() -> WebResult {
    let page = Page::public("Dieser Link gilt nicht mehr");
    page_with(StatusCode::NOT_FOUND, &ExpiredPage { page })
}
