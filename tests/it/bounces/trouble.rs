//! Connections that break, programs that are killed, and several nodes: everything is counted
//! once.

use super::mailbox::{HERE, sent, set_up, sign_in, test};
use crate::support::bounce::failed;
use crate::support::dovecot::Dovecot;
use crate::support::eventually::HANG;
use crate::support::program::Program;
use crate::support::proxy::Proxy;
use crate::support::{On, World, attempts, eventually, on_both};

on_both!(a_lost_connection_counts_nothing_twice, |world| {
    let server = Dovecot::start();
    let people = ["anna@example.org", "ben@example.org", "cem@example.org"];
    let (_, paths) = sent(world, &people);
    for (path, person) in paths.iter().zip(people) {
        server.append("INBOX", failed(path, person, "5.1.1").as_bytes());
    }
    let way = Proxy::start(&format!("127.0.0.1:{}", server.port));
    let admin = world.admin();
    set_up(&admin, "127.0.0.1", way.address().port(), "none", "INBOX");
    let read = || admin.submit(&format!("{HERE}/abrufen"), &[]);

    // In the middle of reading.
    way.cut_after(b"UID FETCH 2 ");
    read()
        .assert_says("Die Verbindung zum Server brach ab.")
        .assert_says("Einem E-Mailing zugeordnet 1 Meldung");
    assert_eq!(world.rows("mailings", "bounces = 1"), 1);
    assert_eq!(server.subjects("INBOX").len(), 3);

    // When all is counted and nothing removed.
    way.restore();
    way.cut_after(b"UID STORE");
    read().assert_says("Die Verbindung zum Server brach ab.");

    way.restore();
    let page = read();
    page.assert_silent_about("brach ab")
        .assert_says("Einem E-Mailing zugeordnet 3 Meldungen");
    assert_eq!(world.rows("mailings", "bounces = 3"), 1);
    assert!(server.subjects("INBOX").is_empty(), "removed in the end");
});

on_both!(
    a_message_that_ends_the_reading_every_time_is_passed_over,
    |world| {
        let server = Dovecot::start();
        let people = ["anna@example.org", "ben@example.org"];
        let (_, paths) = sent(world, &people);
        for (path, person) in paths.iter().zip(people) {
            server.append("INBOX", failed(path, person, "5.1.1").as_bytes());
        }
        let way = Proxy::start(&format!("127.0.0.1:{}", server.port));
        let admin = world.admin();
        set_up(&admin, "127.0.0.1", way.address().port(), "none", "INBOX");
        for _ in 0..3 {
            way.restore();
            way.cut_after(b"UID FETCH 1 ");
            admin
                .submit(&format!("{HERE}/abrufen"), &[])
                .assert_says("Die Verbindung zum Server brach ab.");
        }
        way.restore();
        admin
            .submit(&format!("{HERE}/abrufen"), &[])
            .assert_says("Einem E-Mailing zugeordnet 1 Meldung")
            .assert_says("Andere Nachrichten 1");
        assert_eq!(server.subjects("INBOX").len(), 1);
    }
);

const MANY: usize = 120;

fn many() -> Vec<String> {
    (0..MANY).map(|n| format!("p{n}@example.org")).collect()
}

fn killed(on: On) -> Option<()> {
    let server = Dovecot::start();
    let mut world = World::start(on);
    let addresses = many();
    let people: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let (_, paths) = sent(&world, &people);
    for (path, person) in paths.iter().zip(people) {
        server.append("INBOX", failed(path, person, "5.1.1").as_bytes());
    }
    world.stop();
    let counted = || world.rows("deliveries", "bounce = 'hard'");
    for at in [5, 70] {
        let process = Program::serve(world.dir.path(), world.database_url());
        let admin = sign_in(&process);
        if at == 5 {
            set_up(&admin, "127.0.0.1", server.port, "none", "INBOX");
        }
        // On SQLite a new start knows that nobody else reads; elsewhere the lease has to run out.
        world.write(widerspruch::db::models::bounce_mailboxes::release_all);
        let asking = std::thread::spawn(move || {
            // It is killed before it answers.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                admin.post(&format!("{HERE}/abrufen"), &[]);
            }));
        });
        eventually("bounces are counted", counted, |n| *n >= at);
        process.kill();
        asking.join().expect("it ends");
    }
    if counted() == i64::try_from(MANY).expect("a number") {
        return None;
    }
    world.write(widerspruch::db::models::bounce_mailboxes::release_all);
    let process = Program::serve(world.dir.path(), world.database_url());
    let admin = sign_in(&process);
    admin
        .submit(&format!("{HERE}/abrufen"), &[])
        .assert_says("Einem E-Mailing zugeordnet 120 Meldungen");
    assert_eq!(world.rows("mailings", "bounces = 120"), 1);
    assert_eq!(counted(), 120);
    assert!(server.subjects("INBOX").is_empty());
    Some(())
}

#[test]
fn a_killed_reader_loses_and_doubles_nothing_on_sqlite() {
    attempts("killed in the middle", || killed(On::Sqlite));
}

#[test]
fn a_killed_reader_loses_and_doubles_nothing_on_postgres() {
    attempts("killed in the middle", || killed(On::Postgres));
}

#[test]
fn of_two_nodes_one_reads() {
    let server = Dovecot::start();
    let world = World::start(On::Postgres);
    let node = world.another_node();
    let addresses = many();
    let people: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let (_, paths) = sent(&world, &people);
    for (path, person) in paths.iter().zip(people) {
        server.append("INBOX", failed(path, person, "5.1.1").as_bytes());
    }
    set_up(&world.admin(), "127.0.0.1", server.port, "none", "INBOX");
    std::thread::scope(|scope| {
        for bounces in [&world.state.bounces, &node.state.bounces] {
            scope.spawn(move || assert!(bounces.read_now(world.account_id, HANG)));
        }
    });
    assert_eq!(
        world.rows("bounce_mailboxes", "assigned = 120 AND problem IS NULL"),
        1
    );
    assert_eq!(world.rows("mailings", "bounces = 120"), 1);
    assert!(server.subjects("INBOX").is_empty());
}

on_both!(an_answer_without_end_is_not_read, |world| {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.write_all(b"* OK ready\r\n");
            let _ = client.read(&mut [0; 1_000]);
            // Goes on until the other side has enough.
            while client.write_all(&[b'x'; 8_192]).is_ok() {}
        }
    });
    let admin = world.admin();
    set_up(&admin, "127.0.0.1", port, "none", "INBOX");
    test(&admin).assert_says("Der Server antwortet anders, als IMAP es vorsieht.");
});
