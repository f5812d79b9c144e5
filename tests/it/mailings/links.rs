//! No mail goes without its two personal links, where its reader sees them.

use widerspruch::db::models::mailings::MailingStatus;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::RecipientTracking;
use widerspruch::sending::preparation;

use widerspruch::db::models::audit::Actor;

use super::{HTML, attributes, draft, find, group, mails, person, send, told_problem};
use crate::support::{World, on_both};

/// The addresses of the links in the footer that was added.
fn added(html: &str) -> Vec<String> {
    let links = attributes(html, "div[style*='border-top'] a", "href");
    let kinds = links.iter().map(|url| {
        let path = url.split('/').nth(3).expect("a path");
        path.to_owned()
    });
    kinds.collect()
}

fn one_person(world: &World) -> i64 {
    let all = group(world, "Alle");
    person(world, all, "anna@example.com", RecipientTracking::Unset);
    all
}

on_both!(hidden_and_broken_links_are_added_again, |world| {
    let all = one_person(world);
    for html in [
        r#"<a href="http://{{ abmeldelink }}">a</a><a href="{{ datenschutzlink }}?x">b</a>"#,
        "<title>{{ abmeldelink }}{{ datenschutzlink }}</title>x",
        r#"<style>.weg{display:none}</style><p class=weg><a href="{{ abmeldelink }}">a</a><a href="{{ datenschutzlink }}">b</a></p>"#,
    ] {
        let mailing = draft(world, html, &[all]);
        assert_eq!(send(world, mailing).handed, 1);
        let (_, mail) = mails(world).pop().expect("a mail");
        assert_eq!(
            added(&mail.html.expect("HTML")),
            ["abmelden", "datenschutz"],
            "{html}"
        );
        world.execute("DELETE FROM outbox_mails");
    }
    let seen = r#"<p><a href="{{ abmeldelink }}">a</a> <a href="{{ datenschutzlink }}">b</a></p>"#;
    send(world, draft(world, seen, &[all]));
    let (_, mail) = mails(world).pop().expect("a mail");
    assert_eq!(added(&mail.html.expect("HTML")), [""; 0]);
});

on_both!(a_mailing_whose_end_is_not_seen_is_not_sent, |world| {
    let all = one_person(world);
    let mailing = draft(
        world,
        "<p>x</p>\n<!--[if mso]><table></body></html>",
        &[all],
    );
    let admin = world.admin();
    let path = format!("/e-mailings/{mailing}");
    admin
        .visit(&format!("{path}/senden"))
        .assert_says("Inhalt, Zeile 2")
        .assert_says("[endif]");
    assert_eq!(admin.post(&format!("{path}/senden"), &[]).status, 409);
    let later = [("date", "24.12.2099"), ("time", "9:30")];
    assert!(admin.post(&format!("{path}/planen"), &later).status >= 400);
    assert!(find(world, mailing).is_draft());
    assert!(mails(world).is_empty());
});

on_both!(a_mailing_on_its_way_halts_before_its_first_mail, |world| {
    let all = one_person(world);
    let mailing = draft(world, HTML, &[all]);
    // As one that was started before this was looked at.
    let away = world.state.sender.keep_away(world.account_id);
    let actor = Actor::Program("Test");
    world.write(|conn| {
        preparation::start(conn, world.account_id, mailing, &actor, Timestamp::now())
    });
    world.execute("UPDATE mailings SET html = '<p>x</p><!-- y'");
    drop(away);
    world.state.sender.wake();
    let problem = told_problem(world, mailing);
    assert!(
        problem.contains("niemand erhält eine E-Mail ohne ihre Links"),
        "{problem}"
    );
    assert!(problem.contains("Zeile 1"), "{problem}");
    assert_eq!(find(world, mailing).status, MailingStatus::Paused);
    assert!(mails(world).is_empty());
});
