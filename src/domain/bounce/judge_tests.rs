use super::*;
use BounceReason::{
    Authentication, Content, Disabled, Full, Loop, Moved, NoDomain, NoMailbox, Policy, Rate,
    Reputation, Sender, Size, Unavailable, Unknown, Unreachable,
};

fn judged(said: &str, status: &str) -> Verdict {
    judge(said, StatusCode::at_start(status))
}

#[track_caller]
fn assert_reason(said: &str, reason: BounceReason) {
    for status in ["", "5.0.0", "5.1.1"] {
        assert_eq!(
            judged(said, status).reason,
            reason,
            "{said} within {status:?}"
        );
    }
}

#[test]
fn what_is_said_of_the_address_is_permanent() {
    for said in [
        "550 5.1.1 <a@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        "550-5.1.1 The email account that you tried to reach does not\n550-5.1.1 exist. Please try double-checking the address for typos. 550 5.1.1 https://support.example/?p=NoSuchUser gsmtp",
        "550 No such user here",
        "550 5.4.1 Recipient address rejected: Access denied. [mx.example 2026]",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found",
        "554 delivery error: dd This user doesn't have a provider.example account",
        "550 Requested action not taken: mailbox unavailable",
        "550 Unknown address: Adresse existiert nicht",
        "User spam (spam@blocked.example) not listed in Domino Directory",
    ] {
        assert_reason(said, NoMailbox);
    }
    assert_reason("551 User has moved to other.example", Moved);
    assert_reason(
        "550 5.2.1 The email account that you tried to reach is disabled",
        Disabled,
    );
    assert_reason(
        "550 5.1.2 Host or domain name not found. Name service error for name=x.example type=MX: Host not found",
        NoDomain,
    );
    assert_reason(
        "556 5.1.10 Domain x.example does not accept mail (nullMX)",
        NoDomain,
    );
}

#[test]
fn nothing_else_is_permanent_whatever_is_put_around_it() {
    for (said, reason) in [
        (
            "554-Transaction failed 554-Reject due to policy restrictions.",
            Policy,
        ),
        (
            "554-No SMTP service 554-Bad DNS PTR resource record.",
            Reputation,
        ),
        (
            "554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help.)",
            Reputation,
        ),
        ("550 5.7.1 IP address blacklisted by recipient", Reputation),
        (
            "550 5.1.1 Service unavailable; client [192.0.2.1] blocked using zen.example",
            Reputation,
        ),
        (
            "5.1.0 - Unknown address error 550-'5.2.2 Mailbox full'",
            Full,
        ),
        (
            "5.1.0 - Unknown address error 554-'Rejected by a rule'",
            Policy,
        ),
        (
            "552 5.2.2 The email account that you tried to reach is over quota",
            Full,
        ),
        ("550 5.2.0 Mail rejected. OFR_506", Content),
        (
            "550 5.7.26 Unauthenticated email from x.example is not accepted due to the domain's DMARC policy",
            Authentication,
        ),
        ("550 SPF check failed", Authentication),
        (
            "550 <news@news.example>: Sender address rejected: Domain not found",
            Sender,
        ),
        ("550 Sender verify failed: user unknown", Sender),
        ("552 5.3.4 Message size exceeds fixed limit", Size),
        ("550 5.4.6 Hop count exceeded - possible mail loop", Loop),
        (
            "550 5.4.316 Message expired, connection refused",
            Unreachable,
        ),
        ("550 5.4.1 connection timed out", Unreachable),
        ("554 Message is considered spam", Content),
        (
            "550 Too many messages from you, slow down: rate limited",
            Rate,
        ),
        ("550 Das Postfach des Empfängers ist voll", Full),
        ("554 Ihre IP-Adresse steht auf einer Sperrliste", Reputation),
    ] {
        assert_reason(said, reason);
        assert_eq!(reason.kind(), BounceKind::Soft);
    }
}

#[test]
fn codes_among_the_words_outweigh_those_around_them() {
    assert_eq!(judged("550 5.7.1 hm", "5.1.1").reason, Policy);
    assert_eq!(judged("550 5.1.1 hm", "5.7.1").reason, NoMailbox);
    assert_eq!(judged("550 hm", "5.1.1").reason, NoMailbox);
    assert_eq!(
        judged("550 5.7.1 mailbox unavailable", "5.1.1").reason,
        Policy
    );
    assert_eq!(judged("550 hm", "5.0.0").reason, Unknown);
    assert_eq!(
        judged("550", ""),
        Verdict {
            reason: Unknown,
            code: Some(StatusCode::new(5, 0, 0))
        }
    );
    assert_eq!(
        judged("hm", ""),
        Verdict {
            reason: Unknown,
            code: None
        }
    );
}

#[test]
fn a_reply_for_now_says_nothing_for_good() {
    for status in ["4.0.0", "5.1.1"] {
        assert_eq!(judged("450 4.1.1 User unknown", status).reason, Unavailable);
        assert_eq!(judged("450 Host not found", status).reason, Unreachable);
    }
    // A general code around it does not make it temporary.
    assert_eq!(judged("550 User unknown", "4.0.0").reason, NoMailbox);
    assert_eq!(judged("550 5.1.1 hm", "4.4.7").reason, NoMailbox);
}

#[test]
fn the_code_agrees_with_the_reason() {
    let code = |said, status| judged(said, status).code.map(|code| code.to_string());
    assert_eq!(
        code("550 5.7.1 IP address blacklisted", "5.1.1").as_deref(),
        Some("5.7.1")
    );
    assert_eq!(
        code("5.1.0 - x 550-'5.2.2 Mailbox full'", "5.1.0").as_deref(),
        Some("5.2.2")
    );
    assert_eq!(code("550 No such user here", "").as_deref(), Some("5.1.1"));
    assert_eq!(
        code("554 on a blacklist", "5.1.1").as_deref(),
        Some("5.7.1")
    );
}

/// A pattern that can't fit, or that an earlier one of its rule makes needless, is an error.
#[test]
fn patterns_are_written_as_they_are_compared() {
    for rule in rules::WORDS.iter().chain(rules::WEAK_WORDS) {
        let patterns: Vec<_> = rule.patterns().collect();
        for (at, pattern) in patterns.iter().enumerate() {
            let plain = pattern.replace(" ... ", " ").replace('*', "");
            assert_eq!(words::of(&plain).join(" "), plain, "{pattern}");
            assert!(!patterns[..at].contains(pattern), "{pattern} twice");
        }
    }
}

#[test]
fn every_code_of_the_table_is_there_once() {
    for (at, (subject, detail, _)) in codes::CODES.iter().enumerate() {
        let same = |code: &(u16, u16, BounceReason)| (code.0, code.1) == (*subject, *detail);
        assert!(!codes::CODES[..at].iter().any(same), "{subject}.{detail}");
    }
}
