//! Many are deleted while hits come in, theirs among them.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::RunQueryDsl;
use widerspruch::db::models::receipts;
use widerspruch::db::reports;
use widerspruch::domain::tracking::Decision;

use super::{make_group, start_deletion, wait_until_over};
use crate::support::hits::Read;
use crate::support::{On, World, eventually, on_both};

on_both!(no_hit_is_lost_and_no_figure_differs, |world| {
    let read = Read::new(world);
    let others: Vec<i64> = (0..150)
        .map(|n| world.make_recipient(&format!("mitglied-{n}@example.org")))
        .collect();
    let group = make_group(world, "Herbst", &[read.people.as_slice(), &others].concat());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| read.by(world, &[&world.url], || !over.load(Ordering::SeqCst)));
        read.wait_for(50);
        start_deletion(world, group);
        wait_until_over(world);
        read.wait_for(read.acknowledged() + 50);
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    read.assert_stored_of_whoever_is_there(world);
    let receipts = world.read(|conn| receipts::newest(conn, world.account_id, 10));
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].recipients, 170);
    let figures = receipts[0].figures().expect("figures");
    assert!(figures.iter().all(|one| one.before == one.after));
    let now = world.read(|conn| reports::figures(conn, world.account_id, &[read.mailing]));
    assert_eq!(
        figures[0].after.opens, now[0].opens,
        "what came later is anonymous"
    );
    assert_eq!(receipts[0].opens, now[0].opens);
    assert!(now[0].anonymous_opens > 0);
});

/// A deletion that waits for a table, and a reader. Gives how the reader's hits are answered.
fn hits_while_a_deletion_waits_for(table: &str, prepare: impl Fn(&World)) -> Vec<Option<String>> {
    let world = World::start(On::Postgres);
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let ben = world.make_recipient("ben@example.org");
    let group = make_group(&world, "Herbst", &[ben]);
    let reader = world.visitor();
    reader.get(&world.pixel(mailing, key));
    prepare(&world);
    let marks = world.write(|conn| {
        let lock = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
        diesel::sql_query(lock).execute(conn)?;
        start_deletion(&world, group);
        let waits = format!(
            "datname = current_database() AND wait_event_type = 'Lock'
             AND (query LIKE 'INSERT INTO {table}%' OR query LIKE 'DELETE FROM {table}%recipient_id IN%')"
        );
        eventually(
            "the deletion waits",
            || world.rows("pg_stat_activity", &waits),
            |waiting| *waiting == 1,
        );
        let marks = (0..3).map(|_| {
            let answer = reader.get(&world.pixel(mailing, key));
            answer.header("server-timing").map(str::to_owned)
        });
        Ok(marks.collect())
    });
    wait_until_over(&world);
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
    eventually(
        "all hits are stored",
        || world.rows("deliveries", "opens = 4"),
        |stored| *stored == 1,
    );
    marks
}

#[test]
fn hits_pass_while_a_deletion_is_prepared() {
    assert_eq!(
        hits_while_a_deletion_waits_for("audit_log", World::answers_hits_when_stored),
        [None, None, None]
    );
}

#[test]
fn p5_no_hit_comes_between_the_figures_of_a_deletion() {
    let waits = || Some("stored;desc=no".to_owned());
    let marks = hits_while_a_deletion_waits_for("outbox_mails", World::answers_hits_in_time);
    assert_eq!(marks, [waits(), waits(), waits()]);
}
