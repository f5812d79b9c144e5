//! The documented procedure 3 over HTTP, and the rules around it.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use widerspruch::db::reports;
use widerspruch::domain::tracking::Decision;

use crate::support::agent::{Agent, Answer};
use crate::support::{World, on_both};

fn delete(admin: &Agent, recipient: i64) -> Answer {
    admin.visit(&format!("/empfaenger/{recipient}/loeschen"));
    admin.submit(&format!("/empfaenger/{recipient}/loeschen"), &[])
}

fn enter_again(world: &World, admin: &Agent, address: &str) -> i64 {
    let answer = admin.post("/empfaenger/neu", &[("email", address)]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let key = widerspruch::domain::address::EmailAddress::parse(address).expect("an address");
    world
        .read(|conn| {
            widerspruch::db::models::recipients::find_by_address(conn, world.account_id, key.key())
        })
        .expect("the recipient")
        .id
}

on_both!(p5_deleting_goes_well_while_a_mailing_is_sent, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    let handed = || world.total("handed", "mailings", &format!("id = {mailing}"));
    let people: Vec<i64> = (0..40)
        .map(|n| {
            let person = world.make_recipient(&format!("p{n}@example.org"));
            world.deliver(mailing, person, Decision::Personal);
            person
        })
        .collect();
    let (before, is_over) = (handed(), AtomicBool::new(false));
    let counted = AtomicI64::new(0);
    let meanwhile = std::thread::scope(|scope| {
        // As a sender counts what it has handed over, some mails at a time.
        let sender = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                world.execute(&format!(
                    "UPDATE mailings SET handed = handed + 1 WHERE id = {mailing}"
                ));
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        // Whatever comes of it, the sender is to end.
        let deleted = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let admin = world.admin();
            let so_far = || counted.load(Ordering::SeqCst);
            let during = |person: &&i64| {
                let before = so_far();
                assert_eq!(delete(&admin, **person).status, 200);
                so_far() > before
            };
            people.iter().filter(during).count()
        }));
        is_over.store(true, Ordering::SeqCst);
        sender.join().expect("it counts");
        deleted
    });
    let meanwhile = meanwhile.unwrap_or_else(|failure| std::panic::resume_unwind(failure));
    assert!(meanwhile > 0, "both went on at the same time");
    assert_eq!(handed(), before + counted.into_inner());
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
});

on_both!(deleting_keeps_every_number_and_says_so, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 2);
    let anna = world.make_recipient("anna@example.org");
    let ben = world.make_recipient("ben@example.org");
    let visitor = world.visitor();
    for recipient in [anna, ben] {
        let key = world.deliver(mailing, recipient, Decision::Personal);
        visitor.get(&world.pixel(mailing, key));
        visitor.get(&world.pixel(mailing, key));
        visitor.get(&world.click(mailing, key, 2));
    }
    let figures = || world.read(|conn| reports::figures(conn, world.account_id, &[mailing]));
    let before = figures();
    let admin = world.admin();
    let page = admin.visit(&format!("/empfaenger/{anna}/loeschen"));
    page.assert_says("2 Öffnungen und 1 Klick aus 1 E-Mailing");
    let receipt = delete(&admin, anna);
    receipt
        .assert_says("2 Öffnungen, 1 Klick")
        .assert_says("durch Eva Admin".trim_start_matches("durch "))
        .assert_says("Herbstbrief")
        .assert_says("gleich")
        .assert_silent_about("abweichend")
        .assert_silent_about("anna@example.org");
    assert_eq!(figures(), before, "p5: no number changes");
    assert_eq!(admin.get(&format!("/empfaenger/{anna}")).status, 404);
    assert_eq!(world.rows("events", "1 = 1"), 4, "the events stay");
    assert_eq!(
        world.rows("deliveries", &format!("recipient_id = {anna}")),
        0
    );
    assert_eq!(
        world.rows("deliveries", &format!("recipient_id = {ben}")),
        1
    );
});

on_both!(p6_the_same_history_gives_different_pseudonyms, |world| {
    let admin = world.admin();
    let mailings = [
        world.make_sent_mailing("Eins", 0),
        world.make_sent_mailing("Zwei", 0),
    ];
    for _ in 0..2 {
        let anna = world.make_recipient("anna@example.org");
        for mailing in mailings {
            world.deliver(mailing, anna, Decision::Personal);
        }
        delete(&admin, anna);
    }
    assert_eq!(
        world.rows("(SELECT DISTINCT pseudonym FROM deliveries) AS p", "1 = 1"),
        4
    );
});

on_both!(
    p9_an_objection_outlives_deletion_while_it_is_remembered,
    |world| {
        let admin = world.admin();
        let anna = world.make_recipient("Anna@Example.org");
        admin.submit(
            &format!("/empfaenger/{anna}/tracking"),
            &[("tracking_off", "ja")],
        );
        delete(&admin, anna);
        let again = enter_again(world, &admin, "anna@example.ORG");
        assert_ne!(again, anna, "p10: a number is never given twice");
        let page = admin.visit(&format!("/empfaenger/{again}/tracking"));
        page.assert_says("Gemerkter Widerspruch vom");
        assert!(page.attribute("#tracking_off", "checked").is_some());

        // Lifting it needs a reason, and forgets.
        let path = format!("/empfaenger/{again}/tracking/aufheben");
        let refused = admin.post(&path, &[("reason", "  ")]);
        assert_eq!(refused.status, 422);
        refused.assert_says("Geben Sie an, warum der Widerspruch aufgehoben wird.");
        admin.submit(&path, &[("reason", "hat am Telefon darum gebeten")]);
        delete(&admin, again);
        let third = enter_again(world, &admin, "anna@example.org");
        let page = admin.visit(&format!("/empfaenger/{third}/tracking"));
        assert!(page.attribute("#tracking_off", "checked").is_none());
    }
);

on_both!(
    p9_nothing_is_kept_where_nothing_is_to_be_remembered,
    |world| {
        let admin = world.admin();
        admin.submit(
            "/benutzerkonto/tracking/einstellungen",
            &[("rest", "anonym")],
        );
        let anna = world.make_recipient("anna@example.org");
        admin.submit(
            &format!("/empfaenger/{anna}/tracking"),
            &[("tracking_off", "ja")],
        );
        delete(&admin, anna);
        assert_eq!(world.rows("objections", "1 = 1"), 0);
        let again = enter_again(world, &admin, "anna@example.org");
        let page = admin.visit(&format!("/empfaenger/{again}/tracking"));
        assert!(
            page.attribute("#tracking_off", "checked").is_none(),
            "entered again means tracked again"
        );
    }
);

on_both!(p10_entering_again_reconnects_nothing, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    world.visitor().get(&world.pixel(mailing, key));
    let admin = world.admin();
    delete(&admin, anna);
    let again = enter_again(world, &admin, "anna@example.org");
    world.visitor().get(&world.pixel(mailing, key));
    assert_eq!(world.deliveries_of(again), Vec::<i64>::new());
    admin
        .visit(&format!("/empfaenger/{again}/tracking"))
        .assert_says("keine Tracking-Daten aus alten E-Mailings");
});

on_both!(p11_the_log_names_numbers_not_addresses, |world| {
    let admin = world.admin();
    let anna = world.make_recipient("anna@example.org");
    admin.submit(
        &format!("/empfaenger/{anna}/tracking"),
        &[("tracking_off", "ja")],
    );
    delete(&admin, anna);
    let entries =
        world.read(|conn| widerspruch::db::models::audit::newest(conn, world.account_id, 10));
    let told: Vec<_> = entries
        .iter()
        .map(|e| (e.action.as_str(), e.recipient_id, e.actor.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("recipient_deleted", Some(anna), "Eva Admin"),
            ("recipient_objected", Some(anna), "Eva Admin")
        ]
    );
    assert!(
        entries
            .iter()
            .all(|entry| entry.address.is_none() && !entry.details.contains("anna"))
    );
    let changed = world.state.db.write(|conn| {
        use diesel::prelude::*;
        Ok(diesel::sql_query("UPDATE audit_log SET actor = 'somebody'").execute(conn)?)
    });
    assert!(changed.is_err(), "an entry can't be changed");
});

on_both!(other_accounts_recipients_do_not_exist, |world| {
    let admin = world.admin();
    let anna = world.make_recipient("anna@example.org");
    world.make_account("Andere GmbH", "other@example.org");
    let other = world.signed_in("other@example.org");
    for path in [
        "",
        "/tracking",
        "/gruppen",
        "/verlauf",
        "/loeschen",
        "/tracking/aufheben",
    ] {
        assert_eq!(
            other.get(&format!("/empfaenger/{anna}{path}")).status,
            404,
            "{path}"
        );
    }
    for path in ["/tracking/pseudonymisieren", "/loeschen"] {
        assert_eq!(
            other.post(&format!("/empfaenger/{anna}{path}"), &[]).status,
            404,
            "{path}"
        );
    }
    let objecting = other.post(
        &format!("/empfaenger/{anna}/tracking"),
        &[("tracking_off", "ja")],
    );
    assert_eq!(objecting.status, 404);
    admin.visit(&format!("/empfaenger/{anna}"));
});
