//! Two acts on one person at the same moment, on PostgreSQL: what was read before the other's commit
//! must not be counted, logged or written over.

use widerspruch::bounces::apply;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::recipients::{self, Recipient};
use widerspruch::db::models::second_factors::{self, Owner};
use widerspruch::db::models::users;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientStatus, TrackingSource};
use widerspruch::people::second_factor;
use widerspruch::tracking::settings;

use crate::support::bounce::failed;
use crate::support::{On, World};

const TEST: Actor = Actor::Program("test");
const ANNA: &str = "anna@example.org";

fn person(world: &World, id: i64) -> Recipient {
    world.read(|conn| recipients::find(conn, world.account_id, id))
}

fn entries(world: &World, action: &str) -> i64 {
    world.rows("audit_log", &format!("action = '{action}'"))
}

/// The link in a mail, a program, a complaint: whichever comes second changes nothing.
#[test]
fn two_unsubscriptions_count_once() {
    let world = World::start(On::Postgres);
    let anna = world.make_recipient(ANNA);
    let leave = |source| {
        let account = world.account_id;
        move |conn: &mut _| {
            settings::unsubscribe(conn, account, anna, source, &TEST, Timestamp::now())
        }
    };
    let both = world.overlapping(
        leave(TrackingSource::Recipient),
        leave(TrackingSource::Complaint),
    );
    assert_eq!(both, (true, false));
    assert_eq!(entries(&world, "recipient_unsubscribed"), 1);
    let anna = person(&world, anna);
    assert_eq!(anna.status_source, Some(TrackingSource::Recipient));
}

/// *Wieder zustellen* is about the address. Who unsubscribes meanwhile stays unsubscribed.
#[test]
fn nobody_who_unsubscribes_is_reactivated() {
    let world = World::start(On::Postgres);
    let anna = world.make_recipient(ANNA);
    world.execute("UPDATE recipients SET status = 'bounced'");
    let (account, now) = (world.account_id, Timestamp::now());
    world.overlapping(
        |conn| settings::unsubscribe(conn, account, anna, TrackingSource::Recipient, &TEST, now),
        |conn| apply::reactivate(conn, account, anna, &TEST, now),
    );
    assert_eq!(person(&world, anna).status, RecipientStatus::Unsubscribed);
    assert_eq!(entries(&world, "recipient_reactivated"), 0);
}

#[test]
fn two_resubscriptions_are_one() {
    let world = World::start(On::Postgres);
    let anna = world.make_recipient(ANNA);
    world.execute("UPDATE recipients SET status = 'unsubscribed'");
    let return_to = || {
        let (account, key) = (world.account_id, world.state.remembering.clone());
        move |conn: &mut _| {
            let (source, now) = (TrackingSource::Admin, Timestamp::now());
            settings::resubscribe(conn, account, anna, &key, source, &TEST, now)
        }
    };
    world.overlapping(return_to(), return_to());
    assert_eq!(person(&world, anna).status, RecipientStatus::Active);
    assert_eq!(entries(&world, "recipient_resubscribed"), 1);
}

/// Of two mailings, since one mail's bounces wait for each other at its delivery.
#[test]
fn no_temporary_bounce_is_lost() {
    let world = World::start(On::Postgres);
    let anna = world.make_recipient(ANNA);
    let messages = ["Eins", "Zwei"].map(|subject| {
        let mailing = world.make_sent_mailing(subject, 0);
        world.deliver(mailing, anna, Decision::Personal);
        failed(&world.return_path(mailing, anna), ANNA, "4.2.2")
    });
    // Neither may look as if it had arrived after the other.
    world.execute("UPDATE deliveries SET handed_at = 1000");
    let keys = world.bounce_keys();
    let take = |message: &str| {
        let (message, keys) = (message.to_owned(), keys.clone());
        move |conn: &mut _| apply::take(conn, message.as_bytes(), &keys, Timestamp::now())
    };
    world.overlapping(take(&messages[0]), take(&messages[1]));
    assert_eq!(person(&world, anna).soft_bounces, 2);
}

#[test]
fn a_second_factor_is_removed_once() {
    let world = World::start(On::Postgres);
    let user = world.read(|conn| users::first_of_account(conn, world.account_id));
    world.execute("UPDATE users SET second_factor_at = 1, totp_secret = '\\x00'");
    let remove = || {
        let user = user.clone();
        move |conn: &mut _| second_factor::switch_off(conn, &user, Timestamp::now())
    };
    world.overlapping(remove(), remove());
    assert_eq!(entries(&world, "second_factor_off"), 1);
    let owner = Owner {
        account_id: world.account_id,
        user_id: user.id,
    };
    let left = world.read(|conn| second_factors::find(conn, owner));
    assert_eq!((left.since, left.secret), (None, None));
}
