//! *Einwilligung eintragen*: a consent that reached the account outside of the product, with its
//! evidence (Art. 7 (1) GDPR): when, how, and in what words.

use actix_web::web;
use askama::Template;

use super::tracking;
use crate::db::models::consents::{self, Consent, ConsentKind};
use crate::db::models::recipients::{self, Recipient};
use crate::domain::day::past_day;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientTracking, TrackingSource};
use crate::tracking::settings::{self, Obstacle};
use crate::web::access::SignedIn;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::reasons;
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/consent.html")]
struct ConsentPage {
    page: Page,
    recipient: Recipient,
    typed: ConsentForm,
    /// Until when nobody asks this person, in milliseconds.
    rests_until: Option<i64>,
    errors: FormErrors,
}

impl ConsentPage {
    fn has_objected(&self) -> bool {
        self.recipient.tracking == RecipientTracking::Objected
    }
}

/// The consent as typed.
#[derive(Default)]
struct ConsentForm {
    erteilt: String,
    wie: String,
    wortlaut: String,
    anlass: String,
}

impl ConsentForm {
    fn from_fields(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            erteilt: text("erteilt"),
            wie: text("wie"),
            wortlaut: text("wortlaut"),
            anlass: text("anlass"),
        }
    }
}

/// GET `/empfaenger/{id}/tracking/einwilligung`
pub async fn new(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let recipient = load(&signed_in, &state, *id).await?;
    let (typed, errors) = (ConsentForm::default(), FormErrors::new());
    let kept = tracking::snapshot(&recipient);
    let mut shown = consent_page(&signed_in, recipient, typed, errors);
    shown.page = shown.page.made_from(&kept);
    page(&shown)
}

/// POST `/empfaenger/{id}/tracking/einwilligung`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let recipient = load(&signed_in, &state, *id).await?;
    let (typed, now) = (ConsentForm::from_fields(&form), Timestamp::now());
    let evidence = match check(&typed, &recipient, now) {
        Ok(evidence) => evidence,
        Err(errors) => {
            let mut shown = consent_page(&signed_in, recipient, typed, errors);
            shown.page = shown.page.again(&form);
            return invalid(&shown);
        }
    };
    let (account_id, actor, inside) = (signed_in.account_id(), signed_in.actor(), state.clone());
    let (sent, recipient_id) = (form.into_inner(), recipient.id);
    let both = state
        .write(move |conn| {
            let is = settings::lock_recipient(conn, account_id, recipient_id)?;
            if let Some(both) = tracking::overtaken_by(&sent, "Eingewilligt", &is) {
                return Ok(Some((both, is)));
            }
            let (source, key) = (TrackingSource::Admin, &inside.remembering);
            settings::consent(conn, account_id, recipient_id, source, key, &actor, now)?;
            consents::record(conn, account_id, recipient_id, &evidence)?;
            Ok(None)
        })
        .await?;
    let path = format!("/empfaenger/{id}/tracking");
    let Some((both, recipient)) = both else {
        return see_other(format!("{path}?meldung=einwilligung-eingetragen"));
    };
    let last = tracking::last_said(&recipient);
    let mut shown = consent_page(&signed_in, recipient, typed, FormErrors::new());
    shown.page = shown.page.overtaken(both, last, &path);
    overtaken(&shown)
}

/// The evidence, or everything that is wrong with it.
fn check(
    typed: &ConsentForm,
    recipient: &Recipient,
    now: Timestamp,
) -> Result<Consent, FormErrors> {
    let mut errors = FormErrors::new();
    let given = past_day(&typed.erteilt, None, now);
    let asked = typed.anlass == "gefragt";
    let obstacle = given
        .ok()
        .and_then(|day| settings::consent_obstacle(recipient, day, asked, now));
    match (given, obstacle) {
        (Err(problem), _) => errors.add("erteilt", problem.sentence(reasons::DAY_MISSING)),
        (_, Some(obstacle @ (Obstacle::InTheFuture | Obstacle::ObjectedSince))) => {
            errors.add("erteilt", reasons::obstacle(obstacle));
        }
        (_, Some(Obstacle::NotToBeAsked(_)) | None) => {}
    }
    for (field, problem) in [
        ("wie", reasons::how_problem(&typed.wie)),
        ("wortlaut", reasons::wording_problem(&typed.wortlaut)),
    ] {
        if let Some(problem) = problem {
            errors.add(field, problem);
        }
    }
    match (typed.anlass.as_str(), obstacle) {
        ("gefragt", Some(obstacle @ Obstacle::NotToBeAsked(_))) => {
            errors.add("anlass", reasons::obstacle(obstacle));
        }
        ("selbst" | "gefragt", _) => {}
        _ => errors.add("anlass", "Wählen Sie, wie es dazu kam."),
    }
    match given {
        Ok(day) if errors.is_empty() => Ok(Consent {
            kind: ConsentKind::Tracking,
            agreed: true,
            wording: typed.wortlaut.trim().replace("\r\n", "\n"),
            form_name: format!(
                "{} ({})",
                typed.wie.trim(),
                if typed.anlass == "selbst" {
                    "von sich aus"
                } else {
                    "auf unsere Frage"
                }
            ),
            asked_at: day.millis(),
            given_at: day.millis(),
        }),
        _ => Err(errors),
    }
}

async fn load(
    signed_in: &SignedIn,
    state: &State,
    id: i64,
) -> Result<Recipient, crate::web::error::WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| recipients::find(conn, account_id, id))
        .await
}

fn consent_page(
    signed_in: &SignedIn,
    recipient: Recipient,
    typed: ConsentForm,
    errors: FormErrors,
) -> ConsentPage {
    ConsentPage {
        page: Page::new(signed_in, Section::Recipients, "Einwilligung eintragen"),
        rests_until: settings::rests_until(&recipient, Timestamp::now()).map(Timestamp::millis),
        recipient,
        typed,
        errors,
    }
}
