//! Tells a database that was brought back from a copy what has happened since, so that nobody comes
//! back with it.
//!
//! Each entry of the journal that the database does not know is done again, in the order of then, by
//! the code that did it the first time: a deletion pseudonymises, gives a receipt and stands in the
//! audit log. That the entry is known now is written in the same transaction, with the sum of what
//! was done so far: an interrupted replay goes on where it was, and no server starts before it ends.

mod telling;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use self::telling::Telling;
use super::BackupError;
use super::journal::{Journal, Line};
use super::journaler::needed_from;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::{accounts, installation, journal, receipts, sending, sessions};
use crate::db::{Conn, Db, DbResult, OnBackend, maintenance};
use crate::domain::secret::{Key, Random128};
use crate::domain::time::Timestamp;

/// The name in the audit log and on receipts.
const ACTOR: Actor = Actor::Program("Wiederherstellung aus Sicherung");

/// How many of the newest entries are looked at to see whether a database is older.
const LOOKED_AT: usize = 1_000;

/// How many ids of each table are skipped, for those given after the copy was made: a mail that was
/// sent since carries the number of its mailing, and must not count in another one.
const SKIPPED_IDS: i64 = 100_000;

/// How many people are looked at at once.
const PEOPLE: i64 = 10_000;

/// What halts a mailing that a copy shows in the middle of being sent.
const HALTED: &str = "Aus einer Sicherung wiederhergestellt: Ein Teil der E-Mails kann schon \
     versendet sein, ohne dass es hier steht. Prüfen Sie das, bevor Sie fortsetzen.";

/// What was done again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Recipients deleted.
    pub deleted: usize,
    /// Recipients deleted whose address was another one by then.
    pub moved: usize,
    /// Objections.
    pub objected: usize,
    /// Unsubscriptions.
    pub unsubscribed: usize,
    /// Objections and unsubscriptions that were lifted.
    pub lifted: usize,
    /// Pasts pseudonymised, of a recipient or a whole account.
    pub pseudonymised: usize,
    /// Everything else: groups left, wishes to be deleted, settings of accounts, what is remembered.
    pub others: usize,
    /// Mailings that were halted.
    pub halted: usize,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = [
            (self.deleted, "recipients deleted"),
            (
                self.moved,
                "recipients deleted whose address had changed (enter them again)",
            ),
            (self.objected, "objections"),
            (self.unsubscribed, "unsubscriptions"),
            (self.lifted, "objections or unsubscriptions lifted"),
            (self.pseudonymised, "pasts pseudonymised"),
            (self.others, "other changes"),
        ];
        let told: Vec<String> = counts
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        if told.is_empty() {
            f.write_str("nothing")
        } else {
            f.write_str(&told.join(", "))
        }
    }
}

/// How far a replay has come. Outlives its interruption.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    told: Told,
    /// Of each account.
    receipts: HashMap<i64, i64>,
}

impl Progress {
    /// What an earlier replay left that did not end.
    fn left(conn: &mut Conn) -> DbResult<Option<Self>> {
        let left = installation::replay(conn)?;
        Ok(left.map(|text| serde_json::from_str(&text).unwrap_or_default()))
    }

    fn keep(&self, conn: &mut Conn) -> DbResult<()> {
        installation::keep_replay(conn, &json!(self).to_string())
    }
}

/// Whether the journal knows of something that this database does not: it was brought back from a
/// copy and not yet told, or not to the end.
pub fn is_behind(db: &Db, journal: &Journal, keep_days: i64) -> Result<bool, BackupError> {
    if db.read(Progress::left)?.is_some() {
        return Ok(true);
    }
    let newest = journal.newest(LOOKED_AT)?;
    if newest.is_empty() {
        return Ok(false);
    }
    Ok(!unknown(db, newest, keep_days)?.is_empty())
}

/// Those of the entries that the database does not know.
fn unknown(db: &Db, mut lines: Vec<Line>, keep_days: i64) -> Result<Vec<Line>, BackupError> {
    db.read(|conn| {
        let from = needed_from(conn, keep_days, Timestamp::now())?;
        lines.retain(|line| line.at >= from.millis());
        let mut known = HashSet::new();
        for some in lines.chunks(LOOKED_AT) {
            let marks: Vec<Random128> = some.iter().filter_map(Line::mark).collect();
            known.extend(journal::known(conn, &marks)?);
        }
        lines.retain(|line| {
            line.mark()
                .is_none_or(|mark| !known.contains(mark.as_slice()))
        });
        Ok(())
    })?;
    Ok(lines)
}

/// Tells a database.
pub struct Replay<'a> {
    /// The database.
    pub db: &'a Db,
    /// The journal.
    pub journal: &'a Journal,
    /// The key under which addresses are remembered (rule P9).
    pub remembering: &'a Key,
    /// For how many days entries are kept at least.
    pub keep_days: i64,
    /// The data directory, where mails of the outbox may lie.
    pub data_dir: &'a Path,
}

impl Replay<'_> {
    /// Whether the journal reaches back to when this database was last in use; else the moment from
    /// which on it does.
    pub fn gap(&self) -> Result<Option<(Timestamp, Timestamp)>, BackupError> {
        let (since, used) = (
            self.journal.since()?,
            self.db.read(installation::in_use_at)?,
        );
        Ok(match (since, used) {
            (Some(since), Some(used)) if since > used => Some((used, since)),
            _ => None,
        })
    }

    /// Does again what the database does not know. A database `brought_back` is told in any case
    /// that it is one.
    pub fn run(&self, brought_back: bool) -> Result<Told, BackupError> {
        let lines = self.journal.read()?;
        let last = lines.last().map_or(0, |line| line.id);
        let lines = unknown(self.db, lines, self.keep_days)?;
        let left = self.db.read(Progress::left)?;
        if lines.is_empty() && !brought_back && left.is_none() {
            return Ok(Told::default());
        }
        let mut progress = left.unwrap_or_default();
        let before = progress.told.halted;
        self.db.write(|conn| {
            conn.backend_mut().skip_sequence_values(SKIPPED_IDS)?;
            // The ids of the journal's entries are the order of what happened.
            conn.backend_mut().continue_journal_ids_after(last)?;
            // Whoever has signed out since would be signed in again.
            sessions::remove_all(conn)?;
            progress.told.halted = before + halt_mailings(conn)?;
            progress.keep(conn)
        })?;
        let mut telling = Telling {
            replay: self,
            people: self.people(&lines)?,
            outbox_files: Vec::new(),
            progress,
        };
        telling.all(&lines)?;
        self.clean(&telling)?;
        let told = telling.progress.told;
        self.db.write(|conn| {
            record(conn, &told)?;
            installation::end_replay(conn)
        })?;
        Ok(told)
    }

    /// Who is meant by the hashes of these entries, as far as they are in this database.
    fn people(&self, lines: &[Line]) -> DbResult<HashMap<String, (i64, i64)>> {
        let wanted: HashSet<&str> = lines
            .iter()
            .filter_map(|line| line.who.as_deref())
            .collect();
        let mut found = HashMap::new();
        let mut after = 0;
        while !wanted.is_empty() {
            let some = self.db.read(|conn| journal::people(conn, after, PEOPLE))?;
            let Some(last) = some.last() else { break };
            after = last.id;
            for person in some {
                let who = self.journal.who(&person.key);
                if wanted.contains(who.as_str()) {
                    found.insert(who, (person.account_id, person.id));
                }
            }
        }
        Ok(found)
    }

    /// Takes the bytes of those who were deleted out of the files (rule P7).
    fn clean(&self, telling: &Telling<'_>) -> Result<(), BackupError> {
        for name in &telling.outbox_files {
            if !name.contains(['/', '\\']) {
                let path = self
                    .data_dir
                    .join(crate::erasure::cleanup::OUTBOX)
                    .join(name);
                remove_if_there(&path)?;
            }
        }
        maintenance::rebuild(self.db)?;
        maintenance::empty_log(self.db)?;
        let receipts: Vec<i64> = telling.progress.receipts.values().copied().collect();
        if !receipts.is_empty() {
            self.db
                .write(|conn| receipts::mark_cleaned(conn, &receipts, Timestamp::now()))?;
        }
        Ok(())
    }
}

fn remove_if_there(path: &PathBuf) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(BackupError::File {
            path: path.clone(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Halts what a copy shows in the middle of being sent, or waiting for its time: most of it may
/// have happened since.
fn halt_mailings(conn: &mut Conn) -> DbResult<usize> {
    let mut halted = 0;
    for account_id in accounts::ids(conn)? {
        for mailing_id in sending::under_way(conn, account_id)? {
            sending::pause(conn, account_id, mailing_id)?;
            sending::set_problem(conn, account_id, mailing_id, Some(HALTED))?;
            tell_of_mailing(conn, account_id, mailing_id, Action::MailingPaused)?;
            halted += 1;
        }
        for mailing_id in sending::scheduled(conn, account_id)? {
            sending::unschedule(conn, account_id, mailing_id)?;
            tell_of_mailing(conn, account_id, mailing_id, Action::MailingUnscheduled)?;
            halted += 1;
        }
    }
    Ok(halted)
}

fn tell_of_mailing(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    action: Action,
) -> DbResult<()> {
    let entry = Entry {
        actor: &ACTOR,
        action,
        recipient_id: None,
        details: json!({ "mailing": mailing_id }),
    };
    audit::record(conn, account_id, &entry, Timestamp::now())
}

/// Tells every account, since a copy is of all.
fn record(conn: &mut Conn, told: &Told) -> DbResult<()> {
    for account_id in accounts::ids(conn)? {
        let entry = Entry {
            actor: &ACTOR,
            action: Action::BackupRestored,
            recipient_id: None,
            details: json!({
                "deleted_again": told.deleted + told.moved,
                "objected_again": told.objected,
                "unsubscribed_again": told.unsubscribed,
                "pseudonymised_again": told.pseudonymised,
                "others": told.lifted + told.others,
            }),
        };
        audit::record(conn, account_id, &entry, Timestamp::now())?;
    }
    Ok(())
}
