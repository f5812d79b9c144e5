//! P7: after a deletion the bytes of the address are in no file of the data directory.

use std::collections::BTreeSet;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use rand::seq::SliceRandom;
use widerspruch::db::models::{groups, recipients};
use widerspruch::domain::time::Timestamp;

use super::wait_until_clean;
use crate::support::import::import;
use crate::support::{On, World, eventually, on_both};

/// The files that hold the needle, whatever the case of its letters.
pub fn files_with(dir: &Path, needle: &str) -> Vec<String> {
    let needle = needle.to_ascii_lowercase().into_bytes();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(
                &path,
                std::str::from_utf8(&needle).expect("text"),
            ));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let bytes = bytes.to_ascii_lowercase();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// How many there are, and how many go: so many that pages are split while they come and go.
const PEOPLE: usize = 100_000;
const GOING: usize = 2_000;

on_both!(p7_the_bytes_are_gone, |world| {
    let mut rng = rand::rng();
    let mut numbers: Vec<usize> = (0..PEOPLE).collect();
    numbers.shuffle(&mut rng);
    let address = |n: usize| format!("person-{n:06}@geheim.example.org");
    let mut text = String::from("E-Mail;Vorname\n");
    for n in &numbers {
        text.push_str(&address(*n));
        text.push_str(";Vorname\n");
    }
    let imported = import(world, &text, None);
    assert_eq!(imported.added, 100_000);
    let going =
        world.write(|conn| groups::create(conn, world.account_id, "Geht", Timestamp::now()));
    numbers.shuffle(&mut rng);
    let gone: Vec<String> = numbers[..GOING].iter().map(|n| address(*n)).collect();
    world.write(|conn| {
        let mut ids = Vec::with_capacity(GOING);
        for address in &gone {
            let found = recipients::find_by_address(conn, world.account_id, address)?;
            ids.push(found.expect("the recipient").id);
        }
        groups::add_members(conn, world.account_id, going, &ids, Timestamp::now())
    });
    if world.on == On::Sqlite {
        let found = remaining(world.dir.path(), &gone);
        assert_eq!(
            found.len(),
            GOING,
            "the control: before the deletion the bytes are there"
        );
    }
    let admin = world.admin();
    let held = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        // Let go also where this thread fails, which would otherwise wait for the other for ever.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (held, first) = (&held, &gone[0]);
        // Somebody reads an old state meanwhile: the cleaning has to wait, not to give up.
        scope.spawn(move || {
            world.read(|conn| {
                recipients::find_by_address(conn, world.account_id, first)?;
                held.wait();
                let _ = released.recv();
                Ok(())
            });
        });
        held.wait();
        admin.submit(&format!("/gruppen/{going}/samt-empfaengern-loeschen"), &[]);
        eventually(
            "the deletion comes to an end",
            || world.rows("recipients", "1 = 1"),
            |left| *left <= 98_000,
        );
        drop(release);
    });
    wait_until_clean(world);
    assert_eq!(remaining(world.dir.path(), &gone), BTreeSet::new());
    for address in gone.iter().step_by(100) {
        assert_eq!(
            world.rows("recipients", &format!("search_text LIKE '%{address}%'")),
            0
        );
    }
    let kept = address(numbers[GOING]);
    admin
        .visit(&format!("/empfaenger/suche?q={}", kept.replace('@', "%40")))
        .assert_says(&kept);
    admin.visit("/belege").assert_says("erledigt");
});

/// Which of the addresses stand in any file of a directory, whatever the case of their letters.
fn remaining(dir: &Path, addresses: &[String]) -> BTreeSet<usize> {
    let needles = aho_corasick::AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(addresses)
        .expect("a searcher");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(remaining(&path, addresses));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.extend(
                needles
                    .find_iter(&bytes)
                    .map(|hit| hit.pattern().as_usize()),
            );
        }
    }
    found
}

#[test]
fn p7_what_stands_in_the_gaps_of_pages_goes_too() {
    let address = "anna.altmann@geheim.example.org";
    leaves_no_gap(address, address);
}

#[test]
fn p7_the_search_s_forms_of_an_address_go_from_the_gaps_too() {
    for form in ["jaeger@geheim.example.org", "jager@geheim.example.org"] {
        leaves_no_gap("Jäger@geheim.example.org", form);
    }
}

/// Deletes a recipient with that address, of whose forms `left` stands in the gap of a page.
fn leaves_no_gap(typed: &str, left: &str) {
    let world = World::start(On::Sqlite);
    let (anna, address) = (world.make_recipient(typed), left);
    // What a split of a page leaves behind, made on purpose: a connection that does not
    // overwrite what it deletes.
    let file = widerspruch::db::sqlite_file(world.dir.path());
    let mut careless = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    careless
        .batch_execute(&format!(
            "PRAGMA busy_timeout = 5000; PRAGMA secure_delete = OFF;
             INSERT INTO installation (key, value) VALUES ('gap', 'left: {address}');
             DELETE FROM installation WHERE key = 'gap';
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
    drop(careless);
    let before = std::fs::read(&file).unwrap();
    let copies = |bytes: &[u8]| {
        bytes
            .windows(address.len())
            .filter(|w| *w == address.as_bytes())
            .count()
    };
    assert!(
        copies(&before) > 0,
        "the control: the file holds the address"
    );
    world
        .admin()
        .submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    wait_until_clean(&world);
    assert_eq!(files_with(world.dir.path(), address), Vec::<String>::new());
}
