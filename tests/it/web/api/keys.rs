//! *Benutzerkonto → Schnittstelle*: keys are made, shown once, listed, revoked.

use crate::support::agent::Answer;
use crate::support::on_both;

const HERE: &str = "/benutzerkonto/schnittstelle";

/// The key that a page shows.
fn shown(page: &Answer) -> String {
    page.all("#api-schluessel-wert").join("")
}

on_both!(a_key_is_shown_once_and_kept_as_a_hash, |world| {
    let admin = world.admin();
    admin.visit(HERE).assert_says("Noch keine Schlüssel");
    let form = [
        ("name", "Webshop"),
        ("rechte", "recipients:read"),
        ("rechte", "tracking:write"),
        ("rechte", "everything"),
        ("gueltig-bis", "31.12.2099"),
    ];
    let made = admin.post(HERE, &form);
    assert_eq!(made.status, 201, "{}", made.text());
    made.assert_says("nur dieses eine Mal angezeigt");
    let key = shown(&made);
    assert!(key.starts_with("wsp_") && key.len() == 47, "{key}");

    let list = admin.visit(HERE);
    list.assert_says("Webshop")
        .assert_says("Gültig bis 31.12.2099")
        .assert_says("noch nie")
        .assert_says(&format!("{}…", &key[..8]))
        .assert_silent_about(&key)
        .assert_silent_about(&key[8..]);
    for row in world.dump(&[]) {
        assert!(!row.contains(&key[8..]), "{row}");
    }

    let said = world.program_with(&key).get("/api/v1/key").expect(200);
    assert_eq!(said["name"], "Webshop");
    assert_eq!(said["account"], "Muster GmbH");
    assert_eq!(
        said["scopes"],
        serde_json::json!(["recipients:read", "tracking:write"])
    );
    assert_eq!(said["expires_at"], "2099-12-31T23:00:00Z");

    let log = admin.visit("/benutzerkonto/protokoll");
    log.assert_says("API-Schlüssel erzeugt")
        .assert_says("Empfänger und Gruppen lesen")
        .assert_says("gültig bis: 31.12.2099")
        .assert_silent_about(&key[8..]);
});

on_both!(a_revoked_key_opens_nothing, |world| {
    let admin = world.admin();
    let key = shown(&admin.post(HERE, &[("name", "Alt"), ("rechte", "mailings:read")]));
    let program = world.program_with(&key);
    program.get("/api/v1/key").expect(200);
    let page = admin.visit(HERE);
    let revoke = page
        .attribute("td a.button", "href")
        .expect("a way to revoke it");
    admin
        .visit(&revoke)
        .assert_says("gilt ab sofort nicht mehr");
    program.get("/api/v1/key").expect(200);
    admin
        .submit(&revoke, &[])
        .assert_says("kommt ab sofort kein Programm mehr herein")
        .assert_says("Widerrufen am");
    program
        .get("/api/v1/key")
        .expect_problem(401, "unauthorized");
    admin
        .visit("/benutzerkonto/protokoll")
        .assert_says("API-Schlüssel widerrufen");
    assert_eq!(admin.post(&revoke, &[]).status, 409);
    admin.visit(&revoke).assert_says("schon am");
});

on_both!(the_last_use_is_kept_to_the_hour_and_written_once, |world| {
    let key = world.make_key(widerspruch::domain::scope::Scopes::NONE);
    let program = world.program_with(&key.key);
    program.get("/api/v1/key").expect(200);
    let whole = "last_used_at % 3600000 = 0";
    assert_eq!(world.rows("api_keys", whole), 1);
    // A use in the same hour does not write: what stands there stays.
    let last_hour = "last_used_at = last_used_at + 3600000";
    world.execute(&format!("UPDATE api_keys SET {last_hour}"));
    let before = world.snapshot(&[]);
    program.get("/api/v1/key").expect(200);
    assert_eq!(world.snapshot(&[]), before);
    world.execute("UPDATE api_keys SET last_used_at = 3600000");
    program.get("/api/v1/key").expect(200);
    assert_eq!(world.rows("api_keys", "last_used_at > 3600000"), 1);
    world.admin().visit(HERE).assert_says("Uhr");
});

on_both!(a_key_needs_a_name_and_a_right, |world| {
    let admin = world.admin();
    for (form, message) in [
        (
            &[("name", ""), ("rechte", "mailings:read")][..],
            "Geben Sie dem Schlüssel einen Namen",
        ),
        (&[("name", "Webshop")], "Wählen Sie mindestens ein Recht"),
        (
            &[("name", "Webshop"), ("rechte", "alles")],
            "Wählen Sie mindestens ein Recht",
        ),
        (
            &[("name", "anna@example.org"), ("rechte", "mailings:read")],
            "Bitte ohne E-Mail-Adresse",
        ),
        (
            &[
                ("name", "Webshop"),
                ("rechte", "mailings:read"),
                ("gueltig-bis", "1.1.2020"),
            ],
            "Dieser Tag ist schon vorbei",
        ),
        (
            &[
                ("name", "Webshop"),
                ("rechte", "mailings:read"),
                ("gueltig-bis", "bald"),
            ],
            "Geben Sie einen Tag an",
        ),
    ] {
        let answer = admin.post(HERE, form);
        assert_eq!(answer.status, 422, "{form:?}");
        answer.assert_says(message);
        assert_eq!(
            answer.attribute("#name", "value").as_deref(),
            Some(form[0].1)
        );
    }
    assert_eq!(world.rows("api_keys", "1 = 1"), 0);
});
