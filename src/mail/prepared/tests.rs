use super::*;
use crate::mail::links::find_links;
use crate::mail::personalise;
use scraper::{Html, Selector};
use serde_json::{Map, Value, json};

const NEWSLETTER: &str = include_str!("../../../tests/fixtures/newsletter.html");
const UNSUBSCRIBE: &str = "https://w.example/ab/AbC-1?x=1&y=2";
const PREFERENCES: &str = "https://w.example/ds/AbC-1";

fn numbered(html: &str, text: &str) -> Vec<(i32, String)> {
    (1..).zip(find_links(html, text).unwrap().tracked).collect()
}

fn prepared(html: &str, text: &str) -> PreparedMailing {
    PreparedMailing::new("Hallo {{ vorname }}", html, text, &numbered(html, text)).unwrap()
}

fn click(number: i32) -> String {
    format!("https://w.example/k/{number}?a&b")
}

fn render(mailing: &PreparedMailing, first_name: &str, tracked: bool) -> RenderedMail {
    let fields: Map<String, Value> = json!({ "Ort": "Köln" }).as_object().unwrap().clone();
    let recipient = Recipient {
        first_name,
        last_name: "Meier",
        address: "a+b@c.de",
        fields: &fields,
    };
    let urls = TrackingUrls {
        pixel: tracked.then_some("https://w.example/p/1?a&b"),
        click: tracked.then_some(&click),
        unsubscribe: UNSUBSCRIBE,
        preferences: PREFERENCES,
    };
    mailing.render(&recipient, &urls).unwrap()
}

fn attributes(html: &str, selector: &str, name: &str) -> Vec<String> {
    Html::parse_document(html)
        .select(&Selector::parse(selector).unwrap())
        .map(|element| element.value().attr(name).unwrap().to_owned())
        .collect()
}

fn hrefs(html: &str) -> Vec<String> {
    attributes(html, "a[href], area[href]", "href")
}

#[test]
fn every_link_of_a_real_newsletter_leads_to_its_target() {
    let links = numbered(NEWSLETTER, "");
    let mailing = prepared(NEWSLETTER, "");
    let tracked = render(&mailing, "Zoë", true);
    let plain = render(&mailing, "Zoë", false);
    let mut used = Vec::new();
    let pairs: Vec<_> = hrefs(&plain.html)
        .into_iter()
        .zip(hrefs(&tracked.html))
        .collect();
    for (original, rewritten) in pairs {
        let Some(number) = rewritten.strip_prefix("https://w.example/k/") else {
            assert_eq!(original, rewritten);
            continue;
        };
        let number: i32 = number.strip_suffix("?a&b").unwrap().parse().unwrap();
        let (_, url) = &links[usize::try_from(number).unwrap() - 1];
        // What a browser does with line breaks and blanks around an address.
        assert_eq!(original.trim().replace('\n', ""), *url);
        used.push(number);
    }
    used.sort_unstable();
    used.dedup();
    assert_eq!(
        used.len(),
        links.len(),
        "each link number stands in the mail"
    );
    assert!(used.len() > 30);

    for (number, url) in &links {
        if *url != "https://shop.moosbuechel.example/p/4711" {
            let address = format!("<{}>", click(*number));
            let is_area = url.starts_with("https://karte.");
            assert_eq!(tracked.text.contains(&address), !is_area, "{url}");
        }
        assert_eq!(
            plain.text.contains(&format!("<{url}>")),
            !url.starts_with("https://karte."),
            "{url}"
        );
    }
}

#[test]
fn without_tracking_a_mail_is_the_source_with_its_values() {
    let plain = render(&prepared(NEWSLETTER, ""), "Zoë", false);
    let expected = NEWSLETTER
        .replace("{{ vorname|oder(\"Sie\") }}", "Zoë")
        .replace(
            "{{ vorname|oder(\"liebe Gartenfreundin, lieber Gartenfreund\") }}",
            "Zoë",
        )
        .replace("{{ email|urlencode }}", "a%2Bb%40c.de")
        .replace("{{ abmeldelink }}", &UNSUBSCRIBE.replace('&', "&amp;"))
        .replace("{{ datenschutzlink }}", PREFERENCES)
        // The one element that a rule of the style sheet is for.
        .replace(
            "style=\"margin:0; padding:0; background-color:#f2efe6;\"",
            "style=\"-webkit-text-size-adjust: 100%;margin:0; padding:0; background-color:#f2efe6\"",
        );
    assert_eq!(plain.html, expected);
    assert!(!plain.text.contains("~~") && !plain.text.contains("{{"));
    assert!(plain.text.contains("Der Frühling ist da, Zoë!"));
}

#[test]
fn the_pixel_stands_at_the_end_of_the_body_when_tracked() {
    let mailing = prepared(NEWSLETTER, "");
    let tracked = render(&mailing, "Zoë", true).html;
    let pictures = attributes(&tracked, "img", "src");
    assert_eq!(pictures.last().unwrap(), "https://w.example/p/1?a&b");
    let (_, end) = tracked.rsplit_once("<img").unwrap();
    assert!(end.ends_with("></body>\n</html>\n"), "{end}");
    let pixel = attributes(&tracked, "img[width='1'][height='1']", "alt");
    assert_eq!(pixel, [""]);

    let plain = render(&mailing, "Zoë", false).html;
    assert_eq!(attributes(&plain, "img", "src").len(), pictures.len() - 1);
}

#[test]
fn a_mail_without_names_still_reads_well() {
    let mail = render(&prepared(NEWSLETTER, ""), "", true);
    assert_eq!(mail.subject, "Hallo");
    assert!(
        mail.html
            .contains("ist da, liebe Gartenfreundin, lieber Gartenfreund!")
    );
    assert!(
        mail.text
            .replace('\n', " ")
            .contains("ist da, liebe Gartenfreundin, lieber Gartenfreund!")
    );
}

#[test]
fn the_personal_links_are_added_where_the_author_placed_none() {
    let both = [UNSUBSCRIBE.to_owned(), PREFERENCES.to_owned()];
    for (html, text, added) in [
        ("<p>Hallo</p>", "Hallo", &both[..]),
        ("<p>Hallo</p></body>", "", &both[..]),
        (
            "<a href=\"{{ abmeldelink }}\">x</a>",
            "{{ abmeldelink }}",
            &both[1..],
        ),
        ("<a href=\"{{ datenschutzlink }}\">x</a>", "", &both[..1]),
        (
            "<a href=\"{{ datenschutzlink }}\">x</a><a href='{{ abmeldelink }}'>x</a>",
            "",
            &[],
        ),
        (
            "<!-- {{ datenschutzlink }} {{ abmeldelink }} -->",
            "",
            &both[..],
        ),
        (
            "{% if not vorname %}<a href='{{ abmeldelink }}'>x</a>{% endif %}",
            "",
            &both[..],
        ),
    ] {
        for tracked in [true, false] {
            let mail = render(&prepared(html, text), "Zoë", tracked);
            let footer = Html::parse_document(&mail.html)
                .select(&Selector::parse("div a").unwrap())
                .map(|link| link.value().attr("href").unwrap().to_owned())
                .collect::<Vec<_>>();
            assert_eq!(footer, added, "{html}");
            for url in &both {
                assert_eq!(mail.text.matches(url).count(), 1, "{html}: {}", mail.text);
            }
        }
    }
}

#[test]
fn the_end_in_a_condition_that_fails_still_has_footer_and_pixel() {
    let html = "<p>x{% if not vorname %}</body>{% endif %}";
    let mail = render(&prepared(html, ""), "Zoë", true);
    assert!(hrefs(&mail.html).contains(&UNSUBSCRIBE.to_owned()));
    assert_eq!(attributes(&mail.html, "img", "src").len(), 1);
}

#[test]
fn links_in_a_written_text_part_are_tracked_with_the_same_numbers() {
    let html = "<a href=\"https://a.de/?x&amp;y\">x</a>";
    let text = "Hier (https://a.de/?x&y), dort: https://b.de. {{ vorname }}";
    let mailing = prepared(html, text);
    let tracked = render(&mailing, "Zoë", true).text;
    assert!(
        tracked
            .starts_with("Hier (https://w.example/k/1?a&b), dort: https://w.example/k/2?a&b. Zoë"),
        "{tracked}"
    );
    assert!(
        render(&mailing, "Zoë", false)
            .text
            .starts_with("Hier (https://a.de/?x&y), dort: https://b.de. Zoë")
    );
}

#[test]
fn links_that_have_no_number_are_left_alone() {
    let html = "<a href=\"https://a.de/\">a</a><a href=\"https://b.de/\">b</a>";
    let mailing =
        PreparedMailing::new("", html, "https://c.de", &[(7, "https://b.de/".to_owned())]);
    let mail = render(&mailing.unwrap(), "", true);
    assert!(mail.html.starts_with(
        "<a href=\"https://a.de/\">a</a><a href=\"https://w.example/k/7?a&amp;b\">b</a>"
    ));
    assert!(mail.text.starts_with("https://c.de"));
}

#[test]
fn conditions_and_loops_work_around_links_and_table_rows() {
    let html = "<table>{% for x in [1, 2] %}<tr><td><a href=\"https://a.de/\">A{{ x }}</a></td></tr>{% endfor %}\
        {% if Ort %}<tr><td>{{ Ort }}: <a href=https://b.de/>B</a></td></tr>{% endif %}</table>\
        {% raw %}<a href='https://c.de/'>{{ roh }}</a>{% endraw %}";
    let mailing = prepared(html, "");
    let mail = render(&mailing, "Zoë", true);
    assert_eq!(
        hrefs(&mail.html)[..4],
        [click(1), click(1), click(2), click(3)]
    );
    assert!(mail.html.contains("{{ roh }}"));
    for expected in [
        format!("A1 <{}>", click(1)),
        format!("A2 <{}>", click(1)),
        format!("Köln: B <{}>", click(2)),
        format!("{{{{ roh }}}} <{}>", click(3)),
    ] {
        assert!(mail.text.contains(&expected), "{}", mail.text);
    }
    let plain = render(&mailing, "Zoë", false).html;
    assert!(plain.contains("<a href=https://b.de/>") && plain.contains("<a href='https://c.de/'>"));
}

#[test]
fn text_made_once_and_text_made_from_each_mail_agree() {
    let once = prepared(NEWSLETTER, "");
    assert!(!once.text_from_rendered);
    // A condition that changes nothing takes the other way.
    let each = prepared(&format!("{NEWSLETTER}{{% if false %}}{{% endif %}}"), "");
    assert!(each.text_from_rendered);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for tracked in [true, false] {
        let once = render(&once, "Zoë", tracked).text;
        let each = render(&each, "Zoë", tracked).text;
        assert_eq!(words(&once), words(&each));
    }
}

#[test]
fn what_a_recipient_typed_stays_text_and_links_to_nothing_tracked() {
    let mailing = prepared(
        "<p>Hallo {{ vorname }}, <a href=\"https://a.de/\">x</a></p>",
        "Hallo {{ vorname }}",
    );
    let evil = "<a href=\"https://evil.example/\">~~00000000000000000000~0~~{{ email }}";
    let mail = render(&mailing, evil, true);
    assert_eq!(
        hrefs(&mail.html),
        [click(1), UNSUBSCRIBE.to_owned(), PREFERENCES.to_owned()]
    );
    assert!(mail.text.contains(evil), "{}", mail.text);
}

#[test]
fn two_mails_differ_only_where_they_must() {
    let mailing = prepared(NEWSLETTER, "");
    assert_eq!(render(&mailing, "Zoë", true), render(&mailing, "Zoë", true));
    assert_eq!(
        render(&mailing, "Zoë", true).html.replace("Zoë", "Anna"),
        render(&mailing, "Anna", true).html
    );
}

#[test]
fn problems_name_the_part_and_the_line_of_the_source() {
    let html = "<a href=\"https://a.de/\n?b\">x</a>\n\n{{ vorname|gros";
    let Err(MailError::Template { part, problem }) =
        PreparedMailing::new("x", html, "y", &numbered(html, ""))
    else {
        panic!("must not compile");
    };
    assert_eq!(part, Part::Html);
    assert_eq!(
        problem.line,
        personalise::check(html, &[]).unwrap_err().line
    );
}

/// Whether both links can be seen in a mail, and its text has both.
fn has_links(mail: &RenderedMail) -> bool {
    let document = crate::mail::visible::Document::read(&mail.html);
    [UNSUBSCRIBE, PREFERENCES]
        .iter()
        .all(|url| document.shows_link(url) && links::stands_alone(&mail.text, url))
}

#[test]
fn a_placeholder_that_is_no_visible_link_does_not_replace_the_footer() {
    for html in [
        "<a href=\"https://{{ abmeldelink }}\">a</a><a href=\"x{{ datenschutzlink }}\">b</a>",
        "<a href=\"{{ abmeldelink }}&amp;x=1\">a</a><a href=\"{{ datenschutzlink }}.\">b</a>",
        "<a href=\"https://a.de/?u={{ abmeldelink|urlencode }}\">a</a>",
        "<title>{{ abmeldelink }}</title><p title='{{ datenschutzlink }}'>x</p>",
        "<div style='display:none'><a href='{{ abmeldelink }}'>a</a><a href='{{ datenschutzlink }}'>b</a></div>x",
        "<!-- <a href='{{ abmeldelink }}'>a</a> --><p>abmeldelink und datenschutzlink sind hier Wörter</p>",
        "<a style='{{ Ort }};display:none' href='{{ abmeldelink }}'>x</a>",
        "<a href='{{ abmeldelink|upper }}'>x</a><a href='{{ datenschutzlink|replace('w', 'v') }}'>x</a>",
        "<a href='{{ abmeldelink }}'>{{ nichts }}</a>",
        "{% if vorname == 'Zoë' %}<!--{% endif %}<a href='{{ abmeldelink }}'>x</a>{% if vorname == 'Zoë' %}-->{% endif %}",
        "<style>{% if vorname == 'Zoë' %}a{display:none}{% endif %}</style><a href='{{ abmeldelink }}'>x</a>",
        "<{{ Ort }}template><a href='{{ abmeldelink }}'>x</a></template>",
        "<style>.k{ {{ Ort }} } a:link{display:none}</style><a href='{{ abmeldelink }}'>x</a>",
        "<style>body a{opacity:0} div{display:none!important} a{display:none!important}</style>x",
    ] {
        let mailing = prepared(html, "http://{{ abmeldelink }} {{ datenschutzlink }}/x");
        mailing.check(html).unwrap();
        let mail = render(&mailing, "Zoë", true);
        assert!(has_links(&mail), "{html}: {}", mail.html);
        assert!(
            hrefs(&mail.html)
                .iter()
                .filter(|url| *url == UNSUBSCRIBE)
                .count()
                <= 2
        );
        assert_eq!(
            mail.text.matches("Abmelden: https").count(),
            1,
            "{}",
            mail.text
        );
    }
}

#[test]
fn links_that_are_seen_are_not_added_again() {
    let html = "<style>.f{font-size:12px}</style><p class=f>{{ vorname }} <a href=\"{{ Abmeldelink }}\">ab</a> <a href='{{ datenschutzlink }}'>{{ Ort }} x</a></p>";
    let mailing = prepared(html, "");
    assert!(mailing.lacks.is_some(), "decided once");
    let mail = render(&mailing, "Zoë", true);
    assert_eq!(hrefs(&mail.html), [UNSUBSCRIBE, PREFERENCES]);
    mailing.check(html).unwrap();
    let condition = format!("{html}{{% if vorname %}}x{{% endif %}}");
    let mailing = prepared(&condition, "");
    assert!(mailing.lacks.is_none(), "decided for each");
    assert_eq!(
        hrefs(&render(&mailing, "Zoë", true).html),
        [UNSUBSCRIBE, PREFERENCES]
    );
}

#[test]
fn a_mail_whose_end_is_not_seen_is_refused() {
    for html in [
        "<p>x</p><!--",
        "<p>x</p><!--[if mso]><table><tr><td></body></html>",
        "<!--[if !mso]><!--><p>x</p>",
        "<style>.a{}<p>x</p></body>",
        "<title>x",
        "<textarea>",
        "<template><p>x",
        "<div style='display:none'>Vorschau<p>x</p></body>",
        "<style>.v{mso-hide:all}</style><div class=v>x",
        "<a href='x",
        "<body style='opacity:0'>x</body>",
        "<plaintext>",
        "<select><option>x",
        "<frameset><frame src=x>",
        "{% if vorname %}<!--{% endif %}x",
        "{% if not vorname %}<div hidden>{% endif %}x",
    ] {
        let refused = prepared(html, "").check(html);
        assert!(
            matches!(refused, Err(MailError::Unseen(_))),
            "{html}: {refused:?}"
        );
    }
    // What only some recipients' values do is found in their mails.
    let html = "{% if Ort == 'Köln' %}<!--{% endif %}x";
    let mailing = prepared(html, "");
    mailing.check(html).unwrap();
    let mail = render(&mailing, "Zoë", true);
    let urls = TrackingUrls {
        pixel: None,
        click: None,
        unsubscribe: UNSUBSCRIBE,
        preferences: PREFERENCES,
    };
    assert!(matches!(
        mailing.check_mail(&mail, &urls),
        Err(MailError::Unseen(_))
    ));
}

#[test]
fn footer_and_pixel_work_in_unclosed_tables_and_lists() {
    for html in [
        "<table><tr><td>x</body></html>",
        "<table><tr><td>x</td></tr></body>",
        "<ul><li>x",
        "<p>x</p></html>",
        "x</body></html><!-- end -->",
        "<b><i><a href='https://a.de/'>x",
        "<div style='display:none'>Vorschau</div><p>x",
        "<td style='font-size:0'>x",
        "",
    ] {
        let mailing = prepared(html, "");
        mailing.check(html).unwrap();
        let mail = render(&mailing, "Zoë", true);
        assert!(has_links(&mail), "{html}: {}", mail.html);
        let document = crate::mail::visible::Document::read(&mail.html);
        assert!(document.loads("https://w.example/p/1?a&b"), "{html}");
    }
}
