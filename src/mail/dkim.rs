//! Signatures that tell a receiving server that a mail really comes from its sender's domain and
//! was not changed on its way (DKIM, RFC 6376).
//!
//! - Here: keys, made in the product, and the records that publish them in the DNS.
//! - [`canonical`]: the form of a mail that is signed, which small changes on the way leave alone.
//! - [`signer`]: signs mails.
//! - `private_key`: the keys themselves.
//!
//! RSA is what every provider checks; Ed25519 (RFC 8463) stands beside it. A checker takes the
//! signature it understands and ignores the other.

pub mod canonical;
mod private_key;
pub mod signer;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::MailError;
use crate::domain::signature::SignatureAlgorithm;
use crate::domain::time::Timestamp;
pub use signer::Signer;

/// The longest string of a TXT record, in bytes (RFC 1035, 3.3). Longer values are several
/// strings, which are read as one (RFC 6376, 3.6.2.2).
pub const LONGEST_STRING: usize = 255;

/// A fresh pair of keys.
pub struct KeyPair {
    /// The private key, PKCS #8 in DER: to be sealed before it is kept.
    pub private_key: Zeroizing<Vec<u8>>,
    /// The public key as it stands in the DNS: base 64.
    pub public_key: String,
}

/// Makes a pair of keys. RSA takes a few tenths of a second, so not on an async thread.
///
/// # Errors
/// [`MailError::Key`] if the operating system gives no random bytes.
pub fn make_keys(algorithm: SignatureAlgorithm) -> Result<KeyPair, MailError> {
    let (private_key, public) = private_key::make(algorithm)?;
    Ok(KeyPair {
        private_key,
        public_key: STANDARD.encode(public),
    })
}

/// A new name for a key in the DNS: algorithm, month, and four random letters, so that neither an
/// earlier key nor another program's has it.
pub fn new_selector(algorithm: SignatureAlgorithm, now: Timestamp) -> Result<String, MailError> {
    let month = jiff::Timestamp::from_millisecond(now.millis())
        .map(|time| time.strftime("%y%m").to_string())
        .unwrap_or_default();
    let random: String = super::random::<4>()?
        .iter()
        .map(|byte| char::from(b'a' + byte % 26))
        .collect();
    Ok(format!("{}-{month}-{random}", algorithm.as_str()))
}

/// A TXT record of the DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// Its full name, without a dot at the end.
    pub name: String,
    /// Its value as one text.
    pub value: String,
}

impl DnsRecord {
    /// The record that publishes a key (RFC 6376, 3.6.1).
    pub fn of_key(
        domain: &str,
        selector: &str,
        algorithm: SignatureAlgorithm,
        public_key: &str,
    ) -> Self {
        Self {
            name: format!("{selector}._domainkey.{domain}"),
            value: format!("v=DKIM1; k={}; p={public_key}", algorithm.as_str()),
        }
    }

    /// The value in strings of at most [`LONGEST_STRING`] bytes. ASCII, as all our values are.
    pub fn strings(&self) -> Vec<&str> {
        let mut rest = self.value.as_str();
        let mut strings = Vec::new();
        while rest.len() > LONGEST_STRING {
            let (string, left) = rest.split_at(LONGEST_STRING);
            strings.push(string);
            rest = left;
        }
        strings.push(rest);
        strings
    }

    /// The value as some providers and zone files want it: strings in quotes (RFC 1035, 5.1).
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.strings().join("\" \""))
    }
}

#[cfg(test)]
mod stored_keys;
#[cfg(test)]
mod tests;
