//! Secrets of others at rest: passwords of mail servers, private keys. Whoever has only the
//! database can't read them.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use zeroize::Zeroizing;

const NONCE_LENGTH: usize = 12;

/// Seals and opens with ChaCha20-Poly1305 (RFC 8439), a random nonce in front of each text.
#[derive(Clone)]
pub struct Sealer(ChaCha20Poly1305);

/// Why something can't be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealProblem {
    /// It was sealed under another secret or for another place, or is damaged.
    #[error("sealed with another secret, or damaged")]
    Broken,
    /// The operating system gives no random bytes.
    #[error("no random bytes")]
    NoRandom,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(ChaCha20Poly1305::new(&Key::from(key)))
    }

    /// Seals a text for one place, such as `smtp/7`: moved to another account's row it can't be
    /// opened.
    pub fn seal(&self, place: &str, text: &[u8]) -> Result<Vec<u8>, SealProblem> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|_| SealProblem::NoRandom)?;
        let payload = Payload {
            msg: text,
            aad: place.as_bytes(),
        };
        let sealed = self
            .0
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealProblem::Broken)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for that place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealProblem> {
        let (nonce, text) = sealed
            .split_first_chunk::<NONCE_LENGTH>()
            .ok_or(SealProblem::Broken)?;
        let payload = Payload {
            msg: text,
            aad: place.as_bytes(),
        };
        self.0
            .decrypt(&Nonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealProblem::Broken)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::sealed::SealProblem;
    use crate::domain::secret::Secret;

    #[test]
    fn what_is_sealed_opens_at_its_place_and_under_its_secret_only() {
        let sealer = Secret::from_bytes([1; 32]).sealer();
        let secret = sealer.seal("smtp/7", b"geheim").unwrap();
        assert!(!secret.windows(6).any(|bytes| bytes == b"geheim"));
        assert_eq!(
            sealer.open("smtp/7", &secret).unwrap().as_slice(),
            b"geheim"
        );
        assert_eq!(sealer.open("smtp/8", &secret), Err(SealProblem::Broken));
        let other = Secret::from_bytes([2; 32]).sealer();
        assert_eq!(other.open("smtp/7", &secret), Err(SealProblem::Broken));
        let mut damaged = secret.clone();
        damaged[20] ^= 1;
        assert_eq!(sealer.open("smtp/7", &damaged), Err(SealProblem::Broken));
        assert_eq!(sealer.open("smtp/7", &[]), Err(SealProblem::Broken));
        assert_ne!(sealer.seal("smtp/7", b"geheim").unwrap(), secret);
    }
}
