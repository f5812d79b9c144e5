//! The thread that sends the mails of signing up. What is due stands in the database; a mail whose
//! sender ended in the middle is due again after a while, with the same link in it.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::letter::{self, Links};
use crate::db::models::signups::{self, Signup};
use crate::db::{Db, DbError};
use crate::domain::sealed::Sealer;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::jobs::concurrent::ConcurrentTasks;
use crate::jobs::worker::{Next, Worker};
use crate::mail::MailError;
use crate::mail::compose::Composed;
use crate::mail::dkim::Signer;
use crate::sending::letter::{Letter, LetterError, Post, send_now};
use crate::sending::outbox::Outbox;
use crate::sending::signing;
use crate::tracking::token::TokenKeys;

/// How long the thread sleeps unless it is woken: another node may have ended with mails claimed.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// How many mails are sent at a time, each of another account: a mail server that does not answer
/// delays its own account only.
const MAX_CONCURRENT: usize = 8;

/// For how long a mail is claimed, in milliseconds: longer than sending it usually takes.
const LEASE: i64 = 4 * 60_000;

/// After so many tries a mail is given up.
const TRIES: i64 = 8;

/// What the mailer works with.
pub struct Tools {
    /// The database.
    pub db: Db,
    /// The built-in *Postausgang*.
    pub outbox: Outbox,
    /// Opens the password of the account's mail server.
    pub sealer: Sealer,
    /// Under which address readers reach this installation.
    pub public_url: Url,
    /// The key of the links that confirm.
    pub secret: Key,
    /// The keys of the personal links.
    pub tokens: TokenKeys,
}

/// The running thread. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    worker: Worker,
}

impl Mailer {
    /// Starts the thread, which first takes up what an earlier one left.
    ///
    /// # Errors
    /// Fails when the operating system gives no thread.
    pub fn start(tools: Tools) -> std::io::Result<Self> {
        let worker = Worker::new("signups");
        let (tools, running) = (Arc::new(tools), ConcurrentTasks::new(MAX_CONCURRENT));
        worker.start(move |worker| send_due(&tools, &running, worker))?;
        Ok(Self { worker })
    }

    /// Says that there may be something to send.
    pub fn wake(&self) {
        self.worker.wake();
    }

    /// Its thread.
    pub const fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Ends the thread after the mails it is sending.
    pub fn shut_down(&self) {
        self.worker.stop();
    }
}

/// Begins to send what is due, of each account one mail at a time.
fn send_due(
    tools: &Arc<Tools>,
    running: &ConcurrentTasks<i64>,
    worker: &Worker,
) -> Result<Next, DbError> {
    if worker.is_stopping() {
        running.finish();
        return Ok(Next::After(POLL_INTERVAL));
    }
    let now = Timestamp::now();
    let again = now.plus_millis(LEASE);
    let busy: Vec<i64> = running.running().into_keys().collect();
    let limit = i64::try_from(running.free()).unwrap_or(0);
    let due = tools
        .db
        .write(|conn| signups::claim_due(conn, now, again, &busy, limit))?;
    for signup in due {
        let (account_id, tools) = (signup.account_id, Arc::clone(tools));
        let begun = running.begin(worker, account_id, move || {
            if let Err(error) = send(&tools, &signup) {
                tracing::warn!(%error, "the outcome of a confirmation mail could not be recorded");
            }
        });
        if let Err(error) = begun {
            // It is due again when its lease ends.
            tracing::warn!(%error, "no thread for the mail of a signing up");
        }
    }
    // The end of each mail wakes the thread.
    Ok(Next::After(POLL_INTERVAL))
}

fn send(tools: &Tools, signup: &Signup) -> Result<(), DbError> {
    let now = Timestamp::now();
    let looked_up = tools.db.read(|conn| {
        let facts = letter::facts(conn, signup)?;
        let sender = facts.sender_address();
        let signer = signing::signer(conn, &tools.sealer, signup.account_id, sender)?;
        Ok((facts, signer))
    });
    let (facts, signer) = match looked_up {
        Ok(found) => found,
        // The form, and the wish with it, went meanwhile.
        Err(DbError::NotFound) => return Ok(()),
        Err(error) => return Err(error),
    };
    let links = Links {
        public_url: &tools.public_url,
        secret: &tools.secret,
        tokens: &tools.tokens,
    };
    let written = letter::write(&facts, signup, &links, now);
    let outcome = match written.and_then(|mail| signed(mail, signer.as_ref(), now)) {
        Ok(composed) => hand_over(tools, signup, &composed, now),
        Err(error) => {
            tracing::warn!(%error, "the mail of a signing up can't be written");
            Ok(())
        }
    };
    match outcome {
        Err(error) if is_worth_another_try(&error) && signup.attempts < TRIES => {
            tracing::warn!(%error, "the mail of a signing up waits");
            let minutes = 1 << signup.attempts.clamp(0, 7);
            let until = now.plus_millis(minutes * 60_000);
            tools
                .db
                .write(|conn| signups::put_off_mail(conn, signup, until))
        }
        outcome => {
            if let Err(error) = outcome {
                tracing::warn!(%error, "the mail of a signing up is given up");
            }
            let is_there = tools.db.write(|conn| signups::settle_mail(conn, signup))?;
            if !is_there {
                // Confirmed, renewed or deleted meanwhile: no file of it may stay behind (P7).
                tools.outbox.sweep(&tools.db)?;
            }
            Ok(())
        }
    }
}

/// The mail with the signatures of the sender's domain, where there are keys (DKIM).
fn signed(
    mut mail: Composed,
    signer: Option<&Signer>,
    now: Timestamp,
) -> Result<Composed, MailError> {
    if let Some(signer) = signer {
        mail.message = signer.sign(&mail.message, now)?;
    }
    Ok(mail)
}

fn hand_over(
    tools: &Tools,
    signup: &Signup,
    composed: &Composed,
    now: Timestamp,
) -> Result<(), LetterError> {
    let post = Post {
        db: &tools.db,
        outbox: &tools.outbox,
        sealer: &tools.sealer,
        public_url: &tools.public_url,
    };
    let envelope = &composed.envelope;
    let from = envelope.from().map(ToString::to_string);
    let to = envelope.to().first().map(ToString::to_string);
    let letter = Letter {
        mailing_id: None,
        signup_id: Some(signup.id),
        from: &from.unwrap_or_default(),
        to: &to.unwrap_or_default(),
        message: &composed.message,
    };
    send_now(&post, signup.account_id, &letter, now).map(|_| ())
}

/// Whether it may go better later: not what a mail server refused for good (RFC 5321, 4.2.1).
fn is_worth_another_try(error: &LetterError) -> bool {
    match error {
        LetterError::Refused(codes) => codes.starts_with('4'),
        _ => true,
    }
}
