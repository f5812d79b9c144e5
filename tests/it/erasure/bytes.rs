//! P7: after a deletion the bytes of the address are in no file of the data directory.

use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use rand::seq::SliceRandom;
use widerspruch::db::models::receipts;

use crate::support::{On, World, on_both};

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

fn wait_until_clean(world: &World) {
    let patience = Instant::now() + Duration::from_mins(1);
    while !world.read(receipts::pending).is_empty() {
        assert!(Instant::now() < patience, "the cleaning comes to an end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

on_both!(p7_the_bytes_are_gone, |world| {
    let mut numbers: Vec<u32> = (0..3_000).collect();
    numbers.shuffle(&mut rand::rng());
    let address = |n: u32| format!("person-{n:05}@geheim.example.org");
    let mut ids = Vec::new();
    for chunk in numbers.chunks(500) {
        world.write(|conn| {
            for n in chunk {
                let email = widerspruch::domain::address::EmailAddress::parse(&address(*n))
                    .expect("an address");
                let fields = serde_json::Map::new();
                let new = widerspruch::db::models::recipients::NewRecipient {
                    address: &email,
                    first_name: "Vorname",
                    last_name: "Nachname",
                    fields: &fields,
                    tracking: None,
                    unsubscribed: None,
                };
                let now = widerspruch::domain::time::Timestamp::now();
                let id =
                    widerspruch::db::models::recipients::create(conn, world.account_id, &new, now)?;
                ids.push((*n, id));
            }
            Ok(())
        });
    }
    let admin = world.admin();
    let gone: Vec<(u32, i64)> = ids[..60].to_vec();
    if world.on == crate::support::On::Sqlite {
        let before = files_with(world.dir.path(), &address(gone[0].0));
        assert!(
            !before.is_empty(),
            "the control: before the deletion the bytes are there"
        );
    }
    let held = std::sync::Barrier::new(2);
    let released = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        // Somebody reads an old state meanwhile: the cleaning has to wait, not to give up.
        scope.spawn(|| {
            world.read(|conn| {
                widerspruch::db::models::accounts::find(conn, world.account_id)?;
                held.wait();
                released.wait();
                Ok(())
            });
        });
        held.wait();
        for (_, id) in &gone {
            admin.submit(&format!("/empfaenger/{id}/loeschen"), &[]);
        }
        released.wait();
    });
    wait_until_clean(world);
    for (n, _) in &gone {
        assert_eq!(
            files_with(world.dir.path(), &address(*n)),
            Vec::<String>::new(),
            "{}",
            address(*n)
        );
        assert_eq!(
            world.rows(
                "recipients",
                &format!("search_text LIKE '%{}%'", address(*n))
            ),
            0
        );
    }
    let kept = address(ids[100].0);
    admin
        .visit(&format!("/empfaenger/suche?q={}", kept.replace('@', "%40")))
        .assert_says(&kept);
    admin.visit("/belege").assert_says("erledigt");
});

#[test]
fn p7_what_stands_in_the_gaps_of_pages_goes_too() {
    let world = World::start(On::Sqlite);
    let address = "anna.altmann@geheim.example.org";
    let anna = world.make_recipient(address);
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
