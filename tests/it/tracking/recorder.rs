//! What becomes of a hit, through the real routes.

use diesel::prelude::*;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::reports;
use widerspruch::db::schema::deliveries;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, TrackingMode, TrackingSource};
use widerspruch::tracking::{pseudonymise, settings};

use crate::support::agent::Agent;
use crate::support::{On, World, eventually, on_both};

const TEST: Actor = Actor::Program("test");

fn figures(world: &World, mailing_id: i64) -> reports::Figures {
    let mut all = world.read(|conn| reports::figures(conn, world.account_id, &[mailing_id]));
    all.remove(0)
}

on_both!(hits_are_counted_before_they_are_answered, |world| {
    let mailing = world.make_sent_mailing("Neues", 2);
    let anna = world.make_recipient("anna@example.org");
    let ben = world.make_recipient("ben@example.org");
    let anna_key = world.deliver(mailing, anna, Decision::Personal);
    let ben_key = world.deliver(mailing, ben, Decision::Personal);
    let visitor = world.visitor();
    for _ in 0..3 {
        let answer = visitor.get(&world.pixel(mailing, anna_key));
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("server-timing"),
            None,
            "answered means stored"
        );
    }
    visitor.get(&world.pixel(mailing, ben_key));
    for link in [1, 1, 2] {
        let answer = visitor.get(&world.click(mailing, anna_key, link));
        let target = format!("https://shop.example/{link}?a=1&b=2#c");
        assert_eq!(answer.location(), Some(target));
    }
    let unknown = visitor.get(&world.click(mailing, anna_key, 9));
    assert_eq!(
        unknown.status, 404,
        "no open redirect: only links of the mailing"
    );

    let figures = figures(world, mailing);
    assert_eq!((figures.opens, figures.openers), (4, 2));
    assert_eq!((figures.clicks, figures.clickers), (3, 1));
    assert_eq!((figures.anonymous_opens, figures.anonymous_clicks), (0, 0));
    assert_eq!(
        world.rows(
            "mailing_hours",
            "kind = 1 AND link = 1 AND personal = 2 AND firsts = 1"
        ),
        1
    );
    assert_eq!(
        world.rows(
            "mailing_hours",
            "kind = 1 AND link = 2 AND personal = 1 AND firsts = 1"
        ),
        1
    );
    assert_eq!(world.rows("deliveries", "opens = 3 AND clicks = 3"), 1);
});

on_both!(p3_an_anonymous_hit_only_raises_the_hourly_total, |world| {
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    world.deliver(mailing, anna, Decision::Anonymous);
    let visitor = world.visitor();
    visitor.get(&world.pixel(mailing, None));
    visitor.get(&world.pixel(mailing, None));
    visitor.get(&world.click(mailing, None, 1));
    let figures = figures(world, mailing);
    assert_eq!((figures.anonymous_opens, figures.anonymous_clicks), (2, 1));
    assert_eq!((figures.opens, figures.openers, figures.clicks), (0, 0, 0));
    assert_eq!(world.rows("events", "1 = 1"), 0);
    assert_eq!(world.rows("mailing_devices", "1 = 1"), 0);
    assert_eq!(
        world.rows(
            "deliveries",
            "opens > 0 OR clicks > 0 OR first_open_at IS NOT NULL"
        ),
        0
    );
});

on_both!(
    p2_switching_off_holds_for_mails_sent_before_and_for_queued_hits,
    |world| {
        let mailing = world.make_sent_mailing("Neues", 1);
        let people: Vec<i64> = (0..40)
            .map(|n| world.make_recipient(&format!("person{n}@example.org")))
            .collect();
        let keys: Vec<_> = people
            .iter()
            .map(|id| world.deliver(mailing, *id, Decision::Personal))
            .collect();

        // Hits wait in memory while the deactivation commits.
        let held = world.state.recorder.hold();
        let hits: Vec<_> = keys
            .iter()
            .map(|key| {
                let (url, path) = (world.url.clone(), world.pixel(mailing, *key));
                std::thread::spawn(move || {
                    crate::support::agent::Agent::new(&url).get(&path).status
                })
            })
            .collect();
        eventually(
            "the hits arrive",
            || world.state.recorder.waiting(),
            |waiting| *waiting >= keys.len(),
        );
        let queued = world.state.recorder.waiting();
        assert!(queued > 0);
        let now = Timestamp::now();
        world.write(|conn| {
            settings::set_account_mode(conn, world.account_id, TrackingMode::Off, &TEST, now)
        });
        drop(held);
        for hit in hits {
            assert_eq!(hit.join().expect("an answer"), 200);
        }
        world.wait_for_recorder();
        world.visitor().get(&world.pixel(mailing, keys[0]));
        assert_eq!(
            world.rows("events", "1 = 1"),
            0,
            "nothing personal after the commit"
        );
        let figures = figures(world, mailing);
        assert_eq!(figures.opens, 0);
        assert_eq!(
            figures.anonymous_opens,
            i64::try_from(queued).expect("a number") + 1
        );
    }
);

on_both!(
    p2_hits_racing_an_objection_are_personal_only_before_it,
    |world| {
        let mailing = world.make_sent_mailing("Neues", 1);
        let anna = world.make_recipient("anna@example.org");
        let key = world.deliver(mailing, anna, Decision::Personal);
        let (url, path) = (world.url.clone(), world.pixel(mailing, key));
        let racing: Vec<_> = (0..4)
            .map(|_| {
                let (url, path) = (url.clone(), path.clone());
                std::thread::spawn(move || {
                    let agent = crate::support::agent::Agent::new(&url);
                    (0..50)
                        .filter(|_| agent.get(&path).header("server-timing").is_none())
                        .count()
                })
            })
            .collect();
        eventually(
            "the race begins",
            || world.rows("events", "1 = 1"),
            |events| *events > 0,
        );
        world.write(|conn| {
            settings::object(
                conn,
                world.account_id,
                anna,
                TrackingSource::Admin,
                &TEST,
                Timestamp::now(),
            )
        });
        let at_commit = figures(world, mailing).opens;
        let sent: usize = racing
            .into_iter()
            .map(|thread| thread.join().expect("hits"))
            .sum();
        world.visitor().get(&path);
        let after = figures(world, mailing);
        assert_eq!(after.opens, at_commit, "nothing personal after the commit");
        assert_eq!(
            after.opens + after.anonymous_opens,
            i64::try_from(sent).expect("a number") + 1,
            "nothing is lost"
        );
    }
);

on_both!(nothing_remains_where_the_account_wants_nothing, |world| {
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    world.write(|conn| {
        let now = Timestamp::now();
        settings::set_account_options(conn, world.account_id, false, true, &TEST, now)?;
        settings::set_account_mode(conn, world.account_id, TrackingMode::Off, &TEST, now)
    });
    world.visitor().get(&world.pixel(mailing, key));
    let answer = world.visitor().get(&world.click(mailing, key, 1));
    assert_eq!(
        answer.location().as_deref(),
        Some("https://shop.example/1?a=1&b=2#c"),
        "links lead on"
    );
    assert_eq!(
        world.rows("events", "1 = 1") + world.rows("mailing_hours", "1 = 1"),
        0
    );
});

on_both!(
    p6_pseudonymised_keys_are_dead_and_hits_count_anonymously,
    |world| {
        let mailing = world.make_sent_mailing("Neues", 1);
        let anna = world.make_recipient("anna@example.org");
        let key = world.deliver(mailing, anna, Decision::Personal);
        let visitor = world.visitor();
        visitor.get(&world.pixel(mailing, key));
        visitor.get(&world.click(mailing, key, 1));
        let before = figures(world, mailing);
        world.write(|conn| {
            pseudonymise::pseudonymise_recipient(
                conn,
                world.account_id,
                anna,
                &TEST,
                Timestamp::now(),
            )
        });
        assert_eq!(figures(world, mailing), before, "p5: no number changes");
        assert_eq!(world.deliveries_of(anna), Vec::<i64>::new());
        assert_eq!(
        world.rows(
            "deliveries",
            "recipient_id IS NULL AND token_key IS NULL AND length(pseudonym) = 16 AND opens = 1 AND clicks = 1
             AND first_open_at % 3600000 = 0 AND last_open_at % 3600000 = 0 AND first_click_at % 3600000 = 0
             AND last_click_at % 3600000 = 0 AND handed_at % 3600000 = 0"
        ),
        1,
        "exact times are cut to the hour"
    );
        visitor.get(&world.pixel(mailing, key));
        let answer = visitor.get(&world.click(mailing, key, 1));
        assert_eq!(
            answer.location().as_deref(),
            Some("https://shop.example/1?a=1&b=2#c"),
            "links lead on"
        );
        let after = figures(world, mailing);
        assert_eq!((after.opens, after.clicks), (before.opens, before.clicks));
        assert_eq!((after.anonymous_opens, after.anonymous_clicks), (1, 1));
    }
);

on_both!(programs_are_never_in_the_rates, |world| {
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let visitor = world.visitor();
    visitor.get_with(
        &world.pixel(mailing, key),
        &[("user-agent", "Googlebot/2.1")],
    );
    let figures = figures(world, mailing);
    assert_eq!(
        (figures.opens, figures.openers, figures.automatic_opens),
        (0, 0, 1)
    );
});

on_both!(
    p1_personal_only_if_the_rendering_and_the_hit_say_so,
    |world| {
        let mailing = world.make_sent_mailing("Neues", 0);
        let set = |mode| {
            world.write(|conn| {
                settings::set_account_mode(conn, world.account_id, mode, &TEST, Timestamp::now())
            });
        };
        let anna = world.make_recipient("anna@example.org");
        let ben = world.make_recipient("ben@example.org");
        let anna_key = world.deliver(mailing, anna, Decision::Personal);
        let ben_key = world.deliver(mailing, ben, Decision::Personal);
        // As if the rendering had said no, and a key stood in the mail all the same.
        world.write(|conn| {
            diesel::update(deliveries::table.filter(deliveries::recipient_id.eq(ben)))
                .set(deliveries::policy.eq("anonymous"))
                .execute(conn)?;
            Ok(())
        });
        let visitor = world.visitor();
        visitor.get(&world.pixel(mailing, ben_key));
        assert_eq!(figures(world, mailing).opens, 0, "the rendering said no");
        for mode in [TrackingMode::Consent, TrackingMode::Off] {
            set(mode);
            visitor.get(&world.pixel(mailing, anna_key));
        }
        assert_eq!(figures(world, mailing).opens, 0, "the hit says no");
        set(TrackingMode::Active);
        visitor.get(&world.pixel(mailing, anna_key));
        let figures = figures(world, mailing);
        assert_eq!(
            (figures.opens, figures.openers, figures.anonymous_opens),
            (1, 1, 3)
        );
    }
);

#[test]
fn p2_holds_for_hits_that_wait_on_another_node() {
    let world = World::start(On::Postgres);
    let node = world.another_node();
    let mailing = world.make_sent_mailing("Neues", 0);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let path = world.pixel(mailing, key);
    assert_eq!(Agent::new(&node.url).get(&path).status, 200);
    assert_eq!(
        figures(&world, mailing).opens,
        1,
        "the other node stores hits too"
    );

    let held = node.state.recorder.hold();
    let url = node.url.clone();
    let hit = std::thread::spawn(move || Agent::new(&url).get(&path).status);
    let waiting = || node.state.recorder.waiting();
    eventually("the hit arrives", waiting, |hits| *hits > 0);
    world
        .admin()
        .submit("/benutzerkonto/tracking/deaktivieren", &[]);
    drop(held);
    assert_eq!(hit.join().expect("an answer"), 200);
    eventually("the hit is stored", waiting, |hits| *hits == 0);
    let figures = figures(&world, mailing);
    assert_eq!((figures.opens, figures.anonymous_opens), (1, 1));
}
