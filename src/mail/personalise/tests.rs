use super::*;
use serde_json::json;

fn fields() -> Map<String, Json> {
    json!({
        "Ort": "Köln",
        "Größe": "M",
        "Kunden-Nr.": "4711",
        "leer": "",
        "nichts": null,
        "punkte": "120",
        "html": "<b>\"A&B's\"</b>",
    })
    .as_object()
    .unwrap()
    .clone()
}

fn render(part: Part, source: &str) -> String {
    let fields = fields();
    let recipient = Recipient {
        first_name: "Zoë",
        last_name: "O'Neill & Söhne",
        address: "zoe+x@müller.de",
        fields: &fields,
    };
    let templates = match part {
        Part::Subject => Templates::compile(source, "", ""),
        Part::Html => Templates::compile("", source, ""),
        Part::Text => Templates::compile("", "", source),
    }
    .unwrap();
    let variables = templates.variables(&recipient, "https://u.de/a?b&c", "https://p.de/");
    templates.render(part, &variables).unwrap()
}

fn text(source: &str) -> String {
    render(Part::Text, source)
}

#[test]
fn standard_variables_and_free_fields_are_filled_in() {
    assert_eq!(
        text("{{ vorname }} {{ nachname }} {{ email }} {{ abmeldelink }} {{ datenschutzlink }}"),
        "Zoë O'Neill & Söhne zoe+x@müller.de https://u.de/a?b&c https://p.de/"
    );
    assert_eq!(text("{{ Ort }} {{ ort }} {{ Größe }}"), "Köln Köln M");
    assert_eq!(text("{{ felder['Kunden-Nr.'] }}"), "4711");
    assert_eq!(text("{% if punkte|int > 100 %}viele{% endif %}"), "viele");
}

#[test]
fn what_is_missing_prints_nothing() {
    assert_eq!(
        text("[{{ gibtsnicht }}{{ nichts }}{{ leer }}{{ a.b.c }}]\n"),
        "[]\n"
    );
}

#[test]
fn a_fallback_stands_in_for_missing_and_for_empty() {
    for filter in ["oder", "default"] {
        for name in ["gibtsnicht", "nichts", "leer"] {
            let source = format!("{{{{ {name}|{filter}(\"zusammen\") }}}}");
            assert_eq!(text(&source), "zusammen", "{source}");
        }
        assert_eq!(text(&format!("{{{{ vorname|{filter}('x') }}}}")), "Zoë");
    }
}

#[test]
fn html_is_escaped_and_the_other_parts_are_not() {
    assert_eq!(
        render(Part::Html, "{{ html }} <a href=\"{{ abmeldelink }}\">"),
        "&lt;b&gt;&quot;A&amp;B&#x27;s&quot;&lt;/b&gt; <a href=\"https://u.de/a?b&amp;c\">"
    );
    assert_eq!(
        render(Part::Html, "{{ [html]|join(',') }}"),
        "&lt;b&gt;&quot;A&amp;B&#x27;s&quot;&lt;/b&gt;"
    );
    assert_eq!(text("{{ html }}"), "<b>\"A&B's\"</b>");
    assert_eq!(render(Part::Subject, "{{ nachname }}"), "O'Neill & Söhne");
}

#[test]
fn addresses_take_encoded_values() {
    assert_eq!(
        text(
            "https://a.de/?m={{ email|urlencode }}&n={{ nachname|urlencode }}&x={{ x|urlencode }}"
        ),
        "https://a.de/?m=zoe%2Bx%40m%C3%BCller.de&n=O%27Neill%20%26%20S%C3%B6hne&x="
    );
}

#[test]
fn a_subject_is_one_line() {
    let fields = Map::new();
    for evil in [
        "a\r\nBcc: x@y.de",
        "a\nBcc: x@y.de",
        "a\u{2028}Bcc: x@y.de",
        "a\0\u{85} Bcc: x@y.de",
    ] {
        let recipient = Recipient {
            first_name: evil,
            last_name: "",
            address: "a@b.de",
            fields: &fields,
        };
        let templates = Templates::compile("Für {{ vorname }}\n", "", "").unwrap();
        let variables = templates.variables(&recipient, "", "");
        let subject = templates.render(Part::Subject, &variables).unwrap();
        assert_eq!(subject, "Für a Bcc: x@y.de");
    }
}

#[test]
fn values_are_never_read_as_templates() {
    let mut fields = Map::new();
    fields.insert("x".to_owned(), json!("{{ email }}{% if 1 %}"));
    let recipient = Recipient {
        first_name: "{{ email }}",
        last_name: "",
        address: "a@b.de",
        fields: &fields,
    };
    let templates = Templates::compile("", "", "{{ vorname }}{{ x }}").unwrap();
    let variables = templates.variables(&recipient, "", "");
    let rendered = templates.render(Part::Text, &variables).unwrap();
    assert_eq!(rendered, "{{ email }}{{ email }}{% if 1 %}");
}

#[test]
fn unknown_names_are_reported() {
    let known = ["Ort".to_owned(), "Größe".to_owned()];
    let source = "{{ vorname }} {{ ort }} {{ größe }} {{ vorame|oder('x') }} {{ felder['q'] }}\
                  {% if wohnort %}{{ email }}{% endif %}{% for x in liste %}{{ x }}{% endfor %}";
    assert_eq!(
        check(source, &known).unwrap(),
        ["liste", "vorame", "wohnort"]
    );
}

#[test]
fn problems_are_told_in_german_with_their_line() {
    for (source, line, part) in [
        ("a\n{{ vorname", 2, "Bis zum Ende fehlt etwas"),
        ("{{ vorname|gross }}", 1, "Den Filter „gross“ gibt es nicht"),
        ("{{ vorname|safe }}", 1, "Den Filter „safe“ gibt es nicht"),
        (
            "\n\n{% include 'x' %}",
            3,
            "Den Befehl „include“ gibt es nicht",
        ),
        (
            "{% macro x() %}{% endmacro %}",
            1,
            "Den Befehl „macro“ gibt es nicht",
        ),
        ("{{ range(3) }}", 1, "Funktionen gibt es"),
        ("{{ vorname.upper() }}", 1, "Funktionen gibt es"),
        (
            "{% if vorname is gross %}{% endif %}",
            1,
            "Die Prüfung „is gross“ gibt es nicht",
        ),
        ("{{ vorname nachname }}", 1, "nicht richtig geschrieben"),
        ("a{#x", 1, "beginnt eine Anmerkung"),
        (
            "{% if vorname %}{{ vorname|gros }}{% endif %}",
            1,
            "Den Filter „gros“",
        ),
        (
            "{% if vorname %}{% else %}\n{{ vorname|gros }}{% endif %}",
            2,
            "Den Filter „gros“",
        ),
        ("{{ vorname - 1 }}", 1, "lässt sich hier nicht rechnen"),
    ] {
        let problem = check(source, &[]).expect_err(source);
        assert_eq!(problem.line, line, "{source}: {}", problem.message);
        assert!(
            problem.message.contains(part),
            "{source}: {}",
            problem.message
        );
    }
    // Real newsletters have all kinds of braces that mean nothing.
    let css = "<style>a { b: c } @media x { d { e: f } }</style> 100 % { x } }} %}";
    assert_eq!(check(css, &[]), Ok(Vec::new()));
}

#[test]
fn work_without_end_is_stopped() {
    let nested = "{% for a in x %}".repeat(12) + "y" + &"{% endfor %}".repeat(12);
    let source = format!("{{% set x = [1,2,3,4,5,6,7,8,9] %}}{nested}");
    let problem = check(&source, &[]).unwrap_err();
    assert!(
        problem.message.contains("zu viele Rechenschritte"),
        "{}",
        problem.message
    );
}

#[test]
fn an_error_names_the_part_and_no_value() {
    let templates = Templates::compile("", "\n{{ vorname|int + 1 }}", "").unwrap();
    let fields = Map::new();
    let recipient = Recipient {
        first_name: "Geheim",
        last_name: "",
        address: "",
        fields: &fields,
    };
    let error = templates
        .render(Part::Html, &templates.variables(&recipient, "", ""))
        .unwrap_err();
    assert!(
        matches!(&error, MailError::Template { part: Part::Html, problem } if problem.line == 2)
    );
    assert!(!format!("{error} {error:?}").contains("Geheim"));
}

#[test]
fn names_are_taken_as_people_write_them() {
    let fields = json!({ "kunden-nr": "4711", "Ort-Teil": "Süd", "Nachname": "Feld" });
    let recipient = Recipient {
        first_name: "Zoë",
        last_name: "Meier",
        address: "zoe@a.de",
        fields: fields.as_object().unwrap(),
    };
    for (source, expected) in [
        ("{{ kunden-nr }}", "4711"),
        ("{{ Kunden-Nr|oder('x') }}", "4711"),
        ("{% if ort-teil == 'Süd' %}ja{% endif %}", "ja"),
        ("{{ gibts-nicht|oder('x') }}", "x"),
        (
            "{{ felder['ORT-TEIL'] }}{{ Felder['kunden-nr'] }}",
            "Süd4711",
        ),
        (
            "{{ Vorname }} {{ VORNAME|upper }} {{ E_Mail }}{{ Email }}",
            "Zoë ZOË zoe@a.de",
        ),
        ("{{ Nachname }} {{ nachname }}", "Feld Meier"),
        (
            "{{ Abmeldelink }} {{ DatenschutzLink }}",
            "https://u.de/ https://p.de/",
        ),
    ] {
        let templates = Templates::compile("", "", source).unwrap();
        let variables = templates.variables(&recipient, "https://u.de/", "https://p.de/");
        assert_eq!(
            templates.render(Part::Text, &variables).unwrap(),
            expected,
            "{source}"
        );
    }
    let known = ["Kunden-Nr".to_owned()];
    assert_eq!(
        check("{{ kunden-nr }} {{ Vorname }} {{ ort-teil }}", &known).unwrap(),
        ["ort-teil"]
    );
    // Subtracting is what it was.
    assert_eq!(text("{{ punkte|int - 20 }}"), "100");
}
