use proptest::prelude::*;

use super::*;

fn inlined(html: &str) -> String {
    let result = inline(html);
    assert_eq!(result.problem, None);
    result.html.into_owned()
}

#[test]
fn rules_come_to_their_elements_and_sheets_stay() {
    let sheet = "<style>p { color: red } @media (max-width: 400px) { p { margin: 0 } }</style>";
    let html = format!("<html><head>{sheet}</head><body><p>Hallo</p>\n<b>x</b></body></html>");
    let expected = html.replace("<p>", "<p style=\"color: red;\">");
    assert_eq!(inlined(&html), expected);
}

/// What comes to `<p>` of a sheet and the rest of a body.
fn style_of(sheet: &str, body: &str) -> String {
    let html = format!("<style>{sheet}</style>{body}");
    let result = inlined(&html);
    let (_, behind) = result.split_once("</style>").unwrap();
    let (_, tag) = behind.split_once("<p").unwrap();
    let (tag, _) = tag.split_once('>').unwrap();
    let style = tag.split_once("style=\"").map_or("", |(_, style)| style);
    style.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn what_a_rule_may_change_stays_in_the_sheet() {
    for (sheet, body, style) in [
        ("p{color:red}p:hover{color:blue}", "<p>", ""),
        (
            "p.a{color:red}p.a:hover{color:blue}p.a{margin:0}",
            "<p class=a>",
            "margin: 0;",
        ),
        (
            "p:hover{color:blue}p.a{color:red}",
            "<p class=a>",
            "color: red;",
        ),
        (
            "p:hover{color:blue}#a{color:red}",
            "<p id=a>",
            "color: red;",
        ),
        (
            "p{color:red}p:hover{color:blue!important}",
            "<p>",
            "color: red;",
        ),
        ("p{color:red}@media print{p{color:blue}}", "<p>", ""),
        (
            "@media print{p{color:blue}}p{color:red}",
            "<p>",
            "color: red;",
        ),
        (
            "p{font-size:9px;margin:0}@supports(gap:0){p{font:inherit;margin-left:1px}}",
            "<p>",
            "",
        ),
        (
            "p{color:red!important}@media print{p{color:blue!important}}",
            "<p>",
            "color: red;",
        ),
        ("p{color:red}:checked~p{color:blue}", "<p>", ""),
        ("p{color:red}p::before{color:blue}", "<p>", "color: red;"),
        ("p{color:red}@layer a{p{color:blue}}", "<p>", ""),
        ("p{color:red;&:hover{color:blue}}", "<p>", ""),
        (
            "p{margin-left:1px}.a{margin:0}@media print{p.a{margin-top:2px}}",
            "<p class=a>",
            "",
        ),
        (
            ".a{margin:0}p{margin-top:2px}",
            "<p class=a>",
            "margin-top: 2px;margin: 0;",
        ),
        ("p{color:var(--c)}", "<p>", ""),
        (
            "p{color:red;colour:x;background:url(a)}",
            "<p>",
            "color: red;colour: x;background: url(a);",
        ),
    ] {
        assert_eq!(style_of(sheet, body), style, "{sheet} {body}");
    }
}

#[test]
fn what_depends_on_the_template_stays_in_the_sheet() {
    for (sheet, body, style) in [
        (
            ".a{color:red}.b{color:blue}",
            "<p class=\"{% if x %}a{% else %}b{% endif %}\">",
            "",
        ),
        (".a{color:red}", "<p class=\"a {{ k }}\">", "color: red;"),
        (".a{color:red}.b{color:blue}", "<p class=\"a {{ k }}\">", ""),
        (".a{color:red}", "<p class=\"a{{ k }}\">", ""),
        (".a{color:red}", "<p {% if x %}class=a{% endif %}>", ""),
        (
            "p{color:red}.a p{color:blue}",
            "<div class=\"{{ k }}\"><p></div>",
            "",
        ),
        (
            "p{color:red}.a p{color:blue}",
            "<div class=b><p></div>",
            "color: red;",
        ),
        (
            "p{margin:0}p+p{margin:1px}",
            "{% if x %}<p>{% endif %}<p>",
            "",
        ),
        (
            "p{margin:0}p:first-child{margin:1px}",
            "<p>{% if x %}<b></b>{% endif %}",
            "",
        ),
        (
            "p{margin:0}p:first-child{margin:1px}",
            "<div><p></div>",
            "margin: 1px;",
        ),
        ("p{margin:0}p:last-child{margin:1px}", "<p>", ""),
        ("p{margin:0}p:empty{margin:1px}", "<p>", ""),
        (
            ".a p{margin:0}",
            "{% if x %}<div class=a>{% endif %}<p>x</p>{% if x %}</div>{% endif %}",
            "",
        ),
        (
            ".a p{margin:0}",
            "<div class=a>{% if x %}<p>x</p>{% endif %}</div>",
            "margin: 0;",
        ),
        (
            "p{margin:0}p:not(.a){margin:1px}",
            "<p class=\"{{ k }}\">",
            "",
        ),
    ] {
        assert_eq!(style_of(sheet, body), style, "{sheet} {body}");
    }
    let html = "<style>p{color:red}</style>{% if x %}<style>p{color:blue}</style>{% endif %}<p>";
    assert_eq!(inlined(html), html);
    let html = "<style>p{color:red}</style><!--[if !mso]><!--><style>p{color:blue}</style><!--<![endif]--><p>";
    assert_eq!(inlined(html), html);
}

#[test]
fn what_stays_is_told() {
    let html = "<style>p{color:red;margin:0}p:hover{color:blue}</style><p>x";
    let left: Vec<String> = inline(html).left.into_iter().collect();
    assert_eq!(left, ["color"]);
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
    assert!(result.contains("color:blue"), "{result}");
    assert!(!result.contains("color: red;"), "{result}");
    assert!(result.contains("&quot;Open Sans&quot;"), "{result}");
    // The sheet, which has it with `!important`, wins where it is read.
    assert!(result.contains("color:blue;width: 50%;\""), "{result}");
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
    // Few bytes that say much.
    for (rule, count) in [("*{a:b}", 700), ("*{a:b}*:hover{a:b}", 500)] {
        let html = format!(
            "<style>{}</style>{}",
            rule.repeat(count),
            "<b>x</b>".repeat(200)
        );
        assert_eq!(inline(&html).problem, Some(StyleProblem::TooMuch));
    }
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
