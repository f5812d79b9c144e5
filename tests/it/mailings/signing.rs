//! Signatures as a receiving server checks them, and headers that tell on nobody.

use widerspruch::domain::signature::SignatureAlgorithm;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::RecipientTracking;
use widerspruch::mail::compose::{Outgoing, Stream, compose};
use widerspruch::mail::dkim::{DnsRecord, Signer, make_keys};
use widerspruch::mail::{PreparedMailing, Recipient, RenderedMail, TrackingUrls};

use super::{HTML, draft, group, mails, person, send};
use crate::support::on_both;
use crate::support::python::{Checked, check_dkim};

const DOMAIN: &str = "xn--moosbchel-u9a.example";

/// Keys of both algorithms, and their records in the DNS.
fn keys() -> (Signer, Vec<DnsRecord>) {
    let mut signer = Signer::new(DOMAIN);
    let mut records = Vec::new();
    for algorithm in SignatureAlgorithm::ALL {
        let keys = make_keys(algorithm).expect("keys");
        let selector = algorithm.as_str();
        signer = signer
            .with_key(algorithm, selector, &keys.private_key)
            .expect("a key");
        records.push(DnsRecord::of_key(
            DOMAIN,
            selector,
            algorithm,
            &keys.public_key,
        ));
    }
    (signer, records)
}

fn composed(mail: &RenderedMail) -> Vec<u8> {
    let outgoing = Outgoing {
        from_name: "Gärtnerei Moosbüchel, mit einem Namen, der länger ist als eine Zeile im Kopf",
        from_address: "post@moosbüchel.example",
        to_name: "Zoë Müller",
        to_address: "zoe@example.org",
        mail,
        unsubscribe: "https://w.example/abmelden/AbC",
        stream: Some(Stream {
            account_id: 7,
            mailing_id: 42,
        }),
        return_path: "",
        sent_at: 1_772_617_509_000,
    };
    compose(&outgoing).expect("a message").message
}

fn newsletter() -> Vec<u8> {
    let html = include_str!("../../fixtures/newsletter.html");
    let prepared =
        PreparedMailing::new("Frühling: 20 % für {{ vorname }}", html, "", &[]).expect("a mailing");
    let fields = serde_json::Map::new();
    let recipient = Recipient {
        first_name: "Zoë",
        last_name: "Müller",
        address: "zoe@example.org",
        fields: &fields,
    };
    let urls = TrackingUrls {
        pixel: Some("https://w.example/o/x.gif"),
        click: None,
        unsubscribe: "https://w.example/abmelden/AbC",
        preferences: "https://w.example/datenschutz/AbC",
    };
    composed(&prepared.render(&recipient, &urls).expect("a mail"))
}

#[track_caller]
fn assert_both(checked: &[Checked], hold: bool, what: &str) {
    let algorithms: Vec<_> = checked.iter().map(|one| one.algorithm.as_str()).collect();
    assert_eq!(algorithms, ["rsa-sha256", "ed25519-sha256"], "{what}");
    for one in checked {
        assert_eq!(one.holds, hold, "{what}: {one:?}");
        assert_eq!(one.domain, DOMAIN);
    }
}

#[test]
fn both_signatures_hold_and_cover_what_they_must() {
    let (signer, records) = keys();
    let long = RenderedMail {
        subject: "Grüße, die so lang sind, dass der Betreff auf mehrere Zeilen verteilt wird"
            .into(),
        html: format!("<p>Ä{}</p>", "ü".repeat(5_000)),
        text: format!("  .\n\n{} \t \n.\n\n\n", "x y".repeat(1_000)),
    };
    let raw = b"From: a@b.example\r\nTo:  b@c.example \r\nSubject: a\r\n\tb  c\r\n\r\n a  b \t\r\n\r\n\r\n.\r\n\r\n";
    for (message, what) in [
        (newsletter(), "a newsletter"),
        (composed(&long), "long lines"),
        (raw.to_vec(), "blanks of all kinds"),
        (b"From: a@b.example\r\n\r\n".to_vec(), "no body"),
    ] {
        let outgoing = signer.sign(&message, Timestamp::now()).expect("signed");
        assert!(
            outgoing.ends_with(&message),
            "{what}: nothing of it is changed"
        );
        assert_both(&check_dkim(&outgoing, &records), true, what);
    }
    let outgoing = signer
        .sign(&newsletter(), Timestamp::now())
        .expect("signed");
    for one in check_dkim(&outgoing, &records) {
        for header in [
            "to",
            "subject",
            "date",
            "message-id",
            "mime-version",
            "content-type",
            // RFC 8058, 4.
            "list-unsubscribe",
            "list-unsubscribe-post",
            "list-id",
            "feedback-id",
        ] {
            assert!(one.headers.iter().any(|known| known == header), "{header}");
        }
        let from = one.headers.iter().filter(|name| *name == "from").count();
        assert_eq!(from, 2, "a second sender can't be added");
    }
}

#[test]
fn a_changed_mail_does_not_hold() {
    let (signer, records) = keys();
    let outgoing = signer
        .sign(&newsletter(), Timestamp::now())
        .expect("signed");
    let text = String::from_utf8(outgoing).expect("ASCII");
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        check_dkim(text.replacen(from, to, 1).as_bytes(), &records)
    };
    for (from, to) in [
        ("\r\nFrom: ", "\r\nFrom: <boss@bank.example>\r\nFrom: "),
        ("\r\nSubject: ", "\r\nSubject: Re: "),
        ("\r\nSubject: ", "\r\nSubject: Geld\r\nSubject: "),
        ("abmelden/AbC>", "abmelden/XyZ>"),
        ("m42:a7", "m43:a7"),
        ("</html>", "!</html>"),
    ] {
        assert_both(&changed(from, to), false, from);
    }
    // What servers do on the way changes nothing.
    for (from, to) in [
        ("\r\nTo: ", "\r\nReceived: from a by b\r\nTO:   "),
        ("</html>\r\n", "</html> \t\r\n"),
    ] {
        assert_both(&changed(from, to), true, from);
    }
    let longer = [text.as_str(), "\r\n \r\n"].concat();
    assert_both(
        &check_dkim(longer.as_bytes(), &records),
        true,
        "empty lines",
    );
    // Another key in the DNS.
    let (_, others) = keys();
    assert_both(&check_dkim(text.as_bytes(), &others), false, "other keys");
}

/// Headers without what must be each recipient's own.
fn impersonal(headers: &[(String, String)], name: &str) -> Vec<(String, String)> {
    let without = |header: &str, value: &str| match header {
        "Message-ID" => {
            let (id, domain) = value.split_once('@').expect("an id");
            format!("{} of {domain}", id.len())
        }
        // Random for each mail.
        "Content-Type" => {
            let (kind, boundary) = value.split_once("boundary=").expect("a boundary");
            format!("{kind} {}", boundary.len())
        }
        "List-Unsubscribe" => {
            let (path, token) = value.rsplit_once('/').expect("a path");
            format!("{path}/{}", token.len())
        }
        "To" | "Subject" => value.replace(name, "…"),
        "Date" => String::new(),
        _ => value.to_owned(),
    };
    headers
        .iter()
        .map(|(header, value)| (header.clone(), without(header, value)))
        .collect()
}

on_both!(no_header_reveals_who_objected, |world| {
    let all = group(world, "Alle");
    person(world, all, "anna@example.com", RecipientTracking::Objected);
    person(world, all, "bert@example.com", RecipientTracking::Unset);
    let mailing = send(world, draft(world, HTML, &[all]));
    assert_eq!((mailing.handed_personal, mailing.handed_anonymous), (1, 1));
    let mails = mails(world);
    let of = |at: usize, name| impersonal(&mails[at].1.headers, name);
    let objected = of(0, "anna");
    assert_eq!(objected, of(1, "bert"));
    let names: Vec<_> = objected.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["List-Unsubscribe", "List-ID", "Feedback-ID", "Message-ID"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let told = mails[0].1.headers.iter().map(|(_, value)| value.as_str());
    assert!(
        !told
            .clone()
            .any(|value| value.to_lowercase().contains("anonym")),
        "{:?}",
        told.collect::<Vec<_>>()
    );
});
