//! *Empfänger hinzufügen*, also of somebody who was there before (rule P9).

use widerspruch::db::models::groups as group_models;
use widerspruch::db::models::objections::{self, Memory, Remembered};
use widerspruch::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};
use widerspruch::tracking::settings::remembered_address;

use super::{add, by_address, group};
use crate::support::{World, on_both};

fn remember(world: &World, address_key: &str, kind: Remembered, made_at: i64) {
    let memory = Memory {
        address: remembered_address(&world.state.remembering, address_key),
        kind,
        made_at,
    };
    world.write(|conn| objections::remember(conn, world.account_id, &memory, "self"));
}

fn audit(world: &World, recipient_id: i64) -> Vec<String> {
    world
        .read(|conn| widerspruch::db::models::audit::newest(conn, world.account_id, 20))
        .into_iter()
        .filter(|entry| entry.recipient_id == Some(recipient_id))
        .map(|entry| entry.action)
        .collect()
}

on_both!(somebody_is_added_to_groups, |world| {
    let (news, shop) = (group(world, "News", &[]), group(world, "Shop", &[]));
    group(world, "Presse", &[]);
    let (news, shop) = (news.to_string(), shop.to_string());
    let page = world.admin().submit(
        "/empfaenger/neu",
        &[
            ("email", " Jana@Example.org "),
            ("vorname", "Jana"),
            ("nachname", "Weiß"),
            ("gruppen", &news),
            ("gruppen", &shop),
        ],
    );
    page.assert_says("Empfänger hinzugefügt.");
    assert_eq!(page.all("h1"), ["Jana@Example.org"]);
    let jana = by_address(world, "jana@example.org").unwrap();
    assert_eq!(jana.tracking, RecipientTracking::Unset);
    let groups = world.read(|conn| group_models::of_recipient(conn, world.account_id, jana.id));
    let names: Vec<_> = groups
        .iter()
        .map(|g| (g.name.as_str(), g.member_count))
        .collect();
    assert_eq!(names, [("News", 1), ("Shop", 1)]);
});

on_both!(
    p11_starting_with_an_objection_is_in_the_audit_log,
    |world| {
        let page = world.admin().submit(
            "/empfaenger/neu",
            &[
                ("email", "jana@example.org"),
                ("tracking-deaktiviert", "ja"),
            ],
        );
        page.assert_says("Tracking deaktiviert");
        let jana = by_address(world, "jana@example.org").unwrap();
        assert_eq!(jana.tracking, RecipientTracking::Objected);
        assert_eq!(jana.tracking_source, Some(TrackingSource::Admin));
        assert_eq!(audit(world, jana.id), ["recipient_objected"]);
    }
);

on_both!(
    what_is_wrong_is_said_at_the_field_and_the_input_is_kept,
    |world| {
        let answer = world.admin().post(
            "/empfaenger/neu",
            &[("email", "jana.example.org"), ("vorname", "Jana")],
        );
        assert_eq!(answer.status, 422);
        answer.assert_says("In der Adresse fehlt das @-Zeichen.");
        let link = answer.attribute(".error-summary a", "href");
        assert_eq!(link.as_deref(), Some("#email"));
        let kept = |field: &str| answer.attribute(field, "value");
        assert_eq!(kept("#email").as_deref(), Some("jana.example.org"));
        assert_eq!(kept("#vorname").as_deref(), Some("Jana"));
    }
);

on_both!(
    the_same_address_again_leads_to_the_existing_recipient,
    |world| {
        let id = add(world, world.account_id, "jana@bücher.de", "Jana", "");
        let answer = world
            .admin()
            .post("/empfaenger/neu", &[("email", "JANA@xn--bcher-kva.de")]);
        assert_eq!(answer.status, 422);
        answer.assert_says("Einen Empfänger mit dieser Adresse gibt es schon.");
        let link = answer.attribute("form.form a", "href");
        assert_eq!(link, Some(format!("/empfaenger/{id}")));

        // In another account the address is nobody's.
        world.make_account("Andere GmbH", "admin@example.net");
        world
            .signed_in("admin@example.net")
            .submit("/empfaenger/neu", &[("email", "jana@bücher.de")])
            .assert_says("Empfänger hinzugefügt.");
    }
);

on_both!(p9_a_remembered_objection_holds_from_the_start, |world| {
    let made_at = 1_700_000_000_000;
    remember(world, "jana@example.org", Remembered::Objection, made_at);
    let page = world
        .admin()
        .submit("/empfaenger/neu", &[("email", "Jana@example.org")]);
    page.assert_says("ist ein Widerspruch gemerkt");
    let jana = by_address(world, "jana@example.org").unwrap();
    assert_eq!(jana.tracking, RecipientTracking::Objected);
    assert_eq!(jana.tracking_source, Some(TrackingSource::Remembered));
    assert_eq!(jana.tracking_changed_at, Some(made_at));
    assert_eq!(jana.status, RecipientStatus::Active);
    assert_eq!(audit(world, jana.id), ["recipient_objected"]);
});

on_both!(
    p9_a_remembered_unsubscription_holds_from_the_start,
    |world| {
        let made_at = 1_700_000_000_000;
        remember(
            world,
            "jana@example.org",
            Remembered::Unsubscription,
            made_at,
        );
        let page = world
            .admin()
            .submit("/empfaenger/neu", &[("email", "jana@example.org")]);
        page.assert_says("ist eine Abmeldung gemerkt");
        let jana = by_address(world, "jana@example.org").unwrap();
        assert_eq!(jana.tracking, RecipientTracking::Unset);
        assert_eq!(jana.status, RecipientStatus::Unsubscribed);
        assert_eq!(jana.status_changed_at, Some(made_at));
        assert_eq!(audit(world, jana.id), ["recipient_unsubscribed"]);
    }
);
