//! Tab *Meine Anmeldungen*: where the user is signed in, and ending it there.

use actix_web::web;
use askama::Template;
use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::sessions::{self, Session};
use crate::db::{Conn, DbResult};
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::tracking::device::Device;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/sign_ins.html")]
struct SignInsPage {
    page: Page,
    is_admin: bool,
    sessions: Vec<Session>,
    count: i64,
    own: i64,
}

impl SignInsPage {
    fn is_this_one(&self, session: &Session) -> bool {
        session.id == self.own
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn device(&self, session: &Session) -> &'static str {
        match Device::of_number(session.device) {
            Device::Unknown | Device::Proxy => "Unbekanntes Gerät",
            known => known.label(),
        }
    }
}

/// GET `/benutzerkonto/anmeldungen`
pub async fn index(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let user_id = signed_in.user.id;
    let sessions = state
        .read(move |conn| sessions::of_user(conn, user_id, Timestamp::now()))
        .await?;
    page(&SignInsPage {
        page: Page::new(&signed_in, Section::Account, "Benutzerkonto"),
        is_admin: signed_in.user.roles().allow(Role::Admin),
        count: i64::try_from(sessions.len()).unwrap_or(i64::MAX),
        sessions,
        own: signed_in.session_id,
    })
}

/// POST `/benutzerkonto/anmeldungen/{id}/abmelden`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let (user_id, id) = (signed_in.user.id, *id);
    let ended = state
        .write(move |conn| {
            let ended = sessions::end_of_user(conn, user_id, id)?;
            if ended {
                note(conn, account_id, &actor, 1)?;
            }
            Ok(ended)
        })
        .await?;
    if !ended {
        return Err(WebError::NotFound);
    }
    see_other("/benutzerkonto/anmeldungen?meldung=anmeldung-beendet")
}

/// POST `/benutzerkonto/anmeldungen/andere-abmelden`
pub async fn destroy_others(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let (user_id, session_id) = (signed_in.user.id, signed_in.session_id);
    state
        .write(move |conn| {
            let ended = sessions::end_others(conn, user_id, session_id)?;
            if ended > 0 {
                note(conn, account_id, &actor, ended)?;
            }
            Ok(())
        })
        .await?;
    see_other("/benutzerkonto/anmeldungen?meldung=andere-abgemeldet")
}

fn note(conn: &mut Conn, account_id: i64, actor: &Actor, ended: usize) -> DbResult<()> {
    let entry = Entry {
        actor,
        action: Action::SessionEnded,
        recipient_id: None,
        details: json!({ "sessions": ended }),
    };
    audit::record(conn, account_id, &entry, Timestamp::now())
}
