//! *Wo kommt diese Adresse noch vor?*: everything that is stored for an account, in tables and files,
//! looked through for an address.
//!
//! It takes as long as there is much to read, up to a limit; what was not reached is said. Nothing
//! of another account is read: files are those that its own rows name.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::cleanup::{BOUNCES, IMPORTS, OUTBOX};
use super::needles::Needles;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::backups::{self, Backup};
use crate::db::models::objections::{self, Remembered};
use crate::db::models::whereabouts::{self, TEXTS, Texts};
use crate::db::models::{accounts, deletion_requests, recipients};
use crate::db::{self, Db, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::tracking::settings::remembered_address;

/// How long a search may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many rows are read at once.
const BATCH: i64 = 500;

/// How many of the places of one kind are named.
const NAMED: usize = 5;

/// The database of a copy.
const DATABASE_OF_COPY: &str = "widerspruch.sqlite";

/// A kind of place: a table, or one of these.
pub mod place {
    /// The recipient with that address.
    pub const RECIPIENT: &str = "recipient";
    /// What was and will be sent to that recipient.
    pub const DELIVERIES: &str = "deliveries";
    /// The recipient's wish to be deleted.
    pub const DELETION_REQUEST: &str = "deletion_requests";
    /// Entries of the audit log about that recipient.
    pub const ENTRIES: &str = "entries";
    /// Mails in the outbox.
    pub const OUTBOX: &str = "outbox_mails";
    /// Uploaded files that are not imported yet.
    pub const UPLOADS: &str = "uploads";
    /// Bounces that are not read yet.
    pub const BOUNCES: &str = "bounces";
    /// Texts within pictures.
    pub const IN_PICTURES: &str = "in_pictures";
}

/// Places of one kind in which the address stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind: a table's name, or one of [`place`].
    pub place: &'static str,
    /// How many.
    pub count: i64,
    /// The numbers of the first of them.
    pub named: Vec<i64>,
}

/// A copy of the database in which the address stands, or may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InCopy {
    /// The copy.
    pub copy: Backup,
    /// Whether it was looked into: else nobody knows.
    pub is_certain: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// Where the address stands.
    pub findings: Vec<Finding>,
    /// What is remembered of it, and since when.
    pub remembered: Vec<(Remembered, i64)>,
    /// Receipts whose cleaning is not done: bytes of whoever was deleted may still be in files.
    pub pending_receipts: Vec<i64>,
    /// Copies of the database.
    pub copies: Vec<InCopy>,
    /// Whether everything was looked through.
    pub is_complete: bool,
}

impl Whereabouts {
    /// Whether the address stands nowhere but perhaps in copies.
    pub fn is_nowhere(&self) -> bool {
        self.findings.is_empty() && self.is_complete
    }
}

/// What a search needs.
pub struct Search<'a> {
    /// The database.
    pub db: &'a Db,
    /// The data directory.
    pub data_dir: &'a Path,
    /// The key for remembered addresses.
    pub remembering: &'a Key,
}

impl Search<'_> {
    /// Looks for an address in everything that the account has, and notes in the audit log that
    /// somebody did, not for whom.
    pub fn run(
        &self,
        account_id: i64,
        address: &EmailAddress,
        actor: &Actor,
        now: Timestamp,
    ) -> DbResult<Whereabouts> {
        let Some(needles) = Needles::of(&address.forms()) else {
            return Ok(Whereabouts::default());
        };
        let mut hunt = Hunt {
            search: self,
            account_id,
            needles,
            until: Instant::now() + PATIENCE,
            found: Whereabouts {
                is_complete: true,
                ..Whereabouts::default()
            },
        };
        hunt.the_person(address)?;
        for of in TEXTS {
            hunt.texts(of)?;
        }
        hunt.pictures()?;
        hunt.outbox()?;
        hunt.uploads()?;
        hunt.bounces()?;
        hunt.remains(address, now)?;
        let found = hunt.found;
        self.db.write(|conn| {
            let places: i64 = found.findings.iter().map(|finding| finding.count).sum();
            let entry = Entry {
                actor,
                action: Action::AddressSearched,
                recipient_id: None,
                details: json!({ "places": places }),
            };
            audit::record(conn, account_id, &entry, now)
        })?;
        Ok(found)
    }
}

struct Hunt<'a> {
    search: &'a Search<'a>,
    account_id: i64,
    needles: Needles,
    until: Instant,
    found: Whereabouts,
}

impl Hunt<'_> {
    /// Whether there is time left; else the search is not complete.
    fn goes_on(&mut self) -> bool {
        let goes_on = Instant::now() < self.until;
        self.found.is_complete &= goes_on;
        goes_on
    }

    fn add(&mut self, place: &'static str, count: i64, number: i64) {
        if count == 0 {
            return;
        }
        let known = self
            .found
            .findings
            .iter_mut()
            .find(|one| one.place == place);
        if let Some(finding) = known {
            finding.count += count;
            if finding.named.len() < NAMED && !finding.named.contains(&number) {
                finding.named.push(number);
            }
            return;
        }
        self.found.findings.push(Finding {
            place,
            count,
            named: vec![number],
        });
    }

    /// The recipient with that address, and what hangs on them by number.
    fn the_person(&mut self, address: &EmailAddress) -> DbResult<()> {
        let account = self.account_id;
        let person = self.search.db.read(|conn| {
            let Some(person) = recipients::find_by_address(conn, account, address.key())? else {
                return Ok(None);
            };
            Ok(Some((
                person.id,
                whereabouts::deliveries_of(conn, account, person.id)?,
                deletion_requests::of_recipient(conn, account, person.id)?.is_some(),
                whereabouts::entries_about(conn, account, person.id)?,
            )))
        })?;
        if let Some((id, deliveries, wants_deletion, entries)) = person {
            self.add(place::RECIPIENT, 1, id);
            self.add(place::DELIVERIES, deliveries, id);
            self.add(place::DELETION_REQUEST, i64::from(wants_deletion), id);
            self.add(place::ENTRIES, entries, id);
        }
        Ok(())
    }

    fn texts(&mut self, of: &'static Texts) -> DbResult<()> {
        let (account, mut place) = (self.account_id, (0, 0));
        while self.goes_on() {
            let rows = self
                .search
                .db
                .read(|conn| whereabouts::read(conn, account, of, place, BATCH))?;
            let Some(last) = rows.last() else {
                break;
            };
            place = (last.key, last.second);
            for row in &rows {
                if self.needles.are_in(row.text.as_bytes()) {
                    self.add(of.table, 1, row.key);
                }
            }
        }
        Ok(())
    }

    fn pictures(&mut self) -> DbResult<()> {
        let (account, mut after) = (self.account_id, 0);
        while self.goes_on() {
            let next = self
                .search
                .db
                .read(|conn| whereabouts::next_picture(conn, account, after))?;
            let Some((id, content)) = next else {
                break;
            };
            after = id;
            if self.needles.are_in(&content) {
                self.add(place::IN_PICTURES, 1, id);
            }
        }
        Ok(())
    }

    fn outbox(&mut self) -> DbResult<()> {
        let (account, mut after) = (self.account_id, 0);
        loop {
            let files = self
                .search
                .db
                .read(|conn| whereabouts::outbox_files(conn, account, after, BATCH))?;
            if files.is_empty() {
                return Ok(());
            }
            for (id, file) in files {
                if !self.goes_on() {
                    return Ok(());
                }
                after = id;
                self.file(place::OUTBOX, id, &[OUTBOX, &file]);
            }
        }
    }

    /// Files that wait to be imported, or are being imported.
    fn uploads(&mut self) -> DbResult<()> {
        let account = self.account_id;
        let ids = self
            .search
            .db
            .read(|conn| whereabouts::open_imports(conn, account))?;
        for id in ids {
            if self.goes_on() {
                self.file(place::UPLOADS, id, &[IMPORTS, &format!("{id}.csv")]);
            }
        }
        Ok(())
    }

    /// Messages that wait to be read. Whose they are is known only afterwards, so where there are
    /// several accounts nothing is said about them: they are read within seconds.
    fn bounces(&mut self) -> DbResult<()> {
        if self.search.db.read(accounts::ids)?.len() > 1 {
            return Ok(());
        }
        let folder = self.search.data_dir.join(BOUNCES);
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            if self.goes_on() && self.needles.are_in_file(&entry.path()).unwrap_or(false) {
                self.add(place::BOUNCES, 1, 0);
            }
        }
        Ok(())
    }

    /// Looks into a file. One that is not there has gone meanwhile, or lies on another node.
    fn file(&mut self, place: &'static str, id: i64, path: &[&str]) {
        let path = path
            .iter()
            .fold(self.search.data_dir.to_owned(), |path, part| {
                path.join(part)
            });
        match self.needles.are_in_file(&path) {
            Ok(true) => self.add(place, 1, id),
            Ok(false) => {}
            Err(error) => {
                self.found.is_complete &= error.kind() == std::io::ErrorKind::NotFound;
            }
        }
    }

    /// What is left of whoever was deleted: a remembered no, bytes to be cleaned, copies.
    fn remains(&mut self, address: &EmailAddress, now: Timestamp) -> DbResult<()> {
        let account = self.account_id;
        let hash = remembered_address(self.search.remembering, address.key());
        let (remembered, pending, copies) = self.search.db.read(|conn| {
            Ok((
                objections::find_many(conn, account, &[hash])?,
                whereabouts::pending_receipts(conn, account)?,
                backups::living(conn, now)?,
            ))
        })?;
        self.found.remembered = remembered
            .into_iter()
            .map(|(_, kind, at)| (kind, at))
            .collect();
        self.found.pending_receipts = pending;
        for copy in copies {
            match self.is_in_copy(&copy, address) {
                Some(false) => {}
                known => self.found.copies.push(InCopy {
                    copy,
                    is_certain: known.is_some(),
                }),
            }
        }
        Ok(())
    }

    /// Whether the account has the address in a copy; none where that can't be told: the copy lies
    /// elsewhere, is of another kind or age, or there is no time left.
    fn is_in_copy(&self, copy: &Backup, address: &EmailAddress) -> Option<bool> {
        let file = Path::new(&copy.name).join(DATABASE_OF_COPY);
        let mut conn = db::open_copy(&file)?;
        let account = self.account_id;
        let person = recipients::find_by_address(&mut conn, account, address.key()).ok()?;
        if person.is_some() {
            return Some(true);
        }
        for of in TEXTS {
            let mut place = (0, 0);
            loop {
                if Instant::now() >= self.until {
                    return None;
                }
                let rows = whereabouts::read(&mut conn, account, of, place, BATCH).ok()?;
                let Some(last) = rows.last() else {
                    break;
                };
                place = (last.key, last.second);
                let mut texts = rows.iter().map(|row| row.text.as_bytes());
                if texts.any(|text| self.needles.are_in(text)) {
                    return Some(true);
                }
            }
        }
        Some(false)
    }
}
