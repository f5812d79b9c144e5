//! Webhooks: what is told, to whom, how often, and where not.

use serde_json::json;
use widerspruch::config::Config;
use widerspruch::db::Conn;
use widerspruch::db::models::webhook_deliveries;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::domain::webhook::HookEvent;
use widerspruch::tracking::token::PersonalLink;
use widerspruch::webhooks::client::Reach;
use widerspruch::webhooks::signature;

use super::public::personal;
use crate::support::agent::Agent;
use crate::support::bounce::{complaint, failed};
use crate::support::program::{Program, program};
use crate::support::python::write_certificate;
use crate::support::webhook::Listener;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, eventually, on_both};

const HERE: &str = "/benutzerkonto/schnittstelle/webhooks";

/// Defines a test whose server lets webhooks lead to this machine.
macro_rules! on_both_anywhere {
    ($name:ident, |$world:ident| $body:block) => {
        mod $name {
            use super::*;

            fn scenario($world: &World) $body

            #[test]
            fn sqlite() {
                scenario(&World::start_with(On::Sqlite, anywhere));
            }

            #[test]
            fn postgres() {
                scenario(&World::start_with(On::Postgres, anywhere));
            }
        }
    };
}

fn anywhere(config: &mut Config) {
    config.webhooks = Reach::Anywhere;
}

on_both_anywhere!(what_happens_is_told_once_and_signed, |world| {
    let listener = Listener::start();
    let admin = world.admin();
    let form = [
        ("url", listener.url.as_str()),
        ("ereignisse", "recipient.objected"),
        ("ereignisse", "recipient.unsubscribed"),
    ];
    let made = admin.post(HERE, &form);
    assert_eq!(made.status, 201, "{}", made.text());
    let secret = made.all("#webhook-geheimnis-wert").join("");
    assert!(secret.starts_with("whs_") && secret.len() == 47, "{secret}");
    for row in world.dump(&[]) {
        assert!(!row.contains(&secret), "{row}");
    }
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    world.deliver(mailing, anna, Decision::Personal);
    let link = personal(world, PersonalLink::Preferences, mailing, anna);
    world.visitor().submit(&link, &[]);
    let told = listener.waits_for(1).remove(0);
    assert_eq!(told.path, "/in");
    let body = told.json();
    assert_eq!(body["type"], "recipient.objected");
    assert_eq!(body["recipient_id"], anna);
    assert_eq!(body["source"], "self");
    assert!(!told.body.contains('@'), "{}", told.body);
    // The other side computes the same.
    let seconds = told
        .signature
        .trim_start_matches("t=")
        .split(',')
        .next()
        .expect("a time");
    let at = widerspruch::domain::time::Timestamp(seconds.parse::<i64>().expect("seconds") * 1_000);
    assert_eq!(
        signature::sign(secret.as_bytes(), &told.body, at),
        told.signature
    );

    admin.submit(&format!("/empfaenger/{anna}/abmelden"), &[]);
    let body = listener.waits_for(2)[1].json();
    assert_eq!(
        (&body["type"], &body["source"]),
        (&json!("recipient.unsubscribed"), &json!("admin"))
    );
    // Said already: nothing to tell.
    admin.submit(&format!("/empfaenger/{anna}/abmelden"), &[]);
    world.wait_for_tellings("status = 'done' AND outcome = 'Antwort 204'", 2);
    assert_eq!(world.rows("webhook_deliveries", "1 = 1"), 2);
    assert_eq!(listener.count(), 2);
    let page = admin.visit(&format!("{HERE}/1"));
    page.assert_says("Angekommen")
        .assert_says("Antwort 204")
        .assert_silent_about(&secret);
    admin
        .visit("/benutzerkonto/protokoll")
        .assert_says("Webhook eingerichtet")
        .assert_says("Server: 127.0.0.1");
});

on_both!(every_way_leads_to_the_queue, |world| {
    let all = world
        .make_webhook("https://hooks.example.invalid/", &HookEvent::ALL)
        .0;
    world.make_webhook("https://bounces.example.invalid/", &[HookEvent::Bounced]);
    let off = world
        .make_webhook("https://off.example.invalid/", &HookEvent::ALL)
        .0;
    world.execute(&format!(
        "UPDATE webhooks SET active = FALSE WHERE id = {off}"
    ));
    let queued = |event: &str, source: &str| {
        let what = format!("event = '{event}' AND source = '{source}' AND webhook_id = {all}");
        world.rows("webhook_deliveries", &what)
    };
    let (admin, program) = (world.admin(), world.program());
    // Entered with an objection: by hand, by a program, by import.
    admin.submit(
        "/empfaenger/neu",
        &[("email", "a@example.org"), ("tracking-deaktiviert", "ja")],
    );
    assert_eq!(queued("recipient.objected", "admin"), 1);
    program
        .post(
            "/api/v1/recipients",
            &json!({"email": "b@example.org", "objects": true}),
        )
        .expect(201);
    assert_eq!(queued("recipient.objected", "api"), 1);
    // Remembered: nothing new was said.
    let b = program.get("/api/v1/recipients?search=b@").expect(200)["items"][0]["id"].clone();
    program
        .delete(&format!("/api/v1/recipients/{b}"))
        .expect(200);
    program
        .post("/api/v1/recipients", &json!({"email": "b@example.org"}))
        .expect(201);
    assert_eq!(
        queued("recipient.objected", "api") + queued("recipient.objected", "remembered"),
        1
    );
    // Bounces.
    let mailing = world.make_sent_mailing("Neues", 1);
    let cem = world.make_recipient("cem@example.org");
    world.deliver(mailing, cem, Decision::Personal);
    world.come_back(&failed(
        &world.return_path(mailing, cem),
        "cem@example.org",
        "5.1.1",
    ));
    assert_eq!(queued("recipient.bounced", "bounce"), 1);
    let dora = world.make_recipient("dora@example.org");
    world.deliver(mailing, dora, Decision::Personal);
    world.come_back(&complaint(
        &world.return_path(mailing, dora),
        "dora@example.org",
    ));
    assert_eq!(queued("recipient.unsubscribed", "complaint"), 1);
    let narrow = "webhook_id <> 1 AND event = 'recipient.bounced'";
    assert_eq!(world.rows("webhook_deliveries", narrow), 1);
    assert_eq!(world.rows("webhook_deliveries", "webhook_id = 3"), 0);
    for row in world.dump(&["recipients", "users"]) {
        assert!(
            !row.starts_with("webhook_deliveries") || !row.contains('@'),
            "{row}"
        );
    }
});

on_both_anywhere!(what_fails_is_tried_again_and_given_up, |world| {
    let listener = Listener::start();
    let id = world.make_webhook(&listener.url, &HookEvent::ALL).0;
    let admin = world.admin();
    let page = format!("{HERE}/{id}");
    for (answer, said) in [
        ("HTTP/1.1 500 Kaputt", "Antwort 500"),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/",
            "Weiterleitungen wird nicht gefolgt",
        ),
        ("Unsinn", "nicht zu verstehen"),
    ] {
        listener.answers(answer);
        let before = listener.count();
        admin.submit(&format!("{page}/testen"), &[]);
        listener.waits_for(before + 1);
        world.wait_for_tellings(
            &format!("status = 'pending' AND attempts = 1 AND outcome LIKE '%{said}%'"),
            1,
        );
    }
    assert_eq!(
        world.rows(
            "webhook_deliveries",
            "attempts = 1 AND next_attempt_at > created_at + 50000"
        ),
        3
    );
    admin
        .visit(&page)
        .assert_says("Seit")
        .assert_says("kommt dort nichts an")
        .assert_says("Ausstehend");
    // The last attempt, two days later.
    world.execute("DELETE FROM webhook_deliveries WHERE id <> 1");
    world.execute("UPDATE webhooks SET failing_since = failing_since - 172800000");
    world.execute("UPDATE webhook_deliveries SET attempts = 9, next_attempt_at = 0");
    world.wait_for_tellings("status = 'failed'", 1);
    admin
        .visit(&page)
        .assert_says("Zwei Tage lang kam dort nichts an")
        .assert_says("Aufgegeben");
    admin
        .visit("/benutzerkonto/protokoll")
        .assert_says("weil nichts ankam");
    assert_eq!(admin.post(&format!("{page}/testen"), &[]).status, 409);

    listener.answers("HTTP/1.1 200 OK");
    admin.submit(&format!("{page}/einschalten"), &[]);
    admin.submit(&format!("{page}/erneut"), &[("nummer", "1")]);
    world.wait_for_tellings("status = 'done'", 1);
    admin
        .visit(&page)
        .assert_says("Angekommen")
        .assert_silent_about("notice--danger");
    assert_eq!(
        admin
            .post(&format!("{page}/erneut"), &[("nummer", "4711")])
            .status,
        404
    );
    admin.submit(&format!("{page}/loeschen"), &[]);
    assert_eq!(world.rows("webhook_deliveries", "1 = 1"), 0);
});

on_both!(no_webhook_leads_into_a_private_network, |world| {
    let listener = Listener::start();
    let admin = world.admin();
    for (url, message) in [
        (listener.url.as_str(), "muss mit https:// beginnen"),
        ("https://127.0.0.1/", "nicht öffentlich"),
        (
            "https://169.254.169.254/latest/meta-data",
            "nicht öffentlich",
        ),
        ("https://[::1]/", "nicht öffentlich"),
        ("https://localhost/", "nicht öffentlich"),
        ("shop.example.org", "vollständige Adresse"),
        ("https://a:b@example.org/", "vollständige Adresse"),
    ] {
        let answer = admin.post(HERE, &[("url", url), ("ereignisse", "recipient.objected")]);
        assert_eq!(answer.status, 422, "{url}");
        answer.assert_says(message);
    }
    assert_eq!(
        admin
            .post(HERE, &[("url", "https://hooks.example.org/")])
            .status,
        422
    );
    // However it came into the table: nobody connects.
    let url = listener
        .url
        .replace("http://127.0.0.1", "https://localhost");
    let id = world.make_webhook(&url, &HookEvent::ALL).0;
    admin.submit(&format!("{HERE}/{id}/testen"), &[]);
    world.wait_for_tellings("outcome LIKE '%nicht öffentlich%'", 1);
    world.execute("DELETE FROM webhook_deliveries");
    let id = world.make_webhook(&listener.url, &HookEvent::ALL).0;
    admin.submit(&format!("{HERE}/{id}/testen"), &[]);
    world.wait_for_tellings("outcome IS NOT NULL", 1);
    assert_eq!(listener.count(), 0);
});

/// In a process of its own, which trusts one server's certificate.
#[test]
fn a_certificate_has_to_be_trusted_and_of_that_name() {
    let mut world = World::start(On::Sqlite);
    let listener = |name: &str| {
        let at = |ending: &str| world.files.path().join(format!("{name}.{ending}"));
        write_certificate("localhost", &at("pem"), &at("key"));
        Listener::start_tls(&at("pem"), &at("key"))
    };
    let (trusted, other) = (listener("trusted"), listener("other"));
    let named = |listener: &Listener| listener.url.replace("127.0.0.1", "localhost");
    let webhooks = [
        named(&trusted),
        // Another name than the certificate's, and a certificate that nobody vouches for.
        trusted.url.clone(),
        named(&other),
    ]
    .map(|url| world.make_webhook(&url, &HookEvent::ALL).0);
    world.stop();
    let program = Program::start(
        program(world.dir.path(), None)
            .env("SSL_CERT_FILE", world.files.path().join("trusted.pem"))
            .env("WIDERSPRUCH_WEBHOOKS_ANYWHERE", "true"),
    );
    let admin = Agent::new(&program.url);
    let answer = admin.post("/anmelden", &[("email", ADMIN), ("password", PASSWORD)]);
    assert_eq!(answer.status, 303);
    for id in webhooks {
        admin.submit(&format!("{HERE}/{id}/testen"), &[]);
    }
    world.wait_for_tellings("outcome = 'Antwort 204'", 1);
    world.wait_for_tellings("outcome = 'Die Verschlüsselung kam nicht zustande'", 2);
    assert_eq!([trusted.count(), other.count()], [1, 0], "requests");
}

/// Two nodes look at the same moment: who comes second finds what the first one has taken.
#[test]
fn two_nodes_never_hold_the_same() {
    let world = World::start_with(On::Postgres, anywhere);
    world.state.teller.shut_down();
    let (webhook, _) = world.make_webhook("https://hooks.example.org/", &HookEvent::ALL);
    let admin = world.admin();
    for n in 0..3 {
        let id = world.make_recipient(&format!("p{n}@example.org"));
        let path = format!("/empfaenger/{id}/tracking");
        admin.submit(&path, &[("tracking_off", "ja")]);
    }
    let now = Timestamp::now().plus_millis(1_000);
    let owner = (world.account_id, webhook);
    let claim =
        |conn: &mut Conn| webhook_deliveries::claim(conn, owner, now, now.plus_millis(60_000), 8);
    let waits = "datname = current_database() AND wait_event_type = 'Lock'";
    std::thread::scope(|scope| {
        let mut other = None;
        let first = world.write(|conn| {
            let held = claim(conn)?;
            let second = scope.spawn(|| world.write(claim));
            eventually(
                "the other node has looked",
                || (second.is_finished(), world.rows("pg_stat_activity", waits)),
                |(is_done, waiting)| *is_done || *waiting > 0,
            );
            other = Some(second);
            Ok(held)
        });
        let second = other.expect("it began").join().expect("it ended");
        assert_eq!((first.len(), second.len()), (3, 0));
    });
}

#[test]
fn of_several_nodes_one_tells() {
    let world = World::start_with(On::Postgres, anywhere);
    let other = world.another_node_with(anywhere);
    let listener = Listener::start();
    world.make_webhook(&listener.url, &HookEvent::ALL);
    let admin = world.admin();
    for n in 0..40 {
        let id = world.make_recipient(&format!("p{n}@example.org"));
        admin.submit(
            &format!("/empfaenger/{id}/tracking"),
            &[("tracking_off", "ja")],
        );
    }
    world.wait_for_tellings("status = 'done'", 40);
    let mut numbers: Vec<i64> = listener
        .waits_for(40)
        .iter()
        .filter_map(|told| told.json()["id"].as_i64())
        .collect();
    numbers.sort_unstable();
    let all = numbers.len();
    numbers.dedup();
    assert_eq!((numbers.len(), all), (40, 40), "each once");
    drop(other);
}
