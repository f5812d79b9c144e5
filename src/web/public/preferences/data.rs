//! *Ihre Daten* (Art. 15 GDPR): everything that is stored, as a page and as a JSON document.
//!
//! Here the address is whole: the copy has to be complete and understandable (Art. 15 (3)), and the
//! link is the person's own. Whoever forwards a mail forwards its links too; docs/PRIVACY.md says
//! what that means.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::super::{InAddress, person};
use super::{read, unknown, written};
use crate::domain::time::Timestamp;
use crate::tracking::token::PersonalToken;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::own_data::{self, HOW, OwnData};
use crate::web::page::Page;
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "public/preferences/data.html")]
struct DataPage {
    page: Page,
    token: String,
    data: OwnData,
    how: [&'static str; 5],
}

/// GET `/datenschutz/{token}/daten`
pub async fn show(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    match gather(&state, &address).await? {
        Some((token, data)) => page(&DataPage {
            page: Page::public("Ihre Daten"),
            token: written(&state, token),
            data,
            how: HOW,
        }),
        None => unknown(),
    }
}

/// GET `/datenschutz/{token}/daten.json`
pub async fn download(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    let Some((_, data)) = gather(&state, &address).await? else {
        return unknown();
    };
    let body = serde_json::to_string_pretty(&data.json(Timestamp::now()))
        .map_err(|e| WebError::Internal(e.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type("application/json; charset=utf-8")
        .insert_header((
            CONTENT_DISPOSITION,
            "attachment; filename=\"meine-daten.json\"",
        ))
        .body(body))
}

async fn gather(
    state: &State,
    address: &InAddress,
) -> Result<Option<(PersonalToken, OwnData)>, WebError> {
    let Some(token) = read(state, address) else {
        return Ok(None);
    };
    let remembering = state.remembering.clone();
    state
        .read(move |conn| {
            person::find(conn, &token.recipient_key)?
                .map(|person| Ok((token, own_data::gather(conn, person, &remembering)?)))
                .transpose()
        })
        .await
}
