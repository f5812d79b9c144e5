//! *Auskunft* (Art. 15 GDPR) and the data to take along (Art. 20), as the account gives them out.

use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::token::PersonalLink;

use super::public::personal;
use crate::support::{World, on_both};

/// Anna, of whom there is a lot to tell.
fn anna(world: &World) -> (i64, String) {
    let mailing = world.make_sent_mailing("Herbst; \"Brief\"", 1);
    let id = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, id, Decision::Personal);
    let visitor = world.visitor();
    visitor.get(&world.pixel(mailing, key));
    visitor.get(&world.click(mailing, key, 1));
    let own = personal(world, PersonalLink::Preferences, mailing, id);
    visitor.submit(&format!("{own}/erlauben"), &[]);
    visitor.submit(&own, &[]);
    let form = [
        ("email", "anna@example.org"),
        ("vorname", "Anna"),
        ("nachname", "=Müller"),
        ("neues-feld", "anrede"),
        ("neuer-wert", "Frau <Dr.>"),
    ];
    world.admin().submit(&format!("/empfaenger/{id}"), &form);
    (id, own)
}

on_both!(all_that_is_stored_is_given_out, |world| {
    let (id, own) = anna(world);
    let ben = world.make_recipient("ben@example.org");
    let admin = world.admin();
    let about = format!("/empfaenger/{id}/auskunft");
    admin
        .visit(&format!("/empfaenger/{id}/tracking"))
        .assert_says("Auskunft");
    let page = admin.visit(&about);
    for words in [
        "Art. 15 DSGVO",
        "Muster GmbH",
        "anna@example.org",
        "Frau <Dr.>",
        "Herbst; \"Brief\"",
        "https://shop.example/1?a=1&b=2#c",
        "Ich erlaube Muster GmbH",
        "verweigert",
        "widersprochen",
        "Wie gemessen wird",
        "Aufsichtsbehörde",
    ] {
        page.assert_says(words);
    }
    page.assert_silent_about("ben@example.org");
    assert!(!page.text().contains("Mit diesem Link sieht jeder"));

    let file = admin.get(&format!("{about}.json"));
    let name = file.header("content-disposition").unwrap_or_default();
    assert_eq!(name, format!("attachment; filename=\"auskunft-{id}.json\""));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    let given: serde_json::Value = serde_json::from_slice(&file.body).expect("JSON");
    let shown = world.visitor().get(&format!("{own}/daten.json"));
    let mut shown: serde_json::Value = serde_json::from_slice(&shown.body).expect("JSON");
    shown["erstellt_am"] = given["erstellt_am"].clone();
    assert_eq!(given, shown, "what the person sees is what is given out");
    assert_eq!(given["einwilligungen"].as_array().map(Vec::len), Some(2));

    let file = admin.get(&format!("{about}.csv"));
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(
        file.body
            .strip_prefix("\u{feff}".as_bytes())
            .expect("a mark"),
    );
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.expect("a row").iter().map(str::to_owned).collect())
        .collect();
    for wanted in [
        ["person", "adresse", "anna@example.org"],
        ["person", "nachname", "'=Müller"],
        ["person", "felder anrede", "Frau <Dr.>"],
        ["tracking", "angabe", "widersprochen"],
        ["emails", "1 betreff", "Herbst; \"Brief\""],
        ["emails", "1 klicks", "1"],
        ["einwilligungen", "2 antwort", "verweigert"],
    ] {
        assert!(
            rows.iter().any(|row| row == &wanted),
            "{wanted:?} in {rows:?}"
        );
    }

    for form in ["Seite", "JSON", "CSV"] {
        let noted = format!(
            "action = 'data_disclosed' AND recipient_id = {id} AND actor = 'Eva Admin' AND details LIKE '%{form}%'"
        );
        assert_eq!(world.rows("audit_log", &noted), 1, "{form}");
    }
    let other = format!("recipient_id = {ben}");
    assert_eq!(world.rows("audit_log", &other), 0);
});

on_both!(only_whoever_minds_recipients_may, |world| {
    let (id, _) = anna(world);
    world.make_user("reports@example.org", Roles::NONE.with(Role::Reports));
    world.make_user("people@example.org", Roles::NONE.with(Role::Recipients));
    world.make_account("Fremde AG", "fremd@example.com");
    for end in ["", ".json", ".csv"] {
        let path = format!("/empfaenger/{id}/auskunft{end}");
        for (who, status) in [
            ("reports@example.org", 403),
            ("fremd@example.com", 404),
            ("people@example.org", 200),
        ] {
            assert_eq!(
                world.signed_in(who).get(&path).status,
                status,
                "{path} {who}"
            );
        }
        assert_eq!(world.visitor().get(&path).status, 303, "{path}");
    }
    assert_eq!(world.rows("audit_log", "action = 'data_disclosed'"), 3);
});
