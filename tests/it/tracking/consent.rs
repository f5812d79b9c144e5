//! The mode *nur mit Einwilligung*: the rules hold for it, and for every change to and from it.

use widerspruch::db::models::audit::Actor;
use widerspruch::db::reports::{self, Figures};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientTracking, TrackingMode, TrackingSource};
use widerspruch::tracking::settings;

use crate::mailings::{HTML, attributes, draft, group, mails, person, send};
use crate::support::agent::Agent;
use crate::support::{On, World, eventually, on_both};

const TEST: Actor = Actor::Program("test");

fn set_mode(world: &World, mode: TrackingMode) {
    let now = Timestamp::now();
    world.write(|conn| settings::set_account_mode(conn, world.account_id, mode, &TEST, now));
}

fn consent(world: &World, id: i64) {
    let (source, key) = (TrackingSource::Recipient, &world.state.remembering);
    let (account, now) = (world.account_id, Timestamp::now());
    world.write(|conn| settings::consent(conn, account, id, source, key, &Actor::Recipient, now));
}

fn object(world: &World, id: i64) {
    let (source, account, now) = (TrackingSource::Admin, world.account_id, Timestamp::now());
    world.write(|conn| settings::object(conn, account, id, source, &TEST, now));
}

fn figures(world: &World, mailing: i64) -> Figures {
    let mut all = world.read(|conn| reports::figures(conn, world.account_id, &[mailing]));
    all.remove(0)
}

/// Lets hits arrive while the recorder is held, changes something, and lets them be stored.
fn change_before_hits(world: &World, url: &str, paths: &[String], change: impl FnOnce()) {
    let held = world.state.recorder.hold();
    let hits: Vec<_> = paths
        .iter()
        .map(|path| {
            let (url, path) = (url.to_owned(), path.clone());
            std::thread::spawn(move || Agent::new(&url).get(&path).status)
        })
        .collect();
    eventually(
        "the hits arrive",
        || world.state.recorder.waiting(),
        |waiting| *waiting >= paths.len(),
    );
    change();
    drop(held);
    for hit in hits {
        assert_eq!(hit.join().expect("an answer"), 200);
    }
    world.wait_for_recorder();
}

on_both!(p1_only_who_consented_gets_a_mail_that_measures, |world| {
    set_mode(world, TrackingMode::Consent);
    let all = group(world, "Alle");
    for (name, said) in [
        ("anna", RecipientTracking::Consented),
        ("ben", RecipientTracking::Unset),
        ("carl", RecipientTracking::Objected),
        ("dora", RecipientTracking::Unset),
    ] {
        person(world, all, &format!("{name}@example.org"), said);
    }
    let mailing = draft(world, HTML, &[all]);
    send(world, mailing);
    let measured = "policy = 'personal' AND token_key IS NOT NULL";
    assert_eq!(world.rows("deliveries", measured), 1);
    assert_eq!(
        world.rows("deliveries", "policy = 'anonymous' AND token_key IS NULL"),
        3
    );
    let links: Vec<Vec<String>> = mails(world)
        .iter()
        .map(|(_, mail)| {
            let html = mail.html.as_deref().unwrap_or_default();
            let mut found = attributes(html, "img", "src");
            found.extend(
                attributes(html, "a", "href")
                    .into_iter()
                    .filter(|url| url.contains("/k/")),
            );
            assert!(found.len() >= 3, "{found:?}");
            found
        })
        .collect();
    assert_ne!(links[0], links[1], "only Anna is known by hers");
    assert_eq!(
        links[1], links[2],
        "p4: ohne Angabe and widersprochen are alike"
    );
    assert_eq!(links[1], links[3], "p4: two ohne Angabe are alike");
});

on_both!(
    p2_narrowing_to_consent_holds_at_once_for_queued_hits_and_old_mails,
    |world| {
        let mailing = world.make_sent_mailing("Neues", 1);
        let silent = world.make_recipient("silent@example.org");
        let agreed = world.make_recipient("agreed@example.org");
        let silent_key = world.deliver(mailing, silent, Decision::Personal);
        let agreed_key = world.deliver(mailing, agreed, Decision::Personal);
        consent(world, agreed);
        let (silent_path, agreed_path) = (
            world.pixel(mailing, silent_key),
            world.pixel(mailing, agreed_key),
        );
        world.visitor().get(&silent_path);
        assert_eq!(figures(world, mailing).opens, 1, "the control");

        let waiting = vec![silent_path.clone(); 20];
        change_before_hits(world, &world.url, &waiting, || {
            set_mode(world, TrackingMode::Consent);
        });
        world.visitor().get(&silent_path);
        assert_eq!(
            world
                .visitor()
                .get(&world.click(mailing, silent_key, 1))
                .status,
            302
        );
        let after = figures(world, mailing);
        assert_eq!(
            (after.opens, after.clicks),
            (1, 0),
            "nothing personal after the commit"
        );
        assert_eq!((after.anonymous_opens, after.anonymous_clicks), (21, 1));
        world.visitor().get(&agreed_path);
        assert_eq!(figures(world, mailing).opens, 2, "who agreed still is");
    }
);

on_both!(p2_a_withdrawal_holds_at_once_for_queued_hits, |world| {
    set_mode(world, TrackingMode::Consent);
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let path = world.pixel(mailing, key);
    world.visitor().get(&path);
    assert_eq!(figures(world, mailing).opens, 0, "without consent nothing");
    consent(world, anna);
    world.visitor().get(&path);
    assert_eq!(figures(world, mailing).opens, 1, "the control");
    change_before_hits(world, &world.url, &vec![path.clone(); 20], || {
        object(world, anna);
    });
    world.visitor().get(&path);
    let after = figures(world, mailing);
    assert_eq!((after.opens, after.anonymous_opens), (1, 22));
    assert_eq!(world.rows("events", "n = 1"), 1);
});

#[test]
fn p2_narrowing_holds_for_hits_that_wait_on_another_node() {
    let world = &World::start(On::Postgres);
    let node = world.another_node();
    let mailing = world.make_sent_mailing("Neues", 1);
    let silent = world.make_recipient("silent@example.org");
    let key = world.deliver(mailing, silent, Decision::Personal);
    let path = world.pixel(mailing, key);
    Agent::new(&node.url).get(&path);
    assert_eq!(figures(world, mailing).opens, 1, "the control");
    let held = node.state.recorder.hold();
    let (url, waiting) = (node.url.clone(), path.clone());
    let hit = std::thread::spawn(move || Agent::new(&url).get(&waiting).status);
    let waiting = || node.state.recorder.waiting();
    eventually("the hit arrives", waiting, |hits| *hits > 0);
    // Changed by a browser, on this node.
    let admin = world.admin();
    let form = [("auf", "consent"), ("von", "active")];
    admin.submit("/benutzerkonto/tracking/modus", &form);
    drop(held);
    hit.join().expect("an answer");
    eventually("the hit is stored", waiting, |hits| *hits == 0);
    Agent::new(&node.url).get(&path);
    let after = figures(world, mailing);
    assert_eq!((after.opens, after.anonymous_opens), (1, 2));
}

on_both!(p5_no_change_of_mode_changes_a_report, |world| {
    let mailing = world.make_sent_mailing("Neues", 2);
    for n in 0..12 {
        let id = world.make_recipient(&format!("p{n}@example.org"));
        let key = world.deliver(mailing, id, Decision::Personal);
        world.visitor().get(&world.pixel(mailing, key));
        if n % 2 == 0 {
            world.visitor().get(&world.click(mailing, key, 1));
        }
        match n % 3 {
            0 => consent(world, id),
            1 => object(world, id),
            _ => {}
        }
    }
    let admin = world.admin();
    let report = format!("/analysen/{mailing}");
    let shown = || {
        let csv = admin.get(&format!("{report}/kennzahlen.csv")).body;
        let activity = admin.get(&format!("{report}/aktivitaet.csv")).body;
        (admin.visit(&report).text(), csv, activity)
    };
    let before = (figures(world, mailing), shown());
    assert_eq!(before.0.openers, 12);
    // The journal of copies notes the mode, so that a copy gets it back.
    let tables = ["accounts", "audit_log", "journal_entries"];
    let rows = world.snapshot(&tables);
    for mode in [
        TrackingMode::Consent,
        TrackingMode::Off,
        TrackingMode::Consent,
        TrackingMode::Active,
    ] {
        set_mode(world, mode);
        assert_eq!((figures(world, mailing), shown()), before, "{mode:?}");
        assert_eq!(
            world.snapshot(&tables),
            rows,
            "no row but the account's changes"
        );
    }
});

on_both!(p11_modes_and_consents_are_in_the_log, |world| {
    let anna = world.make_recipient("anna@example.org");
    let admin = world.admin();
    let mode = "/benutzerkonto/tracking/modus";
    admin.submit(mode, &[("auf", "consent"), ("von", "active")]);
    admin.submit("/benutzerkonto/tracking/deaktivieren", &[]);
    admin.submit("/benutzerkonto/tracking/aktivieren", &[]);
    admin.submit(
        &format!("/empfaenger/{anna}/tracking/einwilligung"),
        &[
            ("erteilt", "2026-11-01"),
            ("wie", "Formular von anna@example.org"),
            ("wortlaut", "Ja, messt mich."),
            ("anlass", "selbst"),
        ],
    );
    for (action, details) in [
        ("account_tracking_by_consent", "%\"before\":\"active\"%"),
        ("account_tracking_off", "%\"before\":\"consent\"%"),
        ("account_tracking_by_consent", "%\"before\":\"off\"%"),
        ("recipient_consented", "%\"source\":\"admin\"%"),
    ] {
        let wanted = format!(
            "action = '{action}' AND details LIKE '{details}' AND actor = 'Eva Admin' AND user_id IS NOT NULL"
        );
        assert_eq!(world.rows("audit_log", &wanted), 1, "{action} {details}");
    }
    assert_eq!(world.rows("audit_log", "details LIKE '%example.org%'"), 0);
});
