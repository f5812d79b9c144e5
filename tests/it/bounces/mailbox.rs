//! A mailbox on a real server.

use std::path::Path;

use widerspruch::domain::tracking::Decision;

use crate::support::agent::{Agent, Answer};
use crate::support::bounce::{complaint, failed, report};
use crate::support::dovecot::{Dovecot, MAILBOX_PASSWORD};
use crate::support::program::{Program, program};
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, on_both};

pub const HERE: &str = "/benutzerkonto/ruecklaeufer";

/// Sets a mailbox up.
pub fn set_up(admin: &Agent, host: &str, port: u16, encryption: &str, folder: &str) -> Answer {
    let port = port.to_string();
    let form = [
        ("host", host),
        ("port", port.as_str()),
        ("encryption", encryption),
        ("username", "rueck"),
        ("password", MAILBOX_PASSWORD),
        ("folder", folder),
        ("active", "ja"),
    ];
    admin.submit(HERE, &form)
}

/// *Verbindung testen*.
pub fn test(admin: &Agent) -> Answer {
    let answer = admin.post(&format!("{HERE}/testen"), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// A mailing to people, and their return paths.
pub fn sent(world: &World, people: &[&str]) -> (i64, Vec<String>) {
    let mailing = world.make_sent_mailing("Neues", 0);
    let paths = people
        .iter()
        .map(|address| {
            let person = world.make_recipient(address);
            world.deliver(mailing, person, Decision::Personal);
            world.return_path(mailing, person)
        })
        .collect();
    (mailing, paths)
}

const PEOPLE: [&str; 4] = [
    "anna@example.org",
    "ben@example.org",
    "cem@example.org",
    "dora@example.org",
];

on_both!(
    what_is_ours_is_counted_and_removed_and_the_rest_stays,
    |world| {
        let server = Dovecot::start();
        let (mailing, paths) = sent(world, &PEOPLE);
        let admin = world.admin();
        set_up(&admin, "127.0.0.1", server.port, "none", "Rückläufer")
            .assert_says("Eingeschaltet")
            .assert_says("noch nicht");
        let folder = "R&APw-ckl&AOQ-ufer";
        let huge = failed(&paths[3], PEOPLE[3], "5.1.1") + &"x".repeat(3_000_000);
        let broken = b"\xff\xfe\x00Content-Type: multipart/report; boundary=\r\n\r\n--".as_slice();
        for message in [
            failed(&paths[0], PEOPLE[0], "5.1.1").as_bytes(),
            broken,
            failed("rueck@example.org", PEOPLE[3], "5.1.1").as_bytes(),
            failed(&paths[1], PEOPLE[1], "4.2.2").as_bytes(),
            failed(&paths[1], PEOPLE[1], "4.2.2").as_bytes(),
            report(&paths[3], PEOPLE[3], "delayed", "4.4.1").as_bytes(),
            b"Subject: Frage\r\n\r\nGuten Tag".as_slice(),
            complaint(&paths[2], PEOPLE[2]).as_bytes(),
            huge.as_bytes(),
        ] {
            server.append(folder, message);
        }
        test(&admin)
            .assert_says("Die Verbindung steht. Im Ordner Rückläufer liegen 9 Nachrichten.");
        let page = admin.submit(&format!("{HERE}/abrufen"), &[]);
        page.assert_says("Das Postfach wurde abgerufen.")
            .assert_says("Einem E-Mailing zugeordnet 6 Meldungen")
            .assert_says("Nicht zugeordnet 1 Meldung")
            .assert_says("Andere Nachrichten 2");
        let figures = "bounces = 2 AND soft_bounces = 1 AND complaints = 1";
        assert_eq!(world.rows("mailings", figures), 1);
        let left = server.subjects(folder);
        let subjects: Vec<&str> = left.iter().map(|(subject, _)| subject.as_str()).collect();
        assert_eq!(
            subjects,
            ["", "Undelivered Mail to dora@example.org", "Frage"],
            "what nobody can assign, and what is no report"
        );
        assert!(left.iter().all(|(_, seen)| !seen), "unread as before");

        // What is new is read, and nothing twice.
        server.append(folder, b"Subject: Noch eine\r\n\r\nGuten Tag");
        admin
            .submit(&format!("{HERE}/abrufen"), &[])
            .assert_says("Einem E-Mailing zugeordnet 6 Meldungen")
            .assert_says("Andere Nachrichten 3");
        assert_eq!(world.rows("mailings", figures), 1);
        admin
            .visit(&format!("/analysen/{mailing}"))
            .assert_says("2 dauerhaft, 1 vorübergehend");
        assert!(
            world
                .dump(&["recipients"])
                .iter()
                .all(|row| !row.contains("dora@")),
            "p7: nothing of the messages is kept"
        );
    }
);

on_both!(what_is_wrong_is_said_in_words, |world| {
    let server = Dovecot::start();
    let admin = world.admin();
    let tried = |host: &str, port: u16, encryption: &str, folder: &str| {
        set_up(&admin, host, port, encryption, folder);
        test(&admin)
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed_port = closed.local_addr().expect("an address").port();
    drop(closed);
    tried("127.0.0.1", closed_port, "none", "INBOX")
        .assert_says("Der Server ist nicht zu erreichen.");
    tried("mail.invalid", 993, "tls", "INBOX").assert_says("Der Server ist nicht zu erreichen.");
    // A certificate that nobody vouches for.
    for (port, encryption) in [(server.tls_port, "tls"), (server.port, "starttls")] {
        tried("localhost", port, encryption, "INBOX")
            .assert_says("Die verschlüsselte Verbindung kommt nicht zustande.");
    }
    tried("localhost", server.port, "tls", "INBOX")
        .assert_says("Die verschlüsselte Verbindung kommt nicht zustande.");
    tried("127.0.0.1", server.port, "none", "Gibt es nicht")
        .assert_says("Den angegebenen Ordner gibt es in diesem Postfach nicht.");
    let port = server.port.to_string();
    let wrong = [
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("encryption", "none"),
        ("username", "rueck"),
        ("password", "falsch"),
        ("folder", "INBOX"),
    ];
    admin.submit(HERE, &wrong);
    admin
        .submit(&format!("{HERE}/abrufen"), &[])
        .assert_says("Der Server lehnt Benutzername oder Passwort ab.")
        .assert_says("Das Postfach wird nur abgerufen, wenn Sie es hier tun.");
});

on_both!(a_server_that_is_none_is_told_from_one, |world| {
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let admin = world.admin();
    for encryption in ["none", "starttls"] {
        set_up(&admin, "127.0.0.1", port, encryption, "INBOX");
        test(&admin).assert_says("Der Server antwortet anders, als IMAP es vorsieht.");
    }
});

/// A program in a process of its own, which trusts the server's certificate.
pub fn serve_trusting(dir: &Path, database_url: Option<&str>, certificate: &Path) -> Program {
    Program::start(program(dir, database_url).env("SSL_CERT_FILE", certificate))
}

pub fn sign_in(program: &Program) -> Agent {
    let agent = Agent::new(&program.url);
    let answer = agent.post("/anmelden", &[("email", ADMIN), ("password", PASSWORD)]);
    assert_eq!(answer.status, 303);
    agent
}

fn reads_over_tls(on: On) {
    let server = Dovecot::start();
    let mut world = World::start(on);
    let (_, paths) = sent(&world, &PEOPLE[..2]);
    for (path, person) in paths.iter().zip(PEOPLE) {
        server.append("INBOX", failed(path, person, "5.1.1").as_bytes());
    }
    world.stop();
    let process = serve_trusting(
        world.dir.path(),
        world.database_url(),
        &server.certificate(),
    );
    let admin = sign_in(&process);
    for (port, encryption) in [(server.port, "starttls"), (server.tls_port, "tls")] {
        set_up(&admin, "localhost", port, encryption, "INBOX");
        test(&admin).assert_says("Die Verbindung steht.");
    }
    admin
        .submit(&format!("{HERE}/abrufen"), &[])
        .assert_says("Einem E-Mailing zugeordnet 2 Meldungen");
    set_up(&admin, "127.0.0.1", server.tls_port, "tls", "INBOX");
    test(&admin).assert_says("Die verschlüsselte Verbindung kommt nicht zustande.");
    assert!(server.subjects("INBOX").is_empty());
    assert_eq!(world.rows("mailings", "bounces = 2"), 1);
}

#[test]
fn it_is_read_over_tls_on_sqlite() {
    reads_over_tls(On::Sqlite);
}

#[test]
fn it_is_read_over_tls_on_postgres() {
    reads_over_tls(On::Postgres);
}
