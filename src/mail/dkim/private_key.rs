//! Private keys: how they are made, stored and used.
//!
//! Stored is PKCS #8, version 1, in DER (RFC 5208, RFC 8410), without the public key.

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain::signature::SignatureAlgorithm;
use crate::mail::MailError;

/// RFC 8301, 3.2: at least 1024, better 2048 bits. More does not fit into what DNS answers carry
/// without trouble.
const RSA_BITS: usize = 2048;

/// What precedes the 32 bytes of an Ed25519 key (RFC 8410, 7). ring itself only writes version 2.
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The private key to be stored, and the public key as the DNS has it, before base 64.
type Made = (Zeroizing<Vec<u8>>, Vec<u8>);

/// A key that is ready to sign.
pub(super) enum PrivateKey {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 6376, 3.3.2).
    Rsa(RsaKeyPair),
    /// RFC 8463.
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Reads what [`make`] made.
    pub(super) fn read(algorithm: SignatureAlgorithm, der: &[u8]) -> Result<Self, MailError> {
        match algorithm {
            SignatureAlgorithm::Rsa => RsaKeyPair::from_pkcs8(der).map(Self::Rsa),
            // "Unchecked" is that no public key stands beside it to check it with.
            SignatureAlgorithm::Ed25519 => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519)
            }
        }
        .map_err(|error| MailError::Key(error.to_string()))
    }

    /// The signature of these bytes.
    pub(super) fn sign(&self, data: &[u8]) -> Result<Vec<u8>, MailError> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    data,
                    &mut signature,
                )
                .map_err(|error| MailError::Key(error.to_string()))?;
                Ok(signature)
            }
            // The hash is what is signed (RFC 8463, 3).
            Self::Ed25519(key) => Ok(key.sign(&Sha256::digest(data)).as_ref().to_vec()),
        }
    }
}

/// Makes a pair of keys.
pub(super) fn make(algorithm: SignatureAlgorithm) -> Result<Made, MailError> {
    match algorithm {
        SignatureAlgorithm::Rsa => make_rsa(),
        SignatureAlgorithm::Ed25519 => make_ed25519(),
    }
}

fn make_rsa() -> Result<Made, MailError> {
    let key = rsa::PrivateKey::new(&mut rand::rngs::SysRng, RSA_BITS)
        .map_err(|error| MailError::Key(error.to_string()))?;
    let private = key
        .to_pkcs8_der()
        .map_err(|error| MailError::Key(error.to_string()))?;
    // RFC 6376, 3.6.1: what other programs write too is SubjectPublicKeyInfo.
    let public = key
        .to_public_key()
        .to_public_key_der()
        .map_err(|error| MailError::Key(error.to_string()))?;
    Ok((private.to_bytes(), public.into_vec()))
}

fn make_ed25519() -> Result<Made, MailError> {
    let mut private = Zeroizing::new(Vec::from(ED25519_PREFIX));
    private.resize(ED25519_PREFIX.len() + 32, 0);
    SystemRandom::new()
        .fill(&mut private[ED25519_PREFIX.len()..])
        .map_err(|error| MailError::Key(error.to_string()))?;
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private)
        .map_err(|error| MailError::Key(error.to_string()))?;
    // RFC 8463, 4.2: the 32 bytes themselves.
    let public = key.public_key().as_ref().to_vec();
    Ok((private, public))
}
