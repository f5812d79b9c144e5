//! A plain letter to one person: text alone, no HTML, no picture, nothing that is measured.

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Envelope;
use lettre::message::Message;
use lettre::message::header::ContentType;

use super::MailError;
use super::compose::{Composed, headed, mailbox, message_id, part, unfolded};

/// A letter on its way.
#[derive(Debug, Clone, Copy)]
pub struct PlainLetter<'a> {
    /// The sender's name, empty if there is none.
    pub from_name: &'a str,
    /// The sender's address.
    pub from_address: &'a str,
    /// The recipient's address; its domain may have umlauts.
    pub to_address: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The text.
    pub text: &'a str,
    /// When it is sent, in epoch milliseconds.
    pub sent_at: i64,
}

/// Composes the message, ready for SMTP or a file, and its envelope.
///
/// # Errors
/// [`MailError::Address`] if an address can't be used.
pub fn compose_plain(letter: &PlainLetter<'_>) -> Result<Composed, MailError> {
    let from = mailbox(letter.from_name, letter.from_address)?;
    let to = mailbox("", letter.to_address)?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()])?;
    let sent_at = Duration::from_millis(letter.sent_at.try_into().unwrap_or(0));
    let message = Message::builder()
        .header(message_id(from.email.domain())?)
        .date(UNIX_EPOCH + sent_at)
        // Nobody's out-of-office note answers it (RFC 3834, section 5).
        .raw_header(unfolded("Auto-Submitted", "auto-generated".to_owned()));
    let message = headed(message, from, to, letter.subject)
        .singlepart(part(ContentType::TEXT_PLAIN, letter.text))?;
    Ok(Composed {
        envelope,
        message: message.formatted(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::read::read;

    #[test]
    fn it_is_text_alone() {
        let letter = PlainLetter {
            from_name: "Gärtnerei",
            from_address: "post@bücher.example",
            to_address: "anna@example.org",
            subject: "Bitte bestätigen",
            text: "Grüße\nhttps://example.org/x\n",
            sent_at: 0,
        };
        let composed = compose_plain(&letter).unwrap();
        let mail = read(&composed.message).unwrap();
        assert_eq!(mail.subject, "Bitte bestätigen");
        assert_eq!(mail.html, None);
        assert!(mail.text.unwrap().contains("https://example.org/x"));
        let names: Vec<_> = mail.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"Auto-Submitted"));
        assert!(!names.iter().any(|name| name.starts_with("List-")));
    }
}
