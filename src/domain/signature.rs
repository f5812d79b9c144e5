//! How mails are signed.

use super::stored_as_word;

stored_as_word! {
    /// The algorithm of a signature (DKIM).
    SignatureAlgorithm {
        /// RSA with 2048 bits, which every mailbox provider checks (RFC 8301, 3.2).
        Rsa => "rsa",
        /// Ed25519, short and new (RFC 8463): not all providers check it yet.
        Ed25519 => "ed25519",
    }
}

impl SignatureAlgorithm {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Rsa, Self::Ed25519];

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Rsa => "RSA mit 2048 Bit",
            Self::Ed25519 => "Ed25519",
        }
    }
}
