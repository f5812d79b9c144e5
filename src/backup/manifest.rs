//! What a copy holds: a small text file beside it, written last, so that a copy with a manifest is
//! a whole one.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, at};
use crate::domain::secret::hex;
use crate::domain::time::Timestamp;

/// Its name.
pub const FILE: &str = "manifest.json";

/// The database in a copy.
pub const DATABASE: &str = "widerspruch.sqlite";

/// The form of copies that this version writes and reads.
const FORMAT: u32 = 1;

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The version of the tables.
    pub schema: String,
    made_at: jiff::Timestamp,
    expires_at: jiff::Timestamp,
    /// Every file beside this one.
    pub files: Vec<Held>,
}

/// A file of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Of these files.
    pub fn new(
        schema: String,
        made_at: Timestamp,
        expires_at: Timestamp,
        files: Vec<Held>,
    ) -> Self {
        Self {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            made_at: in_words(made_at),
            expires_at: in_words(expires_at),
            files,
        }
    }

    /// Writes it into a copy's directory, safe from a power cut.
    pub fn write(&self, dir: &Path) -> Result<(), BackupError> {
        let path = dir.join(FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| BackupError::Refused(error.to_string()))?;
        let mut file = at(&path, crate::domain::private_files::create(&path))?;
        at(&path, file.write_all(text.as_bytes()))?;
        at(&path, file.write_all(b"\n"))?;
        at(&path, file.sync_all())
    }

    /// Reads that of a copy.
    ///
    /// # Errors
    /// Refuses what is no manifest, or one of another form.
    pub fn read(dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(FILE);
        let text = at(&path, std::fs::read_to_string(&path))?;
        let read: Self = serde_json::from_str(&text).map_err(|_| {
            BackupError::Refused(format!("{} is not the manifest of a copy", path.display()))
        })?;
        if read.format != FORMAT {
            return Err(BackupError::Refused(format!(
                "{} was made by another version of the program ({})",
                dir.display(),
                read.program
            )));
        }
        Ok(read)
    }

    /// A moment before the copy was made.
    pub fn made_at(&self) -> Timestamp {
        Timestamp(self.made_at.as_millisecond())
    }

    /// Until when it is kept.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp(self.expires_at.as_millisecond())
    }

    /// Whether every file is there and what it was.
    pub fn check(&self, dir: &Path) -> Result<(), BackupError> {
        for held in &self.files {
            // A name with a way in it would lead out of the copy.
            if held.name.contains(['/', '\\']) || held.name.starts_with('.') {
                return Err(BackupError::Refused(format!(
                    "the manifest names \"{}\", which is no file of a copy",
                    held.name
                )));
            }
            if Held::of(dir, &held.name)? != *held {
                return Err(BackupError::Refused(format!(
                    "{} is damaged: it is not what the manifest says",
                    dir.join(&held.name).display()
                )));
            }
        }
        if self.files.iter().any(|held| held.name == DATABASE) {
            Ok(())
        } else {
            Err(BackupError::Refused(format!(
                "the copy {} holds no database",
                dir.display()
            )))
        }
    }
}

impl Held {
    /// Looks at a file.
    pub fn of(dir: &Path, name: &str) -> Result<Self, BackupError> {
        let path = dir.join(name);
        let mut file = BufReader::with_capacity(256 * 1024, at(&path, File::open(&path))?);
        let mut sum = Sha256::new();
        let mut bytes = 0;
        let mut piece = vec![0; 256 * 1024];
        loop {
            let read = at(&path, file.read(&mut piece))?;
            if read == 0 {
                break;
            }
            sum.update(&piece[..read]);
            bytes += read as u64;
        }
        Ok(Self {
            name: name.to_owned(),
            bytes,
            sha256: hex(&sum.finalize()),
        })
    }
}

/// As it is written for people.
fn in_words(time: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(time.millis()).unwrap_or(jiff::Timestamp::MAX)
}
