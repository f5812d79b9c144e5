//! Keys that open something for whoever has them: sessions, single-use links. 256 bits from the
//! operating system; the database knows only their hash, so who reads it can open nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// SHA-256 of a key as it is written.
pub type KeyHash = [u8; 32];

/// A new key, as it stands in a cookie or an address, and its hash.
///
/// # Errors
/// Fails when the operating system gives no random bits.
pub fn new_key() -> Result<(String, KeyHash), getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let key = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash_of(&key);
    Ok((key, hash))
}

/// The hash of a key, however damaged it may be.
pub fn hash_of(key: &str) -> KeyHash {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_another_and_found_by_its_hash() {
        let (key, hash) = new_key().unwrap();
        assert_eq!(key.len(), 43, "256 bits");
        assert_eq!(hash_of(&key), hash);
        assert_ne!(new_key().unwrap().0, key);
    }
}
