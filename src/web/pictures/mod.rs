//! *Bilder*: pictures for mails, uploaded here and served to everybody who has the address.

mod upload;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::db::models::pictures::{self, Picture, Use};
use crate::db::paging::Position;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PagingQuery};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// How many pictures a page shows.
const SHOWN: usize = 24;

/// A picture is nothing but a picture, whatever its bytes could be taken for.
const POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "pictures/list.html")]
struct ListPage {
    page: Page,
    rows: Vec<Picture>,
    links: Links,
    count: i64,
    base: String,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "pictures/delete.html")]
struct DeletionPage {
    page: Page,
    picture: Picture,
    uses: Vec<Use>,
}

impl ListPage {
    fn address(&self, picture: &Picture) -> String {
        format!("{}{}", self.base, picture.path())
    }
}

/// As the list shows it.
fn kilobytes(picture: &Picture) -> String {
    filters::format_number((picture.size / 1024).max(1))
}

/// GET `/e-mailings/bilder`
pub async fn index(
    signed_in: SignedIn,
    state: web::Data<State>,
    paging: web::Query<PagingQuery>,
) -> WebResult {
    page(&list_page(&signed_in, &state, paging.position(), FormErrors::new()).await?)
}

/// POST `/e-mailings/bilder`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> WebResult {
    let new = match upload::receive(&request, payload).await? {
        Ok(new) => new,
        Err(problem) => {
            let errors = FormErrors::one("bild", problem);
            return invalid(&list_page(&signed_in, &state, Position::First, errors).await?);
        }
    };
    let account_id = signed_in.account_id();
    state
        .write(move |conn| pictures::create(conn, account_id, &new, Timestamp::now()))
        .await?;
    see_other("/e-mailings/bilder?meldung=bild-hochgeladen")
}

/// GET `/e-mailings/bilder/{id}/loeschen`
pub async fn confirm_deletion(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let (picture, uses) = state
        .read(move |conn| {
            let picture = pictures::find(conn, account_id, id)?;
            let uses = pictures::uses(conn, account_id, &picture)?;
            Ok((picture, uses))
        })
        .await?;
    page(&DeletionPage {
        page: Page::new(&signed_in, Section::Mailings, "Bild löschen?"),
        picture,
        uses,
    })
}

/// POST `/e-mailings/bilder/{id}/loeschen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    state
        .write(move |conn| pictures::delete(conn, account_id, id))
        .await?;
    see_other("/e-mailings/bilder?meldung=bild-geloescht")
}

/// GET `/bilder/{key}`: for everybody. Its bytes never change, and nothing is set or counted.
pub async fn show(state: web::Data<State>, key: web::Path<String>) -> WebResult {
    let key = unhex(&key).ok_or(WebError::NotFound)?;
    let (media_type, content) = state
        .read(move |conn| pictures::content(conn, &key))
        .await?;
    Ok(HttpResponse::build(StatusCode::OK)
        .content_type(media_type)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((
            // Shown on other sites: webmail.
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ))
        .body(content))
}

async fn list_page(
    signed_in: &SignedIn,
    state: &State,
    position: Position,
    errors: FormErrors,
) -> Result<ListPage, WebError> {
    let account_id = signed_in.account_id();
    let (found, count) = state
        .read(move |conn| {
            Ok((
                pictures::list(conn, account_id, position, SHOWN)?,
                pictures::count(conn, account_id)?,
            ))
        })
        .await?;
    Ok(ListPage {
        page: Page::new(signed_in, Section::Mailings, "Bilder"),
        links: Links::new(&found, |row| row.id, "/e-mailings/bilder", &[]),
        rows: found.rows,
        count,
        base: state.public_url.as_str().trim_end_matches('/').to_owned(),
        errors,
    })
}

/// Reads the 128 bits of a key.
fn unhex(digits: &str) -> Option<Vec<u8>> {
    let number = u128::from_str_radix(digits, 16).ok()?;
    (digits.len() == 32 && !digits.starts_with('+')).then(|| number.to_be_bytes().to_vec())
}
