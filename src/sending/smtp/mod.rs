//! An account's mail server: connections to it, and what its replies mean (RFC 5321).
//!
//! * [`Server`] is what the account has set up, ready to be connected to.
//! * [`Line`] is one connection, kept from mail to mail, and what became of each.
//! * [`Trouble`] is what keeps all mails from going out; [`Outcome`] is about one mail.
//!
//! Of a reply only its codes are kept: its words may hold an address.

mod connection;
mod content;
mod line;
mod reply;
mod trouble;

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use url::{Host, Url};

use crate::db::models::smtp_settings::{SmtpSettings, place};
use crate::domain::sealed::Sealer;
use crate::domain::server::Encryption;

pub use line::{Line, Outcome};
pub use trouble::Trouble;

/// How long is waited for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, and for what it says first.
    pub connect: Duration,
    /// For the answer to a command.
    pub command: Duration,
    /// For the answer to a whole mail, which the server may look at meanwhile.
    pub mail: Duration,
}

impl Default for Patience {
    /// RFC 5321, 4.5.3.2 asks for five and ten minutes; a server that needs a minute for a
    /// connection is no use.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_mins(5),
            mail: Duration::from_mins(10),
        }
    }
}

/// A mail server as an account has set it up.
#[derive(Clone)]
pub struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
    hello: ClientId,
    patience: Patience,
}

impl std::fmt::Debug for Server {
    /// Names neither user nor password (rule P8).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// The server of these settings. `public_url` gives the name that the installation greets with.
    ///
    /// # Errors
    /// [`Trouble::Settings`] if the password was sealed under another secret.
    pub fn new(
        settings: &SmtpSettings,
        account_id: i64,
        sealer: &Sealer,
        public_url: &Url,
        patience: Patience,
    ) -> Result<Self, Trouble> {
        let credentials = if settings.username.is_empty() {
            None
        } else {
            let password = match &settings.password {
                Some(kept) => sealer
                    .open(&place(account_id), kept)
                    .map_err(|_| Trouble::Settings)?,
                None => Vec::new().into(),
            };
            let password = String::from_utf8_lossy(&password).into_owned();
            Some(Credentials::new(settings.username.clone(), password))
        };
        Ok(Self {
            host: settings.host.clone(),
            port: u16::try_from(settings.port).map_err(|_| Trouble::Settings)?,
            encryption: settings.encryption,
            credentials,
            hello: match public_url.host() {
                Some(Host::Domain(name)) if name.contains('.') => ClientId::Domain(name.to_owned()),
                _ => ClientId::default(),
            },
            patience,
        })
    }

    /// Connects, signs in and says goodbye: *Verbindung testen*.
    ///
    /// # Errors
    /// What keeps mails from going out.
    pub fn test(&self) -> Result<(), Trouble> {
        let mut line = Line::new(self.clone());
        line.connect()?;
        line.quit();
        Ok(())
    }
}
