//! Removing a user.

use actix_web::web;
use askama::Template;

use super::edit::find;
use crate::db::models::sessions;
use crate::db::models::users::{self, User};
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::people::change::{self, Outcome, is_last_admin};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/users/remove.html")]
struct RemovePage {
    page: Page,
    user: User,
    is_own: bool,
    is_last_admin: bool,
    is_admin: bool,
    sessions: i64,
}

/// GET `/benutzerkonto/benutzer/{id}/entfernen`
pub async fn ask(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let user = find(&signed_in, &state, *id).await?;
    let (account_id, id) = (signed_in.account_id(), user.id);
    let (all, open) = state
        .read(move |conn| {
            Ok((
                users::list(conn, account_id)?,
                sessions::of_user(conn, id, Timestamp::now())?.len(),
            ))
        })
        .await?;
    page(&RemovePage {
        page: Page::new(&signed_in, Section::Account, "Benutzer entfernen?"),
        is_own: id == signed_in.user.id,
        is_last_admin: is_last_admin(&all, id),
        is_admin: user.roles().has(Role::Admin),
        sessions: i64::try_from(open).unwrap_or(i64::MAX),
        user,
    })
}

/// POST `/benutzerkonto/benutzer/{id}/entfernen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, actor, id) = (signed_in.account_id(), signed_in.actor(), *id);
    if id == signed_in.user.id {
        return Err(WebError::Conflict(
            "Sich selbst können Sie nicht entfernen. Das kann eine andere Administratorin oder ein anderer Administrator.",
        ));
    }
    let outcome = state
        .write(move |conn| change::remove(conn, account_id, id, &actor, Timestamp::now()))
        .await?;
    match outcome {
        Outcome::Done => see_other("/benutzerkonto/benutzer?meldung=benutzer-entfernt"),
        Outcome::LastAdmin => Err(WebError::Conflict(
            "Der letzte Benutzer mit der Rolle Admin kann nicht entfernt werden.",
        )),
    }
}
