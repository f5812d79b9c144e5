use super::*;
use crate::mail::read::{self, ReadMail};

fn mail() -> RenderedMail {
    RenderedMail {
        subject: "Frühling: 20 % auf alles, was grünt und blüht, und noch viel mehr für Sie"
            .to_owned(),
        html: "<p class=\"a=b\">Grüße\n.\nvon „uns“ 🌷</p>\r\n".repeat(50),
        text: format!("Grüße\n.\n{}", "x".repeat(3_000)),
    }
}

fn outgoing(mail: &RenderedMail) -> Outgoing<'_> {
    Outgoing {
        from_name: "Gärtnerei Moosbüchel, Dornbirn",
        from_address: "post@moosbüchel.example",
        to_name: "Zoë \"Z\" O'Neill",
        to_address: "zoe+x@example.org",
        mail,
        unsubscribe: "https://w.example/ab/AbC?x=1&y=2",
        stream: Some(Stream {
            account_id: 7,
            mailing_id: 42,
        }),
        return_path: "",
        sent_at: 1_772_617_509_000,
    }
}

fn composed(outgoing: &Outgoing) -> (String, ReadMail) {
    let bytes = compose(outgoing).unwrap().message;
    let read = read::read(&bytes).unwrap();
    (String::from_utf8(bytes).unwrap(), read)
}

fn header<'a>(mail: &'a ReadMail, name: &str) -> &'a str {
    let mut found = mail.headers.iter().filter(|(known, _)| known == name);
    let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} twice");
    value
}

#[test]
fn what_is_composed_is_read_back() {
    let mail = mail();
    let (_, read) = composed(&outgoing(&mail));
    assert_eq!(read.subject, mail.subject);
    assert_eq!(
        read.from,
        "Gärtnerei Moosbüchel, Dornbirn <post@xn--moosbchel-u9a.example>"
    );
    assert_eq!(read.to, "Zoë \"Z\" O'Neill <zoe+x@example.org>");
    assert_eq!(read.sent_at, Some(1_772_617_509_000));
    let lines = |text: &str| text.replace("\r\n", "\n");
    assert_eq!(lines(&read.html.unwrap()), lines(&mail.html));
    assert_eq!(lines(&read.text.unwrap()), lines(&mail.text));
}

#[test]
fn a_message_keeps_to_the_standards() {
    let mail = mail();
    let (raw, read) = composed(&outgoing(&mail));
    assert!(raw.is_ascii());
    for line in raw.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "bare line end in {line:?}");
        // RFC 5322, 2.1.1.
        assert!(line.len() <= 998, "{} bytes: {line}", line.len());
    }
    let (_, body) = raw.split_once("\r\n\r\n").unwrap();
    for line in body.split("\r\n") {
        // RFC 2045, 6.7.
        assert!(line.len() <= 76, "{} bytes: {line}", line.len());
    }
    assert_eq!(header(&read, "MIME-Version"), "1.0");
    assert!(header(&read, "Content-Type").starts_with("multipart/alternative"));
    assert_eq!(
        raw.matches("Content-Transfer-Encoding: quoted-printable")
            .count(),
        2
    );
    // RFC 2046, 5.1.4: the best comes last.
    assert!(
        raw.find("text/plain; charset=utf-8").unwrap()
            < raw.find("text/html; charset=utf-8").unwrap()
    );
    assert!(
        header(&read, "Date").starts_with("Wed, 04 Mar 2026 09:45:09 +0000"),
        "{}",
        header(&read, "Date")
    );
}

#[test]
fn one_click_unsubscription_is_offered() {
    let mail = mail();
    let (raw, read) = composed(&outgoing(&mail));
    assert_eq!(
        header(&read, "List-Unsubscribe"),
        "<https://w.example/ab/AbC?x=1&y=2>"
    );
    assert_eq!(
        header(&read, "List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
    assert!(raw.contains("\r\nList-Unsubscribe: <https://w.example/ab/AbC?x=1&y=2>\r\n"));

    // A long address stays on its line: some programs read it before unfolding.
    let long = format!("https://w.example/ab/{}", "x".repeat(300));
    let outgoing = Outgoing {
        unsubscribe: &long,
        ..outgoing(&mail)
    };
    let (raw, _) = composed(&outgoing);
    assert!(raw.contains(&format!("\r\nList-Unsubscribe: <{long}>\r\n")));
}

#[test]
fn a_message_id_is_random_and_of_the_senders_domain() {
    let mail = mail();
    let ids: Vec<_> = (0..2)
        .map(|_| header(&composed(&outgoing(&mail)).1, "Message-ID").to_owned())
        .collect();
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        let random = id.strip_prefix('<').unwrap();
        let random = random.strip_suffix("@xn--moosbchel-u9a.example>").unwrap();
        assert!(
            random.len() == 32 && random.chars().all(|c| c.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

#[test]
fn a_mail_tells_of_which_list_and_mailing_it_is() {
    let mail = mail();
    let (raw, read) = composed(&outgoing(&mail));
    assert_eq!(
        header(&read, "List-ID"),
        "<mailings-7.xn--moosbchel-u9a.example>"
    );
    assert_eq!(header(&read, "Feedback-ID"), "m42:a7:mailing:widerspruch");
    assert!(!raw.contains("Return-Path"), "the last server adds it");

    let single = Outgoing {
        stream: None,
        unsubscribe: "",
        ..outgoing(&mail)
    };
    let (raw, _) = composed(&single);
    assert!(!raw.contains("\r\nList-") && !raw.contains("\r\nFeedback-"));
}

#[test]
fn bounces_go_to_the_return_path_or_the_sender() {
    let mail = mail();
    let envelope = |return_path| {
        let outgoing = Outgoing {
            return_path,
            ..outgoing(&mail)
        };
        compose(&outgoing).unwrap().envelope
    };
    let of = |envelope: &Envelope| {
        let to: Vec<_> = envelope.to().iter().map(ToString::to_string).collect();
        (envelope.from().map(ToString::to_string), to)
    };
    let to = vec!["zoe+x@example.org".to_owned()];
    assert_eq!(
        of(&envelope("")),
        (
            Some("post@xn--moosbchel-u9a.example".to_owned()),
            to.clone()
        )
    );
    assert_eq!(
        of(&envelope("zurueck+abc@moosbüchel.example")),
        (Some("zurueck+abc@xn--moosbchel-u9a.example".to_owned()), to)
    );
}

#[test]
fn nothing_typed_becomes_a_header() {
    let mail = RenderedMail {
        subject: "a\r\nBcc: x@y.de".to_owned(),
        ..mail()
    };
    let evil = Outgoing {
        from_name: "a\r\nBcc: x@y.de",
        to_name: "b\nBcc: x@y.de",
        unsubscribe: "https://w.example/a\r\nBcc: x@y.de",
        ..outgoing(&mail)
    };
    let (raw, read) = composed(&evil);
    assert!(!raw.to_lowercase().contains("\nbcc:"), "{raw}");
    assert!(
        read.headers
            .iter()
            .all(|(name, _)| !name.eq_ignore_ascii_case("bcc"))
    );
}

#[test]
fn addresses_that_no_mail_can_be_sent_to_are_refused() {
    let mail = mail();
    for address in [
        "",
        "a",
        "a@",
        "@b.de",
        "a b@c.de",
        "a@b de",
        "a@b.de\r\nBcc: x@y.de",
        "a,b@c.de",
    ] {
        let outgoing = Outgoing {
            to_address: address,
            ..outgoing(&mail)
        };
        let error = compose(&outgoing).map(|_| ()).expect_err(address);
        assert!(matches!(error, MailError::Address(_)), "{address}: {error}");
    }
    // A domain with umlauts is fine.
    let outgoing = Outgoing {
        to_address: "a@bücher.example",
        to_name: "",
        ..outgoing(&mail)
    };
    assert_eq!(composed(&outgoing).1.to, "a@xn--bcher-kva.example");
}

#[test]
fn what_is_no_message_is_not_read() {
    for bytes in [&b""[..], b"hello", &[0, 159, 146, 150]] {
        assert!(matches!(read::read(bytes), Err(MailError::Unreadable)));
    }
}

#[test]
fn what_looks_encoded_arrives_as_typed() {
    let encoded = "=?utf-8?Q?B=C3=A4r?=";
    for subject in [
        encoded.to_owned(),
        format!("{encoded} Test"),
        format!("Bär {encoded}"),
        format!("ä =?x ß {}", "lang und länger ".repeat(20).trim_end()),
        "a =? b".to_owned(),
    ] {
        let mail = RenderedMail { subject, ..mail() };
        let outgoing = Outgoing {
            from_name: "=?utf-8?b?QQ==?=",
            to_name: encoded,
            ..outgoing(&mail)
        };
        let (text, read) = composed(&outgoing);
        assert_eq!(read.subject, mail.subject, "{text}");
        assert!(
            read.from.starts_with("=?utf-8?b?QQ==?= <post@"),
            "{}",
            read.from
        );
        assert!(
            read.to.starts_with(&format!("{encoded} <zoe+x@")),
            "{}",
            read.to
        );
        for name in ["From", "To", "Subject"] {
            header(&read, name);
        }
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(
            head.lines()
                .filter(|line| line.contains("=?"))
                .all(|line| line.len() <= 78),
            "{head}"
        );
    }
}
