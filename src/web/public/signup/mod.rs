//! Signing up: the form, and what is said after it, the same to everybody, so that nobody learns
//! here whether an address is a recipient's.
//!
//! Forms on other sites post here too. What comes without a stamp, as theirs does, is shown once
//! more in the form itself: so every wording that somebody agrees to was seen on this page.

pub mod confirm;
pub mod limits;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;

use crate::db::models::accounts::{self, Account};
use crate::db::models::signup_forms::{self, SignupForm};
use crate::domain::address::EmailAddress;
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingMode;
use crate::signup::ask::{self, Asked};
use crate::signup::decode;
use crate::signup::stamp::Shown;
use crate::web::client;
use crate::web::error::WebError;
use crate::web::forms::FormErrors;
use crate::web::page::Page;
use crate::web::respond::{WebResult, invalid, page, page_with, see_other};
use crate::web::state::State;

/// Longest first or last name, in characters.
const MAX_NAME_CHARS: usize = 200;

/// What a form sends. A form of another site may have an address alone.
#[derive(Deserialize, Default)]
pub struct SignupInput {
    #[serde(default)]
    email: String,
    #[serde(default)]
    vorname: String,
    #[serde(default)]
    nachname: String,
    tracking: Option<String>,
    #[serde(default)]
    stempel: String,
    /// A field that no person sees.
    #[serde(default)]
    kommentar: String,
}

#[derive(Template)]
#[template(path = "public/signup/form.html")]
struct FormPage {
    page: Page,
    key: String,
    form: SignupForm,
    /// Whether the box for personal tracking is there.
    asks_tracking: bool,
    input: SignupInput,
    /// What the page asks for before anything is done.
    request: &'static str,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "public/signup/thanks.html")]
struct ThanksPage {
    page: Page,
    form: SignupForm,
}

#[derive(Template)]
#[template(path = "public/signup/closed.html")]
struct ClosedPage {
    page: Page,
}

#[derive(Template)]
#[template(path = "public/signup/busy.html")]
struct BusyPage {
    page: Page,
}

/// GET `/formular/{key}`
pub async fn new(state: web::Data<State>, key: web::Path<String>) -> WebResult {
    let Some((form, account)) = load(&state, &key).await? else {
        return closed();
    };
    let stempel = state.stamps.issue(&form.public_key, Timestamp::now());
    let input = SignupInput {
        stempel,
        ..SignupInput::default()
    };
    let errors = FormErrors::new();
    page(&form_page(
        key.into_inner(),
        form,
        &account,
        input,
        "",
        errors,
    ))
}

/// POST `/formular/{key}`: from the page, or from a form on another site.
pub async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    key: web::Path<String>,
    input: web::Form<SignupInput>,
) -> WebResult {
    let (key, mut input, now) = (key.into_inner(), input.into_inner(), Timestamp::now());
    let Some((form, account)) = load(&state, &key).await? else {
        return closed();
    };
    let thanks = format!("/formular/{key}/danke");
    if !input.kommentar.is_empty() {
        // A program: it is told what everybody is told.
        return see_other(thanks);
    }
    let request_again = match state.stamps.read(&form.public_key, &input.stempel, now) {
        Shown::Good => "",
        Shown::TooQuick => "Das ging sehr schnell. Bitte senden Sie das Formular noch einmal ab.",
        Shown::None => {
            input.stempel = state.stamps.issue(&form.public_key, now);
            "Bitte prüfen Sie Ihre Angaben, und senden Sie sie dann ab."
        }
    };
    if !request_again.is_empty() {
        let errors = FormErrors::new();
        return page(&form_page(
            key,
            form,
            &account,
            input,
            request_again,
            errors,
        ));
    }
    let (address, errors) = check(&mut input);
    let Some(address) = address.filter(|_| errors.is_empty()) else {
        return invalid(&form_page(key, form, &account, input, "", errors));
    };
    let client = client::address(&request, &state.trusted_proxies);
    match state.form_limits.take(form.id, address.key(), client) {
        limits::Allowed::Yes => {}
        // Says nothing about the address: it is the same for all.
        limits::Allowed::NotThisAddress => return see_other(thanks),
        limits::Allowed::NotNow => {
            let page = Page::public("Bitte versuchen Sie es gleich noch einmal");
            return page_with(StatusCode::TOO_MANY_REQUESTS, &BusyPage { page });
        }
    }
    let tracking = asks_tracking(&account).then_some(input.tracking.is_some());
    let secret = state.signup_key.clone();
    let kept = state
        .write(move |conn| {
            let asked = Asked {
                address: &address,
                first_name: &input.vorname,
                last_name: &input.nachname,
                tracking,
            };
            ask::ask(conn, &form, &asked, &secret, now)
        })
        .await;
    match kept {
        Ok(()) => state.mailer.wake(),
        // Another request with the same address was faster: its mail is on the way.
        Err(WebError::Conflict(_)) => {}
        Err(error) => return Err(error),
    }
    see_other(thanks)
}

/// GET `/formular/{key}/danke`
pub async fn thanks(state: web::Data<State>, key: web::Path<String>) -> WebResult {
    match load(&state, &key).await? {
        Some((form, _)) => page(&ThanksPage {
            page: Page::public("Bitte bestätigen Sie Ihre Anmeldung"),
            form,
        }),
        None => closed(),
    }
}

/// The form with that key in its address, while it takes people.
async fn load(state: &State, key: &str) -> Result<Option<(SignupForm, Account)>, WebError> {
    let Some(key) = decode(key) else {
        return Ok(None);
    };
    state
        .read(move |conn| {
            let Some(form) = signup_forms::find_by_key(conn, &key)? else {
                return Ok(None);
            };
            let account = accounts::find(conn, form.account_id)?;
            Ok(form.active.then_some((form, account)))
        })
        .await
}

/// Nobody is asked to agree to what the account does not do.
fn asks_tracking(account: &Account) -> bool {
    account.tracking_mode != TrackingMode::Off
}

/// What is wrong with the input; names are put on one line.
fn check(input: &mut SignupInput) -> (Option<EmailAddress>, FormErrors) {
    let mut errors = FormErrors::new();
    let address = EmailAddress::parse(&input.email)
        .map_err(|problem| errors.add("email", problem.to_string()))
        .ok();
    for (field, what, name) in [
        ("vorname", "Der Vorname", &mut input.vorname),
        ("nachname", "Der Nachname", &mut input.nachname),
    ] {
        *name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.chars().count() > MAX_NAME_CHARS {
            errors.add(
                field,
                format!("{what} darf höchstens {MAX_NAME_CHARS} Zeichen haben."),
            );
        } else if name.chars().any(char::is_control) {
            errors.add(field, format!("{what} enthält ein Steuerzeichen."));
        }
    }
    (address, errors)
}

fn form_page(
    key: String,
    form: SignupForm,
    account: &Account,
    input: SignupInput,
    request: &'static str,
    errors: FormErrors,
) -> FormPage {
    FormPage {
        page: Page::public(form.title.clone()),
        key,
        asks_tracking: asks_tracking(account),
        form,
        input,
        request,
        errors,
    }
}

fn closed() -> WebResult {
    let page = Page::public("Dieses Formular nimmt keine Anmeldungen an");
    page_with(StatusCode::NOT_FOUND, &ClosedPage { page })
}
