//! Signs mails.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::canonical::{self, Header};
use super::private_key::PrivateKey;
use crate::domain::signature::SignatureAlgorithm;
use crate::domain::time::Timestamp;
use crate::mail::MailError;

/// What is signed of a mail's headers, where it is there: all that says who writes to whom, about
/// what and how to read it (RFC 6376, 5.4.1), and what RFC 8058, 4 demands for one click.
const SIGNED: [&str; 13] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "Feedback-ID",
];

/// What nobody may add a second time on the way: signed once more than it is there (RFC 6376,
/// 8.15), since mail programs may show the added one.
const SIGNED_ONCE_MORE: [&str; 4] = ["From", "To", "Subject", "Reply-To"];

/// A line of a header should not be longer (RFC 5322, 2.1.1).
const LINE: usize = 72;

/// The keys of one domain, read once and used for all mails of a mailing.
pub struct Signer {
    domain: String,
    keys: Vec<SigningKey>,
}

struct SigningKey {
    algorithm: SignatureAlgorithm,
    selector: String,
    key: PrivateKey,
}

impl Signer {
    /// Without a key, which signs nothing yet. The domain is in ASCII (IDNA).
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            keys: Vec::new(),
        }
    }

    /// With one more key: PKCS #8 in DER.
    ///
    /// # Errors
    /// [`MailError::Key`] if that is no key.
    pub fn with_key(
        mut self,
        algorithm: SignatureAlgorithm,
        selector: &str,
        private_key: &[u8],
    ) -> Result<Self, MailError> {
        self.keys.push(SigningKey {
            algorithm,
            selector: selector.to_owned(),
            key: PrivateKey::read(algorithm, private_key)?,
        });
        Ok(self)
    }

    /// The mail with a signature of each key in front. The message has CRLF line ends.
    ///
    /// # Errors
    /// [`MailError::Key`] if a key can't sign.
    pub fn sign(&self, message: &[u8], now: Timestamp) -> Result<Vec<u8>, MailError> {
        let (headers, body) = canonical::split(message);
        let body_hash = STANDARD.encode(Sha256::digest(canonical::body(body)));
        let mut names = Vec::new();
        let mut signed = Vec::new();
        for name in SIGNED {
            // From the last one upwards (RFC 6376, 5.4.2).
            for header in headers.iter().rev().filter(|header| is(header, name)) {
                names.push(name);
                canonical::add_header(*header, &mut signed);
                signed.extend_from_slice(b"\r\n");
            }
        }
        names.extend(SIGNED_ONCE_MORE);
        let names = names.join(":").to_ascii_lowercase();
        let mut out = Vec::with_capacity(message.len() + self.keys.len() * 1024);
        for key in &self.keys {
            let (domain, selector) = (&self.domain, &key.selector);
            let (algorithm, time) = (key.algorithm.as_str(), now.millis() / 1000);
            let mut value = format!(
                " v=1; a={algorithm}-sha256; c=relaxed/relaxed;\r\n d={domain};\r\n s={selector}; t={time};\r\n h={};\r\n bh={body_hash};\r\n b=",
                folded(&names, ':')
            );
            let mut data = signed.clone();
            let own = Header {
                name: b"DKIM-Signature",
                value: value.as_bytes(),
            };
            canonical::add_header(own, &mut data);
            let signature = STANDARD.encode(key.key.sign(&data)?);
            value.push_str(&in_lines(&signature));
            out.extend_from_slice(b"DKIM-Signature:");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(message);
        Ok(out)
    }
}

fn is(header: &Header<'_>, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name.as_bytes())
}

/// Folds a list behind its separators.
fn folded(list: &str, separator: char) -> String {
    let mut text = String::with_capacity(list.len() + 16);
    let mut line = 0;
    for item in list.split_inclusive(separator) {
        if line > 0 && line + item.len() > LINE {
            text.push_str("\r\n  ");
            line = 2;
        }
        text.push_str(item);
        line += item.len();
    }
    text
}

/// Base 64 in lines: blanks within it are ignored (RFC 6376, 3.5).
fn in_lines(base64: &str) -> String {
    let mut text = String::with_capacity(base64.len() + 32);
    for (at, character) in base64.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            text.push_str("\r\n  ");
        }
        text.push(character);
    }
    text
}
