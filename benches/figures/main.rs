//! What the README's figures come from: `cargo bench --bench figures [-- --recipients N]`.
//!
//! Each measures the program's way and the obvious way in the same run, on the same data and the
//! same machine: the ratio is what counts. On SQLite, and on PostgreSQL if `TEST_POSTGRES_URL`
//! names a server. Nothing here is a test: no time is asserted.

#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a measurement that cannot go on should stop where it stands"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod hits;
mod machine;
mod pseudonyms;
mod rows;
mod search;
mod table;

use support::On;
use table::Table;

/// How many recipients are searched unless told otherwise.
const RECIPIENTS: u32 = 100_000;

fn main() {
    let recipients = recipients_wanted();
    let mut databases = vec![On::Sqlite];
    if std::env::var_os("TEST_POSTGRES_URL").is_some() {
        databases.push(On::Postgres);
    } else {
        eprintln!("without TEST_POSTGRES_URL only SQLite is measured");
    }
    println!("{}\n", machine::describe());
    let mut table = Table::new();
    for on in databases {
        hits::measure(on, &mut table);
        search::measure(on, recipients, &mut table);
        pseudonyms::measure(on, &mut table);
    }
    println!("\n{table}");
}

/// The value of `--recipients`; Cargo adds arguments of its own.
fn recipients_wanted() -> u32 {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|word| word == "--recipients");
    at.map_or(RECIPIENTS, |at| {
        let number = arguments.get(at + 1).and_then(|word| word.parse().ok());
        number.expect("--recipients needs a number")
    })
}
