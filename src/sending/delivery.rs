//! Sends one mailing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::sender::Tools;
use super::transport::{Fate, Slot};
use crate::db::models::mailings::{self, Mailing, MailingStatus};
use crate::db::models::sending::{self, Claim, End, Waiting};
use crate::db::models::{accounts, mailing_links};
use crate::db::{Backend, Conn, DbError, DbResult};
use crate::domain::secret::{Random128, random_128};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{Decision, RecipientStatus};
use crate::mail::compose::{Outgoing, Stream, compose};
use crate::mail::{MailError, PreparedMailing, Recipient, TrackingUrls};
use crate::tracking::policy::decide;
use crate::tracking::token::{HitKind, PersonalLink, PersonalToken, TrackingToken};

/// How many deliveries are written in one transaction.
const WRITTEN_AT_ONCE: usize = 500;

/// How many deliveries are claimed, and handed over, between two transactions.
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
}

fn told(error: &DbError) -> String {
    match error {
        DbError::Fault(diesel::result::Error::DatabaseError(kind, _)) => {
            format!("database: {kind:?}")
        }
        other => other.to_string(),
    }
}

/// Sends mailings one after the other.
pub(super) struct Delivering {
    pub(super) tools: Tools,
    pub(super) stopping: Arc<AtomicBool>,
}

/// A claimed delivery with all that its mail needs.
struct InHand {
    waiting: Waiting,
    policy: Decision,
    key: Option<Random128>,
}

impl Delivering {
    /// Sends a mailing as far as it has not been sent, alone among all nodes.
    pub(super) fn mailing(&self, account_id: i64, mailing_id: i64) -> Result<(), SendError> {
        if self.tools.db.backend() == Backend::Sqlite {
            // One process per file: nobody else is there.
            return self.alone(account_id, mailing_id);
        }
        let mut outcome = Ok(());
        self.tools.db.maintain(|conn| {
            if sending::try_lock(conn, mailing_id)? {
                outcome = self.alone(account_id, mailing_id);
                sending::unlock(conn, mailing_id)?;
            }
            Ok(())
        })?;
        outcome
    }

    fn alone(&self, account_id: i64, mailing_id: i64) -> Result<(), SendError> {
        let db = &self.tools.db;
        let mailing = db.read(|conn| mailings::find(conn, account_id, mailing_id))?;
        match mailing.status {
            // Another node was faster, or somebody halted it.
            MailingStatus::Draft
            | MailingStatus::Scheduled
            | MailingStatus::Paused
            | MailingStatus::Sent
            | MailingStatus::Cancelled => return Ok(()),
            MailingStatus::Preparing => self.write_deliveries(account_id, mailing_id)?,
            MailingStatus::Sending => self.take_up(account_id, mailing_id)?,
        }
        if self.is_stopping() {
            return Ok(());
        }
        // Before the first mail is out, so that its links lead on even without the database.
        self.tools.links.load(mailing_id)?;
        let links = db
            .read(|conn| mailing_links::of_mailing(conn, mailing_id))?
            .map(|(_, links)| links)
            .unwrap_or_default();
        let links: Vec<(i32, String)> = links
            .into_iter()
            .filter_map(|(number, url)| Some((i32::try_from(number).ok()?, url)))
            .collect();
        let prepared =
            PreparedMailing::new(&mailing.subject, &mailing.html, &mailing.text, &links)?;
        while !self.is_stopping() {
            let Some(in_hand) = self.claim_some(account_id, mailing_id)? else {
                // Not finished: a row was locked by a deletion. It is looked for again.
                db.write(|conn| {
                    sending::finish(conn, account_id, mailing_id, self.tools.clock.now())
                })?;
                return Ok(());
            };
            self.hand_over(account_id, &mailing, &prepared, &in_hand)?;
        }
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Writes all deliveries, in an order that says nothing about anybody (rule P6). Can be
    /// repeated: what is there stays.
    fn write_deliveries(&self, account_id: i64, mailing_id: i64) -> DbResult<()> {
        let db = &self.tools.db;
        let mut people =
            db.read(|conn| sending::recipients_to_reach(conn, account_id, mailing_id))?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| DbError::Unavailable(e.to_string()))?;
        people.shuffle(&mut StdRng::from_seed(seed));
        for slice in people.chunks(WRITTEN_AT_ONCE) {
            if self.is_stopping() {
                return Ok(());
            }
            db.write(|conn| sending::write_deliveries(conn, account_id, mailing_id, slice))?;
        }
        db.write(|conn| sending::begin(conn, account_id, mailing_id))
    }

    /// Settles what a sender that ended had in hand.
    fn take_up(&self, account_id: i64, mailing_id: i64) -> DbResult<()> {
        let db = &self.tools.db;
        let left = db.read(|conn| sending::left_behind(conn, account_id, mailing_id))?;
        let (mut handed, mut waiting, mut uncertain) = (Vec::new(), Vec::new(), Vec::new());
        for delivery in left {
            let slot = Slot {
                mailing_id,
                recipient_id: delivery.recipient_id,
            };
            match self.tools.transport.fate(slot) {
                Fate::Handed => handed.push(delivery.id),
                Fate::NotHanded => waiting.push(delivery.id),
                Fate::Unknown => uncertain.push(delivery.id),
            }
        }
        if handed.is_empty() && waiting.is_empty() && uncertain.is_empty() {
            return Ok(());
        }
        let now = self.tools.clock.now();
        db.write(|conn| {
            sending::put_back(conn, account_id, &waiting)?;
            sending::end(
                conn,
                account_id,
                mailing_id,
                &uncertain,
                End::Uncertain,
                now,
            )?;
            self.mark_handed(conn, account_id, mailing_id, &handed, now)?;
            Ok(())
        })
    }

    /// Claims some deliveries and decides how each may be measured, from the settings as they
    /// are in this transaction (rule P1). Who unsubscribed or bounced since the deliveries were
    /// written receives nothing: those are cancelled. None when nothing waits any more.
    fn claim_some(&self, account_id: i64, mailing_id: i64) -> DbResult<Option<Vec<InHand>>> {
        self.tools.db.write(|conn| {
            let account = accounts::find(conn, account_id)?.tracking();
            let found = sending::waiting(conn, account_id, mailing_id, CLAIMED_AT_ONCE)?;
            if found.is_empty() {
                return Ok(None);
            }
            let (mut in_hand, mut unreachable) = (Vec::new(), Vec::new());
            for waiting in found {
                if waiting.status != RecipientStatus::Active {
                    unreachable.push(waiting.id);
                    continue;
                }
                let policy = decide(account, Some(waiting.tracking));
                let key = match policy {
                    Decision::Personal => {
                        Some(random_128().map_err(|e| DbError::Unavailable(e.to_string()))?)
                    }
                    Decision::Anonymous | Decision::Nothing => None,
                };
                in_hand.push(InHand {
                    waiting,
                    policy,
                    key,
                });
            }
            let claims: Vec<Claim> = in_hand
                .iter()
                .map(|delivery| Claim {
                    id: delivery.waiting.id,
                    policy: delivery.policy,
                    key: delivery.key,
                })
                .collect();
            sending::claim(conn, account_id, &claims)?;
            sending::cancel(conn, account_id, mailing_id, &unreachable)?;
            Ok(Some(in_hand))
        })
    }

    /// Hands claimed deliveries to the transport and marks what became of them.
    fn hand_over(
        &self,
        account_id: i64,
        mailing: &Mailing,
        prepared: &PreparedMailing,
        in_hand: &[InHand],
    ) -> Result<(), SendError> {
        let now = self.tools.clock.now();
        let (mut handed, mut failed, mut untried) = (Vec::new(), Vec::new(), Vec::new());
        let mut refusal = None;
        for delivery in in_hand {
            let id = delivery.waiting.id;
            if refusal.is_some() {
                untried.push(id);
                continue;
            }
            let Ok(message) = self.message(account_id, mailing, prepared, delivery, now) else {
                // These values can't be put into this mail, or the address can't be used.
                failed.push(id);
                continue;
            };
            match self
                .tools
                .transport
                .hand_over(slot(mailing, &delivery.waiting), &message)
            {
                Ok(()) => handed.push(id),
                Err(error) => {
                    refusal = Some(error.kind());
                    untried.push(id);
                }
            }
        }
        let marked = self.tools.db.write(|conn| {
            sending::put_back(conn, account_id, &untried)?;
            sending::end(conn, account_id, mailing.id, &failed, End::Failed, now)?;
            self.mark_handed(conn, account_id, mailing.id, &handed, now)
        })?;
        for delivery in in_hand {
            // Deleted between claim and now: the mail must not lie there (rule P7).
            if handed.contains(&delivery.waiting.id) && !marked.contains(&delivery.waiting.id) {
                self.tools
                    .transport
                    .withdraw(slot(mailing, &delivery.waiting));
            }
        }
        refusal.map_or(Ok(()), |kind| Err(SendError::Transport(kind)))
    }

    /// Marks deliveries as handed and enters their mails. Gives those that were still claimed.
    fn mark_handed(
        &self,
        conn: &mut Conn,
        account_id: i64,
        mailing_id: i64,
        ids: &[i64],
        now: Timestamp,
    ) -> DbResult<Vec<i64>> {
        let mut marked = sending::end(conn, account_id, mailing_id, ids, End::Handed, now)?;
        // The order in which they are entered must not follow the deliveries' numbers.
        marked.sort_unstable_by_key(|delivery| delivery.recipient_id);
        let slots: Vec<Slot> = marked
            .iter()
            .map(|delivery| Slot {
                mailing_id,
                recipient_id: delivery.recipient_id,
            })
            .collect();
        self.tools.transport.enter(conn, account_id, &slots, now)?;
        Ok(marked.into_iter().map(|delivery| delivery.id).collect())
    }

    fn message(
        &self,
        account_id: i64,
        mailing: &Mailing,
        prepared: &PreparedMailing,
        delivery: &InHand,
        now: Timestamp,
    ) -> Result<Vec<u8>, MailError> {
        let person = &delivery.waiting;
        let fields = serde_json::from_str(&person.fields).unwrap_or_default();
        let recipient = Recipient {
            first_name: &person.first_name,
            last_name: &person.last_name,
            address: &person.address,
            fields: &fields,
        };
        let unsubscribe = self.personal(mailing.id, PersonalLink::Unsubscribe, person);
        let preferences = self.personal(mailing.id, PersonalLink::Preferences, person);
        let pixel = format!(
            "{}.gif",
            self.tracked(mailing.id, HitKind::Open, delivery.key, 0)
        );
        let click = |number: i32| {
            let link = u16::try_from(number).unwrap_or_default();
            self.tracked(mailing.id, HitKind::Click, delivery.key, link)
        };
        let measured = delivery.policy != Decision::Nothing;
        let urls = TrackingUrls {
            pixel: measured.then_some(pixel.as_str()),
            click: measured.then_some(&click as &dyn Fn(i32) -> String),
            unsubscribe: &unsubscribe,
            preferences: &preferences,
        };
        let mail = prepared.render(&recipient, &urls)?;
        let name = [person.first_name.as_str(), person.last_name.as_str()].join(" ");
        let composed = compose(&Outgoing {
            from_name: &mailing.sender_name,
            from_address: &mailing.sender_address,
            to_name: name.trim(),
            to_address: &person.address,
            mail: &mail,
            unsubscribe: &unsubscribe,
            stream: Some(Stream {
                account_id,
                mailing_id: mailing.id,
            }),
            return_path: "",
            sent_at: now.millis(),
        })?;
        Ok(composed.message)
    }

    fn tracked(&self, mailing_id: i64, kind: HitKind, key: Option<Random128>, link: u16) -> String {
        let token = TrackingToken {
            mailing_id,
            key,
            link,
        };
        let path = match kind {
            HitKind::Open => "o",
            HitKind::Click => "k",
        };
        self.address(path, &self.tools.tokens.tracking(kind, token))
    }

    fn personal(&self, mailing_id: i64, link: PersonalLink, person: &Waiting) -> String {
        let token = PersonalToken {
            mailing_id,
            recipient_key: person.public_key.as_slice().try_into().unwrap_or_default(),
        };
        let path = match link {
            PersonalLink::Unsubscribe => "abmelden",
            PersonalLink::Preferences => "datenschutz",
        };
        self.address(path, &self.tools.tokens.personal(link, token))
    }

    fn address(&self, path: &str, token: &str) -> String {
        let base = self.tools.public_url.as_str().trim_end_matches('/');
        format!("{base}/{path}/{token}")
    }
}

const fn slot(mailing: &Mailing, waiting: &Waiting) -> Slot {
    Slot {
        mailing_id: mailing.id,
        recipient_id: waiting.recipient_id,
    }
}
