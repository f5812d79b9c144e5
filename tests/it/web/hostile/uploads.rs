//! Files, and what only looks like files.

use std::io::Write;
use std::net::TcpStream;

use crate::support::{World, eventually, on_both};

const KIND: &str = "multipart/form-data; boundary=xxxx";
const FILE: &str = "--xxxx\r\nContent-Disposition: form-data; name=\"datei\"; filename=\"";

fn files(world: &World) -> usize {
    let dir = world.dir.path().join("imports");
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

on_both!(what_is_no_upload_is_refused_and_leaves_nothing, |world| {
    let admin = world.admin();
    let long = "a".repeat(1_000_000);
    let many = "--xxxx\r\nContent-Disposition: form-data; name=\"y\"\r\n\r\nz\r\n".repeat(5_000);
    let bodies = [
        String::new(),
        "--xxxx".to_owned(),
        "--xxxx--".to_owned(),
        "--y\r\n\r\n".to_owned(),
        "--xxxx\r\n\r\nno name\r\n--xxxx--\r\n".to_owned(),
        "--xxxx\r\nContent-Disposition: attachment\r\n\r\nx\r\n--xxxx--\r\n".to_owned(),
        FILE.to_owned(),
        format!("{FILE}a.csv\"\r\n\r\nE-Mail\r\na@example.org"),
        // What could go on as a boundary, but does not go on.
        format!("{FILE}a.csv\"\r\n\r\nE-Mail\r\na@example.org\r\n"),
        format!("{FILE}a.csv\"\r\n\r\nE-Mail\r\na@example.org\r\n--"),
        format!("{FILE}a.csv\"\r\n\r\nE-Mail\r\na@example.org\r\n--xxx"),
        format!("{FILE}a.csv\"\r\n\r\nE-Mail\r\na@example.org\r"),
        "\n--\n--x\n--xxx\n---\n".to_owned(),
        format!("{FILE}a.csv\"\r\n\r\n\r\n--xxxx--\r\n"),
        format!("{FILE}a.csv\"\r\nContent-Type: \u{1}/\r\n\r\nx\r\n--xxxx--\r\n"),
        format!("{FILE}a.csv\"\r\nX: {long}\r\n\r\nx\r\n--xxxx--\r\n"),
        format!("{FILE}a.csv\"\r\n\r\n{long}\r\n--xxxx--\r\n"),
        format!("{FILE}a.csv\"\r\n\r\n\0\0\0\0\r\n--xxxx--\r\n"),
        format!("{FILE}a.csv\"\r\n\r\n\"never closed;{long}\r\n--xxxx--\r\n"),
        format!("{many}--xxxx--\r\n"),
        format!("{}--xxxx--\r\n", "--xxxx\r\nA: b\r\n\r\n\r\n".repeat(1_000)),
    ];
    for body in &bodies {
        for kind in [
            KIND,
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ] {
            let answer = admin.post_body("/empfaenger/import", kind, body.as_bytes());
            let start: String = body.chars().take(80).collect();
            assert!(
                (400..500).contains(&answer.status),
                "{start}: {} {}",
                answer.status,
                answer.text()
            );
            assert_eq!(
                answer.header("content-type"),
                Some("text/html; charset=utf-8")
            );
        }
    }
    assert_eq!(files(world), 0);
    assert_eq!(world.rows("imports", "1 = 1"), 0);
});

on_both!(a_strange_name_of_a_file_is_only_a_name, |world| {
    let admin = world.admin();
    for name in [
        "../../../etc/passwd",
        "..\\\\..\\\\x",
        "\u{0}.csv",
        "a\u{0}b.csv",
        "\u{202e}vsc.exe",
        "👩‍👩‍👧‍👦.csv",
        "",
        ".",
        &"x".repeat(5_000),
    ] {
        let body = format!("{FILE}{name}\"\r\n\r\nE-Mail\r\na@example.org\r\n\r\n--xxxx--\r\n");
        let answer = admin.post_body("/empfaenger/import", KIND, body.as_bytes());
        assert!(
            answer.status == 303 || answer.status == 400 || answer.status == 422,
            "{name:?}: {} {}",
            answer.status,
            answer.text()
        );
        if let Some(page) = answer.location() {
            admin.visit(&page);
        }
    }
    admin.visit("/empfaenger/import");
    let kept = world.rows("imports", "1 = 1");
    assert!(kept > 3);
    assert_eq!(
        i64::try_from(files(world)),
        Ok(kept),
        "one file each, in its place"
    );
});

on_both!(the_last_line_needs_no_end, |world| {
    let admin = world.admin();
    let body = format!("{FILE}a.csv\"\r\n\r\nE-Mail\r\na@example.org\r\n--xxxx--");
    let answer = admin.post_body("/empfaenger/import", KIND, body.as_bytes());
    assert_eq!(answer.status, 303, "{}", answer.text());
});

on_both!(an_upload_that_breaks_off_leaves_no_file, |world| {
    let admin = world.admin();
    let cookie = admin.cookies();
    let address = world.url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /empfaenger/import HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\ncontent-type: {KIND}\r\n\
         content-length: 100000000\r\n\r\n{FILE}a.csv\"\r\n\r\nE-Mail\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    let line = "geheim@example.org\r\n".repeat(10_000);
    for _ in 0..20 {
        stream.write_all(line.as_bytes()).expect("it reads");
    }
    let wait_for = |wanted: usize| {
        eventually("files", || files(world), |n| *n == wanted);
    };
    wait_for(1);
    drop(stream);
    wait_for(0);
    assert_eq!(world.rows("imports", "1 = 1"), 0);
});
