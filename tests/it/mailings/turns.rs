//! What changes while a mailing goes out: who has its turn, where the mails go, and what their
//! recipients want.

use std::time::Duration;

use diesel::RunQueryDsl;
use widerspruch::db::models::audit::Actor;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::RecipientTracking;
use widerspruch::sending::{Timing, preparation};

use super::{HTML, draft, group, people, person, sent, told_problem, wait_for_mails};
use crate::support::sink::Sink;
use crate::support::{On, World, attempts, eventually};

fn start(world: &World, mailing: i64) {
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)
    });
    world.state.sender.wake();
}

/// Pauses that end soon, and attempts that don't.
fn patient(on: On) -> World {
    World::start_with(on, |config| {
        config.sending = Timing {
            retries: vec![Duration::from_millis(100), Duration::from_mins(1)],
            domain_rests: vec![Duration::from_millis(100)],
            ..Timing::default()
        };
    })
}

/// Who waits for a domain that has had enough uses up no attempts.
fn busy_domain(on: On) {
    let world = patient(on);
    let sink = Sink::start(&["--busy", "6"]);
    world.send_through(sink.port, 1, 0);
    let all = group(&world, "Alle");
    for n in 0..30 {
        let address = format!("p{n}@busy.example");
        person(&world, all, &address, RecipientTracking::Unset);
    }
    let mailing = draft(&world, HTML, &[all]);
    start(&world, mailing);
    let mailing = sent(&world, mailing);
    assert_eq!((mailing.handed, mailing.failed), (30, 0));
    assert_eq!(sink.taken().len(), 30);
}

#[test]
fn waiting_for_a_busy_domain_is_no_attempt_sqlite() {
    busy_domain(On::Sqlite);
}

#[test]
fn waiting_for_a_busy_domain_is_no_attempt_postgres() {
    busy_domain(On::Postgres);
}

/// A domain that takes nothing for as long as all attempts take is given up.
fn closed_domain(on: On) {
    let world = World::start_with(on, |config| {
        config.sending = Timing {
            retries: vec![Duration::from_millis(100); 3],
            domain_rests: vec![Duration::from_millis(50)],
            ..Timing::default()
        };
    });
    let sink = Sink::start(&["--busy", "1000000"]);
    world.send_through(sink.port, 2, 0);
    let all = group(&world, "Alle");
    for n in 0..20 {
        let address = format!("p{n}@busy.example");
        person(&world, all, &address, RecipientTracking::Unset);
    }
    let mailing = draft(&world, HTML, &[all]);
    start(&world, mailing);
    let mailing = sent(&world, mailing);
    assert_eq!((mailing.handed, mailing.failed), (0, 20));
}

#[test]
fn a_domain_that_takes_nothing_is_given_up_sqlite() {
    closed_domain(On::Sqlite);
}

#[test]
fn a_domain_that_takes_nothing_is_given_up_postgres() {
    closed_domain(On::Postgres);
}

/// Mails in hand are decided about anew when their recipients change their minds.
fn minds_change(on: On) {
    let world = patient(on);
    let mut sink = Sink::start(&[]);
    sink.hold_after(1);
    world.send_through(sink.port, 1, 0);
    let all = people(&world, 5);
    let mailing = draft(&world, HTML, &[all]);
    start(&world, mailing);
    wait_for_mails(&sink, 1);
    eventually(
        "one is underway, the others are in hand",
        || world.rows("deliveries", "status = 'claimed'"),
        |in_hand| *in_hand == 3,
    );
    world.write(|conn| {
        diesel::sql_query(
            "UPDATE recipients SET status = 'unsubscribed' WHERE address LIKE 'p3@%'",
        )
        .execute(conn)?;
        diesel::sql_query("UPDATE recipients SET tracking = 'objected' WHERE address LIKE 'p4@%'")
            .execute(conn)?;
        Ok(())
    });
    // What is decided about anew is put back; without this it would wait for the sender's next look.
    world.state.sender.wake();
    sink.goes_on();
    let mailing = sent(&world, mailing);
    assert_eq!((mailing.handed, mailing.cancelled), (4, 1));
    assert_eq!((mailing.handed_personal, mailing.handed_anonymous), (3, 1));
    let of = |address: &str| {
        format!("recipient_id = (SELECT id FROM recipients WHERE address LIKE '{address}') AND ")
    };
    let who = |address: &str, rest: &str| world.rows("deliveries", &(of(address) + rest));
    assert_eq!(who("p3@%", "status = 'cancelled' AND token_key IS NULL"), 1);
    let anonymous = "status = 'handed' AND policy = 'anonymous' AND token_key IS NULL";
    assert_eq!(who("p4@%", anonymous), 1);
    assert_eq!(sink.taken().len(), 4);
}

#[test]
fn minds_that_change_on_the_way_are_heeded_sqlite() {
    minds_change(On::Sqlite);
}

#[test]
fn minds_that_change_on_the_way_are_heeded_postgres() {
    minds_change(On::Postgres);
}

/// A short mailing need not wait for the end of a long one.
fn turns(on: On) {
    let world = World::start_with(on, |config| {
        config.sending.turn = Duration::from_millis(300);
    });
    let sink = Sink::start(&["--slow", "20"]);
    world.send_through(sink.port, 1, 0);
    let all = people(&world, 300);
    let few = group(&world, "Wenige");
    for name in ["x@example.org", "y@example.org", "z@example.org"] {
        person(&world, few, name, RecipientTracking::Unset);
    }
    let (long, short) = (draft(&world, HTML, &[all]), draft(&world, HTML, &[few]));
    // The long one begins: the sender finds both.
    let away = world.state.sender.keep_away(world.account_id);
    start(&world, long);
    start(&world, short);
    drop(away);
    world.state.sender.wake();
    assert_eq!(sent(&world, short).handed, 3);
    let long = sent(&world, long);
    assert_eq!((long.handed, long.uncertain, long.failed), (300, 0, 0));
    let mut taken = sink.taken();
    let is_long = |address: &String| address.starts_with('p');
    let [Some(first), Some(last)] = [taken.first(), taken.last()].map(|one| one.map(is_long))
    else {
        panic!("nothing was sent");
    };
    assert!(first && last, "the short one goes out in between");
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 303, "each once");
}

#[test]
fn mailings_take_turns_sqlite() {
    turns(On::Sqlite);
}

#[test]
fn mailings_take_turns_postgres() {
    turns(On::Postgres);
}

/// Mails go over the mail server from the moment it is switched on.
fn switched_on(on: On) -> Option<()> {
    let world = World::start(on);
    let sink = Sink::start(&[]);
    let all = people(&world, 1_500);
    let mailing = draft(&world, HTML, &[all]);
    start(&world, mailing);
    eventually(
        "mails lie in the outbox",
        || world.rows("outbox_mails", "1 = 1"),
        |mails| *mails > 0,
    );
    world.send_through(sink.port, 2, 0);
    let mailing = sent(&world, mailing);
    assert_eq!(mailing.handed, 1_500);
    let over = i64::try_from(sink.taken().len()).expect("a number");
    assert_eq!(world.rows("outbox_mails", "1 = 1") + over, 1_500);
    (over > 0).then_some(())
}

#[test]
fn the_rest_goes_over_a_server_that_is_switched_on_sqlite() {
    attempts("the rest goes over the server", || switched_on(On::Sqlite));
}

#[test]
fn the_rest_goes_over_a_server_that_is_switched_on_postgres() {
    attempts("the rest goes over the server", || {
        switched_on(On::Postgres)
    });
}

/// What was planned for a mail server waits for it.
fn planned(on: On) {
    let world = World::start(on);
    let sink = Sink::start(&[]);
    world.send_through(sink.port, 1, 0);
    let all = people(&world, 3);
    let mailing = draft(&world, HTML, &[all]);
    let admin = world.admin();
    admin.submit("/benutzerkonto/versand/ausschalten", &[]);
    world.write(|conn| {
        let now = Timestamp::now();
        widerspruch::db::models::sending::schedule(conn, world.account_id, mailing, now)
    });
    world.state.sender.wake();
    told_problem(&world, mailing);
    admin
        .visit(&format!("/e-mailings/{mailing}"))
        .assert_says("Zur geplanten Zeit war der Versand ausgeschaltet.");
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
    admin.submit("/benutzerkonto/versand/einschalten", &[]);
    let mailing = sent(&world, mailing);
    assert_eq!((mailing.handed, mailing.problem), (3, None));
    assert_eq!(sink.taken().len(), 3);
}

#[test]
fn what_was_planned_for_a_server_waits_for_it_sqlite() {
    planned(On::Sqlite);
}

#[test]
fn what_was_planned_for_a_server_waits_for_it_postgres() {
    planned(On::Postgres);
}
