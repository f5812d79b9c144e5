use super::*;

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn guess(header: &[&str], rows: &[&[&str]]) -> Vec<Column> {
    let rows: Vec<_> = rows.iter().map(|row| strings(row)).collect();
    let mapping = ColumnMapping::guess(Some(&strings(header)), &rows);
    if mapping.columns.contains(&Column::Address) {
        assert_eq!(mapping.validate(), Ok(()), "{mapping:?}");
    }
    mapping.columns
}

fn field(name: &str) -> Column {
    Column::Field(name.to_owned())
}

#[test]
fn german_and_english_headers_are_recognised() {
    use Column::{Address, FirstName, LastName, TrackingOff};
    let expected = [Address, FirstName, LastName, TrackingOff];
    for header in [
        ["E-Mail", "Vorname", "Nachname", "Tracking deaktiviert"],
        ["Email-Adresse", "VORNAME", "Name", "Widerspruch"],
        [
            "E-Mail-Adresse *",
            " vorname ",
            "Familienname",
            "Widerspruch (Tracking)",
        ],
        ["Mail", "First name", "Last Name", "Tracking off"],
        ["e_mail", "first_name", "surname", "do_not_track"],
        [
            "EMAIL ADDRESS",
            "Given Name",
            "Family Name",
            "Tracking opt-out",
        ],
    ] {
        assert_eq!(guess(&header, &[]), expected, "{header:?}");
    }
}

#[test]
fn other_columns_become_free_fields_with_a_name_for_mails() {
    assert_eq!(
        guess(
            &[
                "Anrede",
                "E-Mail",
                "PLZ / Ort",
                "Straße",
                "2. Wohnsitz",
                "Tracking",
                ""
            ],
            &[]
        ),
        [
            field("anrede"),
            Column::Address,
            field("plz_ort"),
            field("strasse"),
            field("feld_2_wohnsitz"),
            field("tracking"),
            Column::Ignore,
        ]
    );
}

#[test]
fn names_twice_are_told_apart() {
    let long = "x".repeat(60);
    let columns = guess(
        &["Telefon", "Email", "Telefon", "telefon", &long, &long],
        &[],
    );
    assert_eq!(columns[0], field("telefon"));
    assert_eq!(columns[2], field("telefon_2"));
    assert_eq!(columns[3], field("telefon_3"));
    assert_ne!(columns[4], columns[5]);
}

#[test]
fn second_columns_of_the_same_meaning_are_ignored() {
    assert_eq!(
        guess(
            &[
                "E-Mail", "E-Mail", "Vorname", "Vorname", "Nachname", "Nachname", "Name"
            ],
            &[]
        ),
        [
            Column::Address,
            Column::Ignore,
            Column::FirstName,
            Column::Ignore,
            Column::LastName,
            Column::Ignore,
            field("name"),
        ]
    );
}

#[test]
fn of_two_address_columns_the_filled_one_counts() {
    let rows: &[&[&str]] = &[&["", "a@example.de"], &["", "b@example.de"]];
    assert_eq!(guess(&["E-Mail", "E-Mail"], rows)[1], Column::Address);
    let rows: &[&[&str]] = &[&["ja", "a@example.de"], &["nein", "b@example.de"]];
    assert_eq!(guess(&["Mail", "Kontakt"], rows)[1], Column::Address);
}

#[test]
fn without_a_header_the_content_tells_the_address() {
    let rows = [
        strings(&["1", "a@example.de", "Anna"]),
        strings(&["2", "kaputt", "Bert"]),
        strings(&["3", "c@example.de", "c@example.de"]),
    ];
    let mapping = ColumnMapping::guess(None, &rows);
    assert_eq!(
        mapping.columns,
        [Column::Ignore, Column::Address, Column::Ignore]
    );
    assert_eq!(ColumnMapping::guess(None, &[]).columns, []);
}

#[test]
fn an_unusable_mapping_is_refused_with_a_sentence() {
    let check = |columns: Vec<Column>| ColumnMapping { columns }.validate();
    assert_eq!(
        check(vec![Column::Address, Column::Ignore, Column::Ignore]),
        Ok(())
    );
    assert_eq!(
        check(vec![Column::FirstName]),
        Err(MappingProblem::NoAddress)
    );
    assert_eq!(check(vec![]), Err(MappingProblem::NoAddress));
    for (twice, label) in [
        (Column::Address, "E-Mail-Adresse"),
        (Column::TrackingOff, "Tracking deaktiviert"),
        (field("anrede"), "anrede"),
    ] {
        assert_eq!(
            check(vec![Column::Address, twice.clone(), twice]),
            Err(MappingProblem::Twice(label.to_owned()))
        );
    }
    for name in [
        "",
        "Anrede",
        "straße",
        "2x",
        "a b",
        "a-b",
        "_a",
        &"x".repeat(41),
    ] {
        assert_eq!(
            check(vec![Column::Address, field(name)]),
            Err(MappingProblem::UnusableName(name.to_owned()))
        );
    }
    assert_eq!(
        check(vec![Column::Address, field("vorname")]),
        Err(MappingProblem::ReservedName("vorname".to_owned()))
    );
}

#[test]
fn a_mapping_survives_json_and_forms() {
    let mapping = ColumnMapping {
        columns: vec![
            Column::Address,
            Column::FirstName,
            Column::LastName,
            Column::TrackingOff,
            field("plz_ort"),
            Column::Ignore,
        ],
    };
    let json = serde_json::to_string(&mapping).expect("JSON");
    assert_eq!(
        json,
        r#"["address","first_name","last_name","tracking_off","field:plz_ort","ignore"]"#
    );
    assert_eq!(
        serde_json::from_str::<ColumnMapping>(&json).expect("JSON"),
        mapping
    );
    assert_eq!("telefon".parse::<Column>(), Err(UnknownColumn));
}

fn address_at(header: &[&str], rows: &[&[&str]]) -> Option<usize> {
    let columns = guess(header, rows);
    columns.iter().position(|column| *column == Column::Address)
}

#[test]
fn the_address_column_is_found_by_name_and_content_together() {
    let (anna, ben) = ("anna@example.de", "ben@example.de");
    let google = [
        "Name",
        "E-mail 1 - Label",
        "E-mail 1 - Value",
        "E-mail 2 - Label",
        "E-mail 2 - Value",
    ];
    let both = "ben@example.de ::: neu@example.de";
    for (header, rows, at) in [
        (
            &google[..],
            &[
                &["Anna", "* Work", anna, "Home", "p@example.de"][..],
                &["Ben", "", both, "", ""],
                &["Cora"],
            ][..],
            2,
        ),
        (
            &["E-Mail-Status", "E-Mail"],
            &[&["aktiv", anna], &["aktiv", ben]],
            1,
        ),
        (
            &["Opt-in E-Mail", "E-Mail"],
            &[&["ja", anna], &["nein", ""], &["", ben]],
            1,
        ),
        (
            &["E-Mail geschäftlich", "E-Mail"],
            &[&[anna, ben], &[ben, ""]],
            1,
        ),
        (
            &["E-Mail", "E-Mail geschäftlich"],
            &[&["", anna], &["", ben]],
            1,
        ),
        (&["E-Mail (geschäftlich)", "Telefon"], &[&[anna, "1"]], 0),
        (&["E-Mail Newsletter", "Kontakt"], &[&["ja", anna]], 1),
        (
            &["Betreuer", "E-Mail"],
            &[&[ben, "anna@"], &[ben, anna], &[ben, "kaputt"]],
            1,
        ),
        (
            &["E-Mail gesendet am", "E-Mail-Adresse (Pflichtfeld)"],
            &[&["1.1.2026", anna]],
            1,
        ),
        (
            &["Notiz", "E-Mail"],
            &[&["Bitte nie wieder an anna@example.de schreiben, danke", ""]],
            1,
        ),
        (
            &["Primary Email", "Secondary Email"],
            &[&[anna, ben], &["", ben]],
            0,
        ),
        (&["mail_2", "mail_1"], &[&[anna, ben]], 1),
    ] {
        assert_eq!(address_at(header, rows), Some(at), "{header:?}");
    }
    for header in [["E-Mail-Status", "x"], ["Opt-in E-Mail", "x"]] {
        assert_eq!(address_at(&header, &[&["ja", "nein"]]), None, "{header:?}");
    }
}
