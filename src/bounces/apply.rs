//! Counts what came back, and stops further mails where it has to be.
//!
//! The order of locks is the account's, the delivery, the recipient, the mailing: the same as
//! everybody else's who takes several of them.

use serde_json::json;

use super::origin::{Keys, Origin};
use super::report::{self, Meaning, Returned};
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::recipients::{self, Recipient, StatusChange};
use crate::db::models::{accounts, bounce_reasons, bounces, webhook_deliveries};
use crate::db::{Conn, DbResult, account_lock};
use crate::domain::bounce::{BounceKind, BounceReason, StatusCode};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, TrackingSource};
use crate::domain::webhook::HookEvent;
use crate::tracking::settings;

/// What the audit log calls the part of the program that reads what comes back.
const ACTOR: Actor = Actor::Program("Rückläufer");

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Counted.
    Counted(BounceKind),
    /// About a mail of ours, but nothing new: a repetition, a delay, a success.
    Nothing,
    /// A report about a mail that is not known to be ours.
    Unassigned,
    /// No report.
    Other,
}

/// Reads a message and applies it, in the caller's transaction.
pub fn take(conn: &mut Conn, message: &[u8], keys: &Keys, now: Timestamp) -> DbResult<Outcome> {
    apply(conn, &report::read(message, keys), now)
}

/// Applies what a message says.
pub fn apply(conn: &mut Conn, returned: &Returned, now: Timestamp) -> DbResult<Outcome> {
    match (returned.meaning, returned.origin) {
        (Meaning::Other, _) => Ok(Outcome::Other),
        (_, None) => Ok(Outcome::Unassigned),
        (Meaning::Report, Some(_)) => Ok(Outcome::Nothing),
        (Meaning::CameBack { kind, reason, code }, Some(origin)) => {
            let Some(account_id) = bounces::account_of(conn, origin.mailing_id)? else {
                // The mailing was deleted, or the mail was a test.
                return Ok(Outcome::Nothing);
            };
            let account = InAccount { account_id, now };
            let is_new = account.count(conn, origin, kind, reason, code)?;
            Ok(if is_new {
                Outcome::Counted(kind)
            } else {
                Outcome::Nothing
            })
        }
    }
}

struct InAccount {
    account_id: i64,
    now: Timestamp,
}

impl InAccount {
    /// Gives whether it was new.
    fn count(
        &self,
        conn: &mut Conn,
        origin: Origin,
        kind: BounceKind,
        reason: Option<BounceReason>,
        code: Option<StatusCode>,
    ) -> DbResult<bool> {
        let (account_id, mailing_id) = (self.account_id, origin.mailing_id);
        // Nobody is pseudonymised or deleted between the looking and the commit.
        account_lock::shared(conn, account_id)?;
        let recipient = recipients::find_by_public_key(conn, &origin.recipient_key)?
            .filter(|(of, _)| *of == account_id)
            .map(|(_, recipient)| recipient);
        let Some(recipient) = recipient else {
            return bounces::count_unknown(conn, account_id, mailing_id, kind);
        };
        let delivery = bounces::find_and_lock(conn, account_id, mailing_id, recipient.id)?;
        let Some(delivery) = delivery else {
            return self.count_pseudonymised(conn, mailing_id, &recipient, kind);
        };
        if !kind.outweighs(delivery.bounce) {
            return Ok(false);
        }
        bounces::note(conn, account_id, delivery, kind, code, self.now)?;
        if let Some(reason) = reason {
            bounce_reasons::note(conn, account_id, recipient.id, mailing_id, reason, self.now)?;
        }
        match kind {
            BounceKind::Complaint => {
                self.unsubscribe(conn, &recipient)?;
            }
            // It says nothing about the address of now.
            BounceKind::Hard | BounceKind::Soft if delivery.went_to_old_address(&recipient) => {}
            BounceKind::Hard => self.give_up(conn, &recipient, kind, code)?,
            // What is about the sender, the mail or the way there counts against no recipient.
            BounceKind::Soft if !reason.is_some_and(BounceReason::is_about_the_mailbox) => {}
            BounceKind::Soft => {
                let in_a_row = bounces::count_soft(conn, account_id, recipient.id, delivery)?;
                if in_a_row >= accounts::find(conn, account_id)?.soft_bounce_limit {
                    self.give_up(conn, &recipient, kind, code)?;
                }
            }
        }
        bounces::count(conn, account_id, mailing_id, kind, delivery.bounce)?;
        Ok(true)
    }

    /// After pseudonymising a bounce counts in the mailing only (rule P6). A complaint ends the
    /// mails all the same, as the link *Abmelden* in that mail would.
    fn count_pseudonymised(
        &self,
        conn: &mut Conn,
        mailing_id: i64,
        recipient: &Recipient,
        kind: BounceKind,
    ) -> DbResult<bool> {
        if kind == BounceKind::Complaint && !self.unsubscribe(conn, recipient)? {
            return Ok(false);
        }
        bounces::count_unknown(conn, self.account_id, mailing_id, kind)
    }

    /// Who reports a mail as unwanted says no to further ones: that is an unsubscription, which
    /// nobody may take for a technical matter and lift.
    fn unsubscribe(&self, conn: &mut Conn, recipient: &Recipient) -> DbResult<bool> {
        settings::unsubscribe(
            conn,
            self.account_id,
            recipient.id,
            TrackingSource::Complaint,
            &ACTOR,
            self.now,
        )
    }

    /// No further mails go to this address.
    fn give_up(
        &self,
        conn: &mut Conn,
        recipient: &Recipient,
        kind: BounceKind,
        code: Option<StatusCode>,
    ) -> DbResult<()> {
        if !bounces::give_up(conn, self.account_id, recipient.id, self.now)? {
            return Ok(());
        }
        let entry = Entry {
            actor: &ACTOR,
            action: Action::RecipientBounced,
            recipient_id: Some(recipient.id),
            details: json!({ "kind": kind.as_str(), "code": code.map(|code| code.to_string()) }),
        };
        audit::record(conn, self.account_id, &entry, self.now)?;
        let (event, source) = (HookEvent::Bounced, TrackingSource::Bounce.as_str());
        webhook_deliveries::queue(
            conn,
            self.account_id,
            event,
            &[recipient.id],
            source,
            self.now,
        )
    }
}

/// *Wieder zustellen*: mails go again to an address that counted as undeliverable, and its
/// temporary bounces are forgotten. Does nothing to anybody else.
pub fn reactivate(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    account_lock::shared(conn, account_id)?;
    recipients::find(conn, account_id, recipient_id)?;
    let change = StatusChange {
        from: &[RecipientStatus::Bounced],
        to: RecipientStatus::Active,
        source: TrackingSource::Admin,
    };
    if !recipients::change_status(conn, account_id, recipient_id, change, now)? {
        return Ok(());
    }
    bounces::forget_soft(conn, account_id, recipient_id)?;
    let entry = Entry {
        actor,
        action: Action::RecipientReactivated,
        recipient_id: Some(recipient_id),
        details: json!({}),
    };
    audit::record(conn, account_id, &entry, now)
}

/// How many recipients become deliverable again in one transaction.
const REACTIVATED_AT_ONCE: i64 = 200;

/// *Wieder zustellen* for recipients of one domain whose mails were refused for the same reason
/// since then: some of them. Gives how many; none once all are done.
pub fn reactivate_alike(
    conn: &mut Conn,
    account_id: i64,
    (domain, reason, since): (&str, BounceReason, Timestamp),
    actor: &Actor,
    now: Timestamp,
) -> DbResult<usize> {
    let limit = REACTIVATED_AT_ONCE;
    let ids = bounce_reasons::given_up(conn, account_id, domain, reason, since, limit)?;
    for id in &ids {
        reactivate(conn, account_id, *id, actor, now)?;
    }
    Ok(ids.len())
}
