//! Mailings that ask for consent leave those alone who refuse, also after their start.

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::groups;
use widerspruch::db::models::sending as queue;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{RecipientTracking, TrackingSource};
use widerspruch::sending::preparation;
use widerspruch::tracking::settings::{self, Lifting};

use super::{HTML, draft, group, mails, person, send, sent, wait_for_mails};
use crate::support::sink::Sink;
use crate::support::{On, World, eventually, on_both};

/// So many people, and a group made of them through the page.
fn asked(world: &World, people: usize) -> (Vec<i64>, i64) {
    let ids = (0..people)
        .map(|n| world.make_recipient(&format!("p{n}@example.com")))
        .collect();
    let admin = world.admin();
    admin.submit(
        "/benutzerkonto/tracking/modus",
        &[("auf", "consent"), ("von", "active")],
    );
    admin.submit("/benutzerkonto/tracking/fragen", &[("name", "Fragen")]);
    let group = world
        .read(|conn| groups::find_by_name(conn, world.account_id, "Fragen"))
        .expect("the group");
    (ids, group.id)
}

fn refuse(world: &World, id: i64) {
    let form = [("tracking_off", "ja")];
    world
        .admin()
        .submit(&format!("/empfaenger/{id}/tracking"), &form);
}

fn start(world: &World, mailing: i64) {
    let actor = Actor::Program("Test");
    world.write(|conn| {
        preparation::start(conn, world.account_id, mailing, &actor, Timestamp::now())
    });
}

fn received(world: &World) -> Vec<String> {
    mails(world).into_iter().map(|(to, _)| to).collect()
}

/// Somebody says no when all deliveries are written and none has gone.
fn before_the_first(on: On) {
    let mut world = World::start(on);
    let (ids, asking) = asked(&world, 6);
    let mailing = draft(&world, HTML, &[asking]);
    let remembering = world.state.remembering.clone();
    world.stop();
    start(&world, mailing);
    let account_id = world.account_id;
    world.write(|conn| {
        queue::write_deliveries(conn, account_id, mailing, &ids)?;
        queue::begin(conn, account_id, mailing)
    });
    world.write(|conn| {
        let (by, now) = (TrackingSource::Recipient, Timestamp::now());
        let actor = Actor::Program("Test");
        settings::object(conn, account_id, ids[1], by, &actor, now)?;
        settings::object(conn, account_id, ids[4], by, &actor, now)?;
        // A no that the account has lifted is still one for half a year.
        let lifting = Lifting {
            reason: "Versehen",
            source: TrackingSource::Admin,
            remembering: &remembering,
        };
        settings::lift_objection(conn, account_id, ids[4], &lifting, &actor, now)?;
        // What the mailing asks for does not depend on its group any more.
        groups::dissolve(conn, account_id, asking)
    });
    assert_eq!(world.rows("groups", &format!("id = {asking}")), 0);
    world.restart();
    let mailing = sent(&world, mailing);
    assert_eq!((mailing.handed, mailing.cancelled), (4, 2));
    let expected = [0, 2, 3, 5].map(|n| format!("p{n}@example.com"));
    assert_eq!(received(&world), expected);
}

#[test]
fn whoever_refuses_after_the_start_is_not_asked_sqlite() {
    before_the_first(On::Sqlite);
}

#[test]
fn whoever_refuses_after_the_start_is_not_asked_postgres() {
    before_the_first(On::Postgres);
}

/// Somebody says no when the mail is in the hands of a sender.
fn in_hand(on: On) {
    let world = World::start(on);
    let mut sink = Sink::start(&[]);
    sink.hold_after(1);
    world.send_through(sink.port, 1, 0);
    let (ids, asking) = asked(&world, 5);
    let mailing = draft(&world, HTML, &[asking]);
    start(&world, mailing);
    world.state.sender.wake();
    wait_for_mails(&sink, 1);
    let claimed = "status = 'claimed' AND policy = 'anonymous'";
    eventually(
        "one is underway, the others are in hand",
        || world.rows("deliveries", claimed),
        |in_hand| *in_hand == 3,
    );
    refuse(&world, ids[4]);
    // What is decided about anew is put back; without this it would wait for the sender's next look.
    world.state.sender.wake();
    sink.goes_on();
    let mailing = sent(&world, mailing);
    assert_eq!((mailing.handed, mailing.cancelled), (4, 1));
    let of_them = format!("recipient_id = {} AND status = 'cancelled'", ids[4]);
    assert_eq!(world.rows("deliveries", &of_them), 1);
    assert_eq!(sink.taken().len(), 4);
}

#[test]
fn whoever_refuses_while_the_mail_is_in_hand_is_not_asked_sqlite() {
    in_hand(On::Sqlite);
}

#[test]
fn whoever_refuses_while_the_mail_is_in_hand_is_not_asked_postgres() {
    in_hand(On::Postgres);
}

on_both!(another_group_is_no_way_round, |world| {
    let (_, asking) = asked(world, 2);
    let others = group(world, "Andere");
    person(world, others, "no@example.com", RecipientTracking::Objected);
    person(world, others, "new@example.com", RecipientTracking::Unset);
    let mailing = draft(world, HTML, &[asking, others]);
    let page = world
        .admin()
        .visit(&format!("/e-mailings/{mailing}/senden"));
    page.assert_says("3 Empfänger bekommen")
        .assert_says("1 Mitglied bekommt nichts: Das E-Mailing bittet um Einwilligung");
    let asks = send(world, mailing);
    assert_eq!((asks.deliveries, asks.handed, asks.cancelled), (3, 3, 0));
    assert!(!received(world).contains(&"no@example.com".to_owned()));

    // What asks for nothing goes to all.
    let plain = draft(world, HTML, &[others]);
    let page = world.admin().visit(&format!("/e-mailings/{plain}/senden"));
    page.assert_says("2 Empfänger bekommen")
        .assert_silent_about("bittet um Einwilligung");
    assert_eq!(send(world, plain).handed, 2);
});
