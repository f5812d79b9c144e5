//! How long is waited for what.

use std::time::Duration;

use super::smtp::Patience;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// All times of sending. Tests set shorter ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Between one attempt with a mail and the next. After the last the mail has failed.
    pub retries: Vec<Duration>,
    /// How long a domain rests that has had enough, each time longer; the last is repeated.
    pub domain_rests: Vec<Duration>,
    /// How long an account rests whose mail server takes nothing, each time longer; the last is
    /// repeated.
    pub trouble_rests: Vec<Duration>,
    /// How long what a sender holds is its own, unless it says that it is still at work. It says
    /// so three times as often.
    pub lease: Duration,
    /// How long an account's mailing goes out before its other mailings, and other accounts that
    /// wait, have their turn.
    pub turn: Duration,
    /// How long is waited for a mail server.
    pub patience: Patience,
}

impl Default for Timing {
    /// Two days for a mail, growing pauses: RFC 5321, 4.5.4.1 asks for at least half an hour after
    /// the first failures, but greylisting servers want less.
    fn default() -> Self {
        let seconds = |all: &[u64]| all.iter().copied().map(Duration::from_secs).collect();
        Self {
            retries: seconds(&[
                MINUTE,
                5 * MINUTE,
                15 * MINUTE,
                HOUR,
                2 * HOUR,
                4 * HOUR,
                8 * HOUR,
                12 * HOUR,
                20 * HOUR,
            ]),
            domain_rests: seconds(&[MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR]),
            trouble_rests: seconds(&[3, 10, 30, MINUTE, 5 * MINUTE]),
            lease: Duration::from_mins(1),
            turn: Duration::from_mins(1),
            patience: Patience::default(),
        }
    }
}

impl Timing {
    /// How long a mail waits that was put off so many times before, in milliseconds; none when it
    /// was tried often enough.
    pub fn retry(&self, attempts: i64) -> Option<i64> {
        let at = usize::try_from(attempts).ok()?;
        self.retries.get(at).copied().map(millis)
    }

    /// How long all attempts with a mail take together, in milliseconds: after that a domain that
    /// takes nothing at all is not waited for any longer.
    pub fn all_retries_millis(&self) -> i64 {
        self.retries.iter().copied().map(millis).sum()
    }

    /// The lease, in milliseconds.
    pub fn lease_millis(&self) -> i64 {
        millis(self.lease)
    }
}

/// The pause for a step; the last is repeated.
pub(super) fn step(pauses: &[Duration], at: usize) -> Duration {
    pauses
        .get(at)
        .or(pauses.last())
        .copied()
        .unwrap_or_default()
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_two_days_in_growing_pauses() {
        let timing = Timing::default();
        assert!(timing.retries.is_sorted());
        let all: Duration = timing.retries.iter().sum();
        assert!((Duration::from_hours(47)..=Duration::from_hours(49)).contains(&all));
        assert_eq!(timing.retry(0), Some(60_000));
        assert_eq!(timing.retry(9), None);
        assert_eq!(step(&timing.domain_rests, 100), Duration::from_hours(1));
    }
}
