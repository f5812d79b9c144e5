//! What a delivery status says (RFC 3464).

use super::fields::Fields;
use super::plain_words;
use super::report::{Meaning, line_with};
use crate::domain::bounce::{BounceKind, BounceReason, StatusCode, Verdict, judge};

/// Where the fields of a delivery status begin in a text that was declared as something else.
pub(super) fn begins_in(text: &str) -> Option<usize> {
    let about_recipient = ["final-recipient:", "original-recipient:"]
        .iter()
        .filter_map(|name| line_with(text, name))
        .min()?;
    let says = ["action:", "status:"];
    says.iter().find_map(|name| line_with(text, name))?;
    let about_mail = line_with(text, "reporting-mta:");
    Some(about_mail.map_or(about_recipient, |at| at.min(about_recipient)))
}

/// What the groups of a status say together; none where they are none. Our mails have one
/// recipient each; where an alias made several of it, the mail came back only if nobody got it,
/// and the mildest failure counts. `text` is what the message says to people.
pub(super) fn meaning(groups: &[Fields], text: &str) -> Option<Meaning> {
    let mut failures = Vec::new();
    let is_recipient = |group: &&Fields| group.has("action") || group.has("status");
    let mut recipients = groups.iter().filter(is_recipient).peekable();
    recipients.peek()?;
    for group in recipients {
        let action = group.first("action").to_ascii_lowercase();
        match action.split_whitespace().next().unwrap_or_default() {
            "delivered" | "relayed" | "expanded" => return Some(Meaning::Report),
            "delayed" | "delay" | "warning" | "transient" => {}
            // Lost on the way; what is for now may as well be a delay.
            "" => failures
                .extend(verdict(group, "").filter(|verdict| verdict.kind() == BounceKind::Hard)),
            "expired" => failures.extend(verdict(group, text).map(expired)),
            // "failed", or a word that means no other thing.
            _ => failures.extend(verdict(group, text)),
        }
    }
    let soft = failures
        .iter()
        .find(|verdict| verdict.kind() == BounceKind::Soft);
    Some(
        soft.or(failures.first())
            .map_or(Meaning::Report, |verdict| Meaning::bounce(*verdict)),
    )
}

/// The verdict on a recipient's group; none where it says that nothing failed.
fn verdict(group: &Fields, text: &str) -> Option<Verdict> {
    let field = group.first("status");
    let status = StatusCode::at_start(field).or_else(|| StatusCode::find_in(field));
    let said = group.all("diagnostic-code").collect::<Vec<_>>().join(" ");
    if status.is_some_and(|code| code.kind().is_none()) && StatusCode::find_in(&said).is_none() {
        return None;
    }
    let verdict = judge(without_type(&said), status);
    // Some say it in the comment of the status, or to people only.
    let text = without_codes(&plain_words::before_the_copy(text));
    let elsewhere = || {
        [field, &text]
            .into_iter()
            .map(|said| judge(said, status))
            .find(|verdict| verdict.reason != BounceReason::Unknown)
    };
    Some(if verdict.reason == BounceReason::Unknown {
        elsewhere().unwrap_or(verdict)
    } else {
        verdict
    })
}

/// What was given up as too old says nothing for good.
fn expired(verdict: Verdict) -> Verdict {
    match verdict.kind() {
        BounceKind::Hard => judge("message expired", StatusCode::at_start("4.4.7")),
        _ if verdict.reason == BounceReason::Unknown => judge("message expired", verdict.code),
        _ => verdict,
    }
}

/// Numbers in a text for people may be anything, so there the words count alone.
fn without_codes(text: &str) -> String {
    let words = text.split_whitespace();
    let others: Vec<&str> = words
        .filter(|word| StatusCode::find_in(word).is_none())
        .collect();
    others.join(" ")
}

/// Without the type in front (RFC 3464, 2.3.6): `smtp; 550 …`.
fn without_type(said: &str) -> &str {
    match said.split_once(';') {
        Some((kind, rest)) if !kind.trim().contains(char::is_whitespace) => rest,
        _ => said,
    }
}
