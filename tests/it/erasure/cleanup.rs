//! P7 beyond a single deletion: many at once, a program that ended in between, and addresses that
//! rightly stay.

use diesel::RunQueryDsl;
use rand::seq::SliceRandom;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::recipients::{self, NewRecipient};
use widerspruch::db::models::{groups, receipts};
use widerspruch::db::{Conn, search};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::secret::{Purpose, Secret};
use widerspruch::domain::time::Timestamp;
use widerspruch::erasure::deletion;

use super::bytes::files_with;
use super::{wait_until_clean, wait_until_over};
use crate::support::world::ADMIN;
use crate::support::{On, World, eventually, on_both};

fn address(n: u32) -> String {
    format!("person-{n:05}@geheim.example.org")
}

/// People in random order, as they come in real life: that is what leaves gaps in pages.
fn make_people(world: &World, count: u32) -> Vec<(u32, i64)> {
    let mut numbers: Vec<u32> = (0..count).collect();
    numbers.shuffle(&mut rand::rng());
    let mut people = Vec::new();
    for chunk in numbers.chunks(500) {
        world.write(|conn| {
            for n in chunk {
                let new = NewRecipient {
                    address: &EmailAddress::parse(&address(*n)).expect("an address"),
                    first_name: "Vorname",
                    last_name: "Nachname",
                    fields: &serde_json::Map::new(),
                    tracking: None,
                    unsubscribed: None,
                };
                let id = recipients::create(conn, world.account_id, &new, Timestamp::now())?;
                people.push((*n, id));
            }
            Ok(())
        });
    }
    people
}

fn assert_gone(world: &World, n: u32) {
    let found = files_with(world.dir.path(), &address(n));
    assert_eq!(found, Vec::<String>::new(), "{}", address(n));
}

on_both!(p7_a_group_of_hundreds_leaves_no_bytes, |world| {
    let people = make_people(world, 2_000);
    let (gone, kept) = people.split_at(300);
    let group = world.write(|conn| {
        let now = Timestamp::now();
        let group = groups::create(conn, world.account_id, "Herbst", now)?;
        let ids: Vec<i64> = gone.iter().map(|(_, id)| *id).collect();
        groups::add_members(conn, world.account_id, group, &ids, now)?;
        Ok(group)
    });
    if world.on == On::Sqlite {
        let before = files_with(world.dir.path(), &address(gone[0].0));
        assert!(
            !before.is_empty(),
            "before the deletion the bytes are there"
        );
    }
    let admin = world.admin();
    admin.post(&format!("/gruppen/{group}/samt-empfaengern-loeschen"), &[]);
    wait_until_over(world);
    wait_until_clean(world);
    for (n, _) in gone.iter().step_by(10) {
        assert_gone(world, *n);
    }
    for (n, expected) in [(gone[0].0, 0), (kept[0].0, 1)] {
        let found = world.read(|conn| search::count(conn, world.account_id, &address(n)));
        assert_eq!(found.counted, expected);
    }
    world.write(|conn| {
        // The search's index holds what its content holds, no more and no less.
        if let Conn::Sqlite(conn) = conn {
            diesel::sql_query(
                "INSERT INTO recipient_search (recipient_search, rank) VALUES ('integrity-check', 1)",
            )
            .execute(conn)?;
        }
        Ok(())
    });
});

on_both!(
    p7_an_address_that_a_user_has_too_does_not_keep_it_open,
    |world| {
        let recipient = world.make_recipient(ADMIN);
        let admin = world.admin();
        admin.submit(&format!("/empfaenger/{recipient}/loeschen"), &[]);
        wait_until_clean(world);
        admin.visit("/benutzerkonto");
    }
);

/// A deletion that was committed just before the program ended: nobody knows the address.
fn p7_a_cleaning_that_was_cut_off_is_taken_up(mut world: World) {
    let people = make_people(&world, 1_000);
    let gone = &people[..100];
    let ids: Vec<i64> = gone.iter().map(|(_, id)| *id).collect();
    let key = Secret::load_or_create(&world.dir.path().join("another-secret"))
        .expect("a secret")
        .key(Purpose::RememberedAddress);
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        let receipt = deletion::start_receipt(conn, world.account_id, &actor, now)?;
        deletion::delete_recipients(conn, world.account_id, &ids, receipt, &key, &actor, now)
    });
    assert_eq!(
        world.read(receipts::pending).len(),
        1,
        "nothing works on it"
    );
    world.restart();
    wait_until_clean(&world);
    for (n, _) in gone {
        assert_gone(&world, *n);
    }
}

#[test]
fn p7_a_cleaning_that_was_cut_off_is_taken_up_on_sqlite() {
    p7_a_cleaning_that_was_cut_off_is_taken_up(World::start(On::Sqlite));
}

#[test]
fn p7_a_cleaning_that_was_cut_off_is_taken_up_on_postgres() {
    p7_a_cleaning_that_was_cut_off_is_taken_up(World::start(On::Postgres));
}

/// Deletes somebody whose files are cleaned by that node, or by nobody in particular.
fn delete_at(world: &World, n: u32, node: Option<&str>) -> i64 {
    let (_, id) = make_people(world, n + 1)[0];
    let key = &world.state.remembering;
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        let account = world.account_id;
        let receipt = deletion::start_receipt(conn, account, &actor, now)?;
        if let Some(node) = node {
            receipts::assign(conn, account, receipt, node)?;
        }
        deletion::delete_recipients(conn, account, &[id], receipt, key, &actor, now)?;
        Ok(receipt)
    })
}

#[test]
fn p7_a_node_cleans_its_own_files_and_those_of_nodes_that_are_gone() {
    let mut world = World::start(On::Postgres);
    let pending = |world: &World| {
        let mut open = world.read(receipts::pending);
        open.sort_unstable();
        open
    };
    let wait_until_cleaned = |what: &str, world: &World, receipt| {
        eventually(what, || pending(world), |open| !open.contains(&receipt));
    };
    let own = world.state.cleaner.node().to_owned();
    assert!(!own.is_empty());
    let theirs = delete_at(&world, 0, Some("another"));
    let nobodys = delete_at(&world, 0, None);
    let ours = delete_at(&world, 0, Some(&own));
    let other = world.another_node();
    assert_ne!(other.state.cleaner.node(), own, "each has a name");
    // What is taken up at a start is done at once: this one shows that it was.
    wait_until_cleaned("what is nobody's is cleaned", &world, nobodys);
    assert_eq!(pending(&world), [theirs, ours]);
    world.restart();
    assert_eq!(world.state.cleaner.node(), own, "it keeps its name");
    wait_until_cleaned("a node takes up its own", &world, ours);
    assert_eq!(pending(&world), [theirs]);
    // A day later that node is taken for gone.
    let (db, cleaner) = (&world.state.db, &world.state.cleaner);
    let take_over = |days| {
        let now = Timestamp::now().plus_days(days);
        cleaner.take_over(db, now).expect("the database is there");
    };
    take_over(0);
    take_over(2);
    wait_until_cleaned("it is taken over", &world, theirs);
}
