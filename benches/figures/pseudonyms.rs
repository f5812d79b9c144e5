//! Pseudonymising one recipient with 2,000 events among very many: one row per mailing, with the
//! proof that no report changes, the audit log and the receipt, against changing each event's row.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Binary};
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use widerspruch::db::json_rows::Column;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::reports;
use widerspruch::domain::secret::{hex, random_128};
use widerspruch::domain::time::Timestamp;
use widerspruch::tracking::pseudonymise::pseudonymise_recipient;

use super::rows;
use super::support::{On, World};
use super::table::{Table, median};

/// How many recipients there are for a million events.
const RECIPIENTS_OF_A_MILLION: u64 = 500;
const MAILINGS: i64 = 100;
/// Of one recipient in one mailing: 2,000 in all mailings.
const EVENTS: i64 = 20;
/// In how many hours a mailing was opened, and each of its links clicked.
const HOURS: i64 = 50;

/// How many recipients are pseudonymised each way.
const TIMES: i64 = 9;

pub fn measure(on: On, events: u64, table: &mut Table) {
    let world = World::start(on);
    let recipients = (events * RECIPIENTS_OF_A_MILLION).div_ceil(1_000_000);
    fill(&world, i64::try_from(recipients).expect("a number"));
    let (mut ours, mut obvious) = (Vec::new(), Vec::new());
    for recipient in 1..=TIMES {
        let start = Instant::now();
        world.write(|conn| {
            let (actor, now) = (Actor::Program("Messung"), Timestamp::now());
            pseudonymise_recipient(conn, world.account_id, recipient, &actor, now)
        });
        ours.push(start.elapsed());
        let start = Instant::now();
        change_events(&world, recipient);
        obvious.push(start.elapsed());
    }
    let start = Instant::now();
    let mailings: Vec<i64> = (1..=MAILINGS).collect();
    let figures = world.read(|conn| reports::figures(conn, world.account_id, &mailings));
    eprintln!(
        "the figures of {} mailings, read twice for the proof: {:?} each",
        figures.len(),
        start.elapsed()
    );
    table.durations(
        &format!(
            "pseudonymising one recipient with 2,000 events in 100 mailings, of {events} events"
        ),
        on,
        median(ours, Duration::as_secs_f64),
        median(obvious, Duration::as_secs_f64),
    );
}

fn change_events(world: &World, recipient: i64) {
    let pseudonym = random_128().expect("random bits");
    let changed = world.write(|conn| {
        Ok(diesel::sql_query(
            "UPDATE obvious_events SET pseudonym = $1, recipient_id = NULL WHERE recipient_id = $2",
        )
        .bind::<Binary, _>(&pseudonym[..])
        .bind::<BigInt, _>(recipient)
        .execute(conn)?)
    });
    assert_eq!(i64::try_from(changed), Ok(MAILINGS * EVENTS));
}

fn fill(world: &World, recipients: i64) {
    let account = world.account_id;
    let people: Vec<Value> = (1..=recipients)
        .map(|n| {
            let address = format!("p{n}@example.org");
            let key = hex(&random_128().expect("random bits"));
            json!([n, account, address, address, address, key, 0, 0])
        })
        .collect();
    rows::insert(world, "recipients", &super::search::COLUMNS, &people);
    for statement in obvious_table(world.on) {
        rows::execute(world, statement);
    }
    let mut delivery = 0;
    for _ in 0..MAILINGS {
        let mailing = world.make_sent_mailing("Neues", EVENTS - 1);
        let mut order: Vec<i64> = (1..=recipients).collect();
        order.shuffle(&mut rand::rng());
        let (mut deliveries, mut events) = (Vec::new(), Vec::new());
        let mut obvious = Vec::new();
        for recipient in order {
            delivery += 1;
            let key = hex(&random_128().expect("random bits"));
            deliveries.push(json!([
                delivery, account, mailing, recipient, key, "personal", "handed", 1, 1
            ]));
            for link in 0..EVENTS {
                let kind = i64::from(link > 0);
                events.push(json!([account, delivery, kind, link, 0, 1, false, 1]));
                obvious.push(json!([account, mailing, recipient, kind, link, 0]));
            }
        }
        // They came in as it pleased the readers.
        obvious.shuffle(&mut rand::rng());
        rows::insert(world, "deliveries", &DELIVERIES, &deliveries);
        rows::insert(world, "events", &EVENT_COLUMNS, &events);
        rows::insert(world, "obvious_events", &OBVIOUS_COLUMNS, &obvious);
        let opened = (0..HOURS).map(|hour| json!([account, mailing, 0, 0, hour, 5, 1]));
        let clicked = (0..EVENTS).flat_map(|link| {
            (0..HOURS).map(move |hour| json!([account, mailing, 1, link, hour, 5, 1]))
        });
        let hours: Vec<Value> = opened.chain(clicked).collect();
        rows::insert(world, "mailing_hours", &HOUR_COLUMNS, &hours);
    }
    if world.on == On::Postgres {
        for table in ["deliveries", "events", "obvious_events", "mailing_hours"] {
            rows::execute(world, &format!("ANALYZE {table}"));
        }
    }
}

const DELIVERIES: [(&str, Column); 9] = [
    ("id", Column::Int),
    ("account_id", Column::Int),
    ("mailing_id", Column::Int),
    ("recipient_id", Column::Int),
    ("token_key", Column::Bytes),
    ("policy", Column::Text),
    ("status", Column::Text),
    ("opens", Column::Int),
    ("clicks", Column::Int),
];
const EVENT_COLUMNS: [(&str, Column); 8] = [
    ("account_id", Column::Int),
    ("delivery_id", Column::Int),
    ("kind", Column::Int),
    ("link", Column::Int),
    ("hour", Column::Int),
    ("device", Column::Int),
    ("automatic", Column::Bool),
    ("n", Column::Int),
];
const OBVIOUS_COLUMNS: [(&str, Column); 6] = [
    ("account_id", Column::Int),
    ("mailing_id", Column::Int),
    ("recipient_id", Column::Int),
    ("kind", Column::Int),
    ("link", Column::Int),
    ("at", Column::Int),
];
const HOUR_COLUMNS: [(&str, Column); 7] = [
    ("account_id", Column::Int),
    ("mailing_id", Column::Int),
    ("kind", Column::Int),
    ("link", Column::Int),
    ("hour", Column::Int),
    ("personal", Column::Int),
    ("firsts", Column::Int),
];

fn obvious_table(on: On) -> [&'static str; 2] {
    let table = match on {
        On::Sqlite => {
            "CREATE TABLE obvious_events (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL,
                 mailing_id INTEGER NOT NULL, recipient_id INTEGER, pseudonym BLOB, kind INTEGER NOT NULL,
                 link INTEGER NOT NULL, at INTEGER NOT NULL)"
        }
        On::Postgres => {
            "CREATE TABLE obvious_events (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 account_id BIGINT NOT NULL, mailing_id BIGINT NOT NULL, recipient_id BIGINT, pseudonym BYTEA,
                 kind BIGINT NOT NULL, link BIGINT NOT NULL, at BIGINT NOT NULL)"
        }
    };
    let index = "CREATE INDEX obvious_events_by_recipient ON obvious_events (recipient_id)";
    [table, index]
}
