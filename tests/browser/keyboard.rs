//! The first two procedures with the keyboard alone: Tab, Enter and Space, the focus always in
//! sight.

use fantoccini::key::Key;

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

#[test]
fn procedures_1_and_2_by_keyboard() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut person: Option<Person> = None;
    for javascript in [true, false] {
        let world = World::start(On::Sqlite);
        world.make_recipient("anna.schmidt@example.org");
        world.make_recipient("anna.schneider@example.org");
        runtime.block_on(async {
            let mut here = match person.take() {
                Some(here) => here,
                None => Person::arrive(&world).await,
            };
            here.arrive_at(&world, javascript).await;
            sign_in(&here).await;
            procedure_1(&here).await;
            procedure_2(&here, javascript).await;
            person = Some(here);
        });
    }
    if let Some(person) = person {
        runtime.block_on(person.leave());
    }
}
