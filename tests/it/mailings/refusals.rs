//! What a mail server does not want: one address, everything, or mails in the clear. And recipients
//! who are deleted while their mail is on its way.

use diesel::prelude::*;
use widerspruch::db::models::audit::ShownEntry;
use widerspruch::db::models::mailings::MailingStatus;
use widerspruch::db::models::smtp_settings;
use widerspruch::db::models::{audit, recipients};
use widerspruch::db::schema::deliveries;
use widerspruch::domain::server::Encryption;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};

use super::{HTML, draft, find, group, people, person, send, sent, told_problem};
use crate::support::program::{Program, program};
use crate::support::python::{SmtpServer, write_certificate};
use crate::support::sink::Sink;
use crate::support::{On, World, eventually, on_both};

fn entries(world: &World, action: &str) -> Vec<ShownEntry> {
    let mut all = world.read(|conn| audit::newest(conn, world.account_id, 50));
    all.retain(|entry| entry.action == action);
    all
}

on_both!(a_refused_address_gets_no_further_mails, |world| {
    let sink = Sink::start(&[]);
    world.send_through(sink.port, 2, 0);
    let all = group(world, "Alle");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    let unknown = person(world, all, "unknown@example.com", RecipientTracking::Unset);
    let disliked = person(world, all, "spam@example.com", RecipientTracking::Unset);
    let first = send(world, draft(world, HTML, &[all]));
    assert_eq!((first.handed, first.failed), (1, 2));
    let find = |id| world.read(|conn| recipients::find(conn, world.account_id, id));
    let refused = find(unknown);
    assert_eq!(refused.status, RecipientStatus::Bounced);
    assert_eq!(refused.status_source, Some(TrackingSource::Bounce));
    assert_eq!(
        find(disliked).status,
        RecipientStatus::Active,
        "a mail that was taken for spam says nothing about the address"
    );
    let logged = entries(world, "recipient_bounced");
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].recipient_id, Some(unknown));
    assert!(!logged[0].details.contains('@'), "p11");
    world
        .admin()
        .visit(&format!("/empfaenger/{unknown}"))
        .assert_says("(dauerhaft, 550 5.1.1)");
    let second = send(world, draft(world, HTML, &[all]));
    assert_eq!((second.deliveries, second.handed, second.failed), (2, 1, 1));
});

on_both!(
    the_words_of_a_reply_are_judged_like_those_of_a_report,
    |world| {
        let sink = Sink::start(&[]);
        world.send_through(sink.port, 2, 0);
        let all = group(world, "Alle");
        let missing = person(world, all, "missing@example.com", RecipientTracking::Unset);
        let blocked = person(world, all, "blocked@example.com", RecipientTracking::Unset);
        let sent = send(world, draft(world, HTML, &[all]));
        assert_eq!((sent.handed, sent.failed), (0, 2));
        let status = |id| {
            world
                .read(|conn| recipients::find(conn, world.account_id, id))
                .status
        };
        assert_eq!(status(missing), RecipientStatus::Bounced);
        assert_eq!(status(blocked), RecipientStatus::Active);
        assert_eq!(world.rows("bounce_reasons", "reason = 'no_mailbox'"), 1);
        assert_eq!(world.rows("bounce_reasons", "reason = 'reputation'"), 1);
    }
);

on_both!(
    a_server_that_wants_nothing_is_not_offered_everything,
    |world| {
        const CONNECTIONS: i64 = 2;
        let mut sink = Sink::start(&[]);
        sink.set("relay", "no");
        world.send_through(sink.port, CONNECTIONS, 0);
        let all = people(world, 60);
        let mailing = draft(world, HTML, &[all]);
        let path = format!("/e-mailings/{mailing}");
        let admin = world.admin();
        admin.submit(&format!("{path}/senden"), &[]);
        let halted = eventually(
            "it is halted",
            || find(world, mailing),
            |found| found.status == MailingStatus::Paused,
        );
        assert!(
            (10..10 + CONNECTIONS).contains(&halted.failed),
            "{} failed",
            halted.failed
        );
        admin
            .visit(&path)
            .assert_says("endgültig abgelehnt (Antwort 554 5.7.1)")
            .assert_says("Versand fortsetzen");
        assert_eq!(world.rows("recipients", "status = 'bounced'"), 0);
        let logged = entries(world, "mailing_paused");
        assert_eq!(logged.len(), 1);
        assert_eq!(logged[0].actor, "Versand");

        sink.set("relay", "yes");
        admin.submit(&format!("{path}/fortsetzen"), &[]);
        let all = sent(world, mailing);
        assert_eq!(all.failed, halted.failed);
        assert_eq!(all.handed + all.failed, 60);
        assert_eq!(all.problem, None);
    }
);

on_both!(p7_deleting_holds_for_mails_on_their_way, |world| {
    let mut sink = Sink::start(&[]);
    sink.hold_after(0);
    world.send_through(sink.port, 1, 0);
    let all = people(world, 6);
    let mailing = draft(world, HTML, &[all]);
    let admin = world.admin();
    admin.submit(&format!("/e-mailings/{mailing}/senden"), &[]);
    let holds = |status: &str| -> Option<(i64, String)> {
        let found: Option<Option<i64>> = world.read(|conn| {
            Ok(deliveries::table
                .filter(deliveries::status.eq(status))
                .select(deliveries::recipient_id)
                .first(conn)
                .optional()?)
        });
        let id = found.flatten()?;
        let one = world.read(|conn| recipients::find(conn, world.account_id, id));
        Some((id, one.address))
    };
    let mut gone = Vec::new();
    for status in ["underway", "claimed"] {
        let found = eventually(status, || holds(status), Option::is_some);
        let (id, address) = found.expect("somebody");
        let answer = admin.post(&format!("/empfaenger/{id}/loeschen"), &[]);
        assert_eq!(answer.status, 303, "{status}");
        gone.push(address);
    }
    sink.goes_on();
    let ended = sent(world, mailing);
    assert_eq!(ended.deliveries, 6);
    assert_eq!((ended.handed, ended.uncertain, ended.cancelled), (4, 1, 1));
    assert!(!sink.taken().contains(&gone[1]), "it had not begun");
    let dump = world.dump(&[]).join("\n");
    for address in &gone {
        assert!(!dump.contains(address.as_str()), "{address}");
    }
});

/// With the options of the test server, and what the account has set up for it.
fn secured(world: &World, mode: &str, encryption: Encryption) -> SmtpServer {
    let at = |name: &str| world.files.path().join(name);
    if !at("c.pem").exists() {
        write_certificate("localhost", &at("c.pem"), &at("k.pem"));
    }
    let server = SmtpServer::start(&[
        "--tls".as_ref(),
        mode.as_ref(),
        "--certificate".as_ref(),
        at("c.pem").as_os_str(),
        "--key".as_ref(),
        at("k.pem").as_os_str(),
    ]);
    world.send_through(server.port, 1, 0);
    world.write(|conn| {
        let mut settings = smtp_settings::find(conn, world.account_id)?.expect("set up");
        "localhost".clone_into(&mut settings.host);
        settings.encryption = encryption;
        smtp_settings::save(conn, world.account_id, &settings, Timestamp::now())
    });
    server
}

/// Nothing goes out in the clear to a server that wants TLS, nor to one that nobody vouches for.
#[test]
fn a_mailing_waits_until_the_connection_is_safe() {
    for (mode, encryption, told) in [
        (
            "starttls",
            Encryption::None,
            "lehnt Benutzername oder Passwort ab (Antwort 530)",
        ),
        (
            "starttls",
            Encryption::StartTls,
            "Das Zertifikat des Mailservers ist nicht vertrauenswürdig",
        ),
        (
            "implicit",
            Encryption::Tls,
            "Das Zertifikat des Mailservers ist nicht vertrauenswürdig",
        ),
    ] {
        let world = World::start(On::Sqlite);
        let server = secured(&world, mode, encryption);
        let all = people(&world, 1);
        let mailing = draft(&world, HTML, &[all]);
        let admin = world.admin();
        admin.submit(&format!("/e-mailings/{mailing}/senden"), &[]);
        told_problem(&world, mailing);
        admin
            .visit(&format!("/e-mailings/{mailing}"))
            .assert_says(told);
        assert_eq!(find(&world, mailing).ended(), 0);
        server.assert_nothing_more();
    }
}

/// In a process of its own, which trusts the server's certificate.
#[test]
fn a_mailing_goes_over_tls() {
    for (mode, encryption) in [
        ("starttls", Encryption::StartTls),
        ("implicit", Encryption::Tls),
    ] {
        let mut world = World::start(On::Sqlite);
        let server = secured(&world, mode, encryption);
        let all = people(&world, 2);
        let mailing = draft(&world, HTML, &[all]);
        world.stop();
        world.write(|conn| {
            let (actor, now) = (audit::Actor::Program("Test"), Timestamp::now());
            widerspruch::sending::preparation::start(conn, world.account_id, mailing, &actor, now)
        });
        let _running = Program::start(
            program(world.dir.path(), None).env("SSL_CERT_FILE", world.files.path().join("c.pem")),
        );
        for _ in 0..2 {
            assert!(server.next_mail().tls, "{mode}");
        }
        let mailing = sent(&world, mailing);
        assert_eq!((mailing.handed, mailing.failed), (2, 0));
    }
}
