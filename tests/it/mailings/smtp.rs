//! Sending through a mail server with the faults of real ones.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::groups;
use widerspruch::db::models::mailings::MailingStatus;
use widerspruch::db::models::recipients::{self, NewRecipient};
use widerspruch::db::schema::deliveries;
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::RecipientTracking;
use widerspruch::sending::{Timing, preparation};

use super::{
    HTML, draft, find, group, leases_run_out, people, person, send, sent, told_problem,
    wait_for_mails,
};
use crate::support::program::Program;
use crate::support::sink::Sink;
use crate::support::{On, World, attempts, eventually};

/// Short pauses.
fn quick() -> Timing {
    let millis = Duration::from_millis;
    Timing {
        retries: vec![millis(200), millis(400)],
        domain_rests: vec![millis(300)],
        trouble_rests: vec![millis(100)],
        ..Timing::default()
    }
}

fn quick_world(on: On) -> World {
    World::start_with(on, |config| config.sending = quick())
}

fn start(world: &World, mailing: i64) {
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)
    });
}

/// Every kind of reply, each to the mail it is about.
fn replies(on: On) {
    let world = quick_world(on);
    let sink = Sink::start(&["--busy", "2", "--per-connection", "3"]);
    world.send_through(sink.port, 2, 0);
    let all = group(&world, "Alle");
    let names = [
        "anna@example.com",
        "bert@example.com",
        "carl@example.com",
        "dora@example.com",
        "emil@example.com",
        "unknown@example.com",
        "spam@example.com",
        "grey@example.com",
        "silent@example.com",
        "a@busy.example",
        "b@busy.example",
    ];
    for name in names {
        person(&world, all, name, RecipientTracking::Unset);
    }
    let mailing = send(&world, draft(&world, HTML, &[all]));
    assert_eq!((mailing.deliveries, mailing.handed), (11, 8));
    assert_eq!((mailing.failed, mailing.uncertain), (2, 1));
    assert_eq!(mailing.problem, None);
    let mut taken = sink.taken();
    taken.sort();
    let expected: Vec<&str> = names
        .into_iter()
        .filter(|name| !name.starts_with("unknown") && !name.starts_with("spam"))
        .collect();
    let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
    expected.sort();
    assert_eq!(taken, expected, "each once, the uncertain one too");

    // Of the replies the codes are kept, never the words.
    let codes: Vec<(String, String)> = world.read(|conn| {
        Ok(deliveries::table
            .filter(deliveries::reply_code.is_not_null())
            .select((deliveries::status, deliveries::reply_code.assume_not_null()))
            .load(conn)?)
    });
    let codes: BTreeSet<(String, String)> = codes.into_iter().collect();
    let failed = |code: &str| codes.contains(&("failed".to_owned(), code.to_owned()));
    assert!(failed("550 5.1.1") && failed("554 5.7.1"), "{codes:?}");
    assert!(
        codes.iter().all(|(_, code)| !code.contains('@')),
        "{codes:?}"
    );
}

#[test]
fn each_reply_is_about_its_mail_sqlite() {
    replies(On::Sqlite);
}

#[test]
fn each_reply_is_about_its_mail_postgres() {
    replies(On::Postgres);
}

/// A server that takes nothing is said to do so, and nothing is lost.
fn trouble(on: On) {
    let world = quick_world(on);
    let mut sink = Sink::start(&[]);
    sink.set("refuse", "yes");
    world.send_through(sink.port, 3, 0);
    let all = people(&world, 20);
    let mailing = draft(&world, HTML, &[all]);
    start(&world, mailing);
    world.state.sender.wake();
    told_problem(&world, mailing);
    let page = world.admin().visit(&format!("/e-mailings/{mailing}"));
    page.assert_says("Der Mailserver nimmt im Augenblick nichts an (Antwort 421 4.3.2).");
    sink.set("refuse", "no");
    let mailing = sent(&world, mailing);
    assert_eq!(
        (mailing.handed, mailing.failed, mailing.uncertain),
        (20, 0, 0)
    );
    assert_eq!(mailing.problem, None);
    assert_eq!(sink.taken().len(), 20);
}

#[test]
fn a_server_in_trouble_is_waited_for_sqlite() {
    trouble(On::Sqlite);
}

#[test]
fn a_server_in_trouble_is_waited_for_postgres() {
    trouble(On::Postgres);
}

/// The measure holds from mail to mail.
#[test]
fn mails_keep_to_the_measure() {
    let world = quick_world(On::Sqlite);
    let sink = Sink::start(&[]);
    world.send_through(sink.port, 4, 600);
    let all = people(&world, 16);
    let begun = Instant::now();
    send(&world, draft(&world, HTML, &[all]));
    // Ten a second: the last of sixteen goes 1.5 seconds after the first.
    assert!(
        begun.elapsed() >= Duration::from_millis(1_500),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(sink.taken().len(), 16);
}

/// How many people get the mailing of the kill test, and how often the program is killed: more
/// with `TEST_KILL_PEOPLE` and `TEST_KILLS`.
fn wanted(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |n| n.parse().expect("a number"))
}

fn crowd(world: &World, people: usize) -> i64 {
    let all = group(world, "Alle");
    world.write(|conn| {
        let (fields, now) = (serde_json::Map::new(), Timestamp::now());
        let mut ids = Vec::new();
        for n in 0..people {
            let address = format!("p{n}@example{}.com", n % 7);
            let new = NewRecipient {
                address: &EmailAddress::parse(&address).expect("an address"),
                first_name: "Anna",
                last_name: "Muster",
                fields: &fields,
                tracking: None,
                unsubscribed: None,
            };
            ids.push(recipients::create(conn, world.account_id, &new, now)?);
        }
        groups::add_members(conn, world.account_id, all, &ids, now)
    });
    all
}

/// What was taken, what is known of it, and that nobody got it twice.
fn assert_once(world: &World, mailing: i64, sink: &Sink, people: usize, most_uncertain: i64) {
    let mailing = sent(world, mailing);
    let count = i64::try_from(people).expect("a number");
    assert_eq!(
        mailing.handed + mailing.uncertain,
        count,
        "everybody has an end"
    );
    assert_eq!((mailing.failed, mailing.cancelled), (0, 0));
    assert!(
        mailing.uncertain <= most_uncertain,
        "{} uncertain",
        mailing.uncertain
    );
    let taken = sink.taken();
    let distinct: BTreeSet<&String> = taken.iter().collect();
    assert_eq!(distinct.len(), taken.len(), "nobody gets it twice");
    let received = i64::try_from(taken.len()).expect("a number");
    assert!(received >= mailing.handed, "what counts as handed arrived");
    assert!(received <= mailing.handed + mailing.uncertain);
    println!(
        "{people} people: {} handed, {} uncertain, {received} received",
        mailing.handed, mailing.uncertain
    );
}

/// Killed again and again, it loses and doubles nothing: at most one mail per connection and kill
/// is uncertain.
fn killed(on: On) -> Option<()> {
    const CONNECTIONS: i64 = 4;
    let (people, kills) = (wanted("TEST_KILL_PEOPLE", 1_500), wanted("TEST_KILLS", 5));
    let mut world = World::start(on);
    let sink = Sink::start(&[]);
    world.send_through(sink.port, CONNECTIONS, 0);
    let all = crowd(&world, people);
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    start(&world, mailing);
    for kill in 1..=kills {
        let program = Program::serve(world.dir.path(), world.database_url());
        let at = people * kill / (kills + 2);
        wait_for_mails(&sink, at);
        program.kill();
        if find(&world, mailing).status == MailingStatus::Sent {
            return None;
        }
        leases_run_out(&world);
    }
    let _program = Program::serve(world.dir.path(), world.database_url());
    let most = CONNECTIONS * i64::try_from(kills).expect("a number");
    assert_once(&world, mailing, &sink, people, most);
    Some(())
}

#[test]
fn a_killed_program_sends_nothing_twice_sqlite() {
    attempts("killed in the middle", || killed(On::Sqlite));
}

#[test]
fn a_killed_program_sends_nothing_twice_postgres() {
    attempts("killed in the middle", || killed(On::Postgres));
}

/// Two nodes share a mailing; one is killed, the other finishes.
#[test]
fn two_nodes_share_a_mailing() {
    const PEOPLE: usize = 1_000;
    let mut world = World::start(On::Postgres);
    let mut sink = Sink::start(&[]);
    sink.hold_after(100);
    world.send_through(sink.port, 2, 0);
    let all = crowd(&world, PEOPLE);
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    start(&world, mailing);
    let one = Program::serve(world.dir.path(), world.database_url());
    let two = Program::serve(world.dir.path(), world.database_url());
    let holders = || {
        world.read(|conn| {
            Ok(deliveries::table
                .filter(deliveries::holder.is_not_null())
                .select(deliveries::holder)
                .distinct()
                .load::<Option<i64>>(conn)?
                .len())
        })
    };
    eventually("both are at work", holders, |n| *n == 2);
    sink.hold_after(300);
    wait_for_mails(&sink, 200);
    one.kill();
    sink.goes_on();
    leases_run_out(&world);
    assert_once(&world, mailing, &sink, PEOPLE, 2);
    two.kill();
}
