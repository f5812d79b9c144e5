//! The three documented procedures of the product.

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::{groups, recipients};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::settings;

use crate::person::Person;
use crate::support::{On, World};

/// Walks a procedure with and without JavaScript on one database.
pub fn walk(on: On, procedure: impl AsyncFn(&Person, &World, bool)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut person: Option<Person> = None;
    for javascript in [true, false] {
        let world = World::start(on);
        runtime.block_on(async {
            let mut here = match person.take() {
                Some(here) => here,
                None => Person::arrive().await,
            };
            here.sign_in_at(&world, javascript).await;
            procedure(&here, &world, javascript).await;
            person = Some(here);
        });
    }
    if let Some(person) = person {
        runtime.block_on(person.leave());
    }
}

/// 1. Switch personal tracking off for the whole account.
async fn procedure_1(person: &Person, _: &World, _: bool) {
    person.follow("Benutzerkonto").await;
    person.follow("Personenbez. Tracking").await;
    person.press("Tracking deaktivieren").await;
    person.sees("Deaktiviert").await;
    person.sees("durch Eva Admin").await;
    assert!(person.has_button("Tracking aktivieren").await);
    assert!(!person.has_button("Tracking deaktivieren").await);
}

#[test]
fn procedure_1_on_sqlite() {
    walk(On::Sqlite, procedure_1);
}

#[test]
fn procedure_1_on_postgres() {
    walk(On::Postgres, procedure_1);
}

/// Finds a recipient by a part of the address, as the documentation says, and opens the tab.
async fn find(person: &Person, part: &str, address: &str, tab: &str) {
    person.follow("Empfänger").await;
    person.follow("Empfänger suchen").await;
    person.fill("Empfänger suchen", part).await;
    person.press("Suchen").await;
    person.sees("Suchergebnis").await;
    person.follow(address).await;
    person.follow(tab).await;
}

/// Ticks *Tracking deaktiviert*: with JavaScript that saves at once, without it needs *Speichern*.
async fn switch_off(person: &Person, javascript: bool) {
    assert!(!person.is_ticked("Tracking deaktiviert").await);
    person.tick("Tracking deaktiviert").await;
    if javascript {
        assert!(!person.has_button("Speichern").await);
    } else {
        person.press("Speichern").await;
    }
    person.sees("Deaktiviert seit").await;
    assert!(person.is_ticked("Tracking deaktiviert").await);
}

/// 2. Switch it off for one recipient.
async fn procedure_2(person: &Person, world: &World, javascript: bool) {
    world.make_recipient("anna.schmidt@example.org");
    world.make_recipient("anna.schneider@example.org");
    find(person, "SCHMID", "anna.schmidt@example.org", "Tracking").await;
    switch_off(person, javascript).await;
    person.sees("Quelle: Benutzer des Kontos").await;

    // Unticking always asks first.
    person.tick("Tracking deaktiviert").await;
    if !javascript {
        person.press("Speichern").await;
    }
    person.sees("Widerspruch aufheben?").await;
    person.follow("Abbrechen").await;
    assert!(person.is_ticked("Tracking deaktiviert").await);
}

/// 3. Remove old tracking data.
async fn procedure_3(person: &Person, world: &World, javascript: bool) {
    let address = "anna.schmidt@example.org";
    let group =
        world.write(|conn| groups::create(conn, world.account_id, "Kundschaft", Timestamp::now()));
    for remember in [true, false] {
        world.write(|conn| {
            let actor = Actor::Program("test");
            settings::set_account_options(
                conn,
                world.account_id,
                true,
                remember,
                &actor,
                Timestamp::now(),
            )
        });
        let anna = world.make_recipient(address);
        world.write(|conn| {
            groups::add_members(conn, world.account_id, group, &[anna], Timestamp::now())
        });
        let mailing = world.make_sent_mailing("Herbstbrief", 1);
        let key = world.deliver(mailing, anna, Decision::Personal);
        world.visitor().get(&world.pixel(mailing, key));
        find(person, "schmidt@", address, "Tracking").await;
        switch_off(person, javascript).await;
        person.sees("1 Öffnung").await;

        person.follow("Löschen").await;
        person.sees("Empfänger löschen?").await;
        person.press("Löschen").await;
        person.sees("Die Analysen, vorher und nachher").await;
        assert!(
            !person.text().await.contains(address),
            "the receipt does not keep the address"
        );

        person.follow("Empfänger").await;
        person.follow("Empfänger hinzufügen").await;
        person.fill("E-Mail-Adresse", address).await;
        person.tick("Kundschaft").await;
        person.press("Empfänger hinzufügen").await;
        person.sees("Hinzugefügt am").await;
        find(person, "schmidt@", address, "Tracking").await;
        person
            .sees("keine Tracking-Daten aus alten E-Mailings")
            .await;
        if remember {
            person.sees("Gemerkter Widerspruch vom").await;
            assert!(person.is_ticked("Tracking deaktiviert").await);
        } else {
            switch_off(person, javascript).await;
        }
        // The next round begins without anybody.
        let again = world.read(|conn| recipients::find_by_address(conn, world.account_id, address));
        let again = again.expect("the recipient").id;
        world
            .admin()
            .submit(&format!("/empfaenger/{again}/loeschen"), &[]);
    }
}

#[test]
fn procedure_2_on_sqlite() {
    walk(On::Sqlite, procedure_2);
}

#[test]
fn procedure_2_on_postgres() {
    walk(On::Postgres, procedure_2);
}

#[test]
fn procedure_3_on_sqlite() {
    walk(On::Sqlite, procedure_3);
}

#[test]
fn procedure_3_on_postgres() {
    walk(On::Postgres, procedure_3);
}
