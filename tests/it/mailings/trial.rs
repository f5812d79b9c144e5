//! Test mails over a real mail server, and what leads to and from them.

use widerspruch::db::models::mailings;
use widerspruch::domain::tracking::RecipientTracking;
use widerspruch::mail::read::{ReadMail, read};

use super::{HTML, attributes, draft, group, person, send};
use crate::support::python::{SmtpServer, Taken};
use crate::support::{World, on_both};

/// The tokens of links to this installation in a mail, in the HTML, the text and the headers.
fn tokens(taken: &Taken) -> Vec<String> {
    const PLACES: [&str; 4] = ["/o/", "/k/", "/abmelden/", "/datenschutz/"];
    let mail = parsed(taken);
    let headers: Vec<String> = mail.headers.into_iter().map(|(_, value)| value).collect();
    let all = [
        mail.html.unwrap_or_default(),
        mail.text.unwrap_or_default(),
        headers.join("\n"),
    ]
    .join("\n");
    let mut found: Vec<String> = PLACES
        .iter()
        .flat_map(|place| all.split(place).skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                .collect()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn parsed(taken: &Taken) -> ReadMail {
    read(&taken.message).expect("a mail")
}

/// What would change if a link of a test mail did something.
fn what_counts(world: &World) -> Vec<i64> {
    [
        ("recipients", "status = 'active'"),
        ("recipients", "tracking = 'unset'"),
        ("memberships", "1 = 1"),
        ("events", "1 = 1"),
        ("mailing_hours", "1 = 1"),
        ("deletion_requests", "1 = 1"),
    ]
    .map(|(table, condition)| world.rows(table, condition))
    .to_vec()
}

on_both!(a_test_mail_over_the_mail_server_is_nobodys, |world| {
    let server = SmtpServer::start::<&str>(&["--refuse", "weg@example.net"]);
    world.send_through(server.port, 1, 0);
    let all = group(world, "Kunden");
    let anna = person(world, all, "anna@example.com", RecipientTracking::Unset);
    let admin = world.admin();

    // The control: the mailing itself carries Anna's tokens.
    send(world, draft(world, HTML, &[all]));
    let real = server.next_mail();
    assert_eq!(real.to, ["anna@example.com"]);
    let of_anna = tokens(&real);
    assert!(of_anna.len() >= 5, "{of_anna:?}");
    assert!(of_anna.iter().all(|token| token.len() > 40), "{of_anna:?}");

    let before = what_counts(world);
    let trial = draft(world, HTML, &[all]);
    let path = format!("/e-mailings/{trial}/testmail?als={anna}");
    let to = "chef@example.net, weg@example.net";
    let answer = admin.post(&path, &[("to", to)]);
    assert_eq!(answer.status, 200);
    answer
        .assert_says("1 Testmail ist vom Mailserver angenommen.")
        .assert_says("weg@example.net");
    let taken = server.next_mail();
    assert_eq!(taken.to, ["chef@example.net"], "to nobody else");
    assert_eq!(taken.sender, "post@example.org", "no return path of hers");
    let mail = parsed(&taken);
    assert_eq!(mail.subject, "[Test] Neues für anna");
    assert!(mail.to.contains("chef@example.net"), "{}", mail.to);
    let html = mail.html.clone().expect("HTML");
    assert!(html.contains("Hallo anna"), "as she would see it");
    for (name, value) in &mail.headers {
        let name = name.to_lowercase();
        assert!(
            !name.starts_with("list-") && name != "feedback-id",
            "{name}: {value}"
        );
        assert!(!value.contains("anna@example.com"), "{name}: {value}");
    }
    assert_eq!(tokens(&taken), ["testmail"], "no token of a person");

    // Its links lead where the author wrote, or to nobody; whoever follows or presses them
    // changes nothing.
    let links = attributes(&html, "a", "href");
    let (own, written): (Vec<_>, Vec<_>) = links
        .into_iter()
        .partition(|link| link.starts_with(&world.url));
    assert_eq!(
        written,
        ["https://example.org/a?x=1&y=2", "https://example.org/b"]
    );
    assert_eq!(own.len(), 2, "{own:?}");
    let visitor = world.visitor();
    for link in own {
        for answer in [
            visitor.get(&link),
            visitor.post(&link, &[("List-Unsubscribe", "One-Click")]),
        ] {
            assert_eq!(answer.status, 404, "{link}");
            answer.assert_says("Dieser Link");
        }
    }
    assert_eq!(what_counts(world), before);
    assert_eq!(world.rows("deliveries", "1 = 1"), 1, "only the real one");
    let still = world.read(|conn| mailings::find(conn, world.account_id, trial));
    assert!(still.is_draft());
    server.assert_nothing_more();
});

on_both!(the_draft_in_which_a_mail_cannot_be_made_is_named, |world| {
    let all = group(world, "Kunden");
    let id = draft(world, "{{ vorname", &[all]);
    let path = format!("/e-mailings/{id}");
    let admin = world.admin();
    let answer = admin.post(&format!("{path}/testmail"), &[("to", "a@example.net")]);
    assert_eq!(answer.status, 422);
    answer
        .assert_says("Es gibt noch keine Testmail. Zeile 1")
        .assert_says("Zum Entwurf");
    assert_eq!(
        answer.attribute("#to", "aria-invalid"),
        None,
        "the address is not at fault"
    );
    admin
        .visit(&format!("{path}/vorschau"))
        .assert_says("Zeile 1")
        .assert_says("Zum Entwurf");
    let finding = admin.visit(&path);
    assert_eq!(
        finding.attribute(".check a[href='#html']", "data-line"),
        Some("1".to_owned())
    );
});

on_both!(saving_can_lead_to_the_preview, |world| {
    let id = draft(world, HTML, &[]);
    let path = format!("/e-mailings/{id}");
    let written = [
        ("subject", "Neu"),
        ("sender_address", "a@example.org"),
        ("html", "<p>Geändert</p>"),
    ];
    let mut to_preview = written.to_vec();
    to_preview.push(("weiter", "vorschau"));
    let admin = world.admin();
    let answer = admin.post(&path, &to_preview);
    assert_eq!(
        answer.location(),
        Some(format!("{path}/vorschau?meldung=gespeichert"))
    );
    admin
        .visit(&format!("{path}/vorschau?meldung=gespeichert"))
        .assert_says("Gespeichert.");
    admin
        .get(&format!("{path}/vorschau/inhalt"))
        .assert_says("Geändert");
    to_preview[3] = ("weiter", "https://example.org/");
    assert_eq!(
        admin.post(&path, &to_preview).location(),
        Some(format!("{path}?meldung=gespeichert")),
        "nowhere else"
    );
});
