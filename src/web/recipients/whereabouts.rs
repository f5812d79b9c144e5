//! *Wo kommt diese Adresse noch vor?*: for whoever answers people who want to know, or to be gone. It
//! is the work of the role *Empfänger*, so it is theirs; it says where an address stands and how
//! often, never what stands around it, and leads only where the user may go.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::db::models::objections::Remembered;
use crate::domain::address::EmailAddress;
use crate::domain::role::{Role, Roles};
use crate::domain::time::Timestamp;
use crate::erasure::whereabouts::{Finding, Search, Whereabouts, place};
use crate::web::access::SignedIn;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "recipients/whereabouts.html")]
struct WhereaboutsPage {
    page: Page,
    address: String,
    errors: FormErrors,
    found: Option<Whereabouts>,
    rows: Vec<Row>,
    /// What is remembered, and since when.
    remembered: Vec<(&'static str, i64)>,
}

/// Places of one kind, ready to be shown.
struct Row {
    label: &'static str,
    count: i64,
    about: &'static str,
    links: Vec<(String, String)>,
}

/// The address to look for: sent in the body, never in the address of the page (rule P8).
#[derive(Deserialize)]
pub struct AddressForm {
    #[serde(default)]
    email: String,
}

/// GET `/empfaenger/adresse`
pub async fn new(signed_in: SignedIn) -> WebResult {
    let errors = FormErrors::new();
    page(&WhereaboutsPage::new(
        &signed_in,
        String::new(),
        errors,
        None,
    ))
}

/// POST `/empfaenger/adresse`
pub async fn search(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<AddressForm>,
) -> WebResult {
    let typed = form.into_inner().email;
    let address = match EmailAddress::parse(&typed) {
        Ok(address) => address,
        Err(problem) => {
            let errors = FormErrors::one("email", problem.to_string());
            return invalid(&WhereaboutsPage::new(&signed_in, typed, errors, None));
        }
    };
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let found = web::block(move || {
        let search = Search {
            db: &state.db,
            data_dir: &state.data_dir,
            remembering: &state.remembering,
        };
        search.run(account_id, &address, &actor, Timestamp::now())
    })
    .await??;
    let errors = FormErrors::new();
    page(&WhereaboutsPage::new(
        &signed_in,
        typed,
        errors,
        Some(found),
    ))
}

impl WhereaboutsPage {
    fn new(
        signed_in: &SignedIn,
        address: String,
        errors: FormErrors,
        found: Option<Whereabouts>,
    ) -> Self {
        let roles = signed_in.user.roles();
        let findings = found.iter().flat_map(|found| &found.findings);
        let remembered = found.iter().flat_map(|found| &found.remembered);
        Self {
            page: Page::new(
                signed_in,
                Section::Recipients,
                "Wo kommt diese Adresse noch vor?",
            ),
            remembered: remembered
                .map(|(kind, at)| (in_words(*kind), *at))
                .collect(),
            rows: findings.map(|finding| Row::new(finding, roles)).collect(),
            address,
            errors,
            found,
        }
    }
}

/// What is remembered, in words.
const fn in_words(kind: Remembered) -> &'static str {
    match kind {
        Remembered::Objection => "Widerspruch gegen das Tracking",
        Remembered::Unsubscription => "Abmeldung von allen E-Mailings",
    }
}

/// What a place is called, what becomes of it, and where one can act: the way to it, whose number
/// stands for `{}`, and who may go there.
type Described = (&'static str, &'static str, Option<(&'static str, Role)>);

impl Row {
    fn new(finding: &Finding, roles: Roles) -> Self {
        let (label, about, way) = describe(finding.place);
        let way = way.filter(|(_, role)| roles.allow(*role));
        let links = way.map_or_else(Vec::new, |(path, _)| {
            if !path.contains("{}") {
                return vec![(path.to_owned(), "Ansehen".to_owned())];
            }
            let named = finding.named.iter();
            named
                .map(|number| {
                    let path = path.replace("{}", &number.to_string());
                    (path, format!("Nr. {number}"))
                })
                .collect()
        });
        Self {
            label,
            count: finding.count,
            about,
            links,
        }
    }
}

/// A list, one entry for each place.
fn describe(of: &str) -> Described {
    use Role::{Admin, Mailings, Recipients};
    let here = |path| Some((path, Recipients));
    let by_deleting = "Geht beim Löschen des Empfängers.";
    let by_hand =
        "Bleibt beim Löschen. Prüfen Sie, ob diese Person gemeint ist, und ändern Sie es dort.";
    match of {
        place::RECIPIENT => (
            "Empfänger",
            "Dort können Sie löschen.",
            here("/empfaenger/{}"),
        ),
        place::DELIVERIES => (
            "Zustellungen an diesen Empfänger",
            "Werden beim Löschen pseudonymisiert, ausstehende abgebrochen.",
            here("/empfaenger/{}/verlauf"),
        ),
        place::DELETION_REQUEST => (
            "Löschwunsch dieses Empfängers",
            by_deleting,
            here("/empfaenger/loeschwuensche"),
        ),
        place::ENTRIES => (
            "Einträge im Protokoll zu diesem Empfänger",
            "Nennen nur seine Nummer, die nach dem Löschen zu niemandem führt.",
            Some(("/benutzerkonto/protokoll", Admin)),
        ),
        place::OUTBOX => (
            "E-Mails im Postausgang",
            "Gehen beim Löschen des Empfängers und nach 30 Tagen.",
            Some(("/postausgang/{}", Mailings)),
        ),
        place::UPLOADS => (
            "Hochgeladene Datei, die auf ihren Import wartet",
            "Geht, wenn der Import endet oder verworfen wird.",
            here("/empfaenger/import/{}"),
        ),
        place::BOUNCES => (
            "Rückläufer, die noch zu lesen sind",
            "Gehen, sobald sie gezählt sind, nach wenigen Sekunden.",
            None,
        ),
        place::IN_PICTURES => (
            "Text in einem Bild",
            by_hand,
            Some(("/e-mailings/bilder", Mailings)),
        ),
        other => of_table(other, by_deleting, by_hand),
    }
}

/// The same for the texts of tables.
fn of_table(table: &str, by_deleting: &'static str, by_hand: &'static str) -> Described {
    use Role::{Admin, Mailings, Recipients};
    let here = |path| Some((path, Recipients));
    match table {
        "recipients" => (
            "Namen und Felder von Empfängern",
            by_hand,
            here("/empfaenger/{}"),
        ),
        "signups" => (
            "Unbestätigte Anmeldungen",
            "Gehen mit „Löschen nach Liste“, und wenn sie ablaufen.",
            here("/empfaenger/loeschliste"),
        ),
        "import_refusals" => (
            "Abgelehnte Zeilen von Importen",
            "Gehen beim Löschen des Empfängers und mit „Löschen nach Liste“, spätestens sieben Tage nach dem Import.",
            here("/empfaenger/import/{}"),
        ),
        "imports" => (
            "Dateiname eines Imports",
            by_hand,
            here("/empfaenger/import/{}"),
        ),
        "consents" => ("Nachweise von Einwilligungen", by_deleting, None),
        "mailings" => (
            "E-Mailings: Absender, Betreff oder Text",
            by_hand,
            Some(("/e-mailings/{}", Mailings)),
        ),
        "mailing_links" => (
            "Links in E-Mailings",
            "Bleiben: Links versendeter E-Mails ändern sich nie.",
            Some(("/e-mailings/{}", Mailings)),
        ),
        "mailing_groups" => (
            "Gruppennamen in versendeten E-Mailings",
            "Bleiben mit dem E-Mailing.",
            Some(("/e-mailings/{}", Mailings)),
        ),
        "groups" => ("Namen von Gruppen", by_hand, here("/gruppen/{}")),
        "signup_forms" => (
            "Anmeldeformulare: Absender oder Text",
            by_hand,
            here("/anmeldeformulare/{}"),
        ),
        "pictures" => (
            "Dateinamen von Bildern",
            by_hand,
            Some(("/e-mailings/bilder", Mailings)),
        ),
        "users" => (
            "Benutzer",
            "Ein Zugang zu Widerspruch. Er ist beim Löschen nicht gemeint und bleibt.",
            None,
        ),
        "invitations" => (
            "Einladungen von Benutzern",
            "Meinen einen Zugang zu Widerspruch. Sie gehen, wenn sie beantwortet sind oder ablaufen.",
            Some(("/benutzerkonto/benutzer", Admin)),
        ),
        "accounts" => (
            "Angaben zum Benutzerkonto",
            by_hand,
            Some(("/benutzerkonto", Admin)),
        ),
        "api_keys" => (
            "Namen von API-Schlüsseln",
            by_hand,
            Some(("/benutzerkonto/schnittstelle", Admin)),
        ),
        "webhooks" => (
            "Adressen von Webhooks",
            by_hand,
            Some(("/benutzerkonto/schnittstelle", Admin)),
        ),
        "smtp_settings" => (
            "Zugang zum Mailserver",
            "Meint ein Postfach dieses Benutzerkontos und bleibt.",
            Some(("/benutzerkonto/versand", Admin)),
        ),
        "bounce_mailboxes" => (
            "Postfach für Rückläufer",
            "Meint ein Postfach dieses Benutzerkontos und bleibt.",
            Some(("/benutzerkonto/ruecklaeufer", Admin)),
        ),
        "receipts" => (
            "Belege",
            "Nennen den Betreff eines E-Mailings oder den Namen eines Benutzers.",
            here("/belege/{}"),
        ),
        "audit_log" => (
            "Protokoll",
            "Einträge lassen sich nicht ändern. Sie gehen nach der eingestellten Zeit.",
            Some(("/benutzerkonto/protokoll", Admin)),
        ),
        _ => ("An anderer Stelle", by_hand, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{describe, place};
    use crate::db::models::whereabouts::TEXTS;

    #[test]
    fn every_place_has_a_name() {
        let tables = TEXTS.iter().map(|of| of.table);
        let others = [
            place::RECIPIENT,
            place::DELIVERIES,
            place::DELETION_REQUEST,
            place::ENTRIES,
            place::OUTBOX,
            place::UPLOADS,
            place::BOUNCES,
            place::IN_PICTURES,
        ];
        for place in tables.chain(others) {
            assert_ne!(describe(place).0, describe("?").0, "{place}");
        }
    }
}
