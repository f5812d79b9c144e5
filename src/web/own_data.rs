//! Everything that is stored about one person, gathered for that person (Art. 15 GDPR) and to be
//! taken along (Art. 20): as the person's own page shows it, and as the account gives it out.

use serde_json::{Map, Value, json};

use crate::db::models::audit::{self, OwnEntry};
use crate::db::models::consents::{self, Consent};
use crate::db::models::group_leavings::{self, Leaving};
use crate::db::models::objections::{self, Remembered};
use crate::db::models::signups::{self, Signup};
use crate::db::models::{deletion_requests, groups, outbox};
use crate::db::reports::person::{self as stored, PersonDelivery, PersonEvent};
use crate::db::{Conn, DbResult};
use crate::domain::bounce::BounceReason;
use crate::domain::secret::Key;
use crate::domain::time::{Hour, Timestamp};
use crate::domain::tracking::{Decision, RecipientTracking, TrackingSource};
use crate::tracking::device::Device;
use crate::tracking::policy::decide;
use crate::tracking::settings::remembered_address;
use crate::web::public::person::Person;

/// How measuring works, in sentences for the person (Art. 15 (1) (a), (b), (d)).
pub const HOW: [&str; 5] = [
    "Eine Öffnung wird gezählt, wenn Ihr E-Mail-Programm ein unsichtbares Bild aus der E-Mail lädt; ein Klick, wenn \
     Sie einem Link in der E-Mail folgen.",
    "Personenbezogen heißt: mit einem Zufallsschlüssel, der zu Ihnen führt. Gespeichert werden je E-Mail die Art \
     (Öffnung oder Klick), der Link, die Stunde, die Art des Geräts und ob es ein Programm war; dazu der genaue \
     Zeitpunkt der ersten und letzten Öffnung und des ersten und letzten Klicks.",
    "Ihre IP-Adresse und die genaue Kennung Ihres Geräts werden nie gespeichert.",
    "Wird nicht personenbezogen erfasst, bleibt höchstens eine Gesamtzahl je Stunde, die zu niemandem führt.",
    "Die Angaben bleiben gespeichert, bis Sie gelöscht oder Ihre Tracking-Daten pseudonymisiert werden. Zu Ihrem \
     Eintrag gehören außerdem Zufallszahlen, an denen Ihre persönlichen Links erkannt werden.",
];

/// One mailing with what was recorded about it.
pub struct Mailing {
    /// The mailing.
    pub delivery: PersonDelivery,
    /// Its opens and clicks, as stored.
    pub events: Vec<PersonEvent>,
}

/// Everything.
pub struct OwnData {
    /// The person and the account.
    pub person: Person,
    /// Free fields, by name.
    pub fields: Vec<(String, String)>,
    /// Groups: name, and since when in milliseconds.
    pub groups: Vec<(String, i64)>,
    /// Groups that the person left.
    pub left_groups: Vec<Leaving>,
    /// Evidence of consent.
    pub consents: Vec<Consent>,
    /// Wishes to sign up that are not confirmed.
    pub signups: Vec<Signup>,
    /// When deletion was asked for, in milliseconds.
    pub deletion_requested_at: Option<i64>,
    /// Mailings, newest first.
    pub mailings: Vec<Mailing>,
    /// What was changed, oldest first.
    pub entries: Vec<OwnEntry>,
    /// Copies of mails in the outbox.
    pub copies: i64,
    /// Since when an objection is remembered beyond deletion, in milliseconds (rule P9).
    pub remembered_objection: Option<i64>,
    /// The same for an unsubscription.
    pub remembered_unsubscription: Option<i64>,
}

/// Gathers it.
pub fn gather(conn: &mut Conn, person: Person, remembering: &Key) -> DbResult<OwnData> {
    let (account, recipient) = (person.account.id, person.recipient.id);
    let address_key = person.recipient.address_key.clone();
    let fields: Map<String, Value> =
        serde_json::from_str(&person.recipient.fields).unwrap_or_default();
    let deliveries = stored::deliveries_to(conn, account, recipient)?;
    let mut events = stored::events_of(conn, account, recipient)?
        .into_iter()
        .peekable();
    let mut mailings = Vec::with_capacity(deliveries.len());
    // Both come by mailing, newest first.
    for delivery in deliveries {
        let mut of_it = Vec::new();
        while let Some(event) = events.next_if(|event| event.mailing_id == delivery.mailing_id) {
            of_it.push(event);
        }
        mailings.push(Mailing {
            delivery,
            events: of_it,
        });
    }
    let hash = remembered_address(remembering, &address_key);
    Ok(OwnData {
        fields: fields
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect(),
        groups: groups::joined(conn, account, recipient)?,
        left_groups: group_leavings::of_recipient(conn, account, recipient)?,
        consents: consents::of_recipient(conn, account, recipient)?,
        signups: signups::of_address(conn, account, &address_key)?,
        deletion_requested_at: deletion_requests::of_recipient(conn, account, recipient)?,
        mailings,
        entries: audit::of_recipient(conn, account, recipient)?,
        copies: outbox::count_of_recipient(conn, account, recipient)?,
        remembered_objection: objections::find(conn, account, Remembered::Objection, &hash)?,
        remembered_unsubscription: objections::find(
            conn,
            account,
            Remembered::Unsubscription,
            &hash,
        )?,
        person,
    })
}

impl OwnData {
    /// How the person is measured as things are, in words.
    pub fn measured_now(&self) -> &'static str {
        let of_account = self.person.account.tracking();
        measured(Some(decide(
            of_account,
            Some(self.person.recipient.tracking),
        )))
    }

    /// What the person has said about tracking, as the person would say it.
    pub const fn tracking(&self) -> &'static str {
        match self.person.recipient.tracking {
            RecipientTracking::Unset => "keine Angabe",
            RecipientTracking::Consented => "eingewilligt",
            RecipientTracking::Objected => "widersprochen",
        }
    }

    /// As a document that other programs can read (Art. 20 GDPR).
    pub fn json(&self, now: Timestamp) -> Value {
        let recipient = &self.person.recipient;
        json!({
            "erstellt_am": time(now.millis()),
            "verantwortlich": self.person.account.name,
            "person": {
                "adresse": recipient.address,
                "vorname": recipient.first_name,
                "nachname": recipient.last_name,
                "felder": self.fields.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
                "eingetragen_am": time(recipient.created_at),
                "status": recipient.status.label(),
                "status_seit": recipient.status_changed_at.map(time),
                "status_quelle": recipient.status_source.map(TrackingSource::label),
            },
            "tracking": {
                "angabe": self.tracking(),
                "seit": recipient.tracking_changed_at.map(time),
                "quelle": recipient.tracking_source.map(TrackingSource::label),
                "zurzeit": self.measured_now(),
            },
            "gruppen": self.groups.iter().map(|(name, since)| json!({ "name": name, "seit": time(*since) }))
                .collect::<Vec<_>>(),
            "verlassene_gruppen": self.left_groups.iter()
                .map(|left| json!({ "name": left.name, "am": time(left.left_at) })).collect::<Vec<_>>(),
            "einwilligungen": self.consents.iter().map(|consent| json!({
                "wozu": consent.kind.label(),
                "antwort": consent.answer(),
                "wortlaut": consent.wording,
                "wo": consent.form_name,
                "gefragt_am": time(consent.asked_at),
                "beantwortet_am": time(consent.given_at),
            })).collect::<Vec<_>>(),
            "unbestaetigte_anmeldungen": self.signups.iter().map(|signup| json!({
                "adresse": signup.address,
                "vorname": signup.first_name,
                "nachname": signup.last_name,
                "tracking_erlaubt": signup.tracking_agreed,
                "wortlaut": signup.consent_wording,
                "wortlaut_tracking": signup.tracking_wording,
                "gesendet_am": time(signup.created_at),
                "gilt_bis": time(signup.expires_at),
            })).collect::<Vec<_>>(),
            "loeschwunsch_vom": self.deletion_requested_at.map(time),
            "gemerkter_widerspruch_vom": self.remembered_objection.map(time),
            "gemerkte_abmeldung_vom": self.remembered_unsubscription.map(time),
            "kopien_von_emails": self.copies,
            "emails": self.mailings.iter().map(Mailing::json).collect::<Vec<_>>(),
            "protokoll": self.entries.iter().map(|entry| json!({
                "am": time(entry.at),
                "wer": actor(entry),
                "was": what(entry),
            })).collect::<Vec<_>>(),
            "wie_gemessen_wird": HOW,
        })
    }
}

impl Mailing {
    fn json(&self) -> Value {
        let delivery = &self.delivery;
        json!({
            "betreff": delivery.subject,
            "stand": outcome(delivery),
            "versendet_am": delivery.handed_at.map(time),
            "messung": measured(delivery.policy),
            "oeffnungen": delivery.opens,
            "erste_oeffnung_am": delivery.first_open_at.map(time),
            "letzte_oeffnung_am": delivery.last_open_at.map(time),
            "klicks": delivery.clicks,
            "erster_klick_am": delivery.first_click_at.map(time),
            "letzter_klick_am": delivery.last_click_at.map(time),
            "ruecklaeufer": bounce(delivery),
            "ruecklaeufer_am": delivery.bounced_at.map(time),
            "antwort_des_mailservers": delivery.reply_code,
            "grund_der_absage": delivery.reason.map(BounceReason::label),
            "ereignisse": self.events.iter().map(|event| json!({
                "art": kind(event),
                "link": event.url,
                "stunde": time(start_of(event)),
                "geraet": device(event),
                "programm": event.automatic,
                "anzahl": event.n,
            })).collect::<Vec<_>>(),
        })
    }
}

/// Where something came from, as the person would say it.
pub fn source(source: Option<&TrackingSource>) -> &'static str {
    source.map_or("", |source| match source {
        TrackingSource::Recipient => "Sie selbst",
        other => other.label(),
    })
}

/// ISO 8601, in UTC.
fn time(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// How something is measured, in words.
const fn measured(policy: Option<Decision>) -> &'static str {
    match policy {
        None => "noch nicht entschieden",
        Some(Decision::Personal) => "personenbezogen",
        Some(Decision::Anonymous) => "nur anonym gezählt",
        Some(Decision::Nothing) => "gar nicht",
    }
}

/// How one mail is measured, in words.
pub const fn measurement(delivery: &PersonDelivery) -> &'static str {
    measured(delivery.policy)
}

/// The beginning of an event's hour, in milliseconds.
pub const fn start_of(event: &PersonEvent) -> i64 {
    Hour(event.hour).start().millis()
}

/// How far a mail has come, in words.
pub const fn outcome(delivery: &PersonDelivery) -> &'static str {
    use crate::db::models::deliveries::DeliveryStatus;
    match delivery.status {
        DeliveryStatus::Pending | DeliveryStatus::Deferred | DeliveryStatus::Claimed => {
            "noch nicht versendet"
        }
        DeliveryStatus::Handed => "versendet",
        DeliveryStatus::Underway | DeliveryStatus::Uncertain => "vielleicht versendet",
        DeliveryStatus::Failed => "nicht angenommen",
        DeliveryStatus::Cancelled => "abgebrochen",
    }
}

/// What came back, in words.
pub fn bounce(delivery: &PersonDelivery) -> Option<&'static str> {
    match delivery.bounce.as_deref()? {
        "hard" => Some("dauerhaft unzustellbar"),
        "soft" => Some("vorübergehend unzustellbar"),
        _ => Some("Beschwerde"),
    }
}

/// *Öffnung* or *Klick*.
pub const fn kind(event: &PersonEvent) -> &'static str {
    if event.kind == 0 { "Öffnung" } else { "Klick" }
}

/// The class of device, in words.
pub fn device(event: &PersonEvent) -> &'static str {
    Device::ALL
        .into_iter()
        .find(|device| device.number() == event.device)
        .map_or("unbekannt", Device::label)
}

/// Who did something. Users of the account are people too: their names are not the person's data.
pub fn actor(entry: &OwnEntry) -> &str {
    if entry.user_id.is_some() {
        "Benutzer des Kontos"
    } else if entry.actor == "Empfänger selbst" {
        "Sie selbst"
    } else {
        &entry.actor
    }
}

/// What was done, in words.
pub fn what(entry: &OwnEntry) -> String {
    let act = match entry.action.as_str() {
        "recipient_objected" => "Widerspruch gegen personenbezogenes Tracking",
        "objection_lifted" => "Widerspruch aufgehoben",
        "recipient_consented" => "Einwilligung in personenbezogenes Tracking",
        "recipient_pseudonymised" => "Alte Tracking-Daten pseudonymisiert",
        "recipient_unsubscribed" => "Von E-Mails abgemeldet",
        "recipient_resubscribed" => "Wieder angemeldet",
        "recipient_left_group" => "Eine Gruppe verlassen",
        "recipient_readmitted" => "Wieder in eine verlassene Gruppe aufgenommen",
        "signup_confirmed" => "Anmeldung bestätigt",
        "deletion_requested" => "Um Löschung gebeten",
        "deletion_request_withdrawn" => "Löschwunsch zurückgenommen",
        "deletion_request_declined" => "Löschwunsch abgelehnt",
        "data_disclosed" => "Auskunft über die gespeicherten Daten erstellt",
        "recipient_bounced" => "Als unzustellbar erkannt",
        "recipient_reactivated" => "Wieder zustellbar",
        other => other,
    };
    let details: Value = serde_json::from_str(&entry.details).unwrap_or_default();
    match details.get("reason").and_then(Value::as_str) {
        Some(reason) if !reason.is_empty() => format!("{act}. Grund: {reason}"),
        _ => act.to_owned(),
    }
}
