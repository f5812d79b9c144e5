//! Tab *Tracking* of a recipient: the checkbox *Tracking deaktiviert* (documented procedure 2)
//! and the past.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::accounts::Account;
use crate::db::models::consents::{self, Consent, ConsentKind};
use crate::db::models::deliveries::{self, Past};
use crate::db::models::recipients::{self, Recipient};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientTracking, TrackingMode, TrackingSource};
use crate::tracking::policy::{Decision, decide};
use crate::tracking::pseudonymise;
use crate::tracking::settings::{self, Lifting};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::{FormErrors, NO_ADDRESS, may_hold_address};
use crate::web::page::{Page, Section};
use crate::web::reasons::REASON_MISSING;
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

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

/// The checkbox; a box that is not ticked is not sent.
#[derive(Deserialize)]
pub struct TrackingForm {
    tracking_off: Option<String>,
}

/// Why an objection is lifted.
#[derive(Deserialize)]
pub struct LiftForm {
    #[serde(default)]
    reason: String,
}

/// GET `/empfaenger/{id}/tracking`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let (recipient, past) = load(&signed_in, &state, id).await?;
    let mut answers = state
        .read(move |conn| consents::of_recipient(conn, account_id, id))
        .await?;
    answers.retain(|answer| answer.kind == ConsentKind::Tracking);
    answers.reverse();
    page(&TrackingPage {
        page: Page::new(&signed_in, Section::Recipients, &recipient.address),
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
    form: web::Form<TrackingForm>,
) -> WebResult {
    let (id, account_id, actor) = (*id, signed_in.account_id(), signed_in.actor());
    if form.tracking_off.is_none() {
        let (recipient, _) = load(&signed_in, &state, id).await?;
        return see_other(if recipient.tracking == RecipientTracking::Objected {
            format!("/empfaenger/{id}/tracking/aufheben")
        } else {
            format!("/empfaenger/{id}/tracking")
        });
    }
    state
        .write(move |conn| {
            settings::object(
                conn,
                account_id,
                id,
                TrackingSource::Admin,
                &actor,
                Timestamp::now(),
            )
        })
        .await?;
    see_other(format!("/empfaenger/{id}/tracking?meldung=tracking-aus"))
}

/// GET `/empfaenger/{id}/tracking/aufheben`
pub async fn ask_to_lift(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (recipient, _) = load(&signed_in, &state, *id).await?;
    page(&lift_page(
        &signed_in,
        recipient,
        String::new(),
        FormErrors::new(),
    ))
}

/// POST `/empfaenger/{id}/tracking/aufheben`
pub async fn lift(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<LiftForm>,
) -> WebResult {
    let (recipient, _) = load(&signed_in, &state, *id).await?;
    let reason = form.into_inner().reason;
    if settings::needs_reason(&recipient) && reason.trim().is_empty() {
        let errors = FormErrors::one("reason", REASON_MISSING);
        return invalid(&lift_page(&signed_in, recipient, reason, errors));
    }
    if may_hold_address(&reason) {
        let errors = FormErrors::one("reason", NO_ADDRESS);
        return invalid(&lift_page(&signed_in, recipient, reason, errors));
    }
    let (account_id, actor, key) = (
        signed_in.account_id(),
        signed_in.actor(),
        state.remembering.clone(),
    );
    state
        .write(move |conn| {
            let lifting = Lifting {
                reason: &reason,
                source: TrackingSource::Admin,
                remembering: &key,
            };
            settings::lift_objection(
                conn,
                account_id,
                recipient.id,
                &lifting,
                &actor,
                Timestamp::now(),
            )
        })
        .await?;
    see_other(format!("/empfaenger/{id}/tracking?meldung=tracking-an"))
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
