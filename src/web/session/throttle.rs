//! Slows guessing down: after failures, each further attempt for the same address or from the
//! same client waits longer. It never refuses, so nobody can lock the true owner out; and a
//! client from which the owner has signed in before does not wait for strangers' failures.
//! Lives in memory only (rule P8: no IP address is stored).

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// So many attempts are free.
const FREE: u32 = 3;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(8);

/// After so long without an attempt, failures are forgotten.
const MEMORY: Duration = Duration::from_mins(15);

/// More addresses and clients than this are not told apart: the oldest are forgotten.
const KEPT: usize = 20_000;

/// What is remembered of failures.
#[derive(Clone, Default)]
pub struct Throttle {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Addresses and clients appear as keyed hashes only.
    hasher: RandomState,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    failures: HashMap<u64, (u32, Instant)>,
    /// Pairs of address and client that have signed in.
    known: HashSet<u64>,
}

/// One attempt. It counts as a failure from its beginning, so that many at once don't slip
/// through; [`Attempt::succeeded`] takes that back.
pub struct Attempt {
    throttle: Throttle,
    address: u64,
    client: u64,
    pair: u64,
    delay: Duration,
}

impl Throttle {
    /// Begins an attempt.
    pub fn begin(&self, address: &str, client: Option<IpAddr>) -> Attempt {
        let hash = |what: (&str, Option<&str>, Option<IpAddr>)| self.inner.hasher.hash_one(what);
        let by_address = hash(("address", Some(address), None));
        let by_client = hash(("client", None, client));
        let pair = hash(("pair", Some(address), client));
        let mut memory = self.inner.memory.lock();
        memory.forget_old();
        let of_client = memory.count(by_client);
        let of_address = memory.count(by_address);
        let failures = if memory.known.contains(&pair) {
            0
        } else {
            // Many people may share a client's address (an office, a proxy).
            of_address.max(of_client.saturating_sub(FREE * 3))
        };
        Attempt {
            throttle: self.clone(),
            address: by_address,
            client: by_client,
            pair,
            delay: delay(failures),
        }
    }
}

impl Memory {
    /// Counts one more, and gives how many there were before.
    fn count(&mut self, key: u64) -> u32 {
        let entry = self.failures.entry(key).or_insert((0, Instant::now()));
        let before = entry.0;
        *entry = (before.saturating_add(1), Instant::now());
        before
    }

    fn forget_old(&mut self) {
        if self.failures.len() > KEPT {
            self.failures.retain(|_, (_, at)| at.elapsed() < MEMORY);
            if self.failures.len() > KEPT {
                self.failures.clear();
            }
        }
        if self.known.len() > KEPT {
            self.known.clear();
        }
    }
}

impl Attempt {
    /// How long this attempt has to wait.
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// It was the owner: the failures are forgotten, and the client is known from now on.
    pub fn succeeded(self) {
        let mut memory = self.throttle.inner.memory.lock();
        memory.failures.remove(&self.address);
        if let Some((count, _)) = memory.failures.get_mut(&self.client) {
            *count = count.saturating_sub(1);
        }
        memory.known.insert(self.pair);
    }
}

fn delay(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(over) => Duration::from_millis(250 << over.min(5)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9)));

    #[test]
    fn attempts_slow_down_and_success_forgives() {
        let throttle = Throttle::default();
        let delays: Vec<_> = (0..12)
            .map(|_| throttle.begin("a@example.org", HERE).delay())
            .collect();
        assert_eq!(delays[0], Duration::ZERO);
        assert_eq!(delays[2], Duration::ZERO);
        assert!(delays[3] > Duration::ZERO);
        assert!(delays[5] > delays[3]);
        assert!(delays.iter().all(|delay| *delay <= LONGEST));
        throttle.begin("a@example.org", HERE).succeeded();
        assert_eq!(
            throttle.begin("a@example.org", HERE).delay(),
            Duration::ZERO
        );
    }

    #[test]
    fn the_owners_client_does_not_wait_for_strangers() {
        let throttle = Throttle::default();
        throttle.begin("a@example.org", HERE).succeeded();
        for _ in 0..50 {
            throttle.begin("a@example.org", THERE);
        }
        assert!(throttle.begin("a@example.org", THERE).delay() > Duration::ZERO);
        assert_eq!(
            throttle.begin("a@example.org", HERE).delay(),
            Duration::ZERO
        );
    }

    #[test]
    fn one_client_trying_many_addresses_slows_down() {
        let throttle = Throttle::default();
        for n in 0..30 {
            throttle.begin(&format!("{n}@example.org"), THERE);
        }
        assert!(throttle.begin("new@example.org", THERE).delay() > Duration::ZERO);
        assert_eq!(
            throttle.begin("new2@example.org", HERE).delay(),
            Duration::ZERO
        );
    }
}
