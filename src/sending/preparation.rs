//! What is looked at before a mailing is sent, and the start of sending.

use std::collections::BTreeSet;

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::mailings::{self, Mailing};
use crate::db::models::{accounts, recipients, sending};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{Decision, RecipientStatus};
use crate::mail::PreparedMailing;
use crate::mail::links::find_links;
use crate::tracking::policy::decide;

/// Whom a mailing reaches if it is sent now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audience {
    /// Recipients who may be measured personally.
    pub personal: i64,
    /// Recipients who are counted anonymously.
    pub anonymous: i64,
    /// Recipients who are not measured at all.
    pub nothing: i64,
    /// Members of the groups who unsubscribed and receive nothing.
    pub unsubscribed: i64,
    /// Members of the groups whose address refuses mails.
    pub bounced: i64,
    /// Members of the groups who have refused what the mailing asks for, and receive nothing.
    pub left_alone: i64,
}

impl Audience {
    /// How many mails there will be.
    pub const fn total(&self) -> i64 {
        self.personal + self.anonymous + self.nothing
    }
}

/// Counts whom a mailing would reach, each person once.
pub fn audience(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    now: Timestamp,
) -> DbResult<Audience> {
    let account = accounts::find(conn, account_id)?.tracking();
    let mut audience = Audience::default();
    for part in sending::audience(conn, account_id, mailing_id, now)? {
        let counter = match (part.status, decide(account, Some(part.tracking))) {
            (RecipientStatus::Unsubscribed, _) => &mut audience.unsubscribed,
            (RecipientStatus::Bounced, _) => &mut audience.bounced,
            (RecipientStatus::Active, _) if part.left_alone => &mut audience.left_alone,
            (RecipientStatus::Active, Decision::Personal) => &mut audience.personal,
            (RecipientStatus::Active, Decision::Anonymous) => &mut audience.anonymous,
            (RecipientStatus::Active, Decision::Nothing) => &mut audience.nothing,
        };
        *counter += part.n;
    }
    Ok(audience)
}

/// The free fields that the account's newest recipients have, in alphabetical order: enough to
/// warn of a misspelt name.
pub fn known_fields(conn: &mut Conn, account_id: i64) -> DbResult<Vec<String>> {
    let mut names = BTreeSet::new();
    for fields in recipients::newest_fields(conn, account_id, 500)? {
        let parsed: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&fields).unwrap_or_default();
        names.extend(parsed.into_iter().map(|(name, _)| name));
    }
    Ok(names.into_iter().collect())
}

/// Starts sending: from here on neither text nor links nor groups change, and the sender takes
/// over (wake it after the commit).
///
/// # Errors
/// [`DbError::Refused`] when it is no draft, has no groups, or can't be rendered.
pub fn start(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let mailing = mailings::find(conn, account_id, mailing_id)?;
    if mailings::groups_of(conn, account_id, mailing_id)?.is_empty() {
        return Err(DbError::Refused("a mailing without groups"));
    }
    let links = tracked_links(&mailing)?;
    sending::freeze(conn, account_id, mailing_id, &links, now)?;
    let details = json!({ "mailing": mailing_id });
    note(conn, account_id, Action::MailingSent, details, actor, now)
}

/// Plans a draft to be sent later: from here on it does not change, unless it is made a draft
/// again (wake the sender after the commit). Its links and groups are those of the time at which it is
/// sent.
///
/// # Errors
/// [`DbError::Refused`] when it is no draft, has no groups, or can't be rendered.
pub fn schedule(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    at: Timestamp,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let mailing = mailings::find(conn, account_id, mailing_id)?;
    if mailings::groups_of(conn, account_id, mailing_id)?.is_empty() {
        return Err(DbError::Refused("a mailing without groups"));
    }
    tracked_links(&mailing)?;
    sending::schedule(conn, account_id, mailing_id, at)?;
    let details = json!({ "mailing": mailing_id, "at": at.millis() });
    note(
        conn,
        account_id,
        Action::MailingScheduled,
        details,
        actor,
        now,
    )
}

/// What can be done to a mailing on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// A planned one becomes a draft again.
    Unschedule,
    /// It halts, and can go on.
    Pause,
    /// It goes on (wake the sender after the commit).
    Resume,
    /// It ends: what has not gone out never does (wake the sender after the commit).
    Cancel,
}

/// Halts a mailing, lets it go on, or ends it.
///
/// # Errors
/// [`DbError::Refused`] when that does not fit the state in which it is.
pub fn halt(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    how: Halt,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let action = match how {
        Halt::Unschedule => {
            sending::unschedule(conn, account_id, mailing_id)?;
            Action::MailingUnscheduled
        }
        Halt::Pause => {
            sending::pause(conn, account_id, mailing_id)?;
            Action::MailingPaused
        }
        Halt::Resume => {
            sending::resume(conn, account_id, mailing_id)?;
            Action::MailingResumed
        }
        Halt::Cancel => {
            sending::cancel(conn, account_id, mailing_id)?;
            Action::MailingCancelled
        }
    };
    note(
        conn,
        account_id,
        action,
        json!({ "mailing": mailing_id }),
        actor,
        now,
    )
}

/// Halts all mailings of an account that are being sent: what is left of them shall not go another
/// way without anybody saying so.
pub fn halt_all(conn: &mut Conn, account_id: i64, actor: &Actor, now: Timestamp) -> DbResult<()> {
    for mailing_id in sending::under_way(conn, account_id)? {
        halt(conn, account_id, mailing_id, Halt::Pause, actor, now)?;
    }
    Ok(())
}

fn note(
    conn: &mut Conn,
    account_id: i64,
    action: Action,
    details: serde_json::Value,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let entry = Entry {
        actor,
        action,
        recipient_id: None,
        details,
    };
    audit::record(conn, account_id, &entry, now)
}

fn tracked_links(mailing: &Mailing) -> DbResult<Vec<String>> {
    let unreadable = |_| DbError::Refused("a mailing that can't be rendered");
    PreparedMailing::new(&mailing.subject, &mailing.html, &mailing.text, &[])
        .and_then(|prepared| prepared.check(&mailing.html))
        .map_err(unreadable)?;
    let mut links = find_links(&mailing.html, &mailing.text)
        .map_err(unreadable)?
        .tracked;
    // A token carries the number in two bytes; what is beyond stays as it is.
    links.truncate(usize::from(u16::MAX));
    Ok(links)
}
