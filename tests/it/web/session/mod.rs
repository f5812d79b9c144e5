//! Signing in and out, and the first set-up.

mod cookies;
mod guessing;

use base64::Engine;
use diesel::prelude::*;

use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, on_both};

on_both!(a_new_installation_is_set_up_once, |_world| {
    let world = World::start_empty(_world.on);
    let visitor = world.visitor();
    assert_eq!(visitor.get("/einrichtung/wrong").status, 404);
    let key = world.state.setup_key.lock().clone().expect("a set-up key");
    let path = format!("/einrichtung/{key}");
    visitor.visit(&path).assert_says("Ersteinrichtung");

    let wrong = visitor.post(
        &path,
        &[
            ("account", "Muster"),
            ("name", ""),
            ("email", "nobody"),
            ("password", "kurz"),
        ],
    );
    assert_eq!(wrong.status, 422);
    wrong
        .assert_says("Geben Sie Ihren Namen ein.")
        .assert_says("mindestens 10 Zeichen");
    assert_eq!(
        wrong.attribute("#account", "value").as_deref(),
        Some("Muster"),
        "input is kept"
    );

    let form = [
        ("account", "Muster"),
        ("name", "Eva"),
        ("email", "eva@example.org"),
        ("password", PASSWORD),
    ];
    assert_eq!(visitor.post(&path, &form).status, 303);
    visitor
        .visit("/benutzerkonto")
        .assert_says("eva@example.org");
    assert_eq!(
        world.visitor().post(&path, &form).status,
        404,
        "the link works once"
    );
});

on_both!(signing_in_and_out, |world| {
    let browser = world.visitor();
    assert_eq!(
        browser.get("/benutzerkonto").location().as_deref(),
        Some("/anmelden?weiter=%2Fbenutzerkonto")
    );
    let page = browser.visit("/anmelden");
    assert_eq!(page.all("label"), ["E-Mail-Adresse", "Passwort"]);
    assert!(page.all("button").contains(&"Anmelden".to_owned()));

    let answer = browser.post(
        "/anmelden",
        &[("email", "ADMIN@example.org"), ("password", PASSWORD)],
    );
    assert_eq!(answer.status, 303);
    let cookies = browser.cookies();
    assert!(cookies.contains("sitzung="), "{cookies}");
    browser.visit("/benutzerkonto").assert_says("Muster GmbH");

    let left = browser.submit("/abmelden-sitzung", &[]);
    left.assert_says("Sie sind abgemeldet.");
    let replayed = world
        .visitor()
        .get_with("/benutzerkonto", &[("cookie", &cookies)]);
    assert_eq!(
        replayed.location().as_deref(),
        Some("/anmelden?weiter=%2Fbenutzerkonto"),
        "the key is dead on the server"
    );
});

on_both!(unknown_users_and_wrong_passwords_look_alike, |world| {
    let answer = |email: &str| {
        let answer = world.visitor().post(
            "/anmelden",
            &[("email", email), ("password", "something else")],
        );
        (answer.status, answer.html().replace(email, "…"))
    };
    let wrong = answer(ADMIN);
    assert_eq!(wrong.0, 422);
    assert!(
        wrong
            .1
            .contains("E-Mail-Adresse oder Passwort stimmt nicht.")
    );
    assert_eq!(wrong, answer("nobody@example.org"));
});

on_both!(a_changed_password_ends_the_other_sessions, |world| {
    let here = world.admin();
    let there = world.admin();
    let wrong = here.post(
        "/benutzerkonto/passwort",
        &[("current", "wrong"), ("new", "short")],
    );
    assert_eq!(wrong.status, 422);
    wrong
        .assert_says("Das bisherige Passwort stimmt nicht.")
        .assert_says("mindestens 10 Zeichen");
    let form = [("current", PASSWORD), ("new", "a new long password")];
    here.submit("/benutzerkonto/passwort", &form)
        .assert_says("Passwort geändert.");
    here.visit("/benutzerkonto");
    assert_eq!(
        there.get("/benutzerkonto").location().as_deref(),
        Some("/anmelden?weiter=%2Fbenutzerkonto")
    );
    let old = world
        .visitor()
        .post("/anmelden", &[("email", ADMIN), ("password", PASSWORD)]);
    assert_eq!(old.status, 422);
});

#[test]
fn a_session_cannot_be_made_from_the_database() {
    let world = World::start(On::Sqlite);
    world.admin();
    let stored: Vec<u8> = world.read(|conn| {
        Ok(widerspruch::db::schema::sessions::table
            .select(widerspruch::db::schema::sessions::key_hash.assume_not_null())
            .first(conn)?)
    });
    let as_key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&stored);
    let answer = world.visitor().get_with(
        "/benutzerkonto",
        &[("cookie", &format!("sitzung={as_key}"))],
    );
    assert_eq!(
        answer.location().as_deref(),
        Some("/anmelden?weiter=%2Fbenutzerkonto")
    );
}
