use proptest::prelude::*;

use super::*;
use crate::domain::bounce::judge;
use crate::domain::secret::{Purpose, Random128, Secret};
use crate::mail::verp;

const WHO: Random128 = [9; 16];

fn secret() -> Secret {
    Secret::from_bytes([5; 32])
}

fn keys() -> Keys {
    Keys::new(&secret())
}

/// The return path of our mail.
fn path() -> String {
    let mark = verp::mark(&secret().key(Purpose::Bounce), 12, &WHO);
    verp::marked("bounce@news.example", &mark).unwrap()
}

fn understood(message: &str) -> Returned {
    read(message.replace('\n', "\r\n").as_bytes(), &keys())
}

fn came_back(kind: BounceKind, code: &str) -> Meaning {
    let code = StatusCode::at_start(code);
    let reason = judge("", code).reason;
    assert_eq!(reason.kind(), kind);
    Meaning::CameBack {
        kind,
        reason: Some(reason),
        code,
    }
}

#[track_caller]
fn assert_ours(message: &str, meaning: Meaning) {
    let returned = understood(message);
    assert_eq!(returned.meaning, meaning);
    let origin = returned.origin.expect("a mail of ours");
    assert_eq!((origin.mailing_id, origin.recipient_key), (12, WHO));
}

/// A report in the shape of RFC 3464, appendix E: words, groups of fields, our header.
fn dsn(to: &str, groups: &str, returned: &str) -> String {
    format!(
        "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example>
To: {to}
Auto-Submitted: auto-replied
Subject: Returned mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary=\"=_b1\"

--=_b1

Your message could not be delivered. It costs 5.1.1 euros.

--=_b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

{groups}

--=_b1
Content-Type: message/rfc822

{returned}

Guten Tag
--=_b1--
"
    )
}

#[test]
fn a_permanent_failure_is_hard() {
    let groups = "Final-Recipient: rfc822; louisl@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <louisl@example.org>: user unknown";
    assert_ours(
        &dsn(&path(), groups, "Subject: Neues"),
        came_back(BounceKind::Hard, "5.1.1"),
    );
}

#[test]
fn a_delay_is_no_bounce_and_giving_up_is_a_soft_one() {
    let group = |action: &str| {
        format!(
            "Final-Recipient: rfc822; a@example.org\nAction: {action}\nStatus: 4.4.7\nWill-Retry-Until: Thu, 26 Nov 2026 04:02:39 +0100"
        )
    };
    assert_ours(
        &dsn(&path(), &group("delayed"), "Subject: x"),
        Meaning::Report,
    );
    assert_ours(
        &dsn(&path(), &group("failed"), "Subject: x"),
        came_back(BounceKind::Soft, "4.4.7"),
    );
    for action in ["delivered", "relayed", "expanded"] {
        assert_ours(&dsn(&path(), &group(action), "Subject: x"), Meaning::Report);
    }
}

#[test]
fn a_full_mailbox_is_soft_however_it_is_said() {
    for fields in [
        "Status: 5.2.2",
        "Status: 5.0.0\nDiagnostic-Code: smtp; 550 5.2.2 over quota",
        "Status: 5.0.0\nDiagnostic-Code: smtp; 552 mailbox full",
    ] {
        let group = format!("Final-Recipient: rfc822; a@example.org\nAction: failed\n{fields}");
        assert_ours(
            &dsn(&path(), &group, "Subject: x"),
            came_back(BounceKind::Soft, "5.2.2"),
        );
    }
}

#[test]
fn of_an_alias_the_mildest_failure_counts_and_one_success_is_enough() {
    let group = |action, status| {
        format!("Final-Recipient: rfc822; a@example.org\nAction: {action}\nStatus: {status}\n\n")
    };
    let both = group("failed", "5.1.1") + &group("failed", "4.4.1");
    assert_ours(
        &dsn(&path(), &both, "Subject: x"),
        came_back(BounceKind::Soft, "4.4.1"),
    );
    let one = group("failed", "5.1.1") + &group("delivered", "2.0.0");
    assert_ours(&dsn(&path(), &one, "Subject: x"), Meaning::Report);
}

#[test]
fn the_mark_is_found_where_the_report_did_not_come_to_it() {
    let failed = "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1";
    let hard = came_back(BounceKind::Hard, "5.1.1");
    let returned = format!("Return-Path: <{}>\nSubject: x", path());
    assert_ours(&dsn("postmaster@news.example", failed, &returned), hard);
    let envelope = format!(
        "Original-Envelope-Id: {}\n\n{failed}",
        path().replace('+', "+2B")
    );
    let message = dsn("postmaster@news.example", &envelope, "Subject: x")
        .replace("Reporting-MTA: dns; mx.example\n\n", "");
    assert_ours(&message, hard);
    let headers_only = dsn("postmaster@news.example", failed, &returned)
        .replace("message/rfc822", "text/rfc822-headers");
    assert_ours(&headers_only, hard);
    let delivered_to = dsn("mailbox@news.example", failed, "Subject: x").replace(
        "Subject: Returned",
        &format!("Delivered-To: {}\nSubject: Returned", path()),
    );
    assert_ours(&delivered_to, hard);
}

#[test]
fn without_a_valid_mark_nobody_is_meant() {
    let failed = "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1";
    let mut forged = path();
    let at = forged.find('+').unwrap() + 10;
    let other = if &forged[at..=at] == "a" { "b" } else { "a" };
    forged.replace_range(at..=at, other);
    for to in ["bounce@news.example", &forged, "a@example.org"] {
        let returned = understood(&dsn(to, failed, "To: a@example.org\nSubject: Neues"));
        assert_eq!(returned.meaning, came_back(BounceKind::Hard, "5.1.1"));
        assert_eq!(returned.origin, None, "{to}");
        assert!(!returned.is_ours());
    }
}

/// A report in the shape of RFC 5965, appendix B.
fn arf(kind: &str, header: &str) -> String {
    format!(
        "From: <abusedesk@provider.example>
Date: Thu, 8 Mar 2026 17:40:36 EDT
Subject: FW: Neues
To: <abuse@news.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary=\"part1_13d.2e68ed54_boundary\"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset=\"US-ASCII\"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP
192.0.2.1 on Thu, 8 Mar 2026 14:00:00 EDT.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{header}

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

Received: from mailserver.example by provider.example; Thu, 8 Mar 2026 14:00:00 EDT
From: <news@news.example>
To: <user@example.org>
Subject: Neues

Guten Tag
--part1_13d.2e68ed54_boundary--
"
    )
}

#[test]
fn a_complaint_is_told_from_other_feedback() {
    let header = format!("Original-Mail-From: <{}>", path());
    for kind in ["abuse", "Abuse", "fraud", "opt-out"] {
        let complaint = Meaning::CameBack {
            kind: BounceKind::Complaint,
            reason: None,
            code: None,
        };
        assert_ours(&arf(kind, &header), complaint);
    }
    for kind in ["not-spam", "virus", "auth-failure", "other", ""] {
        assert_ours(&arf(kind, &header), Meaning::Report);
    }
}

#[test]
fn the_link_in_the_returned_header_names_the_recipient_too() {
    use crate::tracking::token::{PersonalLink, PersonalToken, TokenKeys};
    let token = PersonalToken {
        mailing_id: 12,
        recipient_key: WHO,
    };
    let link = TokenKeys::new(&secret()).personal(PersonalLink::Unsubscribe, token);
    let message = arf("abuse", "Source-IP: 192.0.2.1").replace(
        "From: <news@news.example>",
        &format!(
            "List-Unsubscribe: <https://m.example/abmelden/{link}>\nFrom: <news@news.example>"
        ),
    );
    let complaint = Meaning::CameBack {
        kind: BounceKind::Complaint,
        reason: None,
        code: None,
    };
    assert_ours(&message, complaint);
}

#[test]
fn qmail_and_old_servers_are_understood_by_their_words() {
    let qmail = format!(
        "From: MAILER-DAEMON@mx.example
To: {}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<a@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <news@news.example>
Subject: Version 4.2.2 is out
",
        path()
    );
    assert_ours(&qmail, came_back(BounceKind::Hard, "5.1.1"));
    assert_ours(
        &qmail.replace(
            "no mailbox here by that name. (#5.1.1)",
            "I wasn't able to establish an SMTP connection. (#4.4.1)",
        ),
        came_back(BounceKind::Soft, "4.4.1"),
    );
    // Without a code the words say it.
    assert_ours(
        &qmail.replace(" (#5.1.1)", ""),
        came_back(BounceKind::Hard, "5.1.1"),
    );
    // Words of a program of which nothing can be made are no bounce.
    let odd = qmail
        .replace("failure notice", "Hallo")
        .replace("wasn't able to deliver", "have read")
        .replace("Sorry, no mailbox here by that name. (#5.1.1)", "Hm.");
    assert_ours(&odd, Meaning::Other);
    let exim = qmail
        .replace(
            "MAILER-DAEMON@mx.example",
            "Mail <mailer-daemon@mx.example>",
        )
        .replace("To:", "Auto-Submitted: auto-replied\nTo:");
    assert_ours(&exim, came_back(BounceKind::Hard, "5.1.1"));
}

#[test]
fn answers_and_notices_of_absence_are_no_bounces() {
    for from in ["Jana <jana@example.org>", "postmaster@example.org", "<>"] {
        let message = format!(
            "From: {from}
To: {}
Auto-Submitted: auto-replied
Return-Path: <>
Subject: Abwesend

Ich bin bis 5.1.1 nicht da. 550 5.1.1
",
            path()
        );
        assert_ours(&message, Meaning::Other);
        assert!(!understood(&message).is_ours());
    }
}

#[test]
fn a_mail_system_without_a_name_is_recognised_by_what_it_says() {
    let hard = came_back(BounceKind::Hard, "5.1.1");
    let said = "550 5.1.1 <a@example.org>: User unknown";
    for from in [
        "From: <>\n",
        "From:\n",
        "From: MAILER-DAEMON <>\n",
        "From: Mail Delivery Subsystem <noreply@provider.example>\n",
        "From: \"Mailer-Daemon\" <>\n",
        "",
    ] {
        assert_ours(
            &format!("{from}To: {}\nSubject: Neues\n\n{said}\n", path()),
            hard,
        );
    }
    let by = |from: &str, subject: &str, text: &str| {
        format!(
            "From: {from}\nTo: {}\nAuto-Submitted: auto-replied\nSubject: {subject}\n\n{text}\n",
            path()
        )
    };
    let unknown = Meaning::CameBack {
        kind: BounceKind::Hard,
        reason: Some(BounceReason::NoMailbox),
        code: StatusCode::at_start("5.1.10"),
    };
    let exchange = "Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'";
    for (from, subject) in [
        ("postmaster@firma.example", "Unzustellbar: Neues"),
        (
            "postmaster@firma.example",
            "=?utf-8?q?Unzustellbar=3A_Gr=C3=BC=C3=9Fe?=",
        ),
        ("mail@firma.example", "Undeliverable: Neues"),
    ] {
        assert_ours(&by(from, subject, exchange), unknown);
    }
    for (from, subject) in [
        ("postmaster@firma.example", "Abwesenheit: bis Montag"),
        ("jana@firma.example", "AW: Neues"),
    ] {
        assert_ours(&by(from, subject, exchange), Meaning::Other);
    }
}

#[test]
fn words_without_any_code_are_understood() {
    for (system, text) in [
        ("Exim", "  a@example.org\n    Unrouteable address"),
        (
            "Exim",
            "  a@example.org\n    SMTP error from remote mail server after RCPT TO:\n    550 No such user here",
        ),
        (
            "Exim",
            "  a@example.org\n    all relevant MX records point to non-existent hosts",
        ),
        (
            "Domino",
            "User anna (anna@example.org) not listed in Domino Directory",
        ),
        (
            "Exchange",
            "Die eingegebene E-Mail-Adresse konnte nicht gefunden werden: Empfänger nicht gefunden.",
        ),
        (
            "sendmail",
            "----- The following addresses had permanent fatal errors -----\n<a@example.org>\n    (reason: 550 Host unknown)",
        ),
        (
            "Postfix",
            "<a@example.org>: Host or domain name not found. Name service error for\n    name=example.org type=AAAA: Host not found",
        ),
        ("German", "Der Empfänger a@example.org ist unbekannt."),
    ] {
        let message = format!(
            "From: Mailer-Daemon@mx.example\nTo: {}\nSubject: Mail delivery failed\nX-Failed-Recipients: a@example.org\n\n{text}\n",
            path()
        );
        let returned = understood(&message);
        let is_hard = matches!(
            returned.meaning,
            Meaning::CameBack {
                kind: BounceKind::Hard,
                ..
            }
        );
        assert!(is_hard, "{system}: {:?}", returned.meaning);
        assert!(returned.is_ours());
    }
}

#[test]
fn a_warning_is_no_bounce() {
    for (subject, text) in [
        (
            "Warning: message 1abc-2 delayed 24 hours",
            "a@example.org\n 450 4.7.1 greylisted",
        ),
        (
            "Mail",
            "This message has not yet been delivered. Delivery attempts will continue.\n450 4.2.2 full",
        ),
        (
            "Delivery Status Notification (Delay)",
            "450 4.4.1 timed out",
        ),
        (
            "Verzögerte Zustellung",
            "Der Server antwortet nicht: 451 4.4.1",
        ),
        (
            "Warning: could not send message for past 4 hours",
            "** THIS IS A WARNING MESSAGE ONLY **\n4.4.1",
        ),
    ] {
        let message = format!(
            "From: MAILER-DAEMON@mx.example\nTo: {}\nAuto-Submitted: auto-replied\nSubject: {subject}\n\n{text}\n",
            path()
        );
        assert_ours(&message, Meaning::Report);
    }
}

#[test]
fn a_mail_given_up_as_too_old_says_nothing_of_the_address() {
    for (fields, code) in [
        (
            "Action: expired\nStatus: 4.4.7\nDiagnostic-Code: smtp; Connection timed out",
            "4.4.7",
        ),
        (
            "Action: failed\nStatus: 5.4.316\nDiagnostic-Code: smtp;550 5.4.316 Message expired, connection refused",
            "5.4.316",
        ),
        ("Action: expired\nStatus: 5.0.0", "5.4.7"),
    ] {
        let group = format!("Final-Recipient: rfc822; a@example.org\n{fields}");
        assert_ours(
            &dsn(&path(), &group, "Subject: x"),
            came_back(BounceKind::Soft, code),
        );
    }
}

#[test]
fn a_report_of_a_refusal_is_no_matter_of_the_address_whatever_its_status() {
    use BounceReason::{Content, Full, Policy, Reputation, Unreachable};
    for (status, said, expected) in [
        (
            "5.0.0",
            "smtp; 554-Transaction failed 554-Reject due to policy restrictions.",
            Policy,
        ),
        (
            "4.0.0",
            "smtp; 554-No SMTP service 554-Bad DNS PTR resource record.",
            Reputation,
        ),
        (
            "5.5.0",
            "smtp; 554 IP=198.51.100.7 - A problem occurred. Ask your postmaster.",
            Reputation,
        ),
        (
            "5.4.316",
            "smtp;550 5.4.316 Message expired, connection refused",
            Unreachable,
        ),
        (
            "5.1.0",
            "smtp; 5.1.0 - Unknown address error 550-'5.2.2 Mailbox full'",
            Full,
        ),
        (
            "5.1.1",
            "smtp; 550 5.7.1 IP address blacklisted by recipient",
            Reputation,
        ),
        ("5.2.0", "smtp; 550 5.2.0 Mail rejected. OFR_506", Content),
    ] {
        let group = format!(
            "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: {status}\nDiagnostic-Code: {said}"
        );
        let returned = understood(&dsn(&path(), &group, "Subject: x"));
        let Meaning::CameBack { kind, reason, .. } = returned.meaning else {
            panic!("{said}: {:?}", returned.meaning);
        };
        assert_eq!((kind, reason), (BounceKind::Soft, Some(expected)), "{said}");
    }
}

#[test]
fn a_status_is_read_however_it_is_written() {
    let hard = came_back(BounceKind::Hard, "5.1.1");
    for status in [
        "smtp; 5.1.1",
        "#5.1.1",
        "550-5.1.1",
        "550 5.1.1",
        "(5.1.1)",
        "5.1.1 (no)",
    ] {
        let group = format!(
            "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: {status}\nDiagnostic-Code: x"
        );
        assert_ours(&dsn(&path(), &group, "Subject: x"), hard);
    }
    let group = "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1";
    for kind in [
        "text/plain",
        "application/octet-stream",
        "message/deliverystatus",
        "text/delivery-status",
    ] {
        let other = dsn(&path(), group, "Subject: x").replace("message/delivery-status", kind);
        assert_ours(&other, hard);
    }
}

#[test]
fn a_forwarded_report_is_read() {
    let failed = "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1";
    let inner = dsn(&path(), failed, "Subject: x");
    let outer = format!(
        "From: Jana <jana@news.example>\nTo: mailbox@news.example\nSubject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: text/plain\n\nBitte ansehen.\n--out\nContent-Type: message/rfc822\n\n{inner}\n--out--\n"
    );
    assert_ours(&outer, came_back(BounceKind::Hard, "5.1.1"));
}

#[test]
fn an_encoded_report_is_read_too() {
    use base64::Engine;
    let failed = "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n";
    let encoded = base64::engine::general_purpose::STANDARD.encode(failed);
    let message = format!(
        "To: {}\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n{encoded}\n--b--\n",
        path()
    );
    assert_ours(&message, came_back(BounceKind::Hard, "5.1.1"));
}

#[test]
fn nothing_endless_is_read() {
    let path = path();
    let deep = "Content-Type: message/rfc822\n\n".repeat(40_000);
    assert_eq!(understood(&deep), Returned::UNREADABLE);
    let boundaries = format!(
        "To: {path}\nContent-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\n\n".repeat(200_000)
    );
    assert_eq!(understood(&boundaries).meaning, Meaning::Other);
    let fields = format!("To: {path}\n{}\n\n", "X: y\n".repeat(200_000));
    assert_eq!(understood(&fields).meaning, Meaning::Other);
    let long = dsn(&path, "Action: failed\nStatus: 5.1.1", "Subject: x") + &"x".repeat(5_000_000);
    assert_ours(&long, came_back(BounceKind::Hard, "5.1.1"));
}

#[test]
fn what_is_cut_off_is_read_as_far_as_it_goes() {
    let failed = "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1";
    let whole = dsn(&path(), failed, "Subject: x");
    for end in 0..whole.len() {
        let returned = understood(&whole[..end]);
        assert!(
            returned
                .origin
                .is_none_or(|origin| origin.recipient_key == WHO)
        );
    }
    // Without the last boundaries, and with them in another writing.
    assert_ours(
        &whole[..whole.find("--=_b1\nContent-Type: message/rfc822").unwrap()],
        came_back(BounceKind::Hard, "5.1.1"),
    );
    assert_ours(
        &whole.replace("boundary=\"=_b1\"", "boundary==_b1"),
        came_back(BounceKind::Hard, "5.1.1"),
    );
}

/// Bytes of a message changed, left out and doubled.
fn damage(message: &[u8], changes: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for (at, kind, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at % bytes.len();
        match kind % 4 {
            0 => bytes[at] = *byte,
            1 => {
                bytes.remove(at);
            }
            2 => bytes.insert(at, *byte),
            _ => {
                let end = (at + usize::from(*byte)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage can hide a mark, never make one, and never ends the program.
    #[test]
    fn damaged_messages_name_nobody_else(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 0..60),
    ) {
        let failed = "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1";
        let message = match which {
            0 => dsn(&path(), failed, &format!("Return-Path: <{}>", path())),
            1 => arf("abuse", &format!("Original-Mail-From: <{}>", path())),
            _ => format!("From: MAILER-DAEMON\nTo: {}\n\n#5.1.1", path()),
        };
        let bytes = damage(message.as_bytes(), &changes);
        let returned = read(&bytes, &keys());
        if let Some(origin) = returned.origin {
            prop_assert_eq!((origin.mailing_id, origin.recipient_key), (12, WHO));
        }
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert_eq!(read(&bytes, &keys()).origin, None);
    }
}
