//! Making a copy beside a running server, and removing copies whose time is over.
//!
//! A copy is a directory that gets its name when it is whole: one that was interrupted is not there.
//! It is entered in the database before it is begun, so there is none that nobody knows of.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::manifest::{self, DATABASE, Held, Manifest};
use super::{BackupError, at};
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::{accounts, backups};
use crate::db::{Conn, Db, DbResult, maintenance};
use crate::domain::private_files;
use crate::domain::time::Timestamp;

/// The name in the audit log.
const ACTOR: Actor = Actor::Program("Sicherung");

/// How a copy is called until it is whole, before its name.
const UNFINISHED: &str = ".unfinished-";

/// How the names of copies begin.
const PREFIX: &str = "widerspruch-";

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its directory.
    pub path: PathBuf,
    /// Size of its database in bytes.
    pub bytes: u64,
    /// Until when it is kept.
    pub expires_at: Timestamp,
}

/// A copy as the database knows it: its name, when it was made, until when it is kept.
pub(super) type Known = (String, Timestamp, Timestamp);

/// The copies that lie in a directory.
pub(super) fn lying_in(dir: &Path) -> Vec<Known> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.path().canonicalize().ok())
        .filter_map(|path| {
            let manifest = Manifest::read(&path).ok()?;
            let name = path.display().to_string();
            Some((name, manifest.made_at(), manifest.expires_at()))
        })
        .collect()
}

/// A directory for copies, which one process uses at a time.
#[derive(Debug)]
pub struct Shelf {
    dir: PathBuf,
    _lock: File,
}

impl Shelf {
    /// Opens the directory, and makes it where there is none. It must not lie in the data
    /// directory: it would be lost together with what it is a copy of, and deleted addresses
    /// would stay there (rule P7).
    pub fn open(dir: &Path, data_dir: &Path) -> Result<Self, BackupError> {
        at(dir, private_files::create_dir(dir))?;
        let dir = at(dir, dir.canonicalize())?;
        if let Ok(data_dir) = data_dir.canonicalize()
            && dir.starts_with(&data_dir)
        {
            return Err(BackupError::Refused(format!(
                "copies must not lie in the data directory {}: what happens to it would happen to them too",
                data_dir.display()
            )));
        }
        let path = dir.join(".lock");
        let lock = at(&path, private_files::create(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(BackupError::Refused(format!(
                "another copy is being made in {}",
                dir.display()
            ))),
            Err(TryLockError::Error(source)) => Err(BackupError::File { path, source }),
        }
    }

    /// Makes a copy of a SQLite database, to be kept for so many days.
    pub fn make(&self, db: &Db, keep_days: i64, now: Timestamp) -> Result<Made, BackupError> {
        self.remove_unfinished(db)?;
        let expires_at = now.plus_days(keep_days);
        let name = self.free_name(now);
        let path = self.dir.join(&name);
        let known_as = path.display().to_string();
        db.write(|conn| backups::enter(conn, &known_as, now, expires_at))?;
        let unfinished = self.dir.join(format!("{UNFINISHED}{name}"));
        let written = fill(db, &unfinished, now, expires_at)
            .and_then(|held| self.finish(&unfinished, &path).map(|()| held));
        match written {
            Ok(held) => {
                let short = (name.as_str(), expires_at);
                db.write(|conn| tell(conn, short, Timestamp::now()))?;
                Ok(Made {
                    path,
                    bytes: held.bytes,
                    expires_at,
                })
            }
            Err(error) => {
                // What went wrong counts; what is left is removed the next time at the latest.
                let _ = self.remove_unfinished(db);
                Err(error)
            }
        }
    }

    /// Removes copies whose time is over. Gives how many.
    pub fn prune(&self, now: Timestamp) -> Result<usize, BackupError> {
        let mut removed = 0;
        for path in self.entries()? {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(PREFIX)) && remove_expired(&path, now)? {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn entries(&self) -> Result<Vec<PathBuf>, BackupError> {
        let entries = at(&self.dir, std::fs::read_dir(&self.dir))?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
    }

    fn free_name(&self, now: Timestamp) -> String {
        let time = jiff::Timestamp::from_millisecond(now.millis()).unwrap_or_default();
        let name = format!("{PREFIX}{}", time.strftime("%Y-%m-%dT%H-%M-%SZ"));
        let mut free = name.clone();
        let mut n = 1;
        while self.dir.join(&free).exists() {
            n += 1;
            free = format!("{name}-{n}");
        }
        free
    }

    /// Gives a whole copy its name.
    fn finish(&self, unfinished: &Path, path: &Path) -> Result<(), BackupError> {
        at(unfinished, sync_dir(unfinished))?;
        at(path, std::fs::rename(unfinished, path))?;
        at(&self.dir, sync_dir(&self.dir))
    }

    /// Removes what an interrupted copy left, and its entry.
    fn remove_unfinished(&self, db: &Db) -> Result<(), BackupError> {
        for path in self.entries()? {
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(name) = name.and_then(|name| name.strip_prefix(UNFINISHED)) else {
                continue;
            };
            let known_as = self.dir.join(name).display().to_string();
            at(&path, std::fs::remove_dir_all(&path))?;
            db.write(|conn| backups::withdraw(conn, &known_as))?;
        }
        Ok(())
    }
}

/// Enters a copy that was made by other means, as with `pg_dump`.
pub fn note(db: &Db, name: &str, keep_days: i64, now: Timestamp) -> Result<Timestamp, BackupError> {
    let expires_at = now.plus_days(keep_days);
    db.write(|conn| {
        backups::enter(conn, name, now, expires_at)?;
        tell(conn, (name, expires_at), now)
    })?;
    Ok(expires_at)
}

/// Forgets the copies whose time is over, and removes those that lie where this process sees them.
pub fn forget_expired(db: &Db, now: Timestamp) -> Result<(), BackupError> {
    for backup in db.read(|conn| backups::expired(conn, now))? {
        let path = Path::new(&backup.name);
        if path.is_absolute() && path.join(manifest::FILE).is_file() {
            remove_expired(path, now)?;
        }
        db.write(|conn| backups::remove(conn, backup.id))?;
    }
    Ok(())
}

fn fill(
    db: &Db,
    dir: &Path,
    made_at: Timestamp,
    expires_at: Timestamp,
) -> Result<Held, BackupError> {
    at(dir, private_files::create_dir(dir))?;
    let file = dir.join(DATABASE);
    // SQLite takes an empty file that is there: this one nobody else may read.
    drop(at(&file, private_files::create(&file))?);
    maintenance::copy_to(db, &file)?;
    at(&file, File::open(&file).and_then(|file| file.sync_all()))?;
    let held = Held::of(dir, DATABASE)?;
    let schema = maintenance::schema_version(db)?;
    Manifest::new(schema, made_at, expires_at, vec![held.clone()]).write(dir)?;
    Ok(held)
}

/// Tells every account, since a copy is of all.
fn tell(conn: &mut Conn, (name, expires_at): (&str, Timestamp), now: Timestamp) -> DbResult<()> {
    for account_id in accounts::ids(conn)? {
        let entry = Entry {
            actor: &ACTOR,
            action: Action::BackupMade,
            recipient_id: None,
            details: json!({ "backup": name, "expires": expires_at.millis() }),
        };
        audit::record(conn, account_id, &entry, now)?;
    }
    Ok(())
}

/// Removes a copy if its time is over. Nothing but what its manifest names is removed; the manifest
/// goes after the data, so an interrupted removal is taken up.
fn remove_expired(path: &Path, now: Timestamp) -> Result<bool, BackupError> {
    // Without a manifest it is not one of ours.
    let Ok(manifest) = Manifest::read(path) else {
        return Ok(false);
    };
    if manifest.expires_at() > now {
        return Ok(false);
    }
    for held in &manifest.files {
        if !held.name.contains(['/', '\\']) {
            let file = path.join(&held.name);
            at(&file, remove_if_there(&file))?;
        }
    }
    let file = path.join(manifest::FILE);
    at(&file, remove_if_there(&file))?;
    at(path, std::fs::remove_dir(path))?;
    Ok(true)
}

fn remove_if_there(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a directory's names safe from a power cut.
pub(super) fn sync_dir(path: &Path) -> std::io::Result<()> {
    // Elsewhere a directory can't be opened.
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}
