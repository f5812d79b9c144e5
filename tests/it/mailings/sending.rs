//! Sending: once to everybody, as the policy says, and what is taken up after a crash.

use std::collections::BTreeSet;

use diesel::prelude::*;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::sending::{self as queue, Claim};
use widerspruch::db::models::{accounts, recipients};
use widerspruch::db::{reports, schema};
use widerspruch::domain::secret::random_128;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientStatus, RecipientTracking, TrackingSource};
use widerspruch::sending::preparation;
use widerspruch::sending::transport::{Slot, Transport};
use widerspruch::tracking::settings;

use super::{HTML, LEFT, attributes, draft, group, mails, person, send, sent};
use crate::support::{On, World, on_both};

on_both!(everybody_receives_it_once, |world| {
    let (one, two) = (group(world, "Eins"), group(world, "Zwei"));
    let mut expected = BTreeSet::new();
    for n in 0..120 {
        let address = format!("p{n}@example.com");
        let id = person(world, one, &address, RecipientTracking::Unset);
        if n % 3 == 0 {
            world.write(|conn| {
                widerspruch::db::models::groups::add_members(
                    conn,
                    world.account_id,
                    two,
                    &[id],
                    Timestamp::now(),
                )
            });
        }
        expected.insert(address);
    }
    let mailing = send(world, draft(world, HTML, &[one, two]));
    assert_eq!((mailing.deliveries, mailing.handed), (120, 120));
    assert_eq!(mailing.handed_personal, 120);
    let received: Vec<String> = mails(world).into_iter().map(|(to, _)| to).collect();
    assert_eq!(received.len(), 120);
    assert_eq!(received.into_iter().collect::<BTreeSet<_>>(), expected);

    // P6: the deliveries' numbers say nothing about the recipients.
    let order: Vec<Option<i64>> = world.read(|conn| {
        Ok(schema::deliveries::table
            .order(schema::deliveries::id)
            .select(schema::deliveries::recipient_id)
            .load(conn)?)
    });
    assert!(!order.is_sorted());
});

on_both!(p4_no_hidden_identifier_without_tracking, |world| {
    let all = group(world, "Alle");
    person(world, all, "anna@example.com", RecipientTracking::Objected);
    person(world, all, "bert@example.com", RecipientTracking::Objected);
    person(world, all, "carl@example.com", RecipientTracking::Unset);
    let mailing = send(world, draft(world, HTML, &[all]));
    assert_eq!((mailing.handed_personal, mailing.handed_anonymous), (1, 2));
    let mails = mails(world);
    let measured = |at: usize| {
        let html = mails[at].1.html.as_deref().expect("HTML");
        let mut urls = attributes(html, "img", "src");
        urls.extend(
            attributes(html, "a", "href")
                .into_iter()
                .filter(|url| url.contains("/k/")),
        );
        urls
    };
    assert_eq!(measured(0).len(), 3, "a pixel and two links");
    assert_eq!(measured(0), measured(1));
    assert!(
        measured(2).iter().all(|url| !measured(0).contains(url)),
        "who may be measured has addresses of his own"
    );
    let texts: Vec<_> = mails[..2]
        .iter()
        .map(|(_, mail)| mail.text.clone().expect("a text"))
        .collect();
    assert!(texts[0].contains("Hallo anna") && texts[1].contains("Hallo bert"));
    for url in measured(0).iter().filter(|url| url.contains("/k/")) {
        assert!(texts.iter().all(|text| text.contains(url)));
    }
});

on_both!(where_nothing_is_measured_links_stay_unchanged, |world| {
    world.write(|conn| {
        diesel::update(schema::accounts::table.find(world.account_id))
            .set(schema::accounts::count_anonymously.eq(false))
            .execute(conn)?;
        accounts::find(conn, world.account_id)
    });
    let all = group(world, "Alle");
    person(world, all, "anna@example.com", RecipientTracking::Objected);
    send(world, draft(world, HTML, &[all]));
    let html = mails(world)[0].1.html.clone().expect("HTML");
    assert_eq!(attributes(&html, "img", "src"), Vec::<String>::new());
    let links = attributes(&html, "a", "href");
    assert_eq!(
        links[..2],
        ["https://example.org/a?x=1&y=2", "https://example.org/b"]
    );
    assert!(links[2..].iter().all(|url| !url.contains("/k/")));
});

on_both!(a_newsletters_links_lead_to_their_targets, |world| {
    let html = include_str!("../../fixtures/newsletter.html");
    let all = group(world, "Alle");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    send(world, draft(world, html, &[all]));
    let mail = mails(world).remove(0).1;
    let originals = attributes(html, "a[href], area[href]", "href");
    let rewritten = attributes(
        mail.html.as_deref().expect("HTML"),
        "a[href], area[href]",
        "href",
    );
    let visitor = world.visitor();
    let mut followed = 0;
    for (original, rewritten) in originals.iter().zip(&rewritten) {
        if !rewritten.contains("/k/") {
            continue;
        }
        let answer = visitor.get(rewritten);
        let target = widerspruch::mail::links::location(original.trim()).expect("a web address");
        assert_eq!(answer.location().as_deref(), Some(target.as_str()));
        followed += 1;
    }
    assert!(followed >= 20, "{followed} links were tracked");

    let pixel = attributes(mail.html.as_deref().expect("HTML"), "img", "src")
        .into_iter()
        .find(|src| src.contains("/o/"))
        .expect("a pixel");
    let picture = visitor.get(&pixel);
    assert_eq!(picture.header("content-type"), Some("image/gif"));
    assert_eq!(picture.header("server-timing"), None, "it was stored");
    let (opens, clicks): (i64, i64) = world.read(|conn| {
        Ok(schema::deliveries::table
            .select((schema::deliveries::opens, schema::deliveries::clicks))
            .first(conn)?)
    });
    assert_eq!((opens, clicks), (1, followed));

    let personal: Vec<_> = rewritten
        .iter()
        .filter(|url| url.contains("/abmelden/") || url.contains("/datenschutz/"))
        .collect();
    assert!(personal.len() >= 2);
    for url in personal {
        assert_eq!(visitor.get(url).status, 200);
    }
});

/// As if a sender had ended in the middle: one delivery's mail was written, another's was not.
fn a_crash(mut world: World) {
    let all = group(&world, "Alle");
    let ids: Vec<i64> = ["anna", "bert", "carl"]
        .iter()
        .map(|name| {
            let address = format!("{name}@example.com");
            person(&world, all, &address, RecipientTracking::Unset)
        })
        .collect();
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    let (account_id, now) = (world.account_id, Timestamp::now());
    world.write(|conn| {
        let actor = Actor::Program("Test");
        preparation::start(conn, account_id, mailing, &actor, now)?;
        queue::write_deliveries(conn, account_id, mailing, &ids)?;
        queue::begin(conn, account_id, mailing)?;
        let waiting = queue::waiting(conn, account_id, mailing, 2, Timestamp::now())?;
        assert_eq!(waiting.len(), 2);
        let claims: Vec<Claim> = waiting
            .iter()
            .map(|waiting| Claim {
                id: waiting.id,
                policy: Decision::Personal,
                key: Some(random_128().expect("random bits")),
            })
            .collect();
        queue::claim(conn, account_id, &claims, LEFT)
    });
    let written = Slot {
        mailing_id: mailing,
        recipient_id: ids[0],
    };
    let message = b"From: post@example.org\r\nSubject: before the crash\r\n\r\nHallo\r\n";
    world
        .state
        .outbox
        .hand_over(written, message)
        .expect("it is written");
    world.restart();

    let mailing = sent(&world, mailing);
    assert_eq!((mailing.deliveries, mailing.handed), (3, 3));
    assert_eq!(mailing.uncertain, 0);
    let mails = mails(&world);
    let subjects: Vec<_> = mails
        .iter()
        .map(|(_, mail)| mail.subject.as_str())
        .collect();
    assert_eq!(
        subjects,
        ["before the crash", "Neues für bert", "Neues für carl"],
        "what was written is not written again"
    );
}

#[test]
fn a_crash_repeats_nothing_sqlite() {
    a_crash(World::start(On::Sqlite));
}

#[test]
fn a_crash_repeats_nothing_postgres() {
    a_crash(World::start(On::Postgres));
}

/// People who may not be written to any more when their turn comes.
fn the_unreachable(mut world: World) {
    let all = group(&world, "Alle");
    // Many in a row, so that whole claims are cancelled, and the last one still gets the mail.
    let ids: Vec<i64> = (0..130)
        .map(|n| {
            let address = format!("p{n:03}@example.com");
            person(&world, all, &address, RecipientTracking::Unset)
        })
        .collect();
    let mailing = draft(&world, HTML, &[all]);
    world.stop();
    let (account_id, now) = (world.account_id, Timestamp::now());
    let actor = Actor::Program("Test");
    let set = |id, status| {
        world.write(|conn| {
            recipients::set_status(conn, account_id, id, status, TrackingSource::Recipient, now)
        });
    };
    world.write(|conn| {
        preparation::start(conn, account_id, mailing, &actor, now)?;
        queue::write_deliveries(conn, account_id, mailing, &ids)?;
        queue::begin(conn, account_id, mailing)
    });
    let before = figures(&world, mailing);
    for id in &ids[..100] {
        world.write(|conn| {
            settings::unsubscribe(
                conn,
                account_id,
                *id,
                TrackingSource::Recipient,
                &actor,
                now,
            )
        });
    }
    set(ids[110], RecipientStatus::Bounced);
    set(ids[120], RecipientStatus::Bounced);
    set(ids[120], RecipientStatus::Active);
    world.restart();

    let mailing = sent(&world, mailing);
    assert_eq!(mailing.deliveries, 130);
    assert_eq!((mailing.handed, mailing.cancelled), (29, 101));
    assert_eq!((mailing.uncertain, mailing.failed), (0, 0));
    let received: Vec<String> = mails(&world).into_iter().map(|(to, _)| to).collect();
    let expected: Vec<String> = (100..130)
        .filter(|n| *n != 110)
        .map(|n| format!("p{n:03}@example.com"))
        .collect();
    assert_eq!(received, expected);
    assert_eq!(
        world.rows(
            "deliveries",
            "status = 'cancelled' AND token_key IS NULL AND policy IS NULL AND handed_at IS NULL"
        ),
        101
    );
    assert_eq!(before.handed, 0);

    // A person who is told no more is no reason to count a deletion twice (rule P5).
    let before = figures(&world, mailing.id);
    let admin = world.admin();
    admin.submit(&format!("/empfaenger/{}/loeschen", ids[0]), &[]);
    assert_eq!(figures(&world, mailing.id), before);
}

fn figures(world: &World, mailing: i64) -> reports::Figures {
    let mut all = world.read(|conn| reports::figures(conn, world.account_id, &[mailing]));
    all.remove(0)
}

#[test]
fn who_is_not_to_be_written_to_any_more_gets_nothing_sqlite() {
    the_unreachable(World::start(On::Sqlite));
}

#[test]
fn who_is_not_to_be_written_to_any_more_gets_nothing_postgres() {
    the_unreachable(World::start(On::Postgres));
}
