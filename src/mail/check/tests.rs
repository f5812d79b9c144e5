use super::*;

const GOOD: &str = r##"<html><body><h1 id="oben">Hallo</h1>
<img src="https://a.de/x.png" alt="Eine Rose">
<p>{{ vorname|oder("zusammen") }} <a href="https://a.de/">x</a> <a href="#oben">hoch</a> <a href="mailto:x@a.de">m</a></p>
<a href="{{ abmeldelink }}">Abmelden</a> <a href="{{ datenschutzlink }}">Datenschutz</a></body></html>"##;

fn facts() -> Facts {
    Facts {
        known_fields: vec!["Stadt".to_owned()],
        groups: 1,
        reached: 10,
        holes: Vec::new(),
    }
}

fn draft(html: &str) -> Draft<'_> {
    Draft {
        subject: "Neues im Mai",
        sender_address: "post@gaertnerei.de",
        html,
        mjml: "",
        text: "Hallo",
    }
}

/// Weight, place and what of all findings for an HTML.
fn found(html: &str) -> Vec<(Weight, String, String)> {
    check(&draft(html), &facts())
        .into_iter()
        .map(|finding| (finding.weight, finding.place.label(), finding.what))
        .collect()
}

#[track_caller]
fn assert_found(html: &str, place: &str, what: &str) {
    let found = found(html);
    assert!(
        found
            .iter()
            .any(|(weight, at, said)| *weight == Weight::Hint
                && at == place
                && said.contains(what)),
        "{place}: {what} is missing in {found:#?}"
    );
}

#[test]
fn nothing_is_found_in_a_good_mailing() {
    assert_eq!(check(&draft(GOOD), &facts()), []);
}

#[test]
fn pictures_and_links_are_told_with_their_lines() {
    for (html, place, what) in [
        (
            "<p>\n<img src='https://a.de/x'>",
            "Inhalt, Zeile 2",
            "Alternativtext",
        ),
        (
            "<img alt='' src=''>\n\n<img alt=''>",
            "Inhalt, Zeilen 1 und 3",
            "ohne Adresse",
        ),
        (
            "<img alt='' src='HTTP://a.de/x'>",
            "Inhalt, Zeile 1",
            "Bilder mit http://",
        ),
        (
            "<a href=''>x</a>\n<a href='#'>x</a>",
            "Inhalt, Zeilen 1 und 2",
            "ohne Ziel",
        ),
        (
            "<b id=a></b>\n<a href='#b'>x</a>",
            "Inhalt, Zeile 2",
            "nicht gibt",
        ),
        (
            "<a href=' java\nscript:x()'>x</a>",
            "Inhalt, Zeile 1",
            "javascript:",
        ),
        ("<a href='/seite'>x</a>", "Inhalt, Zeile 1", "ohne https://"),
        (
            "<a href='www.a.de'>x</a>",
            "Inhalt, Zeile 1",
            "ohne https://",
        ),
        (
            "<a href='http://a.de/'>x</a>",
            "Inhalt, Zeile 1",
            "http:// statt",
        ),
        (
            "<a href='https://localhost:8080/'>x</a>",
            "Inhalt, Zeile 1",
            "eigenen Netz",
        ),
        (
            "<a href='http://192.168.1.1/'>x</a>",
            "Inhalt, Zeile 1",
            "eigenen Netz",
        ),
        (
            "<a href='https://a.de/?m={{ email }}'>x</a>",
            "Inhalt, Zeile 1",
            "persönlichem Inhalt",
        ),
        ("<script>x()</script>", "Inhalt, Zeile 1", "Skripte"),
        (
            "<link rel=stylesheet href='https://a.de/'>",
            "Inhalt, Zeile 1",
            "anderen Server",
        ),
        (
            "<style>@import url(https://a.de);</style>",
            "Inhalt, Zeile 1",
            "anderen Server",
        ),
        ("{{ stadd }}", "Inhalt", "Unbekannte Platzhalter: stadd"),
    ] {
        assert_found(html, place, what);
    }
}

#[test]
fn many_lines_are_shortened() {
    let html = "<img src='https://a.de/x'>\n".repeat(20);
    assert_found(
        &html,
        "Inhalt, Zeilen 1, 2, 3, 4, 5, 6, 7, 8 und weitere 12",
        "Alternativtext",
    );
}

#[test]
fn mjml_is_told_in_its_own_lines() {
    let mjml = "<mjml><mj-body><mj-section><mj-column>\n<mj-image src=\"https://a.de/x.png\" />\n<mj-button href=\"/x\">Los</mj-button>\n<mj-text>{{ vorname|unsinn }}</mj-text>\n</mj-column></mj-section></mj-body></mjml>";
    let html = crate::mail::mjml::to_html(mjml).unwrap();
    let found = check(
        &Draft {
            mjml,
            ..draft(&html)
        },
        &facts(),
    );
    let told: Vec<(Weight, String)> = found
        .iter()
        .map(|finding| (finding.weight, finding.place.label()))
        .collect();
    assert_eq!(
        told,
        [
            (Weight::Error, "Inhalt, Zeile 4".to_owned()),
            (Weight::Hint, "Inhalt, Zeile 2".to_owned()),
            (Weight::Hint, "Inhalt, Zeile 3".to_owned()),
        ]
    );
    assert!(!can_be_sent(&found));
}

#[test]
fn errors_block() {
    for change in [
        (|draft, _| draft.subject = " ") as fn(&mut Draft, &mut Facts),
        |draft, _| draft.sender_address = "x",
        |draft, _| draft.html = "{{ vorname ",
        |draft, _| draft.text = "{% if a %}",
        |draft, _| draft.subject = "{{ a|nope }}",
        |_, facts| facts.groups = 0,
        |_, facts| facts.reached = 0,
    ] {
        let (mut draft, mut facts) = (draft(GOOD), facts());
        change(&mut draft, &mut facts);
        assert!(!can_be_sent(&check(&draft, &facts)), "{draft:?}");
    }
    let deep = "<div>".repeat(1_000);
    assert!(!can_be_sent(&check(&draft(&deep), &facts())));
}

#[test]
fn subjects_and_senders_are_looked_at() {
    let long = "Sehr ".repeat(20);
    for (subject, sender, what) in [
        (long.as_str(), "post@a.de", "mehr als 70"),
        ("JETZT KAUFEN!", "post@a.de", "Großbuchstaben"),
        ("Hallo", "gaertnerei@GMX.de", "gehört zu gmx.de"),
    ] {
        let found = check(
            &Draft {
                subject,
                sender_address: sender,
                ..draft(GOOD)
            },
            &facts(),
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].weight, Weight::Hint);
        assert!(found[0].what.contains(what), "{found:?}");
    }
    for subject in ["DSGVO", "{{ vorname|upper }}, Neues", "ABC 123"] {
        assert_eq!(
            check(
                &Draft {
                    subject,
                    ..draft(GOOD)
                },
                &facts()
            ),
            []
        );
    }
}

#[test]
fn what_is_added_is_a_note() {
    let found = check(
        &Draft {
            text: "",
            ..draft("<p>x</p>")
        },
        &facts(),
    );
    assert!(found.iter().all(|finding| finding.weight == Weight::Note));
    assert_eq!(found.len(), 2);
    assert!(
        found[0]
            .what
            .contains("zum Abmelden und zu den Datenschutz-Einstellungen")
    );
}

#[test]
fn a_mail_that_gmail_would_clip_is_told() {
    let half = "<p>Hallo</p>\n".repeat(5_000);
    assert!(
        found(&half)
            .iter()
            .all(|(weight, ..)| *weight == Weight::Note)
    );
    assert_found(&half.repeat(2), "Inhalt", "größer als 102 kB");
}

#[test]
fn fields_without_a_fallback_are_found() {
    for (source, names) in [
        (
            "{{ vorname }} {{ Vorname }} {{ stadt }}",
            &["vorname", "stadt"][..],
        ),
        ("{{ vorname|oder('x') }} {{ stadt | default(\"y\") }}", &[]),
        ("{% if vorname %}{{ vorname }}{% endif %}", &[]),
        (
            "{{ felder[\"Kunden-Nr.\"] }}{{ felder['Ort am See']|upper }}",
            &["Kunden-Nr.", "Ort am See"],
        ),
        (
            "{% if felder[\"Kunden-Nr.\"] %}{{ felder[\"Kunden-Nr.\"] }}{% endif %}",
            &[],
        ),
        (
            "{{ email }} {{ abmeldelink }} {{ datenschutzlink }} {{ felder }}",
            &[],
        ),
        ("{% raw %}{{ vorname }}{% endraw %}", &[]),
    ] {
        assert_eq!(used_without_fallback(&[source]), names, "{source}");
    }
    let holes = vec![Hole {
        field: "stadt".into(),
        without: 3,
        of: 10,
    }];
    let found = check(&draft(GOOD), &Facts { holes, ..facts() });
    assert_eq!(found[0].what, "„stadt“ fehlt bei 3 von 10 Empfängern.");
}

#[test]
fn placeholders_of_other_systems_are_named() {
    let mailing = Draft {
        subject: "Hallo *|FNAME|*",
        text: "x\n[FIRSTNAME]",
        ..draft(GOOD)
    };
    let found = check(&mailing, &facts());
    let told: Vec<String> = found
        .iter()
        .map(|one| format!("{}: {} {}", one.place.label(), one.what, one.advice))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("Betreff: „*|FNAME|*“") && told[0].contains("{{ vorname }}"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("Text, Zeile 2: „[FIRSTNAME]“"),
        "{told:?}"
    );
    assert_found(
        "<p>\n{contactfield=x}</p>\n<b>{contactfield=x}",
        "Inhalt, Zeilen 2 und 3",
        "anderen Systems",
    );
    let liquid = found_errors("\n{{ vorname | default: \"x\" }}");
    assert_eq!(liquid.len(), 1);
    assert!(
        liquid[0].contains("Zeile 2") && liquid[0].contains("oder("),
        "{liquid:?}"
    );
}

fn found_errors(html: &str) -> Vec<String> {
    let found = found(html)
        .into_iter()
        .filter(|(weight, ..)| *weight == Weight::Error);
    found
        .map(|(_, place, what)| format!("{place}: {what}"))
        .collect()
}

#[test]
fn what_will_be_sent_is_told() {
    for (html, added) in [
        (
            "<a href=\"{{ abmeldelink }}\">ab</a> {{ datenschutzlink }}",
            "zu den Datenschutz-Einstellungen",
        ),
        (
            "<a href=\"http://{{ abmeldelink }}\">x</a><a href=\"{{ datenschutzlink }}\">x</a>",
            "zum Abmelden",
        ),
        (
            "<p hidden><a href=\"{{ abmeldelink }}\">ab</a><a href=\"{{ datenschutzlink }}\">x</a></p>",
            "zum Abmelden und zu den",
        ),
        (
            "{% if vorname %}<a href=\"{{ abmeldelink }}\">ab</a>{% endif %}",
            "zum Abmelden und zu den",
        ),
    ] {
        let found = found(html);
        assert!(
            found.iter().any(|(weight, _, what)| *weight == Weight::Note
                && what.starts_with(&format!("Der Link {added}"))),
            "{html}: {found:?}"
        );
        assert!(
            found
                .iter()
                .any(|(weight, _, what)| *weight == Weight::Hint
                    && what.contains("ist hier kein Link")),
            "{html}"
        );
    }
    // The words alone are no placeholder, and nothing to be told about.
    assert!(
        found("<p>abmeldelink</p>")
            .iter()
            .all(|(weight, ..)| *weight == Weight::Note)
    );
}

#[test]
fn an_end_that_nobody_sees_is_an_error_with_its_line() {
    for (html, line) in [
        ("<p>x</p>\n<!-- y", 2),
        ("<p>x</p>\n\n<!--[if mso]><table></body></html>", 3),
        ("<style>.a{}</head><body><p>x</p></body>", 1),
        (
            "<body>\n<div style=\"display:none\">Vorschau<p>{{ vorname }}</p></body>",
            2,
        ),
        ("<body>\n<p>x</p>\n<textarea>", 3),
        (
            "<style>.v{display:none}</style>\n<div class=v>{% if vorname %}x{% endif %}",
            2,
        ),
    ] {
        let errors = found_errors(html);
        assert_eq!(errors.len(), 1, "{html}: {errors:?}");
        assert!(
            errors[0].starts_with(&format!("Inhalt, Zeile {line}: ")),
            "{errors:?}"
        );
    }
}
