//! The second factor of others: whether it is wanted of everybody, and taking away a lost one.

use actix_web::web;
use askama::Template;

use super::edit::find;
use crate::db::models::users::User;
use crate::domain::time::Timestamp;
use crate::people::second_factor;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

const OWN: WebError = WebError::Conflict(
    "Ihren eigenen zweiten Faktor schalten Sie unter Zwei-Faktor-Anmeldung aus, mit Passwort und Code.",
);

#[derive(Template)]
#[template(path = "account/users/reset_factor.html")]
struct ResetPage {
    page: Page,
    user: User,
    is_required: bool,
}

/// POST `/benutzerkonto/benutzer/zweiter-faktor`
pub async fn require(
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Fields>,
) -> WebResult {
    let required = match fields.text("verlangen") {
        "ja" => true,
        "nein" => false,
        _ => {
            return Err(WebError::BadRequest(
                "Ob ein zweiter Faktor verlangt wird, ist ja oder nein.",
            ));
        }
    };
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| {
            second_factor::require(conn, account_id, required, &actor, Timestamp::now())
        })
        .await?;
    see_other(if required {
        "/benutzerkonto/benutzer?meldung=zweiter-faktor-verlangt"
    } else {
        "/benutzerkonto/benutzer?meldung=gespeichert"
    })
}

/// GET `/benutzerkonto/benutzer/{id}/zweiter-faktor`
pub async fn ask(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let user = find(&signed_in, &state, *id).await?;
    if user.id == signed_in.user.id {
        return Err(OWN);
    }
    page(&ResetPage {
        page: Page::new(&signed_in, Section::Account, "Zweiten Faktor zurücksetzen?"),
        is_required: signed_in.account.second_factor_required,
        user,
    })
}

/// POST `/benutzerkonto/benutzer/{id}/zweiter-faktor`
pub async fn reset(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, actor, id) = (signed_in.account_id(), signed_in.actor(), *id);
    if id == signed_in.user.id {
        return Err(OWN);
    }
    let had = state
        .write(move |conn| second_factor::reset(conn, account_id, id, &actor, Timestamp::now()))
        .await?;
    if !had {
        return Err(WebError::Conflict(
            "Diese Person hat keinen zweiten Faktor eingerichtet.",
        ));
    }
    see_other("/benutzerkonto/benutzer?meldung=zweiter-faktor-zurueckgesetzt")
}
