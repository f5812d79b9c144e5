//! What can be typed about a sign-up form.

use crate::db::models::groups::Group;
use crate::db::models::signup_forms::{Content, SignupForm};
use crate::domain::address::EmailAddress;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::versions::Snapshot;

/// For how many hours the link in the confirmation mail may hold: value and text.
pub const VALIDITIES: [(i64, &str); 4] = [
    (24, "24 Stunden"),
    (48, "2 Tage"),
    (72, "3 Tage"),
    (168, "7 Tage"),
];

/// A form as typed.
pub struct FormInput {
    /// What the database takes, as far as it could be read.
    pub content: Content,
}

impl FormInput {
    /// What a new form begins with.
    pub fn suggested(account: &str, email: &str) -> Self {
        Self {
            content: Content {
                name: "Newsletter".to_owned(),
                title: format!("Newsletter von {account}"),
                intro: String::new(),
                sender_name: account.to_owned(),
                sender_address: email.to_owned(),
                consent_wording: format!(
                    "{account} darf mir per E-Mail Neuigkeiten und Angebote senden. Das kann ich jederzeit über den \
                     Link in jeder E-Mail widerrufen."
                ),
                tracking_wording: format!(
                    "{account} darf auswerten, welche E-Mails ich öffne und welche Links ich darin anklicke, um die \
                     E-Mails zu verbessern. Das ist freiwillig, und ich kann es jederzeit widerrufen."
                ),
                valid_hours: 48,
                active: true,
                group_id: 0,
            },
        }
    }

    /// From what a browser sends.
    pub fn from_fields(fields: &Fields) -> Self {
        let line = |name| {
            let words: Vec<_> = fields.text(name).split_whitespace().collect();
            words.join(" ")
        };
        let paragraph = |name| fields.text(name).trim().replace("\r\n", "\n");
        Self {
            content: Content {
                group_id: fields.text("gruppe").parse().unwrap_or_default(),
                name: line("name"),
                title: line("titel"),
                intro: paragraph("einleitung"),
                sender_name: line("absendername"),
                sender_address: line("absender"),
                consent_wording: line("einwilligung"),
                tracking_wording: line("tracking"),
                valid_hours: fields.text("gueltig").parse().unwrap_or_default(),
                active: fields.has("aktiv"),
            },
        }
    }

    /// From what is stored.
    pub fn of(form: &SignupForm) -> Self {
        Self {
            content: Content {
                group_id: form.group_id,
                name: form.name.clone(),
                title: form.title.clone(),
                intro: form.intro.clone(),
                sender_name: form.sender_name.clone(),
                sender_address: form.sender_address.clone(),
                consent_wording: form.consent_wording.clone(),
                tracking_wording: form.tracking_wording.clone(),
                valid_hours: form.valid_hours,
                active: form.active,
            },
        }
    }

    /// The form's fields, for comparing them with what somebody else saved.
    pub fn snapshot(&self, groups: &[Group]) -> Snapshot {
        let content = &self.content;
        let group = groups.iter().find(|group| group.id == content.group_id);
        let group = group.map_or("", |group| group.name.as_str());
        let validity = VALIDITIES.iter().find(|(n, _)| *n == content.valid_hours);
        let validity = validity.map_or("", |(_, text)| text);
        Snapshot::default()
            .text("name", "Name des Formulars", &content.name)
            .choice("gruppe", "Gruppe", content.group_id, group)
            .text("titel", "Überschrift", &content.title)
            .text("einleitung", "Einleitung", &content.intro)
            .text(
                "einwilligung",
                "Einwilligung in die Zusendung",
                &content.consent_wording,
            )
            .text(
                "tracking",
                "Einwilligung in personenbezogenes Tracking",
                &content.tracking_wording,
            )
            .text("absendername", "Absendername", &content.sender_name)
            .text("absender", "Absenderadresse", &content.sender_address)
            .choice(
                "gueltig",
                "Link zum Bestätigen gilt",
                content.valid_hours,
                validity,
            )
            .checkbox("aktiv", "Formular nimmt Anmeldungen an", content.active)
    }

    /// What can be stored, or everything that is wrong.
    pub fn check(&self, groups: &[Group]) -> Result<Content, FormErrors> {
        let content = &self.content;
        let mut errors = FormErrors::new();
        let mut text = |field, what: &str, value: &str, most: usize, needed: bool| {
            if needed && value.is_empty() {
                errors.add(field, format!("{what} fehlt."));
            } else if value.chars().count() > most {
                errors.add(field, format!("{what}: höchstens {most} Zeichen."));
            } else if value.chars().any(|c| c.is_control() && c != '\n') {
                errors.add(field, format!("{what} enthält ein Steuerzeichen."));
            }
        };
        text("name", "Der Name", &content.name, 100, true);
        text("titel", "Die Überschrift", &content.title, 150, true);
        text("einleitung", "Die Einleitung", &content.intro, 2_000, false);
        text(
            "einwilligung",
            "Der Wortlaut der Einwilligung",
            &content.consent_wording,
            2_000,
            true,
        );
        text(
            "tracking",
            "Der Wortlaut zum Tracking",
            &content.tracking_wording,
            2_000,
            true,
        );
        text(
            "absendername",
            "Der Absendername",
            &content.sender_name,
            200,
            false,
        );
        if !groups.iter().any(|group| group.id == content.group_id) {
            errors.add("gruppe", "Wählen Sie eine Gruppe.");
        }
        if EmailAddress::parse(&content.sender_address).is_err() {
            errors.add(
                "absender",
                "Geben Sie eine E-Mail-Adresse ein, zum Beispiel post@example.org.",
            );
        }
        if !VALIDITIES
            .iter()
            .any(|(hours, _)| *hours == content.valid_hours)
        {
            errors.add("gueltig", "Wählen Sie, wie lange der Link gilt.");
        }
        if errors.is_empty() {
            Ok(content.clone())
        } else {
            Err(errors)
        }
    }
}
