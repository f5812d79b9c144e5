use std::io::{self, Cursor};

use proptest::prelude::*;

use super::super::dialect::{Delimiter, Encoding};
use super::super::preview::{inspect, preview};
use super::*;
use crate::import::decode::encoded;

/// An accepted row as line, address, first name, last name, tracking off.
type Short = (u64, String, Option<String>, Option<String>, Option<bool>);

fn open(file: &[u8]) -> RowReader<&[u8]> {
    let found = inspect(&mut Cursor::new(file), 20).expect("inspected");
    RowReader::new(file, found.dialect, found.mapping).expect("readable")
}

fn rows(file: &[u8]) -> Vec<Result<ImportRow, RefusedRow>> {
    open(file).map(|row| row.expect("readable")).collect()
}

fn accepted(file: &[u8]) -> Vec<Short> {
    rows(file)
        .into_iter()
        .map(|row| row.unwrap_or_else(|refused| panic!("{}: {}", refused.value, refused.reason)))
        .map(|row| {
            let address = row.address.as_typed().to_owned();
            (
                row.line,
                address,
                row.first_name,
                row.last_name,
                row.tracking_off,
            )
        })
        .collect()
}

fn refused(file: &[u8]) -> Vec<(u64, String, String)> {
    rows(file)
        .into_iter()
        .filter_map(Result::err)
        .map(|refused| (refused.line, refused.value, refused.reason))
        .collect()
}

fn short(line: u64, address: &str, first: &str, last: &str, off: Option<bool>) -> Short {
    let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    (line, address.to_owned(), name(first), name(last), off)
}

#[test]
fn a_german_excel_file_is_read_in_every_encoding() {
    let text = "E-Mail;Vorname;Nachname;Tracking deaktiviert\r\n\
                joerg@müller.example;Jörg;Müller;x\r\n\
                anna@example.de;Anna;\"Groß; geb. Öl\";\r\n\
                \r\n\
                ;;;\r\n\
                bert@example.de;;Bär;nein\r\n";
    let expected = [
        short(2, "joerg@müller.example", "Jörg", "Müller", Some(true)),
        short(3, "anna@example.de", "Anna", "Groß; geb. Öl", None),
        short(6, "bert@example.de", "", "Bär", Some(false)),
    ];
    for encoding in Encoding::ALL {
        let file = encoded(text, *encoding);
        // Cyrillic has no umlauts.
        if *encoding != Encoding::Windows1251 {
            assert_eq!(accepted(&file), expected, "{encoding:?}");
        }
    }
    assert_eq!(
        accepted(&[b"\xef\xbb\xbf", text.as_bytes()].concat()),
        expected
    );
}

#[test]
fn free_fields_keep_values_and_drop_empty_cells() {
    let file = "Email,Anrede,Notiz,\na@example.de,Frau,\"zwei\r\nZeilen, ein \"\"Zitat\"\"\",\nb@example.de,,,\n";
    let rows = rows(file.as_bytes());
    let fields: Vec<_> = rows
        .iter()
        .map(|row| Value::Object(row.as_ref().expect("accepted").fields.clone()))
        .collect();
    assert_eq!(
        fields,
        [
            serde_json::json!({"anrede": "Frau", "notiz": "zwei\nZeilen, ein \"Zitat\""}),
            serde_json::json!({}),
        ]
    );
    assert_eq!(rows[1].as_ref().expect("accepted").line, 4);
}

#[test]
fn refusals_name_line_value_and_reason() {
    let long_name = "x".repeat(201);
    let long_note = "y".repeat(2001);
    let file = format!(
        "E-Mail;Vorname;Tracking deaktiviert;Notiz\n\
         gut@example.de;Gut;ja;\n\
         hans.example.de;Hans;;\n\
         ;Ohne;;\n\
         a@example.de;Anna;vielleicht;\n\
         b@example.de;Bert;;;zu viel\n\
         c@example.de;{long_name};;\n\
         d@example.de;Dora;;{long_note}\n\
         e@example.de;E\0va;;\n\
         f@example.de;Fri\u{1}tz;;\n\
         gut2@example.de;Gut;;\n"
    );
    let unclear = format!("„Tracking deaktiviert“ {}", values::UnclearAnswer);
    let expected: Vec<(u64, String, String)> = [
        (3, "hans.example.de", "In der Adresse fehlt das @-Zeichen."),
        (4, ";Ohne;;", "Die E-Mail-Adresse fehlt."),
        (5, "vielleicht", &*unclear),
        (
            6,
            "b@example.de;Bert;;;zu viel",
            "Die Zeile hat 5 Spalten statt 4.",
        ),
        (
            7,
            &("x".repeat(199) + "…"),
            "„Vorname“ ist länger als 200 Zeichen.",
        ),
        (
            8,
            &("y".repeat(199) + "…"),
            "„notiz“ ist länger als 2.000 Zeichen.",
        ),
        (
            9,
            "e@example.de;E␀va;;",
            "Die Zeile enthält ein NUL-Zeichen. Bitte prüfen Sie die Zeichenkodierung der Datei.",
        ),
        (
            10,
            "Fri␁tz",
            "„Vorname“ enthält ein Steuerzeichen (U+0001).",
        ),
    ]
    .map(|(line, value, reason)| (line, value.to_owned(), reason.to_owned()))
    .into();
    assert_eq!(refused(file.as_bytes()), expected);
    assert_eq!(rows(file.as_bytes()).len(), 10);
}

#[test]
fn bad_bytes_late_in_a_utf_8_file_refuse_their_row_alone() {
    let mut file = "E-Mail;Vorname\n".to_owned().into_bytes();
    for number in 0..5_000 {
        file.extend_from_slice(format!("empfaenger{number}@example.de;Jürgen\n").as_bytes());
    }
    file.extend_from_slice(b"kaputt@example.de;J\xfcrgen\n");
    // Two halves of one umlaut in neighbouring cells.
    file.extend_from_slice(b"halb@example.de\xc3;\xbcrgen\n");
    file.extend_from_slice("gut@example.de;Jürgen\n".as_bytes());
    let refused = refused(&file);
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0].0, 5002);
    assert_eq!(refused[0].1, "kaputt@example.de;J�rgen");
    for (.., reason) in &refused {
        assert!(reason.contains("Zeichenkodierung"), "{reason}");
    }
    assert_eq!(rows(&file).len(), 5003);
}

#[test]
fn rows_without_their_last_cells_are_whole() {
    let expected = |line, first| short(line, "a@example.de", first, "", None);
    for (file, first) in [
        ("E-Mail;Vorname;Notiz\na@example.de;Anna\n", "Anna"),
        ("E-Mail;Vorname;Notiz\na@example.de\n", ""),
        ("E-Mail;Vorname;\na@example.de;Anna\n", "Anna"),
        ("E-Mail;Vorname;;;\na@example.de;Anna;;\n", "Anna"),
        ("E-Mail;Vorname\na@example.de;Anna;;;\n", "Anna"),
    ] {
        assert_eq!(accepted(file.as_bytes()), [expected(2, first)], "{file}");
    }
}

#[test]
fn what_nobody_imports_may_be_damaged() {
    let long = "x".repeat(3_000_000);
    let mut file = "E-Mail;Vorname;Mail;E-Mail 2\n".to_owned().into_bytes();
    file.extend_from_slice("a@example.de;Änne Müßig;kaputt \u{fffd};\n".as_bytes());
    file.extend_from_slice(b"b@example.de;Bert;\xff\0;\xc3\n");
    file.extend_from_slice(format!("c@example.de;Cora;{long};\n").as_bytes());
    assert_eq!(refused(&file), []);
    assert_eq!(accepted(&file).len(), 3);
    // What is imported may not.
    let file = "E-Mail;Vorname\na@example.de;An\u{fffd}a\n";
    assert_eq!(refused(file.as_bytes()).len(), 1);
}

#[test]
fn several_addresses_in_a_cell_are_named_as_such() {
    let rows = refused(
        b"E-Mail;Vorname\nx@example.de;X\ny@example.de;Y\na@example.de, a2@example.de;A\nb@example.de ::: b2@example.de;B\nc@example.de c2@example.de;C\nd@example.de/d2@example;D\n",
    );
    let several = rows
        .iter()
        .filter(|(.., reason)| reason.contains("mehrere E-Mail-Adressen"));
    assert_eq!(several.count(), 3, "{rows:?}");
    assert_eq!(rows.len(), 4);
}

#[test]
fn a_column_tells_which_number_is_the_month() {
    let order = |file: &str| {
        let dialect = inspect(&mut Cursor::new(file), 5)
            .expect("inspected")
            .dialect;
        let mapping = ColumnMapping {
            columns: vec![Column::Address, Column::Consent, Column::ConsentDay],
        };
        day_order(file.as_bytes(), dialect, &mapping).expect("read")
    };
    let head = "E-Mail;Ja;Am\na@example.de;ja;03/04/2025\n";
    assert_eq!(order(head), None);
    let american = format!("{head}b@example.de;ja;04/13/2025\n");
    assert_eq!(order(&american), Some(NumberOrder::MonthFirst));
    assert_eq!(
        order(&format!("{american}c@example.de;ja;13/04/2025\n")),
        None
    );
    let german = format!("{head}b@example.de;ja\n\"x\nb@example.de;ja;13/04/2025\n");
    assert_eq!(order(&german), Some(NumberOrder::DayFirst));
}

#[test]
fn half_a_utf_16_character_refuses_its_row() {
    let mut file = encoded("E-Mail;Vorname\na@example.de;X", Encoding::Utf16Le);
    file.extend_from_slice(&0xd800_u16.to_le_bytes());
    file.extend_from_slice(&encoded("\nb@example.de;Y\n", Encoding::Utf16Le)[2..]);
    let refused = refused(&file);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].2, "Die Zeile enthält beschädigte Zeichen (�).");
}

#[test]
fn the_wrong_encoding_is_refused_not_mangled() {
    let file = encoded("E-Mail;Vorname\na@example.de;Jörg\n", Encoding::Windows1252);
    let found = inspect(&mut &mut Cursor::new(&file), 5).expect("inspected");
    let dialect = Dialect {
        encoding: Encoding::Utf8,
        ..found.dialect
    };
    let mut reader = RowReader::new(&file[..], dialect, found.mapping).expect("readable");
    assert!(matches!(reader.next(), Some(Ok(Err(_)))));
}

#[test]
fn an_interrupted_import_continues_where_it_was() {
    let file = b"E-Mail;Vorname\na@example.de;A\nkaputt;B\n\nc@example.de;\"C\nd@example.de;D\ne@example.de;E\n";
    let all = rows(file);
    assert_eq!(all.len(), 5);
    for done in 0..=5_u64 {
        let mut reader = open(file);
        assert_eq!(reader.skip_rows(done).expect("readable"), done);
        assert_eq!(reader.rows_seen(), done);
        let rest: Vec<_> = reader.by_ref().map(|row| row.expect("readable")).collect();
        assert_eq!(rest[..], all[usize::try_from(done).expect("small")..]);
        assert_eq!(reader.rows_seen(), 5);
        assert_eq!(reader.bytes_read(), file.len() as u64);
    }
    assert_eq!(open(file).skip_rows(100).expect("readable"), 5);
}

#[test]
fn a_mapping_for_another_file_is_refused() {
    let file = b"E-Mail;Vorname\na@example.de;A\n";
    let found = inspect(&mut Cursor::new(file), 5).expect("inspected");
    let mut mapping = found.mapping.clone();
    mapping.columns.push(Column::Ignore);
    let error = RowReader::new(&file[..], found.dialect, mapping)
        .err()
        .expect("refused");
    assert!(matches!(
        error,
        ReadError::OtherColumns {
            expected: 3,
            found: 2
        }
    ));
    let mapping = ColumnMapping {
        columns: vec![Column::Ignore; 2],
    };
    assert!(matches!(
        RowReader::new(&file[..], found.dialect, mapping),
        Err(ReadError::Mapping(_))
    ));
}

#[test]
fn a_reader_that_fails_ends_the_rows() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("gone"));
            }
            let start = b"a@example.de\nb@exa";
            room[..start.len()].copy_from_slice(start);
            Ok(start.len())
        }
    }
    let dialect = Dialect {
        encoding: Encoding::Utf8,
        delimiter: Delimiter::Semicolon,
        has_header: false,
        skip_lines: 0,
    };
    let mapping = ColumnMapping {
        columns: vec![Column::Address],
    };
    let rows: Vec<_> = RowReader::new(Failing(false), dialect, mapping)
        .expect("readable")
        .collect();
    assert_eq!(rows.len(), 2);
    assert!(matches!(rows[0], Ok(Ok(_))));
    assert!(matches!(rows[1], Err(ReadError::Io(_))));
}

#[test]
fn a_preview_shows_the_file_as_it_is() {
    let file = b"E-Mail;Vorname;\na@example.de;A;x\nzu;viele;Zellen;hier\nkurz\n";
    let found = inspect(&mut Cursor::new(file), 2).expect("inspected");
    assert_eq!(
        found.preview.header,
        Some(["E-Mail", "Vorname", ""].map(str::to_owned).into())
    );
    assert_eq!(found.preview.columns, 3);
    assert_eq!(found.preview.rows.len(), 2);
    assert_eq!(found.preview.rows[1], ["zu", "viele", "Zellen", "hier"]);
    assert_eq!(
        found.mapping.columns,
        [Column::Address, Column::FirstName, Column::Ignore]
    );

    let without_header = Dialect {
        has_header: false,
        ..found.dialect
    };
    let again = preview(&file[..], without_header, 10).expect("previewed");
    assert_eq!(again.header, None);
    assert_eq!(again.rows.len(), 4);
    assert_eq!(again.columns, 4);
}

#[test]
fn debug_output_of_rows_tells_no_address() {
    let shown = format!(
        "{:?}",
        rows(b"E-Mail;X\nhans@example.de;1\nanna@example;1\n")
    );
    assert!(!shown.contains("example"), "{shown}");
}

/// Encodings that have all that [`cell`] makes.
const ALL_CHARACTERS: [Encoding; 6] = [
    Encoding::Utf8,
    Encoding::Utf16Le,
    Encoding::Utf16Be,
    Encoding::Windows1252,
    Encoding::Windows1254,
    Encoding::MacRoman,
];

/// Those of them that even gibberish is recognised in.
const UNMISTAKABLE: &[Encoding] = &[Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be];

fn cell() -> impl Strategy<Value = String> {
    // Everything Windows-1252 has too, delimiters, quotes and line ends included.
    "[a-zA-ZäöüÄÖÜß€éñ ,;|\t\"\r\n'=-]{0,12}"
}

proptest! {
    #[test]
    fn what_a_csv_writer_writes_is_read_back(
        written in proptest::collection::vec((0..1000_u32, cell(), cell()), 0..30),
        encoding in proptest::sample::select(&ALL_CHARACTERS[..]),
        delimiter in proptest::sample::select(Delimiter::ALL),
        has_header in any::<bool>(),
        crlf in any::<bool>(),
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter.byte())
            .terminator(terminator)
            .from_writer(Vec::new());
        if has_header {
            writer.write_record(["Vorname", "E-Mail", "Notiz"]).expect("written");
        }
        for (number, first_name, note) in &written {
            let address = format!("empfänger{number}@müller.example");
            writer.write_record([first_name, &address, note]).expect("written");
        }
        let text = String::from_utf8(writer.into_inner().expect("flushed")).expect("UTF-8");
        let file = encoded(&text, encoding);
        let mapping = ColumnMapping {
            columns: vec![Column::FirstName, Column::Address, Column::Field("notiz".to_owned())],
        };
        let dialect = Dialect { encoding, delimiter, has_header, skip_lines: 0 };
        if !written.is_empty() && has_header {
            let found = inspect(&mut Cursor::new(&file), 30).expect("inspected");
            let found_dialect = Dialect { encoding, ..found.dialect };
            prop_assert_eq!(found_dialect, dialect);
            // What is no text can't tell which encoding of one byte it is in.
            if UNMISTAKABLE.contains(&encoding) {
                prop_assert_eq!(found.dialect.encoding, encoding);
            }
            prop_assert_eq!(&found.mapping, &mapping);
        }
        let read: Vec<_> = RowReader::new(&file[..], dialect, mapping)
            .expect("readable")
            .map(|row| row.expect("readable").expect("accepted"))
            .map(|row| (row.address.key().to_owned(), row.first_name, row.fields))
            .collect();
        let expected: Vec<_> = written
            .iter()
            .map(|(number, first_name, note)| {
                let note = values::field(values::unguarded(note)).expect("short");
                let fields = note.map(|note| ("notiz".to_owned(), Value::String(note))).into_iter().collect();
                let first_name = values::name(values::unguarded(first_name)).expect("short");
                (format!("empfänger{number}@xn--mller-kva.example"), first_name, fields)
            })
            .collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn any_bytes_are_rows_refusals_or_one_error(
        file in proptest::collection::vec(proptest::sample::select(&b"a@b.de;;\"\"\n\r\n\0\xc3\xbc\xff\xfe ,x"[..]), 0..300),
        encoding in proptest::sample::select(Encoding::ALL),
    ) {
        let dialect = Dialect { encoding, delimiter: Delimiter::Semicolon, has_header: false, skip_lines: 0 };
        let mapping = ColumnMapping { columns: vec![Column::Address, Column::FirstName] };
        let mut reader = RowReader::new(&file[..], dialect, mapping).expect("mapping");
        let lines: Vec<u64> = reader
            .by_ref()
            .map(|row| match row.expect("readable") {
                Ok(row) => row.line,
                Err(refused) => refused.line,
            })
            .collect();
        prop_assert!(lines.is_sorted_by(|one, next| one < next), "{:?}", lines);
        prop_assert_eq!(reader.bytes_read(), file.len() as u64);
        let _ = inspect(&mut Cursor::new(&file), 5);
    }
}
