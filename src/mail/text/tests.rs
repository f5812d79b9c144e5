use super::*;

fn text(html: &str) -> String {
    from_html(html, &|_| None).unwrap()
}

#[test]
fn links_follow_their_text_in_brackets() {
    assert_eq!(
        text("<p>Zum <a href=\"https://a.de/?x=1&amp;y=2\">Laden</a>.</p>"),
        "Zum Laden <https://a.de/?x=1&y=2>.\n"
    );
    assert_eq!(
        text("<a href=\"https://a.de/\"><img src=\"x.png\" alt=\"Logo\"></a>"),
        "Logo <https://a.de/>\n"
    );
}

#[test]
fn what_is_said_already_is_not_said_twice() {
    assert_eq!(
        text("<a href=\"https://a.de/\">https://a.de/</a>"),
        "https://a.de/\n"
    );
    assert_eq!(
        text("<a href=\"mailto:a@b.de?subject=x\">a@b.de</a>"),
        "a@b.de\n"
    );
    assert_eq!(
        text("<a href=\"mailto:a@b.de\">Schreiben</a>"),
        "Schreiben <mailto:a@b.de>\n"
    );
    assert_eq!(
        text("<a href=\"tel:+49301234\">030 / 12 34</a>"),
        "030 / 12 34\n"
    );
    assert_eq!(
        text("<a href=\"#unten\">Unten</a><a href=\"\">.</a>"),
        "Unten.\n"
    );
}

#[test]
fn only_addresses_that_lead_somewhere_are_written() {
    assert_eq!(
        text("<a href=\"/relativ\">Hier</a>, <a href=\"javascript:x()\">Druck</a>"),
        "Hier, Druck\n"
    );
    assert_eq!(
        text("<a href=\"{{ abmeldelink }}\">Ab</a>"),
        "Ab <{{ abmeldelink }}>\n"
    );
}

#[test]
fn a_placeholder_is_judged_by_what_it_stands_for() {
    let original = |address: &str| (address == "~1~").then_some("https://a.de/");
    let convert = |html: &str| from_html(html, &original).unwrap();
    assert_eq!(convert("<a href=\"~1~\">https://a.de/</a>"), "~1~\n");
    assert_eq!(convert("<a href=\"~1~\">Laden</a>"), "Laden <~1~>\n");
}

#[test]
fn layout_tables_become_one_column() {
    let html = "<table><tr><td><table><tr><td><h1>Titel</h1></td></tr><tr><td>Eins</td><td>Zwei</td>\
                </tr></table></td></tr></table>";
    let text = text(html);
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["Titel", "Eins", "Zwei"]);
    assert!(text.contains("Titel\n\nEins\nZwei"), "{text}");
}

#[test]
fn what_readers_do_not_see_stays_out() {
    let html = "<head><title>T</title><style>a{}</style></head><body>\
                <div style=\"color:red;DISPLAY:none\">Vorschau</div><p hidden>h</p>\
                <script>x</script>Sicht\u{AD}bar\u{200C}<!-- c --></body>";
    assert_eq!(text(html), "Sichtbar\n");
}

#[test]
fn lists_and_emphasis_read_as_text() {
    assert_eq!(
        text("<ul><li><b>Eins</b></li><li>Zwei</li></ul><ol><li>A</li></ol>"),
        "- Eins\n- Zwei\n1. A\n"
    );
}

#[test]
fn lines_break_at_a_readable_width_but_not_in_addresses() {
    let url = format!("https://a.de/{}", "x".repeat(200));
    let html = format!(
        "<p>{}<a href=\"{url}\">Ziel</a> {}</p>",
        "Wort ".repeat(40),
        "Wort ".repeat(40)
    );
    let text = text(&html);
    assert!(text.contains(&format!("<{url}>")));
    assert!(text.lines().count() > 5);
    for line in text.lines() {
        assert!(line.len() <= WIDTH || line == format!("<{url}>"), "{line}");
    }
}

#[test]
fn private_characters_of_the_author_do_no_harm() {
    assert_eq!(text("a\u{E010}b\u{E011}c\u{E012}d"), "abcd\n");
}

#[test]
fn a_real_newsletter_reads_well() {
    let html = include_str!("../../../tests/fixtures/newsletter.html");
    let text = text(html);
    assert!(!text.contains("\n\n\n"));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Der Frühling ist da"));
    assert!(text.contains("- Hokkaido <https://blog.moosbuechel.example/k%C3%BCrbis/hokkaido>"));
    assert!(text.contains("Facebook <https://www.facebook.com/sharer/"));
    assert!(text.contains("garten@moosbuechel.example oder"));
    // The picture and the name of a product are one link.
    assert_eq!(text.matches("/p/4711").count(), 1);
    assert!(
        !text.contains("mailto:") && !text.contains("javascript:") && !text.contains("roundrect")
    );
}

#[test]
fn joiners_and_marks_of_direction_stay() {
    let family = "👩\u{200D}👩\u{200D}👧";
    assert_eq!(
        text(&format!("<p>Familie {family} da</p>")),
        format!("Familie {family} da\n")
    );
    let persian = "می\u{200C}خواهم";
    assert_eq!(text(&format!("<p>{persian}</p>")), format!("{persian}\n"));
    let isolated = "Preis: \u{2067}abc\u{2069} \u{200E}5 €";
    assert_eq!(text(&format!("<p>{isolated}</p>")), format!("{isolated}\n"));
    // Lines of nothing else fill previews.
    assert_eq!(
        text("<p>a</p><p>&zwnj;&nbsp;&#847;&zwnj;&nbsp;&rlm;</p><p>b</p>"),
        "a\n\nb\n"
    );
}

#[test]
fn a_line_across_separates() {
    for html in [
        "<div>Eins<hr>Zwei</div>",
        "<td>Eins<hr>Zwei</td>",
        "<p>Eins</p><hr/><hr><p>Zwei</p><hr>",
    ] {
        assert_eq!(text(html), "Eins\n\n----------\n\nZwei\n", "{html}");
    }
    assert_eq!(text("<hr><p>a</p>"), "a\n");
}

#[test]
fn a_picture_without_a_description_keeps_its_address() {
    for picture in [
        "<img src=x.png>",
        "<img src=x.png alt=''>",
        "<span><img src=x.png alt=' '></span>",
    ] {
        assert_eq!(
            text(&format!("<a href='https://a.de/'>{picture}</a>")),
            "<https://a.de/>\n",
            "{picture}"
        );
    }
    assert_eq!(
        text("<a href='https://a.de/'><img src=x.png> Laden</a>"),
        "Laden <https://a.de/>\n"
    );
    assert_eq!(text("<p>a<img src=x.png>b</p>"), "ab\n");
}

#[test]
fn hidden_preview_lines_stay_out() {
    for style in [
        "display:none!important",
        "display : none",
        "displ\\61 y:none",
        "font-size:0;line-height:0",
        "font-size:1px;color:#fff",
        "max-height:0;overflow:hidden",
        "visibility:hidden",
        "opacity:0",
        "position:absolute;left:-9999px",
    ] {
        let html = format!("<div style='{style}'>Vorschau <b>fett</b></div><p>Text</p>");
        assert_eq!(text(&html), "Text\n", "{style}");
    }
    // Hidden from Outlook alone, or the frame of something that has a size.
    for html in [
        "<div style='mso-hide:all'>Text</div>",
        "<div style='font-size:0'><p style='font-size:14px'>Text</p></div>",
        "<div style='opacity:.9;max-height:20px'>Text</div>",
    ] {
        assert_eq!(text(html), "Text\n", "{html}");
    }
}

#[test]
fn nothing_touches_an_address() {
    assert_eq!(
        text("<a href='https://a.de/'>https://a.de/</a>_x"),
        "<https://a.de/>_x\n"
    );
    assert_eq!(
        text("<a href='https://a.de/'>https://a.de/</a>."),
        "https://a.de/.\n"
    );
}
