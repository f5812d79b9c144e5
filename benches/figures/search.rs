//! Looking for a few letters among many addresses, by the index and by reading them all.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Text};
use rand::seq::IndexedRandom;
use serde_json::json;
use widerspruch::db::json_rows::Column;
use widerspruch::db::models::recipients::RecipientRow;
use widerspruch::db::paging::Position;
use widerspruch::db::search;
use widerspruch::domain::secret::{hex, random_128};

use super::rows;
use super::support::program::Program;
use super::support::{On, World};
use super::table::{Table, median};

/// The columns of recipients that are filled here.
pub const COLUMNS: [(&str, Column); 8] = [
    ("id", Column::Int),
    ("account_id", Column::Int),
    ("address", Column::Text),
    ("address_key", Column::Text),
    ("search_text", Column::Text),
    ("public_key", Column::Bytes),
    ("created_at", Column::Int),
    ("updated_at", Column::Int),
];

/// Stands in one address only, in its middle.
const NEEDLE: &str = "quastenfl";

const FIRST: [&str; 16] = [
    "anna", "ben", "clara", "david", "emma", "felix", "greta", "hannes", "ida", "jonas", "klara",
    "leon", "mia", "noah", "paula", "theo",
];
const LAST: [&str; 16] = [
    "mueller",
    "schmidt",
    "schneider",
    "fischer",
    "weber",
    "meyer",
    "wagner",
    "becker",
    "schulz",
    "hoffmann",
    "koch",
    "bauer",
    "richter",
    "klein",
    "wolf",
    "neumann",
];
const DOMAINS: [&str; 8] = [
    "example.org",
    "example.com",
    "example.net",
    "post.example",
    "mail.example",
    "firma.example",
    "verein.example",
    "schule.example",
];

/// How often each way is measured.
const TIMES: usize = 25;

pub fn measure(on: On, recipients: u32, table: &mut Table) {
    let world = World::start(on);
    let empty = World::start(on);
    fill(&world, recipients);
    let found = find(&world).len();
    assert_eq!((found, scan(&world).len()), (1, 1), "both find the same");
    let timed = |way: &dyn Fn(&World) -> Vec<RecipientRow>| -> Duration {
        let times = (0..TIMES)
            .map(|_| {
                let start = Instant::now();
                way(&world);
                start.elapsed()
            })
            .collect();
        median(times, Duration::as_secs_f64)
    };
    table.durations(
        &format!("search for a rare part of an address among {recipients}"),
        on,
        timed(&find),
        timed(&scan),
    );
    table.durations(
        &format!("start-up on {recipients} recipients, against an empty database"),
        on,
        start_up(world),
        start_up(empty),
    );
}

/// How long the program takes until it answers.
fn start_up(mut world: World) -> Duration {
    world.stop();
    let times = (0..5)
        .map(|_| {
            let begun = Instant::now();
            let server = Program::serve(world.dir.path(), world.database_url());
            let taken = begun.elapsed();
            server.stop();
            taken
        })
        .collect();
    median(times, Duration::as_secs_f64)
}

fn fill(world: &World, recipients: u32) {
    let mut random = rand::rng();
    let mut people = Vec::new();
    for n in 1..=recipients {
        let pick = |from: &[&'static str], random: &mut _| *from.choose(random).expect("one");
        let (first, last) = (pick(&FIRST, &mut random), pick(&LAST, &mut random));
        let middle = if n == recipients / 2 { NEEDLE } else { last };
        let domain = pick(&DOMAINS, &mut random);
        let address = format!("{first}.{middle}{n}@{domain}");
        let key = hex(&random_128().expect("random bits"));
        people.push(json!([
            n,
            world.account_id,
            address,
            address,
            address,
            key,
            0,
            0
        ]));
    }
    rows::insert(world, "recipients", &COLUMNS, &people);
    match world.on {
        On::Sqlite => rows::execute(
            world,
            "INSERT INTO recipient_search (rowid, search_text) SELECT id, search_text FROM recipients",
        ),
        // As the server does by itself after a while.
        On::Postgres => rows::execute(world, "ANALYZE recipients"),
    }
}

fn find(world: &World) -> Vec<RecipientRow> {
    let page = world.read(|conn| search::find(conn, world.account_id, NEEDLE, Position::First, 50));
    page.rows
}

fn scan(world: &World) -> Vec<RecipientRow> {
    world.read(|conn| {
        if world.on == On::Postgres {
            diesel::sql_query("SET LOCAL enable_bitmapscan = off").execute(conn)?;
        }
        Ok(diesel::sql_query(
            "SELECT r.id, r.address, r.first_name, r.last_name, r.status, r.tracking FROM recipients r
             WHERE r.account_id = $1 AND r.search_text LIKE $2 ORDER BY r.id DESC LIMIT 51",
        )
        .bind::<BigInt, _>(world.account_id)
        .bind::<Text, _>(format!("%{NEEDLE}%"))
        .load(conn)?)
    })
}
