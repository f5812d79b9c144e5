//! Tab *Zwei-Faktor-Anmeldung*: a code of an app after the password.
//!
//! - Here: what is set up, and setting it up. [`codes`]: new recovery codes, and switching off.
//!   [`qr`]: the picture that an app reads.

pub mod codes;
mod qr;

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::second_factors;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::people::second_factor::{self, owner};
use crate::web::access::SignedIn;
use crate::web::account::password::is_own_password;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// Where it is set up; nothing else is open to who has to do so.
pub const HERE: &str = "/benutzerkonto/zwei-faktor";

const WRONG_PASSWORD: &str = "Das Passwort stimmt nicht.";

#[derive(Template)]
#[template(path = "account/second_factor/show.html")]
struct FactorPage {
    page: Page,
    is_admin: bool,
    /// Whether nothing else is open until it is set up.
    must_set_up: bool,
    since: Option<i64>,
    codes_left: i64,
}

#[derive(Template)]
#[template(path = "account/second_factor/set_up.html")]
struct SetUpPage {
    page: Page,
    qr: qr::Picture,
    secret: String,
    email: String,
    errors: FormErrors,
}

/// The recovery codes, shown once.
#[derive(Template)]
#[template(path = "account/second_factor/codes.html")]
struct CodesPage {
    page: Page,
    /// Whether the second factor was set up just now.
    is_new: bool,
    codes: Vec<String>,
}

/// The password and a code.
#[derive(Deserialize)]
pub struct ProofForm {
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
}

/// GET `/benutzerkonto/zwei-faktor`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let whose = owner(&signed_in.user);
    let codes_left = state
        .read(move |conn| second_factors::codes_left(conn, whose))
        .await?;
    page(&FactorPage {
        page: Page::new(&signed_in, Section::Account, "Benutzerkonto"),
        is_admin: signed_in.user.roles().allow(Role::Admin),
        must_set_up: signed_in.must_set_up(),
        since: signed_in.user.second_factor_at,
        codes_left,
    })
}

/// POST `/benutzerkonto/zwei-faktor/einrichten`
pub async fn propose(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let (user, sealer) = (signed_in.user, state.sealer.clone());
    state
        .write(move |conn| second_factor::propose(conn, &sealer, &user))
        .await?;
    see_other("/benutzerkonto/zwei-faktor/einrichten")
}

/// GET `/benutzerkonto/zwei-faktor/einrichten`
pub async fn set_up(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    match set_up_page(&signed_in, &state, FormErrors::new()).await? {
        Some(shown) => page(&shown),
        None => see_other(HERE),
    }
}

/// POST `/benutzerkonto/zwei-faktor`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<ProofForm>,
) -> WebResult {
    let form = form.into_inner();
    let mut errors = FormErrors::new();
    if is_own_password(&signed_in, &state, form.password).await? {
        let (user, sealer) = (signed_in.user.clone(), state.sealer.clone());
        let confirmed = state
            .write(move |conn| {
                second_factor::confirm(conn, &sealer, &user, &form.code, Timestamp::now())
            })
            .await?;
        if let Some(codes) = confirmed {
            return show_codes(&signed_in, codes, true);
        }
        errors.add(
            "code",
            "Dieser Code stimmt nicht. Geben Sie den ein, den die App gerade zeigt, und prüfen Sie, ob die Uhr Ihres Geräts richtig geht.",
        );
    } else {
        errors.add("password", WRONG_PASSWORD);
    }
    match set_up_page(&signed_in, &state, errors).await? {
        Some(shown) => invalid(&shown),
        None => see_other(HERE),
    }
}

fn show_codes(signed_in: &SignedIn, codes: Vec<String>, is_new: bool) -> WebResult {
    // As it is now, and not as it was when the request came: the menu is open again.
    let mut fresh = signed_in.clone();
    fresh.user.second_factor_at = Some(Timestamp::now().millis());
    page(&CodesPage {
        page: Page::new(&fresh, Section::Account, "Wiederherstellungscodes"),
        is_new,
        codes,
    })
}

async fn set_up_page(
    signed_in: &SignedIn,
    state: &State,
    errors: FormErrors,
) -> Result<Option<SetUpPage>, WebError> {
    let (user, sealer) = (signed_in.user.clone(), state.sealer.clone());
    let proposed = state
        .read(move |conn| second_factor::proposed(conn, &sealer, &user))
        .await?;
    let Some(totp) = proposed else {
        return Ok(None);
    };
    Ok(Some(SetUpPage {
        page: Page::new(signed_in, Section::Account, "Zweiten Faktor einrichten"),
        qr: qr::Picture::of(&totp.url()).map_err(|e| WebError::Internal(e.to_string()))?,
        secret: totp.secret_in_groups(),
        email: signed_in.user.email.clone(),
        errors,
    }))
}
