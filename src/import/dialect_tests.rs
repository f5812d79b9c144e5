use super::*;

fn guess(bytes: &[u8]) -> Dialect {
    Dialect::guess(bytes).expect("readable")
}

fn windows_1252(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn utf_16(text: &str, big_endian: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units
        .flat_map(|unit| {
            if big_endian {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        })
        .collect()
}

const GERMAN: &str =
    "E-Mail;Vorname;Nachname\r\njoerg@example.de;Jörg;Müller\r\nanna@example.de;Anna;Groß\r\n";

#[test]
fn german_excel_writes_windows_1252_with_semicolons() {
    let expected = Dialect {
        encoding: Encoding::Windows1252,
        delimiter: Delimiter::Semicolon,
        has_header: true,
        skip_lines: 0,
    };
    assert_eq!(guess(&windows_1252(GERMAN)), expected);
}

#[test]
fn every_encoding_is_recognised() {
    let bom = [b"\xef\xbb\xbf", GERMAN.as_bytes()].concat();
    assert_eq!(guess(GERMAN.as_bytes()).encoding, Encoding::Utf8);
    assert_eq!(guess(&bom).encoding, Encoding::Utf8);
    assert_eq!(guess(&utf_16(GERMAN, false)).encoding, Encoding::Utf16Le);
    assert_eq!(guess(&utf_16(GERMAN, true)).encoding, Encoding::Utf16Be);
    for file in [bom, utf_16(GERMAN, false), utf_16(GERMAN, true)] {
        assert_eq!(guess(&file).delimiter, Delimiter::Semicolon);
        assert!(guess(&file).has_header);
    }
}

#[test]
fn one_bad_byte_does_not_make_a_utf_8_file_windows_1252() {
    let mut file = GERMAN.repeat(5).into_bytes();
    file.extend_from_slice(b"kaputt@example.de;J\xf6rg;X\r\n");
    assert_eq!(guess(&file).encoding, Encoding::Utf8);
}

#[test]
fn the_first_umlaut_tells_the_encoding_however_late_it_comes() {
    let ascii = "hans@example.de;Hans;Maier\r\n".repeat(10_000);
    assert_eq!(guess(ascii.as_bytes()).encoding, Encoding::Utf8);
    assert_eq!(
        guess(&windows_1252(&(ascii.clone() + GERMAN))).encoding,
        Encoding::Windows1252
    );
    assert_eq!(guess((ascii + GERMAN).as_bytes()).encoding, Encoding::Utf8);
}

#[test]
fn an_umlaut_on_the_edge_of_the_sample_is_seen_whole() {
    for before in [CHUNK_BYTES - 1, CHUNK_BYTES] {
        let ascii = "a".repeat(before);
        assert_eq!(
            guess(format!("{ascii}ü").as_bytes()).encoding,
            Encoding::Utf8
        );
        assert_eq!(
            guess(&windows_1252(&format!("{ascii}ü"))).encoding,
            Encoding::Windows1252
        );
    }
}

#[test]
fn every_delimiter_is_recognised() {
    for delimiter in Delimiter::ALL {
        let separator = char::from(delimiter.byte()).to_string();
        assert_eq!(
            guess(GERMAN.replace(';', &separator).as_bytes()).delimiter,
            *delimiter
        );
    }
}

#[test]
fn the_delimiter_is_the_one_that_leaves_addresses_whole() {
    let names = "\"Müller, Jörg\";joerg@example.de\nMaier, Anna;anna@example.de\n";
    assert_eq!(guess(names.as_bytes()).delimiter, Delimiter::Semicolon);
    let notes = "joerg@example.de,\"a;b;c\"\nanna@example.de,a;b;c\n";
    assert_eq!(guess(notes.as_bytes()).delimiter, Delimiter::Comma);
}

#[test]
fn a_list_of_addresses_alone_needs_no_delimiter() {
    let dialect = guess(b"a@example.de\nb@example.de\n");
    assert_eq!(dialect.delimiter, Delimiter::Semicolon);
    assert!(!dialect.has_header);
}

#[test]
fn excel_can_name_the_delimiter() {
    let dialect = guess(b"sep=|\r\nE-Mail|Notiz\r\na@example.de|b;c\r\n");
    assert_eq!(dialect.delimiter, Delimiter::Pipe);
    assert!(dialect.has_header);
}

#[test]
fn a_first_row_with_an_address_is_no_header() {
    assert!(!guess(b"hans@example.de;Hans\nanna@example.de;Anna\n").has_header);
    assert!(!guess(b"kaputt@;Hans\nanna@example.de;Anna\n").has_header);
    assert!(guess(b"\r\n\r\nKontakt;Wer\nanna@example.de;Anna\n").has_header);
}

#[test]
fn files_of_nothing_are_guessed_too() {
    for file in [
        &b""[..],
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\r\n\r\n",
        b"\"",
        b"\xff",
    ] {
        assert_eq!(guess(file).delimiter, Delimiter::Semicolon, "{file:?}");
    }
}

#[test]
fn a_dialect_survives_json_and_forms() {
    let dialect = guess(GERMAN.as_bytes());
    let json = serde_json::to_string(&dialect).expect("JSON");
    assert_eq!(
        json,
        r#"{"encoding":"utf-8","delimiter":"semicolon","has_header":true}"#
    );
    assert_eq!(
        serde_json::from_str::<Dialect>(&json).expect("JSON"),
        dialect
    );
    for encoding in Encoding::ALL {
        assert_eq!(Encoding::from_word(encoding.word()), Some(*encoding));
    }
    assert_eq!(Delimiter::from_word(";"), None);
}

#[test]
fn lines_above_the_header_are_found() {
    for (file, has_header, skip_lines) in [
        (
            "Teilnehmer, Stand 3.6.;;\n;;\nNr;E-Mail;Vorname\n1;a@example.de;A\n",
            true,
            2,
        ),
        ("Teilnehmer\n\nE-Mail;Vorname\na@example.de;A\n", true, 2),
        (
            "Teilnehmer\r\n\r\nWer;Kontakt\r\nA;a@example.de\r\n",
            true,
            2,
        ),
        (
            "Fragen an info@example.de\nWer;E-Mail\nA;a@example.de\n",
            true,
            1,
        ),
        (
            "Kontakt;info@example.de\nWer;E-Mail\nA;a@example.de\n",
            true,
            1,
        ),
        ("sep=;\nTitel\nWer;E-Mail\nA;a@example.de\n", true, 2),
        ("sep=;\nWer;E-Mail\nA;a@example.de\n", true, 0),
        ("Titel\n\na@example.de;A\nb@example.de;B\n", false, 2),
        ("E-Mail;Vorname\n;A\nb@example.de;B\n", true, 0),
        ("Titel\nNr;E-Mail;Vorname\n1;kaputt;A\n", true, 1),
        ("a@example.de;E-Mail\nb@example.de;Telefon\n", false, 0),
        ("a@example.de;A\nkaputt;E-Mail\nb@example.de;B\n", false, 0),
    ] {
        let dialect = guess(file.as_bytes());
        assert_eq!(
            (dialect.has_header, dialect.skip_lines),
            (has_header, skip_lines),
            "{file}"
        );
    }
}

#[test]
fn a_sign_in_a_header_is_no_address() {
    for header in [
        "E-Mail (@);Twitter @Name",
        "@;Wer",
        "Mail@;Wer",
        "E-Mail@;Wer",
        "Kontakt (@);Wer",
    ] {
        let file = format!("{header}\na@example.de;@a\n");
        assert!(guess(file.as_bytes()).has_header, "{header}");
    }
}
