//! *Löschen nach Liste*: the dry run, which looks up what a list of addresses stands for, and the
//! confirmation, which makes a job of it.
//!
//! In between only numbers are kept. What stands in the list and is not found, is known to whoever
//! sent it and to nobody afterwards (rule P7).

use std::collections::HashSet;

use serde_json::json;

use super::deletion;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::deletion_lists::{self, Known};
use crate::db::models::deliveries::Past;
use crate::db::models::jobs::{self, Job};
use crate::db::models::refusals;
use crate::db::{Conn, Db, DbResult, account_lock};
use crate::domain::address::{EmailAddress, addresses_in};
use crate::domain::time::Timestamp;

/// So many addresses are looked up at once.
const BATCH: usize = 500;

/// How many addresses that are nobody's are given back.
const SHOWN: usize = 50;

/// For so many addresses of nobody the refused lines of imports are looked through at once.
const LOOKED_FOR_AT_ONCE: usize = 20_000;

/// So many refused lines are read at once.
const LINES: i64 = 1_000;

/// How long a dry run can be confirmed.
pub const MINUTES_TO_CONFIRM: i64 = 60;

/// How many recipients are taken off a draft at once when it is given up.
const GIVEN_UP_AT_ONCE: i64 = 1_000;

/// What deleting those of a list would do. Holds addresses that nobody has, so it has no `Debug`
/// (rule P8).
#[derive(Clone)]
pub struct DryRun {
    /// What can be confirmed; none where nobody is found.
    pub draft: Option<i64>,
    /// How many addresses there were.
    pub addresses: i64,
    /// How many recipients have them.
    pub recipients: i64,
    /// How many unconfirmed sign-ups have them.
    pub signups: i64,
    /// In how many refused lines of imports stand addresses of nobody.
    pub refusals: i64,
    /// How many addresses are those of nobody.
    pub unknown: i64,
    /// The first of these.
    pub first_unknown: Vec<String>,
    /// How many are in the list more than once, beyond the first time, and belong to a recipient.
    pub repeated: i64,
    /// What is stored about the recipients from old mailings.
    pub past: Past,
}

/// Looks up what the addresses stand for, and keeps the numbers.
pub fn dry_run(
    db: &Db,
    (account_id, user_id): (i64, i64),
    addresses: impl Iterator<Item = EmailAddress>,
    now: Timestamp,
) -> DbResult<DryRun> {
    let draft = db.write(|conn| deletion_lists::start(conn, account_id, user_id, now))?;
    let mut run = DryRun {
        draft: Some(draft),
        addresses: 0,
        recipients: 0,
        signups: 0,
        refusals: 0,
        unknown: 0,
        first_unknown: Vec::new(),
        repeated: 0,
        past: Past::default(),
    };
    let looked_up = run.look_up_all(db, (account_id, draft), addresses);
    if looked_up.is_err() || run.is_empty() {
        run.draft = None;
        give_up(db, account_id, draft)?;
    }
    looked_up.map(|()| run)
}

impl DryRun {
    /// Whether there is nothing to delete.
    pub const fn is_empty(&self) -> bool {
        self.recipients == 0 && self.signups == 0 && self.refusals == 0
    }

    /// Whether there are more unknown addresses than are given back.
    pub fn is_cut(&self) -> bool {
        self.unknown > count(self.first_unknown.len())
    }

    fn look_up_all(
        &mut self,
        db: &Db,
        (account_id, draft): (i64, i64),
        addresses: impl Iterator<Item = EmailAddress>,
    ) -> DbResult<()> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut refusals = RefusedLines::of(db, account_id, draft)?;
        for address in addresses {
            batch.push(address);
            if batch.len() == BATCH {
                self.look_up(db, account_id, draft, &batch, &mut refusals)?;
                batch.clear();
            }
        }
        self.look_up(db, account_id, draft, &batch, &mut refusals)?;
        refusals.look_through()?;
        self.refusals = refusals.found;
        let total = self.recipients;
        db.write(|conn| deletion_lists::complete(conn, account_id, draft, total))?;
        self.past = db.read(|conn| deletion_lists::past(conn, account_id, draft))?;
        Ok(())
    }

    fn look_up(
        &mut self,
        db: &Db,
        account_id: i64,
        draft: i64,
        batch: &[EmailAddress],
        refusals: &mut RefusedLines<'_>,
    ) -> DbResult<()> {
        let keys: Vec<&str> = batch.iter().map(EmailAddress::key).collect();
        let (recipients, signups) = db.read(|conn| {
            Ok((
                deletion_lists::recipients(conn, account_id, &keys)?,
                deletion_lists::signups(conn, account_id, &keys)?,
            ))
        })?;
        let (new_recipients, new_signups) = db.write(|conn| {
            let (people, wishes) = (numbers(&recipients), numbers(&signups));
            Ok((
                deletion_lists::note_recipients(conn, account_id, draft, &people)?,
                deletion_lists::note_signups(conn, account_id, draft, &wishes)?,
            ))
        })?;
        let (people, wishes) = (known(&recipients), known(&signups));
        let mut of_recipients = 0;
        for address in batch {
            if people.contains(address.key()) {
                of_recipients += 1;
            } else if !wishes.contains(address.key()) {
                self.unknown += 1;
                refusals.look_for(address)?;
                if self.first_unknown.len() < SHOWN {
                    self.first_unknown.push(address.as_typed().to_owned());
                }
            }
        }
        let new_recipients = count(new_recipients);
        self.addresses += count(batch.len());
        self.recipients += new_recipients;
        self.repeated += of_recipients - new_recipients;
        self.signups += count(new_signups);
        Ok(())
    }
}

/// The refused lines of the account's imports: the only place where an address stands that is
/// neither a recipient's nor in a sign-up.
struct RefusedLines<'a> {
    db: &'a Db,
    account_id: i64,
    draft: i64,
    /// The imports that have some.
    imports: Vec<i64>,
    /// Which addresses are looked for next.
    wanted: HashSet<Box<str>>,
    /// How many lines are noted.
    found: i64,
}

impl<'a> RefusedLines<'a> {
    fn of(db: &'a Db, account_id: i64, draft: i64) -> DbResult<Self> {
        Ok(Self {
            db,
            account_id,
            draft,
            imports: db.read(|conn| refusals::imports_with_some(conn, account_id))?,
            wanted: HashSet::new(),
            found: 0,
        })
    }

    fn look_for(&mut self, address: &EmailAddress) -> DbResult<()> {
        if self.imports.is_empty() {
            return Ok(());
        }
        self.wanted.insert(address.key().into());
        if self.wanted.len() == LOOKED_FOR_AT_ONCE {
            self.look_through()?;
        }
        Ok(())
    }

    fn look_through(&mut self) -> DbResult<()> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        for import in &self.imports {
            let mut from = -1;
            loop {
                let some = self
                    .db
                    .read(|conn| refusals::after(conn, self.account_id, *import, from, LINES))?;
                let Some(last) = some.last() else { break };
                from = last.line;
                let hit: Vec<_> = some
                    .iter()
                    .filter(|row| {
                        let is_wanted = |found: EmailAddress| self.wanted.contains(found.key());
                        row.texts().any(|text| addresses_in(&text).any(is_wanted))
                    })
                    .map(|row| (*import, row.line))
                    .collect();
                let noted = self.db.write(|conn| {
                    deletion_lists::note_refusals(conn, self.account_id, self.draft, &hit)
                })?;
                self.found += count(noted);
            }
        }
        self.wanted.clear();
        Ok(())
    }
}

fn numbers(found: &[Known]) -> Vec<i64> {
    found.iter().map(|one| one.id).collect()
}

fn known(found: &[Known]) -> HashSet<&str> {
    found.iter().map(|one| one.address_key.as_str()).collect()
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Queues the deletion of those on a draft, with its receipt, for the program with that data
/// directory.
///
/// # Errors
/// [`crate::db::DbError::NotFound`] where the user has no such draft any more.
pub fn confirm(
    conn: &mut Conn,
    (account_id, user_id): (i64, i64),
    draft_id: i64,
    actor: &Actor,
    node: &str,
    now: Timestamp,
) -> DbResult<Job> {
    account_lock::exclusive(conn, account_id)?;
    let not_before = Timestamp(now.millis() - MINUTES_TO_CONFIRM * 60_000);
    deletion_lists::expect(conn, (account_id, user_id), draft_id, not_before)?;
    let receipt = deletion::start_receipt(conn, account_id, actor, now)?;
    deletion_lists::confirm(conn, account_id, draft_id, receipt, now)?;
    super::jobs::queue(conn, account_id, (draft_id, receipt), node, now)?;
    let job = jobs::find(conn, account_id, draft_id)?;
    let signups = deletion_lists::signup_count(conn, account_id, draft_id)?;
    let refusals = deletion_lists::refusal_count(conn, account_id, draft_id)?;
    let entry = Entry {
        actor,
        action: Action::ListDeleted,
        recipient_id: None,
        details: json!({
            "recipients": job.total,
            "signups": signups,
            "refusals": refusals,
            "receipt": receipt,
        }),
    };
    audit::record(conn, account_id, &entry, now)?;
    Ok(job)
}

/// Forgets a draft.
pub fn give_up(db: &Db, account_id: i64, draft_id: i64) -> DbResult<()> {
    let limit = GIVEN_UP_AT_ONCE;
    while !db.write(|conn| deletion_lists::give_up(conn, account_id, draft_id, limit))? {}
    Ok(())
}

/// Forgets the drafts of all accounts that can be confirmed no longer.
pub fn give_up_old(db: &Db, now: Timestamp) -> DbResult<()> {
    let before = Timestamp(now.millis() - MINUTES_TO_CONFIRM * 60_000);
    for (account_id, draft_id) in db.read(|conn| deletion_lists::older(conn, before))? {
        give_up(db, account_id, draft_id)?;
    }
    Ok(())
}
