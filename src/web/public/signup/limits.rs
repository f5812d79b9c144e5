//! How often forms may be sent: per form, per address and per client, each a bucket that fills up
//! again with time. Lives in memory only, and knows addresses and clients as keyed hashes (rule P8:
//! no IP address is stored).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

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

/// More than this are not told apart: those that are full again are forgotten.
const KEPT: usize = 20_000;

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
        // What comes from this machine comes through a proxy, as everybody does.
        let client = client.filter(|client| !client.is_loopback());
        let mut buckets = self.inner.buckets.lock();
        if buckets.len() > KEPT {
            buckets.retain(|_, bucket| bucket.now(now).left < bucket.limit.at_once);
        }
        if let Some(client) = client
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
    fn a_form_takes_many_but_not_all() {
        let limits = FormLimits::default();
        let now = Instant::now();
        let send = |n: u32| limits.take_at(7, &format!("{n}@example.org"), None, now);
        assert!((0..300).all(|n| send(n) == Allowed::Yes));
        assert_eq!(send(300), Allowed::NotNow);
        assert_eq!(limits.take_at(8, "x@example.org", None, now), Allowed::Yes);
    }
}
