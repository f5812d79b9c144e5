//! The installation's secret and the keys made from it, and random values.

use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::sealed::Sealer;

/// A random value of 128 bits from the operating system: pseudonyms, token keys, public keys.
pub type Random128 = [u8; 16];

/// 128 random bits from the operating system.
///
/// # Errors
/// Fails when the operating system gives no random bits.
pub fn random_128() -> Result<Random128, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// As many random keys, of which the first two bytes are the same: in an index they lie side by
/// side, so that entering many at once writes a few of its pages instead of one for each. The
/// other 112 bits are each key's own.
///
/// # Errors
/// Fails when the operating system gives no random bits.
pub fn random_neighbours(count: usize) -> Result<Vec<Random128>, getrandom::Error> {
    let mut keys = vec![Random128::default(); count];
    getrandom::fill(keys.as_flattened_mut())?;
    if let Some(&[first, second, ..]) = keys.first() {
        for key in &mut keys {
            [key[0], key[1]] = [first, second];
        }
    }
    Ok(keys)
}

/// What a derived key is for. Keys of different purposes have nothing to do with each other, so
/// a token made for one purpose is worthless for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Pixel addresses.
    Open,
    /// Click addresses.
    Click,
    /// The personal link *Abmelden*.
    Unsubscribe,
    /// The personal link *Personenbezogenes Tracking: Widerspruch*.
    Preferences,
    /// Objections and unsubscriptions remembered beyond deletion (rule P9).
    RememberedAddress,
    /// The names of the files in the outbox.
    OutboxFile,
    /// The signature of the session cookie.
    SessionCookie,
    /// The cookie of a browser in which somebody has signed in.
    KnownBrowser,
    /// What is sealed at rest: passwords of mail servers, keys that sign mails.
    Sealing,
    /// The mark of a mail in its return path (VERP).
    Bounce,
    /// The link that confirms a signing up.
    Signup,
    /// What a public form carries to show that it was really opened.
    PublicForm,
    /// Requests of programs that are known again, so that they are done once.
    IdempotentRequest,
    /// Recipients in the journal of what a restored copy has to be told again.
    JournalPerson,
    /// The lines of that journal.
    JournalLine,
    /// The check value that tells whether a database belongs to this secret.
    Check,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Open => "widerspruch/open/1",
            Self::Click => "widerspruch/click/1",
            Self::Unsubscribe => "widerspruch/unsubscribe/1",
            Self::Preferences => "widerspruch/preferences/1",
            Self::RememberedAddress => "widerspruch/remembered-address/1",
            Self::OutboxFile => "widerspruch/outbox-file/1",
            Self::SessionCookie => "widerspruch/session-cookie/1",
            Self::KnownBrowser => "widerspruch/known-browser/1",
            Self::Sealing => "widerspruch/sealing/1",
            Self::Bounce => "widerspruch/bounce/1",
            Self::Signup => "widerspruch/signup/1",
            Self::PublicForm => "widerspruch/public-form/1",
            Self::IdempotentRequest => "widerspruch/idempotent-request/1",
            Self::JournalPerson => "widerspruch/journal-person/1",
            Self::JournalLine => "widerspruch/journal-line/1",
            Self::Check => "widerspruch/check/1",
        }
    }
}

/// A key for one purpose.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// HMAC-SHA-256 (RFC 2104) of the message under this key.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The installation's secret: 32 random bytes in a file that only the owner can read.
pub struct Secret([u8; 32]);

/// Why the secret can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// Reading or writing the file failed.
    #[error("the secret in {path} can't be read or created: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{0} does not hold a secret of 64 hexadecimal digits")]
    Malformed(PathBuf),
    /// The operating system gives no random bits.
    #[error("no random bits: {0}")]
    NoRandom(#[from] getrandom::Error),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl Secret {
    /// Takes 32 bytes as the secret.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the secret's file, or creates it with mode 0600 where there is none.
    ///
    /// # Errors
    /// See [`SecretProblem`].
    pub fn load_or_create(path: &Path) -> Result<Self, SecretProblem> {
        match Self::load(path) {
            Err(SecretProblem::File { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Self::create(path)
            }
            outcome => outcome,
        }
    }

    /// Reads the secret's file.
    ///
    /// # Errors
    /// See [`SecretProblem`].
    pub fn load(path: &Path) -> Result<Self, SecretProblem> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                Self::from_hex(text.trim()).ok_or_else(|| SecretProblem::Malformed(path.to_owned()))
            }
            Err(source) => Err(SecretProblem::File {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn create(path: &Path) -> Result<Self, SecretProblem> {
        use std::io::Write;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let hex = hex(&bytes);
        crate::domain::private_files::options()
            .write(true)
            .create_new(true)
            .open(path)
            .and_then(|mut file| writeln!(file, "{hex}").and_then(|()| file.sync_all()))
            .map_err(|source| SecretProblem::File {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self(bytes))
    }

    fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The key for one purpose: HMAC-SHA-256 of the purpose's name under the secret, which for a
    /// uniformly random secret is HKDF-Expand (RFC 5869) with one block.
    pub fn key(&self, purpose: Purpose) -> Key {
        let mut root = keyed(&self.0);
        root.update(purpose.label().as_bytes());
        root.update(&[1]);
        Key(keyed(&root.finalize().into_bytes()))
    }

    /// The key that seals what is secret at rest.
    pub fn sealer(&self) -> Sealer {
        Sealer::new(self.key(Purpose::Sealing).mac(b"chacha20poly1305"))
    }

    /// A value to keep in the database, which tells whether it belongs to this secret.
    pub fn check_value(&self) -> String {
        let mac = self.key(Purpose::Check).mac(b"check");
        hex(&mac[..16])
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(mac) => mac,
        // HMAC takes keys of every length (RFC 2104, section 2).
        Err(_) => unreachable!("HMAC takes keys of every length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_begin_alike_and_differ_in_the_rest() {
        let keys = random_neighbours(1_000).unwrap();
        let ends: std::collections::HashSet<&[u8]> = keys.iter().map(|key| &key[2..]).collect();
        assert_eq!(ends.len(), 1_000);
        assert!(keys.iter().all(|key| key[..2] == keys[0][..2]));
        assert!((2..16).all(|at| keys.iter().any(|key| key[at] != keys[0][at])));
        assert_eq!(random_neighbours(0).unwrap(), Vec::<Random128>::new());
    }

    #[test]
    fn purposes_have_different_keys() {
        let secret = Secret::from_bytes([7; 32]);
        assert_ne!(
            secret.key(Purpose::Open).mac(b"x"),
            secret.key(Purpose::Click).mac(b"x")
        );
        assert_eq!(
            secret.key(Purpose::Open).mac(b"x"),
            secret.key(Purpose::Open).mac(b"x")
        );
    }

    #[test]
    fn the_file_is_created_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.key");
        let first = Secret::load_or_create(&path).unwrap();
        let second = Secret::load_or_create(&path).unwrap();
        assert_eq!(first.check_value(), second.check_value());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.key");
        std::fs::write(&path, "abc").unwrap();
        assert!(matches!(
            Secret::load_or_create(&path),
            Err(SecretProblem::Malformed(_))
        ));
    }
}
