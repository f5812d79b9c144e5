//! One connection to a mail server, and the mails that go over it.

use std::sync::mpsc::Sender;

use super::crew::{Note, ask, until};
use super::delivery::Delivering;
use super::desk::{Desk, Job};
use super::domains::Resting;
use super::smtp::{Line, Outcome, Server, Trouble};
use super::timing::step;
use super::writing::Writer;
use crate::db::models::sending::{End, Ended};
use crate::domain::bounce::BounceKind;

/// How many outcomes a worker collects before it has them noted, where no mail goes out meanwhile.
const NOTED_AT_ONCE: usize = 20;

/// Sends the mails of a crew over one connection.
pub(super) struct Worker<'a> {
    delivering: &'a Delivering,
    account_id: i64,
    writer: &'a Writer<'a>,
    desk: &'a Desk,
    clerk: Sender<Note>,
    server: Server,
    line: Line,
    /// What became of mails and is not noted yet.
    ended: Vec<Ended>,
    /// How often in a row the server took nothing.
    troubles: usize,
}

/// There is nothing more to do, or nothing more that can be done.
struct Done;

impl<'a> Worker<'a> {
    pub(super) fn new(
        delivering: &'a Delivering,
        account_id: i64,
        writer: &'a Writer<'a>,
        desk: &'a Desk,
        clerk: Sender<Note>,
        server: Server,
    ) -> Self {
        Self {
            delivering,
            account_id,
            writer,
            desk,
            clerk,
            line: Line::new(server.clone()),
            server,
            ended: Vec::new(),
            troubles: 0,
        }
    }

    /// Works until there is nothing more to do.
    pub(super) fn run(mut self) {
        while let Ok(()) = self.next() {}
        self.note(None);
        self.line.quit();
    }

    fn next(&mut self) -> Result<(), Done> {
        let job = if let Some(job) = self.desk.take() {
            job
        } else {
            // Nobody should wait for news while this worker waits for work.
            self.note(None);
            self.desk.wait().ok_or(Done)?
        };
        if self.ended.len() >= NOTED_AT_ONCE {
            self.note(None);
        }
        let early = until(job.not_before, self.delivering.tools.clock.now());
        if !early.is_zero() {
            self.note(None);
            if !self.desk.rest(early) {
                return Err(Done);
            }
        }
        self.send(job)
    }

    fn send(&mut self, job: Job) -> Result<(), Done> {
        let (id, attempts) = (job.in_hand.waiting.id, job.in_hand.waiting.attempts);
        let now = self.delivering.tools.clock.now();
        let domain = domain_of(&job.in_hand.waiting.address);
        let resting = self.delivering.domains.rests(self.account_id, &domain, now);
        if let Some(Resting { until, for_millis }) = resting {
            // Waiting for others is no attempt, unless the domain takes nothing at all for days.
            let end = if for_millis < self.delivering.tools.timing.all_retries_millis() {
                End::Waits(until)
            } else {
                self.put_off(attempts, Some(until))
            };
            self.ended.push(Ended::new(id, end));
            return Ok(());
        }
        if let Err(trouble) = self.line.connect() {
            self.desk.put_back(job);
            return self.rest(trouble);
        }
        let Ok(written) = self.writer.write(&job.in_hand, now) else {
            // These values can't be put into this mail, or the address can't be used.
            self.ended.push(Ended::new(id, End::Failed));
            return Ok(());
        };
        if !self.note(Some(id)) {
            return Ok(());
        }
        let outcome = self.line.hand_over(&written.envelope, &written.message);
        let mut refused = None;
        let (end, reply_code) = match outcome {
            Outcome::Handed => {
                self.troubles = 0;
                self.desk.was_taken();
                self.delivering
                    .domains
                    .takes_mails(self.account_id, &domain);
                (End::Handed, None)
            }
            Outcome::Refused { codes, reason } => {
                if let Some(codes) = codes.as_deref()
                    && reason.kind() != BounceKind::Hard
                {
                    self.desk.was_refused(codes);
                }
                refused = codes.is_some().then_some(reason);
                (End::Failed, codes)
            }
            Outcome::Later { codes, domain: all } => {
                let rests = &self.delivering.tools.timing.domain_rests;
                let now = self.delivering.tools.clock.now();
                let until = all.then(|| {
                    self.delivering
                        .domains
                        .rest(self.account_id, &domain, rests, now)
                });
                (self.put_off(attempts, until), codes)
            }
            Outcome::Uncertain => (End::Uncertain, None),
            Outcome::Trouble(trouble) => {
                self.ended.push(Ended::new(id, End::PutBack));
                return self.rest(trouble);
            }
        };
        self.ended.push(Ended {
            id,
            end,
            reply_code,
            refused,
        });
        Ok(())
    }

    /// When a mail is tried again, not before `earliest`; it has failed when that was often enough.
    fn put_off(&self, attempts: i64, earliest: Option<i64>) -> End {
        let now = self.delivering.tools.clock.now();
        match self.delivering.tools.timing.retry(attempts) {
            Some(pause) => {
                let next = now.plus_millis(pause).millis();
                End::Deferred(earliest.map_or(next, |earliest| earliest.max(next)))
            }
            None => End::Failed,
        }
    }

    /// The server takes nothing over this connection. Others may get through meanwhile.
    fn rest(&mut self, trouble: Trouble) -> Result<(), Done> {
        self.note(None);
        self.line = Line::new(self.server.clone());
        self.desk.in_trouble(trouble);
        let rest = step(&self.delivering.tools.timing.trouble_rests, self.troubles);
        self.troubles += 1;
        if !self.desk.rest(rest) {
            return Err(Done);
        }
        self.desk.tries_again();
        Ok(())
    }

    /// Has noted what became of mails; tells whether the next one may go out.
    fn note(&mut self, next: Option<i64>) -> bool {
        let ended = std::mem::take(&mut self.ended);
        ask(&self.clerk, ended, next)
    }
}

/// The part behind the `@`, as it is compared.
fn domain_of(address: &str) -> String {
    address
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain)
        .to_lowercase()
}
