//! New recovery codes, and switching the second factor off: both want the password and a code.

use actix_web::web;
use askama::Template;

use super::{HERE, ProofForm, WRONG_PASSWORD, show_codes};
use crate::domain::time::Timestamp;
use crate::people::second_factor::{self, Checked};
use crate::web::access::SignedIn;
use crate::web::account::password::is_own_password;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::session::second_step;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/second_factor/renew.html")]
struct RenewPage {
    page: Page,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "account/second_factor/switch_off.html")]
struct OffPage {
    page: Page,
    is_required: bool,
    errors: FormErrors,
}

/// GET `/benutzerkonto/zwei-faktor/codes`
pub async fn ask_to_renew(signed_in: SignedIn) -> WebResult {
    if signed_in.user.second_factor_at.is_none() {
        return see_other(HERE);
    }
    page(&renew_page(&signed_in, FormErrors::new()))
}

/// POST `/benutzerkonto/zwei-faktor/codes`
pub async fn renew(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<ProofForm>,
) -> WebResult {
    if signed_in.user.second_factor_at.is_none() {
        return see_other(HERE);
    }
    let errors = problems(&signed_in, &state, form.into_inner()).await?;
    if !errors.is_empty() {
        return invalid(&renew_page(&signed_in, errors));
    }
    let user = signed_in.user.clone();
    let codes = state
        .write(move |conn| second_factor::renew_codes(conn, &user, Timestamp::now()))
        .await?;
    show_codes(&signed_in, codes, false)
}

/// GET `/benutzerkonto/zwei-faktor/ausschalten`
pub async fn ask_to_switch_off(signed_in: SignedIn) -> WebResult {
    if signed_in.user.second_factor_at.is_none() {
        return see_other(HERE);
    }
    page(&off_page(&signed_in, FormErrors::new()))
}

/// POST `/benutzerkonto/zwei-faktor/ausschalten`
pub async fn switch_off(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<ProofForm>,
) -> WebResult {
    if signed_in.user.second_factor_at.is_none() {
        return see_other(HERE);
    }
    let errors = problems(&signed_in, &state, form.into_inner()).await?;
    if !errors.is_empty() {
        return invalid(&off_page(&signed_in, errors));
    }
    let user = signed_in.user.clone();
    state
        .write(move |conn| second_factor::switch_off(conn, &user, Timestamp::now()))
        .await?;
    see_other("/benutzerkonto/zwei-faktor?meldung=zweiter-faktor-aus")
}

/// What is wrong with password or code. A code is looked at only behind the right password, so that
/// none is used up for nothing.
async fn problems(
    signed_in: &SignedIn,
    state: &State,
    form: ProofForm,
) -> Result<FormErrors, WebError> {
    if !is_own_password(signed_in, state, form.password).await? {
        return Ok(FormErrors::one("password", WRONG_PASSWORD));
    }
    let checked = second_step::check(state, signed_in.user.clone(), form.code).await?;
    Ok(match checked {
        Checked::Code | Checked::RecoveryCode => FormErrors::new(),
        wrong => FormErrors::one("code", second_step::told(wrong)),
    })
}

fn renew_page(signed_in: &SignedIn, errors: FormErrors) -> RenewPage {
    RenewPage {
        page: Page::new(signed_in, Section::Account, "Neue Wiederherstellungscodes"),
        errors,
    }
}

fn off_page(signed_in: &SignedIn, errors: FormErrors) -> OffPage {
    OffPage {
        page: Page::new(signed_in, Section::Account, "Zweiten Faktor ausschalten?"),
        is_required: signed_in.account.second_factor_required,
        errors,
    }
}
