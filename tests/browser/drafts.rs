//! A draft saves itself while somebody is writing, and nothing is lost when the session ends.

use widerspruch::db::models::mailings::{self, Mailing};
use widerspruch::db::paging::Position;

use crate::person::Person;
use crate::procedures::walk;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World};

fn drafts(world: &World) -> Vec<Mailing> {
    world
        .read(|conn| mailings::list(conn, world.account_id, Position::First, 50))
        .rows
}

async fn nothing_written_is_lost(person: &Person, world: &World, javascript: bool) {
    person.open("/e-mailings/neu").await;
    person.fill("Betreff", "Rosen").await;
    if javascript {
        person
            .sees("Nicht gespeichert: Geben Sie den Inhalt ein.")
            .await;
    }
    person.fill("Inhalt", "<p>Erster Satz</p>").await;
    if javascript {
        person.sees("Gespeichert um").await;
        assert_eq!(drafts(world).len(), 1);
        person.fill("Inhalt", "<p>Zweiter Satz</p>").await;
        person.sees("Noch nicht gespeichert").await;
        person.sees("Gespeichert um").await;
        assert_eq!(drafts(world)[0].html, "<p>Zweiter Satz</p>");
        // Somebody else saves: nothing of theirs is overwritten.
        world.execute("UPDATE mailings SET subject = 'Tulpen'");
        person.fill("Inhalt", "<p>Dritter Satz</p>").await;
        person
            .sees("Inzwischen wurde hier etwas anderes gespeichert. Speichern Sie selbst")
            .await;
        person.press("Speichern").await;
        person.sees("Tulpen").await;
        person.press("Speichern").await;
        person.sees("Gespeichert.").await;
        let draft = drafts(world).remove(0);
        assert_eq!(
            (draft.subject.as_str(), draft.html.as_str()),
            ("Tulpen", "<p>Dritter Satz</p>")
        );
    }
    world.execute("DELETE FROM sessions");
    person.fill("Inhalt", "<p>Letzter Satz</p>").await;
    if javascript {
        person.sees("Sie sind nicht mehr angemeldet").await;
    }
    person.press("Speichern").await;
    person
        .sees_heading("Bitte melden Sie sich noch einmal an")
        .await;
    person.fill("E-Mail-Adresse", ADMIN).await;
    person.fill("Passwort", PASSWORD).await;
    person.press("Anmelden").await;
    if !javascript {
        person.press("Formular mit Ihren Eingaben öffnen").await;
    }
    person
        .sees("Ihre Eingaben stehen wieder im Formular.")
        .await;
    person.press("Speichern").await;
    person.sees("Gespeichert.").await;
    assert_eq!(drafts(world)[0].html, "<p>Letzter Satz</p>");
}

#[test]
fn nothing_written_is_lost_on_sqlite() {
    walk(On::Sqlite, nothing_written_is_lost);
}
