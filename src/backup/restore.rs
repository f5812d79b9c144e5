//! Putting a copy in the place of the database.
//!
//! The copy is told what has happened since before it takes that place: there is no moment at which
//! a server could start with people who had been deleted. Until the last step the old database is
//! where it was; only between two names of files there is none, and a mark in the data directory
//! keeps every server from taking that for a new installation.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::copy::{self, Known, sync_dir};
use super::journal::Journal;
use super::journaler;
use super::manifest::{DATABASE, Manifest};
use super::replay::{Replay, Told};
use super::{BackupError, at};
use crate::db::models::{backups, installation};
use crate::db::{Db, Target, maintenance};
use crate::domain::private_files;
use crate::domain::secret::{Purpose, Secret};
use crate::domain::time::Timestamp;

/// The mark of a restore between two files.
const MARK: &str = "restore-unfinished";

/// Where what goes.
pub struct Place<'a> {
    /// The database's file.
    pub database: &'a Path,
    /// The data directory.
    pub data_dir: &'a Path,
    /// The journal's directory.
    pub journal_dir: &'a Path,
    /// For how many days the journal is kept at least.
    pub keep_days: i64,
    /// The installation's secret.
    pub secret: &'a Secret,
}

/// What may be done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// There is a database, and it may go.
    pub replace: bool,
    /// The journal is missing, or does not reach back far enough.
    pub without_journal: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Restored {
    /// When the copy was made.
    pub made_at: Timestamp,
    /// What had happened since.
    pub told: Told,
    /// Why the old database could not be asked for what it had not yet written into the journal.
    pub unreadable: Option<String>,
}

/// Whether a restore was interrupted between two files.
pub fn is_unfinished(data_dir: &Path) -> bool {
    data_dir.join(MARK).exists()
}

/// Brings a copy back. The caller holds the lock of the data directory.
pub fn bring_back(
    from: &Path,
    place: &Place<'_>,
    allowed: Allowed,
) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(from)?;
    manifest.check(from)?;
    let is_there = place.database.exists();
    if is_there && !allowed.replace && !is_unfinished(place.data_dir) {
        return Err(BackupError::Refused(format!(
            "there is a database already ({}); with --replace the copy takes its place",
            place.database.display()
        )));
    }
    let journal = open_journal(place, &manifest, allowed)?;
    let mut copies = copy::lying_in(from.parent().unwrap_or(from));
    let mut unreadable = None;
    if is_there {
        match ask_the_old(place, &journal) {
            Ok(known) => copies.extend(known),
            Err(error) => unreadable = Some(error.to_string()),
        }
    }
    let new = with_ending(place.database, ".restoring");
    remove_database(&new)?;
    let told = take_over(&from.join(DATABASE), &new, place, (&journal, &copies));
    if told.is_err() {
        let _ = remove_database(&new);
    }
    let told = told?;
    swap(&new, place)?;
    Ok(Restored {
        made_at: manifest.made_at(),
        told,
        unreadable,
    })
}

/// The journal, if it reaches back to when the copy was made.
fn open_journal(
    place: &Place<'_>,
    manifest: &Manifest,
    allowed: Allowed,
) -> Result<Journal, BackupError> {
    let dir = place.journal_dir;
    if !Journal::is_in(dir) && !allowed.without_journal {
        return Err(BackupError::Refused(format!(
            "there is no journal in {}: whoever was deleted or objected since the copy was made would come back. \
             Say where it is (--journal-dir), or go on without it (--without-journal)",
            dir.display()
        )));
    }
    let journal = Journal::open(dir, place.secret)?;
    let readable = journal.read().map(drop);
    if readable.is_err() && allowed.without_journal {
        // Kept: it may be mended.
        let aside = with_ending(dir, &format!(".aside-{}", Timestamp::now().millis()));
        at(dir, std::fs::rename(dir, aside))?;
        return Journal::open(dir, place.secret);
    }
    readable?;
    let begins = journal.since()?;
    if begins.is_none_or(|since| since > manifest.made_at()) && !allowed.without_journal {
        return Err(BackupError::Refused(format!(
            "the journal in {} begins after the copy was made: whoever was deleted or objected in between would come back. \
             Take a newer copy, or go on nevertheless (--without-journal)",
            dir.display()
        )));
    }
    Ok(journal)
}

/// Lets the old database write what it has not yet written. Gives the copies it knows of: some may
/// be younger than the one that is brought back.
fn ask_the_old(place: &Place<'_>, journal: &Journal) -> Result<Vec<Known>, BackupError> {
    let db = Db::open_as_it_is(&Target::Sqlite(place.database.to_owned()))?;
    let journal = Journal::open(journal.dir(), place.secret)?;
    journaler::Tools {
        db: db.clone(),
        journal,
        remembering: place.secret.key(Purpose::RememberedAddress),
        keep_days: place.keep_days,
    }
    .write_all()?;
    let living = db.read(|conn| backups::living(conn, Timestamp::now()))?;
    maintenance::empty_log(&db)?;
    Ok(living
        .into_iter()
        .map(|one| (one.name, Timestamp(one.made_at), Timestamp(one.expires_at)))
        .collect())
}

/// Makes of a copy's database one that is told.
fn take_over(
    copy: &Path,
    new: &Path,
    place: &Place<'_>,
    (journal, copies): (&Journal, &[Known]),
) -> Result<Told, BackupError> {
    let mut source = at(copy, File::open(copy))?;
    let mut file = at(new, private_files::create(new))?;
    at(new, std::io::copy(&mut source, &mut file))?;
    at(new, file.sync_all())?;
    drop(file);
    let db = Db::open(&Target::Sqlite(new.to_owned()))?;
    let check = place.secret.check_value();
    if db
        .read(installation::secret_check)?
        .is_some_and(|known| known != check)
    {
        return Err(BackupError::Refused(
            "the secret does not belong to this copy; put the right file there or set WIDERSPRUCH_SECRET_FILE".into(),
        ));
    }
    db.write(|conn| {
        for (name, made_at, expires_at) in copies {
            if !backups::is_known(conn, name)? {
                backups::enter(conn, name, *made_at, *expires_at)?;
            }
        }
        Ok(())
    })?;
    let remembering = place.secret.key(Purpose::RememberedAddress);
    let replay = Replay {
        db: &db,
        journal,
        remembering: &remembering,
        keep_days: place.keep_days,
        data_dir: place.data_dir,
    };
    let told = replay.run(true)?;
    if !maintenance::empty_log(&db)? {
        return Err(BackupError::Refused(
            "somebody else reads the database that is being restored".into(),
        ));
    }
    Ok(told)
}

/// Lets the new database take the place of the old one.
fn swap(new: &Path, place: &Place<'_>) -> Result<(), BackupError> {
    let mark = place.data_dir.join(MARK);
    let marked = private_files::create(&mark).and_then(|file| file.sync_all());
    at(&mark, marked)?;
    at(place.data_dir, sync_dir(place.data_dir))?;
    let aside = with_ending(place.database, ".before-restore");
    for ending in ["", "-wal", "-shm"] {
        let old = with_ending(place.database, ending);
        if old.exists() {
            at(&old, std::fs::rename(&old, with_ending(&aside, ending)))?;
        }
    }
    at(new, std::fs::rename(new, place.database))?;
    let folder = place.database.parent().unwrap_or(place.data_dir);
    at(folder, sync_dir(folder))?;
    remove_database(new)?;
    // It holds whom later deletions would not find any more (rule P7).
    remove_database(&aside)?;
    at(&mark, std::fs::remove_file(&mark))?;
    at(place.data_dir, sync_dir(place.data_dir))
}

/// Removes a database with the files that SQLite keeps beside it, as far as they are there.
fn remove_database(path: &Path) -> Result<(), BackupError> {
    for ending in ["", "-wal", "-shm"] {
        let file = with_ending(path, ending);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(BackupError::File {
                    path: file,
                    source: error,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}
