//! Tab *Daten*: address, names and free fields of a recipient, and whether mails go there.

use actix_web::web;
use askama::Template;
use serde_json::{Map, Value};

use super::person::Typed;
use crate::bounces::apply;
use crate::db::models::bounces::{self, LastBounce};
use crate::db::models::consents::{self, Consent};
use crate::db::models::deletion_requests;
use crate::db::models::last_change::{self, Subject};
use crate::db::models::recipients::{self, Recipient, RecipientData};
use crate::domain::bounce::BounceKind;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, TrackingSource};
use crate::erasure::change::{self, Changed};
use crate::tracking::enter::Start;
use crate::tracking::settings;
use crate::web::access::SignedIn;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::reasons::ADDRESS_TAKEN;
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions;

#[derive(Template)]
#[template(path = "recipients/data.html")]
struct DataPage {
    page: Page,
    recipient: Recipient,
    typed: Typed,
    /// The other recipient who has the typed address.
    existing: Option<i64>,
    errors: FormErrors,
    said: Said,
}

/// What came from the person's side.
struct Said {
    /// What came back last of mails to them.
    last_bounce: Option<LastBounce>,
    /// To what the person agreed.
    consents: Vec<Consent>,
    /// When the person asked for deletion, in milliseconds.
    deletion_requested_at: Option<i64>,
}

impl DataPage {
    fn is_unsubscribed(&self) -> bool {
        self.recipient.status == RecipientStatus::Unsubscribed
    }

    /// Where the status comes from, as the end of "seit …".
    fn status_source(&self) -> &'static str {
        match self.recipient.status_source {
            None => "",
            Some(TrackingSource::Admin) => "durch einen Benutzer des Kontos",
            Some(TrackingSource::Recipient) => "durch den Empfänger selbst",
            Some(TrackingSource::Import) => "durch einen Import",
            Some(TrackingSource::Form) => "durch ein Anmeldeformular",
            Some(TrackingSource::Program) => "durch die Schnittstelle",
            Some(TrackingSource::Remembered) => "gemerkt von früher",
            Some(TrackingSource::Bounce) => "durch Rückläufer",
            Some(TrackingSource::Complaint) => "durch eine Beschwerde",
        }
    }

    /// Whether the person said so, not the account.
    fn is_own_decision(&self) -> bool {
        matches!(
            self.recipient.status_source,
            Some(TrackingSource::Recipient | TrackingSource::Remembered | TrackingSource::Form)
        )
    }

    fn is_bounced(&self) -> bool {
        self.recipient.status == RecipientStatus::Bounced
    }

    fn has_complained(&self) -> bool {
        self.is_unsubscribed() && self.recipient.status_source == Some(TrackingSource::Complaint)
    }

    /// What came back last, as the end of "seit …".
    fn reason(&self) -> String {
        let Some(last) = self.said.last_bounce.as_ref().filter(|_| self.is_bounced()) else {
            return String::new();
        };
        let kind = match last.kind {
            BounceKind::Hard => "dauerhaft".to_owned(),
            BounceKind::Soft | BounceKind::Complaint => match self.recipient.soft_bounces {
                1 => "nach 1 vorübergehenden Rückläufer".to_owned(),
                n => format!("nach {n} vorübergehenden Rückläufern in Folge"),
            },
        };
        match &last.code {
            Some(code) => format!(" ({kind}, {code})"),
            None => format!(" ({kind})"),
        }
    }
}

/// GET `/empfaenger/{id}`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, path: web::Path<i64>) -> WebResult {
    let (recipient, said) = load(&signed_in, &state, *path).await?;
    let typed = stored(&recipient);
    let (errors, state) = (FormErrors::new(), typed.snapshot());
    let mut shown = data_page(&signed_in, recipient, said, typed, None, errors);
    shown.page = shown.page.made_from(&state);
    page(&shown)
}

/// POST `/empfaenger/{id}`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, actor, recipient_id) = (signed_in.account_id(), signed_in.actor(), *path);
    let typed = Typed::from_form(&form);
    let (existing, errors) = match typed.check() {
        Err(errors) => (None, errors),
        Ok(person) => {
            let inside = state.clone();
            let (sent, mine) = (form.clone(), typed.snapshot());
            let changed = state
                .write(move |conn| {
                    let before = change::lock(conn, account_id, recipient_id)?;
                    let kept = stored(&before).snapshot();
                    if let Some(overtaken) = versions::compare(&sent, &mine, &kept) {
                        let subject = Subject::Recipient(recipient_id);
                        let last = last_change::find(conn, account_id, subject)?;
                        return Ok(Err((overtaken, last)));
                    }
                    let data = RecipientData {
                        address: &person.address,
                        first_name: &person.first_name,
                        last_name: &person.last_name,
                        fields: &person.fields,
                    };
                    let (key, now) = (&inside.remembering, Timestamp::now());
                    change::change(conn, account_id, recipient_id, &data, key, &actor, now).map(Ok)
                })
                .await?;
            match changed {
                Err((both, last)) => {
                    let (recipient, said) = load(&signed_in, &state, recipient_id).await?;
                    let typed = Typed::from_form(&both.merged);
                    let errors = FormErrors::new();
                    let mut shown = data_page(&signed_in, recipient, said, typed, None, errors);
                    let path = format!("/empfaenger/{recipient_id}");
                    shown.page = shown.page.overtaken(both, last, &path);
                    return overtaken(&shown);
                }
                Ok(Changed::Saved {
                    remains,
                    recalled,
                    is_deliverable_again,
                }) => {
                    if let Some(remains) = remains {
                        state.cleaner.clean(remains);
                    }
                    let word = said_of(recalled, is_deliverable_again);
                    return see_other(format!("/empfaenger/{recipient_id}?meldung={word}"));
                }
                Ok(Changed::TakenBy(id)) => (Some(id), FormErrors::one("email", ADDRESS_TAKEN)),
            }
        }
    };
    let (recipient, said) = load(&signed_in, &state, recipient_id).await?;
    let mut shown = data_page(&signed_in, recipient, said, typed, existing, errors);
    shown.page = shown.page.again(&form);
    invalid(&shown)
}

/// The notice that tells what came with a new address.
fn said_of(recalled: Start, is_deliverable_again: bool) -> &'static str {
    match (recalled.tracking.is_some(), recalled.unsubscribed.is_some()) {
        (true, false) => "widerspruch-wieder-gemerkt",
        (false, true) => "abmeldung-wieder-gemerkt",
        (true, true) => "beides-wieder-gemerkt",
        (false, false) if is_deliverable_again => "neue-adresse-zustellbar",
        (false, false) => "gespeichert",
    }
}

/// POST `/empfaenger/{id}/abmelden`
pub async fn unsubscribe(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
) -> WebResult {
    let (account_id, actor, recipient_id) = (signed_in.account_id(), signed_in.actor(), *path);
    state
        .write(move |conn| {
            let (source, now) = (TrackingSource::Admin, Timestamp::now());
            settings::unsubscribe(conn, account_id, recipient_id, source, &actor, now)
        })
        .await?;
    see_other(format!(
        "/empfaenger/{recipient_id}?meldung=empfaenger-abgemeldet"
    ))
}

/// POST `/empfaenger/{id}/wieder-anmelden`
pub async fn resubscribe(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
) -> WebResult {
    let (account_id, actor, recipient_id) = (signed_in.account_id(), signed_in.actor(), *path);
    let inside = state.clone();
    state
        .write(move |conn| {
            let (source, now) = (TrackingSource::Admin, Timestamp::now());
            let key = &inside.remembering;
            settings::resubscribe(conn, account_id, recipient_id, key, source, &actor, now)
        })
        .await?;
    see_other(format!(
        "/empfaenger/{recipient_id}?meldung=empfaenger-angemeldet"
    ))
}

/// POST `/empfaenger/{id}/wieder-zustellen`
pub async fn reactivate(
    signed_in: SignedIn,
    state: web::Data<State>,
    path: web::Path<i64>,
) -> WebResult {
    let (account_id, actor, recipient_id) = (signed_in.account_id(), signed_in.actor(), *path);
    state
        .write(move |conn| {
            apply::reactivate(conn, account_id, recipient_id, &actor, Timestamp::now())
        })
        .await?;
    see_other(format!(
        "/empfaenger/{recipient_id}?meldung=empfaenger-wieder-zustellbar"
    ))
}

async fn load(
    signed_in: &SignedIn,
    state: &State,
    recipient_id: i64,
) -> Result<(Recipient, Said), crate::web::error::WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| {
            let said = Said {
                last_bounce: bounces::last_of(conn, account_id, recipient_id)?,
                consents: consents::of_recipient(conn, account_id, recipient_id)?,
                deletion_requested_at: deletion_requests::of_recipient(
                    conn,
                    account_id,
                    recipient_id,
                )?,
            };
            Ok((recipients::find(conn, account_id, recipient_id)?, said))
        })
        .await
}

fn data_page(
    signed_in: &SignedIn,
    recipient: Recipient,
    said: Said,
    typed: Typed,
    existing: Option<i64>,
    errors: FormErrors,
) -> DataPage {
    DataPage {
        page: Page::new(signed_in, Section::Recipients, recipient.address.clone()),
        recipient,
        said,
        typed,
        existing,
        errors,
    }
}

/// The form as the recipient is stored.
fn stored(recipient: &Recipient) -> Typed {
    let fields: Map<String, Value> = serde_json::from_str(&recipient.fields).unwrap_or_default();
    Typed {
        email: recipient.address.clone(),
        first_name: recipient.first_name.clone(),
        last_name: recipient.last_name.clone(),
        free: fields
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect(),
        ..Typed::default()
    }
}
