//! Other people's servers: those that take mails, and those that hold what comes back.

use super::stored_as_word;

stored_as_word! {
    /// How the connection to a mail server is protected.
    Encryption {
        /// TLS from the first byte (RFC 8314).
        Tls => "tls",
        /// Begins in the clear and must change to TLS before anything is said (RFC 3207, RFC 2595).
        StartTls => "starttls",
        /// Not at all: for servers on the same machine.
        None => "none",
    }
}

impl Encryption {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::StartTls => "STARTTLS",
            Self::None => "keine",
        }
    }
}
