//! Tab *Personenbez. Tracking*: the switch for the whole account (documented procedure 1).

use actix_web::web;
use askama::Template;

use super::saving::{self, Sent};
use crate::db::Conn;
use crate::db::models::accounts::Account;
use crate::db::models::audit::Action;
use crate::db::models::objections::{self, Remembered};
use crate::domain::time::Timestamp;
use crate::domain::tracking::TrackingMode;
use crate::tracking::settings;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::Snapshot;

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

/// The options below the switch, for comparing them with what somebody else saved.
fn snapshot(count_anonymously: bool, remember: bool) -> Snapshot {
    let (rest, text) = if count_anonymously {
        ("anonym", "Anonyme Gesamtzahlen")
    } else {
        ("nichts", "Gar nichts")
    };
    let label = "Was bleibt, wenn nicht personenbezogen erfasst wird";
    Snapshot::default()
        .choice("rest", label, rest, text)
        .checkbox("remember", "Widersprüche und Abmeldungen merken", remember)
}

/// GET `/benutzerkonto/tracking`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account = &signed_in.account;
    let kept = snapshot(account.count_anonymously, account.remember_objections);
    let mut shown = tracking_page(signed_in, &state).await?;
    shown.page = shown.page.made_from(&kept);
    page(&shown)
}

async fn tracking_page(signed_in: SignedIn, state: &State) -> Result<TrackingPage, WebError> {
    let account_id = signed_in.account_id();
    let (remembered_objections, remembered_unsubscriptions) = state
        .read(move |conn| {
            Ok((
                objections::count(conn, account_id, Remembered::Objection)?,
                objections::count(conn, account_id, Remembered::Unsubscription)?,
            ))
        })
        .await?;
    Ok(TrackingPage {
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
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    if !form.has("rest") {
        return Err(WebError::BadRequest(
            "Wählen Sie, was bleibt, wenn nicht personenbezogen erfasst wird.",
        ));
    }
    let (anonymously, remember) = read_options(&form);
    let sent = Sent {
        fields: form.into_inner(),
        mine: snapshot(anonymously, remember),
        acts: &[Action::AccountTrackingOptions],
    };
    let kept = |_: &mut Conn, account: &Account| {
        Ok(snapshot(
            account.count_anonymously,
            account.remember_objections,
        ))
    };
    let store = move |conn: &mut Conn| {
        let now = Timestamp::now();
        settings::set_account_options(conn, account_id, anonymously, remember, &actor, now)
    };
    let Some((both, last)) = saving::save(&state, account_id, sent, kept, store).await? else {
        return see_other("/benutzerkonto/tracking?meldung=gespeichert");
    };
    let (anonymously, remember) = read_options(&both.merged);
    let mut shown = tracking_page(signed_in, &state).await?;
    shown.account.count_anonymously = anonymously;
    shown.account.remember_objections = remember;
    let path = "/benutzerkonto/tracking";
    shown.page = shown.page.overtaken(both, last, path);
    overtaken(&shown)
}

fn read_options(form: &Fields) -> (bool, bool) {
    (form.text("rest") != "nichts", form.has("remember"))
}

async fn set_mode(signed_in: &SignedIn, state: &State, mode: TrackingMode) -> Result<(), WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| {
            settings::set_account_mode(conn, account_id, mode, &actor, Timestamp::now())
        })
        .await
}
