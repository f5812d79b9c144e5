//! Judges the words and codes of a refusal by the table of [`rules`].

use super::{BounceKind, BounceReason, StatusCode, codes, rules, words};

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What was refused.
    pub reason: BounceReason,
    /// The code that says so: one that was given, as far as it agrees with the words, else the one
    /// that has this meaning. None where nothing at all could be recognised.
    pub code: Option<StatusCode>,
}

impl Verdict {
    /// How it counts.
    pub const fn kind(self) -> BounceKind {
        self.reason.kind()
    }
}

/// Judges what a mail server said, and the code that a report gives beside it.
///
/// The words come first, then the codes among them, then the code around them: what relays a
/// refusal often puts a general code around it, or a wrong one. Whether it is for good is told by
/// the reply's own codes (RFC 5321, 4.2.1) before those around it.
pub fn judge(said: &str, status: Option<StatusCode>) -> Verdict {
    let inner: Vec<StatusCode> = StatusCode::all_in(said).collect();
    let replies: Vec<u16> = words::reply_codes(said).collect();
    let for_now = is_for_now(&replies, &inner, status);
    let given: Vec<StatusCode> = inner.iter().copied().chain(status).collect();
    let said = words::of(said);
    let by_words = |rules| by_words(&said, rules, &given);
    let reason = by_words(rules::WORDS)
        .or_else(|| mildest(inner.iter().filter_map(|code| code.meaning())))
        .or_else(|| by_words(rules::WEAK_WORDS))
        .or_else(|| status.and_then(StatusCode::meaning))
        .or_else(|| mildest(replies.iter().filter_map(|reply| codes::of_reply(*reply))));
    let reason = match reason {
        Some(reason) if for_now => reason.for_now(),
        Some(reason) => reason,
        None => BounceReason::Unknown,
    };
    Verdict {
        reason,
        code: code_for(reason, &given, for_now, !replies.is_empty()),
    }
}

fn is_for_now(replies: &[u16], inner: &[StatusCode], status: Option<StatusCode>) -> bool {
    if !replies.is_empty() {
        return replies.iter().all(|reply| *reply < 500);
    }
    if !inner.is_empty() {
        return inner.iter().all(|code| code.is_transient());
    }
    status.is_some_and(StatusCode::is_transient)
}

fn by_words(words: &[String], rules: &[rules::Rule], given: &[StatusCode]) -> Option<BounceReason> {
    let fits = |rule: &&rules::Rule| {
        let code_fits = rule
            .only_with
            .is_none_or(|of| given.iter().any(|code| code.is(of.0, of.1)));
        code_fits && rule.patterns().any(|pattern| words::hold(words, pattern))
    };
    rules.iter().find(fits).map(|rule| rule.reason)
}

/// Where several are named, the one that is least the recipient's matter.
fn mildest(reasons: impl Iterator<Item = BounceReason>) -> Option<BounceReason> {
    reasons.min_by_key(|reason| {
        (
            reason.kind() == BounceKind::Hard,
            reason.is_about_the_mailbox(),
        )
    })
}

fn code_for(
    reason: BounceReason,
    given: &[StatusCode],
    for_now: bool,
    has_reply: bool,
) -> Option<StatusCode> {
    let means = |code: &StatusCode| code.meaning();
    let same = given.iter().find(|code| {
        means(code).is_some_and(|meant| {
            meant == reason || code.is_transient() && meant.for_now() == reason
        })
    });
    let akin = || {
        let of_kind = |code: &&StatusCode| {
            means(code).is_some_and(|meant| {
                meant.kind() == reason.kind()
                    && meant.is_about_the_mailbox() == reason.is_about_the_mailbox()
            })
        };
        given.iter().find(of_kind)
    };
    if let Some(code) = same.or_else(akin) {
        return Some(*code);
    }
    if reason == BounceReason::Unknown {
        let class = if for_now { 4 } else { 5 };
        return given
            .first()
            .copied()
            .or_else(|| has_reply.then(|| StatusCode::new(class, 0, 0)));
    }
    Some(codes::code_of(reason, for_now))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
