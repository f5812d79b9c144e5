//! Writing: MJML, style sheets, the check, the preview as somebody, and test mails.

use widerspruch::db::models::mailings;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::tracking::RecipientTracking;

use super::{HTML, attributes, draft, group, mails, person, send};
use crate::support::world::ADMIN;
use crate::support::{World, eventually, on_both};

const MJML: &str = r#"<mjml>
<mj-head><mj-style>.rot { color: #aa0000 }</mj-style></mj-head>
<mj-body><mj-section><mj-column>
<mj-text css-class="rot">Hallo {{ vorname|oder("<Sie>") }}</mj-text>
{% if nachname == "Muster" %}<mj-text>Nur für Familie Muster</mj-text>{% endif %}
<mj-table>{% if vorname %}<tr><td class="rot">Zeile für {{ vorname }}</td></tr>{% endif %}</mj-table>
<mj-button href="https://example.org/los">Los</mj-button>
</mj-column></mj-section></mj-body>
</mjml>"#;

/// Saves a mailing through the form and gives its path and number.
fn write(world: &World, html: &str, group: i64) -> (String, i64) {
    let number = group.to_string();
    let answer = world.admin().post(
        "/e-mailings",
        &[
            ("subject", "Neues für {{ vorname|oder(\"alle\") }}"),
            ("sender_name", "Gärtnerei"),
            ("sender_address", "post@gaertnerei.example"),
            ("html", html),
            ("text", ""),
            ("groups", &number),
        ],
    );
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.location().expect("its page");
    let path = location.split('?').next().expect("a path").to_owned();
    let id = path.rsplit('/').next().expect("a number");
    (path.clone(), id.parse().expect("a number"))
}

on_both!(mjml_becomes_the_mail_of_each_recipient, |world| {
    let all = group(world, "Kunden");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    person(world, all, "bert@example.com", RecipientTracking::Objected);
    let (path, id) = write(world, MJML, all);
    let admin = world.admin();
    let page = admin.visit(&path);
    assert_eq!(
        page.all("textarea#html"),
        [MJML.split_whitespace().collect::<Vec<_>>().join(" ")],
        "the author goes on with what he wrote"
    );
    let copied = admin.post(&format!("{path}/kopieren"), &[]);
    let copied = copied.location().expect("the copy");
    assert!(admin.visit(&copied).all("textarea#html")[0].starts_with("<mjml>"));

    send(world, id);
    let received = mails(world);
    assert_eq!(received.len(), 2);
    for (name, (_, mail)) in ["anna", "bert"].into_iter().zip(&received) {
        let html = mail.html.as_deref().expect("HTML");
        assert!(html.contains(&format!("Hallo {name}")), "{html}");
        assert!(html.contains("Nur für Familie Muster"));
        let styles = attributes(html, "td.rot", "style");
        assert_eq!(styles.len(), 2, "{html}");
        assert!(styles.iter().all(|style| style.contains("#aa0000")));
        // What every mail has is there, and the link is counted.
        assert!(html.contains("/abmelden/") && html.contains("/datenschutz/"));
        let links = attributes(html, "a", "href");
        assert!(links.iter().any(|link| link.contains("/k/")), "{links:?}");
        assert!(!html.contains("{%") && !html.contains("platzhalter"));
        let text = mail.text.as_deref().expect("text");
        assert!(text.contains(&format!("Zeile für {name}")), "{text}");
    }
});

on_both!(mjml_problems_are_told_with_their_line, |world| {
    for (html, message) in [
        (
            "<mjml>\n<mj-body>\n<mj-include path=\"/etc/passwd\" />",
            "MJML, Zeile 3",
        ),
        ("<mjml>\n<mj-body>", "MJML, Zeile 2"),
    ] {
        let answer = world.admin().post(
            "/e-mailings",
            &[
                ("subject", "x"),
                ("sender_address", "a@b.de"),
                ("html", html),
            ],
        );
        assert_eq!(answer.status, 422);
        answer.assert_says(message);
        assert_eq!(
            answer.all("textarea#html")[0].split(' ').next(),
            Some("<mjml>")
        );
    }
});

on_both!(the_check_blocks_what_cannot_be_sent, |world| {
    let all = group(world, "Kunden");
    let empty = group(world, "Leer");
    let anna = person(world, all, "anna@example.com", RecipientTracking::Unset);
    person(world, all, "bert@example.com", RecipientTracking::Unset);
    let admin = world.admin();
    world.write(|conn| {
        use diesel::prelude::*;
        use widerspruch::db::schema::recipients;
        diesel::update(recipients::table.find(anna))
            .set((
                recipients::first_name.eq(""),
                recipients::fields.eq("{\"Ort\":\"Köln\"}"),
            ))
            .execute(conn)?;
        Ok(())
    });
    let html = "<p>\n<img src='https://a.de/x'> {{ vorname }} {{ ort }} {{ ort|oder('x') }}</p>";
    let (path, _) = write(world, html, all);
    for page in [path.clone(), format!("{path}/senden")] {
        admin
            .visit(&page)
            .assert_says("Inhalt, Zeile 2")
            .assert_says("„vorname“ fehlt bei 1 von 2 Empfängern.")
            .assert_says("„ort“ fehlt bei 1 von 2 Empfängern.")
            .assert_says("Die Textfassung wird aus dem Inhalt gemacht.");
    }
    assert_eq!(
        admin.post(&format!("{path}/senden"), &[]).status,
        303,
        "hints do not block"
    );

    let (path, id) = write(world, "<p>{{ vorname }}</p>", empty);
    admin
        .visit(&format!("{path}/senden"))
        .assert_says("niemand, der E-Mails erhält");
    assert_eq!(admin.post(&format!("{path}/senden"), &[]).status, 409);
    let still = world.read(|conn| mailings::find(conn, world.account_id, id));
    assert!(still.is_draft());

    // A good one says so.
    let good =
        "<p>Hallo <a href='{{ abmeldelink }}'>a</a> <a href='{{ datenschutzlink }}'>b</a></p>";
    let (path, _) = write(world, good, all);
    admin.visit(&path).assert_says("In Ordnung");
});

on_both!(a_preview_is_that_of_the_chosen_person, |world| {
    let all = group(world, "Kunden");
    let anna = person(world, all, "anna@example.com", RecipientTracking::Unset);
    person(world, all, "bert@example.com", RecipientTracking::Unset);
    let id = draft(world, HTML, &[all]);
    let admin = world.admin();
    let path = format!("/e-mailings/{id}/vorschau");
    let page = admin.visit(&path);
    page.assert_says("Erika Mustermann")
        .assert_says("Aus den gewählten Gruppen:")
        .assert_says("bert@example.com");
    let found = admin.visit(&format!("{path}?q=nna@exa&breite=telefon"));
    found
        .assert_says("anna@example.com")
        .assert_silent_about("bert@example.com");
    let link = found.attribute("details li a", "href").expect("a choice");
    assert_eq!(link, format!("{path}?als={anna}&breite=telefon"));
    let as_anna = admin.visit(&link);
    as_anna.assert_says("Neues für anna");
    assert!(
        as_anna
            .attribute("iframe.mail__frame--phone", "src")
            .is_some()
    );
    let frame = as_anna.attribute("iframe", "src").expect("the frame");
    let shown = admin.get(&frame);
    shown.assert_says("Hallo anna");
    for address in attributes(&shown.html(), "a, img", "href") {
        assert!(!address.contains("/k/") && !address.contains("/abmelden/"));
    }
    assert_eq!(admin.get(&format!("{path}?als=4711")).status, 404);

    // Who may not look at recipients can't choose one.
    world.make_user("schreibt@example.org", Roles::NONE.with(Role::Mailings));
    let writer = world.signed_in("schreibt@example.org");
    writer
        .visit(&path)
        .assert_says("Hallo")
        .assert_silent_about("anna@example.com");
    for way in ["vorschau", "vorschau/inhalt", "testmail"] {
        let answer = writer.get(&format!("/e-mailings/{id}/{way}?als={anna}"));
        assert_eq!(answer.status, 403);
    }
});

on_both!(a_test_mail_comes_without_tokens, |world| {
    let all = group(world, "Kunden");
    let anna = person(world, all, "anna@example.com", RecipientTracking::Unset);
    let id = draft(world, HTML, &[all]);
    let admin = world.admin();
    let path = format!("/e-mailings/{id}/testmail?als={anna}");
    let page = admin.visit(&path);
    assert_eq!(page.attribute("input#to", "value").as_deref(), Some(ADMIN));

    for (typed, problem) in [
        ("", "mindestens eine"),
        ("a@b.de, unsinn", "„unsinn“ ist keine E-Mail-Adresse."),
    ] {
        let answer = admin.post(&path, &[("to", typed)]);
        assert_eq!(answer.status, 422);
        answer.assert_says(problem);
        assert_eq!(
            answer.attribute("input#to", "value").as_deref(),
            Some(typed)
        );
    }
    assert!(mails(world).is_empty());

    let answer = admin.post(&path, &[("to", "chef@example.net; anna@example.com")]);
    assert_eq!(answer.status, 200);
    answer.assert_says("2 Testmails sind im Postausgang");
    let sent = mails(world);
    assert_eq!(sent.len(), 2);
    for (_, mail) in &sent {
        assert_eq!(mail.subject, "[Test] Neues für anna");
        let html = mail.html.as_deref().expect("HTML");
        assert!(html.contains("Hallo anna"));
        assert!(!html.contains("/k/") && !html.contains("/o/"), "{html}");
        assert!(
            !mail
                .headers
                .iter()
                .any(|(name, _)| name.starts_with("List-"))
        );
        for link in attributes(html, "a", "href")
            .iter()
            .filter(|link| link.starts_with(&world.url))
        {
            assert!(link.ends_with("/testmail"), "{link}");
            assert_ne!(world.visitor().get(link).status, 500);
        }
    }
    admin.visit("/postausgang").assert_says("Testmail");
    assert_eq!(world.rows("outbox_mails", "recipient_id IS NULL"), 2);
    assert_eq!(world.rows("deliveries", "1 = 1"), 0);

    // It may be to, or as, somebody who is deleted: then it goes (rule P7).
    let dir = world.dir.path().join("outbox");
    assert_eq!(std::fs::read_dir(&dir).expect("the outbox").count(), 2);
    admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
    eventually(
        "the files go",
        || std::fs::read_dir(&dir).expect("the outbox").count(),
        |files| *files == 0,
    );

    let broken = draft(world, "{{ vorname", &[all]);
    let answer = admin.post(&format!("/e-mailings/{broken}/testmail"), &[("to", ADMIN)]);
    assert_eq!(answer.status, 422);
    answer.assert_says("Zeile 1");
});
