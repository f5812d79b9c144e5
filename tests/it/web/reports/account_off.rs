//! While tracking is off for the account everybody is counted anonymously, and such totals are
//! shown, also of mailings that went out personally. They tell nothing of who had objected.

use widerspruch::db::models::audit::Actor;
use widerspruch::domain::secret::Random128;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, TrackingMode, TrackingSource};
use widerspruch::tracking::{pseudonymise, settings};

use super::{row, squeeze};
use crate::support::agent::Agent;
use crate::support::{World, on_both};

const TEST: Actor = Actor::Program("test");

fn set_mode(world: &World, mode: TrackingMode) {
    world.write(|conn| {
        settings::set_account_mode(conn, world.account_id, mode, &TEST, Timestamp::now())
    });
}

/// Who got a mailing, and with which key.
type Reader = (i64, Option<Random128>);

/// A mailing to so many people, of whom the first ones are not measured personally.
fn mailing_to(world: &World, people: usize, anonymous: usize) -> (i64, Vec<Reader>) {
    let mailing = world.make_sent_mailing("Neues", 2);
    let readers = (0..people)
        .map(|n| {
            let id = world.make_recipient(&format!("p{n}@example.org"));
            let policy = if n < anonymous {
                Decision::Anonymous
            } else {
                Decision::Personal
            };
            (id, world.deliver(mailing, id, policy))
        })
        .collect();
    (mailing, readers)
}

/// The anonymous figures as a reader of the report gets them.
fn told(admin: &Agent, mailing: i64) -> Vec<String> {
    let file = admin
        .visit(&format!("/analysen/{mailing}/kennzahlen.csv"))
        .rows();
    file.lines()
        .filter(|line| line.contains(", anonym;"))
        .map(str::to_owned)
        .collect()
}

on_both!(totals_of_everybody_are_shown_by_the_hour, |world| {
    let (mailing, readers) = mailing_to(world, 12, 0);
    let visitor = world.visitor();
    visitor.get(&world.pixel(mailing, readers[0].1));
    set_mode(world, TrackingMode::Off);
    for n in 0..40 {
        visitor.get(&world.pixel(mailing, readers[n % 12].1));
    }
    for (_, key) in &readers[..9] {
        visitor.get(&world.click(mailing, *key, 1));
    }
    let admin = world.admin();
    let page = admin.visit(&format!("/analysen/{mailing}"));
    assert_eq!(
        squeeze(&row(&page, "Öffnungen")),
        "Öffnungen4114001Empfänger"
    );
    assert_eq!(squeeze(&row(&page, "Klicks")), "Klicks90900Empfänger");
    page.assert_says("nur die aus der Zeit, in der das Tracking des ganzen Benutzerkontos");
    let hours: Vec<String> = page.all("details tbody tr");
    assert!(
        hours
            .iter()
            .any(|hour| squeeze(hour).contains("Uhr11400009")),
        "{:?}",
        &hours[..2]
    );
    assert!(told(&admin, mailing).contains(&"Gesamt;Neues;Öffnungen, anonym;40".to_owned()));

    // Rule P5: neither an objection nor pseudonymising moves a figure.
    let before = told(&admin, mailing);
    let (object, forget) = (readers[1].0, readers[2].0);
    world.write(|conn| {
        let (account, now) = (world.account_id, Timestamp::now());
        settings::object(conn, account, object, TrackingSource::Admin, &TEST, now)?;
        pseudonymise::pseudonymise_recipient(conn, account, forget, &TEST, now)
    });
    assert_eq!(told(&admin, mailing), before);

    // What is anonymous because of single people is not told, now as before.
    set_mode(world, TrackingMode::Active);
    for _ in 0..30 {
        visitor.get(&world.pixel(mailing, readers[1].1));
        visitor.get(&world.pixel(mailing, readers[2].1));
    }
    assert_eq!(told(&admin, mailing), before);
});

on_both!(nothing_is_told_of_fewer_than_five_readers, |world| {
    let (mailing, readers) = mailing_to(world, 4, 0);
    set_mode(world, TrackingMode::Off);
    let visitor = world.visitor();
    for n in 0..40 {
        visitor.get(&world.pixel(mailing, readers[n % 4].1));
    }
    let page = world.admin().visit(&format!("/analysen/{mailing}"));
    assert_eq!(squeeze(&row(&page, "Öffnungen")), "Öffnungen00–00Empfänger");
});

/// What a reader of the report sees who looks after every hit, before, while and after tracking is
/// off for the account: the same hits of the same number of people, of whom the first ones had
/// objected, in the one way or the other. They also read their mail before and after.
fn seen_by_an_attacker(
    world: &World,
    objected: usize,
    rendered_anonymous: bool,
) -> Vec<Vec<String>> {
    let anonymous = if rendered_anonymous { objected } else { 0 };
    let (mailing, readers) = mailing_to(world, 10, anonymous);
    for (id, _) in &readers[..objected] {
        world.write(|conn| {
            let (account, now) = (world.account_id, Timestamp::now());
            settings::object(conn, account, *id, TrackingSource::Recipient, &TEST, now)
        });
    }
    let (admin, visitor) = (world.admin(), world.visitor());
    let mut seen = vec![told(&admin, mailing)];
    let read_by_those_who_objected = || {
        for (_, key) in &readers[..objected] {
            for _ in 0..4 {
                visitor.get(&world.pixel(mailing, *key));
                visitor.get(&world.click(mailing, *key, 1));
            }
        }
    };
    read_by_those_who_objected();
    seen.push(told(&admin, mailing));
    set_mode(world, TrackingMode::Off);
    seen.push(told(&admin, mailing));
    for (n, (_, key)) in readers.iter().enumerate() {
        visitor.get(&world.pixel(mailing, *key));
        seen.push(told(&admin, mailing));
        world
            .visitor()
            .get(&world.click(mailing, *key, 1 + u16::from(n % 3 == 0)));
        seen.push(told(&admin, mailing));
    }
    set_mode(world, TrackingMode::Active);
    seen.push(told(&admin, mailing));
    read_by_those_who_objected();
    seen.push(told(&admin, mailing));
    seen
}

on_both!(no_difference_tells_who_had_objected, |world| {
    let nobody = seen_by_an_attacker(world, 0, false);
    assert!(
        nobody
            .last()
            .expect("figures")
            .join("\n")
            .contains("Öffnungen, anonym;10"),
        "there is something to see: {nobody:?}"
    );
    for rendered_anonymous in [false, true] {
        let other = World::start(world.on);
        assert_eq!(
            seen_by_an_attacker(&other, 3, rendered_anonymous),
            nobody,
            "the same hits look the same, whether three had objected or nobody"
        );
    }
});
