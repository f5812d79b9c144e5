//! Tab *Kontodaten*.

use actix_web::web;
use askama::Template;

use super::saving::{self, Sent};
use crate::db::Conn;
use crate::db::models::accounts::{self, Account};
use crate::domain::role::Role;
use crate::web::access::SignedIn;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::Snapshot;

#[derive(Template)]
#[template(path = "account/details.html")]
struct DetailsPage {
    page: Page,
    name: String,
    email: String,
    recipients: i64,
    errors: FormErrors,
}

/// GET `/benutzerkonto`
pub async fn show(signed_in: SignedIn) -> WebResult {
    if !signed_in.user.roles().allow(Role::Admin) {
        return see_other("/benutzerkonto/passwort");
    }
    let name = signed_in.account.name.clone();
    let kept = snapshot(&name);
    let mut shown = details(&signed_in, name, FormErrors::new());
    shown.page = shown.page.made_from(&kept);
    page(&shown)
}

/// POST `/benutzerkonto`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let name = form.text("name").to_owned();
    if name.trim().is_empty() || name.chars().count() > 200 {
        let errors = FormErrors::one(
            "name",
            "Geben Sie einen Namen mit höchstens 200 Zeichen ein.",
        );
        let mut shown = details(&signed_in, name, errors);
        shown.page = shown.page.again(&form);
        return invalid(&shown);
    }
    let account_id = signed_in.account_id();
    let sent = Sent {
        fields: form.into_inner(),
        mine: snapshot(&name),
        acts: &[],
    };
    let kept = |_: &mut Conn, account: &Account| Ok(snapshot(&account.name));
    let rename = move |conn: &mut Conn| accounts::rename(conn, account_id, name.trim());
    let Some((both, last)) = saving::save(&state, account_id, sent, kept, rename).await? else {
        return see_other("/benutzerkonto?meldung=gespeichert");
    };
    let name = both.merged.text("name").to_owned();
    let mut shown = details(&signed_in, name, FormErrors::new());
    shown.page = shown.page.overtaken(both, last, "/benutzerkonto");
    overtaken(&shown)
}

fn snapshot(name: &str) -> Snapshot {
    Snapshot::default().text("name", "Name des Benutzerkontos", name)
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
