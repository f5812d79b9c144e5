//! The desk of a crew: the mails that wait for a worker, and what the workers have to tell each
//! other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::claiming::InHand;
use super::delivery::SendError;
use super::smtp::Trouble;
use crate::domain::time::Timestamp;

/// After so many refusals in a row that speak of no address the server wants none of these mails.
const REFUSALS: usize = 10;

/// A claimed delivery, and when its turn comes.
pub(super) struct Job {
    pub(super) in_hand: InHand,
    pub(super) not_before: Timestamp,
}

/// What the workers of a crew share.
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

/// Why the sending of a mailing ended, for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing waits at the moment, or somebody halted it.
    Done,
    /// Its turn is over; others come first.
    TurnOver,
    /// The account's mails go another way now.
    Moved,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// No more jobs come.
    closed: bool,
    /// No further mail is begun.
    halted: bool,
    /// Why it ends although there is more to send.
    left: Option<Left>,
    workers: usize,
    troubled: usize,
    /// How many mails in a row were refused for good, though not for their address.
    refusals: usize,
    /// Why nobody gets through, once nobody does.
    given_up: Option<SendError>,
}

impl Desk {
    /// With nothing on it, for so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            state: Mutex::new(State {
                workers,
                ..State::default()
            }),
            changed: Condvar::new(),
        }
    }

    /// A job, if one lies there.
    pub(super) fn take(&self) -> Option<Job> {
        let mut state = self.state.lock();
        if state.halted {
            return None;
        }
        state.jobs.pop_front()
    }

    /// The next job; none when there won't be any more.
    pub(super) fn wait(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if state.halted {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Puts a job back to its place in front.
    pub(super) fn put_back(&self, job: Job) {
        self.state.lock().jobs.push_front(job);
        self.changed.notify_one();
    }

    /// Lays jobs on it.
    pub(super) fn add(&self, jobs: Vec<Job>) {
        self.state.lock().jobs.extend(jobs);
        self.changed.notify_all();
    }

    /// How many jobs lie there.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().jobs.len()
    }

    /// No more jobs come.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether no more jobs are wanted.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.closed || state.halted
    }

    /// No further mail is begun.
    pub(super) fn halt(&self) {
        self.state.lock().halted = true;
        self.changed.notify_all();
    }

    /// Waits so long; false when the crew was halted meanwhile.
    pub(super) fn rest(&self, how_long: Duration) -> bool {
        let until = Instant::now() + how_long;
        let mut state = self.state.lock();
        while !state.halted {
            if self.changed.wait_until(&mut state, until).timed_out() {
                return !state.halted;
            }
        }
        false
    }

    /// A worker can't go on now. Once none can, the crew is halted.
    pub(super) fn in_trouble(&self, trouble: Trouble) {
        let mut state = self.state.lock();
        state.troubled += 1;
        if state.troubled >= state.workers {
            state.given_up = Some(trouble.into());
            state.halted = true;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The server took a mail.
    pub(super) fn was_taken(&self) {
        self.state.lock().refusals = 0;
    }

    /// The server refused a mail for good, with these codes, and not for its address. Who refuses
    /// one mail after the other so wants none: the crew is halted before all of them are lost.
    pub(super) fn was_refused(&self, codes: &str) {
        let mut state = self.state.lock();
        state.refusals += 1;
        if state.refusals >= REFUSALS && !state.halted {
            state.given_up = Some(SendError::Unwanted(codes.to_owned()));
            state.halted = true;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// A worker tries again.
    pub(super) fn tries_again(&self) {
        self.state.lock().troubled -= 1;
    }

    /// The account has another mail server now: this crew ends, and the next one goes there.
    pub(super) fn move_on(&self) {
        self.state.lock().left = Some(Left::Moved);
        self.halt();
    }

    /// The turn is over. What has its place in the account's measure is still sent, the rest of
    /// what lies there is not begun.
    pub(super) fn end_turn(&self, has_places: bool) {
        let mut state = self.state.lock();
        if !has_places {
            state.jobs.clear();
        }
        state.left = Some(Left::TurnOver);
        state.closed = true;
        drop(state);
        self.changed.notify_all();
    }

    /// A worker is done.
    pub(super) fn has_left(&self) {
        self.state.lock().workers -= 1;
    }

    /// Why it all ended.
    pub(super) fn outcome(self) -> Result<Left, SendError> {
        let state = self.state.into_inner();
        match state.given_up {
            Some(error) => Err(error),
            None => Ok(state.left.unwrap_or(Left::Done)),
        }
    }
}
