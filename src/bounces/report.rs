//! Reads what a message says: that a mail came back (RFC 3464), that somebody complained
//! (RFC 5965), or something else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{ContentType, Message, MessageParser, MimeHeaders, PartType};

use super::fields::Fields;
use super::origin::{self, Keys, Origin, Places};
use super::{delivery_status, plain_words};
use crate::domain::bounce::{BounceKind, BounceReason, StatusCode, Verdict};

/// How much of a message is read, in bytes. What matters stands in front.
pub const READ_OF_A_MESSAGE: usize = 512 * 1024;

/// With more parts than this a message is not taken apart: reading goes as deep as parts are
/// nested in each other.
const MOST_PARTS: usize = 1_000;

/// A report may be forwarded in a message, and that once more.
const DEEPEST: usize = 3;

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A mail came back, or somebody complained about it.
    CameBack {
        /// What it was.
        kind: BounceKind,
        /// What was refused; none of a complaint.
        reason: Option<BounceReason>,
        /// The code, as far as there is one.
        code: Option<StatusCode>,
    },
    /// A report of a mail system about something else: a delay, a success, a virus.
    Report,
    /// No report: an answer, a notice of absence, anything.
    Other,
}

impl Meaning {
    /// A mail came back with that.
    pub const fn bounce(verdict: Verdict) -> Self {
        Self::CameBack {
            kind: verdict.kind(),
            reason: Some(verdict.reason),
            code: verdict.code,
        }
    }
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
            .map_or(Returned::UNREADABLE, |parsed| understand(&parsed, keys, 0))
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

fn understand(message: &Message<'_>, keys: &Keys, depth: usize) -> Returned {
    let header = Fields::of(message);
    let parts = Parts::of(message);
    let text = message.body_text(0).unwrap_or_default();
    let subject = message.subject().unwrap_or_default();
    let meaning = delivery_status::meaning(&parts.statuses, &text)
        .or_else(|| parts.feedback.first().map(feedback))
        .unwrap_or_else(|| plain_words::meaning(&header, subject, &text));
    let report: Vec<Fields> = parts.statuses.into_iter().chain(parts.feedback).collect();
    let returned: Vec<Fields> = parts.headers;
    let places = Places {
        header: &header,
        report: &report,
        returned: &returned,
        texts: &parts.texts,
    };
    let mut found = Returned {
        meaning,
        origin: origin::find(&places, keys),
    };
    // Somebody forwarded the whole report.
    if found.meaning == Meaning::Other && depth < DEEPEST {
        let inner = parts
            .messages
            .iter()
            .map(|inner| understand(inner, keys, depth + 1));
        if let Some(inner) = inner
            .into_iter()
            .find(|inner| inner.meaning != Meaning::Other)
        {
            found.meaning = inner.meaning;
            found.origin = found.origin.or(inner.origin);
        }
    }
    found
}

/// What a message holds, by what it is: systems declare parts of a report as anything.
#[derive(Default)]
struct Parts<'a> {
    /// The groups of fields of delivery statuses (RFC 3464).
    statuses: Vec<Fields>,
    /// The fields of a feedback report (RFC 5965).
    feedback: Vec<Fields>,
    /// Headers of mails that were returned.
    headers: Vec<Fields>,
    /// Mails that were returned or forwarded.
    messages: Vec<&'a Message<'a>>,
    /// All that can be read.
    texts: Vec<String>,
}

impl<'a> Parts<'a> {
    fn of(message: &'a Message<'a>) -> Self {
        let mut parts = Self::default();
        for part in &message.parts {
            match &part.body {
                PartType::Message(inner) => {
                    parts.headers.push(Fields::of(inner));
                    parts.messages.push(inner);
                }
                PartType::Multipart(_) => {}
                _ => parts.add(part.content_type(), part.contents()),
            }
        }
        parts
    }

    fn add(&mut self, kind: Option<&ContentType<'_>>, contents: &[u8]) {
        let kind = kind.map(|kind| {
            let subtype = kind.subtype().unwrap_or_default();
            format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase()
        });
        let text = String::from_utf8_lossy(contents);
        match kind.as_deref().unwrap_or_default() {
            "message/delivery-status" | "message/global-delivery-status" => {
                self.statuses.extend(Fields::groups(contents));
            }
            "message/feedback-report" => self.feedback.extend(Fields::groups(contents)),
            "text/rfc822-headers" | "message/global-headers" => {
                self.headers.push(Fields::parse(contents));
            }
            _ => {
                if let Some(at) = delivery_status::begins_in(&text) {
                    self.statuses.extend(Fields::groups(text[at..].as_bytes()));
                } else if line_with(&text, "feedback-type:") == Some(0) {
                    self.feedback.extend(Fields::groups(contents));
                }
            }
        }
        self.texts.push(text.into_owned());
    }
}

/// Where the first line begins that begins so, in whatever case.
pub(super) fn line_with(text: &str, beginning: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begins = line.get(..beginning.len());
        if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(beginning)) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// What a feedback report says (RFC 5965, 3.1 and 7.3).
fn feedback(report: &Fields) -> Meaning {
    match report.first("feedback-type").to_ascii_lowercase().as_str() {
        "abuse" | "fraud" | "opt-out" | "opt-out-list" => Meaning::CameBack {
            kind: BounceKind::Complaint,
            reason: None,
            code: None,
        },
        _ => Meaning::Report,
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
