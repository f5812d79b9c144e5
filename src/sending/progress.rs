//! How fast a mailing goes out, and how long it will take.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::domain::time::Timestamp;

/// Over how long the pace is measured, in milliseconds.
const WINDOW: i64 = 60_000;

/// Less than this tells nothing, in milliseconds.
const LEAST: i64 = 2_000;

/// How many mailings are remembered.
const KEPT: usize = 100;

/// What was seen of mailings lately: whoever looks at one adds to it. The figures themselves come
/// from the database, so it does not matter which node sends.
#[derive(Default)]
pub struct Paces {
    seen: Mutex<HashMap<i64, VecDeque<(i64, i64)>>>,
}

impl Paces {
    /// Mails a minute at present, from what was seen in the last minute; none until there is
    /// enough to say so. `ended` is how many deliveries of the mailing have come to their end.
    pub fn per_minute(&self, mailing_id: i64, ended: i64, now: Timestamp) -> Option<i64> {
        let mut seen = self.seen.lock();
        if seen.len() > KEPT {
            seen.retain(|_, looks| {
                looks
                    .back()
                    .is_some_and(|(at, _)| now.millis() - at < WINDOW)
            });
        }
        let looks = seen.entry(mailing_id).or_default();
        while looks
            .front()
            .is_some_and(|(at, _)| now.millis() - at > WINDOW)
        {
            looks.pop_front();
        }
        let first = looks.front().copied();
        looks.push_back((now.millis(), ended));
        let (at, before) = first?;
        let passed = now.millis() - at;
        (passed >= LEAST).then(|| (ended - before).max(0) * 60_000 / passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_minute() {
        let paces = Paces::default();
        let at = |millis, ended| paces.per_minute(7, ended, Timestamp(millis));
        assert_eq!(at(0, 100), None);
        assert_eq!(at(1_000, 150), None, "too short");
        assert_eq!(at(30_000, 1_100), Some(2_000));
        assert_eq!(at(60_000, 1_100), Some(1_000));
        assert_eq!(at(200_000, 1_200), None, "what was before is forgotten");
        assert_eq!(paces.per_minute(8, 5, Timestamp(30_000)), None);
    }
}
