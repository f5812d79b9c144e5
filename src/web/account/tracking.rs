//! Tab *Personenbez. Tracking*: the switch for the whole account (documented procedure 1).

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::accounts::Account;
use crate::db::models::objections::{self, Remembered};
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingMode;
use crate::tracking::settings;
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/tracking.html")]
struct TrackingPage {
    page: Page,
    account: Account,
    remembered_objections: i64,
    remembered_unsubscriptions: i64,
}

impl TrackingPage {
    fn is_off(&self) -> bool {
        self.account.tracking_mode == TrackingMode::Off
    }

    fn is_by_consent(&self) -> bool {
        self.account.tracking_mode == TrackingMode::Consent
    }

    fn returns_to_consent(&self) -> bool {
        self.is_off() && self.account.mode_when_active() == TrackingMode::Consent
    }

    const fn rest(&self) -> &'static str {
        if self.account.count_anonymously {
            "anonym"
        } else {
            "nichts"
        }
    }
}

/// The options below the switch.
#[derive(Deserialize)]
pub struct OptionsForm {
    rest: String,
    remember: Option<String>,
}

/// GET `/benutzerkonto/tracking`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let (remembered_objections, remembered_unsubscriptions) = state
        .read(move |conn| {
            Ok((
                objections::count(conn, account_id, Remembered::Objection)?,
                objections::count(conn, account_id, Remembered::Unsubscription)?,
            ))
        })
        .await?;
    page(&TrackingPage {
        page: Page::new(&signed_in, Section::Account, "Benutzerkonto"),
        account: signed_in.account,
        remembered_objections,
        remembered_unsubscriptions,
    })
}

/// POST `/benutzerkonto/tracking/deaktivieren`
pub async fn destroy(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    set_mode(&signed_in, &state, TrackingMode::Off).await?;
    see_other("/benutzerkonto/tracking?meldung=konto-tracking-aus")
}

/// POST `/benutzerkonto/tracking/aktivieren`
pub async fn create(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let mode = signed_in.account.mode_when_active();
    set_mode(&signed_in, &state, mode).await?;
    see_other(format!(
        "/benutzerkonto/tracking?meldung={}",
        notice_of(mode)
    ))
}

/// The notice after a change to that mode.
pub(super) const fn notice_of(mode: TrackingMode) -> &'static str {
    match mode {
        TrackingMode::Active => "konto-tracking-an",
        TrackingMode::Consent => "konto-tracking-einwilligung",
        TrackingMode::Off => "konto-tracking-aus",
    }
}

/// POST `/benutzerkonto/tracking/einstellungen`
pub async fn update_options(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<OptionsForm>,
) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let count_anonymously = form.rest != "nichts";
    let remember = form.remember.is_some();
    state
        .write(move |conn| {
            settings::set_account_options(
                conn,
                account_id,
                count_anonymously,
                remember,
                &actor,
                Timestamp::now(),
            )
        })
        .await?;
    see_other("/benutzerkonto/tracking?meldung=gespeichert")
}

pub(super) async fn set_mode(
    signed_in: &SignedIn,
    state: &State,
    mode: TrackingMode,
) -> Result<(), crate::web::error::WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| {
            settings::set_account_mode(conn, account_id, mode, &actor, Timestamp::now())
        })
        .await
}
