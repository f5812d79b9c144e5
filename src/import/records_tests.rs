use std::io;

use super::*;

/// Gives its bytes in pieces of a few bytes, as a slow network does.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(room.len());
        room[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Cells(u64, Vec<String>),
    Broken(u64, Breakage, String),
}

fn read_all(file: impl Read, expected: Option<usize>) -> Vec<Found> {
    let mut records = Records::new(file, Encoding::Utf8, Delimiter::Semicolon);
    if let Some(expected) = expected {
        records.expect_columns(expected);
    }
    let mut found = Vec::new();
    while let Some(record) = records.next().expect("readable") {
        found.push(match record {
            Record::Whole => Found::Cells(records.line(), records.lossy_cells()),
            Record::Broken(breakage) => Found::Broken(
                records.line(),
                breakage,
                records.raw_line().chars().take(40).collect(),
            ),
        });
    }
    found
}

fn cells(line: u64, cells: &[&str]) -> Found {
    Found::Cells(line, cells.iter().map(|cell| (*cell).to_owned()).collect())
}

fn broken(line: u64, breakage: Breakage, raw: &str) -> Found {
    Found::Broken(line, breakage, raw.to_owned())
}

#[test]
fn lines_are_numbered_as_in_an_editor_whatever_ends_them() {
    for end in ["\n", "\r\n", "\r"] {
        let file = ["a;1", "", "", "b;\"2", "3\"", "c;4", ";;", "d;5"].join(end);
        let inner = format!("2{end}3");
        let expected = [
            cells(1, &["a", "1"]),
            cells(4, &["b", &inner]),
            cells(6, &["c", "4"]),
            cells(8, &["d", "5"]),
        ];
        for step in [1, 2, 3, 1000] {
            assert_eq!(
                read_all(Dribble(file.as_bytes(), step), Some(2)),
                expected,
                "{end:?} {step}"
            );
            let ended = file.clone() + end;
            assert_eq!(
                read_all(Dribble(ended.as_bytes(), step), Some(2)),
                expected,
                "{end:?} {step}"
            );
        }
    }
}

#[test]
fn empty_files_have_no_records() {
    for file in [
        "",
        "\n",
        "\r\n\r\n",
        ";;;\n",
        "\"\"",
        "  \n\t",
        "\u{feff}",
        "sep=;",
        "sep=;\r\n",
    ] {
        assert_eq!(read_all(file.as_bytes(), None), [], "{file:?}");
    }
}

#[test]
fn excels_hint_is_no_row() {
    assert_eq!(
        read_all(&b"sep=;\r\na;b\r\n"[..], None),
        [cells(2, &["a", "b"])]
    );
    assert_eq!(read_all(&b"sep=;x\n"[..], None), [cells(1, &["sep=", "x"])]);
}

#[test]
fn rows_may_lack_their_last_cells_or_end_in_empty_ones() {
    let wrong = |found| Breakage::Columns { expected: 2, found };
    assert_eq!(
        read_all(&b"a;b\na\na;b;c\na;b;;\n;b\na;b;;c\na;b; ;\t"[..], Some(2)),
        [
            cells(1, &["a", "b"]),
            cells(2, &["a"]),
            broken(3, wrong(3), "a;b;c"),
            cells(4, &["a", "b", "", ""]),
            cells(5, &["", "b"]),
            broken(6, wrong(4), "a;b;;c"),
            cells(7, &["a", "b", " ", "\t"]),
        ]
    );
    assert_eq!(wrong(3).to_string(), "Die Zeile hat 3 Spalten statt 2.");
}

#[test]
fn lines_above_the_table_are_skipped_whatever_ends_them() {
    for file in [
        "Titel \"x\n\na;b\nc;d\n",
        "Titel \"x\r\n\r\na;b\r\nc;d\r\n",
        "sep=;\rTitel\ra;b\rc;d",
    ] {
        let dialect = Dialect {
            encoding: Encoding::Utf8,
            delimiter: Delimiter::Semicolon,
            has_header: true,
            skip_lines: 2,
        };
        let mut records = Records::of(file.as_bytes(), dialect);
        for (line, first) in [(3, "a"), (4, "c")] {
            assert!(
                matches!(records.next(), Ok(Some(Record::Whole))),
                "{file:?}"
            );
            assert_eq!(
                (records.line(), &records.lossy_cells()[0][..]),
                (line, first)
            );
        }
        assert!(matches!(records.next(), Ok(None)));
    }
}

#[test]
fn an_unclosed_quotation_mark_costs_one_row() {
    let rest: Vec<_> = (2..=5).map(|line| cells(line, &["b", "2"])).collect();
    let mut expected = vec![broken(1, Breakage::OpenQuote, "a;\"1")];
    expected.extend(rest);
    assert_eq!(
        read_all(&b"a;\"1\nb;2\nb;2\nb;2\nb;2\n"[..], Some(2)),
        expected
    );
}

#[test]
fn an_unclosed_quotation_mark_before_others_costs_one_row() {
    assert_eq!(
        read_all(&b"a;\"1\nb;2\nc;\"3\"\nd;4\n"[..], Some(2)),
        [
            broken(1, Breakage::MisplacedQuote, "a;\"1"),
            cells(2, &["b", "2"]),
            cells(3, &["c", "3"]),
            cells(4, &["d", "4"]),
        ]
    );
    assert_eq!(
        read_all(&b"\"a;1\nb;2\n\"c\";3\n"[..], Some(2)),
        [
            broken(1, Breakage::MisplacedQuote, "\"a;1"),
            cells(2, &["b", "2"]),
            cells(3, &["c", "3"]),
        ]
    );
}

#[test]
fn stray_quotation_marks_within_a_line_are_text() {
    assert_eq!(
        read_all(&b"12\" Rohr;b\n\"Hans\" Maier;b\n"[..], Some(2)),
        [
            cells(1, &["12\" Rohr", "b"]),
            cells(2, &["Hans Maier", "b"])
        ]
    );
}

#[test]
fn an_unclosed_quotation_mark_in_a_huge_file_keeps_memory_small() {
    const ROWS: u64 = 400_000;
    let mut file = b"a;\"1\n".to_vec();
    for _ in 0..ROWS {
        file.extend_from_slice(b"row;value of some length, so that it is a huge file\n");
    }
    assert!(file.len() > 3 * MAX_RECORD_BYTES);
    let mut records = Records::new(&file[..], Encoding::Utf8, Delimiter::Semicolon);
    records.expect_columns(2);
    assert!(matches!(
        records.next(),
        Ok(Some(Record::Broken(Breakage::OpenQuote)))
    ));
    for row in 0..ROWS {
        assert!(matches!(records.next(), Ok(Some(Record::Whole))));
        assert_eq!(records.line(), row + 2);
    }
    assert!(matches!(records.next(), Ok(None)));
    assert!(records.buffer.len() < 2 * MAX_RECORD_BYTES);
    assert!(records.fields.len() < 4 * MAX_RECORD_BYTES);
}

#[test]
fn a_huge_line_is_one_broken_row() {
    let huge = "x".repeat(3 * MAX_RECORD_BYTES + 17);
    let file = format!("a;1\n{huge};2\nb;3\n\"{huge}");
    assert_eq!(
        read_all(file.as_bytes(), Some(2)),
        [
            cells(1, &["a", "1"]),
            broken(2, Breakage::TooLong, &"x".repeat(40)),
            cells(3, &["b", "3"]),
            broken(4, Breakage::TooLong, &("\"".to_owned() + &"x".repeat(39))),
        ]
    );
}

#[test]
fn a_file_made_to_be_reread_forever_is_read_in_linear_time() {
    // Every line closes the field before it and opens another.
    let file = "x\";\"\n".repeat(400_000);
    let mut records = Records::new(file.as_bytes(), Encoding::Utf8, Delimiter::Semicolon);
    records.expect_columns(2);
    while records.next().expect("readable").is_some() {}
    assert!(records.reread_bytes <= FREE_REREAD_BYTES + 4 * file.len() as u64);
}

#[test]
fn many_columns_fit() {
    let file = vec!["x"; 10_000].join(";");
    let Found::Cells(1, cells) = &read_all(file.as_bytes(), None)[0] else {
        panic!("not whole");
    };
    assert_eq!(cells.len(), 10_000);
}

#[test]
fn workbooks_are_recognised() {
    for magic in [&b"PK\x03\x04rest"[..], b"\xd0\xcf\x11\xe0rest"] {
        for encoding in Encoding::ALL {
            let mut records = Records::new(Dribble(magic, 1), *encoding, Delimiter::Comma);
            assert!(matches!(records.next(), Err(ReadError::Workbook)));
        }
    }
}
