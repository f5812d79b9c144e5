//! Reads what a message says: that a mail came back (RFC 3464), that somebody complained
//! (RFC 5965), or something else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::fields::Fields;
use super::origin::{self, Keys, Origin, Places};
use crate::domain::bounce::{BounceKind, StatusCode};

/// How much of a message is read, in bytes. What matters stands in front.
pub const READ_OF_A_MESSAGE: usize = 512 * 1024;

/// With more parts than this a message is not taken apart: reading goes as deep as parts are
/// nested in each other.
const MOST_PARTS: usize = 1_000;

/// How much of a text for people is searched for a code, in bytes.
const SEARCHED_TEXT: usize = 16 * 1024;

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A mail came back, or somebody complained about it.
    CameBack {
        /// What it was.
        kind: BounceKind,
        /// The code, as far as there is one.
        code: Option<StatusCode>,
    },
    /// A report of a mail system about something else: a delay, a success, a virus.
    Report,
    /// No report: an answer, a notice of absence, anything.
    Other,
}

/// What a message says, and about which mail of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// What it says.
    pub meaning: Meaning,
    /// The mail, where a valid mark names one.
    pub origin: Option<Origin>,
}

impl Returned {
    const UNREADABLE: Self = Self {
        meaning: Meaning::Other,
        origin: None,
    };

    /// Whether a mail system says something about a mail of ours: nobody else needs the message.
    pub fn is_ours(&self) -> bool {
        self.origin.is_some() && self.meaning != Meaning::Other
    }
}

/// Reads a message. Whatever is sent, the answer is what could be made of it.
pub fn read(message: &[u8], keys: &Keys) -> Returned {
    let message = &message[..message.len().min(READ_OF_A_MESSAGE)];
    if parts(message) > MOST_PARTS {
        return Returned::UNREADABLE;
    }
    // The parser promises not to panic; what everybody may send us is no place to rely on that.
    catch_unwind(AssertUnwindSafe(|| {
        MessageParser::default()
            .parse(message)
            .map_or(Returned::UNREADABLE, |parsed| understand(&parsed, keys))
    }))
    .unwrap_or(Returned::UNREADABLE)
}

/// At least as many as the parts nested in each other.
fn parts(message: &[u8]) -> usize {
    const NAME: &[u8] = b"content-type";
    message
        .windows(NAME.len())
        .filter(|at| at.eq_ignore_ascii_case(NAME))
        .count()
}

fn understand(message: &Message<'_>, keys: &Keys) -> Returned {
    let header = Fields::of(message);
    let mut report = Vec::new();
    let mut returned = Vec::new();
    let mut meaning = None;
    for part in message.parts.iter().skip(1) {
        let kind = part.content_type().map(|kind| {
            let subtype = kind.subtype().unwrap_or_default();
            format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase()
        });
        match (kind.as_deref().unwrap_or_default(), &part.body) {
            ("message/delivery-status" | "message/global-delivery-status", _) => {
                let groups = Fields::groups(part.contents());
                meaning = meaning.or(Some(delivery_status(&groups)));
                report.extend(groups);
            }
            ("message/feedback-report", _) => {
                let groups = Fields::groups(part.contents());
                meaning = meaning.or_else(|| groups.first().map(feedback));
                report.extend(groups);
            }
            ("text/rfc822-headers" | "message/global-headers", _) => {
                returned.push(Fields::parse(part.contents()));
            }
            (_, PartType::Message(inner)) => returned.push(Fields::of(inner)),
            _ => {}
        }
    }
    let text = message.body_text(0).unwrap_or_default();
    let places = Places {
        header: &header,
        report: &report,
        returned: &returned,
        text: &text,
    };
    Returned {
        meaning: meaning.unwrap_or_else(|| in_words(&header, &text)),
        origin: origin::find(&places, keys),
    }
}

/// What a delivery status says. Our mails have one recipient each; where an alias made several of
/// it, the mail came back only if nobody got it, and the mildest failure counts.
fn delivery_status(groups: &[Fields]) -> Meaning {
    let mut failures = Vec::new();
    for group in groups {
        let code = code_of(group);
        match group.first("action").to_ascii_lowercase().as_str() {
            "delivered" | "relayed" | "expanded" => return Meaning::Report,
            action if action.starts_with("failed") => match code {
                None => failures.push((BounceKind::Soft, None)),
                Some(code) => failures.extend(code.kind().map(|kind| (kind, Some(code)))),
            },
            // Lost on the way; a temporary code may as well be a delay.
            "" => failures.extend(code.and_then(|code| match code.kind() {
                Some(BounceKind::Hard) => Some((BounceKind::Hard, Some(code))),
                _ => None,
            })),
            _ => {}
        }
    }
    let soft = failures.iter().find(|(kind, _)| *kind == BounceKind::Soft);
    match soft.or(failures.first()) {
        Some((kind, code)) => Meaning::CameBack {
            kind: *kind,
            code: *code,
        },
        None => Meaning::Report,
    }
}

/// The code of a recipient's group. Some systems give a code that says nothing beside words that
/// say more.
fn code_of(group: &Fields) -> Option<StatusCode> {
    let status = StatusCode::at_start(group.first("status"));
    if status.is_some_and(|code| !code.is_unspecific()) {
        return status;
    }
    let words = group.first("diagnostic-code");
    StatusCode::find_in(words)
        .filter(|code| !code.is_unspecific())
        .or_else(|| reply(words))
        .or(status)
}

/// What the reply of a mail server without a finer code means (RFC 5321, 4.2.3).
fn reply(words: &str) -> Option<StatusCode> {
    let words = words.rsplit(';').next().unwrap_or_default().trim_start();
    let digits = words.get(..3)?;
    match (digits, digits.parse::<u16>().ok()?) {
        // Out of space for this mailbox.
        ("552", _) => Some(StatusCode::new(5, 2, 2)),
        ("452", _) => Some(StatusCode::new(4, 2, 2)),
        (_, 400..=499) => Some(StatusCode::new(4, 0, 0)),
        (_, 500..=599) => Some(StatusCode::new(5, 0, 0)),
        _ => None,
    }
}

/// What a feedback report says (RFC 5965, 3.1 and 7.3).
fn feedback(report: &Fields) -> Meaning {
    match report.first("feedback-type").to_ascii_lowercase().as_str() {
        "abuse" | "fraud" | "opt-out" | "opt-out-list" => Meaning::CameBack {
            kind: BounceKind::Complaint,
            code: None,
        },
        _ => Meaning::Report,
    }
}

/// What a message without a report says, as qmail and old mail servers write it: only if a mail
/// system wrote it, and only with a code.
fn in_words(header: &Fields, text: &str) -> Meaning {
    if !is_from_a_mail_system(header) {
        return Meaning::Other;
    }
    let found = StatusCode::find_in(before_the_copy(text));
    match found.and_then(|code| code.kind().map(|kind| (kind, code))) {
        Some((kind, code)) => Meaning::CameBack {
            kind,
            code: Some(code),
        },
        None => Meaning::Other,
    }
}

/// Notices of absence come from people's addresses, even when the envelope has no sender.
fn is_from_a_mail_system(header: &Fields) -> bool {
    if header.has("x-failed-recipients") {
        return true;
    }
    let from = header.first("from").to_ascii_lowercase();
    let address = from.rsplit('<').next().unwrap_or_default().trim();
    let local_part = address.split('@').next().unwrap_or_default();
    match local_part {
        "mailer-daemon" | "mailerdaemon" | "mail-daemon" | "mdaemon" => true,
        "postmaster" => !header.first("auto-submitted").starts_with("auto-replied"),
        _ => false,
    }
}

/// The words in front of the copy of our mail, which has numbers of its own.
fn before_the_copy(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let line_says = line.trim().to_ascii_lowercase();
        let begins = ["return-path:", "received:", "message-id:"]
            .iter()
            .any(|word| line_says.starts_with(word));
        // "--- Below this line is a copy of the message." But not "--- The reason: ---".
        let announces = line_says.starts_with("---")
            && (!line_says.ends_with("---") || line_says.contains("original"));
        if end > SEARCHED_TEXT || begins || announces {
            break;
        }
        end += line.len();
    }
    &text[..end]
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
