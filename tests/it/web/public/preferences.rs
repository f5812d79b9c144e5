//! *Datenschutz-Einstellungen*: groups, one's own data, and the wish to be deleted.

use widerspruch::db::models::audit::{self, Action};
use widerspruch::db::models::{deletion_requests, groups};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientStatus, RecipientTracking};
use widerspruch::tracking::token::PersonalLink;

use super::{personal, recipient};
use crate::support::agent::Answer;
use crate::support::{World, on_both};

/// Anna in two groups, with one mailing that was measured; and the page of her mail.
struct Anna {
    id: i64,
    mailing: i64,
    groups: [i64; 2],
    page: String,
    pixel: String,
    click: String,
}

impl Anna {
    fn new(world: &World) -> Self {
        let now = Timestamp::now();
        let id = world.make_recipient("anna@example.org");
        let groups = world.write(|conn| {
            let one = groups::create(conn, world.account_id, "Kundschaft", now)?;
            let other = groups::create(conn, world.account_id, "Presse", now)?;
            for group in [one, other] {
                groups::add_members(conn, world.account_id, group, &[id], now)?;
            }
            Ok([one, other])
        });
        let mailing = world.make_sent_mailing("Herbstbrief", 1);
        let key = world.deliver(mailing, id, Decision::Personal);
        Self {
            id,
            mailing,
            groups,
            page: personal(world, PersonalLink::Preferences, mailing, id),
            pixel: world.pixel(mailing, key),
            click: world.click(mailing, key, 1),
        }
    }

    fn member_of(&self, world: &World) -> Vec<String> {
        let of = world.read(|conn| groups::of_recipient(conn, world.account_id, self.id));
        of.into_iter().map(|group| group.name).collect()
    }
}

fn assert_private(answer: &Answer) {
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let robots = answer.header("x-robots-tag").unwrap_or_default();
    assert!(robots.contains("noindex"), "{robots}");
    assert!(answer.header("set-cookie").is_none(), "without a cookie");
}

on_both!(looking_changes_nothing_and_is_private, |world| {
    let anna = Anna::new(world);
    let visitor = world.visitor();
    visitor.get(&anna.pixel);
    let before = world.snapshot(&[]);
    for path in ["", "/daten", "/daten.json"] {
        let answer = visitor.get(&format!("{}{path}", anna.page));
        assert_eq!(answer.status, 200, "{path}");
        assert_private(&answer);
    }
    // Nothing that changes something answers to a link.
    for path in [
        "/erlauben",
        "/gruppen",
        "/abmelden",
        "/loeschwunsch",
        "/loeschwunsch/zuruecknehmen",
    ] {
        let answer = visitor.get(&format!("{}{path}", anna.page));
        assert!(
            matches!(answer.status, 404 | 405),
            "{path}: {}",
            answer.status
        );
    }
    assert_eq!(world.snapshot(&[]), before);
    visitor
        .visit(&anna.page)
        .assert_says("a…@example.org")
        .assert_silent_about("anna@example.org");
});

on_both!(a_group_is_left_and_the_others_stay, |world| {
    let anna = Anna::new(world);
    let visitor = world.visitor();
    let page = visitor.visit(&anna.page);
    page.assert_says("Kundschaft").assert_says("Presse");
    let leave = format!("{}/gruppen", anna.page);
    let group = anna.groups[0].to_string();
    for _ in 0..2 {
        visitor
            .submit(&leave, &[("gruppe", &group)])
            .assert_says("Sie haben die Gruppe verlassen.")
            .assert_silent_about("Kundschaft");
    }
    assert_eq!(anna.member_of(world), ["Presse"]);
    assert_eq!(
        world.rows("groups", "name = 'Kundschaft' AND member_count = 0"),
        1
    );
    let person = recipient(world, anna.id);
    assert_eq!(person.status, RecipientStatus::Active, "still subscribed");
    assert_eq!(person.tracking, RecipientTracking::Unset);
    assert_eq!(
        world.rows(
            "audit_log",
            "action = 'recipient_left_group' AND actor = 'Empfänger selbst'"
        ),
        1,
        "twice counts once"
    );
    // A number that is not hers, or none.
    assert_eq!(visitor.post(&leave, &[("gruppe", "4711")]).status, 303);
    assert_eq!(visitor.post(&leave, &[]).status, 400);
    assert_eq!(anna.member_of(world), ["Presse"]);
});

on_both!(unsubscribing_and_objecting_are_two_things, |world| {
    let anna = Anna::new(world);
    let visitor = world.visitor();
    visitor
        .submit(&format!("{}/abmelden", anna.page), &[])
        .assert_says("Sie sind abgemeldet")
        .assert_says("Zurzeit wird über Sie erfasst");
    let person = recipient(world, anna.id);
    assert_eq!(person.status, RecipientStatus::Unsubscribed);
    assert_eq!(person.tracking, RecipientTracking::Unset);
    assert_eq!(world.rows("mailings", "unsubscriptions = 1"), 1);
    visitor
        .submit(&anna.page, &[])
        .assert_says("Sie haben widersprochen.");
    assert_eq!(
        recipient(world, anna.id).tracking,
        RecipientTracking::Objected
    );

    let admin = world.admin();
    admin
        .visit(&format!("/empfaenger/{}", anna.id))
        .assert_says("durch den Empfänger selbst");
    admin
        .visit(&format!("/empfaenger/{}/tracking", anna.id))
        .assert_says("Quelle: Empfänger selbst");
});

on_both!(
    p2_what_the_person_decides_holds_for_mails_already_there,
    |world| {
        let anna = Anna::new(world);
        let visitor = world.visitor();
        visitor.get(&anna.pixel);
        assert_eq!(world.rows("events", "1 = 1"), 1, "the control");
        visitor.submit(&anna.page, &[]);
        visitor.get(&anna.pixel);
        assert_eq!(visitor.get(&anna.click).status, 302, "the link leads on");
        assert_eq!(world.rows("events", "n = 1"), 1, "nothing came on top");
        assert_eq!(world.rows("deliveries", "opens = 1 AND clicks = 0"), 1);
        visitor.submit(&format!("{}/erlauben", anna.page), &[]);
        visitor.get(&anna.pixel);
        assert_eq!(world.rows("deliveries", "opens = 2"), 1);
    }
);

on_both!(one_sees_everything_that_is_stored, |world| {
    let anna = Anna::new(world);
    let visitor = world.visitor();
    visitor.get(&anna.pixel);
    visitor.get(&anna.click);
    visitor.get(&anna.click);
    visitor.submit(&format!("{}/erlauben", anna.page), &[]);
    visitor.submit(&anna.page, &[]);
    let admin = world.admin();
    admin.submit(
        &format!("/empfaenger/{}", anna.id),
        &[
            ("email", "anna@example.org"),
            ("vorname", "Anna"),
            ("nachname", "Müller"),
            ("neues-feld", "anrede"),
            ("neuer-wert", "Frau <Dr.>"),
        ],
    );
    // Somebody else, who must not appear.
    let ben = world.make_recipient("ben@example.org");
    world.deliver(anna.mailing, ben, Decision::Personal);

    let page = visitor.visit(&format!("{}/daten", anna.page));
    for words in [
        "anna@example.org",
        "Müller",
        "Frau <Dr.>",
        "Kundschaft",
        "Presse",
        "Herbstbrief",
        "https://shop.example/1?a=1&b=2#c",
        "Ich erlaube Muster GmbH",
        "widersprochen",
        "Sie selbst",
        "Wie gemessen wird",
        "Aufsichtsbehörde",
    ] {
        page.assert_says(words);
    }
    page.assert_silent_about("ben@example.org")
        .assert_silent_about("Eva Admin");

    let file = visitor.get(&format!("{}/daten.json", anna.page));
    assert_private(&file);
    assert!(
        file.header("content-disposition")
            .is_some_and(|value| value.starts_with("attachment"))
    );
    let data: serde_json::Value = serde_json::from_slice(&file.body).expect("JSON");
    assert_eq!(data["person"]["adresse"], "anna@example.org");
    assert_eq!(data["person"]["felder"]["anrede"], "Frau <Dr.>");
    assert_eq!(data["tracking"]["angabe"], "widersprochen");
    assert_eq!(data["tracking"]["quelle"], "Empfänger selbst");
    assert_eq!(data["gruppen"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        data["einwilligungen"][0]["wozu"],
        "Personenbezogenes Tracking"
    );
    let mail = &data["emails"][0];
    assert_eq!(mail["oeffnungen"], 1);
    assert_eq!(mail["klicks"], 2);
    let events = mail["ereignisse"].as_array().expect("events");
    let stored = world.rows("events", "1 = 1");
    assert_eq!(i64::try_from(events.len()).ok(), Some(stored), "each row");
    let total: i64 = events
        .iter()
        .filter_map(|event| event["anzahl"].as_i64())
        .sum();
    assert_eq!(total, 3);
    for event in events {
        let hour = event["stunde"].as_str().expect("a time");
        assert!(hour.ends_with(":00:00Z"), "to the hour: {hour}");
    }
    assert!(
        data["protokoll"]
            .as_array()
            .is_some_and(|log| log.len() >= 2)
    );
});

on_both!(asking_for_deletion_and_what_comes_of_it, |world| {
    let anna = Anna::new(world);
    let (visitor, admin) = (world.visitor(), world.admin());
    admin
        .visit("/empfaenger/loeschwuensche")
        .assert_says("Keine Löschwünsche");
    admin
        .visit("/empfaenger")
        .assert_silent_about("/empfaenger/loeschwuensche");

    let wish = format!("{}/loeschwunsch", anna.page);
    visitor
        .submit(&wish, &[])
        .assert_says("um Löschung gebeten");
    visitor.submit(&wish, &[]);
    visitor
        .submit(&format!("{wish}/zuruecknehmen"), &[])
        .assert_says("Um Löschung bitten");
    assert_eq!(world.rows("deletion_requests", "1 = 1"), 0);
    visitor.submit(&wish, &[]);

    admin.visit("/empfaenger").assert_says("1 Löschwunsch");
    let list = admin.visit("/empfaenger/loeschwuensche");
    list.assert_says("anna@example.org");
    let recipient_page = format!("/empfaenger/{}", anna.id);
    admin
        .visit(&recipient_page)
        .assert_says("um Löschung gebeten (Quelle: Empfänger selbst)");

    // Declined, with a reason that the person reads.
    let decline = format!("{recipient_page}/loeschwunsch/ablehnen");
    let refused = admin.post(&decline, &[("reason", "  ")]);
    assert_eq!(refused.status, 422);
    refused.assert_says("Geben Sie einen Grund an");
    admin
        .submit(&decline, &[("reason", "Offene <Rechnung>")])
        .assert_says("Abgelehnt.");
    assert_eq!(admin.post(&decline, &[("reason", "x")]).status, 404);
    visitor
        .visit(&anna.page)
        .assert_says("abgelehnt. Grund: Offene <Rechnung>");
    let entry = world.read(|conn| {
        let action = Action::DeletionRequestDeclined;
        audit::newest_of_recipient(conn, world.account_id, anna.id, action)
    });
    assert_eq!(entry.expect("an entry").actor, "Eva Admin");

    // Asked again, and deleted: the request goes, the link leads to nobody.
    visitor.submit(&wish, &[]);
    admin.submit(&format!("{recipient_page}/loeschen"), &[]);
    assert_eq!(world.rows("deletion_requests", "1 = 1"), 0);
    admin
        .visit("/empfaenger/loeschwuensche")
        .assert_says("Keine Löschwünsche");
    for path in ["", "/daten", "/daten.json"] {
        let address = format!("{}{path}", anna.page);
        assert_eq!(visitor.get(&address).status, 404, "{address}");
    }
    for path in ["", "/erlauben", "/abmelden", "/loeschwunsch"] {
        let address = format!("{}{path}", anna.page);
        assert_eq!(visitor.post(&address, &[]).status, 404, "{address}");
    }
});

on_both!(deletion_wishes_belong_to_one_account, |world| {
    let anna = Anna::new(world);
    world
        .visitor()
        .submit(&format!("{}/loeschwunsch", anna.page), &[]);
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    stranger
        .visit("/empfaenger/loeschwuensche")
        .assert_says("Keine Löschwünsche")
        .assert_silent_about("anna@example.org");
    let decline = format!("/empfaenger/{}/loeschwunsch/ablehnen", anna.id);
    assert_eq!(stranger.get(&decline).status, 404);
    assert_eq!(stranger.post(&decline, &[("reason", "x")]).status, 404);
    let left = world.read(|conn| deletion_requests::count(conn, world.account_id));
    assert_eq!(left, 1);
});
