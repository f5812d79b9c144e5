use super::*;

mod fidelity;

fn page(body: &str) -> String {
    format!("<mjml>\n<mj-body>\n{body}\n</mj-body>\n</mjml>")
}

fn section(column: &str) -> String {
    page(&format!(
        "<mj-section><mj-column>{column}</mj-column></mj-section>"
    ))
}

#[test]
fn mjml_is_told_from_html() {
    for source in [
        "<mjml>",
        "\n <mjml lang=\"de\">",
        "<!-- x --> <mjml/>",
        "{% set a = \"b\" %}<mjml>",
        "<MJML>",
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE mjml>\n<!-- -- x -- --><Mjml>",
    ] {
        assert!(is_mjml(source), "{source}");
    }
    for source in [
        "<p><mjml>",
        "<!doctype html>",
        "",
        "<mjmlx>",
        "<!-- <mjml>",
        "<!DOCTYPE mjml",
        "<?xml?><html>",
    ] {
        assert!(!is_mjml(source), "{source}");
    }
}

#[test]
fn template_syntax_survives() {
    let source = section(
        r#"
<mj-text>Hallo {{ vorname|oder("<Sie>") }}{% if a < b %}, &amp; Gruß{% endif %}{# nur für uns #}</mj-text>
<mj-image src="https://a.de/{{ bild|oder("x") }}.png" alt="{{ vorname }}" />
<mj-table>{% if x %}<tr><td>{{ y }}</td></tr>{% endif %}</mj-table>
<mj-button href="{{ felder["Mein Link"] }}">Los</mj-button>"#,
    );
    let html = to_html(&source).unwrap();
    for piece in [
        r#"Hallo {{ vorname|oder("<Sie>") }}{% if a < b %}, &amp; Gruß{% endif %}"#,
        r#"src="https://a.de/{{ bild|oder("x") }}.png""#,
        r#"alt="{{ vorname }}""#,
        "{% if x %}<tr><td>{{ y }}</td></tr>{% endif %}",
        r#"href="{{ felder["Mein Link"] }}""#,
    ] {
        assert!(html.contains(piece), "{piece} is missing in {html}");
    }
    assert!(!html.contains("nur für uns") && !html.contains("platzhalter"));
    assert!(html.contains("lang=\"de\""));
}

#[test]
fn conditions_can_stand_around_sections_and_columns() {
    let source = page(
        "{% if vip %}<mj-section>{% if a %}<mj-column><mj-text>Nur für Sie</mj-text></mj-column>{% endif %}</mj-section>{% else %}\n<mj-section><mj-column>{% if b %}<mj-text>Für alle</mj-text>{% endif %}</mj-column></mj-section>{% endif %}",
    );
    let html = to_html(&source).unwrap();
    let order = [
        "{% if vip %}",
        "{% if a %}",
        "Nur für Sie",
        "{% endif %}",
        "{% else %}",
        "{% if b %}",
        "Für alle",
        "{% endif %}",
        "{% endif %}",
    ];
    let mut at = 0;
    for piece in order {
        at += html[at..].find(piece).expect(piece) + piece.len();
    }
    let set = to_html(&format!("{{% set a = \"b\" %}}{source}")).unwrap();
    assert!(set.starts_with("{% set a = \"b\" %}<!doctype html>"));
}

#[test]
fn problems_are_told_with_their_line() {
    for (source, line, message) in [
        (
            section("\n<mj-text>{{ a\n|oder(\"b\") }}</mj-text>\n<mj-unsinn>x"),
            6,
            "Das Element „mj-unsinn“ gibt es in MJML nicht.",
        ),
        (
            page("<mj-include path=\"/etc/passwd\" />"),
            3,
            "mj-include gibt es hier nicht",
        ),
        ("<mjml><mj-body>".to_owned(), 1, "endet zu früh"),
        (
            page("<mj-section>\n</mj-column>"),
            4,
            "offen ist aber noch „mj-section“",
        ),
        (section("<mj-text>x</mj-text"), 3, ""),
    ] {
        let problem = to_html(&source).unwrap_err();
        assert!(problem.message.contains(message), "{problem:?}");
        assert_eq!(problem.line, line, "{source}: {problem:?}");
    }
}

#[test]
fn signs_behind_letters_of_several_bytes_stay() {
    for text in [
        "Menü > Datei",
        "10 €> x",
        "€>",
        "ü >",
        "für {{ vorname }}ü > x",
        "ü{# y #} > x",
        "ü > x > ü > y",
        "<b title=\"ü\">ü ></b>",
        "👩 >",
    ] {
        let html = to_html(&section(&format!("<mj-text>{text}</mj-text>"))).unwrap();
        let text = text.replace("{# y #}", "");
        assert!(html.contains(&text), "{text}: {html}");
    }
    // Where MJML has no texts, they are left out.
    assert!(to_html(&page("<mj-section>ü ></mj-section>")).is_ok());
    let unfinished = "<mjml><mj-body><mj-text>ü >";
    assert!(to_html(unfinished).is_err());
}

/// They would hide all that follows.
#[test]
fn conditional_comments_without_an_end_are_refused() {
    for marker in [
        "<!--[if mso>",
        "<!--[if mso] >",
        "<![if !mso",
        "<![endif",
        "<![endif x]>",
        "<!--<![endif--> ]x",
        "<!--[if {{ vorname }}]x",
        "<![if mso]",
    ] {
        for source in [
            section(&format!("<mj-text>a\n{marker}</mj-text>")),
            section(&format!("<mj-raw>\n{marker}</mj-raw>")),
        ] {
            let problem = to_html(&source).unwrap_err();
            assert!(problem.message.contains("bedingte Kommentar"), "{source}");
            assert_eq!(problem.line, 4, "{source}");
        }
        // Where it swallows a tag, that tag is missed first.
        assert!(to_html(&page(marker)).is_err());
        assert!(to_html(&format!("{marker}{}", section("x"))).is_err());
    }
    for whole in [
        "<!--[if mso | IE]><b>x</b><![endif]-->",
        "<!--[if !mso]><!--><b>x</b><!--<![endif]-->",
        "<![if !mso]><b>x</b><![endif]>",
        "<![if !mso]><b>x</b><!--<![endif x]-->",
    ] {
        let html = to_html(&section(&format!("<mj-raw>{whole}</mj-raw>"))).unwrap();
        assert!(html.contains("<b>x</b>"), "{html}");
    }
}

#[test]
fn no_fonts_are_fetched_from_others() {
    let html = to_html(&section("<mj-text>x</mj-text>")).unwrap();
    assert!(!html.contains("fonts.googleapis"), "{html}");
}

#[test]
fn deep_nesting_is_refused_before_it_costs_the_stack() {
    for open in [
        "<mj-wrapper>",
        "<div>",
        "<p>",
        "<mj-text>",
        "<a b='>'>",
        "<!--[if mso]><b>",
    ] {
        let source = page(&open.repeat(100_000));
        assert!(to_html(&source).is_err());
        let fits = section(&format!(
            "<mj-text>{}x{}</mj-text>",
            "<b>".repeat(90),
            "</b>".repeat(90)
        ));
        assert!(to_html(&fits).is_ok());
    }
}

/// Each of these would be looked at again and again to the end of the document.
#[test]
fn what_has_no_end_takes_no_time() {
    for (part, count) in [
        ("<a ", 200_000),
        ("<a b='", 100_000),
        ("<!--[if mso]>", 50_000),
        ("<!-- x --", 50_000),
        ("<mj-text x", 50_000),
    ] {
        let _ = to_html(&section(&format!(
            "<mj-text>{}</mj-text>",
            part.repeat(count)
        )));
        let _ = to_html(&section(&part.repeat(count)));
        let _ = oddities(&section(&format!(
            "<mj-raw>{}</mj-raw>",
            part.repeat(count)
        )));
    }
}
