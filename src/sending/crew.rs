//! Sending to a mail server, over several connections at once.
//!
//! Each connection has a worker of its own. Before a worker sends a mail it waits until the mail is
//! marked as underway, in the same transaction that notes what became of its last one: so at most
//! one mail per connection is uncertain when the program ends in the middle, and none is sent twice.
//! One thread, the clerk, does this for all workers: who asks while a transaction is being
//! committed shares the next.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::claiming::InHand;
use super::delivery::{Delivering, SendError};
use super::smtp::{Server, Trouble};
use super::worker::Worker;
use crate::db::models::mailings::Mailing;
use crate::db::models::sending::{self, Ended};
use crate::db::models::smtp_settings::{self, SmtpSettings};
use crate::db::{DbResult, account_lock};
use crate::domain::time::Timestamp;

/// How many deliveries are claimed at once where no measure is set.
const CLAIMED_AT_ONCE: i64 = 50;

/// For how long mails are claimed ahead where a measure is set.
const CLAIMED_AHEAD: i64 = 5;

/// How often the clerk looks up when nobody asks.
const LOOKS_UP: Duration = Duration::from_millis(200);

/// How often it looks whether somebody has halted the mailing.
const LOOKS_WHETHER_HALTED: Duration = Duration::from_secs(1);

/// How long the clerk waits when the database is away.
const DATABASE_REST: Duration = Duration::from_secs(1);

/// After so many refusals in a row that speak of no address the server wants none of these mails.
const REFUSALS: usize = 10;

/// How many times it tries once the program is to end.
const LAST_TRIES: usize = 3;

/// A claimed delivery, and when its turn comes.
pub(super) struct Job {
    pub(super) in_hand: InHand,
    pub(super) not_before: Timestamp,
}

/// What a worker asks the clerk for.
pub(super) struct Note {
    /// What became of earlier deliveries.
    pub(super) ended: Vec<Ended>,
    /// The delivery whose mail is to be sent now.
    pub(super) next: Option<i64>,
    /// Where the answer goes: whether that mail may be sent.
    pub(super) answer: SyncSender<bool>,
}

/// What the workers of a crew share.
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// No more jobs come.
    closed: bool,
    /// No further mail is begun.
    halted: bool,
    /// The account has another mail server now.
    moved: bool,
    workers: usize,
    troubled: usize,
    /// How many mails in a row were refused for good, though not for their address.
    refusals: usize,
    /// Why nobody gets through, once nobody does.
    given_up: Option<SendError>,
}

impl Desk {
    fn new(workers: usize) -> Self {
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

    fn add(&self, jobs: Vec<Job>) {
        self.state.lock().jobs.extend(jobs);
        self.changed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.state.lock().jobs.len()
    }

    fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    fn is_over(&self) -> bool {
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
    fn move_on(&self) {
        self.state.lock().moved = true;
        self.halt();
    }

    fn has_left(&self) {
        self.state.lock().workers -= 1;
    }

    fn outcome(self) -> Result<bool, SendError> {
        let state = self.state.into_inner();
        match state.given_up {
            Some(error) => Err(error),
            None => Ok(state.moved),
        }
    }
}

impl Delivering {
    /// Hands what waits to the account's mail server. Tells whether it ended early because the
    /// account has another one now.
    pub(super) fn to_server(
        &self,
        account_id: i64,
        mailing: &Mailing,
        server: Server,
        settings: &SmtpSettings,
    ) -> Result<bool, SendError> {
        let clerk = Clerk {
            delivering: self,
            account_id,
            mailing,
            settings,
            low: if settings.per_minute > 0 {
                1
            } else {
                2 * usize::try_from(settings.connections).unwrap_or(1)
            },
        };
        let Some(first) = clerk.claim()? else {
            return Ok(false);
        };
        let writer = self.ready(account_id, mailing, &settings.return_path)?;
        // Each connects when it has a mail, so those too many cost nothing.
        let workers = usize::try_from(settings.connections).unwrap_or(1).max(1);
        let desk = Desk::new(workers);
        desk.add(first);
        let outcome = std::thread::scope(|scope| {
            let (notes, inbox) = mpsc::channel();
            for _ in 0..workers {
                let worker = Worker::new(
                    self,
                    account_id,
                    &writer,
                    &desk,
                    notes.clone(),
                    server.clone(),
                );
                let desk = &desk;
                scope.spawn(move || {
                    worker.run();
                    desk.has_left();
                });
            }
            drop(notes);
            clerk.serve(&desk, &inbox)
        });
        self.put_back(account_id, mailing.id)?;
        outcome?;
        desk.outcome()
    }
}

/// Notes for all workers what becomes of their mails, and gives them new ones.
struct Clerk<'a> {
    delivering: &'a Delivering,
    account_id: i64,
    mailing: &'a Mailing,
    settings: &'a SmtpSettings,
    /// With fewer jobs than this on the desk more are claimed.
    low: usize,
}

impl Clerk<'_> {
    /// Claims deliveries, each with its time; none when nothing waits.
    fn claim(&self) -> DbResult<Option<Vec<Job>>> {
        let limit = if self.settings.per_minute > 0 {
            (self.settings.per_minute * CLAIMED_AHEAD / 60).clamp(1, CLAIMED_AT_ONCE)
        } else {
            CLAIMED_AT_ONCE
        };
        let found = self
            .delivering
            .claim_some(self.account_id, self.mailing.id, limit)?;
        let Some(in_hand) = found else {
            return Ok(None);
        };
        let now = self.delivering.tools.clock.now();
        let distance = |n: usize| {
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            n.saturating_mul(60_000)
                .checked_div(self.settings.per_minute)
        };
        let first = match distance(in_hand.len()) {
            Some(all) => self
                .delivering
                .tools
                .db
                .write(|conn| sending::take_places(conn, self.account_id, all, now))?,
            None => now.millis(),
        };
        Ok(Some(
            in_hand
                .into_iter()
                .enumerate()
                .map(|(n, in_hand)| Job {
                    in_hand,
                    not_before: Timestamp(first + distance(n).unwrap_or(0)),
                })
                .collect(),
        ))
    }

    /// Works until all workers have left.
    fn serve(&self, desk: &Desk, inbox: &Receiver<Note>) -> DbResult<()> {
        let lease = Duration::from_millis(
            u64::try_from(self.delivering.tools.timing.lease_millis() / 3).unwrap_or(1_000),
        );
        let (mut said_so, mut looked) = (Instant::now(), Instant::now());
        let mut outcome = Ok(());
        loop {
            if self.delivering.is_stopping() {
                desk.halt();
            }
            if looked.elapsed() >= LOOKS_WHETHER_HALTED {
                looked = Instant::now();
                self.look_again(desk);
            }
            if !desk.is_over() && desk.waiting() < self.low {
                match self.claim() {
                    Ok(Some(jobs)) => desk.add(jobs),
                    Ok(None) => desk.close(),
                    Err(error) => {
                        // What is in hand is sent; the rest is tried again later.
                        outcome = Err(error);
                        desk.close();
                    }
                }
            }
            if said_so.elapsed() >= lease {
                said_so = Instant::now();
                let hold = self.delivering.hold(self.delivering.tools.clock.now());
                // If it can't be said now it is next time; who takes over finds out by the holder.
                let _ = self
                    .delivering
                    .tools
                    .db
                    .write(|conn| sending::renew(conn, self.account_id, self.mailing.id, hold));
            }
            match inbox.recv_timeout(LOOKS_UP) {
                Ok(note) => {
                    let mut notes = vec![note];
                    notes.extend(inbox.try_iter());
                    self.enter(desk, notes);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return outcome,
            }
        }
    }

    /// One transaction for all who ask.
    fn enter(&self, desk: &Desk, notes: Vec<Note>) {
        let ended: Vec<Ended> = notes.iter().flat_map(|note| note.ended.clone()).collect();
        let next: Vec<i64> = notes.iter().filter_map(|note| note.next).collect();
        let handed = ended.iter().any(|row| row.end == sending::End::Handed);
        let mut tries = 0;
        let may_go = loop {
            let entered = self.delivering.tools.db.write(|conn| {
                let now = self.delivering.tools.clock.now();
                let (account_id, mailing_id) = (self.account_id, self.mailing.id);
                let holder = self.delivering.holder;
                let mut all: Vec<i64> = ended.iter().map(|row| row.id).collect();
                all.extend(&next);
                if ended.iter().any(Ended::is_refused_address) {
                    account_lock::shared(conn, account_id)?;
                }
                sending::lock(conn, account_id, &all)?;
                sending::end(conn, account_id, mailing_id, &ended, holder, now)?;
                if handed && self.mailing.problem.is_some() {
                    sending::set_problem(conn, account_id, mailing_id, None)?;
                }
                if next.is_empty() {
                    return Ok(Vec::new());
                }
                sending::set_out(conn, account_id, mailing_id, &next, holder)
            });
            match entered {
                Ok(may_go) => break may_go,
                Err(error) => {
                    tries += 1;
                    tracing::warn!(
                        error = %SendError::from(error),
                        "what became of mails can't be noted yet"
                    );
                    if self.delivering.is_stopping() && tries >= LAST_TRIES {
                        break Vec::new();
                    }
                    std::thread::sleep(DATABASE_REST);
                }
            }
        };
        if may_go.len() < next.len() {
            self.look_again(desk);
        }
        for note in notes {
            let goes = note.next.is_some_and(|id| may_go.contains(&id));
            // A worker that has gone needs no answer.
            let _ = note.answer.send(goes);
        }
    }

    /// Halts the crew when somebody has halted the mailing, or the mails are to go elsewhere.
    fn look_again(&self, desk: &Desk) {
        use crate::db::models::mailings::{MailingStatus, status};
        let found = self.delivering.tools.db.read(|conn| {
            Ok((
                status(conn, self.account_id, self.mailing.id)?,
                smtp_settings::find(conn, self.account_id)?,
            ))
        });
        let Ok((status, settings)) = found else {
            return;
        };
        if status != MailingStatus::Sending {
            desk.halt();
        } else if settings.as_ref() != Some(self.settings) {
            desk.move_on();
        }
    }
}

/// The clerk as a worker sees it.
pub(super) fn ask(clerk: &Sender<Note>, ended: Vec<Ended>, next: Option<i64>) -> bool {
    if ended.is_empty() && next.is_none() {
        return false;
    }
    let (answer, answered) = mpsc::sync_channel(1);
    let note = Note {
        ended,
        next,
        answer,
    };
    clerk.send(note).is_ok() && answered.recv().unwrap_or(false)
}

/// How long until then.
pub(super) fn until(then: Timestamp, now: Timestamp) -> Duration {
    let millis = then.millis() - now.millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
