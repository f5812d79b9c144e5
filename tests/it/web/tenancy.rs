//! What comes from another site, and numbers of another account in forms. Who may come to which
//! route, and whose things are reached there, is in `walk`.

use actix_web::http::Method;
use widerspruch::db::models::groups;
use widerspruch::domain::time::Timestamp;
use widerspruch::routes::{Entry, entries};
use widerspruch::web::access::Access;

use crate::support::agent::{Agent, Answer};
use crate::support::on_both;

/// A number that nothing has.
const NOTHING: i64 = 987_654_321;

/// A route's address with values in place of its parameters.
fn address(entry: &Entry, id: i64) -> String {
    entry
        .path
        .replace("{id}", &id.to_string())
        .replace("{token}", "damaged")
        .replace("{key}", "wrong")
        .replace("{path:.*}", "none.css")
}

fn ask(agent: &Agent, entry: &Entry, id: i64, headers: &[(&str, &str)]) -> Answer {
    let path = address(entry, id);
    match entry.method {
        Method::POST => agent.post_with(&path, &[], headers),
        _ => agent.get_with(&path, headers),
    }
}

on_both!(every_unsafe_request_from_elsewhere_is_refused, |world| {
    let admin = world.admin();
    let before = world.snapshot(&["sessions"]);
    let mut checked = 0;
    for entry in entries() {
        if entry.method != Method::POST || entry.access.is_for_programs() {
            continue;
        }
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
        ] {
            let answer = ask(&admin, &entry, NOTHING, headers);
            if matches!(entry.access, Access::Token | Access::PublicForm) {
                assert_ne!(answer.status, 403, "{entry:?}");
            } else {
                assert_eq!(answer.status, 403, "{entry:?} {headers:?}");
                answer.assert_says("Anfrage von einer anderen Website");
                checked += 1;
            }
        }
    }
    assert!(checked > 80, "{checked}");
    assert_eq!(world.snapshot(&["sessions"]), before);
});

on_both!(foreign_numbers_in_forms_are_left_out, |world| {
    let (account, now) = (world.account_id, Timestamp::now());
    let recipient = world.make_recipient("anna@example.org");
    let group = world.write(|conn| groups::create(conn, account, "Alle", now));
    world.write(|conn| groups::add_members(conn, account, group, &[recipient], now));
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    let (group, recipient) = (group.to_string(), recipient.to_string());

    stranger.submit(
        "/empfaenger/neu",
        &[("email", "neu@example.com"), ("gruppen", &group)],
    );
    let draft = [
        ("subject", "x"),
        ("html", "x"),
        ("sender_address", "x@example.com"),
        ("groups", &group),
    ];
    stranger.submit("/e-mailings", &draft);
    for answer in [
        stranger.post("/empfaenger/loeschen", &[("id", &recipient)]),
        stranger.get(&format!("/empfaenger/loeschen?id={recipient}")),
        stranger.get(&format!("/empfaenger?gruppe={group}")),
        stranger.get(&format!("/empfaenger/neu?gruppe={group}")),
        stranger.get("/empfaenger/suche?q=anna"),
    ] {
        assert!(answer.status < 500, "{}", answer.text());
        answer.assert_silent_about("anna@example.org");
    }
    assert_eq!(world.rows("memberships", "1 = 1"), 1);
    assert_eq!(world.rows("recipients", "address = 'anna@example.org'"), 1);
    assert_eq!(
        world.rows("mailing_groups", &format!("group_id = {group}")),
        0
    );
    assert_eq!(world.rows("groups", "member_count = 1"), 1);
});
