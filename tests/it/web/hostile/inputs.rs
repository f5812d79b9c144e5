//! Numbers, characters and sizes that nobody expects.

use actix_web::http::Method;
use widerspruch::routes::entries;

use crate::support::{World, on_both};

/// An address for every page that has a number in it.
fn with_number(number: &str) -> Vec<(Method, String)> {
    entries()
        .into_iter()
        .filter(|entry| entry.path.contains("{id}") && !entry.access.is_for_programs())
        .map(|entry| (entry.method, entry.path.replace("{id}", number)))
        .collect()
}

on_both!(numbers_that_are_none_lead_nowhere, |world| {
    let admin = world.admin();
    for number in [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "99999999999999999999999999",
        "1.5",
        "0x1",
        "abc",
        "%00",
        "%ff",
        "%2e%2e",
        "1;DROP",
        "%F0%9F%99%82",
        "%EF%BC%91",
    ] {
        let paths = with_number(number);
        assert!(paths.len() > 30);
        for (method, path) in paths {
            let answer = if method == Method::POST {
                admin.post(&path, &[("name", "x")])
            } else {
                admin.get(&path)
            };
            let expected = answer.status == 404 || method == Method::POST && answer.status == 400;
            assert!(
                expected,
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            );
            assert_eq!(
                answer.header("content-type"),
                Some("text/html; charset=utf-8"),
                "{path}"
            );
        }
    }
});

on_both!(places_in_lists_can_be_anything, |world| {
    for n in 0..3 {
        world.make_recipient(&format!("p{n}@example.org"));
    }
    let mailing = world.make_sent_mailing("Neues", 0);
    let admin = world.admin();
    let lists = [
        "/empfaenger?".to_owned(),
        "/empfaenger/suche?q=p&".to_owned(),
        "/empfaenger/suche?q=example&".to_owned(),
        "/e-mailings?".to_owned(),
        "/postausgang?".to_owned(),
        "/analysen?".to_owned(),
        format!("/analysen/{mailing}/aktivitaet?"),
    ];
    for list in &lists {
        for place in [
            "nach=-9223372036854775808",
            "nach=9223372036854775807",
            "vor=-9223372036854775808",
            "vor=9223372036854775807",
            "nach=0",
            "vor=0&nach=0",
            "seite=letzte",
            "seite=%F0%9F%99%82",
            "unbekannt=1",
        ] {
            let answer = admin.get(&format!("{list}{place}"));
            // The activity has places of its own kind.
            let expected =
                answer.status == 200 || list.contains("aktivitaet") && answer.status == 400;
            assert!(
                expected,
                "{list}{place}: {} {}",
                answer.status,
                answer.text()
            );
        }
        for nonsense in ["nach=abc", "vor=1e9", "nach=99999999999999999999"] {
            let answer = admin.get(&format!("{list}{nonsense}"));
            assert!(
                [200, 400].contains(&answer.status),
                "{list}{nonsense}: {}",
                answer.status
            );
        }
    }
});

/// Every form that is reachable without knowing a number, with a field that takes free text.
fn forms(world: &World) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let person = world.make_recipient("anna@example.org");
    vec![
        (
            "/anmelden".into(),
            vec![("email", "a@example.org"), ("password", "x")],
        ),
        (
            "/empfaenger/neu".into(),
            vec![
                ("email", "b@example.org"),
                ("vorname", ""),
                ("nachname", ""),
                ("feld", "ort"),
                ("wert", ""),
                ("neues-feld", ""),
                ("neuer-wert", ""),
            ],
        ),
        (
            format!("/empfaenger/{person}"),
            vec![("email", "c@example.org"), ("vorname", "")],
        ),
        (
            format!("/empfaenger/{person}/tracking/aufheben"),
            vec![("reason", "")],
        ),
        ("/gruppen".into(), vec![("name", "")]),
        ("/benutzerkonto".into(), vec![("name", "")]),
        (
            "/benutzerkonto/passwort".into(),
            vec![("current", ""), ("new", "")],
        ),
        (
            "/e-mailings".into(),
            vec![
                ("subject", "x"),
                ("sender_name", ""),
                ("sender_address", "a@example.org"),
                ("html", "x"),
                ("text", ""),
            ],
        ),
    ]
}

on_both!(
    the_character_that_no_text_can_hold_is_refused_clearly,
    |world| {
        let admin = world.admin();
        let before = world.snapshot(&["sessions"]);
        let forms = forms(world);
        for (path, fields) in &forms {
            for at in 0..fields.len() {
                let mut hostile: Vec<(&str, &str)> = fields.clone();
                hostile[at].1 = "a\0b";
                let answer = admin.post(path, &hostile);
                assert_eq!(answer.status, 400, "{path} {hostile:?}: {}", answer.text());
                answer.assert_says("U+0000");
            }
        }
        for path in [
            "/empfaenger/suche?q=a%00b",
            "/empfaenger?gruppe=%00",
            "/anmelden?weiter=%00",
            "/empfaenger/neu?email=%00",
        ] {
            let answer = admin.get(path);
            assert_eq!(answer.status, 400, "{path}");
            answer.assert_says("U+0000");
        }
        let mut after = world.snapshot(&["sessions"]);
        after.retain(|line| !line.contains("anna@example.org"));
        assert_eq!(after.len(), before.len(), "nothing was stored");
    }
);

on_both!(other_strange_characters_are_kept_or_refused, |world| {
    let admin = world.admin();
    let forms = forms(world);
    for strange in [
        "\u{1}",
        "\u{7f}",
        "\u{202e}gnp.exe",
        "\u{feff}",
        "\u{ffff}",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "שלום مرحبا",
        "e\u{301}\u{301}\u{301}\u{301}",
        "İıſßŉ",
        "' OR 1=1 --",
        "\\",
        "%",
        "_",
        "\"*^():-",
        "{{7*7}}",
        "${7*7}",
        "\r\n",
        "\t",
    ] {
        for (path, fields) in &forms {
            for at in 0..fields.len() {
                let mut hostile: Vec<(&str, &str)> = fields.clone();
                hostile[at].1 = strange;
                // Each person once.
                if hostile[0].0 == "email" && at > 0 && path.ends_with("neu") {
                    hostile[0].1 = "anna@example.org";
                }
                // Wrong passwords would only make us wait.
                if path.contains("passwort") || path == "/anmelden" {
                    continue;
                }
                let answer = admin.post(path, &hostile);
                assert!(
                    answer.status < 500,
                    "{path} {hostile:?}: {} {}",
                    answer.status,
                    answer.text()
                );
            }
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", strange)
            .append_pair("weiter", strange)
            .append_pair("meldung", strange)
            .append_pair("email", strange)
            .finish();
        for path in [
            "/empfaenger/suche",
            "/anmelden",
            "/empfaenger/neu",
            "/empfaenger",
        ] {
            let answer = admin.get(&format!("{path}?{query}"));
            assert_eq!(answer.status, 200, "{path} {strange:?}");
        }
    }
    for bytes in ["%ff%fe", "%c3%28", "%ed%a0%80", "%", "%g1", "%u0041"] {
        let answer = admin.get(&format!("/empfaenger/suche?q={bytes}"));
        assert!(
            [200, 400].contains(&answer.status),
            "{bytes}: {}",
            answer.status
        );
    }
});

on_both!(a_name_of_any_script_is_found_again, |world| {
    let admin = world.admin();
    for (n, name) in ["👩‍👩‍👧‍👦", "שלום", "Ǆ", "İpek", "Straße", "e\u{301}lan"]
        .into_iter()
        .enumerate()
    {
        let email = format!("n{n}@example.org");
        admin.submit("/empfaenger/neu", &[("email", &email), ("vorname", name)]);
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", name)
            .finish();
        admin
            .visit(&format!("/empfaenger/suche?{query}"))
            .assert_says(&email);
    }
});

on_both!(much_too_long_is_said_clearly, |world| {
    let admin = world.admin();
    let long = "x".repeat(100_000);
    admin
        .post("/gruppen", &[("name", &long)])
        .assert_says("höchstens 200 Zeichen");
    let person = [("email", "a@example.org"), ("vorname", long.as_str())];
    admin
        .post("/empfaenger/neu", &person)
        .assert_says("höchstens 200 Zeichen");
    assert_eq!(
        admin.post("/empfaenger/neu", &[("email", &long)]).status,
        422
    );
    let wide = "👩‍👩‍👧‍👦".repeat(10_000);
    assert_eq!(admin.post("/gruppen", &[("name", &wide)]).status, 422);
    let needle = "ab".repeat(5_000);
    admin.visit(&format!("/empfaenger/suche?q={needle}"));

    // Larger than any form, but small enough to be read to its end: the page arrives.
    let huge = "x".repeat(6 * 1024 * 1024);
    let answer = admin.post("/e-mailings", &[("html", &huge)]);
    assert_eq!(answer.status, 413);
    answer.assert_says("größer als erlaubt");
    // Whoever is not signed in may send even less.
    let answer = world
        .visitor()
        .post("/anmelden", &[("email", &long), ("password", "x")]);
    assert_eq!(answer.status, 413);
    answer.assert_says("größer als erlaubt");

    // A mailing as large as a mailing may be is no problem.
    let html = "ü".repeat(500_000);
    let mailing = [
        ("subject", "Groß"),
        ("html", html.as_str()),
        ("sender_address", "a@example.org"),
    ];
    assert_eq!(admin.post("/e-mailings", &mailing).status, 303);
});

on_both!(very_many_numbers_in_one_form_are_no_problem, |world| {
    let person = world.make_recipient("anna@example.org");
    let admin = world.admin();
    let body = |name: &str| {
        let pairs: Vec<String> = (10_000_000..10_150_000)
            .map(|n| format!("{name}={n}"))
            .collect();
        pairs.join("&")
    };
    let kind = "application/x-www-form-urlencoded";
    for (path, name) in [
        ("/empfaenger/loeschen".to_owned(), "id"),
        (format!("/empfaenger/{person}/gruppen"), "gezeigt"),
        ("/empfaenger/neu".to_owned(), "gruppen"),
    ] {
        let answer = admin.post_body(&path, kind, body(name).as_bytes());
        assert!(answer.status < 500, "{path}: {}", answer.text());
    }
    let with_person = format!("email=b%40example.org&{}", body("gruppen"));
    let answer = admin.post_body("/empfaenger/neu", kind, with_person.as_bytes());
    assert_eq!(answer.status, 303);
    let mailing = format!(
        "subject=x&html=x&sender_address=a%40example.org&{}",
        body("groups")
    );
    let answer = admin.post_body("/e-mailings", kind, mailing.as_bytes());
    assert_eq!(answer.status, 303);
    assert_eq!(world.rows("memberships", "1 = 1"), 0);
    assert_eq!(world.rows("mailing_groups", "1 = 1"), 0);
});

on_both!(forms_that_are_none_are_refused, |world| {
    let admin = world.admin();
    for (kind, body) in [
        ("application/x-www-form-urlencoded", &b""[..]),
        ("application/x-www-form-urlencoded", b"&&&==="),
        (
            "application/x-www-form-urlencoded; charset=utf-16",
            b"name=x",
        ),
        ("application/x-www-form-urlencoded; charset=%", b"name=x"),
        ("application/json", b"{\"name\":\"x\"}"),
        ("text/plain", b"name=x"),
        ("multipart/form-data; boundary=x", b"--x"),
        ("", b"name=x"),
    ] {
        let answer = admin.post_body("/gruppen", kind, body);
        assert!(
            (400..500).contains(&answer.status),
            "{kind} {body:?}: {}",
            answer.status
        );
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
});

on_both!(files_of_the_program_are_not_served, |world| {
    let visitor = world.visitor();
    for path in [
        "/static/../Cargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static/..%2fCargo.toml",
        "/static/%2fetc%2fpasswd",
        "/static//etc/passwd",
        "/static/..%5cCargo.toml",
        "/static/%00",
        "/static/",
    ] {
        let answer = visitor.get(path);
        assert!(
            [400, 404].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        answer.assert_silent_about("[package]");
        answer.assert_silent_about("root:");
    }
});
