//! What a monitoring system sees, and whose word about a client is taken.

use std::net::IpAddr;
use std::time::Duration;

use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::token::{HitKind, TrackingToken};

use crate::support::agent::Agent;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, eventually};

fn observed(on: On) -> World {
    World::start_with(on, |config| {
        config.metrics_listen = Some("127.0.0.1:0".parse().expect("an address"));
    })
}

fn monitor(world: &World) -> Agent {
    let address = world.state.metrics_address.expect("it listens");
    Agent::new(&format!("http://{address}"))
}

/// The value of a line of the metrics.
fn value(text: &str, series: &str) -> Option<String> {
    text.lines().find_map(|line| {
        line.strip_prefix(series)?
            .strip_prefix(' ')
            .map(str::to_owned)
    })
}

fn work_is_counted_and_nobody_named(world: &World) {
    let admin = world.admin();
    let recipient = world.make_recipient("anna@example.org");
    let mailing = world.make_sent_mailing("Geheimer Betreff", 1);
    world.deliver(mailing, recipient, Decision::Personal);
    let anonymous = TrackingToken {
        mailing_id: mailing,
        key: None,
        link: 0,
    };
    let token = world.state.tokens.tracking(HitKind::Open, anonymous);
    let pixel = format!("/o/{token}.gif");
    for _ in 0..3 {
        assert_eq!(world.visitor().get(&pixel).status, 200);
    }
    admin.visit("/empfaenger/suche?q=anna");
    admin.get("/gibt/es/nicht");

    for path in ["/metrics", "/healthz"] {
        let head = monitor(world).head(path);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
    }
    let answer = monitor(world).get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/plain"))
    );
    let text = answer.html();
    let is = |series: &str| value(&text, series).unwrap_or_else(|| panic!("{series}: {text}"));
    assert_eq!(is("widerspruch_hits_stored_total"), "3");
    assert_eq!(is("widerspruch_hits_unconfirmed_total"), "0");
    assert_eq!(is("widerspruch_hits_waiting"), "0");
    assert!(
        is("widerspruch_hit_batches_total")
            .parse::<u32>()
            .expect("a number")
            >= 1
    );
    assert_eq!(is("widerspruch_mailings{status=\"sent\"}"), "1");
    assert_eq!(is("widerspruch_background{kind=\"import\"}"), "0");
    let requests = "widerspruch_requests_total{method=\"GET\",route=";
    assert_eq!(
        is(&format!("{requests}\"/o/{{token}}.gif\",status=\"200\"}}")),
        "3"
    );
    assert_eq!(
        is(&format!("{requests}\"/empfaenger/suche\",status=\"200\"}}")),
        "1"
    );
    assert_eq!(is(&format!("{requests}\"none\",status=\"404\"}}")), "1");
    for word in [
        &*token,
        "anna",
        "example.org",
        "Betreff",
        "Muster GmbH",
        "q=",
    ] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn work_is_counted_and_nobody_named_sqlite() {
    work_is_counted_and_nobody_named(&observed(On::Sqlite));
}

#[test]
fn work_is_counted_and_nobody_named_postgres() {
    work_is_counted_and_nobody_named(&observed(On::Postgres));
}

#[test]
fn strangers_cannot_make_the_list_grow() {
    let world = observed(On::Sqlite);
    let visitor = world.visitor();
    let length = || monitor(&world).get("/metrics").html().lines().count();
    visitor.get("/gibt/es/nicht");
    visitor.get("/k/damaged");
    let before = length();
    for n in 0..50 {
        visitor.get(&format!("/gibt/es/{n}/nicht"));
        visitor.get(&format!("/k/damaged{n}"));
    }
    assert_eq!(length(), before);
}

#[test]
fn each_listener_serves_its_own() {
    let world = observed(On::Sqlite);
    let monitor = monitor(&world);
    assert_eq!(monitor.get("/healthz").html(), "ok\n");
    for path in ["/anmelden", "/empfaenger", "/", "/static/css/base.css"] {
        assert_eq!(monitor.get(path).status, 404, "{path}");
    }
    for path in ["/healthz", "/metrics"] {
        assert_eq!(world.visitor().get(path).status, 404, "{path}");
    }
    let off = World::start(On::Sqlite);
    assert_eq!(off.state.metrics_address, None, "off unless asked for");
}

#[test]
fn a_node_without_its_database_is_not_healthy() {
    let (world, proxy) = World::start_behind_proxy_with(|config| {
        config.metrics_listen = Some("127.0.0.1:0".parse().expect("an address"));
    });
    let monitor = monitor(&world);
    assert_eq!(monitor.get("/healthz").status, 200);
    proxy.cut();
    let answer = monitor.get("/healthz");
    assert_eq!(
        (answer.status, &*answer.html()),
        (503, "the database is away\n")
    );
    assert_eq!(monitor.get("/metrics").status, 503);
    proxy.restore();
    eventually(
        "it is healthy again",
        || monitor.get("/healthz").status,
        |status| *status == 200,
    );
}

fn without_a_recorder(on: On) {
    let world = observed(on);
    let monitor = monitor(&world);
    assert_eq!(monitor.get("/healthz").status, 200);
    world.state.recorder.shut_down();
    let answer = monitor.get("/healthz");
    assert_eq!(
        (answer.status, &*answer.html()),
        (503, "no thread stores hits\n")
    );
}

#[test]
fn a_node_that_stores_no_hits_is_not_healthy_sqlite() {
    without_a_recorder(On::Sqlite);
}

#[test]
fn a_node_that_stores_no_hits_is_not_healthy_postgres() {
    without_a_recorder(On::Postgres);
}

/// Fails to sign in, each time with another address, so that only the client is the same.
fn guess(world: &World, forwarded: &str) {
    // More than the attempts that are free for a client.
    for n in 0..13 {
        let email = format!("guess{n}@example.org");
        let form = [("email", &*email), ("password", PASSWORD)];
        let headers = [("x-forwarded-for", forwarded)];
        let answer = world.visitor().post_with("/anmelden", &form, &headers);
        assert_eq!(answer.status, 422);
    }
}

/// Whether the next attempt of that client would have to wait.
fn waits(world: &World, client: &str) -> bool {
    let client: IpAddr = client.parse().expect("an address");
    let attempt = world
        .state
        .throttle
        .begin("somebody@example.org", Some(client), None);
    attempt.expect("an attempt").delay() > Duration::ZERO
}

#[test]
fn a_client_is_whom_a_named_proxy_names() {
    let world = World::start_with(On::Sqlite, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    guess(&world, "192.0.2.1, 198.51.100.7");
    assert!(waits(&world, "198.51.100.7"));
    assert!(!waits(&world, "192.0.2.1"), "written by the client itself");
}

#[test]
fn nobody_else_is_believed() {
    let world = World::start(On::Sqlite);
    guess(&world, "198.51.100.7");
    assert!(!waits(&world, "198.51.100.7"));
}

#[test]
fn no_other_word_of_a_proxy_is_taken() {
    let world = World::start_with(On::Sqlite, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    let headers = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-original-url", "/benutzerkonto"),
        ("x-rewrite-url", "/benutzerkonto"),
    ];
    let form = [("email", ADMIN), ("password", PASSWORD)];
    let signed_in = world.visitor().post_with("/anmelden", &form, &headers);
    assert_eq!(signed_in.location().as_deref(), Some("/"));
    let page = world.visitor().get_with("/anmelden", &headers);
    page.assert_says("Anmelden")
        .assert_silent_about("evil.example");
    assert_eq!(
        page.header("strict-transport-security"),
        None,
        "the public address says http"
    );
}
