//! Signing up by oneself: a form, a mail that asks whether it was really them (double opt-in), and
//! the evidence of it (Art. 7 (1) GDPR).
//!
//! * [`ask`]: what somebody sent with a form is kept for as long as it can be confirmed.
//! * [`letter`]: the mail, which tells nobody but its reader whether the address is known already.
//! * [`mailer`]: the thread that sends these mails. What is still to be sent stands in the
//!   database, so it survives a restart.
//! * [`confirm`]: the link in the mail, once.
//! * [`stamp`]: shows that a form was really opened, and not just now.

pub mod ask;
pub mod confirm;
pub mod letter;
pub mod mailer;
pub mod stamp;

pub use mailer::{Mailer, Tools};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::db::models::signups::KeyHash;
use crate::domain::secret::{Key, Random128};
use crate::domain::time::Timestamp;

/// The key that confirms a wish. It is made from the wish under the installation's secret, so that
/// a mail can be made again after a restart, though only a hash of the key is stored.
fn key_of(secret: &Key, form_id: i64, address_key: &str, asked_at: Timestamp) -> Random128 {
    let mut message = Vec::with_capacity(16 + address_key.len());
    message.extend_from_slice(&form_id.to_be_bytes());
    message.extend_from_slice(&asked_at.millis().to_be_bytes());
    message.extend_from_slice(address_key.as_bytes());
    let mac = secret.mac(&message);
    std::array::from_fn(|at| mac[at])
}

fn hash_of(key: &Random128) -> KeyHash {
    Sha256::digest(key).into()
}

/// A key as it stands in an address.
pub fn encode(key: &Random128) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Reads a key from an address; none when it is damaged. What mail programs and people put behind
/// it is no part of it: all keys are equally long.
pub fn decode(text: &str) -> Option<Random128> {
    let key = text.get(..22)?;
    URL_SAFE_NO_PAD.decode(key).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::{Purpose, Secret};

    #[test]
    fn each_wish_has_a_key_of_its_own_and_the_same_again() {
        let secret = Secret::from_bytes([9; 32]).key(Purpose::Signup);
        let key = |form, address, at| key_of(&secret, form, address, Timestamp(at));
        let one = key(1, "anna@example.org", 5);
        assert_eq!(one, key(1, "anna@example.org", 5));
        assert_ne!(one, key(2, "anna@example.org", 5));
        assert_ne!(one, key(1, "ben@example.org", 5));
        assert_ne!(one, key(1, "anna@example.org", 6));
        assert_eq!(decode(&encode(&one)), Some(one));
        assert_eq!(decode(&format!("{}.>/", encode(&one))), Some(one));
        for damaged in ["", "x", "%%%", &"B".repeat(23), &"ä".repeat(500)] {
            assert_eq!(decode(damaged), None, "{damaged}");
        }
    }
}
