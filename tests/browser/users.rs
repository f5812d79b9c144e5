//! Somebody is invited, accepts and signs in; and sets up a second factor: with the keyboard alone.

use diesel::RunQueryDsl;
use fantoccini::key::Key;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::totp::Totp;

use crate::person::Person;
use crate::procedures::walk;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World};

const OWN_PASSWORD: &str = "ein langes Passwort";

/// Tabs to a link or button, presses Enter and waits for what comes then.
async fn enter(person: &Person, words: &str, then: &str) {
    person.tab_to(words).await;
    person.key(Key::Enter).await;
    person.sees(then).await;
}

async fn type_into(person: &Person, label: &str, text: &str) {
    person.tab_to(label).await;
    person.type_text(text).await;
}

async fn sign_in(person: &Person, email: &str, password: &str) {
    type_into(person, "E-Mail-Adresse", email).await;
    type_into(person, "Passwort", password).await;
    person.key(Key::Enter).await;
}

/// The administrator invites; gives the link's path.
async fn invite(person: &Person) -> String {
    person.open("/benutzerkonto").await;
    enter(person, "Benutzer", "1 Benutzer").await;
    enter(person, "Benutzer einladen", "E-Mailings schreiben").await;
    // The mistakes come first.
    enter(person, "Einladen", "Wählen Sie mindestens eine Rolle aus.").await;
    type_into(person, "E-Mail-Adresse", "jana@example.org").await;
    type_into(person, "Name", "Jana Müller").await;
    for role in ["E-Mailings", "Analysen"] {
        person.tab_to(role).await;
        person.key(Key::Space).await;
    }
    enter(person, "Einladen", "Link für Jana Müller").await;
    let text = person.text().await;
    let at = text.find("/einladung/").expect("the link");
    let end = text[at..].find(char::is_whitespace);
    text[at..][..end.unwrap_or(text.len() - at)].to_owned()
}

async fn invited_accepted_signed_in(person: &Person, world: &World, _: bool) {
    let link = invite(person).await;
    person.open("/benutzerkonto/benutzer").await;
    person.sees("von Eva Admin, gilt bis").await;
    enter(person, "Abmelden", "Sie sind abgemeldet.").await;

    person.open(&link).await;
    person.sees("Eva Admin lädt Sie ein").await;
    type_into(person, "Passwort", "kurz").await;
    person.key(Key::Enter).await;
    person.sees("mindestens 10 Zeichen").await;
    type_into(person, "Passwort", OWN_PASSWORD).await;
    person.key(Key::Enter).await;
    person.sees("Angemeldet als Jana Müller").await;
    let text = person.text().await;
    assert!(
        text.contains("Analysen") && !text.contains("Empfänger"),
        "{text}"
    );

    enter(person, "Benutzerkonto", "Bisheriges Passwort").await;
    enter(person, "Meine Anmeldungen", "Diese hier").await;
    enter(person, "Abmelden", "Sie sind abgemeldet.").await;
    person.open(&link).await;
    person.sees_heading("Dieser Link gilt nicht mehr").await;
    enter(person, "Zur Anmeldung", "Passwort vergessen?").await;
    sign_in(person, "jana@example.org", OWN_PASSWORD).await;
    person.sees("Angemeldet als Jana Müller").await;

    // Removed: out at the next step.
    let admin = world.admin();
    let users = admin.visit("/benutzerkonto/benutzer");
    let path = users
        .attribute("tbody tr:last-child a", "href")
        .expect("Jana is the last");
    admin.submit(&format!("{path}/entfernen"), &[]);
    enter(person, "Analysen", "Passwort vergessen?").await;
    sign_in(person, "jana@example.org", OWN_PASSWORD).await;
    person
        .sees("E-Mail-Adresse oder Passwort stimmt nicht.")
        .await;
    person.open("/anmelden").await;
    sign_in(person, ADMIN, PASSWORD).await;
    person.sees("Angemeldet als Eva Admin").await;
}

/// The code that an app shows.
fn code(secret: &str) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret.replace(' ', "")).expect("a secret");
    let totp = Totp::new(secret.as_bytes(), ADMIN).expect("a secret");
    totp.code(Timestamp::now().plus_millis(30_000))
}

async fn two_steps(person: &Person, world: &World, _: bool) {
    person.open("/benutzerkonto").await;
    enter(person, "Zwei-Faktor-Anmeldung", "Nicht eingerichtet").await;
    enter(person, "Einrichten", "In der App hinzufügen").await;
    person.unfold("Ohne Kamera: den Schlüssel eintippen").await;
    let secret = person
        .run("return document.querySelector('#schluessel').textContent;")
        .await;
    let secret = secret.as_str().expect("a text").trim().to_owned();
    type_into(person, "Ihr Passwort", PASSWORD).await;
    type_into(person, "Code", &code(&secret)).await;
    person.key(Key::Enter).await;
    person.sees_heading("Wiederherstellungscodes").await;
    let codes = person
        .run("return document.querySelector('#wiederherstellung').textContent;")
        .await;
    let codes = codes.as_str().expect("a text").trim().to_owned();
    assert_eq!(codes.lines().count(), 10);
    enter(person, "Fertig", "Empfänger hinzufügen").await;
    enter(person, "Abmelden", "Sie sind abgemeldet.").await;

    sign_in(person, ADMIN, PASSWORD).await;
    person.sees_heading("Zweiter Schritt").await;
    type_into(person, "Code", "123456").await;
    person.key(Key::Enter).await;
    person.sees("Dieser Code stimmt nicht").await;
    // The one that confirmed is used up; what follows it would be half a minute away.
    world.write(|conn| {
        diesel::sql_query("UPDATE users SET totp_step = 0").execute(conn)?;
        Ok(())
    });
    type_into(person, "Code", &code(&secret)).await;
    person.key(Key::Enter).await;
    person.sees("Angemeldet als Eva Admin").await;

    // Without the app.
    enter(person, "Abmelden", "Sie sind abgemeldet.").await;
    sign_in(person, ADMIN, PASSWORD).await;
    person.sees_heading("Zweiter Schritt").await;
    type_into(person, "Code", codes.lines().next().expect("a code")).await;
    person.key(Key::Enter).await;
    person.sees("9 Wiederherstellungscodes").await;
}

#[test]
fn signing_in_with_two_steps_on_sqlite() {
    walk(On::Sqlite, two_steps);
}

#[test]
fn signing_in_with_two_steps_on_postgres() {
    walk(On::Postgres, two_steps);
}

#[test]
fn invited_accepted_signed_in_on_sqlite() {
    walk(On::Sqlite, invited_accepted_signed_in);
}

#[test]
fn invited_accepted_signed_in_on_postgres() {
    walk(On::Postgres, invited_accepted_signed_in);
}
