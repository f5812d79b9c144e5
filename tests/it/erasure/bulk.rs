//! Deleting several recipients at once, and a group with its people.

use widerspruch::db::models::{jobs, receipts};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;

use super::{make_group, wait_until_over};
use crate::support::{On, World, on_both};

fn make_people(world: &World, name: &str, people: u32) -> (i64, Vec<i64>) {
    let ids: Vec<i64> = (0..people)
        .map(|n| world.make_recipient(&format!("mitglied-{n}@example.org")))
        .collect();
    let group = make_group(world, name, &ids);
    (group, ids)
}

on_both!(a_chosen_few_are_deleted_at_once, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 2);
    let ids: Vec<i64> = ["anna", "ben", "clara"]
        .iter()
        .map(|name| world.make_recipient(&format!("{name}@example.org")))
        .collect();
    let visitor = world.visitor();
    for id in &ids {
        let key = world.deliver(mailing, *id, Decision::Personal);
        visitor.get(&world.pixel(mailing, key));
    }
    let (first, second) = (ids[0].to_string(), ids[1].to_string());
    let admin = world.admin();
    admin
        .visit(&format!("/empfaenger/loeschen?id={first}&id={second}"))
        .assert_says("2 Empfänger")
        .assert_says("2 Öffnungen");
    let receipt = admin.submit("/empfaenger/loeschen", &[("id", &first), ("id", &second)]);
    receipt
        .assert_says("Das ist geschehen")
        .assert_says("gleich")
        .assert_silent_about("abweichend")
        .assert_silent_about("anna@example.org");
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
    assert_eq!(world.rows("audit_log", "action = 'recipient_deleted'"), 2);
    assert_eq!(world.rows("job_items", "1 = 1"), 0);
});

on_both!(nobody_chosen_is_said, |world| {
    let admin = world.admin();
    let answer = admin.get("/empfaenger/loeschen");
    assert_eq!(
        answer.location().as_deref(),
        Some("/empfaenger?meldung=nichts-ausgewaehlt")
    );
});

on_both!(recipients_of_another_account_stay, |world| {
    let theirs = world.make_recipient("fremd@example.org").to_string();
    world.make_account("Andere GmbH", "andere@example.org");
    let other = world.signed_in("andere@example.org");
    other.post("/empfaenger/loeschen", &[("id", &theirs)]);
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
});

on_both!(a_group_goes_with_its_people, |world| {
    let outside = world.make_recipient("bleibt@example.org");
    let (group, _) = make_people(world, "Herbst", 70);
    let admin = world.admin();
    let path = format!("/gruppen/{group}/samt-empfaengern-loeschen");
    admin.visit(&path).assert_says("70 Empfänger");
    let answer = admin.post(&path, &[]);
    let job = answer.location().expect("a job");
    assert!(job.starts_with("/auftraege/"), "{job}");
    wait_until_over(world);
    let progress = admin.get(&format!("{job}/stand"));
    assert_eq!(progress.header("X-Fertig"), Some("ja"));
    progress.assert_says("70 von 70 Empfängern");
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
    assert_eq!(world.rows("recipients", &format!("id = {outside}")), 1);
    assert_eq!(world.rows("groups", "1 = 1"), 0);
    let receipts = world.read(|conn| receipts::newest(conn, world.account_id, 10));
    assert_eq!(receipts.len(), 1, "one receipt for the whole job");
    assert_eq!((receipts[0].recipients, receipts[0].groups_left), (70, 70));
});

fn a_job_left_by_an_earlier_run_is_taken_up(mut world: World) {
    let (group, _) = make_people(&world, "Herbst", 60);
    world.write(|conn| {
        let actor = widerspruch::db::models::audit::Actor::Program("Test");
        let whom = jobs::Whom::Group(group);
        widerspruch::erasure::jobs::start(
            conn,
            world.account_id,
            &whom,
            &actor,
            world.state.cleaner.node(),
            Timestamp::now(),
        )
    });
    assert_eq!(world.rows("recipients", "1 = 1"), 60, "nothing works on it");
    world.restart();
    wait_until_over(&world);
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    assert_eq!(world.rows("receipts", "recipients = 60"), 1);
}

#[test]
fn a_job_left_by_an_earlier_run_is_taken_up_on_sqlite() {
    a_job_left_by_an_earlier_run_is_taken_up(World::start(On::Sqlite));
}

#[test]
fn a_job_left_by_an_earlier_run_is_taken_up_on_postgres() {
    a_job_left_by_an_earlier_run_is_taken_up(World::start(On::Postgres));
}
