//! Files that are CSV by name only, and cells that no column can hold.

use widerspruch::db::models::imports::ImportStatus;

use crate::support::on_both;
use crate::web::imports::{send, start, wait_until_over};

on_both!(what_can_not_be_stored_is_refused_row_by_row, |world| {
    let admin = world.admin();
    let long = "x".repeat(20_000);
    let rows = [
        "good@example.org;Anna;Köln",
        "zero@example.org;A\0nna;Köln",
        "ze\0ro@example.org;Anna;Köln",
        "zero2@example.org;Anna;K\0öln",
        "\0;\0;\0",
        "bell@example.org;\u{7};x",
        &format!("long@example.org;{long};x"),
        &format!("{long}@example.org;Anna;x"),
        &format!("field@example.org;Anna;{long}"),
        "rtl@example.org;\u{202e}annA;x",
        "emoji@example.org;👩‍👩‍👧‍👦;x",
        "noncharacter@example.org;\u{ffff};x",
        "=cmd@example.org;=1+1;@x",
        "<xss-probe>@example.org;<xss-probe>;x",
        "last@example.org;Zoë;Bonn",
    ];
    let file = format!("E-Mail;Vorname;O\0rt\n{}\n", rows.join("\n"));
    let answer = send(&admin, &[], "liste.csv", file.as_bytes());
    assert_eq!(answer.status, 303, "{}", answer.text());
    let path = answer.location().expect("a page");
    let answer = start(&admin, &path);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let import = wait_until_over(world);
    assert_eq!(import.status, ImportStatus::Done, "{:?}", import.problem);
    for good in ["good", "emoji", "last"] {
        let address = format!("address = '{good}@example.org'");
        assert_eq!(world.rows("recipients", &address), 1, "{good}");
    }
    for bad in ["zero", "bell", "long"] {
        let address = format!("address LIKE '{bad}%'");
        assert_eq!(world.rows("recipients", &address), 0, "{bad}");
    }
    let page = admin.visit(&path);
    assert_eq!(page.all("xss-probe"), Vec::<String>::new());
    let refused = admin.visit(&format!("{path}/abgelehnt.csv"));
    for line in refused.html().lines() {
        assert!(!line.contains(";=") && !line.starts_with('='), "{line}");
    }
});

on_both!(what_is_no_list_is_refused_or_read_to_its_end, |world| {
    let admin = world.admin();
    let wide = "a@example.org;".repeat(5_000);
    let files: [(&str, Vec<u8>); 9] = [
        ("zip", b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0".repeat(100)),
        ("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".repeat(100)),
        (
            "utf-16",
            "a@example.org;ü\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        ("mark only", b"\xef\xbb\xbf".to_vec()),
        ("zeros", vec![0; 100_000]),
        ("one line", vec![b'a'; 3_000_000]),
        (
            "open quote",
            [b"\"a@example.org;".as_slice(), &vec![b'x'; 3_000_000]].concat(),
        ),
        ("wide", wide.into_bytes()),
        ("ends of lines", b"\r\n".repeat(100_000)),
    ];
    for (what, bytes) in files {
        let answer = send(&admin, &[], "liste.csv", &bytes);
        assert!(
            answer.status == 303 || answer.status == 422,
            "{what}: {} {}",
            answer.status,
            answer.text()
        );
        let Some(path) = answer.location() else {
            continue;
        };
        let page = admin.get(&path);
        assert_eq!(page.status, 200, "{what}: {}", page.text());
        let answer = start(&admin, &path);
        assert!(answer.status < 500, "{what}: {}", answer.text());
        if answer.status == 303 {
            wait_until_over(world);
            admin.visit(&path);
        } else {
            admin.submit(&format!("{path}/abbrechen"), &[]);
        }
    }
    assert_eq!(
        std::fs::read_dir(world.dir.path().join("imports")).map_or(0, Iterator::count),
        0
    );
});
