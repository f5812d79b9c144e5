//! Slows guessing down: after failures, each further attempt for the same address or from the
//! same client waits longer, and only so many wait at a time. A browser in which the owner has
//! signed in before shows a cookie that proves it, and is not concerned by strangers' failures: so
//! nobody can lock the true owner out (OWASP, *Device cookies*).
//!
//! Lives in memory only (rule P8: no IP address is stored).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use crate::domain::secret::{Key, Random128, random_128};
use crate::web::client;

/// So many attempts are free.
const FREE: u32 = 3;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(8);

/// After so long without an attempt, one failure is forgotten.
const FORGIVEN_AFTER: Duration = Duration::from_mins(2);

/// So many addresses and clients are told apart, and besides only those of attempts that wait.
const KEPT: usize = 20_000;

/// An attempt counts for its address and for its client.
const MOST_KEYS: usize = 2;

/// So many attempts for one address, or from one browser, wait at the same time.
const WAITING_FOR_ADDRESS: u32 = 20;

/// So many attempts of one client wait at the same time: people in an office share one.
const WAITING_OF_CLIENT: u32 = 100;

/// What is remembered of failures.
#[derive(Clone)]
pub struct Throttle {
    inner: Arc<Inner>,
}

struct Inner {
    /// Addresses and clients appear as keyed hashes only.
    hasher: RandomState,
    browsers: Key,
    memory: Mutex<HashMap<u64, Seen>>,
}

/// What is known of one address, browser or client.
#[derive(Clone, Copy)]
struct Seen {
    failures: u32,
    waiting: u32,
    at: Instant,
}

/// One attempt. It counts as a failure from its beginning, so that many at once don't slip
/// through; [`Attempt::succeeded`] takes that back.
pub struct Attempt {
    throttle: Throttle,
    keys: Vec<u64>,
    delay: Duration,
}

/// Too many attempts wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded;

impl Throttle {
    /// Remembers nothing yet. The key signs the cookies of known browsers.
    pub fn new(browsers: Key) -> Self {
        Self {
            inner: Arc::new(Inner {
                hasher: RandomState::new(),
                browsers,
                memory: Mutex::default(),
            }),
        }
    }

    /// Begins an attempt: for an address, from a client, from a browser that shows this cookie.
    ///
    /// # Errors
    /// [`Crowded`] when too many attempts wait already.
    pub fn begin(
        &self,
        address: &str,
        client: Option<IpAddr>,
        cookie: Option<&str>,
    ) -> Result<Attempt, Crowded> {
        let client = client::of_limit(client);
        let limits = match cookie.and_then(|cookie| self.read(cookie, address)) {
            Some(browser) => vec![(self.hash(("browser", browser)), FREE, WAITING_FOR_ADDRESS)],
            None => std::iter::once((self.hash(("address", address)), FREE, WAITING_FOR_ADDRESS))
                .chain(client.map(|client| {
                    // Many people may share a client's address (an office, a proxy).
                    (self.hash(("client", client)), FREE * 4, WAITING_OF_CLIENT)
                }))
                .collect(),
        };
        let mut memory = self.inner.memory.lock();
        make_room(&mut memory);
        let mut delay = Duration::ZERO;
        for (key, free, most) in &limits {
            let seen = memory.get(key).map(Seen::now);
            if seen.is_some_and(|seen| seen.waiting >= *most) {
                return Err(Crowded);
            }
            delay = delay.max(delay_after(seen.map_or(0, |seen| seen.failures), *free));
        }
        let keys: Vec<u64> = limits.into_iter().map(|(key, _, _)| key).collect();
        for key in &keys {
            let seen = memory.entry(*key).or_insert_with(Seen::nothing);
            *seen = seen.now();
            seen.failures = seen.failures.saturating_add(1);
            seen.waiting += 1;
            seen.at = Instant::now();
        }
        drop(memory);
        Ok(Attempt {
            throttle: self.clone(),
            keys,
            delay,
        })
    }

    /// A cookie that shows that somebody has signed in with this address in this browser.
    ///
    /// # Errors
    /// Fails when the operating system gives no random bits.
    pub fn cookie(&self, address: &str) -> Result<String, getrandom::Error> {
        let browser = random_128()?;
        let mut bytes = browser.to_vec();
        bytes.extend_from_slice(&self.seal(browser, address));
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether a cookie shows that somebody has signed in with this address in its browser.
    pub fn is_known(&self, cookie: &str, address: &str) -> bool {
        self.read(cookie, address).is_some()
    }

    /// Which browser shows this cookie; none when it is not ours, or of another address.
    fn read(&self, cookie: &str, address: &str) -> Option<Random128> {
        let mut bytes = [0; 48];
        let length = URL_SAFE_NO_PAD.decode_slice(cookie, &mut bytes).ok()?;
        let (browser, seal) = bytes.get(..length)?.split_at_checked(16)?;
        let browser: Random128 = browser.try_into().ok()?;
        bool::from(self.seal(browser, address).ct_eq(seal)).then_some(browser)
    }

    fn seal(&self, browser: Random128, address: &str) -> [u8; 16] {
        let mut message = browser.to_vec();
        message.extend_from_slice(address.as_bytes());
        let mac = self.inner.browsers.mac(&message);
        std::array::from_fn(|at| mac[at])
    }

    fn hash(&self, what: impl std::hash::Hash) -> u64 {
        self.inner.hasher.hash_one(what)
    }
}

impl Seen {
    fn nothing() -> Self {
        Self {
            failures: 0,
            waiting: 0,
            at: Instant::now(),
        }
    }

    /// Time forgives.
    fn now(&self) -> Self {
        let forgiven = self.at.elapsed().as_secs() / FORGIVEN_AFTER.as_secs();
        Self {
            failures: self
                .failures
                .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX)),
            ..*self
        }
    }
}

/// Makes room for the keys of an attempt, where there is none: those without failures lately are
/// forgotten, and if that is not half of all, those with the fewest. So a flood of new ones forgets
/// itself, and each sweep pays for the next ten thousand attempts.
fn make_room(memory: &mut HashMap<u64, Seen>) {
    if memory.len() + MOST_KEYS <= KEPT {
        return;
    }
    memory.retain(|_, seen| seen.waiting > 0 || seen.now().failures > 0);
    let Some(surplus) = memory.len().checked_sub(KEPT / 2) else {
        return;
    };
    let mut resting: Vec<(u32, u64)> = memory
        .iter()
        .filter(|(_, seen)| seen.waiting == 0)
        .map(|(key, seen)| (seen.now().failures, *key))
        .collect();
    resting.sort_unstable();
    for (_, key) in resting.iter().take(surplus) {
        memory.remove(key);
    }
}

impl Attempt {
    /// How long this attempt has to wait.
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// It was the owner: this attempt was no failure. What strangers tried stays.
    pub fn succeeded(self) {
        let mut memory = self.throttle.inner.memory.lock();
        for key in &self.keys {
            if let Some(seen) = memory.get_mut(key) {
                seen.failures = seen.failures.saturating_sub(1);
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut memory = self.throttle.inner.memory.lock();
        for key in &self.keys {
            if let Some(seen) = memory.get_mut(key) {
                seen.waiting = seen.waiting.saturating_sub(1);
            }
        }
    }
}

fn delay_after(failures: u32, free: u32) -> Duration {
    match failures.checked_sub(free) {
        None => Duration::ZERO,
        Some(over) => Duration::from_millis(250 << over.min(5)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::{Purpose, Secret};

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9)));
    const A: &str = "a@example.org";

    fn throttle() -> Throttle {
        Throttle::new(Secret::from_bytes([6; 32]).key(Purpose::KnownBrowser))
    }

    fn delay(throttle: &Throttle, address: &str, client: Option<IpAddr>) -> Duration {
        throttle.begin(address, client, None).unwrap().delay()
    }

    #[test]
    fn attempts_slow_down() {
        let throttle = throttle();
        let delays: Vec<_> = (0..12).map(|_| delay(&throttle, A, HERE)).collect();
        assert_eq!(delays[..3], [Duration::ZERO; 3]);
        assert!(delays[3] > Duration::ZERO);
        assert!(delays[5] > delays[3]);
        assert!(delays.iter().all(|delay| *delay <= LONGEST));
    }

    #[test]
    fn whoever_always_succeeds_never_waits() {
        let throttle = throttle();
        for _ in 0..100 {
            let attempt = throttle.begin(A, HERE, None).unwrap();
            assert_eq!(attempt.delay(), Duration::ZERO);
            attempt.succeeded();
        }
    }

    #[test]
    fn the_owners_browser_does_not_wait_for_strangers() {
        let throttle = throttle();
        let cookie = throttle.cookie(A).unwrap();
        for _ in 0..50 {
            delay(&throttle, A, HERE);
        }
        assert!(delay(&throttle, A, HERE) > Duration::ZERO);
        let known = throttle.begin(A, HERE, Some(&cookie)).unwrap();
        assert_eq!(known.delay(), Duration::ZERO);
        // But a cookie that was stolen does not open the way for guessing.
        for _ in 0..10 {
            let _ = throttle.begin(A, HERE, Some(&cookie));
        }
        let again = throttle.begin(A, HERE, Some(&cookie)).unwrap();
        assert!(again.delay() > Duration::ZERO);
    }

    #[test]
    fn a_cookie_holds_for_one_address_and_can_not_be_made_up() {
        let throttle = throttle();
        let cookie = throttle.cookie(A).unwrap();
        assert!(throttle.read(&cookie, A).is_some());
        assert!(throttle.read(&cookie, "b@example.org").is_none());
        for made_up in ["", "x", "%", &"A".repeat(43), &"A".repeat(500)] {
            assert!(throttle.read(made_up, A).is_none(), "{made_up}");
        }
    }

    #[test]
    fn one_client_trying_many_addresses_slows_down() {
        let throttle = throttle();
        for n in 0..30 {
            delay(&throttle, &format!("{n}@example.org"), THERE);
        }
        assert!(delay(&throttle, "new@example.org", THERE) > Duration::ZERO);
        assert_eq!(delay(&throttle, "new2@example.org", HERE), Duration::ZERO);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let throttle = throttle();
        let client = |last: u16| Some(format!("2001:db8:1:2::{last:x}").parse().unwrap());
        for n in 0..30 {
            delay(&throttle, &format!("{n}@example.org"), client(n));
        }
        assert!(delay(&throttle, "new@example.org", client(99)) > Duration::ZERO);
        let neighbour = Some("2001:db8:1:3::1".parse().unwrap());
        assert_eq!(
            delay(&throttle, "new2@example.org", neighbour),
            Duration::ZERO
        );
    }

    #[test]
    fn a_flood_takes_a_bounded_memory_and_forgets_no_victim() {
        let throttle = throttle();
        for _ in 0..12 {
            delay(&throttle, A, None);
        }
        let before = delay(&throttle, A, None);
        for n in 0..3 * KEPT {
            let address = format!("{}@example.org", n / 5);
            drop(throttle.begin(&address, None, None));
            assert!(throttle.inner.memory.lock().len() <= KEPT);
        }
        assert_eq!(delay(&throttle, A, None), before);
    }

    #[test]
    fn many_at_once_do_not_slip_through() {
        let throttle = throttle();
        let cookie = throttle.cookie(A).unwrap();
        let waiting: Vec<_> = (0..1_000)
            .filter_map(|_| throttle.begin(A, HERE, None).ok())
            .collect();
        assert_eq!(waiting.len(), usize::try_from(WAITING_FOR_ADDRESS).unwrap());
        assert!(throttle.begin(A, HERE, Some(&cookie)).is_ok(), "the owner");
        drop(waiting);
        assert!(throttle.begin(A, HERE, None).is_ok(), "they have left");
    }
}
