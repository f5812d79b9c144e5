//! *Gruppe aus Auswahl*: a group of those who did something with a mailing.
//!
//! That is personal tracking put to use, so the policy is asked again (rule P1): only who was
//! measured personally and may be measured at this moment comes in. Such a membership tells what
//! was measured, and ends when that is pseudonymised ([`crate::tracking::pseudonymise`]).

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::{accounts, groups};
use crate::db::reports::activity::Filter;
use crate::db::reports::chosen;
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::domain::time::Timestamp;
use crate::domain::tracking::RecipientTracking;
use crate::tracking::policy::{Decision, decide};

/// How many recipients join in one transaction: a few milliseconds on SQLite.
const SLICE: i64 = 500;

/// Whom a filter of a mailing's activity finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Whose it is.
    pub account_id: i64,
    /// The mailing.
    pub mailing_id: i64,
    /// What they did with it.
    pub filter: Filter,
}

/// Who would come into the group, and who not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Recipients who come in.
    pub joining: i64,
    /// Who was measured then and may not be now: objected since, or no tracking in the account.
    pub no_longer: i64,
    /// Pseudonyms: nobody any more.
    pub pseudonyms: i64,
}

impl Selection {
    /// Counts before anything is done.
    pub fn count(&self, conn: &mut Conn) -> DbResult<Counts> {
        let Self {
            account_id,
            mailing_id,
            filter,
        } = *self;
        let account = accounts::find(conn, account_id)?.tracking();
        let mut counts = Counts {
            pseudonyms: chosen::pseudonyms(conn, account_id, mailing_id, filter)?,
            ..Counts::default()
        };
        for part in chosen::count(conn, account_id, mailing_id, filter)? {
            match decide(account, Some(part.tracking)) {
                Decision::Personal => counts.joining += part.n,
                _ => counts.no_longer += part.n,
            }
        }
        Ok(counts)
    }

    /// Makes the group, still empty, and notes who made it of what and about how many would come
    /// in. Gives its number.
    ///
    /// # Errors
    /// [`DbError::Duplicate`] when the name is taken, [`DbError::Refused`] for a filter that does
    /// not say what people did.
    pub fn make_group(
        &self,
        conn: &mut Conn,
        name: &str,
        word: &str,
        joining: i64,
        actor: &Actor,
        now: Timestamp,
    ) -> DbResult<i64> {
        if !self.filter.tells_what_was_done() {
            return Err(DbError::Refused(
                "a group of people of whom nothing is known",
            ));
        }
        if groups::find_by_name(conn, self.account_id, name)?.is_some() {
            return Err(DbError::Duplicate);
        }
        let group_id = groups::create(conn, self.account_id, name, now)?;
        groups::made_of(conn, self.account_id, group_id, self.mailing_id)?;
        let entry = Entry {
            actor,
            action: Action::GroupMadeOfActivity,
            recipient_id: None,
            details: json!({
                "mailing": self.mailing_id,
                "filter": word,
                "group": group_id,
                "recipients": joining,
            }),
        };
        audit::record(conn, self.account_id, &entry, now)?;
        Ok(group_id)
    }

    /// The next ones after that recipient, none at the end. To be asked apart from [`Self::join`]:
    /// few may be found among very many, and that must not hold up who writes.
    pub fn next(&self, conn: &mut Conn, after: i64) -> DbResult<Vec<i64>> {
        chosen::after(
            conn,
            self.account_id,
            self.mailing_id,
            self.filter,
            after,
            SLICE,
        )
    }

    /// Lets these recipients join, as far as they are still found and may be measured in this
    /// transaction.
    pub fn join(
        &self,
        conn: &mut Conn,
        group_id: i64,
        recipients: &[i64],
        now: Timestamp,
    ) -> DbResult<()> {
        // Nobody's objection is committed between the question and the answer.
        account_lock::shared(conn, self.account_id)?;
        let account = accounts::find(conn, self.account_id)?.tracking();
        let found = chosen::of(
            conn,
            self.account_id,
            self.mailing_id,
            self.filter,
            recipients,
        )?;
        let may =
            |tracking: RecipientTracking| decide(account, Some(tracking)) == Decision::Personal;
        let joining: Vec<i64> = found
            .iter()
            .filter(|chosen| may(chosen.tracking))
            .map(|chosen| chosen.recipient_id)
            .collect();
        groups::add_by_activity(conn, self.account_id, group_id, &joining, now)?;
        Ok(())
    }
}
