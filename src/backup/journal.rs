//! The journal: files apart from the database, which say what a copy that is brought back has to be
//! told again.
//!
//! An entry names its recipient by a hash of the person's random key, under a key that is used for
//! nothing else: it leads to somebody only in a database that still holds that person, which is what
//! a restore needs and nothing but that. No address can be tested against it. Where the account
//! remembers objections (rule P9), an entry also holds the hash that the table of remembered ones
//! would hold, for people whom the copy does not know.
//!
//! One file for each day and process, a line for each entry, each under a MAC. A day's file goes
//! when no copy needs it any more.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::copy::sync_dir;
use super::{BackupError, at};
use crate::db::models::journal::JournalKind;
use crate::domain::private_files;
use crate::domain::secret::{Key, Purpose, Random128, Secret, hex, random_128};
use crate::domain::time::Timestamp;

/// How the names of its files end.
const ENDING: &str = "journal";

/// The file that says from when on the journal is complete.
const SINCE: &str = "since";

/// In pieces of how many bytes the end of a file is read.
const PIECE: u64 = 256 * 1024;

/// Bytes of a line's MAC.
const MAC_BYTES: usize = 16;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is known by, in hexadecimal digits.
    pub mark: String,
    /// The order of the changes.
    pub id: i64,
    /// The account.
    pub account: i64,
    /// When it was written down, in milliseconds.
    pub at: i64,
    /// What: the word of a [`JournalKind`].
    pub kind: String,
    /// The hash of the person's random key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub who: Option<String>,
    /// The hash under which the person's address is remembered (rule P9).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory: Option<String>,
    /// What else matters.
    pub details: serde_json::Value,
}

impl Line {
    /// Its mark in bytes.
    pub fn mark(&self) -> Option<Random128> {
        bytes(&self.mark)
    }

    /// What happened.
    pub fn kind(&self) -> Option<JournalKind> {
        self.kind.parse().ok()
    }
}

/// Reads so many bytes written in hexadecimal digits.
pub(super) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut read = [0; N];
    for (byte, pair) in read.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(read)
}

/// The journal of an installation.
pub struct Journal {
    dir: PathBuf,
    people: Key,
    lines: Key,
    /// Tells the files of this process from those of others, and is another one after a write that
    /// failed: what stands behind half a line would be lost.
    own: Mutex<String>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal({})", self.dir.display())
    }
}

impl Journal {
    /// Opens the journal in a directory, and begins one where there is none.
    pub fn open(dir: &Path, secret: &Secret) -> Result<Self, BackupError> {
        at(dir, private_files::create_dir(dir))?;
        let journal = Self {
            dir: dir.to_owned(),
            people: secret.key(Purpose::JournalPerson),
            lines: secret.key(Purpose::JournalLine),
            own: Mutex::new(name_of_own()?),
        };
        if journal.since()?.is_none() {
            journal.set_since(Timestamp::now())?;
        }
        Ok(journal)
    }

    /// Whether there is a journal in that directory.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(SINCE).is_file()
    }

    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The hash under which it names the person with that random key.
    pub fn who(&self, person: &[u8]) -> String {
        hex(&self.people.mac(person))
    }

    /// From when on it is complete; none where there is no journal.
    pub fn since(&self) -> Result<Option<Timestamp>, BackupError> {
        let path = self.dir.join(SINCE);
        match std::fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map(|millis| Some(Timestamp(millis)))
                .map_err(|_| damaged(&path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(BackupError::File { path, source }),
        }
    }

    fn set_since(&self, since: Timestamp) -> Result<(), BackupError> {
        self.replace(SINCE, |new| {
            at(&self.dir, writeln!(new, "{}", since.millis()))
        })
    }

    /// Writes entries, safe from a power cut once this gives Ok.
    pub fn append(&self, lines: &[Line]) -> Result<(), BackupError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut own = self.own.lock();
        let name = format!("{}.{own}.{ENDING}", day(Timestamp::now()));
        let path = self.dir.join(name);
        let text: String = lines.iter().map(|line| self.sealed(line)).collect();
        let outcome = append_to(&path, text.as_bytes()).and_then(|()| sync_dir(&self.dir));
        if outcome.is_err() {
            *own = name_of_own()?;
        }
        at(&path, outcome)
    }

    /// A line with its MAC and its end.
    fn sealed(&self, line: &Line) -> String {
        // Numbers, texts and truth values: nothing in them can fail to serialise.
        let text = serde_json::to_string(line).unwrap_or_default();
        format!("{} {text}\n", hex(&self.mac(&text)))
    }

    fn mac(&self, text: &str) -> Vec<u8> {
        self.lines.mac(text.as_bytes())[..MAC_BYTES].to_vec()
    }

    /// All entries, each once, in the order of the changes.
    ///
    /// # Errors
    /// Refuses a damaged file. The last line of one may be half there: it was never acknowledged.
    pub fn read(&self) -> Result<Vec<Line>, BackupError> {
        let mut lines = Vec::new();
        let mut seen = HashSet::new();
        for path in self.files()? {
            for line in self.lines_of(&path)? {
                let line = line?;
                if seen.insert(line.mark.clone()) {
                    lines.push(line);
                }
            }
        }
        lines.sort_by_key(|line| line.id);
        Ok(lines)
    }

    /// The last entries. Only whole days of files are in the order of time, but each file is, and only
    /// its end is read: a day may have millions of them, and every start asks.
    pub fn newest(&self, limit: usize) -> Result<Vec<Line>, BackupError> {
        let mut lines = Vec::new();
        let mut of_day = None;
        for path in self.files()?.iter().rev() {
            let name = path.file_name().map(|name| name.to_string_lossy());
            let day = name.map(|name| name.split('.').next().unwrap_or_default().to_owned());
            if lines.len() >= limit && of_day != day {
                break;
            }
            of_day = day;
            lines.extend(self.end_of(path, limit)?);
        }
        lines.sort_by_key(|line| (line.at, line.id));
        Ok(lines.split_off(lines.len().saturating_sub(limit)))
    }

    /// The entries of a file, in its order, whatever its size. A half line at the end is none.
    fn lines_of<'a>(
        &'a self,
        path: &'a Path,
    ) -> Result<impl Iterator<Item = Result<Line, BackupError>> + 'a, BackupError> {
        let mut file = BufReader::new(at(path, File::open(path))?);
        let mut text = Vec::new();
        Ok(std::iter::from_fn(move || {
            text.clear();
            if let Err(error) = at(path, file.read_until(b'\n', &mut text)) {
                return Some(Err(error));
            }
            let line = text.strip_suffix(b"\n")?;
            Some(self.parse(line).ok_or_else(|| damaged(path)))
        }))
    }

    /// The last entries of a file, in its order: as many as wanted, or all there are.
    fn end_of(&self, path: &Path, wanted: usize) -> Result<Vec<Line>, BackupError> {
        let text = at(path, end_of_text(path, wanted))?;
        let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        // What follows the last end of a line: nothing, or half a line.
        lines.pop();
        lines[lines.len().saturating_sub(wanted)..]
            .iter()
            .map(|line| self.parse(line).ok_or_else(|| damaged(path)))
            .collect()
    }

    fn parse(&self, line: &[u8]) -> Option<Line> {
        let (mac, text) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let mac: [u8; MAC_BYTES] = bytes(mac)?;
        if !bool::from(self.mac(text).as_slice().ct_eq(&mac[..])) {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// Its files, the oldest first.
    fn files(&self) -> Result<Vec<PathBuf>, BackupError> {
        let entries = at(&self.dir, std::fs::read_dir(&self.dir))?;
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
            .collect();
        files.sort();
        Ok(files)
    }

    /// Lets go of what was written before the day of that moment.
    pub fn prune(&self, before: Timestamp) -> Result<(), BackupError> {
        let first_kept = day(before);
        let old: Vec<PathBuf> = self
            .files()?
            .into_iter()
            .filter(|path| {
                let name = path.file_name().map(|name| name.to_string_lossy());
                name.is_some_and(|name| *name < *first_kept)
            })
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        // Said first: a journal must not be taken for complete that is not.
        if self.since()?.is_none_or(|since| since < before) {
            self.set_since(before)?;
        }
        for path in old {
            at(&path, std::fs::remove_file(&path))?;
        }
        Ok(())
    }

    /// Takes everything out by which an address of that account is remembered, as when the account
    /// no longer wants that.
    pub fn forget_memories(&self, account: i64) -> Result<(), BackupError> {
        // Nobody appends meanwhile.
        let _own = self.own.lock();
        for path in self.files()? {
            let holds = |line: &Line| {
                line.account == account
                    && (line.memory.is_some() || line.kind() == Some(JournalKind::Remembered))
            };
            let mut any = false;
            for line in self.lines_of(&path)? {
                any |= holds(&line?);
            }
            if let Some(name) = path.file_name().and_then(|name| name.to_str())
                && any
            {
                self.replace(name, |new| self.write_without_memories(account, &path, new))?;
            }
        }
        Ok(())
    }

    fn write_without_memories(
        &self,
        account: i64,
        path: &Path,
        new: &mut impl Write,
    ) -> Result<(), BackupError> {
        for line in self.lines_of(path)? {
            let mut line = line?;
            if line.account == account {
                line.memory = None;
                if line.kind() == Some(JournalKind::Remembered) {
                    line.details = serde_json::json!({});
                }
            }
            at(path, new.write_all(self.sealed(&line).as_bytes()))?;
        }
        Ok(())
    }

    /// Puts a file in the place of another, or none, at once.
    fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<(), BackupError>,
    ) -> Result<(), BackupError> {
        let new = self.dir.join(format!(".{name}.new"));
        let mut out = BufWriter::new(at(&new, private_files::create(&new))?);
        write(&mut out)?;
        let written = out
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error);
        at(&new, written.and_then(|file| file.sync_all()))?;
        let path = self.dir.join(name);
        at(&path, std::fs::rename(&new, &path))?;
        at(&self.dir, sync_dir(&self.dir))
    }
}

/// The end of a file with at least so many whole lines, if it has them.
fn end_of_text(path: &Path, lines: usize) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut from = file.metadata()?.len();
    let mut text = Vec::new();
    let enough = |text: &[u8]| {
        // The first line may be cut, and half a line may follow the last.
        text.split(|byte| *byte == b'\n').count() > lines + 1
    };
    while from > 0 && !enough(&text) {
        let length = PIECE.min(from);
        from -= length;
        file.seek(SeekFrom::Start(from))?;
        let mut piece = Vec::new();
        (&mut file).take(length).read_to_end(&mut piece)?;
        piece.append(&mut text);
        text = piece;
    }
    Ok(text)
}

fn append_to(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = private_files::options()
        .append(true)
        .create(true)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn name_of_own() -> Result<String, BackupError> {
    let random = random_128().map_err(|error| BackupError::Refused(error.to_string()))?;
    Ok(hex(&random[..6]))
}

/// The day of a moment, in UTC.
fn day(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.millis())
        .unwrap_or_default()
        .strftime("%Y-%m-%d")
        .to_string()
}

fn damaged(path: &Path) -> BackupError {
    BackupError::Refused(format!(
        "the journal's file {} is damaged, or was written under another secret",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: i64, account: i64, kind: JournalKind) -> Line {
        Line {
            mark: hex(&random_128().unwrap()),
            id,
            account,
            at: id,
            kind: kind.as_str().to_owned(),
            who: Some("ab".repeat(32)),
            memory: Some("cd".repeat(32)),
            details: serde_json::json!({}),
        }
    }

    fn journal(dir: &Path) -> Journal {
        Journal::open(dir, &Secret::from_bytes([7; 32])).unwrap()
    }

    #[test]
    fn what_is_written_is_read_once_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (journal(dir.path()), journal(dir.path()));
        let (one, two, three) = (
            line(1, 1, JournalKind::Deleted),
            line(2, 1, JournalKind::Tracking),
            line(3, 2, JournalKind::Status),
        );
        second.append(&[one.clone(), three.clone()]).unwrap();
        first.append(&[two.clone(), one.clone()]).unwrap();
        assert_eq!(first.read().unwrap(), [one, two, three.clone()]);
        assert_eq!(first.newest(1).unwrap(), [three]);
    }

    #[test]
    fn of_a_long_day_only_the_end_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let kept = journal(dir.path());
        let lines: Vec<Line> = (1..=3_000)
            .map(|id| line(id, 1, JournalKind::Tracking))
            .collect();
        kept.append(&lines).unwrap();
        let file = kept.files().unwrap().remove(0);
        assert!(std::fs::metadata(&file).unwrap().len() > 2 * PIECE);
        for wanted in [1, 999, 1_000, 2_999, 3_000, 3_001] {
            let newest = kept.newest(wanted).unwrap();
            assert_eq!(newest[..], lines[3_000_usize.saturating_sub(wanted)..]);
        }
        append_to(&file, b"half").unwrap();
        assert_eq!(kept.newest(2).unwrap()[..], lines[2_998..]);
        // What stands at the beginning is not even looked at.
        let mut text = std::fs::read(&file).unwrap();
        text[..PIECE.try_into().unwrap()].fill(b'x');
        std::fs::write(&file, text).unwrap();
        assert_eq!(kept.newest(100).unwrap()[..], lines[2_900..]);
        assert!(kept.read().is_err());
    }

    #[test]
    fn half_a_line_at_the_end_was_never_there_and_one_in_the_middle_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let kept = journal(dir.path());
        kept.append(&[line(1, 1, JournalKind::Deleted)]).unwrap();
        let file = kept.files().unwrap().remove(0);
        append_to(&file, b"0123 {\"mark\"").unwrap();
        assert_eq!(kept.read().unwrap().len(), 1);
        append_to(&file, b"\n").unwrap();
        assert!(kept.read().is_err());
        // Nor is it read under another secret.
        let other = tempfile::tempdir().unwrap();
        journal(other.path())
            .append(&[line(1, 1, JournalKind::Deleted)])
            .unwrap();
        let foreign = Journal::open(other.path(), &Secret::from_bytes([8; 32])).unwrap();
        assert!(foreign.read().is_err());
    }

    #[test]
    fn days_go_whole_and_the_journal_says_since_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let kept = journal(dir.path());
        kept.append(&[line(1, 1, JournalKind::Deleted)]).unwrap();
        let begun = kept.since().unwrap().unwrap();
        kept.prune(Timestamp::now()).unwrap();
        assert_eq!(kept.read().unwrap().len(), 1);
        assert_eq!(kept.since().unwrap(), Some(begun));
        let later = Timestamp::now().plus_days(1);
        kept.prune(later).unwrap();
        assert_eq!(kept.read().unwrap().len(), 0);
        assert_eq!(kept.since().unwrap(), Some(later));
    }

    #[test]
    fn p9_what_is_forgotten_leaves_the_journal_too() {
        let dir = tempfile::tempdir().unwrap();
        let kept = journal(dir.path());
        let theirs = line(2, 2, JournalKind::Tracking);
        kept.append(&[line(1, 1, JournalKind::Tracking), theirs.clone()])
            .unwrap();
        kept.forget_memories(1).unwrap();
        let read = kept.read().unwrap();
        assert_eq!(read[0].memory, None);
        assert_eq!(read[1], theirs);
    }
}
