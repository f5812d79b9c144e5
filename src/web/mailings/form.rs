//! What can be typed about a mailing.

use crate::db::models::groups::Group;
use crate::db::models::mailings::{Content, Mailing, MailingGroup};
use crate::domain::address::EmailAddress;
use crate::mail::{TemplateProblem, mjml};
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::versions::Snapshot;

/// The largest HTML or text part, in bytes: Gmail cuts off what is beyond 102 kB, so this is
/// room enough.
const LARGEST_PART: usize = 1024 * 1024;

/// The form of a draft, as typed.
#[derive(Debug, Clone, Default)]
pub struct MailingForm {
    /// The subject.
    pub subject: String,
    /// The sender's name.
    pub sender_name: String,
    /// The sender's address.
    pub sender_address: String,
    /// What the author writes, HTML or MJML.
    pub source: String,
    /// The HTML that was made of it, once it was checked; none of a source that is HTML itself.
    pub(super) made: Option<String>,
    /// The text part.
    pub text: String,
    /// The chosen groups.
    pub groups: Vec<i64>,
}

impl MailingForm {
    /// From the fields that a browser sends; of `groups` there can be several.
    pub fn from_fields(fields: &Fields) -> Self {
        Self {
            subject: fields.text("subject").trim().to_owned(),
            sender_name: fields.text("sender_name").trim().to_owned(),
            sender_address: fields.text("sender_address").trim().to_owned(),
            source: fields.text("html").to_owned(),
            made: None,
            text: fields.text("text").to_owned(),
            groups: fields.numbers("groups"),
        }
    }

    /// The form's fields, for comparing them with what somebody else saved.
    pub fn snapshot(&self, groups: &[Group]) -> Snapshot {
        let chosen = groups
            .iter()
            .filter(|group| self.groups.contains(&group.id));
        let chosen = chosen.map(|group| (group.id.to_string(), group.name.clone()));
        Snapshot::default()
            .text("subject", "Betreff", &self.subject)
            .text("sender_name", "Absendername", &self.sender_name)
            .text("sender_address", "Absenderadresse", &self.sender_address)
            .text("html", "Inhalt", &self.source)
            .text("text", "Text", &self.text)
            .several("groups", "Gruppen", chosen.collect())
    }

    /// From what is stored.
    pub fn of(mailing: Mailing, groups: Vec<MailingGroup>) -> Self {
        Self {
            source: mailing.source().to_owned(),
            subject: mailing.subject,
            sender_name: mailing.sender_name,
            sender_address: mailing.sender_address,
            made: None,
            text: mailing.text,
            groups: groups
                .into_iter()
                .filter_map(|group| group.group_id)
                .collect(),
        }
    }

    /// What keeps it from being saved. A draft may be unfinished, so this is little. MJML is made
    /// into HTML here.
    pub fn check(&mut self) -> FormErrors {
        let mut errors = FormErrors::new();
        if self.subject.is_empty() {
            errors.add("subject", "Geben Sie einen Betreff ein.");
        } else if self.subject.chars().count() > 300 {
            errors.add("subject", "Der Betreff darf höchstens 300 Zeichen haben.");
        }
        if self.sender_name.chars().count() > 200 {
            errors.add(
                "sender_name",
                "Der Absendername darf höchstens 200 Zeichen haben.",
            );
        }
        if EmailAddress::parse(&self.sender_address).is_err() {
            errors.add(
                "sender_address",
                "Geben Sie eine E-Mail-Adresse ein, zum Beispiel post@example.org.",
            );
        }
        if self.source.trim().is_empty() {
            errors.add("html", "Geben Sie den Inhalt ein.");
        }
        for (field, part) in [("html", &self.source), ("text", &self.text)] {
            if part.len() > LARGEST_PART {
                errors.add(field, "Das ist zu lang: höchstens 1 MB.");
            }
        }
        if errors.is_empty() && mjml::is_mjml(&self.source) {
            match mjml::to_html(&self.source) {
                Ok(html) if html.len() > LARGEST_PART => {
                    errors.add(
                        "html",
                        "Das HTML, das daraus wird, ist zu lang: höchstens 1 MB.",
                    );
                }
                Ok(html) => self.made = Some(html),
                Err(TemplateProblem { line, message }) => {
                    errors.add("html", format!("MJML, Zeile {line}: {message}"));
                }
            }
        }
        errors
    }

    /// As the database takes it.
    pub fn content(&self) -> Content<'_> {
        Content {
            subject: &self.subject,
            sender_name: &self.sender_name,
            sender_address: &self.sender_address,
            html: self.made.as_deref().unwrap_or(&self.source),
            mjml: if self.made.is_some() {
                &self.source
            } else {
                ""
            },
            text: &self.text,
            groups: &self.groups,
        }
    }
}
