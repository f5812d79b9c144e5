//! The keys of PostgreSQL's advisory locks: two numbers each, what is locked and whose it is.
//!
//! Advisory locks belong to the whole database. The first number tells ours from each other, and
//! from those of another program in the same database.

/// The first number of each of our locks, to which the kind is added.
const NAMESPACE: i32 = 0x5769_6400;

/// What is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// The tables, by the node that migrates them.
    Migrations,
    /// The recipients of that account; see [`super::account_lock`] for this and what follows.
    Recipients(i64),
    /// The events of that account.
    Events(i64),
    /// The users of that account.
    Users(i64),
}

impl Lock {
    /// Namespace and id, as `pg_advisory_lock(int, int)` takes them.
    pub const fn key(self) -> (i32, i32) {
        match self {
            Self::Migrations => (NAMESPACE, 0),
            Self::Recipients(account_id) => (NAMESPACE + 1, folded(account_id)),
            Self::Events(account_id) => (NAMESPACE + 2, folded(account_id)),
            Self::Users(account_id) => (NAMESPACE + 3, folded(account_id)),
        }
    }
}

/// Both halves of a number in one. Below 2³² each account has an id of its own; above, two accounts
/// may share one and wait for each other, which costs time and breaks nothing: no transaction locks
/// two accounts exclusively.
const fn folded(account_id: i64) -> i32 {
    let (high, low) = (account_id >> 32, account_id);
    let [.., a, b, c, d] = (high ^ low).to_be_bytes();
    i32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Lock;

    #[test]
    fn no_two_locks_have_one_key() {
        let accounts = [0, 1, 2, 4711, i64::from(i32::MAX), i64::from(u32::MAX)];
        let of = |account| {
            [
                Lock::Recipients(account),
                Lock::Events(account),
                Lock::Users(account),
            ]
        };
        let all = accounts.into_iter().flat_map(of);
        let keys: Vec<_> = all.chain([Lock::Migrations]).map(Lock::key).collect();
        let different: HashSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        // Any number has a key.
        for account in [i64::MAX, i64::MIN, -1] {
            assert_ne!(Lock::Events(account).key(), Lock::Users(account).key());
        }
    }
}
