//! Waiting for background work.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Only a hang takes that long, however busy the machine is: no test measures time.
pub const HANG: Duration = Duration::from_mins(3);

const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until the condition holds for what is seen, and gives that; fails with
/// what it saw last.
#[track_caller]
pub fn eventually<T: Debug>(
    what: &str,
    mut look: impl FnMut() -> T,
    holds: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + HANG;
    let mut pause = SHORTEST_PAUSE;
    loop {
        let seen = look();
        if holds(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: last seen {seen:?}");
        std::thread::sleep(pause);
        // Long waits must not take the processor from whom they wait for.
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Repeats an attempt to do something at a certain moment, which has passed unnoticed where the
/// attempt gives none: other processes go on while this one gets no processor.
#[track_caller]
pub fn attempts<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    const MOST: usize = 10;
    (0..MOST)
        .find_map(|_| attempt())
        .unwrap_or_else(|| panic!("{what}: missed {MOST} times"))
}
