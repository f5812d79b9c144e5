//! *Analysen*, filled by real hits.

mod account_off;
mod comparison;
mod exports;
mod group;
mod no_number_changes;
mod on_mail;
mod small_groups;

use widerspruch::db::models::audit::Actor;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::pseudonymise;

use crate::support::agent::Answer;
use crate::support::on_both;

/// The text of the row that begins with these words.
#[track_caller]
fn row(page: &Answer, begins: &str) -> String {
    let rows = page.all("tbody tr");
    rows.iter()
        .find(|row| row.starts_with(begins))
        .unwrap_or_else(|| panic!("no row \"{begins}\" in {rows:?}"))
        .clone()
}

/// A row's cells as one text, without what tells columns apart on a phone.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}

on_both!(without_mailings_the_list_says_what_will_be_there, |world| {
    world
        .admin()
        .visit("/analysen")
        .assert_says("Noch keine Analysen");
});

on_both!(only_the_role_analysen_may_come, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    world.make_user("leser@example.org", Roles::NONE.with(Role::Reports));
    world.make_user("pflege@example.org", Roles::NONE.with(Role::Recipients));
    let anna = world.make_recipient("anna@example.org");
    world.deliver(mailing, anna, Decision::Personal);
    let other = world.make_account("Andere AG", "chef@example.net");
    assert_ne!(other, world.account_id);
    for path in [
        "",
        "/kennzahlen.csv",
        "/e-mail",
        "/e-mail/inhalt",
        "/aktivitaet",
        "/aktivitaet.csv",
    ] {
        let path = format!("/analysen/{mailing}{path}");
        let reader = world.signed_in("leser@example.org").get(&path);
        assert_eq!(reader.status, 200, "{path}");
        assert_eq!(
            reader.attribute("main a[href^='/empfaenger/']", "href"),
            None,
            "no link that leads to a refusal"
        );
        let stranger = world.signed_in("pflege@example.org").get(&path);
        assert_eq!(stranger.status, 403, "{path}");
        let other = world.signed_in("chef@example.net").get(&path);
        assert_eq!(other.status, 404, "{path}");
    }
});

on_both!(a_report_shows_what_was_counted, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 2);
    let key_of = |name: &str, policy| {
        let id = world.make_recipient(&format!("{name}@example.org"));
        world.deliver(mailing, id, policy)
    };
    let anna = key_of("anna", Decision::Personal);
    let ben = key_of("ben", Decision::Personal);
    key_of("cem", Decision::Personal);
    for n in 1..=5 {
        key_of(&format!("dora{n}"), Decision::Anonymous);
    }
    key_of("emil", Decision::Nothing);
    let visitor = world.visitor();
    let phone = [("user-agent", "Mozilla/5.0 (iPhone) Mobile/15E148")];
    let program = [("user-agent", "curl/8")];
    for _ in 0..2 {
        visitor.get_with(&world.pixel(mailing, anna), &phone);
    }
    visitor.get(&world.pixel(mailing, ben));
    visitor.get_with(&world.pixel(mailing, ben), &program);
    for _ in 0..6 {
        visitor.get(&world.pixel(mailing, None));
        visitor.get(&world.click(mailing, None, 1));
    }
    for _ in 0..3 {
        visitor.get(&world.click(mailing, anna, 2));
    }
    for _ in 0..7 {
        visitor.get(&world.click(mailing, None, 2));
    }

    let admin = world.admin();
    let list = admin.visit("/analysen");
    list.assert_says("1 versendetes E-Mailing");
    assert_eq!(
        list.attribute("tbody th a", "href"),
        Some(format!("/analysen/{mailing}"))
    );
    assert!(
        squeeze(&row(&list, "Herbstbrief")).ends_with("9366,7%33,3%"),
        "{}",
        row(&list, "Herbstbrief")
    );

    let page = admin.visit(&format!("/analysen/{mailing}"));
    page.assert_says("Versendet am")
        .assert_says("bezogen auf 3 personenbezogen gemessene Empfänger")
        .assert_says("66,7 %")
        .assert_says("33,3 %")
        .assert_says("1 von 2 Empfängern, die geöffnet haben")
        .assert_says("0 abgemeldet, bezogen auf 9 versendete E-Mails");
    assert_eq!(
        page.all(".facts dd"),
        [
            "9 Empfänger",
            "3 (33,3 %)",
            "5 (55,6 %)",
            "1 (11,1 %)",
            "0",
            "0",
            "0",
            "0"
        ]
    );
    assert_eq!(
        squeeze(&row(&page, "Öffnungen")),
        "Öffnungen103612Empfänger",
        "insgesamt, personenbezogen, anonym, automatisch, eindeutig"
    );
    assert_eq!(squeeze(&row(&page, "Klicks")), "Klicks1631301Empfänger");
    assert_eq!(
        squeeze(&row(&page, "https://shop.example/1")),
        "https://shop.example/1?a=1&b=2#c0060"
    );
    assert_eq!(
        squeeze(&row(&page, "https://shop.example/2")),
        "https://shop.example/2?a=1&b=2#c3170"
    );
    assert_eq!(squeeze(&row(&page, "Smartphone")), "Smartphone20");
    assert_eq!(page.all("svg.chart__svg").len(), 2, "opens and clicks");
    assert_eq!(page.all("details tbody tr").len(), 48);
    assert_eq!(
        squeeze(&page.all("details tbody tr")[0])
            .split_once("Uhr")
            .map(|(_, counts)| counts.to_owned()),
        Some("326131130".to_owned())
    );

    let file = admin.visit(&format!("/analysen/{mailing}/kennzahlen.csv"));
    let text = file.rows();
    for line in [
        "Gesamt;Herbstbrief;Empfänger;9",
        "Gesamt;Herbstbrief;Öffnungen, eindeutig;2",
        "Gesamt;Herbstbrief;Öffnungen, anonym;6",
        "Gesamt;Herbstbrief;Öffnungsrate;66,7 %",
        "Gesamt;Herbstbrief;Klicks je Öffnung;50,0 %",
        "Link;https://shop.example/2?a=1&b=2#c;Klicks, personenbezogen;3",
        "Gerät;Smartphone;Öffnungen;2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
});

on_both!(the_activity_names_who_can_be_named, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    let anna = world.make_recipient("anna@example.org");
    let ben = world.make_recipient("ben@example.org");
    let cem = world.make_recipient("=cmd@example.org");
    let dora = world.make_recipient("dora@example.org");
    let anna_key = world.deliver(mailing, anna, Decision::Personal);
    let ben_key = world.deliver(mailing, ben, Decision::Personal);
    world.deliver(mailing, cem, Decision::Personal);
    world.deliver(mailing, dora, Decision::Anonymous);
    let visitor = world.visitor();
    visitor.get(&world.pixel(mailing, anna_key));
    visitor.get(&world.pixel(mailing, ben_key));
    visitor.get(&world.click(mailing, ben_key, 1));
    world.write(|conn| {
        pseudonymise::pseudonymise_recipient(
            conn,
            world.account_id,
            ben,
            &Actor::Program("test"),
            Timestamp::now(),
        )
    });

    let admin = world.admin();
    let path = format!("/analysen/{mailing}/aktivitaet");
    let page = admin.visit(&path);
    page.assert_says("4 Empfänger");
    let who = page.all("tbody th");
    assert_eq!(
        who[..3],
        ["anna@example.org", "=cmd@example.org", "dora@example.org"]
    );
    assert!(who[3].starts_with("Pseudonym "), "{who:?}");
    assert_eq!(
        page.attribute("tbody th a", "href"),
        Some(format!("/empfaenger/{anna}"))
    );
    page.assert_silent_about("ben@example.org");
    assert!(
        row(&page, "dora@").ends_with("ohne personenbezogenes Tracking"),
        "{}",
        row(&page, "dora@")
    );
    let pseudonym = row(&page, "Pseudonym");
    assert_eq!(
        pseudonym.matches("zwischen").count(),
        2,
        "only the hour is known: {pseudonym}"
    );
    assert_eq!(row(&page, "anna@").matches("zwischen").count(), 0);

    for (filter, expected) in [
        ("geoeffnet", vec!["anna@example.org", "Pseudonym"]),
        ("geklickt", vec!["Pseudonym"]),
        ("link-1", vec!["Pseudonym"]),
        ("link-2", vec![]),
        ("nichts", vec!["=cmd@example.org"]),
        ("ohne", vec!["dora@example.org"]),
    ] {
        let page = admin.visit(&format!("{path}?aktivitaet={filter}"));
        let names: Vec<_> = page
            .all("tbody th")
            .iter()
            .map(|name| name.split(' ').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(names, expected, "{filter}");
    }

    for (query, expected) in [
        ("q=ANNA", vec!["anna@example.org"]),
        ("q=dora&aktivitaet=geoeffnet", vec![]),
        ("q=example&aktivitaet=geoeffnet", vec!["anna@example.org"]),
        ("q=ben", vec![]),
        ("q=%25%27&nach=e1", vec![]),
    ] {
        let page = admin.visit(&format!("{path}?{query}"));
        assert_eq!(page.all("tbody th"), expected, "{query}");
    }
    admin
        .visit(&format!("{path}?q=ben"))
        .assert_says("Niemand gefunden");

    let file = admin.visit(&format!("{path}.csv"));
    assert_eq!(
        file.header("content-disposition"),
        Some(format!("attachment; filename=\"aktivitaet-{mailing}.csv\"").as_str())
    );
    let text = file.rows();
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("\n'=cmd@example.org;"), "no formula: {text}");
    assert!(!text.contains("ben@example.org"));
    assert!(text.contains("\nPseudonym "));
});

on_both!(the_activity_pages_by_key_and_never_by_delivery, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 0);
    let people: Vec<i64> = (0..120)
        .map(|n| world.make_recipient(&format!("person{n:03}@example.org")))
        .collect();
    for id in &people {
        world.deliver(mailing, *id, Decision::Personal);
    }
    // Sixty by name, sixty by pseudonym: a page lies across the border.
    for id in &people[..60] {
        world.write(|conn| {
            pseudonymise::pseudonymise_recipient(
                conn,
                world.account_id,
                *id,
                &Actor::Program("test"),
                Timestamp::now(),
            )
        });
    }
    let admin = world.admin();
    let mut path = format!("/analysen/{mailing}/aktivitaet");
    let mut forwards = Vec::new();
    let mut last_of_all;
    loop {
        let page = admin.visit(&path);
        forwards.push(page.all("tbody th"));
        last_of_all = path.clone();
        let Some(next) = page.attribute("a[rel=next]", "href") else {
            break;
        };
        assert!(next.contains("nach=e") || next.contains("nach=p"), "{next}");
        path = next;
    }
    let sizes: Vec<_> = forwards.iter().map(Vec::len).collect();
    assert_eq!(sizes, [50, 50, 20]);
    let mut all = forwards.concat();
    assert!(all[..60].iter().all(|name| name.starts_with("person")));
    assert!(all[60..].iter().all(|name| name.starts_with("Pseudonym")));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 120, "nobody twice, nobody left out");

    let mut path = last_of_all;
    for expected in forwards.iter().rev() {
        let page = admin.visit(&path);
        assert_eq!(page.all("tbody th"), *expected);
        let Some(previous) = page.attribute("a[rel=prev]", "href") else {
            break;
        };
        path = previous;
    }
    let last = admin.visit(&format!("/analysen/{mailing}/aktivitaet?seite=letzte"));
    let in_order = forwards.concat();
    assert_eq!(last.all("tbody th"), in_order[70..]);
});
