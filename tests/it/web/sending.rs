//! *Benutzerkonto → Versand*: the account's mail server.

use std::fs::File;
use std::net::TcpListener;

use widerspruch::db::models::{audit, smtp_settings};
use widerspruch::domain::secret::hex;

use crate::support::agent::{Agent, Answer};
use crate::support::program::{Program, program};
use crate::support::python::{SmtpServer, write_certificate};
use crate::support::world::{ADMIN, PASSWORD as SIGN_IN};
use crate::support::{On, World, on_both};

const HERE: &str = "/benutzerkonto/versand";
const PASSWORD: &str = "streng-GEHEIM-4711";

/// What is typed, with some fields different.
fn form<'a>(other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("host", "mail.muster.example"),
        ("port", "587"),
        ("encryption", "starttls"),
        ("username", "post@example.de"),
        ("password", PASSWORD),
        ("connections", "4"),
        ("per_minute", ""),
        ("return_path", ""),
    ];
    for (name, value) in other {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    fields
}

fn password(world: &World) -> Option<String> {
    let stored = world.read(|conn| smtp_settings::find(conn, world.account_id));
    let sealed = stored.expect("settings").password?;
    let place = smtp_settings::place(world.account_id);
    let open = world.state.sealer.open(&place, &sealed).expect("it opens");
    Some(String::from_utf8(open.to_vec()).expect("a text"))
}

#[track_caller]
fn assert_wrong(answer: &Answer, field: &str) {
    assert_eq!(answer.status, 422, "{}", answer.text());
    let errors = answer.all(".error-summary a");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(
        answer.attribute(".error-summary a", "href"),
        Some(format!("#{field}"))
    );
    assert_eq!(answer.all(&format!("#{field}-error")).len(), 1);
}

on_both!(a_mail_server_is_set_up_and_switched_on, |world| {
    let admin = world.admin();
    admin
        .visit(HERE)
        .assert_says("Es ist noch kein Mailserver eingerichtet")
        .assert_silent_about("Verbindung testen");
    assert_eq!(admin.post(&format!("{HERE}/einschalten"), &[]).status, 409);
    assert_eq!(admin.post(&format!("{HERE}/pruefen"), &[]).status, 409);

    let page = admin.submit(HERE, &form(&[("host", " SMTP.Bücher.example ")]));
    page.assert_says("landen E-Mails weiter im Postausgang")
        .assert_says("Ausgeschaltet");
    assert_eq!(
        page.attribute("#host", "value").as_deref(),
        Some("smtp.xn--bcher-kva.example")
    );
    assert_eq!(page.attribute("#port", "value").as_deref(), Some("587"));
    assert_eq!(
        page.attribute("[name=encryption][checked]", "value")
            .as_deref(),
        Some("starttls")
    );
    assert_eq!(page.attribute("#password", "value").as_deref(), Some(""));
    assert_eq!(password(world).as_deref(), Some(PASSWORD));

    let page = admin.submit(&format!("{HERE}/einschalten"), &[]);
    page.assert_says("Eingeschaltet")
        .assert_says("über smtp.xn--bcher-kva.example , Port 587.");
    // Saving leaves it on.
    let page = admin.submit(
        HERE,
        &form(&[
            ("host", "smtp.bücher.example"),
            ("port", "465"),
            ("encryption", "tls"),
            ("per_minute", "600"),
            ("return_path", "rueck@example.de"),
        ]),
    );
    page.assert_says("Eingeschaltet").assert_says("Port 465");
    assert_eq!(
        page.attribute("#per_minute", "value").as_deref(),
        Some("600")
    );
    assert_eq!(
        page.attribute("#return_path", "value").as_deref(),
        Some("rueck@example.de")
    );
    admin
        .submit(&format!("{HERE}/ausschalten"), &[])
        .assert_says("Ausgeschaltet");

    // P11: who did it, and nothing secret.
    let entries = world.read(|conn| audit::newest(conn, world.account_id, 10));
    let told: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| (entry.action.as_str(), entry.details.as_str()))
        .collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0].0, "mail_server_changed");
    assert!(told[0].1.contains("\"password\""), "{told:?}");
    assert_eq!(told[1], ("mail_server_on", "{}"));
    assert_eq!(
        told[2],
        (
            "mail_server_changed",
            r#"{"changed":["port","encryption","per_minute","return_path","password"]}"#
        )
    );
    assert_eq!(told[3], ("mail_server_off", "{}"));
    assert!(entries.iter().all(|entry| entry.actor == "Eva Admin"));
});

on_both!(the_password_is_nowhere_to_be_read, |world| {
    let admin = world.admin();
    let mut pages = vec![admin.submit(HERE, &form(&[]))];
    pages.push(admin.visit(HERE));
    // Not in what is sent back to be mended, either.
    pages.push(admin.post(HERE, &form(&[("port", "x")])));
    pages.push(admin.visit(&format!("{HERE}/signatur")));
    for page in pages {
        page.assert_silent_about(PASSWORD);
    }
    let dump = world.dump(&[]).join("\n");
    assert!(dump.contains("mail.muster.example"), "the control");
    assert!(!dump.contains(PASSWORD));
    let digits = hex(PASSWORD.as_bytes());
    assert!(!dump.to_lowercase().contains(&digits));
});

on_both!(wrong_input_is_named_and_kept, |world| {
    let admin = world.admin();
    for (field, value) in [
        ("host", ""),
        ("host", "mail.muster.example:587"),
        ("host", "https://mail.muster.example"),
        ("host", "smtp example"),
        ("port", ""),
        ("port", "0"),
        ("port", "65536"),
        ("port", "smtp"),
        ("encryption", "rot13"),
        ("connections", "0"),
        ("connections", "21"),
        ("per_minute", "-1"),
        ("per_minute", "viele"),
        ("return_path", "rueck"),
        ("return_path", "sechzehn.zeichen@example.de"),
        ("return_path", "rück@example.de"),
        ("password", ""),
        ("password", "zwei\nZeilen"),
    ] {
        let answer = admin.post(HERE, &form(&[(field, value)]));
        assert_wrong(&answer, field);
        if !matches!(field, "encryption" | "password") {
            let kept = answer.attribute(&format!("#{field}"), "value");
            assert_eq!(kept.as_deref(), Some(value), "{field}");
        }
    }
    let answer = admin.post(HERE, &form(&[("username", "")]));
    assert_wrong(&answer, "password");
    assert!(
        world
            .read(|conn| smtp_settings::find(conn, world.account_id))
            .is_none(),
        "nothing was stored"
    );
    // The longest return path that leaves room for a mark.
    admin.submit(
        HERE,
        &form(&[("return_path", "fuenfzehn.zeich@example.de")]),
    );
    // An address in place of a name.
    for (typed, stored) in [("192.0.2.1", "192.0.2.1"), ("[2001:db8::1]", "2001:db8::1")] {
        let page = admin.submit(HERE, &form(&[("host", typed)]));
        assert_eq!(page.attribute("#host", "value").as_deref(), Some(stored));
    }
});

on_both!(a_stored_password_is_kept_for_its_server_only, |world| {
    let admin = world.admin();
    admin.submit(HERE, &form(&[]));
    let keeping = |other: &[(&'static str, &'static str)]| {
        let mut fields = form(other);
        fields.retain(|(name, _)| *name != "password");
        fields
    };
    admin.submit(HERE, &keeping(&[("port", "2525"), ("connections", "2")]));
    assert_eq!(password(world).as_deref(), Some(PASSWORD));
    // Otherwise it could be read by sending it elsewhere.
    for (field, value) in [
        ("host", "evil.example"),
        ("username", "other"),
        ("encryption", "none"),
    ] {
        let answer = admin.post(HERE, &keeping(&[(field, value)]));
        assert_wrong(&answer, "password");
        answer.assert_says("Geben Sie das Passwort neu ein");
    }
    assert_eq!(password(world).as_deref(), Some(PASSWORD));

    admin.submit(HERE, &form(&[("password", "neu und anders")]));
    assert_eq!(password(world).as_deref(), Some("neu und anders"));
    let page = admin.submit(
        HERE,
        &keeping(&[("forget_password", "ja"), ("username", "")]),
    );
    assert_eq!(password(world), None);
    assert_eq!(page.attribute("#forget_password", "id"), None);
});

on_both!(each_account_has_its_own_server, |world| {
    world.admin().submit(HERE, &form(&[]));
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    stranger
        .visit(HERE)
        .assert_says("Es ist noch kein Mailserver eingerichtet")
        .assert_silent_about("mail.muster.example");
    assert_eq!(
        stranger.post(&format!("{HERE}/ausschalten"), &[]).status,
        409
    );
    assert_eq!(stranger.post(&format!("{HERE}/pruefen"), &[]).status, 409);
    stranger.submit(HERE, &form(&[("host", "smtp.fremd.example")]));
    world
        .admin()
        .visit(HERE)
        .assert_says("mail.muster.example")
        .assert_silent_about("smtp.fremd.example");
    assert_eq!(password(world).as_deref(), Some(PASSWORD));
});

/// Stores these settings and tests them.
fn test(admin: &Agent, fields: &[(&str, &str)]) -> Answer {
    admin.submit(HERE, &form(fields));
    let answer = admin.post(&format!("{HERE}/pruefen"), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

on_both!(the_connection_is_tested_and_what_fails_is_named, |world| {
    let admin = world.admin();
    let server = SmtpServer::start(&["--user", "post", "--password", PASSWORD]);
    let port = server.port.to_string();
    let right = [
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("encryption", "none"),
        ("username", "post"),
    ];
    let with = |other: &[(&'static str, &'static str)]| {
        let mut fields = right.to_vec();
        fields.extend(other);
        test(&admin, &fields)
    };
    let page = with(&[]);
    page.assert_says(
        "Die Verbindung steht, und der Mailserver nimmt Benutzername und Passwort an.",
    );
    assert_eq!(page.all(".notice--success").len(), 1);

    let page = with(&[("password", "falsch")]);
    page.assert_says("lehnt Benutzername oder Passwort ab (Antwort 535");
    assert_eq!(page.all(".notice--danger").len(), 1);
    with(&[("encryption", "starttls")]).assert_says("bietet kein STARTTLS an");
    with(&[("encryption", "tls")]).assert_says("keine verschlüsselte Verbindung zustande");
    with(&[("host", "nirgends.invalid")]).assert_says("Der Name des Servers ist unbekannt");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = nobody.local_addr().expect("an address").port().to_string();
    drop(nobody);
    let mut fields = right.to_vec();
    fields.push(("port", &free));
    test(&admin, &fields).assert_says("lehnt Verbindungen auf diesem Port ab");
    server.assert_nothing_more();
});

on_both!(a_certificate_that_nobody_vouches_for_is_refused, |world| {
    let (certificate, key) = (
        world.files.path().join("c.pem"),
        world.files.path().join("k.pem"),
    );
    write_certificate("localhost", &certificate, &key);
    let admin = world.admin();
    for (mode, encryption) in [("implicit", "tls"), ("starttls", "starttls")] {
        let server = SmtpServer::start(&[
            "--tls".as_ref(),
            mode.as_ref(),
            "--certificate".as_ref(),
            certificate.as_os_str(),
            "--key".as_ref(),
            key.as_os_str(),
        ]);
        let port = server.port.to_string();
        test(
            &admin,
            &[
                ("host", "localhost"),
                ("port", &port),
                ("encryption", encryption),
            ],
        )
        .assert_says("Das Zertifikat des Mailservers ist nicht vertrauenswürdig");
    }
});

/// A server that says nothing: it has to be given up.
#[test]
fn a_silent_server_is_given_up_in_time() {
    let world = World::start(On::Sqlite);
    let admin = world.admin();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port().to_string();
    let page = test(&admin, &[("host", "127.0.0.1"), ("port", &port)]);
    assert_eq!(page.all(".notice--danger").len(), 1, "{}", page.text());
}

on_both!(a_test_mail_arrives, |world| {
    let admin = world.admin();
    let server = SmtpServer::start(&[
        "--user",
        "post",
        "--password",
        PASSWORD,
        "--refuse",
        "niemand@example.org",
    ]);
    let port = server.port.to_string();
    admin.submit(
        HERE,
        &form(&[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("encryption", "none"),
            ("username", "post"),
            ("return_path", "rueck@example.de"),
        ]),
    );
    let send = |from, to| admin.post(&format!("{HERE}/testmail"), &[("from", from), ("to", to)]);
    assert_wrong(&send("post@example.de", "niemand"), "to");
    let answer = send("niemand", "anna@example.org");
    assert_wrong(&answer, "from");
    assert_eq!(
        answer.attribute("#to", "value").as_deref(),
        Some("anna@example.org")
    );
    server.assert_nothing_more();

    let answer = send("post@example.de", "anna@example.org");
    answer.assert_says("Der Mailserver hat die Testmail angenommen. Sie ist nicht signiert");
    let mail = server.next_mail();
    assert_eq!(mail.sender, "rueck@example.de");
    assert_eq!(mail.to, ["anna@example.org"]);
    assert_eq!(mail.user.as_deref(), Some("post"));
    let read = widerspruch::mail::read::read(&mail.message).expect("a mail");
    assert_eq!(read.from, "Muster GmbH <post@example.de>");
    assert!(read.text.expect("a text").contains("äöü ÄÖÜ ß €"));
    // It stands in no outbox, and the address in no table.
    assert!(!world.dump(&[]).join("\n").contains("anna@example.org"));

    send("post@example.de", "niemand@example.org")
        .assert_says("nimmt diese E-Mail nicht an (Antwort 550 5.1.1)")
        .assert_silent_about("no such mailbox");
});

/// In a process of its own, which trusts the server's certificate, and whose log is read.
#[test]
fn over_tls_nothing_is_said_in_the_clear_and_nothing_logged() {
    let mut world = World::start(On::Sqlite);
    world.stop();
    let (certificate, key) = (
        world.files.path().join("c.pem"),
        world.files.path().join("k.pem"),
    );
    write_certificate("localhost", &certificate, &key);
    let log = world.files.path().join("log");
    let program = Program::start(
        program(world.dir.path(), None)
            .env("SSL_CERT_FILE", &certificate)
            .env("RUST_LOG", "trace")
            .stderr(File::create(&log).expect("a file")),
    );
    let admin = Agent::new(&program.url);
    let answer = admin.post("/anmelden", &[("email", ADMIN), ("password", SIGN_IN)]);
    assert_eq!(answer.status, 303);
    for (mode, encryption) in [("implicit", "tls"), ("starttls", "starttls")] {
        let server = SmtpServer::start(&[
            "--tls".as_ref(),
            mode.as_ref(),
            "--certificate".as_ref(),
            certificate.as_os_str(),
            "--key".as_ref(),
            key.as_os_str(),
            "--user".as_ref(),
            "post".as_ref(),
            "--password".as_ref(),
            PASSWORD.as_ref(),
        ]);
        let port = server.port.to_string();
        let other = [
            ("host", "localhost"),
            ("port", port.as_str()),
            ("encryption", encryption),
            ("username", "post"),
        ];
        test(&admin, &other).assert_says("Die Verbindung steht");
        let answer = admin.post(
            &format!("{HERE}/testmail"),
            &[("from", "post@example.de"), ("to", "anna@example.org")],
        );
        answer.assert_says("hat die Testmail angenommen");
        let mail = server.next_mail();
        assert!(mail.tls);
        assert_eq!(mail.user.as_deref(), Some("post"));
        // Another name than the certificate's.
        test(
            &admin,
            &[
                ("host", "127.0.0.1"),
                ("port", &port),
                ("encryption", encryption),
            ],
        )
        .assert_says("gilt für einen anderen Namen");
    }
    program.signal("TERM");
    program.ended();
    let said = std::fs::read_to_string(&log).expect("the log");
    assert!(said.contains("/benutzerkonto/versand"), "it logs: {said}");
    for secret in [PASSWORD, "anna@example.org", "post@example.de"] {
        assert!(!said.contains(secret), "p8: {secret}");
    }
}
