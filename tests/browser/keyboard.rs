//! The documented procedures with the keyboard alone: Tab, Enter and Space, the focus always in
//! sight.

use fantoccini::key::Key;
use widerspruch::db::models::groups;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;

use crate::person::Person;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World};

/// Tabs to a link or button, presses Enter and waits for what comes then.
async fn enter(person: &Person, words: &str, then: &str) {
    person.tab_to(words).await;
    person.key(Key::Enter).await;
    person.sees(then).await;
}

async fn sign_in(person: &Person) {
    person.open("/benutzerkonto").await;
    person.tab_to("E-Mail-Adresse").await;
    person.type_text(ADMIN).await;
    person.tab_to("Passwort").await;
    person.type_text(PASSWORD).await;
    person.key(Key::Enter).await;
    person.sees("Name des Benutzerkontos").await;
}

async fn procedure_1(person: &Person) {
    enter(person, "Benutzerkonto", "Name des Benutzerkontos").await;
    enter(person, "Personenbez. Tracking", "Tracking deaktivieren").await;
    person.tab_to("Tracking deaktivieren").await;
    person.key(Key::Space).await;
    person.sees("durch Eva Admin").await;
    enter(
        person,
        "Tracking aktivieren",
        "die nicht widersprochen haben",
    )
    .await;
}

async fn procedure_2(person: &Person, javascript: bool) {
    enter(person, "Empfänger", "Empfänger hinzufügen").await;

    // The first stop of every page leads past the menu.
    person.key(Key::Tab).await;
    assert_eq!(person.focused().await, "Zum Inhalt springen");
    person.key(Key::Enter).await;
    person.key(Key::Tab).await;
    assert_eq!(person.focused().await, "Gruppen");

    enter(person, "Empfänger suchen", "Ein beliebiger Teil").await;
    assert_eq!(
        person.focused().await,
        "Empfänger suchen",
        "one can type at once"
    );
    person.type_text("SCHMID").await;
    person.key(Key::Enter).await;
    person.sees("1 Treffer").await;
    enter(person, "anna.schmidt@example.org", "Freie Felder").await;
    enter(person, "Tracking", "Personenbezogenes Tracking").await;

    person.tab_to("Tracking deaktiviert").await;
    person.key(Key::Space).await;
    if !javascript {
        person.tab_to("Speichern").await;
        person.key(Key::Enter).await;
    }
    person.sees("Deaktiviert seit").await;
    assert!(person.is_ticked("Tracking deaktiviert").await);
}

/// To the recipient's tab *Tracking*, who is looked for.
async fn find(person: &Person, address: &str) {
    enter(person, "Empfänger", "Empfänger hinzufügen").await;
    enter(person, "Empfänger suchen", "Ein beliebiger Teil").await;
    person.type_text("SCHMID").await;
    person.key(Key::Enter).await;
    person.sees("1 Treffer").await;
    enter(person, address, "Freie Felder").await;
    enter(person, "Tracking", "Personenbezogenes Tracking").await;
}

async fn procedure_3(person: &Person) {
    let address = "anna.schmidt@example.org";
    find(person, address).await;
    person.sees("1 Öffnung").await;
    enter(person, "Löschen", "Das wird geschehen").await;
    enter(person, "Löschen", "Die Analysen, vorher und nachher").await;

    enter(person, "Empfänger", "Empfänger hinzufügen").await;
    enter(person, "Empfänger hinzufügen", "Vorname").await;
    person.tab_to("E-Mail-Adresse").await;
    person.type_text(address).await;
    person.tab_to("Kundschaft").await;
    person.key(Key::Space).await;
    enter(person, "Empfänger hinzufügen", "Hinzugefügt am").await;

    find(person, address).await;
    person
        .sees("keine Tracking-Daten aus alten E-Mailings")
        .await;
    assert!(person.is_ticked("Tracking deaktiviert").await, "remembered");
}

/// What the third procedure begins with: a past, and a group to be entered in again.
fn past(world: &World, recipient: i64) {
    let now = Timestamp::now();
    let group = world.write(|conn| groups::create(conn, world.account_id, "Kundschaft", now));
    world.write(|conn| groups::add_members(conn, world.account_id, group, &[recipient], now));
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    let key = world.deliver(mailing, recipient, Decision::Personal);
    world.visitor().get(&world.pixel(mailing, key));
}

#[test]
fn every_procedure_by_keyboard() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut person: Option<Person> = None;
    for javascript in [true, false] {
        let world = World::start(On::Sqlite);
        let anna = world.make_recipient("anna.schmidt@example.org");
        world.make_recipient("anna.schneider@example.org");
        past(&world, anna);
        runtime.block_on(async {
            let mut here = match person.take() {
                Some(here) => here,
                None => Person::arrive().await,
            };
            here.arrive_at(&world, javascript).await;
            sign_in(&here).await;
            procedure_1(&here).await;
            procedure_2(&here, javascript).await;
            procedure_3(&here).await;
            person = Some(here);
        });
    }
    if let Some(person) = person {
        runtime.block_on(person.leave());
    }
}
