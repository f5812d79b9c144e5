//! *Klicks in der E-Mail*: each link in the mail with its share.

use widerspruch::domain::tracking::Decision;

use super::{row, squeeze};
use crate::support::on_both;

const HOSTILE: &str = "<!doctype html><html><head>\
    <meta http-equiv=\"Content-Security-Policy\" content=\"img-src 'none'\">\
    <style>img { display: none !important }</style><script>parent.alert(1)</script></head><body>\
    <p>Guten Tag {{ vorname|oder(\"liebe Leserin\") }} {{ nachname }} {{ email }}</p>\
    <a href=\"https://shop.example/1?a=1&amp;b=2#c\">Eins</a> \
    <a href='https://shop.example/2?a=1&amp;b=2#c'><b>Zwei</a>\
    <a href=\"{{ abmeldelink }}\">Abmelden</a>\
    {% if vorname %}<a href=\"https://shop.example/3?a=1&amp;b=2#c\">Drei</a>{% endif %}</body></html>";

on_both!(each_link_in_the_mail_has_its_share, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 4);
    world.write_html(mailing, HOSTILE);
    let anna = world.make_recipient("anna@example.org");
    let anna = world.deliver(mailing, anna, Decision::Personal);
    let ben = world.make_recipient("ben@example.org");
    let ben = world.deliver(mailing, ben, Decision::Personal);
    let visitor = world.visitor();
    for (key, link) in [(anna, 2), (anna, 2), (ben, 2), (ben, 1)] {
        visitor.get(&world.click(mailing, key, link));
    }
    visitor.get_with(
        &world.click(mailing, anna, 1),
        &[("user-agent", "Barracuda Sentinel")],
    );
    // Nobody is counted anonymously, so what comes later of others may not be told apart.
    visitor.get(&world.click(mailing, None, 4));

    let admin = world.admin();
    let page = admin.visit(&format!("/analysen/{mailing}/e-mail"));
    page.assert_says("4 Klicks, die personenbezogen gemessen wurden");
    let ranked = page.all("tbody th");
    assert!(
        ranked[0].starts_with("https://shop.example/2"),
        "{ranked:?}"
    );
    assert!(
        ranked[1].starts_with("https://shop.example/1"),
        "{ranked:?}"
    );
    assert!(
        squeeze(&row(&page, "https://shop.example/2")).ends_with("3275,0%"),
        "clicks, recipients, share: {}",
        row(&page, "https://shop.example/2")
    );
    assert!(row(&page, "https://shop.example/3").contains("nur für manche"));
    let frame = page.attribute("iframe", "src").expect("a frame");
    assert_eq!(page.attribute("iframe", "sandbox"), Some(String::new()));

    let mail = admin.visit(&frame);
    let policy = mail.header("content-security-policy").expect("a policy");
    assert!(
        policy.starts_with("sandbox; default-src 'none'"),
        "{policy}"
    );
    assert_eq!(
        mail.attribute("a[href='https://shop.example/2?a=1&b=2#c'] > img", "alt"),
        Some("75,0 % der Klicks (3 von 4)".to_owned())
    );
    assert_eq!(
        mail.attribute("a[href='https://shop.example/1?a=1&b=2#c'] > img", "alt"),
        Some("25,0 % der Klicks (1 von 4)".to_owned())
    );
    let html = mail.html();
    assert_eq!(html.matches("<img").count(), 2, "no pixel: {html}");
    assert!(html.contains("liebe Leserin"));
    assert!(!html.contains("http-equiv"), "it could keep pictures away");
    for word in [
        "/k/",
        "/o/",
        "/abmelden/",
        "/datenschutz/",
        "anna@",
        "ben@",
        ".invalid",
    ] {
        assert!(!html.contains(word), "{word} in {html}");
    }
});

on_both!(a_mail_that_needs_values_still_has_its_ranking, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    world.write_html(mailing, "<p>{{ 1 / 0 }}{{ Ort|nichts }}</p>");
    let admin = world.admin();
    let page = admin.visit(&format!("/analysen/{mailing}/e-mail"));
    page.assert_says("Diese E-Mail lässt sich ohne die Angaben eines Empfängers nicht darstellen.");
    assert_eq!(page.attribute("iframe", "src"), None);
    assert!(row(&page, "https://shop.example/1").contains("0,0 %"));
    let frame = admin.get(&format!("/analysen/{mailing}/e-mail/inhalt"));
    assert_eq!(frame.status, 409);

    let bare = world.make_sent_mailing("Ohne Links", 0);
    admin
        .visit(&format!("/analysen/{bare}/e-mail"))
        .assert_says("Keine Links");
});
