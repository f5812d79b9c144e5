//! *Importieren*, from the file to the report.

use std::fmt::Write;

use crate::person::Person;
use crate::procedures::walk;
use crate::support::{On, World};

async fn a_list_is_imported(person: &Person, world: &World, _: bool) {
    let file = world.dir.path().join("kunden.csv");
    let mut text = "E-Mail-Adresse;Vorname;Tracking deaktiviert\n".to_owned();
    for n in 0..3_000 {
        writeln!(
            text,
            "kunde{n}@example.org;Käthe;{}",
            if n == 7 { "ja" } else { "" }
        )
        .unwrap();
    }
    text.push_str("kunde at example.org;Egon;\n");
    std::fs::write(&file, text).unwrap();

    person.follow("Empfänger").await;
    person.follow("Importieren").await;
    person.press("Hochladen").await;
    person.sees("Wählen Sie eine CSV-Datei aus.").await;
    person.fill("Neue Gruppe", "Kunden").await;
    person.attach("CSV-Datei", &file).await;
    person.press("Hochladen").await;
    person.sees("Spalten zuordnen").await;
    person.sees("kunde0@example.org").await;
    person.press("Import starten").await;
    // The page of the progress becomes the report by itself, with script and without.
    person.sees("Import von kunden.csv").await;
    let report = person.text().await;
    assert!(report.contains("3.000"), "{report}");
    assert!(report.contains("kunde at example.org"), "{report}");
    person.follow("Empfänger ansehen").await;
    person.sees("3.000 Empfänger in der Gruppe Kunden").await;
    person.follow("Empfänger suchen").await;
    person.fill("Empfänger suchen", "kunde7@").await;
    person.press("Suchen").await;
    person.follow("kunde7@example.org").await;
    person.follow("Tracking").await;
    assert!(person.is_ticked("Tracking deaktiviert").await);
}

#[test]
fn a_list_is_imported_on_sqlite() {
    walk(On::Sqlite, a_list_is_imported);
}

#[test]
fn a_list_is_imported_on_postgres() {
    walk(On::Postgres, a_list_is_imported);
}
