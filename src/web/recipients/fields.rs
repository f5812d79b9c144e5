//! *Felder zusammenführen*: free fields whose names are only written in another way.

use actix_web::web;
use askama::Template;

use crate::domain::time::Timestamp;
use crate::import::field_merge::{self, Doubled};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/fields.html")]
struct FieldsPage {
    page: Page,
    doubled: Vec<Doubled>,
    errors: FormErrors,
}

/// GET `/empfaenger/felder`
pub async fn edit(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    page(&fields_page(&signed_in, &state, FormErrors::new()).await?)
}

/// POST `/empfaenger/felder`: makes one field of those that are called like the chosen one.
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let keep = form.text("behalten").to_owned();
    if keep.is_empty() {
        let errors = FormErrors::one("behalten", "Wählen Sie, welcher Name bleibt.");
        return invalid(&fields_page(&signed_in, &state, errors).await?);
    }
    let (account_id, actor, db) = (signed_in.account_id(), signed_in.actor(), state.db.clone());
    let merged =
        web::block(move || field_merge::merge(&db, account_id, &actor, &keep, Timestamp::now()))
            .await?;
    if merged? == 0 {
        let errors = FormErrors::one("behalten", "Zu diesem Feld gibt es kein zweites mehr.");
        return invalid(&fields_page(&signed_in, &state, errors).await?);
    }
    see_other("/empfaenger/felder?meldung=felder-zusammengefuehrt")
}

async fn fields_page(
    signed_in: &SignedIn,
    state: &State,
    errors: FormErrors,
) -> Result<FieldsPage, WebError> {
    let (account_id, db) = (signed_in.account_id(), state.db.clone());
    let doubled = web::block(move || field_merge::doubled(&db, account_id)).await??;
    Ok(FieldsPage {
        page: Page::new(signed_in, Section::Recipients, "Felder zusammenführen"),
        doubled,
        errors,
    })
}
