//! The pixel: always a picture, whatever the token is.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use super::{InAddress, NotStored, links_of, mark, record, visitor};
use crate::tracking::token::HitKind;
use crate::web::state::State;

/// A transparent GIF of one pixel: header, a colour table of two, transparency, one image.
const PICTURE: &[u8] = &[
    b'G', b'I', b'F', b'8', b'9', b'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21,
    0xf9, 4, 1, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

/// GET `/o/{token}.gif`
pub async fn show(
    request: HttpRequest,
    state: web::Data<State>,
    address: web::Path<InAddress>,
) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .content_type("image/gif")
        // Every load counts, so no cache may answer for us.
        .insert_header((CACHE_CONTROL, "no-store, max-age=0"))
        .body(PICTURE);
    if let Some(token) = state.tokens.read_tracking(HitKind::Open, &address.token) {
        match links_of(&state, token.mailing_id).await {
            Ok(Some(links)) => {
                let stored = record(&state, &links, HitKind::Open, token, visitor(&request)).await;
                mark(&mut response, stored);
            }
            Ok(None) => {}
            Err(NotStored(stored)) => mark(&mut response, stored),
        }
    }
    response
}
