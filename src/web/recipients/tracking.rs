//! Tab *Tracking* of a recipient: the checkbox *Tracking deaktiviert* (documented procedure 2)
//! and the past.

use actix_web::web;
use askama::Template;

use crate::db::models::accounts::Account;
use crate::db::models::consents::{self, Consent, ConsentKind};
use crate::db::models::deliveries::{self, Past};
use crate::db::models::last_change::LastChange;
use crate::db::models::recipients::{self, Recipient};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientTracking, TrackingMode, TrackingSource};
use crate::tracking::policy::{Decision, decide};
use crate::tracking::pseudonymise;
use crate::tracking::settings::{self, Lifting};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::{FormErrors, NO_ADDRESS, may_hold_address};
use crate::web::page::{Page, Section};
use crate::web::reasons::REASON_MISSING;
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::{self, Overtaken, Snapshot};

#[derive(Template)]
#[template(path = "recipients/tracking.html")]
struct TrackingPage {
    page: Page,
    recipient: Recipient,
    account: Account,
    past: Past,
    /// What the person was asked about tracking, and answered.
    answers: Vec<Consent>,
}

impl TrackingPage {
    /// Until when nobody asks this person for consent, in milliseconds.
    fn rests_until(&self) -> Option<i64> {
        settings::rests_until(&self.recipient, Timestamp::now()).map(Timestamp::millis)
    }

    fn is_by_consent(&self) -> bool {
        self.account.tracking_mode == TrackingMode::Consent
    }

    fn is_measured(&self) -> bool {
        decide(self.account.tracking(), Some(self.recipient.tracking)) == Decision::Personal
    }

    fn has_consented(&self) -> bool {
        self.recipient.tracking == RecipientTracking::Consented
    }

    fn is_off(&self) -> bool {
        self.recipient.tracking == RecipientTracking::Objected
    }

    fn is_remembered(&self) -> bool {
        self.recipient.tracking_source == Some(TrackingSource::Remembered)
    }

    fn account_is_off(&self) -> bool {
        self.account.tracking_mode == TrackingMode::Off
    }

    fn source(&self) -> &'static str {
        self.recipient
            .tracking_source
            .map_or("unbekannt", TrackingSource::label)
    }
}

#[derive(Template)]
#[template(path = "recipients/lift.html")]
struct LiftPage {
    page: Page,
    recipient: Recipient,
    needs_reason: bool,
    reason: String,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "recipients/pseudonymise.html")]
struct PseudonymisePage {
    page: Page,
    recipient: Recipient,
    past: Past,
}

/// What the person has said, for comparing it with what is known by the time of saving: nobody
/// decides over what the person said meanwhile without having seen it.
pub(super) fn snapshot(recipient: &Recipient) -> Snapshot {
    let since = recipient.tracking_changed_at;
    let source = recipient
        .tracking_source
        .map_or("unbekannt", TrackingSource::label);
    let text = since.map_or_else(
        || recipient.tracking.label().to_owned(),
        |at| {
            format!(
                "{}, seit {}, Quelle: {source}",
                recipient.tracking.label(),
                filters::format_time(at)
            )
        },
    );
    let value = format!("{} {since:?}", recipient.tracking.as_str());
    Snapshot::default().choice(SAID, "Personenbezogenes Tracking", value, text)
}

const SAID: &str = "gesagt";

/// What was decided over a state that has changed since the page was made: both, and the stamp.
/// A form without a stamp (a script) decides over whatever is stored.
pub(super) fn overtaken_by(
    sent: &Fields,
    wanted: &str,
    recipient: &Recipient,
) -> Option<Overtaken> {
    let mine = Snapshot::default().choice(SAID, "Personenbezogenes Tracking", wanted, wanted);
    versions::compare(sent, &mine, &snapshot(recipient))
}

/// Since when the stored state holds, and from where.
pub(super) fn last_said(recipient: &Recipient) -> LastChange {
    LastChange {
        by: None,
        at: recipient.tracking_changed_at,
    }
}

/// GET `/empfaenger/{id}/tracking`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    page(&tracking_page(signed_in, &state, *id).await?)
}

async fn tracking_page(
    signed_in: SignedIn,
    state: &State,
    id: i64,
) -> Result<TrackingPage, WebError> {
    let account_id = signed_in.account_id();
    let (recipient, past) = load(&signed_in, state, id).await?;
    let mut answers = state
        .read(move |conn| consents::of_recipient(conn, account_id, id))
        .await?;
    answers.retain(|answer| answer.kind == ConsentKind::Tracking);
    answers.reverse();
    let kept = snapshot(&recipient);
    Ok(TrackingPage {
        page: Page::new(&signed_in, Section::Recipients, &recipient.address).made_from(&kept),
        account: signed_in.account,
        recipient,
        past,
        answers,
    })
}

/// POST `/empfaenger/{id}/tracking`: ticking acts at once, unticking asks first.
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let (id, account_id, actor) = (*id, signed_in.account_id(), signed_in.actor());
    if !form.has("tracking_off") {
        let (recipient, _) = load(&signed_in, &state, id).await?;
        return see_other(if recipient.tracking == RecipientTracking::Objected {
            format!("/empfaenger/{id}/tracking/aufheben")
        } else {
            format!("/empfaenger/{id}/tracking")
        });
    }
    let sent = form.into_inner();
    let both = state
        .write(move |conn| {
            let recipient = settings::lock_recipient(conn, account_id, id)?;
            let is_off = recipient.tracking == RecipientTracking::Objected;
            let both = overtaken_by(&sent, "Tracking deaktiviert", &recipient);
            if let Some(both) = both.filter(|_| !is_off) {
                return Ok(Some((both, last_said(&recipient))));
            }
            let (source, now) = (TrackingSource::Admin, Timestamp::now());
            settings::object(conn, account_id, id, source, &actor, now)?;
            Ok(None)
        })
        .await?;
    let path = format!("/empfaenger/{id}/tracking");
    let Some((both, last)) = both else {
        return see_other(format!("{path}?meldung=tracking-aus"));
    };
    let mut shown = tracking_page(signed_in, &state, id).await?;
    shown.page = shown.page.overtaken(both, last, &path);
    overtaken(&shown)
}

/// GET `/empfaenger/{id}/tracking/aufheben`
pub async fn ask_to_lift(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (recipient, _) = load(&signed_in, &state, *id).await?;
    let kept = snapshot(&recipient);
    let mut shown = lift_page(&signed_in, recipient, String::new(), FormErrors::new());
    shown.page = shown.page.made_from(&kept);
    page(&shown)
}

/// POST `/empfaenger/{id}/tracking/aufheben`
pub async fn lift(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let (recipient, _) = load(&signed_in, &state, *id).await?;
    let reason = form.text("reason").to_owned();
    if settings::needs_reason(&recipient) && reason.trim().is_empty() {
        let errors = FormErrors::one("reason", REASON_MISSING);
        let mut shown = lift_page(&signed_in, recipient, reason, errors);
        shown.page = shown.page.again(&form);
        return invalid(&shown);
    }
    if may_hold_address(&reason) {
        let errors = FormErrors::one("reason", NO_ADDRESS);
        let mut shown = lift_page(&signed_in, recipient, reason, errors);
        shown.page = shown.page.again(&form);
        return invalid(&shown);
    }
    let (account_id, actor, key) = (
        signed_in.account_id(),
        signed_in.actor(),
        state.remembering.clone(),
    );
    let (sent, typed, recipient_id) = (form.into_inner(), reason.clone(), recipient.id);
    let both = state
        .write(move |conn| {
            let now = settings::lock_recipient(conn, account_id, recipient_id)?;
            if let Some(both) = overtaken_by(&sent, "Tracking wieder aktivieren", &now) {
                return Ok(Some((both, now)));
            }
            let lifting = Lifting {
                reason: &typed,
                source: TrackingSource::Admin,
                remembering: &key,
            };
            settings::lift_objection(
                conn,
                account_id,
                recipient_id,
                &lifting,
                &actor,
                Timestamp::now(),
            )?;
            Ok(None)
        })
        .await?;
    let path = format!("/empfaenger/{id}/tracking");
    let Some((both, recipient)) = both else {
        return see_other(format!("{path}?meldung=tracking-an"));
    };
    let last = last_said(&recipient);
    let mut shown = lift_page(&signed_in, recipient, reason, FormErrors::new());
    shown.page = shown.page.overtaken(both, last, &path);
    overtaken(&shown)
}

/// GET `/empfaenger/{id}/tracking/pseudonymisieren`
pub async fn ask_to_pseudonymise(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (recipient, past) = load(&signed_in, &state, *id).await?;
    page(&PseudonymisePage {
        page: Page::new(
            &signed_in,
            Section::Recipients,
            "Alte Tracking-Daten pseudonymisieren?",
        ),
        recipient,
        past,
    })
}

/// POST `/empfaenger/{id}/tracking/pseudonymisieren`
pub async fn pseudonymise(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let receipt = state
        .write(move |conn| {
            pseudonymise::pseudonymise_recipient(conn, account_id, *id, &actor, Timestamp::now())
        })
        .await?;
    see_other(format!("/belege/{receipt}"))
}

async fn load(signed_in: &SignedIn, state: &State, id: i64) -> Result<(Recipient, Past), WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| {
            let recipient = recipients::find(conn, account_id, id)?;
            let past = deliveries::past_of(conn, account_id, &[id])?;
            Ok((recipient, past))
        })
        .await
}

fn lift_page(
    signed_in: &SignedIn,
    recipient: Recipient,
    reason: String,
    errors: FormErrors,
) -> LiftPage {
    LiftPage {
        page: Page::new(signed_in, Section::Recipients, "Widerspruch aufheben?"),
        needs_reason: settings::needs_reason(&recipient),
        recipient,
        reason,
        errors,
    }
}
