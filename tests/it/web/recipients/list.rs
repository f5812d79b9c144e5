//! The list: newest first, by pages, narrowed.

use widerspruch::db::models::audit::Actor;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::TrackingSource;
use widerspruch::tracking::settings;

use super::{add, add_many, group};
use crate::support::agent::Answer;
use crate::support::on_both;

const ADDRESSES: &str = "tbody th a";

on_both!(a_new_account_says_what_to_do_first, |world| {
    let page = world.admin().visit("/empfaenger");
    page.assert_says("Noch keine Empfänger");
    let actions = page.all(".page-head .actions a");
    assert_eq!(
        actions,
        [
            "Gruppen",
            "Anmeldeformulare",
            "Löschen nach Liste",
            "Empfänger suchen",
            "Importieren",
            "Empfänger hinzufügen"
        ]
    );
});

on_both!(the_list_goes_by_pages_there_and_back, |world| {
    add_many(world, 120);
    let admin = world.admin();
    let page = admin.visit("/empfaenger");
    page.assert_says("120 Empfänger");
    let mut shown = page.all(ADDRESSES);
    assert_eq!((shown.len(), shown[0].as_str()), (50, "p119@example.org"));

    let second = admin.visit(&page.attribute("a[rel=next]", "href").unwrap());
    let third = admin.visit(&second.attribute("a[rel=next]", "href").unwrap());
    assert_eq!(third.attribute("a[rel=next]", "href"), None);
    shown.extend(second.all(ADDRESSES));
    shown.extend(third.all(ADDRESSES));
    let expected: Vec<_> = (0..120)
        .rev()
        .map(|n| format!("p{n}@example.org"))
        .collect();
    assert_eq!(shown, expected, "everybody once, in order");

    let back = admin.visit(&third.attribute("a[rel=prev]", "href").unwrap());
    assert_eq!(back.all(ADDRESSES), second.all(ADDRESSES));
});

on_both!(
    the_list_is_narrowed_and_stays_narrowed_on_other_pages,
    |world| {
        let ids = add_many(world, 130);
        let even: Vec<i64> = ids.iter().copied().step_by(2).collect();
        let gruppe = group(world, "Gerade", &even);
        let actor = Actor::Program("test");
        world.write(|conn| {
            let (account, source, now) =
                (world.account_id, TrackingSource::Admin, Timestamp::now());
            settings::object(conn, account, ids[4], source, &actor, now)?;
            settings::object(conn, account, ids[5], source, &actor, now)?;
            settings::unsubscribe(conn, account, ids[6], source, &actor, now)
        });
        let admin = world.admin();

        let page = admin.visit(&format!("/empfaenger?gruppe={gruppe}&status="));
        page.assert_says("65 Empfänger in der Gruppe Gerade");
        let next = admin.visit(&page.attribute("a[rel=next]", "href").unwrap());
        next.assert_says("65 Empfänger in der Gruppe Gerade");
        assert_eq!(next.all(ADDRESSES).len(), 15);

        let both = admin.visit(&format!("/empfaenger?gruppe={gruppe}&tracking=objected"));
        assert_eq!(both.all(ADDRESSES), ["p4@example.org"]);
        both.assert_says("1 Empfänger in der Gruppe Gerade");
        assert_eq!(chosen(&both).as_deref(), Some("objected"));
        let gone = admin.visit("/empfaenger?status=unsubscribed");
        assert_eq!(gone.all(ADDRESSES), ["p6@example.org"]);
        admin
            .visit("/empfaenger?status=bounced")
            .assert_says("Zu dieser Auswahl gibt es keine Empfänger.");
    }
);

/// What the list says it is narrowed to, of what was said about tracking.
fn chosen(page: &Answer) -> Option<String> {
    page.attribute("#tracking option[selected]", "value")
}

on_both!(the_list_is_narrowed_by_what_was_said, |world| {
    let ids = add_many(world, 130);
    let actor = Actor::Program("test");
    world.write(|conn| {
        let (account, source, now) = (world.account_id, TrackingSource::Admin, Timestamp::now());
        for id in [ids[4], ids[5]] {
            settings::object(conn, account, id, source, &actor, now)?;
        }
        let consenting = &ids[10..70];
        settings::consent_many(conn, account, consenting, source, &actor, now)?;
        settings::unsubscribe(conn, account, ids[69], source, &actor, now)
    });
    let admin = world.admin();
    let page = admin.visit("/empfaenger");
    assert_eq!(chosen(&page), None, "at first everybody is shown");
    assert_eq!(
        page.all("#tracking option"),
        ["Alle", "ohne Angabe", "eingewilligt", "widersprochen"]
    );

    let objected = admin.visit("/empfaenger?gruppe=&status=&tracking=objected");
    let those = ["p5@example.org", "p4@example.org"];
    assert_eq!(objected.all(ADDRESSES), those);
    objected.assert_says("2 Empfänger");

    // Sixty: on two pages, and the second still knows.
    let consented = admin.visit("/empfaenger?tracking=consented");
    consented.assert_says("60 Empfänger");
    assert_eq!(chosen(&consented).as_deref(), Some("consented"));
    let next = admin.visit(&consented.attribute("a[rel=next]", "href").unwrap());
    let mut shown = consented.all(ADDRESSES);
    shown.extend(next.all(ADDRESSES));
    let expected: Vec<_> = (10..70)
        .rev()
        .map(|n| format!("p{n}@example.org"))
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(chosen(&next).as_deref(), Some("consented"));
    let active = admin.visit("/empfaenger?status=active&tracking=consented");
    active.assert_says("59 Empfänger");

    let silent = admin.visit("/empfaenger?tracking=unset");
    silent.assert_says("68 Empfänger");
    assert_eq!(silent.all(ADDRESSES)[0], "p129@example.org");
    let last = admin.visit("/empfaenger?tracking=unset&seite=letzte");
    let found = last.all(ADDRESSES);
    assert!(found.contains(&"p3@example.org".to_owned()), "{found:?}");
    assert!(!found.contains(&"p4@example.org".to_owned()), "{found:?}");

    assert_eq!(admin.get("/empfaenger?tracking=vielleicht").status, 404);
});

on_both!(the_next_page_is_narrowed_like_the_first, |world| {
    let ids = add_many(world, 60);
    let actor = Actor::Program("test");
    world.write(|conn| {
        let (account, source, now) = (world.account_id, TrackingSource::Admin, Timestamp::now());
        for id in &ids[..55] {
            settings::object(conn, account, *id, source, &actor, now)?;
        }
        Ok(())
    });
    let admin = world.admin();
    let page = admin.visit("/empfaenger?gruppe=&status=&tracking=objected");
    page.assert_says("55 Empfänger");
    assert_eq!(chosen(&page).as_deref(), Some("objected"));
    let next = page.attribute("a[rel=next]", "href").unwrap();
    assert!(next.contains("tracking=objected"), "{next}");
    assert_eq!(admin.visit(&next).all(ADDRESSES).len(), 5);
    admin
        .visit("/empfaenger?tracking=")
        .assert_says("60 Empfänger");
});

on_both!(rows_can_be_chosen_for_deletion, |world| {
    let id = add(world, world.account_id, "jana@example.org", "", "");
    let page = world.admin().visit("/empfaenger");
    let form = page.attribute("form:has(tbody)", "action");
    assert_eq!(form.as_deref(), Some("/empfaenger/loeschen"));
    let value = page.attribute("tbody input[name=id]", "value");
    assert_eq!(value, Some(id.to_string()));
    assert!(
        page.all("button")
            .contains(&"Ausgewählte löschen".to_owned())
    );
});

on_both!(another_account_s_people_and_groups_are_not_there, |world| {
    let other = world.make_account("Andere GmbH", "admin@example.net");
    let id = add(world, other, "fremd@example.org", "", "");
    let admin = world.admin();
    admin
        .visit("/empfaenger")
        .assert_silent_about("fremd@example.org");
    for tab in ["", "/gruppen", "/verlauf"] {
        assert_eq!(admin.get(&format!("/empfaenger/{id}{tab}")).status, 404);
    }
    for act in ["", "/gruppen", "/abmelden", "/wieder-anmelden"] {
        let form = [("email", "neu@example.org")];
        let answer = admin.post(&format!("/empfaenger/{id}{act}"), &form);
        assert_eq!(answer.status, 404, "{act}");
    }
    let gruppe = world.write(|conn| {
        widerspruch::db::models::groups::create(conn, other, "Fremde", Timestamp::now())
    });
    assert_eq!(
        admin.get(&format!("/empfaenger?gruppe={gruppe}")).status,
        404
    );
    for act in ["", "/aufloesen"] {
        assert_eq!(admin.get(&format!("/gruppen/{gruppe}{act}")).status, 404);
        let answer = admin.post(&format!("/gruppen/{gruppe}{act}"), &[("name", "Meine")]);
        assert_eq!(answer.status, 404, "{act}");
    }
});
