//! Writing a mailing, planning it and deciding otherwise: with the small comforts of the script, and
//! with the keyboard alone.

use fantoccini::key::Key;
use serde_json::json;
use widerspruch::db::models::pictures::{self, NewPicture};
use widerspruch::db::models::{groups, mailings};
use widerspruch::domain::time::Timestamp;

use crate::person::Person;
use crate::procedures::walk;
use crate::support::{On, World};

fn picture(world: &World) {
    let new = NewPicture {
        file_name: "rose.gif".to_owned(),
        media_type: "image/gif",
        width: 800,
        height: 2,
        content: b"GIF89a".to_vec(),
    };
    world.write(|conn| pictures::create(conn, world.account_id, &new, Timestamp::now()));
}

fn group_with_somebody(world: &World) {
    let anna = world.make_recipient("anna@example.org");
    world.write(|conn| {
        let (account, now) = (world.account_id, Timestamp::now());
        let group = groups::create(conn, account, "Leserschaft", now)?;
        groups::add_members(conn, account, group, &[anna], now)
    });
}

/// What stands in the content, and what of it is selected.
async fn content(person: &Person) -> (String, String) {
    let found = person
        .run(
            "const field = document.getElementById('html'); \
             return [field.value, field.value.slice(field.selectionStart, field.selectionEnd)];",
        )
        .await;
    serde_json::from_value(found).expect("two texts")
}

async fn a_mailing_is_written(person: &Person, world: &World, javascript: bool) {
    picture(world);
    group_with_somebody(world);
    person.follow("E-Mailings").await;
    person.follow("Neues E-Mailing").await;
    person.fill("Betreff", "Rosen").await;
    person.tick("Leserschaft").await;
    person
        .fill("Inhalt", "<p>Hallo</p>\n<p>{{ vorname</p>")
        .await;
    if javascript {
        person.unfold("Bilder einfügen").await;
        person.press("Einfügen von rose.gif").await;
        let (html, _) = content(person).await;
        assert!(html.ends_with("alt=\"\" width=\"600\">"), "{html}");
        assert!(html.starts_with("<p>Hallo</p>"), "where the cursor was");
    }
    person.press("Speichern").await;
    person
        .sees("So kann dieses E-Mailing nicht versendet werden")
        .await;
    person.follow("Inhalt, Zeile 2").await;
    if javascript {
        let (_, selected) = content(person).await;
        assert!(selected.starts_with("<p>{{ vorname</p>"), "{selected}");
        assert_eq!(person.focused().await, "Inhalt (HTML oder MJML)");
    }
    person.fill("Inhalt", "<p>Hallo {{ vorname }}</p>").await;
    person.press("Speichern und Vorschau").await;
    person.sees_heading("Vorschau").await;
    person.sees("Gespeichert.").await;
}

#[test]
fn a_mailing_is_written_on_sqlite() {
    walk(On::Sqlite, a_mailing_is_written);
}

/// A picture goes where the cursor is, as what the content is; without a cursor nowhere.
async fn a_picture_goes_where_the_cursor_is(person: &Person, world: &World, javascript: bool) {
    if !javascript {
        return;
    }
    picture(world);
    let mjml = "<mjml><mj-body></mj-body></mjml>";
    let content_of = mailings::Content {
        subject: "Rosen",
        sender_name: "",
        sender_address: "post@example.org",
        html: mjml,
        mjml,
        text: "",
        groups: &[],
    };
    let id =
        world.write(|conn| mailings::create(conn, world.account_id, &content_of, Timestamp::now()));
    person.open(&format!("/e-mailings/{id}")).await;
    person.unfold("Bilder einfügen").await;
    person.press("Einfügen von rose.gif").await;
    person
        .sees("Klicken Sie zuerst im Inhalt an die Stelle")
        .await;
    assert_eq!(content(person).await.0, mjml);
    person
        .run("const field = document.getElementById('html'); field.focus(); field.setSelectionRange(15, 15);")
        .await;
    // The words of the button come back.
    person.press("Einfügen von rose.gif").await;
    let (html, _) = content(person).await;
    assert!(
        html.starts_with("<mjml><mj-body><mj-image src=\"http"),
        "{html}"
    );
    assert!(html.contains("width=\"600px\" /></mj-body>"), "{html}");
    // What is not saved is not left by mistake.
    let asks = person
        .run(
            "const leaving = new Event('beforeunload', { cancelable: true }); \
             window.dispatchEvent(leaving); return leaving.defaultPrevented;",
        )
        .await;
    assert_eq!(asks, json!(true));
}

#[test]
fn a_picture_goes_where_the_cursor_is_on_sqlite() {
    walk(On::Sqlite, a_picture_goes_where_the_cursor_is);
}

/// Tabs to a link or button, presses Enter and waits for what comes then.
async fn enter(person: &Person, words: &str, then: &str) {
    person.tab_to(words).await;
    person.key(Key::Enter).await;
    person.sees(then).await;
}

/// Plans a mailing, changes one's mind, starts it, halts it, and does not end it after all.
async fn deciding_by_keyboard(person: &Person, world: &World, _: bool) {
    group_with_somebody(world);
    let group = world.read(|conn| groups::all(conn, world.account_id))[0].id;
    let written = mailings::Content {
        subject: "Rosen",
        sender_name: "",
        sender_address: "post@example.org",
        html: "<p>Hallo</p>",
        mjml: "",
        text: "",
        groups: &[group],
    };
    let id =
        world.write(|conn| mailings::create(conn, world.account_id, &written, Timestamp::now()));
    // It stays where it is until the person decides.
    let _still = world.state.sender.keep_away(world.account_id);
    person.open(&format!("/e-mailings/{id}")).await;
    enter(person, "Senden …", "Oder später senden").await;
    person.tab_to("Versand planen").await;
    person.key(Key::Enter).await;
    person.sees("Geben Sie ein Datum ein").await;
    enter(person, "Jetzt senden", "Wird vorbereitet").await;
    enter(person, "Versand anhalten", "Der Versand ist angehalten.").await;
    enter(person, "Versand abbrechen …", "Das wird geschehen").await;
    enter(person, "Zurück, nicht abbrechen", "Versand fortsetzen").await;
    enter(person, "Versand fortsetzen", "Der Versand geht weiter.").await;
    enter(person, "Versand abbrechen …", "Das wird geschehen").await;
    enter(person, "Versand abbrechen", "Der Versand ist abgebrochen.").await;
}

#[test]
fn deciding_by_keyboard_on_sqlite() {
    walk(On::Sqlite, deciding_by_keyboard);
}
