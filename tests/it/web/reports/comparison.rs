//! *Vergleich*: rates of mailings beside each other, over time and by group.

use diesel::prelude::*;
use widerspruch::db::models::groups;
use widerspruch::db::schema::{mailing_groups, mailings};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;

use super::{row, squeeze};
use crate::support::{World, on_both};

/// A mailing to these groups, with so many measured, of whom so many opened and clicked.
fn mailing(
    world: &World,
    subject: &str,
    to: &[(i64, &str)],
    [measured, openers, clickers]: [i64; 3],
) -> i64 {
    let id = world.make_sent_mailing(subject, 1);
    world.write(|conn| {
        diesel::update(mailings::table.find(id))
            .set((
                mailings::handed.eq(measured + 10),
                mailings::handed_personal.eq(measured),
                mailings::unsubscriptions.eq(1),
            ))
            .execute(conn)?;
        for (position, (group, name)) in (0..).zip(to) {
            diesel::insert_into(mailing_groups::table)
                .values((
                    mailing_groups::account_id.eq(world.account_id),
                    mailing_groups::mailing_id.eq(id),
                    mailing_groups::position.eq(position),
                    mailing_groups::group_id.eq(group),
                    mailing_groups::group_name.eq(*name),
                ))
                .execute(conn)?;
        }
        for (kind, firsts) in [(0, openers), (1, clickers)] {
            diesel::sql_query(format!(
                "INSERT INTO mailing_hours (account_id, mailing_id, kind, link, hour, personal, firsts)
                 VALUES ({}, {id}, {kind}, 0, 1, {firsts}, {firsts})",
                world.account_id
            ))
            .execute(conn)?;
        }
        Ok(())
    });
    id
}

fn group(world: &World, name: &str) -> i64 {
    world.write(|conn| groups::create(conn, world.account_id, name, Timestamp::now()))
}

on_both!(
    rates_stand_beside_each_other_over_time_and_by_group,
    |world| {
        let (readers, clients) = (group(world, "Leser"), group(world, "Kundschaft"));
        mailing(world, "Erster", &[(readers, "Leser")], [200, 50, 20]);
        mailing(
            world,
            "Zweiter",
            &[(readers, "Leser"), (clients, "Kundschaft")],
            [400, 300, 100],
        );
        mailing(world, "Kleiner", &[(clients, "Kundschaft")], [20, 9, 2]);
        let admin = world.admin();
        assert_eq!(
            admin.visit("/analysen").attribute(".page-head a", "href"),
            Some("/analysen/vergleich".to_owned())
        );
        let page = admin.visit("/analysen/vergleich");
        page.assert_says("3 versendete E-Mailings")
            .assert_says("Bei weniger als 100 gemessenen Empfängern")
            .assert_says("zählt es bei jeder ganz");
        let cells = |begins: &str| {
            squeeze(&row(&page, begins))
                .split_once("von")
                .map(|(_, rest)| rest.to_owned())
                .expect("a denominator")
        };
        assert_eq!(cells("Erster"), "21025,0%10,0%40,0%0,5%");
        assert_eq!(cells("Zweiter"), "41075,0%25,0%33,3%0,2%");
        assert_eq!(cells("Kleiner"), "3045,0%10,0%22,2%3,3%");
        assert!(row(&page, "Kleiner").contains("wenige"));
        assert!(!row(&page, "Erster").contains("wenige"));
        // 200 + 400 measured: 350 opened, 120 clicked.
        assert_eq!(squeeze(&row(&page, "Leser")), "Leser2600von62058,3%20,0%");
        assert_eq!(
            squeeze(&row(&page, "Kundschaft")),
            "Kundschaft2420von44073,6%24,3%"
        );
        let label = page
            .attribute("svg.chart__svg", "aria-label")
            .expect("a chart");
        assert!(
            label.contains("3 E-Mailings; zuletzt 45,0 % und 10,0 %"),
            "{label}"
        );
        assert_eq!(
            page.attribute("svg.chart__svg path", "d"),
            Some("M50 688 L150 63 L250 438".to_owned()),
            "the oldest first"
        );

        let chosen = admin.visit(&format!("/analysen/vergleich?gruppe={clients}"));
        chosen
            .assert_says("2 versendete E-Mailings")
            .assert_silent_about("Erster");
        for nothing in ["4711", "unsinn"] {
            let page = admin.get(&format!("/analysen/vergleich?gruppe={nothing}&nach=x"));
            assert_eq!(page.status, 200);
        }
        admin
            .visit("/analysen/vergleich?gruppe=4711")
            .assert_says("Nichts zu vergleichen");
    }
);

on_both!(the_comparison_pages_by_key, |world| {
    for n in 0..30 {
        mailing(world, &format!("Brief {n:02}"), &[], [100, n, 0]);
    }
    let admin = world.admin();
    let first = admin.visit("/analysen/vergleich");
    let rows = |page: &crate::support::agent::Answer| page.all("section:first-of-type tbody th");
    assert_eq!(rows(&first).len(), 24);
    assert_eq!(rows(&first)[0], "Brief 29");
    first.assert_silent_about("Manche Zahlen sind klein");
    let next = first.attribute("a[rel=next]", "href").expect("a next page");
    let second = admin.visit(&next);
    assert_eq!(rows(&second).len(), 6);
    assert_eq!(rows(&second)[5], "Brief 00");
});

on_both!(nothing_of_another_account_is_compared, |world| {
    let mailing = mailing(world, "Geheim", &[], [100, 1, 1]);
    let anna = world.make_recipient("anna@example.org");
    world.deliver(mailing, anna, Decision::Personal);
    world.make_account("Andere AG", "chef@example.net");
    world
        .signed_in("chef@example.net")
        .visit("/analysen/vergleich")
        .assert_silent_about("Geheim")
        .assert_says("Nichts zu vergleichen");
});
