//! What the author wrote arrives as it was written, and what can't arrive is named.

use proptest::prelude::*;

use super::*;

/// The values of an attribute in what comes of a source.
fn values(html: &str, selector: &str, name: &str) -> Vec<String> {
    let document = scraper::Html::parse_document(html);
    let selector = scraper::Selector::parse(selector).unwrap();
    let elements = document.select(&selector);
    elements
        .filter_map(|element| element.value().attr(name))
        .map(str::to_owned)
        .collect()
}

/// Letters of every kind that Rust's `Debug`, HTML or a template would write otherwise.
const LETTERS: [&str; 24] = [
    "x",
    "\"",
    "'",
    "\\",
    "\n",
    "\t",
    "\u{a0}",
    "\u{ad}",
    "❤\u{fe0f}",
    "u\u{308}",
    "👩\u{200d}🌾",
    "\u{200b}",
    "\u{feff}",
    "&",
    "<",
    ">",
    "€",
    "–",
    "„“",
    "{ }",
    "\u{1f}",
    "\u{7f}",
    "\u{e000}",
    "]]>",
];

#[test]
fn values_arrive_as_they_were_written() {
    for letter in LETTERS {
        let value = format!("vor {letter} {letter}nach");
        for quote in ['"', '\''] {
            let raw = value
                .replace('&', "&amp;")
                .replace(quote, &format!("&#{};", u32::from(quote)));
            let attribute = |name: &str| format!("{name}={quote}{raw}{quote}");
            let source = section(&format!(
                "<mj-image src='https://a.de/x' {} {} /><mj-button {} {}>x</mj-button>\
                 <mj-text><p {} {}><a {}>x</a></p></mj-text>\
                 <mj-social><mj-social-element src='https://a.de/y' {} {}>x</mj-social-element></mj-social>",
                attribute("alt"),
                attribute("title"),
                attribute("href"),
                attribute("title"),
                attribute("title"),
                attribute("style"),
                attribute("href"),
                attribute("href"),
                attribute("alt"),
            ));
            let html = to_html(&source).unwrap();
            for (selector, name) in [
                ("img[src$=x]", "alt"),
                ("img[src$=x]", "title"),
                ("td > a[style*=background]", "href"),
                ("td > a[style*=background]", "title"),
                ("p", "title"),
                ("p", "style"),
                ("p > a", "href"),
                ("td > a:not([style])", "href"),
                ("img[src$=y]", "alt"),
            ] {
                let found = values(&html, selector, name);
                assert_eq!(
                    found.first(),
                    Some(&value),
                    "{letter:?} {selector} {name}: {html}"
                );
            }
        }
    }
}

/// A renderer that escapes gets nothing to escape.
#[test]
fn the_renderer_gets_harmless_values_only() {
    for letter in LETTERS {
        let source = section(&format!(
            "<mj-image src='https://a.de/?a=1&amp;b' alt='{}' width='100px' />",
            letter.replace('\'', "&apos;")
        ));
        let masked = Masked::new(&source);
        let document = tree::read(&source, &masked, &masked.shape()).unwrap();
        let text = Carrier::new(&source, &masked, &document).text;
        assert!(
            text.bytes()
                .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'&')),
            "{text}"
        );
        assert!(text.contains("width=\"100px\""), "{text}");
    }
}

#[test]
fn fonts_classes_and_lengths_stay_readable_for_the_renderer() {
    let html = to_html(
        "<mjml><mj-head><mj-font name='Open Sans' href='https://f.de/c?a=1&amp;b=2'/><mj-attributes>\
         <mj-class name='größe' font-size='22px' /></mj-attributes></mj-head><mj-body><mj-section padding='0 10px'>\
         <mj-column><mj-text mj-class='größe x' css-class='{{ k }} übrig' font-family='\"Open Sans\",\nArial'>x</mj-text>\
         </mj-column></mj-section></mj-body></mjml>",
    )
    .unwrap();
    for expected in [
        "@import url(https://f.de/c?a=1&b=2);",
        "href=\"https://f.de/c?a=1&amp;b=2\"",
        "font-size:22px",
        "class=\"{{ k }} übrig\"",
        "font-family:'Open Sans', Arial;",
    ] {
        assert!(html.contains(expected), "{expected}: {html}");
    }
}

#[test]
fn unknown_elements_are_named_with_a_proposal() {
    for (element, line, message) in [
        (
            "\n<mj-buton href='x'>Los</mj-buton>",
            4,
            "Meinen Sie „mj-button“?",
        ),
        (
            "<mj-text>a</mj-text>\n\n<mj-imgae src='x' />",
            5,
            "Meinen Sie „mj-image“?",
        ),
        ("<mjtext>a</mjtext>", 3, "Meinen Sie „mj-text“?"),
        ("<text>a</text>", 3, "Meinen Sie „mj-text“?"),
        (
            "<mj-ganz-anders />",
            3,
            "„mj-ganz-anders“ gibt es in MJML nicht.",
        ),
        (
            "<mj-text>a\n<mj-buton>b</mj-buton></mj-text>",
            4,
            "wirkt in mj-text nicht",
        ),
        (
            "<mj-social-element>a</mj-social-element>",
            3,
            "gehört in mj-social",
        ),
        ("<mj-style>a</mj-style>", 3, "gehört in mj-head"),
    ] {
        let problem = to_html(&section(element)).unwrap_err();
        assert!(problem.message.contains(message), "{problem:?}");
        assert_eq!(problem.line, line, "{problem:?}");
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let source = section("\n<mj-image scr='a' alt='b'/>\nfreier Text\n<p>HTML {{ vorname }}</p>");
    let found = oddities(&source);
    let told: Vec<(usize, &str)> = found
        .iter()
        .map(|one| (one.line, one.what.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (4, "Das Attribut „scr“ gibt es bei mj-image nicht."),
            (
                5,
                "Der Text „freier Text“ steht direkt in mj-column und wird weggelassen."
            ),
            (6, "„p“ steht zwischen MJML-Elementen."),
        ]
    );
    assert!(found[0].advice.contains("Meinen Sie „src“?"));
    let html = to_html(&source).unwrap();
    assert!(html.contains("<p>HTML {{ vorname }}</p>"), "{html}");
}

#[test]
fn what_the_reference_takes_is_taken() {
    for (inside, expected) in [
        (
            "<!-- ------ Kopf ------ --><mj-text>x</mj-text>",
            "<!-- ------ Kopf ------ -->",
        ),
        (
            "<mj-text>a<br>b<hr>c<img src=x.png alt=''>d</mj-text>",
            "a<br>b<hr>c<img src=x.png alt=''>d",
        ),
        (
            "<mj-text>a & b, 1 < 2 > 0, <p>offen</mj-text>",
            "a & b, 1 < 2 > 0, <p>offen",
        ),
        (
            "<mj-image src=https://a.de/x.png width=100 />",
            "src=\"https://a.de/x.png\"",
        ),
        (
            "<mj-image src='https://a.de/?a=1&b=2' />",
            "src=\"https://a.de/?a=1&b=2\"",
        ),
        ("<MJ-TEXT>groß</mj-text>", "groß"),
        (
            "<mj-text><!-- </mj-text> --> x</mj-text>",
            "<!-- </mj-text> --> x",
        ),
        ("<mj-table><tr><td>1<td>2</mj-table>", "<tr><td>1<td>2"),
    ] {
        let html = to_html(&section(inside)).expect(inside);
        assert!(html.contains(expected), "{inside}: {html}");
    }
}

#[test]
fn ghost_tables_pass_everywhere() {
    let ghost = "<mj-raw><!--[if mso]><table><tr><td><![endif]--></mj-raw>";
    let end = "<mj-raw><!--[if mso]></td></tr></table><![endif]--></mj-raw>";
    let wrapped = |inside: &str| page(&format!("<mj-wrapper>{inside}</mj-wrapper>"));
    let row = "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>";
    for source in [
        page(&format!("{ghost}{row}{end}")),
        wrapped(&format!("{ghost}{row}{end}<!-- x -->{row}")),
        section(&format!("{ghost}<mj-text>x</mj-text>{end}")),
        page(&format!(
            "<mj-section>{ghost}<mj-column /><mj-raw></td></tr></mj-raw></mj-section>"
        )),
        page(&format!(
            "<mj-raw><!--[if mso]></mj-raw>{row}<mj-raw><![endif]--></mj-raw>"
        )),
    ] {
        let html = to_html(&source).expect(&source);
        assert!(html.contains("<!--[if mso]>"), "{html}");
        // No comment begins inside one for Outlook.
        for inside in html.split("<!--[if mso | IE]>").skip(1) {
            let end = inside.find("-->").unwrap();
            assert!(!inside[..end].contains("<!--"), "{html}");
        }
    }
}

#[test]
fn raw_html_can_stand_in_front_and_attributes_be_added() {
    let html = to_html(
        "<mjml><mj-head><mj-html-attributes><mj-selector path='.k a'><mj-html-attribute name='data-x'>1 \"€\"\
         </mj-html-attribute></mj-selector></mj-html-attributes></mj-head><mj-body>\
         <mj-raw position='file-start'><!-- {{ email }} --></mj-raw><mj-section css-class='k'><mj-column>\
         <mj-text><a href='https://a.de' data-x=alt>x</a></mj-text></mj-column></mj-section></mj-body></mjml>",
    )
    .unwrap();
    assert!(
        html.starts_with("<!-- {{ email }} --><!doctype html>"),
        "{html}"
    );
    assert_eq!(values(&html, "a", "data-x"), ["1 \"€\""], "{html}");
}

#[test]
fn conditions_pass_between_small_elements() {
    for source in [
        "<mj-social>{% if a %}<mj-social-element name='x' href='b'>c</mj-social-element>{% endif %}</mj-social>",
        "<mj-navbar>{% if a %}<mj-navbar-link href='b'>c</mj-navbar-link>{% endif %}</mj-navbar>",
        "<mj-accordion>{% if a %}<mj-accordion-element><mj-accordion-title>t</mj-accordion-title>\
         </mj-accordion-element>{% endif %}</mj-accordion>",
    ] {
        let html = to_html(&section(source)).unwrap();
        let (begin, end) = (html.find("{% if a %}"), html.find("{% endif %}"));
        assert!(begin < end && begin.is_some(), "{html}");
        assert!(!html.contains("<!--{%"), "{html}");
    }
    for source in [
        "<mj-carousel>{% if a %}<mj-carousel-image src='b' />{% endif %}</mj-carousel>",
        "<mj-text {% if a %}color='red'{% endif %}>x</mj-text>",
    ] {
        assert!(to_html(&section(source)).is_err(), "{source}");
    }
}

proptest! {
    #[test]
    fn any_value_arrives(value in "[ -z|~äöüß€\u{a0}\u{ad}\u{300}-\u{30f}❤\u{fe0f}\n\t]{0,30}") {
        let raw = crate::mail::attribute::encode(&value);
        let html = to_html(&section(&format!("<mj-image src='x' alt=\"{raw}\" />"))).unwrap();
        prop_assert_eq!(values(&html, "img", "alt"), [value]);
    }

    #[test]
    fn texts_arrive_as_they_are(text in "(<(b|i|p|br|td|div)>|</(b|i|p|td|div)>|x|&|&amp;| |ü|>|\"|<3|\\{\\{ a \\}\\}){0,20}") {
        let html = to_html(&section(&format!("<mj-text>{text}</mj-text>"))).unwrap();
        prop_assert!(html.contains(text.trim()), "{}", html);
    }
}
