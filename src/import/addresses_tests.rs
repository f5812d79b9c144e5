use std::io::Cursor;

use super::*;

/// The addresses' keys, and for refused ones line, value and reason.
fn read(text: impl AsRef<[u8]>) -> Vec<String> {
    let mut file = Cursor::new(text.as_ref().to_vec());
    let layout = layout(&mut file).unwrap();
    AddressList::new(file, &layout)
        .unwrap()
        .map(|entry| match entry.unwrap() {
            Ok(address) => address.key().to_owned(),
            Err(row) => format!("{}: {} ({})", row.line, row.value, row.reason),
        })
        .collect()
}

const NO_AT: &str = "In der Adresse fehlt das @-Zeichen.";

#[test]
fn addresses_stand_in_lines_or_between_separators() {
    let both = ["anna@example.org", "ben@example.org"];
    for text in [
        "anna@example.org\nben@example.org",
        "anna@example.org\r\nBen@Example.org\r\n",
        "anna@example.org\rben@example.org",
        "\n\n anna@example.org ,, ben@example.org;\n",
        "anna@example.org; ben@example.org",
        "anna@example.org\tben@example.org",
        "Anna Müller <anna@example.org>, \"Blum, Ben\" <ben@example.org>",
        "Müller, Anna <anna@example.org>; Dr. Blum, Ben <ben@example.org>",
        "<anna@example.org>\n<ben@example.org>",
        "\u{feff}anna@example.org\nben@example.org",
        "E-Mail\nanna@example.org\nben@example.org",
        "E-Mail-Adresse\r\nanna@example.org; ben@example.org",
        "\nE-Mail (@)\nanna@example.org\nben@example.org",
        "Verteiler Sommerfest\n\nE-Mail\n\nanna@example.org\nben@example.org",
    ] {
        assert_eq!(read(text), both, "{text:?}");
    }
}

#[test]
fn of_a_table_only_the_column_of_addresses_is_read() {
    let both = ["anna@example.org", "ben@example.org"];
    for text in [
        "Name;E-Mail;Betreuer\nAnna;anna@example.org;chef@example.org\nBen;ben@example.org;chef@example.org",
        "Anna,anna@example.org\nBen,ben@example.org",
        "Name\tE-Mail\r\nAnna\tanna@example.org\r\nBen\tBen <ben@example.org>\r\n",
        "sep=;\nE-Mail;Ort\nanna@example.org;Köln\nben@example.org;Bonn",
        "E-Mail;\nanna@example.org\nben@example.org;\n",
        "E-Mail;Vorname;Notiz;\nanna@example.org\nben@example.org;Ben\n",
        "Mitglieder, Stand 1.6.;;\n;;\nNr;E-Mail;Vorname\n1;anna@example.org\n2;ben@example.org;Ben\n",
        "Nr;E-mail 1 - Value;E-mail 2 - Value\n1;anna@example.org;x@example.org\n2;ben@example.org;\n",
    ] {
        assert_eq!(read(text), both, "{text:?}");
    }
    let mut file = Cursor::new("Name;E-Mail\nAnna;anna@example.org\n");
    let Layout::Column { name, .. } = layout(&mut file).unwrap() else {
        panic!("a table");
    };
    assert_eq!(name.as_deref(), Some("E-Mail"));
}

#[test]
fn without_names_no_column_with_addresses_is_left_out() {
    assert_eq!(
        read("anna@example.org;ben@example.org\nclara@example.org;"),
        ["anna@example.org", "ben@example.org", "clara@example.org"]
    );
}

#[test]
fn what_is_no_address_is_told_with_its_line() {
    assert_eq!(
        read("anna@example.org\n\nbenexample.org\nclara@example.org, dora"),
        [
            "anna@example.org".to_owned(),
            format!("3: benexample.org ({NO_AT})"),
            "clara@example.org".to_owned(),
            format!("4: dora ({NO_AT})"),
        ]
    );
    // A mistyped address is no name, even where one follows.
    assert_eq!(
        read("benexample.org, Anna <anna@example.org>"),
        [
            format!("1: benexample.org ({NO_AT})"),
            "anna@example.org".to_owned()
        ]
    );
    // Nor is a first line that is no heading.
    assert_eq!(
        read("benexample.org\nanna@example.org"),
        [
            format!("1: benexample.org ({NO_AT})"),
            "anna@example.org".to_owned()
        ]
    );
    let table = read("Name;E-Mail\nAnna;anna@example.org\nBen;\nClara\n\"Dora;dora@example.org\n");
    assert_eq!(table[0], "anna@example.org");
    assert!(table[1].starts_with("3: Ben;"), "{}", table[1]);
    assert!(
        table[2].contains("Die E-Mail-Adresse fehlt."),
        "{}",
        table[2]
    );
    assert_eq!(table.len(), 4);
}

#[test]
fn encodings_are_recognised() {
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            "anna@exämple.org\r\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    assert_eq!(read(utf16), ["anna@xn--exmple-cua.org"]);
    assert_eq!(read(b"anna@ex\xe4mple.org"), ["anna@xn--exmple-cua.org"]);
    // What can't be read is refused, and costs nothing else.
    let broken = read(b"\xc3\xa4nna@example.org \xc3\xb6\nb\xffn@example.org\nclara@example.org");
    assert_eq!(broken.len(), 3);
    assert_eq!(broken[2], "clara@example.org");
}

#[test]
fn a_workbook_is_refused() {
    assert!(layout(&mut Cursor::new(b"PK\x03\x04rest")).is_err());
}

#[test]
fn a_line_of_any_length_is_read() {
    let wanted: Vec<String> = (0..20_000)
        .map(|n| format!("person-{n}@example.org"))
        .collect();
    for separator in [",", "; ", "\n", "\t"] {
        assert!(read(wanted.join(separator)) == wanted, "{separator:?}");
    }
    let named = wanted
        .iter()
        .map(|address| format!("\"Person, Eine\" <{address}>"))
        .collect::<Vec<_>>();
    assert!(read(named.join(", ")) == wanted);
    let stray = read(format!("\"anna@example.org, {}", wanted.join(", ")));
    assert_eq!(stray.len(), wanted.len() + 1);
    // Something endless costs one entry, and no memory.
    let long = "x".repeat(5 * PIECE_BYTES);
    let read = read(format!("{long}\nanna@example.org"));
    assert_eq!((read.len(), read[1].as_str()), (2, "anna@example.org"));
}
