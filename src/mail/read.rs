//! Reads a message back, for the pages that show it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Address, MessageParser};

use super::MailError;

/// A message as a person sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadMail {
    /// The sender, as `Name <address>`.
    pub from: String,
    /// The recipients, as `Name <address>, …`.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// When it was sent, in epoch milliseconds.
    pub sent_at: Option<i64>,
    /// All headers as they stand in the message, unfolded: name and value.
    pub headers: Vec<(String, String)>,
    /// The HTML part, if there is one.
    pub html: Option<String>,
    /// The plain text part, if there is one.
    pub text: Option<String>,
}

/// Reads a message.
///
/// # Errors
/// [`MailError::Unreadable`] if these bytes are no message.
pub fn read(bytes: &[u8]) -> Result<ReadMail, MailError> {
    // The parser promises not to panic, and does on some parts within parts.
    let message = catch_unwind(AssertUnwindSafe(|| MessageParser::default().parse(bytes)))
        .ok()
        .flatten()
        .filter(|message| message.from().is_some())
        .ok_or(MailError::Unreadable)?;
    let headers = message
        .headers_raw()
        .map(|(name, value)| (name.to_owned(), unfold(value)))
        .collect();
    // The parser would make one part of the other where it is missing; what is shown is what is
    // there.
    let part = |html: bool| {
        let mut parts = message.parts.iter();
        let found = parts.find(|part| {
            if html {
                part.is_text_html()
            } else {
                part.is_text() && !part.is_text_html()
            }
        })?;
        found.text_contents().map(str::to_owned)
    };
    Ok(ReadMail {
        from: people(message.from()),
        to: people(message.to()),
        subject: message.subject().unwrap_or_default().to_owned(),
        sent_at: message.date().map(|date| date.to_timestamp() * 1000),
        headers,
        html: part(true),
        text: part(false),
    })
}

fn people(addresses: Option<&Address>) -> String {
    let people: Vec<_> = addresses
        .into_iter()
        .flat_map(Address::iter)
        .map(|person| {
            let address = person.address().unwrap_or_default();
            match person.name().filter(|name| !name.is_empty()) {
                Some(name) => format!("{name} <{address}>"),
                None => address.to_owned(),
            }
        })
        .collect();
    people.join(", ")
}

/// A header's value on one line (RFC 5322, 2.2.3).
fn unfold(value: &str) -> String {
    value
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}
