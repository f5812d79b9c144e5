//! Importing a large file by the real program, against checking and inserting row by row; and how
//! much memory that takes, against a file of a tenth.

use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use widerspruch::db::Conn;
use widerspruch::db::models::imports::{self, ImportStatus, NewImport};
use widerspruch::domain::secret::random_128;
use widerspruch::domain::time::Timestamp;
use widerspruch::import::inspect;
use widerspruch::import::run::Settings;
use widerspruch::import::uploads::Uploads;

use super::scale::served;
use super::support::{On, World};
use super::table::Table;

/// How many rows the obvious way is given: enough to know its pace.
const OBVIOUS: u32 = 50_000;

/// How many rows it commits together.
const COMMITTED: u32 = 1_000;

pub fn measure(on: On, rows: u32, table: &mut Table) {
    let mut world = World::start(on);
    let obvious = f64::from(OBVIOUS) / one_by_one(&world).as_secs_f64();
    world.stop();
    let (_, tenth) = import(&world, "wenige", rows / 10);
    let (taken, whole) = import(&world, "viele", rows);
    let (again, _) = import(&world, "viele", rows);
    let rate = |taken: Duration| f64::from(rows) / taken.as_secs_f64();
    table.speeds(
        &format!("importing {rows} rows, index and duplicates included, against row by row"),
        on,
        rate(taken),
        obvious,
    );
    table.line(
        "the same file once more: everybody is there",
        on,
        [&format!("{:.0}/s", rate(again)), "", ""],
    );
    table.line(
        &format!(
            "most memory of the server while importing them, against {}",
            rows / 10
        ),
        on,
        [&format!("{whole} MB"), &format!("{tenth} MB"), ""],
    );
}

/// Imports by a server of its own. Gives how long it took, and the most memory it held.
fn import(world: &World, kind: &str, rows: u32) -> (Duration, u64) {
    let import = prepare(world, kind, rows);
    let begun = Instant::now();
    let (_, memory) = served(world, |server| {
        while world
            .read(|conn| imports::find(conn, world.account_id, import))
            .status
            == ImportStatus::Running
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        server.peak_memory()
    });
    let found = world.read(|conn| imports::find(conn, world.account_id, import));
    assert_eq!(found.status, ImportStatus::Done, "it went to its end");
    (begun.elapsed(), memory)
}

/// Lets the next server import so many rows, and gives the import's number.
pub fn prepare(world: &World, kind: &str, rows: u32) -> i64 {
    use std::fmt::Write;
    let path = world.files.path().join("new.csv");
    let mut text = String::from("E-Mail;Vorname;Nachname\n");
    for row in 0..rows {
        let _ = writeln!(text, "{kind}{row}.person@verein.example;Neu{row};Person");
    }
    std::fs::write(&path, &text).expect("written");
    let mut opened = std::fs::File::open(&path).expect("the file just written");
    let found = inspect(&mut opened, 20).expect("a CSV file");
    let settings = Settings {
        dialect: found.dialect,
        mapping: found.mapping,
        modified_at: None,
        consent: None,
        everybody: None,
    }
    .to_json();
    let new = NewImport {
        user_id: None,
        group_id: None,
        file_name: "new.csv",
        size: i64::try_from(text.len()).expect("a number"),
        settings: &settings,
        status: ImportStatus::Running,
    };
    let id = world.write(|conn| imports::create(conn, world.account_id, &new, Timestamp::now()));
    let uploads = Uploads::open(world.dir.path()).expect("the directory");
    std::fs::copy(&path, uploads.path(id)).expect("copied");
    id
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    #[allow(dead_code, reason = "asked for, whether it is there")]
    id: i64,
}

/// Looks for each address, and inserts it into the table and the index if it is not there.
fn one_by_one(world: &World) -> Duration {
    let begun = Instant::now();
    for first in (0..OBVIOUS).step_by(COMMITTED as usize) {
        world.write(|conn| {
            for row in first..first + COMMITTED {
                insert(
                    conn,
                    world.account_id,
                    &format!("einzeln{row}.person@verein.example"),
                )?;
            }
            Ok(())
        });
    }
    begun.elapsed()
}

fn insert(conn: &mut Conn, account_id: i64, address: &str) -> widerspruch::db::DbResult<()> {
    let found: Option<Id> =
        diesel::sql_query("SELECT id FROM recipients WHERE account_id = $1 AND address_key = $2")
            .bind::<BigInt, _>(account_id)
            .bind::<Text, _>(address)
            .get_result(conn)
            .optional()?;
    if found.is_some() {
        return Ok(());
    }
    let new: Id = diesel::sql_query(
        "INSERT INTO recipients (account_id, address, address_key, search_text, public_key, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 0, 0) RETURNING id",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<Text, _>(address)
    .bind::<Text, _>(address)
    .bind::<Text, _>(address)
    .bind::<Binary, _>(&random_128().expect("random bits")[..])
    .get_result(conn)?;
    if let Conn::Sqlite(_) = conn {
        diesel::sql_query("INSERT INTO recipient_search (rowid, search_text) VALUES ($1, $2)")
            .bind::<BigInt, _>(new.id)
            .bind::<Text, _>(address)
            .execute(conn)?;
    }
    Ok(())
}
