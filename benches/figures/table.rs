//! Two ways beside each other.

use std::fmt;
use std::time::Duration;

use super::support::On;

/// What was measured, as lines of a Markdown table.
pub struct Table {
    lines: Vec<[String; 5]>,
}

impl Table {
    pub fn new() -> Self {
        let head = ["what", "database", "this way", "the obvious way", "ratio"];
        Self {
            lines: vec![
                head.map(str::to_owned),
                ["---", "---", "--:", "--:", "--:"].map(str::to_owned),
            ],
        }
    }

    /// Adds how long something takes.
    pub fn durations(&mut self, what: &str, on: On, ours: Duration, obvious: Duration) {
        let ratio = obvious.as_secs_f64() / ours.as_secs_f64();
        self.add(what, on, milliseconds(ours), milliseconds(obvious), ratio);
    }

    /// Adds how much is done in a second, with the time within which 99 of 100 are done.
    pub fn rates(&mut self, what: &str, on: On, ours: Rate, obvious: Rate) {
        let ratio = ours.per_second / obvious.per_second;
        self.add(what, on, ours.to_string(), obvious.to_string(), ratio);
    }

    /// Adds how much is done in a second, where nobody waits for a single one.
    pub fn speeds(&mut self, what: &str, on: On, ours: f64, obvious: f64) {
        let speed = |rate: f64| format!("{rate:.0}/s");
        self.add(what, on, speed(ours), speed(obvious), ours / obvious);
    }

    /// Adds what has nothing beside it, or something else than an obvious way: this way, the other,
    /// their ratio.
    pub fn line(&mut self, what: &str, on: On, [ours, other, ratio]: [&str; 3]) {
        let database = match on {
            On::Sqlite => "SQLite",
            On::Postgres => "PostgreSQL",
        };
        eprintln!("{what}, {database}: {ours} {other}");
        let cells = [what, database, ours, other, ratio];
        self.lines.push(cells.map(str::to_owned));
    }

    fn add(&mut self, what: &str, on: On, ours: String, obvious: String, ratio: f64) {
        let database = match on {
            On::Sqlite => "SQLite",
            On::Postgres => "PostgreSQL",
        };
        let ratio = if ratio < 10.0 {
            format!("{ratio:.1}")
        } else {
            format!("{ratio:.0}")
        };
        eprintln!("{what}, {database}: {ours} against {obvious}");
        self.lines
            .push([what.to_owned(), database.to_owned(), ours, obvious, ratio]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "| {} |", line.join(" | "))?;
        }
        Ok(())
    }
}

/// How much is done in a second.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub per_second: f64,
    pub p99: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0}/s, p99 {}",
            self.per_second,
            milliseconds(self.p99)
        )
    }
}

fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// The middle one of several.
pub fn median<T: Copy>(mut values: Vec<T>, by: impl Fn(&T) -> f64) -> T {
    values.sort_by(|a, b| by(a).total_cmp(&by(b)));
    values[values.len() / 2]
}
