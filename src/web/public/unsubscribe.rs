//! *Abmelden*: no more mailings to this address. Tracking is another matter
//! ([`super::preferences`]).

use actix_web::{HttpResponse, web};
use askama::Template;

use super::InAddress;
use super::person::{self, Person, unknown};
use crate::db::models::audit::Actor;
use crate::db::models::mailing_counters;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, TrackingSource};
use crate::tracking::settings;
use crate::tracking::token::{PersonalLink, PersonalToken};
use crate::web::filters;
use crate::web::page::Page;
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "public/unsubscribe.html")]
struct UnsubscribePage {
    page: Page,
    /// The address of this page, with nothing behind its token.
    here: String,
    person: Person,
}

impl UnsubscribePage {
    fn is_done(&self) -> bool {
        self.person.recipient.status == RecipientStatus::Unsubscribed
    }
}

/// GET `/abmelden/{token}`: shows, and changes nothing. Programs that check mails follow links.
pub async fn show(state: web::Data<State>, address: web::Path<InAddress>) -> WebResult {
    let Some(token) = state
        .tokens
        .read_personal(PersonalLink::Unsubscribe, &address.token)
    else {
        return unknown();
    };
    let found = state
        .read(move |conn| person::find(conn, &token.recipient_key))
        .await?;
    match found {
        Some(person) => page(&UnsubscribePage {
            page: Page::public("Abmelden"),
            here: here(&state, token),
            person,
        }),
        None => unknown(),
    }
}

/// POST `/abmelden/{token}`: from the page's button, or from a mail program's own (RFC 8058).
pub async fn create(
    state: web::Data<State>,
    address: web::Path<InAddress>,
    body: web::Bytes,
) -> WebResult {
    let Some(token) = state
        .tokens
        .read_personal(PersonalLink::Unsubscribe, &address.token)
    else {
        return unknown();
    };
    let found = state.write(move |conn| end_mailings(conn, token)).await?;
    if is_one_click(&body) {
        // Whoever is gone receives nothing either: for the mail program it is done.
        return Ok(HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("Abgemeldet."));
    }
    if found {
        see_other(here(&state, token))
    } else {
        unknown()
    }
}

/// The address of the page that a token opens.
fn here(state: &State, token: PersonalToken) -> String {
    let token = state.tokens.personal(PersonalLink::Unsubscribe, token);
    format!("/abmelden/{token}")
}

/// Unsubscribes whoever has that token, and counts it in the token's mailing. Gives whether there
/// is somebody.
pub(super) fn end_mailings(conn: &mut Conn, token: PersonalToken) -> DbResult<bool> {
    person::act(
        conn,
        &token.recipient_key,
        |conn, account_id, recipient_id| {
            let changed = settings::unsubscribe(
                conn,
                account_id,
                recipient_id,
                TrackingSource::Recipient,
                &Actor::Recipient,
                Timestamp::now(),
            )?;
            if changed {
                mailing_counters::count_unsubscription(conn, account_id, token.mailing_id)?;
            }
            Ok(())
        },
    )
}

/// Whether a mail program sends this by itself: `List-Unsubscribe=One-Click`, as a form or as
/// multipart (RFC 8058, section 3.1).
fn is_one_click(body: &[u8]) -> bool {
    url::form_urlencoded::parse(body)
        .any(|(name, value)| name == "List-Unsubscribe" && value == "One-Click")
        || is_one_click_part(&String::from_utf8_lossy(body))
}

/// The same as a part of multipart/form-data (RFC 7578): the name of the field, an empty line, and
/// the value on a line of its own. The name may stand without quotes (RFC 2183, section 2).
fn is_one_click_part(body: &str) -> bool {
    let mut named = false;
    for line in body.lines() {
        let head = line.to_ascii_lowercase();
        if head.starts_with("content-disposition:") {
            named = head
                .split(';')
                .map(str::trim)
                .any(|part| matches!(part, "name=\"list-unsubscribe\"" | "name=list-unsubscribe"));
        } else if named && line.trim() == "One-Click" {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_program_says_that_it_is_one() {
        assert!(is_one_click(b"List-Unsubscribe=One-Click"));
        assert!(is_one_click(
            b"--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--"
        ));
        // RFC 8058, section 8.2 and 8.3, to the letter.
        assert!(is_one_click(
            b"---FormBoundaryjWmhtjORrn\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n---FormBoundaryjWmhtjORrn--"
        ));
        assert!(is_one_click(
            b"--x\nContent-Disposition: form-data; name=List-Unsubscribe\nContent-Type: text/plain\n\nOne-Click\n--x--"
        ));
        assert!(!is_one_click(
            b"--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nOne-Click\r\n--x--"
        ));
        assert!(!is_one_click(b""));
        assert!(!is_one_click(b"List-Unsubscribe=Two-Clicks"));
    }
}
