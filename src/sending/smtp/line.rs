//! One connection to a mail server, and the handing over of one mail after the other.

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::SmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};

use super::content::Content;
use super::reply::Reply;
use super::{Server, Trouble};
use crate::domain::bounce::BounceReason;

/// What became of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it.
    Handed,
    /// The server won't ever take it.
    Refused {
        /// Its codes; none if it can't be written to this address.
        codes: Option<String>,
        /// What it refused.
        reason: BounceReason,
    },
    /// The server did not take it now.
    Later {
        /// Its codes; none if it hung up.
        codes: Option<String>,
        /// Whether that holds for all addresses of the domain.
        domain: bool,
    },
    /// It was sent, and nobody knows whether the server took it: the connection ended before the
    /// reply.
    Uncertain,
    /// Not about this mail: the server takes nothing now.
    Trouble(Trouble),
}

/// A connection that is made when it is needed, and kept from mail to mail.
pub struct Line {
    server: Server,
    conn: Option<SmtpConnection>,
}

/// How handing over ended before anything of the mail was sent.
enum Ended {
    With(Outcome),
    /// The connection is gone, and with it the server's memory of this mail.
    Lost(Outcome),
}

impl Line {
    /// Not connected yet.
    pub const fn new(server: Server) -> Self {
        Self { server, conn: None }
    }

    /// Connects, unless it is connected.
    ///
    /// # Errors
    /// What keeps all mails from going out.
    pub fn connect(&mut self) -> Result<(), Trouble> {
        if self.conn.is_none() {
            self.conn = Some(self.server.open()?);
        }
        Ok(())
    }

    /// Hands a mail over. A connection that turns out to be gone before anything of the mail was
    /// sent is made anew, once.
    pub fn hand_over(&mut self, envelope: &Envelope, message: &[u8]) -> Outcome {
        let kept = self.conn.is_some();
        match self.attempt(envelope, message) {
            Err(Ended::Lost(_)) if kept => match self.attempt(envelope, message) {
                Ok(outcome) | Err(Ended::With(outcome) | Ended::Lost(outcome)) => outcome,
            },
            Ok(outcome) | Err(Ended::With(outcome) | Ended::Lost(outcome)) => outcome,
        }
    }

    /// Says goodbye.
    pub fn quit(mut self) {
        if let Some(mut conn) = self.conn.take() {
            let _ = conn.quit();
        }
    }

    fn attempt(&mut self, envelope: &Envelope, message: &[u8]) -> Result<Outcome, Ended> {
        if let Err(trouble) = self.connect() {
            return Err(Ended::With(Outcome::Trouble(trouble)));
        }
        let Some(conn) = &mut self.conn else {
            return Err(Ended::With(Outcome::Trouble(Trouble::Unreachable)));
        };
        let outcome = begin(conn, envelope, message);
        if let Err(ended) = outcome {
            if matches!(ended, Ended::Lost(_)) {
                self.drop_connection();
            } else if conn.command(Rset).is_err() {
                // The next mail needs a connection without this one's traces.
                self.drop_connection();
            }
            return Err(ended);
        }
        let _ = conn.set_timeout(Some(self.server.patience.mail));
        let replied = match std::str::from_utf8(message) {
            Ok(text) => conn.command(Content(text)),
            Err(_) => conn.message(message),
        };
        let _ = conn.set_timeout(Some(self.server.patience.command));
        let Err(error) = replied else {
            return Ok(Outcome::Handed);
        };
        let reply = Reply::of(&error);
        if reply.as_ref().is_none_or(|reply| reply.basic == 421) {
            self.drop_connection();
        }
        Ok(reply.map_or(Outcome::Uncertain, judged))
    }

    fn drop_connection(&mut self) {
        if let Some(mut conn) = self.conn.take() {
            conn.abort();
        }
    }
}

/// Everything before the mail itself. Whatever happens here, the server has not got it.
fn begin(conn: &mut SmtpConnection, envelope: &Envelope, message: &[u8]) -> Result<(), Ended> {
    let unsendable = || {
        Err(Ended::With(Outcome::Refused {
            codes: None,
            reason: BounceReason::Unknown,
        }))
    };
    let mut parameters = Vec::new();
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    if !addresses.all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        if !conn.server_info().supports_feature(Extension::SmtpUtfEight) {
            return unsendable();
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        if !conn.server_info().supports_feature(Extension::EightBitMime) {
            return unsendable();
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    conn.command(Mail::new(envelope.from().cloned(), parameters))
        .map_err(|error| about_the_sender(&error))?;
    for to in envelope.to() {
        conn.command(Rcpt::new(to.clone(), Vec::new()))
            .map_err(|error| about_the_mail(&error))?;
    }
    conn.command(Data).map_err(|error| about_the_mail(&error))?;
    Ok(())
}

/// What a refused MAIL means: it is the same for every mail.
fn about_the_sender(error: &Error) -> Ended {
    match Reply::of(error) {
        None => Ended::Lost(Outcome::Trouble(Trouble::Silent)),
        Some(reply) if reply.basic == 421 => {
            Ended::Lost(Outcome::Trouble(Trouble::Busy(reply.codes)))
        }
        Some(reply) if reply.is_about_signing_in() => {
            Ended::With(Outcome::Trouble(Trouble::SignIn(reply.codes)))
        }
        Some(reply) if reply.is_final() => {
            Ended::With(Outcome::Trouble(Trouble::Sender(reply.codes)))
        }
        Some(reply) => Ended::With(Outcome::Trouble(Trouble::Busy(reply.codes))),
    }
}

fn about_the_mail(error: &Error) -> Ended {
    match Reply::of(error) {
        None => Ended::Lost(Outcome::Later {
            codes: None,
            domain: false,
        }),
        Some(reply) if reply.is_about_signing_in() => {
            Ended::With(Outcome::Trouble(Trouble::SignIn(reply.codes)))
        }
        // The server hangs up (RFC 5321, 3.8).
        Some(reply) if reply.basic == 421 => Ended::Lost(judged(reply)),
        Some(reply) => Ended::With(judged(reply)),
    }
}

fn judged(reply: Reply) -> Outcome {
    if reply.is_final() {
        Outcome::Refused {
            codes: Some(reply.codes),
            reason: reply.reason,
        }
    } else {
        Outcome::Later {
            domain: reply.speaks_for_the_domain(),
            codes: Some(reply.codes),
        }
    }
}
