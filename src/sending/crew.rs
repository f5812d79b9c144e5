//! Sending to a mail server, over several connections at once.
//!
//! Each connection has a worker of its own. Before a worker sends a mail it waits until the mail is
//! marked as underway, in the same transaction that notes what became of its last one: so at most
//! one mail per connection is uncertain when the program ends in the middle, and none is sent twice.
//! One thread, the clerk, does this for all workers: who asks while a transaction is being
//! committed shares the next.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use super::claiming::as_decided;
use super::delivery::{Delivering, SendError};
use super::desk::{Desk, Job, Left};
use super::smtp::Server;
use super::worker::Worker;
use crate::db::models::mailings::Mailing;
use crate::db::models::sending::{self, End, Ended};
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

/// How many times it tries once the program is to end.
const LAST_TRIES: usize = 3;

/// What a worker asks the clerk for.
pub(super) struct Note {
    /// What became of earlier deliveries.
    pub(super) ended: Vec<Ended>,
    /// The delivery whose mail is to be sent now.
    pub(super) next: Option<i64>,
    /// Where the answer goes: whether that mail may be sent.
    pub(super) answer: SyncSender<bool>,
}

impl Delivering {
    /// Hands what waits to the account's mail server, as long as its turn is.
    pub(super) fn to_server(
        &self,
        account_id: i64,
        mailing: &Mailing,
        server: Server,
        settings: &SmtpSettings,
    ) -> Result<Left, SendError> {
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
            return Ok(Left::Done);
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
        let turn_ends = Instant::now() + self.delivering.tools.timing.turn;
        let mut outcome = Ok(());
        loop {
            if self.delivering.is_stopping() {
                desk.halt();
            }
            if looked.elapsed() >= LOOKS_WHETHER_HALTED {
                looked = Instant::now();
                self.look_again(desk);
            }
            if !desk.is_over() && Instant::now() >= turn_ends {
                desk.end_turn(self.settings.per_minute > 0);
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
        let handed = ended.iter().any(|row| row.end == End::Handed);
        let mut tries = 0;
        let may_go = loop {
            let entered = self.delivering.tools.db.write(|conn| {
                let now = self.delivering.tools.clock.now();
                let (account_id, mailing_id) = (self.account_id, self.mailing.id);
                let holder = self.delivering.holder;
                let mut all: Vec<i64> = ended.iter().map(|row| row.id).collect();
                all.extend(&next);
                if ended.iter().any(|row| row.refused.is_some()) {
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
                let ready = as_decided(conn, account_id, &next, now)?;
                let gone = sending::set_out(conn, account_id, mailing_id, &ready, holder)?;
                let stay = next.iter().filter(|id| !gone.contains(id));
                let stay: Vec<_> = stay.map(|id| Ended::new(*id, End::PutBack)).collect();
                sending::end(conn, account_id, mailing_id, &stay, holder, now)?;
                Ok(gone)
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
