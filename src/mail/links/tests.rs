use super::*;
use proptest::prelude::*;
use scraper::{Html, Selector};

/// The addresses of all links as a browser's parser reads them.
fn parsed_hrefs(html: &str) -> Vec<String> {
    let selector = Selector::parse("a[href], area[href]").unwrap();
    Html::parse_document(html)
        .select(&selector)
        .map(|element| element.value().attr("href").unwrap().to_owned())
        .collect()
}

fn tracked(html: &str) -> Vec<String> {
    find_links(html, "").unwrap().tracked
}

fn personal(html: &str) -> Vec<String> {
    find_links(html, "").unwrap().personal
}

fn tracked_in_text(text: &str) -> Vec<String> {
    find_links("", text).unwrap().tracked
}

#[test]
fn a_link_is_found_however_its_attribute_is_written() {
    for (html, url) in [
        (
            r#"<a href="https://a.de/?x=1&amp;y=2">"#,
            "https://a.de/?x=1&y=2",
        ),
        (
            r#"<a href="https://a.de/?x=1&y=2&copy=3">"#,
            "https://a.de/?x=1&y=2&copy=3",
        ),
        ("<A HREF='https://a.de/#f'>", "https://a.de/#f"),
        (
            "<a class=x href=https://a.de:8080/b>",
            "https://a.de:8080/b",
        ),
        (
            "<a\n\thref =\n\"  https://a.de/\n  b \">",
            "https://a.de/  b",
        ),
        ("<a href=\"https://a.de/\n\tb\">", "https://a.de/b"),
        (
            r#"<a href="https://müller.de/straße?ö=%C3%B6+1">"#,
            "https://müller.de/straße?ö=%C3%B6+1",
        ),
        (r#"<area shape=rect href="HTTP://A.de">"#, "HTTP://A.de"),
        (r#"<a href="&#104;ttps&colon;//a.de/">"#, "https://a.de/"),
    ] {
        assert_eq!(tracked(html), [url], "{html}");
    }
    let long = format!("https://a.de/?q={}", "x=1&".repeat(5_000));
    assert_eq!(tracked(&format!("<a href=\"{long}\">")), [long]);
}

#[test]
fn what_is_no_web_address_is_no_link() {
    for href in [
        "mailto:a@b.de",
        "tel:+49",
        "#anker",
        "/relativ",
        "seite.html",
        "//a.de/x",
        "data:text/html,x",
        "javascript:alert('https://a.de')",
        "",
        "  ",
        "https://",
        "https:///",
        "ftp://a.de/",
        "mailto:{{ email }}",
        "https-nicht://a.de",
    ] {
        let html = format!("<a href=\"{href}\">x</a>");
        assert_eq!(find_links(&html, "").unwrap(), Links::default(), "{href}");
    }
}

#[test]
fn addresses_outside_of_links_are_left_alone() {
    let html = r#"<link href="https://a.de/1"><img src="https://a.de/2"><!-- <a href="https://a.de/3"> -->
        <!--[if mso]><a href="https://a.de/4"><v:rect href="https://a.de/5"><![endif]-->
        <style>a { background: url(https://a.de/6) }</style><p title="https://a.de/7">https://a.de/8</p>
        <form action="https://a.de/9"></form><a data-href="https://a.de/10">x</a>
        <a href="https://a.de/11" data-ohne-tracking>x</a>"#;
    assert_eq!(find_links(html, "").unwrap(), Links::default());
    let rewritten = rewrite_html(html, |_| Some("falsch".to_owned())).unwrap();
    assert_eq!(rewritten, html);
}

#[test]
fn a_downlevel_revealed_conditional_shows_its_links() {
    let html = r#"<!--[if !mso]><!--><a href="https://a.de/1">x</a><!--<![endif]-->"#;
    assert_eq!(tracked(html), ["https://a.de/1"]);
}

#[test]
fn each_link_is_named_once_in_document_order() {
    let links = find_links(
        r#"<a href="https://b.de/">1</a><a href="https://a.de/">2</a><a href="https://b.de/">3</a>"#,
        "https://a.de/ https://c.de/",
    );
    assert_eq!(
        links.unwrap().tracked,
        ["https://b.de/", "https://a.de/", "https://c.de/"]
    );
}

#[test]
fn personal_links_are_reported_and_never_rewritten() {
    for (html, raw) in [
        (
            r#"<a href="https://a.de/?m={{ email }}">"#,
            "https://a.de/?m={{ email }}",
        ),
        (r#"<a href="{{ webseite }}">"#, "{{ webseite }}"),
        (
            r#"<a href="https://a.de/{% if vorname %}du{% endif %}">"#,
            "https://a.de/{% if vorname %}du{% endif %}",
        ),
        (
            r#"<a href="https://a.de/{{ x|oder("b") }}">"#,
            r#"https://a.de/{{ x|oder("b") }}"#,
        ),
    ] {
        assert_eq!(personal(html), [raw], "{html}");
        assert!(tracked(html).is_empty(), "{html}");
    }
    // Without quotes the address must not end where the template syntax begins.
    assert_eq!(personal("<a href=https://a.de/?m={{ email }}>").len(), 1);
    assert!(tracked("<a href=https://a.de/?m={{ email }}>").is_empty());
}

#[test]
fn the_two_own_links_are_neither_tracked_nor_reported() {
    let html = r#"<a href="{{ abmeldelink }}">a</a><a href=" {{- datenschutzlink -}} ">b</a>"#;
    assert_eq!(
        find_links(html, "{{ abmeldelink }}").unwrap(),
        Links::default()
    );
}

#[test]
fn template_syntax_around_links_does_not_hide_them() {
    let html = r#"{% if punkte|int <b %}<a href="https://a.de/1">x</a>{% else %}
        <a {% if vorname %}href="https://a.de/2"{% else %}href="https://a.de/3"{% endif %}>y</a>{% endif %}
        {{ "<a href='https://a.de/4'>" }}{# <a href="https://a.de/5"> #}
        <td{% if x %} class="a>b"{% endif %}><a href="https://a.de/6">z</a>"#;
    assert_eq!(
        tracked(html),
        [
            "https://a.de/1",
            "https://a.de/2",
            "https://a.de/3",
            "https://a.de/6"
        ]
    );
    // Without a condition, the second is one that no browser would follow.
    assert_eq!(
        tracked(r#"<a href="https://a.de/1" href="https://a.de/2">"#),
        ["https://a.de/1"]
    );
}

#[test]
fn links_in_text_end_where_a_reader_would_end_them() {
    for (text, url) in [
        ("Siehe https://a.de/b.", "https://a.de/b"),
        ("(https://a.de/b)", "https://a.de/b"),
        ("(siehe https://a.de/b_(c)).", "https://a.de/b_(c)"),
        ("<https://a.de/b?c=d&e=f>,", "https://a.de/b?c=d&e=f"),
        ("[hier](https://a.de/b)!", "https://a.de/b"),
        ("„https://a.de/b“", "https://a.de/b"),
        ("*https://a.de/b*: gut", "https://a.de/b"),
        ("HTTP://A.de/x,", "HTTP://A.de/x"),
        ("https://müller.de/ö…", "https://müller.de/ö"),
        ("https://a.de/?a=1,2;b=3#c!", "https://a.de/?a=1,2;b=3#c"),
        ("https://a.de/b\r\nweiter", "https://a.de/b"),
        ("<https://a.de/Hurra!>", "https://a.de/Hurra!"),
        ("Ziel <https://a.de/b?c=(d>.", "https://a.de/b?c=(d"),
        ("<https://a.de/b. Weiter>", "https://a.de/b"),
        ("https://a.de/schluss_", "https://a.de/schluss_"),
        ("https://a.de/schluss_.", "https://a.de/schluss_"),
        ("https://a.de/b\u{200B}c", "https://a.de/b"),
        ("https://a.de/b\u{A0}c", "https://a.de/b"),
        ("((https://a.de/b_(c_(d))))", "https://a.de/b_(c_(d))"),
        ("https://a.de/b).", "https://a.de/b"),
    ] {
        assert_eq!(tracked_in_text(text), [url], "{text}");
        let rewritten = rewrite_text(text, |_| Some("NEU".to_owned()));
        assert_eq!(rewritten, text.replacen(url, "NEU", 1), "{text}");
    }
    for text in [
        "xhttps://a.de",
        "ähttps://a.de",
        "_https://a.de/b_",
        "https:// leer",
        "http",
        "www.a.de",
        "ftp://a.de",
    ] {
        assert!(tracked_in_text(text).is_empty(), "{text}");
    }
}

#[test]
fn personal_links_in_text_are_reported_whole() {
    let text =
        r#"Ihr Konto: https://a.de/?m={{ email|oder("a b") }}&x=1 und https://b.de/{{ x }}."#;
    let links = find_links("", text).unwrap();
    assert!(links.tracked.is_empty());
    assert_eq!(
        links.personal,
        [
            r#"https://a.de/?m={{ email|oder("a b") }}&x=1"#,
            "https://b.de/{{ x }}."
        ]
    );
}

#[test]
fn rewriting_changes_the_addresses_and_no_other_byte() {
    let html = "<TABLE  cellpadding=0\n><tr ><td><!--[if mso]><b><![endif]--><a\n  class='x'   HREF = 'https://a.de/?a&amp;b'\ttarget=_blank >é &nbsp;</a ><a href=https://b.de/>x</br></table>";
    let rewritten = rewrite_html(html, |link| {
        Some(attribute_value("https://t.de/?1&2'\"", link))
    });
    assert_eq!(
        rewritten.unwrap(),
        html.replace("https://a.de/?a&amp;b", "https://t.de/?1&amp;2&#x27;&quot;")
            .replace("=https://b.de/", "=\"https://t.de/?1&amp;2&#x27;&quot;\"")
    );
    assert_eq!(rewrite_html(html, |_| None).unwrap(), html);
}

#[test]
fn the_end_of_the_document_is_before_the_last_body_tag_that_is_no_comment() {
    for (html, expected) in [
        ("<body>a</body></html>", "<body>a+</body></html>"),
        ("<body>a</BODY >", "<body>a+</BODY >"),
        ("<p>a", "<p>a+"),
        ("a</body><!-- </body> -->", "a+</body><!-- </body> -->"),
        (
            "a{# </body> #}</body>{# </body> #}",
            "a{# </body> #}+</body>{# </body> #}",
        ),
        ("", "+"),
    ] {
        assert_eq!(insert_at_end(html, "+").unwrap(), expected);
    }
}

#[test]
fn a_location_is_ascii_and_of_the_web() {
    assert_eq!(
        location("https://bücher.example/ä b?ö#ü").unwrap(),
        "https://xn--bcher-kva.example/%C3%A4%20b?%C3%B6#%C3%BC"
    );
    assert_eq!(
        location("https://a.de/x\r\nSet-Cookie: a").unwrap(),
        "https://a.de/xSet-Cookie:%20a"
    );
    for url in [
        "javascript:alert(1)",
        "//a.de",
        "/x",
        "data:,x",
        "https://",
        "",
    ] {
        assert_eq!(location(url), None, "{url}");
    }
}

#[test]
fn a_real_newsletter_keeps_every_target_and_every_other_byte() {
    let html = include_str!("../../../tests/fixtures/newsletter.html");
    let links = find_links(html, "").unwrap();
    assert!(links.tracked.len() > 30, "{}", links.tracked.len());
    assert_eq!(
        links.personal,
        [
            "https://kundenkonto.moosbuechel.example/punkte?mail={{ email|urlencode }}&amp;quelle=newsletter"
        ]
    );

    let mut originals = Vec::new();
    let rewritten = rewrite_html(html, |link| {
        originals.push((link.url.clone(), link.raw.clone()));
        Some(attribute_value(
            &format!("https://t.example/k/{}?a&b", originals.len() - 1),
            link,
        ))
    });
    let rewritten = rewritten.unwrap();

    // Each rewritten link leads back to what a browser reads in the source.
    let before = parsed_hrefs(html);
    let after = parsed_hrefs(&rewritten);
    assert_eq!(before.len(), after.len());
    let mut count = 0;
    for (before, after) in before.iter().zip(&after) {
        if let Some(index) = after.strip_prefix("https://t.example/k/") {
            let index: usize = index.strip_suffix("?a&b").unwrap().parse().unwrap();
            assert_eq!(originals[index].0, clean(before));
            count += 1;
        } else {
            assert_eq!(before, after);
            let exempt = ["{{", "#", "mailto:", "tel:", "/", "javascript:"];
            assert!(
                exempt.iter().any(|start| before.starts_with(start))
                    || before.is_empty()
                    || before.contains("{{")
                    || before.contains("tierheim"),
                "not rewritten: {before}"
            );
        }
    }
    assert_eq!(count, originals.len());

    // Putting the written addresses back gives the very file.
    let mut restored = rewritten;
    for (index, (_, raw)) in originals.iter().enumerate() {
        let new = format!("https://t.example/k/{index}?a&amp;b");
        let quoted = format!("=\"{new}\"");
        restored = if raw == "https://www.moosbuechel.example/laden" {
            restored.replacen(&quoted, &format!("={raw}"), 1)
        } else {
            restored.replacen(&new, raw, 1)
        };
    }
    assert_eq!(restored, html);
}

/// Addresses of every shape that people paste into newsletters.
fn urls() -> impl Strategy<Value = String> {
    (
        prop_oneof!["https", "http", "HTTPS"],
        prop_oneof![
            "[a-z]{1,8}\\.(de|example)",
            "(bücher|straße|日本)[a-z]{0,4}\\.example",
            "[a-z]{1,6}:[a-z]{1,6}@[a-z]{1,6}\\.de",
        ],
        proptest::option::of(1_u16..),
        "(/([a-zA-Z0-9äöüß~!$'()*+,;=:@._ -]|%[0-9A-Fa-f]{2}|[{}|\\^\"<>&]){0,12}){0,4}",
        proptest::option::of(
            "([a-zA-Z0-9äß/?:@+=&;%'\"<>,\\[\\]-]|&amp;|&copy|&#38;|%2B|utm_source=x&){0,40}",
        ),
        proptest::option::of("[a-zA-Z0-9/?&;=äö%!-]{0,10}"),
    )
        .prop_map(|(scheme, host, port, path, query, fragment)| {
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            let query = query.map_or(String::new(), |query| format!("?{query}"));
            let fragment = fragment.map_or(String::new(), |fragment| format!("#{fragment}"));
            format!("{scheme}://{host}{port}{path}{query}{fragment}")
        })
        .prop_filter("no template syntax", |url| {
            !["{{", "{%", "{#"].iter().any(|open| url.contains(open))
        })
}

proptest! {
    #[test]
    fn any_address_written_properly_is_found_exactly(list in prop::collection::vec(urls(), 1..6)) {
        let wrapped = |url: &String| format!("<p>{{{{ x }}}}<a id=a href=\"{}\">x</a></p>", attribute::encode(url));
        let html: String = list.iter().map(wrapped).collect();
        let expected: Vec<String> = parsed_hrefs(&html).iter().map(|url| clean(url)).collect();
        let mut found = Vec::new();
        let rewritten = rewrite_html(&html, |link| {
            found.push(link.url.clone());
            Some(attribute_value(&format!("https://t.example/{}", found.len() - 1), link))
        }).unwrap();
        prop_assert_eq!(&found, &expected);
        let back: Vec<String> = parsed_hrefs(&rewritten)
            .iter()
            .map(|url| found[url.rsplit('/').next().unwrap().parse::<usize>().unwrap()].clone())
            .collect();
        prop_assert_eq!(back, expected);
        let again = find_links(&html, "").unwrap().tracked;
        let mut once = found.clone();
        let mut seen = HashSet::new();
        once.retain(|url| seen.insert(url.clone()));
        prop_assert_eq!(again, once);
    }

    #[test]
    fn any_address_pasted_raw_is_read_as_by_a_browser(url in urls()) {
        let html = format!("<a href=\"{}\">x</a>", url.replace('"', "_"));
        let expected: Vec<String> = parsed_hrefs(&html).iter().map(|url| clean(url)).collect();
        prop_assert_eq!(tracked(&html), expected);
    }

    #[test]
    fn any_soup_of_markup_is_kept_where_no_link_is(soup in "([<>/a-z\"'= {}%#!-]|<a href=|https://a.de|<!--|-->|\\{\\{|\\}\\}|ä){0,60}") {
        prop_assert_eq!(rewrite_html(&soup, |_| None).unwrap(), soup.clone());
        let mut raws = Vec::new();
        let marked = rewrite_html(&soup, |link| {
            raws.push(link.raw.clone());
            Some(format!("\u{1}{}\u{2}", raws.len() - 1))
        }).unwrap();
        let mut restored = marked;
        for (index, raw) in raws.iter().enumerate() {
            restored = restored.replacen(&format!("\u{1}{index}\u{2}"), raw, 1);
        }
        prop_assert_eq!(restored, soup);
    }
}

#[test]
fn an_address_stands_alone_where_mail_programs_take_exactly_it() {
    let address = "https://w.example/abmelden/AbC";
    for text in [
        "X", "Ab: X", "<X>", "(X).", "„X“", "X, X/", "*X*", "X\nmehr", "X\u{A0}x", "X…",
    ] {
        assert!(stands_alone(&text.replace('X', address), address), "{text}");
    }
    for text in [
        "http://X",
        "X/",
        "X&x=1",
        "Xabc",
        "X?a",
        "https://a.de/?u=X",
        "X.html",
        "abc",
    ] {
        assert!(
            !stands_alone(&text.replace('X', address), address),
            "{text}"
        );
    }
}
