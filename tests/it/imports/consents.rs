//! Consents that a file brings to `widerspruch import`: the rules of the browser's form.

use std::path::Path;

use widerspruch::db::models::recipients;
use widerspruch::domain::tracking::RecipientTracking;

use super::command::{import, said, stopped};
use crate::support::{On, World};

const WORDS: &str = "Ich erlaube Muster GmbH, Öffnungen und Klicks zu erfassen.";

const EVIDENCE: [&str; 8] = [
    "--group",
    "Kunden",
    "--consent-wording",
    WORDS,
    "--consent-how",
    "Kundenportal",
    "--consent-day",
    "01.09.2026",
];

fn file(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("liste.csv");
    std::fs::write(&path, text).expect("the file");
    path
}

fn tracking(world: &World, address: &str) -> RecipientTracking {
    let found = world.read(|conn| recipients::find_by_address(conn, world.account_id, address));
    found.expect("a recipient").tracking
}

fn a_file_brings_consents_with_evidence(on: On) {
    use RecipientTracking::{Consented, Objected, Unset};
    let mut world = World::start(on);
    let admin = world.admin();
    world.make_recipient("known@example.org");
    for address in ["no@example.org", "gone@example.org"] {
        let id = world.make_recipient(address);
        let path = format!("/empfaenger/{id}/tracking");
        admin.submit(&path, &[("tracking_off", "ja")]);
        if address == "gone@example.org" {
            admin.submit(&format!("/empfaenger/{id}/loeschen"), &[]);
        }
    }
    world.stop();
    let folder = tempfile::tempdir().unwrap();
    let text = "E-Mail;Erlaubt;Erlaubt am;Tracking deaktiviert\n\
                new@example.org;ja;03.10.2026;\n\
                known@example.org;x;;\n\
                no@example.org;ja;;\n\
                gone@example.org;ja;;\n\
                both@example.org;ja;;ja\n\
                silent@example.org;nein;;\n\
                unclear@example.org;vielleicht;;\n\
                later@example.org;ja;01.01.2999;\n";
    let file = file(folder.path(), text);
    // The day's column by its name, the other by its number.
    let columns = [
        "--consent-column",
        "2",
        "--consent-day-column",
        "Erlaubt am",
    ];
    let arguments = [&EVIDENCE[..], &columns].concat();
    let summary = said(&import(&world, &arguments, &file));
    let expected = "4 added, 1 updated, 1 unchanged, 2 refused.";
    assert!(summary.starts_with(expected), "{summary}");
    for refusal in [
        "line 8: \"vielleicht\": „Einwilligung ins Tracking“ ist unklar.",
        "line 9: \"01.01.2999\": „Einwilligung erteilt am“ liegt in der Zukunft.",
    ] {
        assert!(summary.contains(refusal), "{summary}");
    }
    for (address, expected) in [
        ("new@example.org", Consented),
        ("known@example.org", Consented),
        ("no@example.org", Objected),
        ("gone@example.org", Objected),
        ("both@example.org", Objected),
        ("silent@example.org", Unset),
    ] {
        assert_eq!(tracking(&world, address), expected, "{address}");
    }
    let evidence = format!(
        "agreed AND kind = 'tracking' AND wording = '{WORDS}' AND form_name LIKE 'Import %: Kundenportal'"
    );
    assert_eq!(world.rows("consents", &evidence), 2);
    // Midnight in Berlin.
    for (address, day) in [
        ("new@example.org", 1_790_978_400_000_i64),
        ("known@example.org", 1_788_213_600_000),
    ] {
        let whose = format!(
            "given_at = {day} AND recipient_id = (SELECT id FROM recipients WHERE address = '{address}')"
        );
        assert_eq!(world.rows("consents", &whose), 1, "{address}");
    }
    let logged = "action = 'recipient_consented' AND actor = 'Import (Kommandozeile)'";
    assert_eq!(world.rows("audit_log", logged), 2);

    let again = said(&import(&world, &arguments, &file));
    let expected = "0 added, 0 updated, 6 unchanged, 2 refused.";
    assert!(again.starts_with(expected), "{again}");
    assert_eq!(world.rows("consents", "1 = 1"), 2);
}

#[test]
fn a_file_brings_consents_with_evidence_sqlite() {
    a_file_brings_consents_with_evidence(On::Sqlite);
}

#[test]
fn a_file_brings_consents_with_evidence_postgres() {
    a_file_brings_consents_with_evidence(On::Postgres);
}

/// Which number is the month is certain from another row, also from one that follows.
fn days_are_read_as_their_column_writes_them(on: On) {
    let world = stopped(on);
    let folder = tempfile::tempdir().unwrap();
    let columns = ["--consent-column", "Ja", "--consent-day-column", "Am"];
    let arguments = [&EVIDENCE[..], &columns].concat();
    let day = |address: &str| {
        world.read(|conn| recipients::find_by_address(conn, world.account_id, address))?;
        let whose = |given: i64| {
            format!(
                "given_at = {given} AND recipient_id = (SELECT id FROM recipients WHERE address = '{address}')"
            )
        };
        // Midnight in Berlin of 3 April, 4 March and 24 November 2025.
        [
            ("3.4.", 1_743_631_200_000),
            ("4.3.", 1_741_042_800_000),
            ("24.11.", 1_763_938_800_000),
        ]
        .into_iter()
        .find(|(_, given)| world.rows("consents", &whose(*given)) == 1)
        .map(|(day, _)| day)
    };
    let text = "E-Mail;Ja;Am\n\
                a@example.org;ja;03/04/2025\n\
                b@example.org;ja;11/24/25 10:15 PM\n\
                c@example.org;ja;04/03/2025\n";
    let american = file(folder.path(), text);
    let summary = said(&import(&world, &arguments, &american));
    assert!(
        summary.starts_with("3 added, 0 updated, 0 unchanged, 0 refused."),
        "{summary}"
    );
    assert_eq!(
        ["a@example.org", "b@example.org", "c@example.org"].map(day),
        [Some("4.3."), Some("24.11."), Some("3.4.")]
    );
    let text = "E-Mail;Ja;Am\n\
                d@example.org;ja;03/04/2025\n\
                e@example.org;ja;24/11/2025\n\
                f@example.org;ja;11/24/2025\n\
                g@example.org;ja;24. November 2025\n\
                h@example.org;ja;24.11.1025\n";
    let mixed = file(folder.path(), text);
    let summary = said(&import(&world, &arguments, &mixed));
    assert!(
        summary.starts_with("3 added, 0 updated, 0 unchanged, 2 refused."),
        "{summary}"
    );
    for refusal in [
        "line 2: \"03/04/2025\": „Einwilligung erteilt am“ ist nicht eindeutig",
        "line 6: \"24.11.1025\": „Einwilligung erteilt am“ liegt vor 1990.",
    ] {
        assert!(summary.contains(refusal), "{summary}");
    }
    assert_eq!(
        ["e@example.org", "f@example.org", "g@example.org"].map(day),
        [Some("24.11."); 3]
    );
}

#[test]
fn days_are_read_as_their_column_writes_them_sqlite() {
    days_are_read_as_their_column_writes_them(On::Sqlite);
}

#[test]
fn days_are_read_as_their_column_writes_them_postgres() {
    days_are_read_as_their_column_writes_them(On::Postgres);
}

fn everybody_but_those_who_say_no(on: On) {
    let world = stopped(on);
    let folder = tempfile::tempdir().unwrap();
    let text = "a@example.org;\nb@example.org;nein\nc@example.org;ja\n";
    let file = file(folder.path(), text);
    let who = ["--consent-everybody", "--consent-column", "2"];
    said(&import(&world, &[&EVIDENCE[..], &who].concat(), &file));
    assert_eq!(world.rows("recipients", "tracking = 'consented'"), 2);
    assert_eq!(world.rows("recipients", "tracking = 'unset'"), 1);
    assert_eq!(world.rows("consents", "1 = 1"), 2);
}

#[test]
fn everybody_but_those_who_say_no_sqlite() {
    everybody_but_those_who_say_no(On::Sqlite);
}

#[test]
fn everybody_but_those_who_say_no_postgres() {
    everybody_but_those_who_say_no(On::Postgres);
}

/// What the command line lacks is named, all of it at once, and nothing is written.
fn without_evidence_nothing_begins(on: On) {
    let world = stopped(on);
    let folder = tempfile::tempdir().unwrap();
    let text = "E-Mail;Erlaubt;Am\nanna@example.org;ja;01.02.2026\n";
    let file = file(folder.path(), text);
    let group = ["--group", "Kunden"];
    let column = ["--consent-column", "Erlaubt"];
    let refused = |arguments: &[&[&str]]| {
        let output = import(&world, &arguments.concat(), &file);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let nothing = refused(&[&group, &column]);
    for problem in [
        "--consent-wording: Der Wortlaut der Einwilligung fehlt",
        "--consent-how: Wie die Einwilligungen kamen fehlt",
        "--consent-day: Geben Sie den Tag der Einwilligungen an",
    ] {
        assert!(nothing.contains(problem), "{nothing}");
    }
    let mut future = EVIDENCE;
    future[7] = "2999-01-01";
    let future = refused(&[&future, &column]);
    assert!(
        future.contains("--consent-day: Dieser Tag liegt in der Zukunft."),
        "{future}"
    );
    assert!(!future.contains("--consent-how"), "{future}");

    let nobody = refused(&[&EVIDENCE]);
    assert!(nobody.contains("--consent-everybody"), "{nobody}");
    let unknown = refused(&[&EVIDENCE, &["--consent-column", "Ja"]]);
    let expected =
        "--consent-column: the file has no column \"Ja\"; it has \"E-Mail\", \"Erlaubt\", \"Am\"";
    assert!(unknown.contains(expected), "{unknown}");
    for number in ["0", "4"] {
        let unknown = refused(&[&EVIDENCE, &["--consent-column", number]]);
        assert!(unknown.contains("has no column"), "{unknown}");
    }
    let address = refused(&[&EVIDENCE, &["--consent-column", "E-Mail"]]);
    assert!(
        address.contains("used already, as „E-Mail-Adresse“"),
        "{address}"
    );
    let twice = refused(&[&EVIDENCE, &column, &["--consent-day-column", "2"]]);
    assert!(twice.contains("used already"), "{twice}");
    let day_alone = ["--consent-everybody", "--consent-day-column", "Am"];
    let day_alone = refused(&[&EVIDENCE, &day_alone]);
    assert!(
        day_alone.contains("gehört eine Spalte „Einwilligung ins Tracking“"),
        "{day_alone}"
    );
    for table in ["recipients", "groups", "imports", "consents"] {
        assert_eq!(world.rows(table, "1 = 1"), 0, "{table}");
    }
}

#[test]
fn without_evidence_nothing_begins_sqlite() {
    without_evidence_nothing_begins(On::Sqlite);
}

#[test]
fn without_evidence_nothing_begins_postgres() {
    without_evidence_nothing_begins(On::Postgres);
}
