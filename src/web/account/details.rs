//! Tab *Kontodaten*.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::accounts;
use crate::domain::role::Role;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/details.html")]
struct DetailsPage {
    page: Page,
    name: String,
    email: String,
    recipients: i64,
    errors: FormErrors,
}

/// What can be typed on the tab.
#[derive(Deserialize)]
pub struct DetailsForm {
    name: String,
}

/// GET `/benutzerkonto`
pub async fn show(signed_in: SignedIn) -> WebResult {
    if !signed_in.user.roles().allow(Role::Admin) {
        return see_other("/benutzerkonto/passwort");
    }
    let name = signed_in.account.name.clone();
    page(&details(&signed_in, name, FormErrors::new()))
}

/// POST `/benutzerkonto`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<DetailsForm>,
) -> WebResult {
    let name = form.into_inner().name;
    if name.trim().is_empty() || name.chars().count() > 200 {
        let errors = FormErrors::one(
            "name",
            "Geben Sie einen Namen mit höchstens 200 Zeichen ein.",
        );
        return invalid(&details(&signed_in, name, errors));
    }
    let account_id = signed_in.account_id();
    state
        .write(move |conn| accounts::rename(conn, account_id, name.trim()))
        .await?;
    see_other("/benutzerkonto?meldung=gespeichert")
}

fn details(signed_in: &SignedIn, name: String, errors: FormErrors) -> DetailsPage {
    DetailsPage {
        page: Page::new(signed_in, Section::Account, "Benutzerkonto"),
        name,
        email: signed_in.user.email.clone(),
        recipients: signed_in.account.recipient_count,
        errors,
    }
}
