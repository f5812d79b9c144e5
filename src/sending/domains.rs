//! Domains that have had enough: their mails rest while the others go on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::timing::{millis, step};
use crate::domain::time::Timestamp;

/// The resting domains of all accounts, as this process knows them. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Domains {
    resting: Arc<Mutex<HashMap<(i64, String), Rest>>>,
}

#[derive(Clone, Copy)]
struct Rest {
    until: i64,
    step: usize,
    /// When it had enough for the first time.
    since: i64,
}

/// A domain that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resting {
    /// When it may be tried again, in milliseconds.
    pub(super) until: i64,
    /// For how long it has taken nothing by now, in milliseconds.
    pub(super) for_millis: i64,
}

impl Domains {
    /// Whether mails of an account to that domain wait, and until when.
    pub(super) fn rests(&self, account_id: i64, domain: &str, now: Timestamp) -> Option<Resting> {
        let resting = self.resting.lock();
        let rest = resting.get(&(account_id, domain.to_owned()))?;
        (rest.until > now.millis()).then(|| Resting {
            until: rest.until,
            for_millis: now.millis() - rest.since,
        })
    }

    /// The domain has had enough: it rests, longer each time. Several connections may be told so
    /// at once; that counts once. Gives the end of the rest, in milliseconds.
    pub(super) fn rest(
        &self,
        account_id: i64,
        domain: &str,
        rests: &[Duration],
        now: Timestamp,
    ) -> i64 {
        let mut resting = self.resting.lock();
        let rest = resting
            .entry((account_id, domain.to_owned()))
            .and_modify(|rest| {
                if rest.until <= now.millis() {
                    rest.step += 1;
                    rest.until = now.millis() + millis(step(rests, rest.step));
                }
            })
            .or_insert_with(|| Rest {
                until: now.millis() + millis(step(rests, 0)),
                step: 0,
                since: now.millis(),
            });
        rest.until
    }

    /// The domain takes mails again.
    pub(super) fn takes_mails(&self, account_id: i64, domain: &str) {
        let mut resting = self.resting.lock();
        if !resting.is_empty() {
            resting.remove(&(account_id, domain.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_until_a_mail_is_taken() {
        let domains = Domains::default();
        let rests = [Duration::from_millis(10), Duration::from_millis(100)];
        let at = Timestamp;
        assert_eq!(domains.rest(1, "example.com", &rests, at(0)), 10);
        // Told by another connection too.
        assert_eq!(domains.rest(1, "example.com", &rests, at(5)), 10);
        let rests_until = |account_id, domain, now| {
            let resting = domains.rests(account_id, domain, now);
            resting.map(|resting| (resting.until, resting.for_millis))
        };
        assert_eq!(rests_until(1, "example.com", at(9)), Some((10, 9)));
        assert_eq!(rests_until(1, "example.org", at(9)), None);
        assert_eq!(rests_until(2, "example.com", at(9)), None);
        assert_eq!(rests_until(1, "example.com", at(10)), None);
        assert_eq!(domains.rest(1, "example.com", &rests, at(10)), 110);
        assert_eq!(rests_until(1, "example.com", at(60)), Some((110, 60)));
        assert_eq!(domains.rest(1, "example.com", &rests, at(110)), 210);
        domains.takes_mails(1, "example.com");
        assert_eq!(domains.rest(1, "example.com", &rests, at(500)), 510);
    }
}
