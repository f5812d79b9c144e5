//! HEAD: what GET would say, without the body, and without a trace (RFC 9110, sections 9.2.1 and 9.3.2).

use std::collections::BTreeMap;

use actix_web::http::Method;
use widerspruch::domain::tracking::Decision;
use widerspruch::routes::entries;
use widerspruch::tracking::token::{HitKind, PersonalLink, TrackingToken};

use super::furnished::Furnished;
use super::public::personal;
use crate::support::agent::{Agent, Answer};
use crate::support::{World, on_both};

/// What differs from one answer to the next.
const OF_THE_MOMENT: [&str; 3] = ["date", "x-request-id", "age"];

fn headers(answer: &Answer) -> BTreeMap<String, String> {
    let all = answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    });
    all.filter(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()))
        .collect()
}

/// Expects the answer to HEAD to be that to GET without its body.
#[track_caller]
fn assert_like_get(agent: &Agent, path: &str) {
    let head = agent.head(path);
    let get = agent.get(path);
    assert_eq!(head.status, get.status, "{path}");
    assert!(head.body.is_empty(), "{path}");
    let (mut head, mut get) = (headers(&head), headers(&get));
    if path.contains("/auskunft") || path.ends_with("/daten.json") {
        // The one tells who has asked before: GET counts itself, HEAD leaves no trace. The other
        // tells when it was made.
        let sizes = (head.remove("content-length"), get.remove("content-length"));
        assert!(sizes.0.is_some() == sizes.1.is_some(), "{path}: {sizes:?}");
    }
    assert_eq!(head, get, "{path}");
}

/// Addresses of every route of GET that a browser comes to, with genuine tokens of a mail.
fn addresses(world: &World, furniture: &Furnished) -> Vec<String> {
    let recipient = world.make_recipient("kopf@example.org");
    let mailing = world.make_sent_mailing("Nur die Kopfzeilen", 1);
    let key = world.deliver(mailing, recipient, Decision::Personal);
    let token = |kind, link| {
        let token = TrackingToken {
            mailing_id: mailing,
            key,
            link,
        };
        world.state.tokens.tracking(kind, token)
    };
    let (open, click) = (token(HitKind::Open, 0), token(HitKind::Click, 1));
    let own = |link| personal(world, link, mailing, recipient);
    let (unsubscribe, preferences) = (
        own(PersonalLink::Unsubscribe),
        own(PersonalLink::Preferences),
    );
    let all = entries().into_iter();
    let got = all.filter(|entry| entry.method == Method::GET && !entry.access.is_for_programs());
    got.flat_map(|entry| match entry.path {
        "/o/{token}.gif" => vec![format!("/o/{open}.gif")],
        "/k/{token}" => vec![format!("/k/{click}")],
        path if path.starts_with("/abmelden/{token}") => {
            vec![path.replace("/abmelden/{token}", &unsubscribe)]
        }
        path if path.starts_with("/datenschutz/{token}") => {
            vec![path.replace("/datenschutz/{token}", &preferences)]
        }
        path if path.contains("{id}") => furniture.pages_of(path),
        path => vec![
            path.replace("{topic}", "protokoll")
                .replace("{token}", "damaged")
                .replace("{key}", "wrong")
                .replace("{path:.*}", "css/base.css"),
        ],
    })
    .collect()
}

on_both!(head_is_get_without_body_and_without_a_trace, |world| {
    let furniture = Furnished::of(world);
    let all = addresses(world, &furniture);
    let admin = world.admin();
    let program = world.program();
    world.wait_for_recorder();
    // Whoever comes after a while is noted as seen: not for a request for headers.
    world.execute("UPDATE sessions SET used_at = 0");
    let before = world.snapshot(&[]);
    for path in &all {
        admin.head(path);
    }
    for path in ["/api/v1/key", "/api/v1/recipients", "/api/v1/groups"] {
        let answer = program.send("HEAD", path, None, &[]);
        assert_eq!(answer.status, 200, "{path}");
    }
    assert_eq!(world.snapshot(&[]), before);
    for path in &all {
        assert_like_get(&admin, path);
    }
    let of_a_mail = |path: &&String| {
        ["/abmelden/", "/datenschutz/"]
            .iter()
            .any(|of| path.starts_with(of))
    };
    for path in all.iter().filter(of_a_mail) {
        assert_eq!(admin.head(path).status, 200, "{path}: the token holds");
    }
    assert!(all.len() > 100, "{}", all.len());
});
