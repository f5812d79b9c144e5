//! Doing again what the journal tells, entry by entry.

use std::collections::HashMap;

use serde_json::Value;

use super::{ACTOR, Progress, Replay};
use crate::backup::BackupError;
use crate::backup::journal::{self as file, Line};
use crate::db::models::journal::{self, JournalKind};
use crate::db::models::objections::{self, AddressHash, Memory, Remembered};
use crate::db::models::receipts::ReceiptKind;
use crate::db::models::recipients::{self, Recipient};
use crate::db::models::{accounts, deletion_requests, group_leavings, groups};
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingMode, TrackingSource};
use crate::erasure::deletion::{self, Remains};
use crate::erasure::past;
use crate::tracking::{pseudonymise, settings};

/// How many are deleted in one transaction.
const SLICE: usize = 50;

/// The telling in progress.
pub(super) struct Telling<'a> {
    pub replay: &'a Replay<'a>,
    /// Account and number of those whom the journal knows by these hashes.
    pub people: HashMap<String, (i64, i64)>,
    /// Mails that go with those who were deleted. Those that an interrupted replay could not take
    /// away are known to no row, and every start sweeps such.
    pub outbox_files: Vec<String>,
    /// What was done so far.
    pub progress: Progress,
}

impl Telling<'_> {
    /// Does all of that again.
    pub fn all(&mut self, lines: &[Line]) -> Result<(), BackupError> {
        let mut rest = lines;
        while let Some(first) = rest.first() {
            // Deletions that follow each other share a transaction.
            let together = if first.kind() == Some(JournalKind::Deleted) {
                let alike = |line: &&Line| line.kind == first.kind && line.account == first.account;
                rest.iter().take(SLICE).take_while(alike).count()
            } else {
                1
            };
            let (these, others) = rest.split_at(together);
            self.some(these)?;
            rest = others;
        }
        Ok(())
    }

    fn some(&mut self, lines: &[Line]) -> Result<(), BackupError> {
        let Some(first) = lines.first() else {
            return Ok(());
        };
        let Some(kind) = first.kind() else {
            return Err(BackupError::Refused(format!(
                "the journal was written by a newer version of the program (\"{}\")",
                first.kind
            )));
        };
        let db = self.replay.db;
        let mut job = None;
        let before = self.progress.clone();
        let remains = db.write(|conn| {
            // The transaction may be the second attempt.
            self.progress = before.clone();
            let mut outcome = (Remains::default(), None);
            // An account that is younger than the copy went with it.
            if accounts::ids(conn)?.contains(&first.account) {
                account_lock::exclusive(conn, first.account)?;
                outcome = match kind {
                    JournalKind::Deleted => self.delete(conn, lines)?,
                    JournalKind::AddressLeft => self.leave_address(conn, first)?,
                    JournalKind::PastPseudonymised => {
                        job = self.start_past(conn, first)?;
                        outcome
                    }
                    _ => {
                        self.tell(conn, first, kind)?;
                        outcome
                    }
                };
            }
            for line in lines {
                if let Some(mark) = line.mark() {
                    journal::note_known(conn, line.account, &mark, Timestamp(line.at))?;
                }
            }
            let (remains, receipt) = outcome;
            if let Some(receipt) = receipt {
                self.progress.receipts.insert(first.account, receipt);
            }
            self.progress.keep(conn)?;
            Ok(remains)
        })?;
        self.outbox_files.extend(remains.outbox_files);
        if let Some((account_id, job_id)) = job {
            past::finish_now(db, account_id, job_id)?;
        }
        Ok(())
    }

    /// The recipient an entry is about, if this database (still) has them.
    fn person(&self, conn: &mut Conn, line: &Line) -> DbResult<Option<Recipient>> {
        let found = line.who.as_deref().and_then(|who| self.people.get(who));
        let Some(&(account_id, id)) = found else {
            return Ok(None);
        };
        Ok(recipients::find_many(conn, account_id, &[id])?.pop())
    }

    fn delete(&mut self, conn: &mut Conn, lines: &[Line]) -> DbResult<(Remains, Option<i64>)> {
        let mut ids = Vec::new();
        for line in lines {
            if let Some(person) = self.person(conn, line)? {
                ids.push(person.id);
            }
        }
        let Some(first) = lines.first().filter(|_| !ids.is_empty()) else {
            return Ok((Remains::default(), None));
        };
        self.progress.told.deleted += ids.len();
        self.remove(conn, first.account, &ids)
    }

    fn remove(
        &self,
        conn: &mut Conn,
        account_id: i64,
        ids: &[i64],
    ) -> DbResult<(Remains, Option<i64>)> {
        let now = Timestamp::now();
        let receipt = match self.progress.receipts.get(&account_id) {
            Some(receipt) => *receipt,
            None => deletion::start_receipt(conn, account_id, &ACTOR, now)?,
        };
        let key = self.replay.remembering;
        let remains =
            deletion::delete_recipients(conn, account_id, ids, receipt, key, &ACTOR, now)?;
        Ok((remains, Some(receipt)))
    }

    /// The new address is not known, and the old one is nobody's: the person goes, and what they
    /// said is remembered for the new address, where the account remembers.
    fn leave_address(&mut self, conn: &mut Conn, line: &Line) -> DbResult<(Remains, Option<i64>)> {
        let Some(person) = self.person(conn, line)? else {
            return Ok((Remains::default(), None));
        };
        if let Some(address) = memory_of(line) {
            let said = [
                (
                    person.tracking == RecipientTracking::Objected,
                    Remembered::Objection,
                    person.tracking_changed_at,
                    person.tracking_source,
                ),
                (
                    person.status == RecipientStatus::Unsubscribed,
                    Remembered::Unsubscription,
                    person.status_changed_at,
                    person.status_source,
                ),
            ];
            for (_, kind, since, source) in said.into_iter().filter(|said| said.0) {
                let source = source.unwrap_or(TrackingSource::Admin);
                let since = Timestamp(since.unwrap_or(person.created_at));
                remember(conn, line.account, address, kind, (source, since))?;
            }
        }
        self.progress.told.moved += 1;
        self.remove(conn, line.account, &[person.id])
    }

    fn start_past(&mut self, conn: &mut Conn, line: &Line) -> DbResult<Option<(i64, i64)>> {
        let until = Timestamp(number(&line.details, "until")?);
        let kind: ReceiptKind = word(&line.details, "kind")?;
        let preview = past::preview(conn, line.account, until)?;
        if preview.mailings.is_empty() {
            return Ok(None);
        }
        self.progress.told.pseudonymised += 1;
        let reach = (until, &preview);
        let job = past::start(conn, line.account, kind, reach, &ACTOR, Timestamp::now())?;
        Ok(Some((line.account, job.id)))
    }

    /// What needs no more than its transaction.
    fn tell(&mut self, conn: &mut Conn, line: &Line, kind: JournalKind) -> DbResult<()> {
        let account_id = line.account;
        let now = Timestamp::now();
        match kind {
            JournalKind::Tracking => return self.say_tracking(conn, line),
            JournalKind::Status => return self.say_status(conn, line),
            JournalKind::Remembered => return self.remember_again(conn, line),
            JournalKind::Forgotten => {
                objections::forget_all(conn, account_id)?;
            }
            JournalKind::Mode => {
                let mode: TrackingMode = word(&line.details, "mode")?;
                settings::set_account_mode(conn, account_id, mode, &ACTOR, now)?;
            }
            JournalKind::Options => {
                let is = |name| line.details.get(name).and_then(Value::as_bool);
                let (count, remember) = (is("count_anonymously"), is("remember"));
                if let (Some(count), Some(remember)) = (count, remember) {
                    settings::set_account_options(conn, account_id, count, remember, &ACTOR, now)?;
                }
            }
            JournalKind::Deleted | JournalKind::AddressLeft | JournalKind::PastPseudonymised => {}
            JournalKind::LeftGroup
            | JournalKind::BackInGroup
            | JournalKind::DeletionRequested
            | JournalKind::DeletionRequestEnded
            | JournalKind::Pseudonymised => {
                let Some(person) = self.person(conn, line)? else {
                    return Ok(());
                };
                if kind == JournalKind::Pseudonymised {
                    pseudonymise::pseudonymise_recipient(conn, account_id, person.id, &ACTOR, now)?;
                    self.progress.told.pseudonymised += 1;
                    return Ok(());
                }
                of_person(conn, line, kind, person.id)?;
            }
        }
        self.progress.told.others += 1;
        Ok(())
    }

    fn say_tracking(&mut self, conn: &mut Conn, line: &Line) -> DbResult<()> {
        let said: RecipientTracking = word(&line.details, "state")?;
        let by = by(line)?;
        let objects = said == RecipientTracking::Objected;
        let changed = match self.person(conn, line)? {
            Some(person) => {
                let (key, now) = (self.replay.remembering, Timestamp::now());
                let said = (said, by.0, by.1);
                settings::say_again(conn, line.account, person.id, said, key, &ACTOR, now)?
            }
            None => of_unknown(conn, line, Remembered::Objection, objects, by)?,
        };
        match (changed, objects) {
            (true, true) => self.progress.told.objected += 1,
            (true, false) => self.progress.told.lifted += 1,
            _ => {}
        }
        Ok(())
    }

    fn say_status(&mut self, conn: &mut Conn, line: &Line) -> DbResult<()> {
        let status: RecipientStatus = word(&line.details, "state")?;
        let (source, since) = by(line)?;
        let leaves = status == RecipientStatus::Unsubscribed;
        let Some(person) = self.person(conn, line)? else {
            let kind = Remembered::Unsubscription;
            if of_unknown(conn, line, kind, leaves, (source, since))? {
                if leaves {
                    self.progress.told.unsubscribed += 1;
                } else {
                    self.progress.told.lifted += 1;
                }
            }
            return Ok(());
        };
        if person.status == status {
            return Ok(());
        }
        if leaves {
            settings::unsubscribe(conn, line.account, person.id, source, &ACTOR, since)?;
            self.progress.told.unsubscribed += 1;
        } else {
            let key = self.replay.remembering;
            settings::resubscribe(conn, line.account, person.id, key, source, &ACTOR, since)?;
            self.progress.told.lifted += 1;
        }
        Ok(())
    }

    fn remember_again(&mut self, conn: &mut Conn, line: &Line) -> DbResult<()> {
        let Some(address) = line.details.get("address").and_then(Value::as_str) else {
            // Forgotten since.
            return Ok(());
        };
        if let Some(address) = file::bytes(address) {
            let kind: Remembered = word(&line.details, "kind")?;
            if remember(conn, line.account, address, kind, by(line)?)? {
                self.progress.told.others += 1;
            }
        }
        Ok(())
    }
}

/// What else was about one person.
fn of_person(conn: &mut Conn, line: &Line, kind: JournalKind, id: i64) -> DbResult<()> {
    match kind {
        JournalKind::LeftGroup => {
            let group = number(&line.details, "group")?;
            groups::remove_member(conn, line.account, group, id)?;
            match line.details.get("by_themselves").and_then(Value::as_i64) {
                Some(at) => group_leavings::note(conn, line.account, group, id, Timestamp(at)),
                None => Ok(()),
            }
        }
        JournalKind::BackInGroup => {
            let (group, at) = (number(&line.details, "group")?, Timestamp(line.at));
            group_leavings::rejoin(conn, line.account, group, id, at).map(drop)
        }
        JournalKind::DeletionRequested => {
            let since = Timestamp(number(&line.details, "since")?);
            deletion_requests::make(conn, line.account, id, since).map(drop)
        }
        _ => deletion_requests::remove(conn, line.account, id).map(drop),
    }
}

/// What somebody said whom the copy does not know: it is remembered for when they are entered again,
/// or no longer. Gives whether it is.
fn of_unknown(
    conn: &mut Conn,
    line: &Line,
    kind: Remembered,
    says_no: bool,
    by: (TrackingSource, Timestamp),
) -> DbResult<bool> {
    let Some(address) = memory_of(line) else {
        return Ok(false);
    };
    if says_no {
        return remember(conn, line.account, address, kind, by);
    }
    let known = objections::find(conn, line.account, kind, &address)?.is_some();
    objections::forget(conn, line.account, kind, &address)?;
    Ok(known)
}

/// Remembers, where the account does so. Gives whether it is new.
fn remember(
    conn: &mut Conn,
    account_id: i64,
    address: AddressHash,
    kind: Remembered,
    (source, since): (TrackingSource, Timestamp),
) -> DbResult<bool> {
    let knows = objections::find(conn, account_id, kind, &address)?.is_some();
    if knows || !accounts::find(conn, account_id)?.remember_objections {
        return Ok(false);
    }
    let memory = Memory {
        address,
        kind,
        made_at: since.millis(),
    };
    objections::remember(conn, account_id, &memory, source.as_str())?;
    Ok(true)
}

fn memory_of(line: &Line) -> Option<AddressHash> {
    file::bytes(line.memory.as_deref()?)
}

/// From where something was said, and when.
fn by(line: &Line) -> DbResult<(TrackingSource, Timestamp)> {
    let since = Timestamp(number(&line.details, "since")?);
    Ok((word(&line.details, "source")?, since))
}

fn number(details: &Value, name: &str) -> DbResult<i64> {
    details
        .get(name)
        .and_then(Value::as_i64)
        .ok_or_else(|| unreadable(name))
}

fn word<T: std::str::FromStr>(details: &Value, name: &str) -> DbResult<T> {
    details
        .get(name)
        .and_then(Value::as_str)
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| unreadable(name))
}

fn unreadable(name: &str) -> DbError {
    DbError::Unreadable(format!("\"{name}\" in an entry of the journal"))
}
