//! Accepting an invitation: the link in a mail makes a user, once.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;

use super::current::CurrentSession;
use super::start_session;
use crate::db::DbError;
use crate::db::models::accounts;
use crate::db::models::invitations::{self, Invitation};
use crate::domain::random_key::hash_of;
use crate::domain::time::Timestamp;
use crate::people::invite;
use crate::web::account::users::name_problem;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::page::Page;
use crate::web::password;
use crate::web::respond::{WebResult, invalid, page, page_with};
use crate::web::state::State;

const TAKEN: &str = "Mit dieser E-Mail-Adresse meldet sich schon jemand bei einem anderen Benutzerkonto an. Eine Adresse gehört zu genau einem. Bitten Sie um eine Einladung an eine andere Adresse.";

#[derive(Template)]
#[template(path = "session/invitation.html")]
struct InvitationPage {
    page: Page,
    token: String,
    account: String,
    invitation: Invitation,
    name: String,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "session/gone.html")]
struct GonePage {
    page: Page,
}

/// What is typed to accept.
#[derive(Deserialize)]
pub struct AcceptForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

/// GET `/einladung/{token}`
pub async fn show(state: web::Data<State>, token: web::Path<String>) -> WebResult {
    let Some((invitation, account)) = look(&state, &token).await? else {
        return gone();
    };
    page(&InvitationPage {
        page: Page::public("Einladung annehmen"),
        token: token.into_inner(),
        account,
        name: invitation.name.clone(),
        invitation,
        errors: FormErrors::new(),
    })
}

/// POST `/einladung/{token}`
pub async fn create(
    request: HttpRequest,
    session: CurrentSession,
    state: web::Data<State>,
    token: web::Path<String>,
    form: web::Form<AcceptForm>,
) -> WebResult {
    // Before anything costs work: whether there is something to accept.
    let Some((invitation, account)) = look(&state, &token).await? else {
        return gone();
    };
    let form = form.into_inner();
    let name = form.name.trim().to_owned();
    let mut errors = FormErrors::new();
    if let Some(problem) = name_problem(&name) {
        errors.add("name", problem);
    }
    if let Some(problem) = password::problem(&form.password) {
        errors.add("password", problem);
    }
    let again = |errors: FormErrors| InvitationPage {
        page: Page::public("Einladung annehmen"),
        token: token.to_string(),
        account: account.clone(),
        name: name.clone(),
        invitation: invitation.clone(),
        errors,
    };
    if !errors.is_empty() {
        return invalid(&again(errors));
    }
    let password_hash = state.passwords.hash(form.password).await?;
    let (key, typed) = (hash_of(&token), name.clone());
    let db = state.db.clone();
    let accepted = web::block(move || {
        let chosen = (typed.as_str(), password_hash.as_str());
        db.write(|conn| invite::accept(conn, &key, chosen, Timestamp::now()))
    })
    .await?;
    match accepted {
        Ok(Some(user_id)) => start_session(&request, &session, &state, user_id, "/").await,
        Ok(None) => gone(),
        Err(DbError::Duplicate) => invalid(&again(FormErrors::one("name", TAKEN))),
        Err(error) => Err(error.into()),
    }
}

async fn look(state: &State, token: &str) -> Result<Option<(Invitation, String)>, WebError> {
    let key = hash_of(token);
    state
        .read(move |conn| {
            let Some(invitation) = invitations::find_by_key(conn, &key, Timestamp::now())? else {
                return Ok(None);
            };
            let account = accounts::find(conn, invitation.account_id)?;
            Ok(Some((invitation, account.name)))
        })
        .await
}

/// Damaged, used, run out or taken back: the answer is the same.
pub(super) fn gone() -> WebResult {
    page_with(
        StatusCode::NOT_FOUND,
        &GonePage {
            page: Page::public("Dieser Link gilt nicht mehr"),
        },
    )
}
