//! The pages: write, look, send, and open what arrived.

use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::tracking::RecipientTracking;

use super::{HTML, attributes, draft, group, person, send, sent};
use crate::support::on_both;

on_both!(a_mailing_is_written_looked_at_and_sent, |world| {
    let all = group(world, "Kunden");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    person(world, all, "bert@example.com", RecipientTracking::Objected);
    let admin = world.admin();
    admin
        .visit("/e-mailings")
        .assert_says("Noch keine E-Mailings");
    let group_number = all.to_string();
    let written = [
        ("subject", "Hallo {{ vorname }}"),
        ("sender_name", "Gärtnerei"),
        ("sender_address", "post@example.org"),
        ("html", HTML),
        ("text", ""),
        ("groups", group_number.as_str()),
    ];
    admin
        .submit("/e-mailings", &written)
        .assert_says("Gespeichert.");
    let list = admin.visit("/e-mailings");
    list.assert_says("1 E-Mailing").assert_says("Entwurf");
    let path = list.attribute("th a", "href").expect("a link to it");
    let id: i64 = path.rsplit('/').next().unwrap().parse().unwrap();

    admin
        .visit(&format!("{path}/vorschau"))
        .assert_says("Hallo Erika");
    let shown = admin.get(&format!("{path}/vorschau/inhalt"));
    shown.assert_says("Hallo Erika");
    let policy = shown.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("sandbox;") && !policy.contains("script-src"));
    for address in attributes(&shown.html(), "a", "href") {
        assert!(!address.contains("/k/") && !address.contains("/abmelden/"));
    }

    let confirm = admin.visit(&format!("{path}/senden"));
    confirm
        .assert_says("2 Empfänger bekommen")
        .assert_says("1 Empfänger wird personenbezogen gemessen")
        .assert_says("1 Empfänger wird nur anonym gezählt");
    admin.submit(&format!("{path}/senden"), &[]);
    sent(world, id);
    admin.visit(&path).assert_says("Versendet");
    assert_eq!(
        admin.get(&format!("{path}/stand")).header("x-fertig"),
        Some("ja")
    );
    assert_eq!(admin.post(&format!("{path}/senden"), &[]).status, 409);
    assert_eq!(admin.post(&path, &written).status, 409, "it is frozen");

    let outbox = admin.visit("/postausgang");
    outbox
        .assert_says("2 E-Mails")
        .assert_says("anna@example.com");
    let mail = outbox.attribute("th a", "href").expect("a mail");
    admin.visit(&mail).assert_says("Hallo");
    let content = admin.get(&format!("{mail}/inhalt"));
    assert!(
        attributes(&content.html(), "img", "src")
            .iter()
            .any(|src| src.contains("/o/"))
    );
    assert_eq!(
        attributes(&content.html(), "base", "target"),
        ["_blank".to_owned()]
    );
    assert_eq!(content.header("x-frame-options"), Some("SAMEORIGIN"));
    let file = admin.get(&format!("{mail}/datei.eml"));
    assert_eq!(file.header("content-type"), Some("message/rfc822"));

    admin
        .submit("/postausgang/leeren", &[])
        .assert_says("Der Postausgang ist leer");
    let left = std::fs::read_dir(world.dir.path().join("outbox")).unwrap();
    assert_eq!(left.count(), 0, "the files are gone too");
});

on_both!(what_is_wrong_is_said_before_sending, |world| {
    let all = group(world, "Kunden");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    let html = r#"<a href="https://example.org/?m={{ email }}">x</a> {{ vornahme }}"#;
    let id = draft(world, html, &[all]);
    let admin = world.admin();
    admin
        .visit(&format!("/e-mailings/{id}"))
        .assert_says("Links mit persönlichem Inhalt")
        .assert_says("vornahme");
    let broken = draft(world, "<p>\n{{ vorname </p>", &[all]);
    admin
        .visit(&format!("/e-mailings/{broken}/senden"))
        .assert_says("Inhalt, Zeile 2");
    assert_eq!(
        admin
            .post(&format!("/e-mailings/{broken}/senden"), &[])
            .status,
        409
    );
    let answer = admin.post("/e-mailings", &[("subject", ""), ("sender_address", "x")]);
    assert_eq!(answer.status, 422);
    answer
        .assert_says("Geben Sie einen Betreff ein.")
        .assert_says("Geben Sie den Inhalt ein.");
});

on_both!(a_draft_goes_after_a_question, |world| {
    let admin = world.admin();
    let id = draft(world, HTML, &[]);
    let path = format!("/e-mailings/{id}");
    let question = admin.visit(&format!("{path}/loeschen"));
    question
        .assert_says("Entwurf löschen?")
        .assert_says("Neues für {{ vorname }}");
    admin.visit(&path).assert_says("Entwurf löschen");
    admin
        .submit(&format!("{path}/loeschen"), &[])
        .assert_says("Entwurf gelöscht.");
    assert_eq!(admin.get(&path).status, 404);

    // What was sent stays: its figures would lose their subject.
    let all = group(world, "Kunden");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    let id = draft(world, HTML, &[all]);
    send(world, id);
    let answer = admin.get(&format!("/e-mailings/{id}/loeschen"));
    assert_eq!(answer.location(), Some(format!("/e-mailings/{id}")));
    assert_eq!(
        admin
            .post(&format!("/e-mailings/{id}/loeschen"), &[])
            .status,
        409
    );
});

on_both!(mailings_belong_to_their_account_and_roles, |world| {
    let all = group(world, "Kunden");
    let id = draft(world, HTML, &[all]);
    world.make_account("Andere GmbH", "andere@example.org");
    let other = world.signed_in("andere@example.org");
    for path in [
        "",
        "/vorschau",
        "/vorschau/inhalt",
        "/senden",
        "/stand",
        "/loeschen",
    ] {
        assert_eq!(other.get(&format!("/e-mailings/{id}{path}")).status, 404);
    }
    assert_eq!(
        other.post(&format!("/e-mailings/{id}/senden"), &[]).status,
        404
    );
    assert_eq!(
        other
            .post(&format!("/e-mailings/{id}/loeschen"), &[])
            .status,
        404
    );

    world.make_user("schreibt@example.org", Roles::NONE.with(Role::Mailings));
    let writer = world.signed_in("schreibt@example.org");
    assert_eq!(writer.get(&format!("/e-mailings/{id}")).status, 200);
    assert_eq!(
        writer.post(&format!("/e-mailings/{id}/senden"), &[]).status,
        403
    );
    world.make_user("liest@example.org", Roles::NONE.with(Role::Reports));
    let reader = world.signed_in("liest@example.org");
    for path in ["/e-mailings", "/postausgang"] {
        assert_eq!(reader.get(path).status, 403);
    }
    assert_eq!(
        reader.get(&format!("/e-mailings/{id}/vorschau")).status,
        403
    );
});
