//! Hits through the recorder, which shares a commit among all that wait, against one insert per
//! hit, which keeps less: no decision about the person, no counters for the reports.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use rand::RngExt;
use serde_json::json;
use widerspruch::db::json_rows::Column;
use widerspruch::domain::secret::{Random128, hex, random_128};
use widerspruch::domain::time::Timestamp;
use widerspruch::tracking::recorder::{Hit, Stored};
use widerspruch::tracking::token::HitKind;
use widerspruch::tracking::visitor::{Request, Visitor};

use super::support::{On, World};
use super::table::{Rate, Table, median};
use super::{route, rows};

/// How many readers wait for an answer at the same time.
const CALLERS: usize = 64;

/// For how long each way is measured, each time.
const ROUND: Duration = Duration::from_secs(4);

const ROUNDS: usize = 3;

/// How many recipients the mailing has: of a few, the same rows and pages change again and again;
/// of many, each hit changes others.
const RECIPIENTS: [i64; 2] = [2_000, 100_000];

pub fn measure(on: On, table: &mut Table) {
    for recipients in RECIPIENTS {
        measure_mailing(on, recipients, table);
    }
}

fn measure_mailing(on: On, recipients: i64, table: &mut Table) {
    let world = World::start(on);
    let (mailing_id, keys) = sent_mailing(&world, recipients);
    rows::execute(&world, obvious_table(on));
    let (mut ours, mut obvious) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(recorded(&world, mailing_id, &keys));
        obvious.push(inserted(&world, mailing_id, recipients));
    }
    table.rates(
        &format!(
            "hits of {recipients} recipients stored, 64 at a time, against one insert for each"
        ),
        on,
        median(ours, |rate| rate.per_second),
        median(obvious, |rate| rate.per_second),
    );
    let (mut stored, mut dropped) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        stored.push(route::loaded(&world, mailing_id, &keys, ROUND));
        world.state.recorder.drop_hits(true);
        dropped.push(route::loaded(&world, mailing_id, &keys, ROUND));
        world.state.recorder.drop_hits(false);
    }
    table.rates(
        "the same over HTTP, 64 connections, against dropping them",
        on,
        median(stored, |rate| rate.per_second),
        median(dropped, |rate| rate.per_second),
    );
}

fn obvious_table(on: On) -> &'static str {
    match on {
        On::Sqlite => {
            "CREATE TABLE obvious_hits (id INTEGER PRIMARY KEY AUTOINCREMENT, mailing_id INTEGER NOT NULL,
                 recipient_id INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL)"
        }
        On::Postgres => {
            "CREATE TABLE obvious_hits (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mailing_id BIGINT NOT NULL,
                 recipient_id BIGINT NOT NULL, kind BIGINT NOT NULL, at BIGINT NOT NULL)"
        }
    }
}

/// A mailing to many, and the keys of its mails.
fn sent_mailing(world: &World, recipients: i64) -> (i64, Vec<Random128>) {
    let mailing_id = world.make_sent_mailing("Neues", 1);
    let first = world.make_recipient("p0@example.org");
    let people: Vec<_> = (1..recipients)
        .map(|n| {
            let address = format!("p{n}@example.org");
            let key = hex(&random_128().expect("random bits"));
            json!([
                first + n,
                world.account_id,
                address,
                address,
                address,
                key,
                0,
                0
            ])
        })
        .collect();
    rows::insert(world, "recipients", &super::search::COLUMNS, &people);
    let keys: Vec<Random128> = (0..recipients)
        .map(|_| random_128().expect("random bits"))
        .collect();
    let deliveries: Vec<_> = (first..)
        .zip(&keys)
        .map(|(id, key)| {
            json!([
                world.account_id,
                mailing_id,
                id,
                hex(key),
                "personal",
                "handed"
            ])
        })
        .collect();
    let columns = [
        ("account_id", Column::Int),
        ("mailing_id", Column::Int),
        ("recipient_id", Column::Int),
        ("token_key", Column::Bytes),
        ("policy", Column::Text),
        ("status", Column::Text),
    ];
    rows::insert(world, "deliveries", &columns, &deliveries);
    (mailing_id, keys)
}

fn recorded(world: &World, mailing_id: i64, keys: &[Random128]) -> Rate {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let visitor = Visitor::of(Request {
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
        ..Request::default()
    });
    let account_id = world.account_id;
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (recorder, keys) = (world.state.recorder.clone(), keys.to_vec());
            runtime.spawn(async move {
                let mut times = Vec::new();
                while start.elapsed() < ROUND {
                    let hit = Hit {
                        account_id,
                        mailing_id,
                        kind: HitKind::Open,
                        key: Some(keys[rand::rng().random_range(0..keys.len())]),
                        link: 0,
                        at: Timestamp::now(),
                        visitor,
                    };
                    let asked = Instant::now();
                    let stored = recorder.record(hit).await;
                    assert_eq!(stored, Stored::Yes, "only what is stored counts");
                    times.push(asked.elapsed());
                }
                times
            })
        })
        .collect();
    let times = callers
        .into_iter()
        .flat_map(|caller| runtime.block_on(caller).expect("a caller"))
        .collect();
    rate(times, start.elapsed())
}

fn inserted(world: &World, mailing_id: i64, recipients: i64) -> Rate {
    let start = Instant::now();
    let times = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut times = Vec::new();
                    while start.elapsed() < ROUND {
                        let recipient = rand::rng().random_range(1..=recipients);
                        let asked = Instant::now();
                        insert_one(world, mailing_id, recipient);
                        times.push(asked.elapsed());
                    }
                    times
                })
            })
            .collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().expect("a caller"))
            .collect()
    });
    rate(times, start.elapsed())
}

fn insert_one(world: &World, mailing_id: i64, recipient_id: i64) {
    world.write(|conn| {
        diesel::sql_query(
            "INSERT INTO obvious_hits (mailing_id, recipient_id, kind, at) VALUES ($1, $2, 0, $3)",
        )
        .bind::<BigInt, _>(mailing_id)
        .bind::<BigInt, _>(recipient_id)
        .bind::<BigInt, _>(Timestamp::now().millis())
        .execute(conn)?;
        Ok(())
    });
}

fn rate(mut times: Vec<Duration>, taken: Duration) -> Rate {
    times.sort_unstable();
    Rate {
        per_second: times.len() as f64 / taken.as_secs_f64(),
        p99: times[times.len() * 99 / 100],
    }
}
