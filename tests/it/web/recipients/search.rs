//! *Empfänger suchen*, the start of the documented procedures 2 and 3.

use super::{add, add_many};
use crate::support::on_both;

const HITS: &str = "tbody th a";

on_both!(any_part_of_the_address_finds_it, |world| {
    let id = add(
        world,
        world.account_id,
        "Jana.Weiss+shop@Bücher.de",
        "Jana",
        "Weiß",
    );
    add(world, world.account_id, "tom@example.org", "Tom", "Ott");
    let admin = world.admin();
    let page = admin.visit("/empfaenger/suche");
    assert_eq!(page.all("label[for=q]"), ["Empfänger suchen"]);
    page.assert_silent_about("Suchergebnis");

    for needle in [
        "jana.weiss",
        "s%2Bshop",
        "B%C3%9CCHER",
        "xn--bcher",
        "wei%C3%9F",
        "jana+wei",
    ] {
        let page = admin.visit(&format!("/empfaenger/suche?q={needle}"));
        page.assert_says("Suchergebnis").assert_says("1 Treffer");
        assert_eq!(page.all(HITS), ["Jana.Weiss+shop@Bücher.de"], "{needle}");
        assert_eq!(
            page.attribute(HITS, "href"),
            Some(format!("/empfaenger/{id}"))
        );
    }
    for needle in ["j%25weiss", "jana_weiss", "unbekannt"] {
        let page = admin.visit(&format!("/empfaenger/suche?q={needle}"));
        page.assert_says("Suchergebnis")
            .assert_says("Keine Treffer");
    }
    let kept = admin.visit("/empfaenger/suche?q=%22%3E%3Cb%3E");
    assert_eq!(kept.attribute("#q", "value").as_deref(), Some("\"><b>"));
});

on_both!(hits_go_by_pages_and_keep_the_needle, |world| {
    add_many(world, 60);
    let admin = world.admin();
    let page = admin.visit("/empfaenger/suche?q=%40example.o");
    page.assert_says("60 Treffer");
    let next = admin.visit(&page.attribute("a[rel=next]", "href").unwrap());
    assert_eq!(next.all(HITS).len(), 10);
    assert_eq!(next.attribute("#q", "value").as_deref(), Some("@example.o"));
});
