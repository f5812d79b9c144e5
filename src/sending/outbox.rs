//! The built-in *Postausgang*: every mail a file in the data directory.
//!
//! A file's name is a keyed hash of mailing and recipient, so a sender that takes up again after
//! a crash finds out whether a mail was written. It is not made from the delivery: with the key at
//! hand that would lead from a pseudonymised delivery to the address in the file (rule P6).

use std::collections::HashSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::transport::{Fate, Slot, Transport};
use crate::db::models::outbox::{self, NewMail};
use crate::db::models::sending;
use crate::db::{Conn, Db, DbResult};
use crate::domain::private_files;
use crate::domain::secret::{Key, hex};
use crate::domain::time::Timestamp;

/// For how many days a mail stays.
pub const KEPT_DAYS: i64 = 30;

/// What a file's name ends with while it is being written.
const UNFINISHED: &str = ".part";

/// How many files are looked up in one statement.
const SWEPT_AT_ONCE: usize = 1_000;

/// The directory of mails. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    dir: PathBuf,
    names: Key,
}

impl Outbox {
    /// The outbox inside a data directory, which is made where there is none.
    ///
    /// # Errors
    /// Fails when the directory can't be made.
    pub fn open(data_dir: &Path, names: Key) -> std::io::Result<Self> {
        let dir = data_dir.join("outbox");
        private_files::take_dir(&dir)?;
        Ok(Self { dir, names })
    }

    /// Reads a file of the outbox by the name the database gave.
    ///
    /// # Errors
    /// Fails when the file is not there (it lies on the node that sent it) or can't be read.
    pub fn read(&self, file: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.dir.join(file))
    }

    /// Removes files whose rows are gone. What can't be removed now goes with [`Self::sweep`].
    pub fn remove(&self, files: &[String]) {
        for file in files {
            self.remove_one(file);
        }
    }

    /// Removes what a crash left behind: files that no row knows and that no sender has in hand.
    ///
    /// The directory is read before the tables. A file seen there whose mail is entered meanwhile
    /// is known to the tables then: marking and entering are one transaction.
    pub fn sweep(&self, db: &Db) -> DbResult<()> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else {
            return Ok(());
        };
        let files: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str().map(str::to_owned))
            .collect();
        for some in files.chunks(SWEPT_AT_ONCE) {
            let (unknown, in_hand) = db.read(|conn| {
                let unknown = outbox::unknown(conn, some)?;
                Ok((unknown, sending::in_hand_of_all(conn)?))
            })?;
            let in_hand: HashSet<String> = in_hand
                .into_iter()
                .map(|(mailing_id, recipient_id)| {
                    self.name(Slot {
                        mailing_id,
                        recipient_id,
                    })
                })
                .collect();
            for file in &unknown {
                let whole = file.strip_suffix(UNFINISHED).unwrap_or(file);
                if !in_hand.contains(whole) {
                    self.remove_one(file);
                }
            }
        }
        Ok(())
    }

    /// Writes a mail under the name that its row has.
    ///
    /// # Errors
    /// Fails when the file can't be written.
    pub(super) fn write(&self, name: &str, message: &[u8]) -> std::io::Result<()> {
        let unfinished = self.dir.join(format!("{name}{UNFINISHED}"));
        private_files::create(&unfinished)?.write_all(message)?;
        // A file under its final name is complete.
        std::fs::rename(unfinished, self.dir.join(name))
    }

    fn name(&self, slot: Slot) -> String {
        let mut message = [0; 16];
        message[..8].copy_from_slice(&slot.mailing_id.to_be_bytes());
        message[8..].copy_from_slice(&slot.recipient_id.to_be_bytes());
        format!("{}.eml", hex(&self.names.mac(&message)[..16]))
    }

    fn remove_one(&self, file: &str) {
        match std::fs::remove_file(self.dir.join(file)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(kind = ?error.kind(), "a mail could not be removed from the outbox");
            }
            _ => {}
        }
    }
}

impl Transport for Outbox {
    fn hand_over(&self, slot: Slot, message: &[u8]) -> std::io::Result<()> {
        self.write(&self.name(slot), message)
    }

    fn fate(&self, slot: Slot) -> Fate {
        match self.dir.join(self.name(slot)).try_exists() {
            Ok(true) => Fate::Handed,
            Ok(false) => Fate::NotHanded,
            Err(_) => Fate::Unknown,
        }
    }

    fn withdraw(&self, slot: Slot) {
        self.remove_one(&self.name(slot));
    }

    fn enter(
        &self,
        conn: &mut Conn,
        account_id: i64,
        slots: &[Slot],
        now: Timestamp,
    ) -> DbResult<()> {
        let Some(first) = slots.first() else {
            return Ok(());
        };
        let mails: Vec<NewMail> = slots
            .iter()
            .map(|slot| NewMail {
                recipient_id: slot.recipient_id,
                file: self.name(*slot),
            })
            .collect();
        outbox::add(conn, account_id, first.mailing_id, &mails, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::{Purpose, Secret};

    const SLOT: Slot = Slot {
        mailing_id: 4,
        recipient_id: 7,
    };

    fn outbox(dir: &Path) -> Outbox {
        let names = Secret::from_bytes([5; 32]).key(Purpose::OutboxFile);
        Outbox::open(dir, names).unwrap()
    }

    #[test]
    fn it_knows_what_was_handed_over() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = outbox(dir.path());
        assert_eq!(outbox.fate(SLOT), Fate::NotHanded);
        outbox.hand_over(SLOT, b"mail").unwrap();
        assert_eq!(outbox.fate(SLOT), Fate::Handed);
        assert_eq!(outbox.read(&outbox.name(SLOT)).unwrap(), b"mail");
        outbox.withdraw(SLOT);
        assert_eq!(outbox.fate(SLOT), Fate::NotHanded);
    }

    #[test]
    fn a_half_written_mail_was_not_handed_over() {
        let dir = tempfile::tempdir().unwrap();
        let outbox = outbox(dir.path());
        let part = format!("{}.part", outbox.name(SLOT));
        std::fs::write(dir.path().join("outbox").join(part), b"ma").unwrap();
        assert_eq!(outbox.fate(SLOT), Fate::NotHanded);
    }
}
