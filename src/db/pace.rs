//! How much bulk work goes into one transaction.

use std::time::{Duration, Instant};

use super::{Conn, Db, DbResult, OnBackend, account_lock};

/// How long a transaction may take while others wait for their turn at SQLite's one writer: hits
/// are answered only when they are stored.
const IN_COMPANY: Duration = Duration::from_millis(8);

/// How long while nobody does. Much of a large transaction's work is done but once; and whoever
/// comes first waits for no longer than this.
const ALONE: Duration = Duration::from_millis(40);

/// How long on PostgreSQL for work that keeps nobody waiting.
const ON_A_SERVER: Duration = Duration::from_millis(100);

/// For how long somebody who waited is counted as company.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Whom a transaction of bulk work keeps waiting on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// Nobody.
    NobodyWaiting,
    /// The account's hits, from [`Step::keep_hits_out`] to the end of the commit.
    HitsWaiting,
}

/// A transaction of bulk work.
#[derive(Debug)]
pub struct Step {
    /// From when on others wait for its end.
    waited_for: Instant,
}

impl Step {
    /// Takes the lock of the account's hits. What comes before it on PostgreSQL is in nobody's way
    /// and takes what it takes, waiting for that lock included.
    pub fn keep_hits_out(&mut self, conn: &mut Conn, account_id: i64) -> DbResult<()> {
        account_lock::keep_hits_out(conn, account_id)?;
        if conn.backend().is_server() {
            self.waited_for = Instant::now();
        }
        Ok(())
    }
}

/// Finds the size of transactions that take about as long as they may, commit included: SQLite's
/// search index does most of its work there.
#[derive(Debug)]
pub struct Pace {
    size: usize,
    least: usize,
    most: usize,
    keeps: Keeps,
    /// When somebody last waited.
    company: Option<Instant>,
}

impl Pace {
    /// Begins with `size` rows, or whatever the work consists of; later there are no fewer than
    /// `least` and no more than `most`.
    pub const fn new(size: usize, (least, most): (usize, usize), keeps: Keeps) -> Self {
        Self {
            size,
            least,
            most,
            keeps,
            company: None,
        }
    }

    /// How much is to go into the next transaction.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Writes `amount` in one transaction, and sets the pace by how long that kept others waiting.
    pub fn write<T>(
        &mut self,
        db: &Db,
        amount: usize,
        queries: impl FnOnce(&mut Conn, &mut Step) -> DbResult<T>,
    ) -> DbResult<T> {
        let _turn = db.bulk_turn();
        let mut step = Step {
            waited_for: Instant::now(),
        };
        let outcome = db.write(|conn| {
            // Without the time spent waiting for a turn.
            step.waited_for = Instant::now();
            queries(conn, &mut step)
        })?;
        let took = step.waited_for.elapsed();
        if db.is_waited_for() {
            self.company = Some(Instant::now());
        }
        self.adapt(db.is_server(), amount, took);
        Ok(outcome)
    }

    fn in_company(&self) -> bool {
        self.company
            .is_some_and(|since| since.elapsed() < REMEMBERED)
    }

    fn may_take(&self, is_server: bool) -> Duration {
        match self.keeps {
            Keeps::NobodyWaiting if is_server => ON_A_SERVER,
            Keeps::HitsWaiting if is_server => IN_COMPANY,
            _ if self.in_company() => IN_COMPANY,
            _ => ALONE,
        }
    }

    fn adapt(&mut self, is_server: bool, amount: usize, took: Duration) {
        let may = self.may_take(is_server).as_micros();
        let fitting = amount as u128 * may / took.as_micros().max(1);
        let mut fitting = usize::try_from(fitting).unwrap_or(self.most);
        if took.as_micros() < may {
            // Much of a small one takes its time whatever the amount, so more fit than that says.
            fitting = fitting.max(amount + 1);
        }
        // At most doubled: a single fast one says little.
        self.size = fitting.min(self.size * 2).clamp(self.least, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: bool = false;
    const SERVER: bool = true;

    #[test]
    fn the_pace_is_set_by_the_time_that_may_be_taken() {
        let mut pace = Pace::new(200, (50, 2_000), Keeps::NobodyWaiting);
        pace.adapt(FILE, 200, Duration::from_millis(1));
        assert_eq!(pace.size(), 400, "at most doubled");
        pace.adapt(FILE, 400, Duration::from_millis(80));
        assert_eq!(pace.size(), 200);
        pace.company = Some(Instant::now());
        pace.adapt(FILE, 200, Duration::from_millis(16));
        assert_eq!(pace.size(), 100, "in company a fifth of it");
        pace.adapt(FILE, 100, Duration::from_secs(1));
        assert_eq!(pace.size(), 50, "no fewer");
        pace.company = Instant::now().checked_sub(2 * REMEMBERED);
        pace.adapt(FILE, 50, Duration::from_millis(20));
        assert_eq!(pace.size(), 100, "alone again");
        pace.adapt(SERVER, 100, Duration::from_millis(100));
        assert_eq!(pace.size(), 100);
        pace.keeps = Keeps::HitsWaiting;
        pace.adapt(SERVER, 100, Duration::from_millis(16));
        assert_eq!(pace.size(), 50);
        pace.least = 1;
        for (amount, next) in [(1, 2), (2, 3), (3, 4), (4, 4), (5, 4)] {
            // Six milliseconds for each, and half of one for each person.
            pace.adapt(
                SERVER,
                amount,
                Duration::from_micros(6_000 + 500 * amount as u64),
            );
            assert_eq!(pace.size(), next, "as many as there is time for");
        }
    }
}
