//! How often forms may be sent: per form, per address and per client, each a bucket that fills up
//! again with time. Lives in memory only, and knows addresses and clients as keyed hashes (rule P8:
//! no IP address is stored).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::web::client;

/// How many times at once, and after how long there is one time more.
#[derive(Debug, Clone, Copy)]
struct Limit {
    at_once: f64,
    each: Duration,
}

/// A form that was just on television still works.
const FORM: Limit = Limit {
    at_once: 300.0,
    each: Duration::from_secs(1),
};

/// Somebody mistyped, pressed twice, and signed up with a second form. How many mails may go out
/// is limited further, in the database ([`crate::signup::ask`]).
const ADDRESS: Limit = Limit {
    at_once: 6.0,
    each: Duration::from_mins(10),
};

/// Many people may share a client's address (an office, a proxy).
const CLIENT: Limit = Limit {
    at_once: 40.0,
    each: Duration::from_secs(30),
};

/// So many are told apart.
const KEPT: usize = 20_000;

/// A sending counts for its client, its form and its address.
const MOST_BUCKETS: usize = 3;

/// What was sent lately. Cheap to clone.
#[derive(Clone, Default)]
pub struct FormLimits {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    limit: Limit,
    left: f64,
    at: Instant,
}

/// Whether a form is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// It is.
    Yes,
    /// This address was sent too often.
    NotThisAddress,
    /// This form, or this client, sends too much at the moment.
    NotNow,
}

impl FormLimits {
    /// Counts one sending.
    pub fn take(&self, form_id: i64, address_key: &str, client: Option<IpAddr>) -> Allowed {
        self.take_at(form_id, address_key, client, Instant::now())
    }

    fn take_at(
        &self,
        form_id: i64,
        address_key: &str,
        client: Option<IpAddr>,
        now: Instant,
    ) -> Allowed {
        let hasher = &self.inner.hasher;
        let mut buckets = self.inner.buckets.lock();
        make_room(&mut buckets, now);
        if let Some(client) = client::of_limit(client)
            && !take(
                &mut buckets,
                hasher.hash_one(("client", client)),
                CLIENT,
                now,
            )
        {
            return Allowed::NotNow;
        }
        if !take(&mut buckets, hasher.hash_one(("form", form_id)), FORM, now) {
            return Allowed::NotNow;
        }
        if !take(
            &mut buckets,
            hasher.hash_one(("address", address_key)),
            ADDRESS,
            now,
        ) {
            return Allowed::NotThisAddress;
        }
        Allowed::Yes
    }
}

/// Makes room for the buckets of a sending, where there is none: those that are full again are
/// forgotten, and if that is not half of all, those that are nearest to it. So a flood of new ones
/// forgets itself, and each sweep pays for the next thousands.
fn make_room(buckets: &mut HashMap<u64, Bucket>, now: Instant) {
    if buckets.len() + MOST_BUCKETS <= KEPT {
        return;
    }
    buckets.retain(|_, bucket| bucket.now(now).left < bucket.limit.at_once);
    let Some(surplus) = buckets.len().checked_sub(KEPT / 2) else {
        return;
    };
    let mut by_fill: Vec<(f64, u64)> = buckets
        .iter()
        .map(|(key, bucket)| (bucket.now(now).left / bucket.limit.at_once, *key))
        .collect();
    by_fill.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
    for (_, key) in by_fill.iter().take(surplus) {
        buckets.remove(key);
    }
}

fn take(buckets: &mut HashMap<u64, Bucket>, key: u64, limit: Limit, now: Instant) -> bool {
    let full = Bucket {
        limit,
        left: limit.at_once,
        at: now,
    };
    let bucket = buckets.entry(key).or_insert(full);
    *bucket = bucket.now(now);
    if bucket.left < 1.0 {
        return false;
    }
    bucket.left -= 1.0;
    true
}

impl Bucket {
    /// Time fills it up again.
    fn now(&self, now: Instant) -> Self {
        let since = now.saturating_duration_since(self.at);
        let more = since.as_secs_f64() / self.limit.each.as_secs_f64();
        Self {
            left: (self.left + more).min(self.limit.at_once),
            at: now,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

    #[test]
    fn an_address_is_taken_some_times_and_again_later() {
        let limits = FormLimits::default();
        let now = Instant::now();
        let take = |at| limits.take_at(1, "a@example.org", None, at);
        let taken: Vec<_> = (0..8).map(|_| take(now)).collect();
        assert_eq!(taken[..6], [Allowed::Yes; 6]);
        assert_eq!(taken[6..], [Allowed::NotThisAddress; 2]);
        assert_eq!(limits.take_at(1, "b@example.org", None, now), Allowed::Yes);
        assert_eq!(take(now + ADDRESS.each), Allowed::Yes);
        assert_eq!(take(now + ADDRESS.each), Allowed::NotThisAddress);
    }

    #[test]
    fn one_client_does_not_send_without_end_and_others_are_not_concerned() {
        let limits = FormLimits::default();
        let now = Instant::now();
        let send = |n: u32, client| limits.take_at(1, &format!("{n}@example.org"), client, now);
        let allowed = (0..100).filter(|n| send(*n, HERE) == Allowed::Yes).count();
        assert_eq!(allowed, 40);
        let other = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));
        assert_eq!(send(200, other), Allowed::Yes);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let limits = FormLimits::default();
        let now = Instant::now();
        let send = |n: u32, client: String| {
            let client = Some(client.parse().unwrap());
            limits.take_at(1, &format!("{n}@example.org"), client, now)
        };
        let allowed = (0..100)
            .filter(|n| send(*n, format!("2001:db8:1:2::{n:x}")) == Allowed::Yes)
            .count();
        assert_eq!(allowed, 40);
        assert_eq!(send(200, "2001:db8:1:3::1".to_owned()), Allowed::Yes);
    }

    #[test]
    fn a_flood_takes_a_bounded_memory_and_frees_nobody() {
        let limits = FormLimits::default();
        let now = Instant::now();
        while limits.take_at(1, "a@example.org", HERE, now) == Allowed::Yes {}
        for n in 0..3 * u32::try_from(KEPT).unwrap() {
            let client = Some(IpAddr::from(n.to_be_bytes()));
            limits.take_at(i64::from(n), &format!("{n}@example.org"), client, now);
            assert!(limits.inner.buckets.lock().len() <= KEPT);
        }
        let again = limits.take_at(1, "a@example.org", HERE, now);
        assert_eq!(again, Allowed::NotThisAddress, "what is empty stays known");
    }

    #[test]
    fn a_form_takes_many_but_not_all() {
        let limits = FormLimits::default();
        let now = Instant::now();
        let send = |n: u32| limits.take_at(7, &format!("{n}@example.org"), None, now);
        assert!((0..300).all(|n| send(n) == Allowed::Yes));
        assert_eq!(send(300), Allowed::NotNow);
        assert_eq!(limits.take_at(8, "x@example.org", None, now), Allowed::Yes);
    }
}
