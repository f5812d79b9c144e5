//! *Um Einwilligung bitten*: makes a group of those who may be asked.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::DbError;
use crate::db::models::askable::{self, Counts};
use crate::domain::group::{NAME_TAKEN, name_problem};
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingMode;
use crate::tracking::asking;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/asking.html")]
struct AskingPage {
    page: Page,
    counts: Counts,
    name: String,
    errors: FormErrors,
}

/// The group's name as typed.
#[derive(Deserialize)]
pub struct AskingForm {
    #[serde(default)]
    name: String,
}

/// GET `/benutzerkonto/tracking/fragen`
pub async fn new(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    if signed_in.account.tracking_mode != TrackingMode::Consent {
        return see_other("/benutzerkonto/tracking");
    }
    let name = format!(
        "Einwilligung erfragen {}",
        filters::format_date(Timestamp::now().millis())
    );
    page(&asking_page(&signed_in, &state, name, FormErrors::new()).await?)
}

/// POST `/benutzerkonto/tracking/fragen`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<AskingForm>,
) -> WebResult {
    if signed_in.account.tracking_mode != TrackingMode::Consent {
        return see_other("/benutzerkonto/tracking");
    }
    let name = form.into_inner().name;
    if let Some(problem) = name_problem(&name) {
        let errors = FormErrors::one("name", problem);
        return invalid(&asking_page(&signed_in, &state, name, errors).await?);
    }
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let (db, wanted) = (state.db.clone(), name.clone());
    let made = web::block(move || {
        let now = Timestamp::now();
        let group_id =
            db.write(|conn| asking::make_group(conn, account_id, &wanted, &actor, now))?;
        let mut place = Some(0);
        while let Some(after) = place {
            place = db.write(|conn| asking::join(conn, account_id, group_id, after, now))?;
        }
        Ok(group_id)
    })
    .await?;
    match made {
        // The group belongs to whoever minds recipients; an administrator does.
        Ok(group_id) => see_other(format!("/gruppen/{group_id}?meldung=gruppe-angelegt")),
        Err(DbError::Duplicate) => {
            let errors = FormErrors::one("name", NAME_TAKEN);
            invalid(&asking_page(&signed_in, &state, name, errors).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn asking_page(
    signed_in: &SignedIn,
    state: &State,
    name: String,
    errors: FormErrors,
) -> Result<AskingPage, WebError> {
    let account_id = signed_in.account_id();
    let counts = state
        .read(move |conn| askable::count(conn, account_id, Timestamp::now()))
        .await?;
    Ok(AskingPage {
        page: Page::new(signed_in, Section::Account, "Um Einwilligung bitten"),
        counts,
        name,
        errors,
    })
}
