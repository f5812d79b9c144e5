//! Mailings whose author, or whose recipients, mean no good.

use mail_parser::MessageParser;
use widerspruch::db::models::recipients::{self, NewRecipient};
use widerspruch::db::models::{groups, outbox};
use widerspruch::db::paging::Position;
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;

use crate::mailings::{draft, group, person, send};
use crate::support::{World, on_both};

fn create(admin: &crate::support::agent::Agent, fields: &[(&str, &str)]) -> String {
    let answer = admin.post("/e-mailings", fields);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.location().expect("a location");
    location.split('?').next().unwrap_or_default().to_owned()
}

on_both!(nothing_typed_becomes_a_header, |world| {
    let all = group(world, "Alle");
    let injected = "x\r\nBcc: opfer@evil.example\r\nX-Injected: yes\r\n\r\nBody";
    world.write(|conn| {
        let address = EmailAddress::parse("anna@example.org").expect("an address");
        let new = NewRecipient {
            address: &address,
            first_name: injected,
            last_name: "\", evil@evil.example, \"",
            fields: &serde_json::Map::new(),
            tracking: None,
            unsubscribed: None,
        };
        let id = recipients::create(conn, world.account_id, &new, Timestamp::now())?;
        groups::add_members(conn, world.account_id, all, &[id], Timestamp::now())
    });
    let admin = world.admin();
    let path = create(
        &admin,
        &[
            (
                "subject",
                "{{ vorname }}\r\nBcc: opfer@evil.example\u{2028}X-Injected: yes",
            ),
            (
                "sender_name",
                "Eva\r\nBcc: opfer@evil.example\" <x@evil.example>, \"y",
            ),
            ("sender_address", "post@example.org"),
            ("html", "<p>Hallo {{ vorname }}</p>"),
            ("groups", &all.to_string()),
        ],
    );
    let id: i64 = path
        .rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .expect("a number");
    let mailing = send(world, id);
    assert_eq!((mailing.handed, mailing.failed), (1, 0));
    let listed = world.read(|conn| outbox::list(conn, world.account_id, Position::First, 10));
    let bytes = world
        .state
        .outbox
        .read(&listed.rows[0].file)
        .expect("a mail");
    let message = MessageParser::default().parse(&bytes).expect("a mail");
    let names: Vec<String> = message
        .headers_raw()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    for name in ["bcc", "x-injected", "cc"] {
        assert!(!names.iter().any(|of| of == name), "{names:?}");
    }
    for (people, address) in [
        (message.from(), "post@example.org"),
        (message.to(), "anna@example.org"),
    ] {
        let found: Vec<_> = people
            .expect("people")
            .iter()
            .map(|person| person.address().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(found, [address]);
    }
    // Nobody's name ends the headers early, or stands in the HTML as markup.
    assert!(
        message
            .subject()
            .is_some_and(|subject| subject.contains("Bcc: opfer"))
    );
});

on_both!(a_mail_in_the_browser_runs_nothing, |world| {
    let all = group(world, "Alle");
    person(
        world,
        all,
        "anna@example.org",
        widerspruch::domain::tracking::RecipientTracking::Unset,
    );
    let html = "<script>alert(1)</script><a href=\"javascript:alert(1)\">x</a>\
                <a href=\"data:text/html,x\">y</a><iframe src=\"/benutzerkonto\"></iframe>\
                <form action=\"https://evil.example\"><input name=q></form>\
                <a href=\"https://example.org/\">z</a><base href=\"https://evil.example/\">\
                <meta http-equiv=refresh content=\"0;url=https://evil.example\">\
                <a href=\"{{ abmeldelink }}\">ab</a><a href=\"{{ datenschutzlink }}\">ds</a>";
    let mailing = draft(world, html, &[all]);
    let admin = world.admin();
    let preview = admin.visit(&format!("/e-mailings/{mailing}/vorschau/inhalt"));
    for live in ["/o/", "/k/", "/abmelden/", "/datenschutz/"] {
        preview.assert_silent_about(live);
    }
    send(world, mailing);
    let listed = world.read(|conn| outbox::list(conn, world.account_id, Position::First, 10));
    let mail = listed.rows[0].id;
    let received = admin.visit(&format!("/postausgang/{mail}/inhalt"));
    assert!(
        received.html().contains("/o/"),
        "the control: this one is live"
    );
    for (answer, allowed) in [
        (&preview, &[][..]),
        (
            &received,
            &["allow-popups", "allow-popups-to-escape-sandbox"],
        ),
    ] {
        let policy = answer.header("content-security-policy").expect("a policy");
        let directives: Vec<Vec<&str>> = policy
            .split(';')
            .map(|directive| directive.split_whitespace().collect())
            .collect();
        let of = |name: &str| -> Vec<&str> {
            let found = directives.iter().find(|words| words[0] == name);
            found.unwrap_or_else(|| panic!("{name}: {policy}"))[1..].to_vec()
        };
        assert_eq!(of("sandbox"), allowed);
        assert_eq!(of("default-src"), ["'none'"]);
        assert_eq!(of("form-action"), ["'none'"]);
        assert_eq!(of("frame-ancestors"), ["'self'"]);
        assert!(!policy.contains("script-src") && !policy.contains("frame-src"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    for page in [
        format!("/e-mailings/{mailing}/vorschau"),
        format!("/postausgang/{mail}"),
    ] {
        let answer = admin.visit(&page);
        assert_eq!(answer.all("script:not([src])"), Vec::<String>::new());
        assert_eq!(answer.all("[href^='javascript:']"), Vec::<String>::new());
    }
});

on_both!(a_click_leads_only_to_web_addresses, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    for (number, url) in [
        (1, "javascript:alert(1)"),
        (2, "data:text/html,x"),
        (3, "//evil.example"),
        (4, "/benutzerkonto"),
        (5, "https://example.org/\r\nSet-Cookie: x=y"),
        (6, "ftp://example.org"),
        (7, ""),
    ] {
        world.write(|conn| {
            diesel::RunQueryDsl::execute(
                diesel::sql_query(format!(
                    "INSERT INTO mailing_links (account_id, mailing_id, number, url)
                     VALUES ({}, {mailing}, {number}, '{url}')",
                    world.account_id
                )),
                conn,
            )?;
            Ok(())
        });
    }
    let visitor = world.visitor();
    for number in 1..=8 {
        let answer = visitor.get(&world.click(mailing, None, number));
        assert_eq!(answer.header("set-cookie"), None);
        match answer.location() {
            None => assert_eq!(answer.status, 404, "{number}"),
            Some(location) => {
                assert!(location.starts_with("https://example.org/"), "{location}");
            }
        }
    }
});

on_both!(a_template_that_takes_too_much_is_refused, |world| {
    let all = group(world, "Alle");
    person(
        world,
        all,
        "anna@example.org",
        widerspruch::domain::tracking::RecipientTracking::Unset,
    );
    let admin = world.admin();
    let doubled = format!(
        "{{% set a = 'xxxxxxxxxx' %}}{}",
        "{% set a = a ~ a %}".repeat(40)
    );
    let replaced = format!(
        "{{{{ 'xxxxxxxxxx'{} }}}}",
        "|replace('x', 'xxxxxxxxxx')".repeat(12)
    );
    let long_loop = format!(
        "{{% set n = [1,2,3,4,5,6,7,8,9,10] %}}{{% for a in n %}}{{% for b in n %}}{{% for c in n %}}{}{{% endfor %}}{{% endfor %}}{{% endfor %}}",
        "x".repeat(100_000)
    );
    let deep = "<div>".repeat(50_000);
    let unclosed = "{% if a %}".repeat(1_000);
    let brackets = format!("{{{{ {}a{} }}}}", "(".repeat(3_000), ")".repeat(3_000));
    for (what, html) in [
        ("doubled", doubled.as_str()),
        ("replaced", &replaced),
        ("long loop", &long_loop),
        ("deep", &deep),
        ("unclosed", &unclosed),
        ("brackets", &brackets),
        (
            "unescaped",
            "{% autoescape false %}{{ vorname }}{% endautoescape %}",
        ),
        ("file", "{% include '/etc/passwd' %}"),
        ("power", "{{ 9 ** 9 ** 9 }}"),
        ("repeated", "{{ 'x' * 100000000 }}"),
    ] {
        let path = create(
            &admin,
            &[
                ("subject", "x"),
                ("html", html),
                ("sender_address", "post@example.org"),
                ("groups", &all.to_string()),
            ],
        );
        for page in ["", "/vorschau", "/vorschau/inhalt", "/senden"] {
            let answer = admin.get(&format!("{path}{page}"));
            assert!(answer.status < 500, "{what}{page}: {}", answer.text());
            answer.assert_silent_about("root:");
        }
        let answer = admin.post(&format!("{path}/senden"), &[]);
        // What shows only when it is rendered fails for each recipient, and is counted so.
        let id: i64 = path
            .rsplit('/')
            .next()
            .and_then(|id| id.parse().ok())
            .expect("a number");
        if answer.status == 303 {
            let mailing = crate::mailings::sent(world, id);
            assert_eq!((mailing.handed, mailing.failed), (0, 1), "{what}");
        } else {
            assert_eq!(answer.status, 409, "{what}: {}", answer.text());
        }
    }
});

/// Whatever a name is, in HTML it is text.
#[test]
fn a_recipients_name_is_text_in_the_mail() {
    let world = World::start(crate::support::On::Sqlite);
    let all = group(&world, "Alle");
    let hostile = "<xss-probe onprobe=1>{{ email }}{% raw %}";
    world.write(|conn| {
        let address = EmailAddress::parse("anna@example.org").expect("an address");
        let mut fields = serde_json::Map::new();
        fields.insert("ort".to_owned(), hostile.into());
        let new = NewRecipient {
            address: &address,
            first_name: hostile,
            last_name: hostile,
            fields: &fields,
            tracking: None,
            unsubscribed: None,
        };
        let id = recipients::create(conn, world.account_id, &new, Timestamp::now())?;
        groups::add_members(conn, world.account_id, all, &[id], Timestamp::now())
    });
    let html = "<p title=\"{{ vorname }}\">{{ nachname|upper }} {{ felder.ort }} {{ ort|replace('a', 'b') }} {{ [ort]|join(',') }}</p>";
    send(&world, draft(&world, html, &[all]));
    let mail = crate::mailings::mails(&world).remove(0).1;
    let html = mail.html.expect("HTML");
    let page = scraper::Html::parse_document(&html);
    let probe = scraper::Selector::parse("xss-probe, [onprobe]").expect("a selector");
    assert_eq!(page.select(&probe).count(), 0, "{html}");
    assert!(html.matches("&lt;").count() >= 5, "the control: {html}");
}
