//! Sends one mailing, as far as it can be sent now.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::claiming::{InHand, as_decided};
use super::desk::Left;
use super::domains::Domains;
use super::preparation::{self, Halt};
use super::sender::Tools;
use super::smtp::{Server, Trouble};
use super::writing::Writer;
use crate::db::models::audit::Actor;
use crate::db::models::mailings::{self, Mailing, MailingStatus};
use crate::db::models::sending::{self, Cancelled, End, Ended};
use crate::db::models::smtp_settings::{self, SmtpSettings};
use crate::db::pace::{Keeps, Pace};
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::mail::MailError;

/// How many deliveries are written in the first transaction.
const FIRST_WRITTEN: usize = 100;

/// How few and how many in the others.
const WRITTEN_AT_ONCE: (usize, usize) = (20, 1_000);

/// How many are cancelled in one transaction.
const CANCELLED_AT_ONCE: i64 = 500;

/// How many deliveries are claimed, and put into the outbox, between two transactions.
const CLAIMED_AT_ONCE: i64 = 50;

/// What can go wrong with a whole mailing. The messages hold nothing about people.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The database. Constraint errors can hold values, so only the kind is told.
    #[error("{}", told(.0))]
    Db(#[from] DbError),
    /// The mailing can't be rendered at all.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The transport takes nothing now.
    #[error("the transport refuses: {0:?}")]
    Transport(std::io::ErrorKind),
    /// The mail server takes nothing now.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The mail server refuses one mail after the other for good, with these codes.
    #[error("the mail server wants none of these mails ({0})")]
    Unwanted(String),
    /// A key that signs can't be read.
    #[error("a key that signs can't be read")]
    Keys,
}

impl SendError {
    /// What the author of the mailing reads; none for what is no matter of the mailing.
    pub fn in_german(&self) -> Option<String> {
        match self {
            Self::Db(_) => None,
            Self::Mail(MailError::Unseen(unseen)) => Some(format!(
                "Der Versand wurde angehalten, niemand erhält eine E-Mail ohne ihre Links. {}{}",
                unseen.line.map_or_else(String::new, |line| format!("Inhalt, Zeile {line}: ")),
                unseen.message
            )),
            Self::Mail(_) => Some("Das E-Mailing kann nicht gelesen werden.".to_owned()),
            Self::Transport(_) => {
                Some("Der Postausgang kann gerade nicht beschrieben werden.".to_owned())
            }
            Self::Trouble(trouble) => Some(trouble.in_german()),
            Self::Unwanted(codes) => Some(format!(
                "Der Versand wurde angehalten: Der Mailserver hat zuletzt eine E-Mail nach der anderen endgültig abgelehnt (Antwort {codes}). Bitte klären Sie mit seinem Betreiber, was ihn an Absender oder Inhalt stört, bevor Sie den Versand fortsetzen."
            )),
            Self::Keys => Some(
                "Ein Schlüssel für die Signatur (DKIM) kann nicht gelesen werden. Bitte erzeugen Sie unter „Versand“ einen neuen."
                    .to_owned(),
            ),
        }
    }
}

fn told(error: &DbError) -> String {
    match error {
        DbError::Fault(diesel::result::Error::DatabaseError(kind, _)) => {
            format!("database: {kind:?}")
        }
        other => other.to_string(),
    }
}

/// Sends mailings. Several threads may work with one of it, each for another account.
#[derive(Clone)]
pub(super) struct Delivering {
    pub(super) tools: Arc<Tools>,
    pub(super) stopping: Arc<AtomicBool>,
    /// Under which number it holds deliveries.
    pub(super) holder: i64,
    pub(super) domains: Domains,
}

/// Where an account's mails go.
enum Way {
    Here,
    Server(Box<(Server, SmtpSettings)>),
}

impl Delivering {
    pub(super) fn new(tools: Tools, stopping: Arc<AtomicBool>) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)?;
        Ok(Self {
            tools: Arc::new(tools),
            stopping,
            // Never 0, which means nobody.
            holder: i64::from_le_bytes(bytes) | 1,
            domains: Domains::default(),
        })
    }

    /// Sends a mailing as far as it can be sent now. What keeps it is noted with the mailing.
    /// Tells whether more of it could be sent, but for its turn being over.
    pub(super) fn mailing(&self, account_id: i64, mailing_id: i64) -> Result<bool, SendError> {
        let outcome = self.work_on(account_id, mailing_id);
        if let Err(error) = &outcome
            && let Some(problem) = error.in_german()
        {
            self.tools.db.write(|conn| {
                if matches!(
                    error,
                    SendError::Unwanted(_) | SendError::Mail(MailError::Unseen(_))
                ) {
                    self.halt(conn, account_id, mailing_id)?;
                }
                sending::set_problem(conn, account_id, mailing_id, Some(&problem))
            })?;
        }
        outcome
    }

    /// Halts a mailing, as its author would; somebody may have been faster.
    fn halt(&self, conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
        let (actor, now) = (Actor::Program("Versand"), self.tools.clock.now());
        match preparation::halt(conn, account_id, mailing_id, Halt::Pause, &actor, now) {
            Err(DbError::Refused(_)) => Ok(()),
            other => other,
        }
    }

    fn work_on(&self, account_id: i64, mailing_id: i64) -> Result<bool, SendError> {
        let db = &self.tools.db;
        let status = db.read(|conn| mailings::status(conn, account_id, mailing_id))?;
        if status == MailingStatus::Scheduled && !self.start_scheduled(account_id, mailing_id)? {
            return Ok(false);
        }
        match status {
            // Another node was faster, or somebody halted it.
            MailingStatus::Draft | MailingStatus::Paused | MailingStatus::Sent => return Ok(false),
            MailingStatus::Scheduled | MailingStatus::Preparing => {
                self.write_deliveries(account_id, mailing_id)?;
            }
            MailingStatus::Sending => {}
            MailingStatus::Cancelled => {
                self.take_up(account_id, mailing_id)?;
                self.settle_cancelled(account_id, mailing_id)?;
                return Ok(false);
            }
        }
        self.take_up(account_id, mailing_id)?;
        if self.is_stopping() {
            return Ok(false);
        }
        let mailing = db.read(|conn| mailings::find(conn, account_id, mailing_id))?;
        if mailing.status != MailingStatus::Sending {
            return Ok(false);
        }
        let mut left = Left::Moved;
        while left == Left::Moved && !self.is_stopping() {
            left = match self.way(account_id)? {
                Way::Here => self.fill_outbox(account_id, &mailing)?,
                Way::Server(server) => {
                    let (server, settings) = *server;
                    self.to_server(account_id, &mailing, server, &settings)?
                }
            };
        }
        if self.is_stopping() || left == Left::TurnOver {
            return Ok(true);
        }
        // Not finished: a row was locked by a deletion, or waits for its next attempt.
        db.write(|conn| sending::finish(conn, account_id, mailing_id, self.tools.clock.now()))?;
        Ok(false)
    }

    /// Where the account's mails go at this moment.
    fn way(&self, account_id: i64) -> Result<Way, SendError> {
        let Some(keys) = &self.tools.keys else {
            return Ok(Way::Here);
        };
        let Some(settings) = self.mail_server(account_id)?.filter(|known| known.active) else {
            return Ok(Way::Here);
        };
        let server = Server::new(
            &settings,
            account_id,
            &keys.sealer,
            &self.tools.public_url,
            self.tools.timing.patience,
        )?;
        Ok(Way::Server(Box::new((server, settings))))
    }

    fn mail_server(&self, account_id: i64) -> DbResult<Option<SmtpSettings>> {
        self.tools
            .db
            .read(|conn| smtp_settings::find(conn, account_id))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Starts a mailing whose time has come; false when that can't be done, which its author is
    /// told.
    fn start_scheduled(&self, account_id: i64, mailing_id: i64) -> DbResult<bool> {
        if self
            .mail_server(account_id)?
            .is_some_and(|known| !known.active)
        {
            // It was planned for a mail server: it shall not go another way without anybody
            // saying so.
            return self.cannot_start(
                account_id,
                mailing_id,
                "Zur geplanten Zeit war der Versand ausgeschaltet. Es wird gesendet, sobald er eingeschaltet ist. Heben Sie die Planung auf, um das zu verhindern.",
            );
        }
        let now = self.tools.clock.now();
        let started = self.tools.db.write(|conn| {
            // Another node may be doing the same.
            if sending::lock_mailing(conn, account_id, mailing_id)? != MailingStatus::Scheduled {
                return Ok(());
            }
            let actor = Actor::Program("Geplanter Versand");
            preparation::start(conn, account_id, mailing_id, &actor, now)
        });
        match started {
            Ok(()) => Ok(true),
            Err(DbError::Refused(_)) => self.cannot_start(
                account_id,
                mailing_id,
                "Zur geplanten Zeit konnte nicht gesendet werden: Das E-Mailing hat keine Gruppe mehr oder kann nicht gelesen werden. Heben Sie die Planung auf, um es zu ändern.",
            ),
            Err(error) => Err(error),
        }
    }

    fn cannot_start(&self, account_id: i64, mailing_id: i64, problem: &str) -> DbResult<bool> {
        self.tools
            .db
            .write(|conn| sending::set_problem(conn, account_id, mailing_id, Some(problem)))?;
        Ok(false)
    }

    /// Writes all deliveries, in an order that says nothing about anybody (rule P6). Can be
    /// repeated: what is there stays.
    fn write_deliveries(&self, account_id: i64, mailing_id: i64) -> DbResult<()> {
        let (db, now) = (&self.tools.db, self.tools.clock.now());
        let mut people =
            db.read(|conn| sending::recipients_to_reach(conn, account_id, mailing_id, now))?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| DbError::Unavailable(e.to_string()))?;
        people.shuffle(&mut StdRng::from_seed(seed));
        let mut pace = Pace::new(FIRST_WRITTEN, WRITTEN_AT_ONCE, Keeps::NobodyWaiting);
        let mut rest = people.as_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at(pace.size().min(rest.len()));
            let goes_on = !self.is_stopping()
                && pace.write(db, some.len(), |conn, _| {
                    account_lock::shared(conn, account_id)?;
                    sending::write_deliveries(conn, account_id, mailing_id, some)
                })?;
            if !goes_on {
                return Ok(());
            }
            rest = others;
        }
        db.write(|conn| sending::begin(conn, account_id, mailing_id))
    }

    fn settle_cancelled(&self, account_id: i64, mailing_id: i64) -> DbResult<()> {
        while !self.is_stopping() {
            let now = self.tools.clock.now();
            let settled = self.tools.db.write(|conn| {
                sending::cancel_some(conn, account_id, mailing_id, CANCELLED_AT_ONCE, now)
            })?;
            if settled != Cancelled::Some {
                break;
            }
        }
        Ok(())
    }

    /// Puts what waits into the built-in transport, as long as its turn is and mails go there.
    fn fill_outbox(&self, account_id: i64, mailing: &Mailing) -> Result<Left, SendError> {
        let turn_ends = Instant::now() + self.tools.timing.turn;
        let mut writer = None;
        while !self.is_stopping() {
            if Instant::now() >= turn_ends {
                return Ok(Left::TurnOver);
            }
            if !matches!(self.way(account_id)?, Way::Here) {
                return Ok(Left::Moved);
            }
            let Some(in_hand) = self.claim_some(account_id, mailing.id, CLAIMED_AT_ONCE)? else {
                break;
            };
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(self.ready(account_id, mailing, "")?),
            };
            self.hand_over(account_id, mailing, writer, &in_hand)?;
        }
        Ok(Left::Done)
    }

    /// What writes the mails; where there can be none, nothing stays claimed.
    pub(super) fn ready<'a>(
        &'a self,
        account_id: i64,
        mailing: &'a Mailing,
        return_path: &'a str,
    ) -> Result<Writer<'a>, SendError> {
        let writer = Writer::new(&self.tools, account_id, mailing, return_path);
        if writer.is_err() {
            self.put_back(account_id, mailing.id)?;
        }
        writer
    }

    /// Gives back what this sender has claimed of a mailing.
    pub(super) fn put_back(&self, account_id: i64, mailing_id: i64) -> DbResult<()> {
        self.tools
            .db
            .write(|conn| sending::put_back(conn, account_id, mailing_id, self.holder))
    }

    /// Hands claimed deliveries to the built-in transport and marks what became of them. Whoever has
    /// unsubscribed or objected since the claim was decided about as somebody else: that mail is
    /// taken back before anybody could see it, and the delivery waits for another decision.
    fn hand_over(
        &self,
        account_id: i64,
        mailing: &Mailing,
        writer: &Writer<'_>,
        in_hand: &[InHand],
    ) -> Result<(), SendError> {
        let now = self.tools.clock.now();
        let (mut ended, mut handed) = (Vec::with_capacity(in_hand.len()), HashSet::new());
        let mut refusal = None;
        for delivery in in_hand {
            let id = delivery.waiting.id;
            let end = if refusal.is_some() {
                End::PutBack
            } else if let Ok(written) = writer.write(delivery, now) {
                let slot = writer.slot(delivery);
                match self.tools.transport.hand_over(slot, &written.message) {
                    Ok(()) => {
                        handed.insert(id);
                        End::Handed
                    }
                    Err(error) => {
                        refusal = Some(error.kind());
                        End::PutBack
                    }
                }
            } else {
                // These values can't be put into this mail, or the address can't be used.
                End::Failed
            };
            ended.push(Ended::new(id, end));
        }
        let marked = self.tools.db.write(|conn| {
            let ids: Vec<i64> = ended.iter().map(|row| row.id).collect();
            sending::lock(conn, account_id, &ids)?;
            if mailing.problem.is_some() && refusal.is_none() {
                sending::set_problem(conn, account_id, mailing.id, None)?;
            }
            let handed: Vec<i64> = handed.iter().copied().collect();
            let stand = as_decided(conn, account_id, &handed, now)?;
            let changed = |id: &i64| handed.contains(id) && !stand.contains(id);
            for delivery in in_hand.iter().filter(|one| changed(&one.waiting.id)) {
                // Before the database says that the mail waits again: a program that ends in
                // between must not leave a file that looks handed over.
                self.tools.transport.withdraw(writer.slot(delivery));
            }
            for row in ended.iter_mut().filter(|row| changed(&row.id)) {
                *row = Ended::new(row.id, End::PutBack);
            }
            self.note(conn, account_id, mailing.id, &ended, now)
        })?;
        let marked: HashSet<i64> = marked.into_iter().collect();
        for delivery in in_hand {
            // Deleted between claim and now: the mail must not lie there (rule P7).
            let id = delivery.waiting.id;
            if handed.contains(&id) && !marked.contains(&id) {
                self.tools.transport.withdraw(writer.slot(delivery));
            }
        }
        refusal.map_or(Ok(()), |kind| Err(SendError::Transport(kind)))
    }
}
