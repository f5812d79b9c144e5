//! Makes an RFC 5322 message of a rendered mail.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MessageId,
};
use lettre::message::{Mailbox, Message, MessageBuilder, MultiPart, SinglePart};
use url::Url;

use super::{MailError, RenderedMail};

/// A mail on its way to one recipient.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The sender's name, empty if there is none.
    pub from_name: &'a str,
    /// The sender's address.
    pub from_address: &'a str,
    /// The recipient's name, empty if unknown.
    pub to_name: &'a str,
    /// The recipient's address; its domain may have umlauts.
    pub to_address: &'a str,
    /// Subject and bodies.
    pub mail: &'a RenderedMail,
    /// The address to unsubscribe at: GET shows a page, POST does it (RFC 8058). Empty for a mail
    /// that is sent to one person once, such as a confirmation.
    pub unsubscribe: &'a str,
    /// Of which mailing it is; none for a mail of no mailing.
    pub stream: Option<Stream>,
    /// Where bounces go, as a rule with a mark of this mail ([`super::verp`]); empty: to the
    /// sender.
    pub return_path: &'a str,
    /// When it is sent, in epoch milliseconds.
    pub sent_at: i64,
}

/// What mails of one mailing have in common, for filters and for providers' reports. The same for
/// everybody who gets it: nothing in it tells about a person, nor in which of its groups one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Whose mailings they are.
    pub account_id: i64,
    /// Which mailing.
    pub mailing_id: i64,
}

/// A mail as it is handed to a mail server.
#[derive(Clone)]
pub struct Composed {
    /// From which address to which (RFC 5321, 3.3), both with their domains in ASCII.
    pub envelope: Envelope,
    /// The message, with CRLF line ends.
    pub message: Vec<u8>,
}

/// Composes the message, ready for SMTP or a file, and its envelope.
///
/// Its Message-ID is random: nothing in it leads to the recipient, the mailing or this server.
///
/// # Errors
/// [`MailError::Address`] if an address can't be used.
pub fn compose(outgoing: &Outgoing) -> Result<Composed, MailError> {
    let from = mailbox(outgoing.from_name, outgoing.from_address)?;
    let to = mailbox(outgoing.to_name, outgoing.to_address)?;
    let return_path = match outgoing.return_path {
        "" => from.email.clone(),
        address => mailbox("", address)?.email,
    };
    let envelope = Envelope::new(Some(return_path), vec![to.email.clone()])?;
    let sent_at = Duration::from_millis(outgoing.sent_at.try_into().unwrap_or(0));
    let domain = from.email.domain().to_owned();
    let mut message = Message::builder()
        .header(message_id(&domain)?)
        .date(UNIX_EPOCH + sent_at);
    message = headed(message, from, to, &outgoing.mail.subject);
    if let Ok(url) = Url::parse(outgoing.unsubscribe) {
        // RFC 2369, 3.2 and RFC 8058, 3.1. A parsed address is ASCII without blanks.
        let list = ["<", url.as_str(), ">"].concat();
        message = message
            .raw_header(unfolded("List-Unsubscribe", list))
            .raw_header(unfolded(
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click".to_owned(),
            ));
    }
    if let Some(stream) = outgoing.stream {
        message = message
            .raw_header(unfolded("List-Id", list_id(stream, &domain)))
            .raw_header(unfolded("Feedback-ID", feedback_id(stream)));
    }
    // Quoted-printable even where the text is plain ASCII: lines stay short, nothing is changed
    // on the way, and the files can be read.
    let message = message.multipart(
        MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, &outgoing.mail.text))
            .singlepart(part(ContentType::TEXT_HTML, &outgoing.mail.html)),
    )?;
    Ok(Composed {
        envelope,
        message: message.formatted(),
    })
}

/// The account's mailings as one list (RFC 2919). One for each group would tell who is in which.
fn list_id(stream: Stream, domain: &str) -> String {
    format!("<mailings-{}.{domain}>", stream.account_id)
}

/// By what Google's Postmaster Tools count complaints: mailing, account, kind of mail, sender.
/// The sender has 5 to 15 letters and is the same in all mails.
fn feedback_id(stream: Stream) -> String {
    let Stream {
        account_id,
        mailing_id,
    } = stream;
    format!("m{mailing_id}:a{account_id}:mailing:widerspruch")
}

/// Sender, recipient and subject, as they are and not as mail programs might read them: what looks
/// like an encoded word (RFC 2047, section 2) is encoded itself.
pub(super) fn headed(
    message: MessageBuilder,
    from: Mailbox,
    to: Mailbox,
    subject: &str,
) -> MessageBuilder {
    let looks_encoded = |text: &str| text.contains("=?");
    let names = [("From", from.clone()), ("To", to.clone())];
    let mut message = message.from(from).to(to).subject(subject);
    for (header, mailbox) in names {
        if let Some(name) = mailbox.name.as_deref().filter(|name| looks_encoded(name)) {
            let encoded = format!("{}\r\n <{}>", encoded_words(name), mailbox.email);
            message = message.raw_header(encoded_header(header, mailbox.to_string(), encoded));
        }
    }
    if looks_encoded(subject) {
        let encoded = encoded_words(subject);
        message = message.raw_header(encoded_header("Subject", subject.to_owned(), encoded));
    }
    message
}

fn encoded_header(name: &'static str, text: String, encoded: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), text, encoded)
}

/// A text as encoded words, each on a line of its own and no longer than 75 characters.
fn encoded_words(text: &str) -> String {
    let (mut words, mut word) = (Vec::new(), String::new());
    for letter in text.chars() {
        if word.len() + letter.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let words: Vec<String> = words
        .into_iter()
        .map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word)))
        .collect();
    words.join("\r\n ")
}

/// A name and an address, the domain in ASCII (RFC 5891) as SMTP wants it.
pub(super) fn mailbox(name: &str, address: &str) -> Result<Mailbox, MailError> {
    let (user, domain) = address
        .rsplit_once('@')
        .ok_or(lettre::address::AddressError::MissingParts)?;
    let domain =
        idna::domain_to_ascii(domain).map_err(|_| lettre::address::AddressError::InvalidDomain)?;
    let name = name.split(char::is_control).collect::<Vec<_>>().join(" ");
    let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, Address::new(user, domain)?))
}

/// 128 random bits at the sender's domain (RFC 5322, 3.6.4).
pub(super) fn message_id(domain: &str) -> Result<MessageId, MailError> {
    let bits = u128::from_be_bytes(super::random()?);
    Ok(MessageId::from(format!("<{bits:032x}@{domain}>")))
}

/// A header that stays on one line: an address must not be broken.
pub(super) fn unfolded(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(
        HeaderName::new_from_ascii_str(name),
        value.clone(),
        value,
    )
}

pub(super) fn part(kind: ContentType, body: &str) -> SinglePart {
    SinglePart::builder()
        .header(kind)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(body.to_owned())
}

#[cfg(test)]
mod tests;
