//! What the README's figures come from:
//! `cargo bench --bench figures -- [--recipients N] [--events N] [--on sqlite|postgres]
//! [--only hits|mails|search|scale|import|pseudonyms]`.
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
mod imported;
mod machine;
mod mails;
mod pseudonyms;
mod route;
mod rows;
mod scale;
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
    match argument("--on").as_deref() {
        Some("sqlite") => databases.retain(|on| *on == On::Sqlite),
        Some("postgres") => databases.retain(|on| *on == On::Postgres),
        Some(other) => panic!("--on sqlite or postgres, not {other}"),
        None => {}
    }
    println!("{}\n", machine::describe());
    let mut table = Table::new();
    let only = argument("--only");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    for on in databases {
        if wanted("hits") {
            hits::measure(on, &mut table);
        }
        if wanted("mails") {
            mails::measure(on, &mut table);
        }
        if wanted("search") {
            search::measure(on, recipients, &mut table);
        }
        if wanted("scale") {
            let events = events_wanted().unwrap_or(10 * u64::from(recipients));
            scale::measure(on, (recipients, events), &mut table);
        }
        if wanted("import") {
            imported::measure(on, recipients, &mut table);
        }
        if wanted("pseudonyms") {
            pseudonyms::measure(on, events_wanted().unwrap_or(1_000_000), &mut table);
        }
    }
    println!("\n{table}");
}

fn recipients_wanted() -> u32 {
    argument("--recipients").map_or(RECIPIENTS, |number| {
        number.parse().expect("--recipients needs a number")
    })
}

fn events_wanted() -> Option<u64> {
    argument("--events").map(|number| number.parse().expect("--events needs a number"))
}

/// The word after this one; Cargo adds arguments of its own.
fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|word| word != name);
    arguments.next()?;
    Some(
        arguments
            .next()
            .unwrap_or_else(|| panic!("{name} needs a value")),
    )
}
