//! What a message without a delivery status says, as qmail, Exim, Domino and old mail servers
//! write it: only if a mail system wrote it.

use super::fields::Fields;
use super::report::Meaning;
use crate::domain::bounce::{BounceReason, judge};

/// How much of a text for people is looked at, in bytes.
const SEARCHED_TEXT: usize = 16 * 1024;

/// Names in front of the `@` that nobody but a mail system has.
const SYSTEMS: [&str; 10] = [
    "mailer-daemon",
    "mailerdaemon",
    "mailer_daemon",
    "mailer.daemon",
    "mail-daemon",
    "maildaemon",
    "mail.daemon",
    "mdaemon",
    "mailer",
    "mmdf",
];

/// How mail systems call themselves where their address is another one, or none.
const SYSTEM_NAMES: [&str; 6] = [
    "mailer-daemon",
    "mailer daemon",
    "mail delivery subsystem",
    "mail delivery system",
    "mail delivery service",
    "internet mail delivery",
];

/// A subject that speaks of a mail that was not delivered.
const FAILED: [&str; 34] = [
    "undeliver",
    "non deliver",
    "non-deliver",
    "nondeliver",
    "not delivered",
    "not be delivered",
    "n't be delivered",
    "delivery fail",
    "delivery has failed",
    "delivery status",
    "delivery notification",
    "delivery report",
    "delivery problem",
    "delivery error",
    "delivery unsuccessful",
    "mail delivery",
    "message delivery",
    "failed delivery",
    "failed mail",
    "failure notice",
    "mail failure",
    "mail error",
    "mail system error",
    "returned mail",
    "returned to sender",
    "returned message",
    "mail returned",
    "user unknown",
    "unknown user",
    "unzustellbar",
    "nicht zustellbar",
    "nicht zugestellt",
    "zustellung fehlgeschlagen",
    "fehler bei der zustellung",
];

/// A text that announces why a mail was not delivered.
const ANNOUNCED: [&str; 14] = [
    "you sent mail to",
    "has been returned",
    "not be delivered",
    "n't be delivered",
    "unable to deliver",
    "wasn't able to deliver",
    "not able to deliver",
    "server returned",
    "did not reach",
    "was not delivered",
    "delivery failed",
    "delivery has failed",
    "nicht zugestellt",
    "nicht zustellen",
];

/// A subject of somebody who is not there.
const ABSENT: [&str; 17] = [
    "abwesen",
    "automatische antwort",
    "auto-antwort",
    "autoantwort",
    "nicht im haus",
    "nicht im büro",
    "nicht da",
    "urlaub",
    "out of office",
    "out of the office",
    "automatic reply",
    "auto-reply",
    "autoreply",
    "auto reply",
    "vacation",
    "on leave",
    "away from",
];

/// How the subject of an answer or of a forwarded mail begins.
const ANSWERS: [&str; 7] = ["re:", "aw:", "antw:", "wg:", "fw:", "fwd:", "tr:"];

/// Words of a warning: the mail is still on its way.
const DELAYED_SUBJECT: [&str; 8] = [
    "delayed",
    "(delay)",
    "still undelivered",
    "not yet delivered",
    "could not send message for past",
    "verzöger",
    "verspät",
    "noch nicht zugestellt",
];

/// The same in a text.
const DELAYED: [&str; 21] = [
    "attempts will continue",
    "will be retried",
    "will keep trying",
    "will continue to try",
    "will continue trying",
    "continue to attempt",
    "will try again",
    "not yet been delivered",
    "not yet delivered",
    "has been delayed",
    "delivery is delayed",
    "this is a warning message only",
    "no action is required",
    "do not need to resend",
    "weiterhin versuch",
    "weiter versucht",
    "erneut versuch",
    "noch nicht zugestellt",
    "zustellung verzögert",
    "zustellung verzögert sich",
    "weitere zustellversuche",
];

/// What the message says.
pub(super) fn meaning(header: &Fields, subject: &str, text: &str) -> Meaning {
    let subject = subject.to_lowercase();
    let said = before_the_copy(text);
    let words = said.to_lowercase();
    let fails = holds(&subject, &FAILED);
    let is_answer = ANSWERS.iter().any(|prefix| subject.starts_with(prefix));
    let is_report = match author(header) {
        Author::System => true,
        _ if holds(&subject, &ABSENT) => false,
        Author::Nobody => fails || holds(&words, &ANNOUNCED) || begins_with_reply(&said),
        Author::Anybody => fails && !is_answer,
    };
    if !is_report {
        return Meaning::Other;
    }
    if holds(&subject, &DELAYED_SUBJECT) || holds(&words, &DELAYED) {
        return Meaning::Report;
    }
    let verdict = judge(&said, None);
    let says_something = verdict.reason != BounceReason::Unknown || verdict.code.is_some();
    let announces = fails || holds(&words, &ANNOUNCED) || header.has("x-failed-recipients");
    if says_something || announces {
        Meaning::bounce(verdict)
    } else {
        Meaning::Other
    }
}

fn holds(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Whether a line begins with the reply of a mail server that refuses.
fn begins_with_reply(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let (code, rest) = line.split_at_checked(3).unwrap_or_default();
        matches!(code.parse(), Ok(400..=599_u16)) && rest.starts_with([' ', '-'])
    })
}

/// Who wrote a message.
enum Author {
    /// A mail system, by its name.
    System,
    /// Nobody, or who looks after mails: a mail system, or a notice of absence without a sender.
    Nobody,
    /// A person or a program.
    Anybody,
}

fn author(header: &Fields) -> Author {
    if header.has("x-failed-recipients") {
        return Author::System;
    }
    let from = header.first("from").to_ascii_lowercase();
    let (name, address) = from.rsplit_once('<').unwrap_or(("", &from));
    let address = address.trim_end_matches('>').trim();
    let local_part = address.split('@').next().unwrap_or_default().trim();
    let is_system = SYSTEMS.contains(&local_part)
        || local_part.starts_with("mailer-daemon")
        || local_part.starts_with("microsoftexchange")
        || holds(name, &SYSTEM_NAMES)
        || (!address.contains('@') && holds(address, &SYSTEM_NAMES));
    let sent = header.first("auto-submitted").to_ascii_lowercase();
    let is_reply = sent.starts_with("auto-replied");
    if is_system || local_part == "postmaster" && !is_reply {
        Author::System
    } else if local_part.is_empty() || local_part == "postmaster" || name.contains("postmaster") {
        Author::Nobody
    } else {
        Author::Anybody
    }
}

/// The words in front of the copy of our mail, which has words and numbers of its own.
pub(super) fn before_the_copy(text: &str) -> String {
    let mut said = String::new();
    for line in text.split_inclusive('\n') {
        let line_says = line.trim().to_lowercase();
        if said.len() > SEARCHED_TEXT || begins_copy(&line_says) {
            break;
        }
        // Our own subject.
        if !["subject:", "betreff:"]
            .iter()
            .any(|name| line_says.starts_with(name))
        {
            said.push_str(line);
        }
    }
    said
}

fn begins_copy(line: &str) -> bool {
    const HEADERS: [&str; 6] = [
        "return-path:",
        "received:",
        "message-id:",
        "dkim-signature:",
        "original message headers",
        "ursprüngliche nachrichtenkopfzeilen",
    ];
    const ANNOUNCED: [&str; 8] = [
        "original",
        "copy of",
        "kopie",
        "unsent message",
        "returned message",
        "undelivered message",
        "message header",
        "message follows",
    ];
    // "--- Below this line is a copy of the message." But not "--- The reason: ---".
    HEADERS.iter().any(|name| line.starts_with(name))
        || line.starts_with("---") && (!line.ends_with("---") || holds(line, &ANNOUNCED))
}
