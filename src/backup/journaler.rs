//! Brings what waits in the database into the journal's file, and lets old entries go.
//!
//! First the file, safe from a power cut, then the mark in the database: whenever the program ends,
//! an entry is in one of them. Written twice it counts once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::BackupError;
use super::journal::{Journal, Line};
use crate::db::models::journal::{self, JournalKind, Waiting};
use crate::db::models::recipients::Recipient;
use crate::db::models::{accounts, backups, installation, recipients};
use crate::db::{Conn, Db, DbResult};
use crate::domain::secret::{Key, hex};
use crate::domain::time::Timestamp;
use crate::jobs::worker::{Next, Worker};

/// How often it is looked whether something waits: what is lost together with the database within
/// that time is lost.
const PAUSE: Duration = Duration::from_secs(1);

/// How many entries are written at once.
const AT_ONCE: i64 = 500;

/// How often old entries are let go.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// What the work needs.
pub struct Tools {
    /// The database.
    pub db: Db,
    /// The journal.
    pub journal: Journal,
    /// The key under which addresses are remembered (rule P9).
    pub remembering: Key,
    /// For how many days entries are kept at least, for copies that nobody entered.
    pub keep_days: i64,
}

/// Starts the background work. Its end writes what waits.
///
/// # Errors
/// Fails when the operating system gives no thread.
pub fn start(tools: Tools) -> std::io::Result<Worker> {
    let worker = Worker::new("journal");
    let mut tidied: Option<Instant> = None;
    worker.start(move |_| {
        tools.write_all()?;
        if tidied.is_none_or(|at| at.elapsed() > HOUSEKEEPING) {
            tools.prune(Timestamp::now())?;
            tidied = Some(Instant::now());
        }
        Ok::<_, BackupError>(Next::After(PAUSE))
    })?;
    Ok(worker)
}

impl Tools {
    /// Brings everything that waits into the file.
    pub fn write_all(&self) -> Result<(), BackupError> {
        loop {
            let (lines, ids) = self.db.read(|conn| self.next(conn))?;
            if lines.is_empty() {
                return Ok(());
            }
            self.journal.append(&lines)?;
            for line in &lines {
                if line.kind() == Some(JournalKind::Forgotten) {
                    self.journal.forget_memories(line.account)?;
                }
            }
            self.db.write(|conn| journal::mark_written(conn, &ids))?;
        }
    }

    /// The next entries as they stand in the file, and their numbers.
    fn next(&self, conn: &mut Conn) -> DbResult<(Vec<Line>, Vec<i64>)> {
        let waiting = journal::waiting(conn, AT_ONCE)?;
        let memories = self.memories(conn, &waiting)?;
        let ids = waiting.iter().map(|entry| entry.id).collect();
        let lines = waiting
            .into_iter()
            .filter_map(|entry| {
                let memory = entry.recipient_id.filter(|_| tells_memory(entry.kind));
                let memory = memory.and_then(|id| memories.get(&(entry.account_id, id)).cloned());
                Some(Line {
                    mark: hex(&entry.mark),
                    id: entry.id,
                    account: entry.account_id,
                    at: entry.at,
                    kind: entry.kind?.as_str().to_owned(),
                    who: entry.person.map(|person| self.journal.who(&person)),
                    memory,
                    details: serde_json::from_str(&entry.details?).ok()?,
                })
            })
            .collect();
        Ok((lines, ids))
    }

    /// The hashes under which the addresses of these people would be remembered, of accounts that
    /// remember.
    fn memories(
        &self,
        conn: &mut Conn,
        waiting: &[Waiting],
    ) -> DbResult<HashMap<(i64, i64), String>> {
        let mut of_account: HashMap<i64, Vec<i64>> = HashMap::new();
        for entry in waiting.iter().filter(|entry| tells_memory(entry.kind)) {
            if let Some(id) = entry.recipient_id {
                of_account.entry(entry.account_id).or_default().push(id);
            }
        }
        let mut memories = HashMap::new();
        for (account_id, ids) in of_account {
            if !accounts::find(conn, account_id)?.remember_objections {
                continue;
            }
            let people: Vec<Recipient> = recipients::find_many(conn, account_id, &ids)?;
            memories.extend(people.into_iter().map(|person| {
                let hash = self.remembering.mac(person.address_key.as_bytes());
                ((account_id, person.id), hex(&hash))
            }));
        }
        Ok(memories)
    }

    /// Lets entries go that no copy needs any more.
    pub fn prune(&self, now: Timestamp) -> Result<(), BackupError> {
        let before = self.db.write(|conn| {
            installation::note_use(conn, now)?;
            needed_from(conn, self.keep_days, now)
        })?;
        // The files first: what is in them has to be known to the database.
        self.journal.prune(before)?;
        let day = before.plus_days(-1);
        while self.db.write(|conn| journal::prune(conn, day, 500))? > 0 {}
        Ok(())
    }
}

/// From when on entries are needed: as long as the oldest copy lives, and so many days at least,
/// for copies that nobody entered.
pub fn needed_from(conn: &mut Conn, keep_days: i64, now: Timestamp) -> DbResult<Timestamp> {
    let oldest = backups::living(conn, now)?.first().map(|one| one.made_at);
    let at_least = now.plus_days(-keep_days);
    Ok(oldest.map_or(at_least, |made_at| at_least.min(Timestamp(made_at))))
}

/// Whether an entry of this kind holds what is remembered of an address: it may be about somebody
/// whom a copy does not know.
fn tells_memory(kind: Option<JournalKind>) -> bool {
    matches!(
        kind,
        Some(JournalKind::Tracking | JournalKind::Status | JournalKind::AddressLeft)
    )
}
