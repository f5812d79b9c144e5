use proptest::prelude::*;

use super::*;

fn inlined(html: &str) -> String {
    let result = inline(html);
    assert_eq!(result.problem, None);
    result.html.into_owned()
}

#[test]
fn rules_come_to_their_elements_and_sheets_stay() {
    let sheet = "<style>p { color: red } @media (max-width: 400px) { p { color: blue } }</style>";
    let html = format!("<html><head>{sheet}</head><body><p>Hallo</p>\n<b>x</b></body></html>");
    let expected = html.replace("<p>", "<p style=\"color: red;\">");
    assert_eq!(inlined(&html), expected);
}

#[test]
fn a_source_without_rules_is_not_touched() {
    for html in [
        "<p style='color:red'>x</p>",
        "<style></style><p>x",
        "<style media=print>p{color:red}</style><p>x",
    ] {
        assert!(matches!(inline(html).html, Cow::Borrowed(same) if same == html));
    }
}

#[test]
fn an_own_style_wins_and_quotes_are_escaped() {
    let html = r#"<style>p{margin:0;color:red;font-family:"Open Sans"} .w{width:50% !important}</style><p style="color:blue" class=w>x</p>"#;
    let result = inlined(html);
    assert!(result.contains("color: blue"), "{result}");
    assert!(!result.contains("color: red;"), "{result}");
    assert!(result.contains("&#x27;Open Sans&#x27;"), "{result}");
    assert!(result.contains("width: 50% !important"), "{result}");
}

#[test]
fn template_syntax_survives_in_text_attributes_and_table_rows() {
    let html = r#"<style>td { padding: 4px } a { color: green }</style>
<p>Hallo {{ vorname|oder("<Sie>") }}</p>
<table>
{% for ware in felder %}<tr><td class="{{ klasse }}">{{ ware }}</td></tr>{% endfor %}
{% if vip < "a" %}<tr>{% if x %}<td>1</td>{% else %}<td colspan={{ n }}>2</td>{% endif %}</tr>{% endif %}
</table>
<a {% if kurz %}href="https://a.de"{% else %}href="https://b.de/{{ email }}"{% endif %}>x</a>"#;
    let result = inlined(html);
    let without: String = result
        .replace(" style=\"padding: 4px;\"", "")
        .replace(" style=\"color: green;\"", "");
    assert_eq!(without, html);
    assert_eq!(result.matches("padding: 4px;\"").count(), 3);
    assert_eq!(result.matches("color: green;\"").count(), 1);
}

#[test]
fn a_placeholder_in_a_style_stays_and_counts() {
    let html = r#"<style>p { margin: 0; color: red }</style><p style="color: {{ farbe }}">x</p>"#;
    let result = inlined(html);
    assert!(
        result.contains(r#"style="margin: 0;color: red;color: {{ farbe }}""#),
        "{result}"
    );
}

#[test]
fn a_sheet_with_placeholders_is_left_to_each_mail() {
    let html = "<style>p { color: {{ farbe }} }</style><style>p { margin: 0 }</style><p>x</p>";
    assert_eq!(
        inlined(html),
        html.replace("<p>", "<p style=\"margin: 0;\">")
    );
}

#[test]
fn outlooks_comments_and_lines_stay() {
    let html = "<style>\np { color: red;\n  margin:\n0 }</style>\n<!--[if mso]><p><table><![endif]-->\n<p>x\n<!--[if mso]></table><![endif]-->";
    let result = inlined(html);
    assert!(result.contains("<!--[if mso]><p><table><![endif]-->"));
    assert_eq!(result.matches('\n').count(), html.matches('\n').count());
}

#[test]
fn broken_style_never_loses_the_mail() {
    for css in [
        "}}}",
        "p {",
        "p { color",
        "@media {",
        "p:nope(x) { color: red } b { color: red }",
        "<!-- p { color: red } -->",
        "p { content: \"</p>\" }",
        "@import url(https://example.org/x.css);",
        "p { background: url('",
    ] {
        let html = format!("<style>{css}</style><p>Hallo <b>Anna</b></p>");
        let result = inline(&html).html;
        let text = super::super::text::from_html(&result, &|_| None).unwrap();
        assert_eq!(text, "Hallo Anna\n", "{css}: {result}");
    }
}

#[test]
fn nothing_is_fetched() {
    let html = "<link rel=stylesheet href=\"file:///etc/passwd\"><link rel=stylesheet href=\"http://127.0.0.1:9/\"><style>p{color:red}</style><p>x";
    assert_eq!(
        inlined(html),
        html.replace("<p>", "<p style=\"color: red;\">")
    );
}

#[test]
fn too_much_is_left_alone() {
    let html = format!(
        "<style>* {{ {} }}</style>{}",
        "color: red; ".repeat(5_000),
        "<b>x</b>".repeat(5_000)
    );
    let result = inline(&html);
    assert_eq!(result.problem, Some(StyleProblem::TooMuch));
    assert_eq!(result.html, html);
}

proptest! {
    #[test]
    fn all_but_styles_stays(
        body in r#"(<(p|td|tr|table|b|a|div)( class=['"]?x['"]?)?>|</(p|td|tr|table|b|a|div)>|x|\{\{ a \}\}|\{% if a %\}|\{% endif %\}|<!--|-->| ){0,25}"#
    ) {
        let html = format!("<style>.x {{ color: red }} p {{ margin: 0 }}</style>{body}");
        let result = inline(&html).html;
        let stripped = result
            .replace(" style=\"color: red;margin: 0;\"", "")
            .replace(" style=\"margin: 0;color: red;\"", "")
            .replace(" style=\"color: red;\"", "")
            .replace(" style=\"margin: 0;\"", "");
        prop_assert_eq!(stripped, html);
    }
}
