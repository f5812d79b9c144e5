//! Who waits for whom on PostgreSQL, where several write at a time.

use widerspruch::db::models::groups;
use widerspruch::db::{Conn, DbResult, LOCK_TIMEOUT};
use widerspruch::domain::time::Timestamp;

use super::{World, eventually};

impl World {
    /// How many sessions wait for an advisory lock.
    pub fn waiting_for_account_lock(&self) -> i64 {
        self.waiting("wait_event_type = 'Lock' AND wait_event = 'advisory'")
    }

    fn waiting(&self, how: &str) -> i64 {
        let here = format!("datname = current_database() AND {how}");
        self.rows("pg_stat_activity", &here)
    }

    /// Runs two transactions: the second one begins when the first has done its work, and the first
    /// commits when the second waits for it, or is through. Gives what came of both.
    #[track_caller]
    pub fn overlapping<A, B: Send>(
        &self,
        first: impl FnOnce(&mut Conn) -> DbResult<A>,
        second: impl FnOnce(&mut Conn) -> DbResult<B> + Send,
    ) -> (A, B) {
        std::thread::scope(|scope| {
            let (one, other) = self.write(|conn| {
                let one = first(conn)?;
                let other = scope.spawn(|| self.state.db.write(second));
                eventually(
                    "the second waits, or is through",
                    || {
                        (
                            other.is_finished(),
                            self.waiting("wait_event_type = 'Lock'"),
                        )
                    },
                    |(is_through, waiting)| *is_through || *waiting > 0,
                );
                Ok((one, other))
            });
            let other = other.join().expect("it ends");
            (one, other.expect("the queries succeed"))
        })
    }

    /// A group with these members.
    pub fn make_group_of(&self, name: &str, people: &[i64]) -> i64 {
        self.write(|conn| {
            let now = Timestamp::now();
            let group = groups::create(conn, self.account_id, name, now)?;
            groups::add_members(conn, self.account_id, group, people, now)?;
            Ok(group)
        })
    }

    /// Does something while a batch of this account's hits is between its decision and its commit.
    pub fn while_hits_are_stored<T>(&self, act: impl Fn() -> T) -> T {
        let accounts = [self.account_id];
        let outcome = self.state.db.record(&accounts, LOCK_TIMEOUT, |_| Ok(act()));
        let outcome = outcome.expect("the queries succeed");
        outcome.expect("nobody holds the lock")
    }
}
