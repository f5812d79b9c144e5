//! *Verbindung testen*: tries a mail server while somebody waits, and says precisely what failed.
//!
//! The server is the administrator's own setting, so any address may be tried. What comes back is
//! one of the words below and the codes of a reply, never what the other side wrote.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use lettre::address::Envelope;
use tokio::sync::{Semaphore, oneshot};
use url::Url;

use super::smtp::{Line, Outcome, Patience, Server, Trouble};
use crate::db::models::smtp_settings::SmtpSettings;
use crate::domain::sealed::Sealer;

/// How long somebody waits for the whole of it.
pub const TIME_LIMIT: Duration = Duration::from_secs(15);

/// For each step, so that the slow one can be named.
const STEP: Duration = Duration::from_secs(10);

/// How many are tried at the same time: a thread that waits for a server that never answers can't
/// be ended, only outlived.
static ATTEMPTS: Semaphore = Semaphore::const_new(8);

/// A server to be tried.
pub struct Probe {
    host: String,
    port: u16,
    server: Server,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The name is not known.
    UnknownName,
    /// The machine is there and refuses connections on this port.
    NobodyListens,
    /// The machine does not answer, or there is no way to it.
    NoAnswer,
    /// The time is over.
    TooSlow,
    /// Too many are being tried.
    TooMany,
    /// The server itself, or signing in there.
    Trouble(Trouble),
    /// The server does not take this mail, with its codes.
    MailRefused(String),
    /// The connection ended after the mail was sent.
    Uncertain,
}

impl Problem {
    /// What an administrator reads: what is the matter, and what can be done.
    pub fn in_german(&self) -> String {
        match self {
            Self::UnknownName => "Der Name des Servers ist unbekannt (keine Antwort vom DNS). Bitte prüfen Sie die Schreibweise.".to_owned(),
            Self::NobodyListens => "Der Server lehnt Verbindungen auf diesem Port ab. Bitte prüfen Sie den Port, und ob der Mailserver läuft.".to_owned(),
            Self::NoAnswer => "Der Server antwortet nicht. Bitte prüfen Sie Namen und Port, und ob eine Firewall im Weg ist.".to_owned(),
            Self::TooSlow => format!("Der Server hat nicht innerhalb von {} Sekunden geantwortet. Oft sind Port und Verschlüsselung vertauscht: TLS gehört zu Port 465, STARTTLS zu Port 587.", TIME_LIMIT.as_secs()),
            Self::TooMany => "Es laufen gerade zu viele Tests. Bitte versuchen Sie es in einer Minute noch einmal.".to_owned(),
            Self::Trouble(trouble) => trouble.in_german(),
            Self::MailRefused(codes) if codes.is_empty() => "Der Mailserver nimmt diese E-Mail nicht an.".to_owned(),
            Self::MailRefused(codes) => format!("Der Mailserver nimmt diese E-Mail nicht an (Antwort {codes}). Bitte prüfen Sie Absender und Empfänger."),
            Self::Uncertain => "Die Verbindung ist abgebrochen, bevor der Mailserver geantwortet hat. Ob die E-Mail ankommt, ist ungewiss.".to_owned(),
        }
    }
}

impl Probe {
    /// The server of these settings.
    ///
    /// # Errors
    /// [`Problem::Trouble`] if the settings can't be used.
    pub fn new(
        settings: &SmtpSettings,
        account_id: i64,
        sealer: &Sealer,
        public_url: &Url,
    ) -> Result<Self, Problem> {
        let patience = Patience {
            connect: STEP,
            command: STEP,
            mail: STEP,
        };
        Ok(Self {
            host: settings.host.clone(),
            port: u16::try_from(settings.port).map_err(|_| Problem::Trouble(Trouble::Settings))?,
            server: Server::new(settings, account_id, sealer, public_url, patience)
                .map_err(Problem::Trouble)?,
        })
    }

    /// Connects, changes to TLS, signs in, and says goodbye.
    pub fn connect(&self) -> Result<(), Problem> {
        self.reach()?;
        self.server.test().map_err(Problem::Trouble)
    }

    /// Sends one mail.
    pub fn send(&self, envelope: &Envelope, message: &[u8]) -> Result<(), Problem> {
        self.reach()?;
        let mut line = Line::new(self.server.clone());
        let outcome = line.hand_over(envelope, message);
        line.quit();
        match outcome {
            Outcome::Handed => Ok(()),
            Outcome::Refused { codes, .. } | Outcome::Later { codes, .. } => {
                Err(Problem::MailRefused(codes.unwrap_or_default()))
            }
            Outcome::Uncertain => Err(Problem::Uncertain),
            Outcome::Trouble(trouble) => Err(Problem::Trouble(trouble)),
        }
    }

    /// Whether there is a way to the server at all: what the mail library tells in one word.
    fn reach(&self) -> Result<(), Problem> {
        let addresses: Vec<SocketAddr> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|_| Problem::UnknownName)?
            .collect();
        let mut problem = Problem::UnknownName;
        for address in addresses {
            match TcpStream::connect_timeout(&address, STEP) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    problem = Problem::NobodyListens;
                }
                Err(_) => problem = Problem::NoAnswer,
            }
        }
        Err(problem)
    }
}

/// Does that on a thread of its own, and waits for [`TIME_LIMIT`] at most.
pub async fn in_time(
    attempt: impl FnOnce() -> Result<(), Problem> + Send + 'static,
) -> Result<(), Problem> {
    let Ok(permit) = ATTEMPTS.try_acquire() else {
        return Err(Problem::TooMany);
    };
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("mail server test".into());
    let started = thread.spawn(move || {
        // Nobody may be waiting any more.
        let _ = tell.send(attempt());
        drop(permit);
    });
    if started.is_err() {
        return Err(Problem::TooMany);
    }
    match tokio::time::timeout(TIME_LIMIT, told).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Problem::Uncertain),
        Err(_) => Err(Problem::TooSlow),
    }
}
