//! Inviting somebody, sending an invitation anew, taking it back.

use actix_web::web;
use askama::Template;

use super::form::UserForm;
use super::{LinkPage, Purpose, tools};
use crate::db::models::invitations::{self, Invitation};
use crate::domain::time::Timestamp;
use crate::people::LinkKey;
use crate::people::invite::{self, DAYS, Invitee, Known};
use crate::people::letter;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/users/invite.html")]
struct InvitePage {
    page: Page,
    form: UserForm,
    /// Whether the link will go out by mail.
    has_server: bool,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "account/users/revoke.html")]
struct RevokePage {
    page: Page,
    invitation: Invitation,
}

/// GET `/benutzerkonto/benutzer/einladen`
pub async fn new(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    page(&invite_page(&signed_in, &state, UserForm::empty(), FormErrors::new()).await?)
}

/// POST `/benutzerkonto/benutzer/einladen`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Fields>,
) -> WebResult {
    let form = UserForm::from_fields(&fields);
    let email = match form.check_all() {
        Ok(email) => email,
        Err(errors) => return invalid(&invite_page(&signed_in, &state, form, errors).await?),
    };
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let (name, roles) = (form.name.clone(), form.roles);
    let invited = state
        .write(move |conn| {
            let invitee = Invitee {
                email: &email,
                name: &name,
                roles,
            };
            invite::invite(conn, account_id, &invitee, &actor, Timestamp::now())
        })
        .await?;
    match invited {
        Ok((invitation, key)) => deliver(&signed_in, &state, invitation, key).await,
        Err(known) => {
            let errors = FormErrors::one(
                "email",
                match known {
                    Known::User => "Diese Adresse gehört schon zu einem Benutzer.",
                    Known::Invited => "Diese Adresse ist schon eingeladen.",
                },
            );
            invalid(&invite_page(&signed_in, &state, form, errors).await?)
        }
    }
}

/// POST `/benutzerkonto/benutzer/einladungen/{id}/erneut`
pub async fn renew(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, actor, id) = (signed_in.account_id(), signed_in.actor(), *id);
    let (invitation, key) = state
        .write(move |conn| invite::renew(conn, account_id, id, &actor, Timestamp::now()))
        .await?;
    deliver(&signed_in, &state, invitation, key).await
}

/// GET `/benutzerkonto/benutzer/einladungen/{id}/zuruecknehmen`
pub async fn confirm_revoking(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let invitation = state
        .read(move |conn| invitations::find(conn, account_id, id))
        .await?;
    page(&RevokePage {
        page: Page::new(&signed_in, Section::Account, "Einladung zurücknehmen?"),
        invitation,
    })
}

/// POST `/benutzerkonto/benutzer/einladungen/{id}/zuruecknehmen`
pub async fn revoke(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, actor, id) = (signed_in.account_id(), signed_in.actor(), *id);
    state
        .write(move |conn| invite::revoke(conn, account_id, id, &actor, Timestamp::now()))
        .await?;
    see_other("/benutzerkonto/benutzer?meldung=einladung-zurueckgenommen")
}

async fn invite_page(
    signed_in: &SignedIn,
    state: &State,
    form: UserForm,
    errors: FormErrors,
) -> Result<InvitePage, WebError> {
    let account_id = signed_in.account_id();
    let has_server = state
        .read(move |conn| letter::has_server(conn, account_id))
        .await?;
    Ok(InvitePage {
        page: Page::new(signed_in, Section::Account, "Benutzer einladen"),
        form,
        has_server,
        errors,
    })
}

/// Sends the link, or shows it once where there is no mail server.
async fn deliver(
    signed_in: &SignedIn,
    state: &State,
    invitation: Invitation,
    key: LinkKey,
) -> WebResult {
    let account_id = signed_in.account_id();
    let has_server = state
        .read(move |conn| letter::has_server(conn, account_id))
        .await?;
    let mut shown = LinkPage {
        page: Page::new(signed_in, Section::Account, "Einladung"),
        name: invitation.name.clone(),
        email: invitation.email.clone(),
        purpose: Purpose::Invitation,
        url: None,
        problem: None,
    };
    if !has_server {
        shown.url = Some(letter::invitation_url(&state.public_url, &key));
        return page(&shown);
    }
    let (tools, from) = (tools(state), signed_in.user.email.clone());
    let sent =
        web::block(move || letter::send_invitation(&tools, &invitation, &key, &from)).await?;
    match sent {
        Ok(()) => see_other("/benutzerkonto/benutzer?meldung=eingeladen"),
        Err(error) => {
            tracing::warn!(%error, "an invitation could not be sent");
            shown.problem = Some(error.in_german());
            page(&shown)
        }
    }
}
