//! The list: newest first, by pages, narrowed.

use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::TrackingSource;
use widerspruch::tracking::settings;

use super::{add, add_many, group};
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
        let actor = widerspruch::db::models::audit::Actor::Program("test");
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

        let objected = admin.visit("/empfaenger?widerspruch=ja");
        assert_eq!(
            objected.all(ADDRESSES),
            ["p5@example.org", "p4@example.org"]
        );
        let both = admin.visit(&format!("/empfaenger?gruppe={gruppe}&widerspruch=ja"));
        assert_eq!(both.all(ADDRESSES), ["p4@example.org"]);
        both.assert_says("1 Empfänger");
        assert!(both.attribute("#widerspruch", "checked").is_some());
        let gone = admin.visit("/empfaenger?status=unsubscribed");
        assert_eq!(gone.all(ADDRESSES), ["p6@example.org"]);
        admin
            .visit("/empfaenger?status=bounced")
            .assert_says("Zu dieser Auswahl gibt es keine Empfänger.");
    }
);

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
