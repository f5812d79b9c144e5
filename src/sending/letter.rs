//! A single mail that is sent at once, outside of any mailing's deliveries: a test mail, the
//! question whether somebody really wants to sign up.
//!
//! Where it goes is the account's transport: its mail server, once one is set up; else the
//! *Postausgang*. Nothing is counted and nothing repeated: whoever asked is told how it went.

use std::time::Duration;

use lettre::Address;
use lettre::address::Envelope;
use url::Url;

use crate::db::models::outbox::{self as table, Letter as Row};
use crate::db::models::smtp_settings;
use crate::db::{Db, DbError};
use crate::domain::sealed::Sealer;
use crate::domain::secret::{hex, random_128};
use crate::domain::time::Timestamp;

use super::outbox::Outbox;
use super::smtp::{Line, Outcome, Patience, Server, Trouble};

/// A composed message and what it belongs to. Holds an address, so it has no `Debug` (rule P8).
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// The mailing that it tries out, if any.
    pub mailing_id: Option<i64>,
    /// The wish to sign up that it asks about, if any: it goes when that goes.
    pub signup_id: Option<i64>,
    /// The sender of the envelope (RFC 5321, 4.1.1.2).
    pub from: &'a str,
    /// To whom it goes.
    pub to: &'a str,
    /// The message (RFC 5322), with CRLF line ends.
    pub message: &'a [u8],
}

/// What sending a letter needs.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// The database.
    pub db: &'a Db,
    /// The built-in *Postausgang*.
    pub outbox: &'a Outbox,
    /// Opens the password of the account's mail server.
    pub sealer: &'a Sealer,
    /// Under which address the installation is reached: the name it greets a mail server with.
    pub public_url: &'a Url,
}

/// Where a letter went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Into the *Postausgang*, under this number.
    Outbox(i64),
    /// To the account's mail server, which took it.
    Server,
}

/// Why a letter could not be sent. No message holds an address.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file could not be written.
    #[error("the outbox takes nothing: {0:?}")]
    Outbox(std::io::ErrorKind),
    /// The mail server takes nothing now.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The mail server refused this mail, with its codes.
    #[error("the mail was refused ({0})")]
    Refused(String),
    /// Nobody knows whether the mail server took it.
    #[error("the connection ended before the reply")]
    Uncertain,
    /// No mail server is switched on.
    #[error("no mail server is switched on")]
    NoServer,
}

impl LetterError {
    /// What the person who asked for the mail reads.
    pub fn in_german(&self) -> String {
        match self {
            Self::Db(_) => "Die Datenbank ist gerade nicht erreichbar.".to_owned(),
            Self::Outbox(_) => "Der Postausgang kann gerade nicht beschrieben werden.".to_owned(),
            Self::Trouble(trouble) => trouble.in_german(),
            Self::Refused(codes) if codes.is_empty() => {
                "Der Mailserver nimmt diese E-Mail nicht an.".to_owned()
            }
            Self::Refused(codes) => {
                format!("Der Mailserver nimmt diese E-Mail nicht an (Antwort {codes}).")
            }
            Self::NoServer => "Es ist kein Mailserver eingeschaltet.".to_owned(),
            Self::Uncertain => "Die Verbindung zum Mailserver ist abgebrochen, bevor er geantwortet hat. Ob die E-Mail angekommen ist, ist ungewiss.".to_owned(),
        }
    }
}

/// Sends a letter now.
///
/// # Errors
/// What kept it from being sent; then nothing of it is left behind.
pub fn send_now(
    post: &Post<'_>,
    account_id: i64,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<Route, LetterError> {
    match server(post, account_id)? {
        Some(server) => to_server(server, letter).map(|()| Route::Server),
        None => into_outbox(post, account_id, letter, now).map(Route::Outbox),
    }
}

/// Sends a letter now by the account's mail server, and never into the *Postausgang*: for what
/// nobody but its recipient may read.
///
/// # Errors
/// What kept it from being sent: [`LetterError::NoServer`] where no mail server is switched on.
pub fn send_by_server(
    post: &Post<'_>,
    account_id: i64,
    letter: &Letter<'_>,
) -> Result<(), LetterError> {
    let server = server(post, account_id)?.ok_or(LetterError::NoServer)?;
    to_server(server, letter)
}

/// The account's mail server, if mails go to one.
fn server(post: &Post<'_>, account_id: i64) -> Result<Option<Server>, LetterError> {
    let settings = post
        .db
        .read(|conn| smtp_settings::find(conn, account_id))?
        .filter(|settings| settings.active);
    let Some(settings) = settings else {
        return Ok(None);
    };
    let patience = Patience {
        // Somebody waits for it.
        connect: Duration::from_secs(10),
        command: Duration::from_secs(20),
        mail: Duration::from_secs(30),
    };
    let server = Server::new(
        &settings,
        account_id,
        post.sealer,
        post.public_url,
        patience,
    )?;
    Ok(Some(server))
}

fn to_server(server: Server, letter: &Letter<'_>) -> Result<(), LetterError> {
    let refused = || LetterError::Refused(String::new());
    let to = address(letter.to).ok_or_else(refused)?;
    let from = address(letter.from).ok_or_else(refused)?;
    let envelope = Envelope::new(Some(from), vec![to]).map_err(|_| refused())?;
    let mut line = Line::new(server);
    let outcome = line.hand_over(&envelope, letter.message);
    line.quit();
    match outcome {
        Outcome::Handed => Ok(()),
        Outcome::Refused { codes, .. } | Outcome::Later { codes, .. } => {
            Err(LetterError::Refused(codes.unwrap_or_default()))
        }
        Outcome::Uncertain => Err(LetterError::Uncertain),
        Outcome::Trouble(trouble) => Err(trouble.into()),
    }
}

/// An address with its domain in ASCII, as SMTP wants it.
fn address(text: &str) -> Option<Address> {
    let (user, domain) = text.rsplit_once('@')?;
    Address::new(user, idna::domain_to_ascii(domain).ok()?).ok()
}

/// Entered first, then written: the sweep of the outbox removes files that no row knows.
fn into_outbox(
    post: &Post<'_>,
    account_id: i64,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<i64, LetterError> {
    let name = random_128().map_err(|e| DbError::Unavailable(e.to_string()))?;
    let file = format!("{}.eml", hex(&name));
    let row = Row {
        mailing_id: letter.mailing_id,
        signup_id: letter.signup_id,
        file: &file,
    };
    let id = post
        .db
        .write(|conn| table::add_letter(conn, account_id, &row, now))?;
    if let Err(error) = post.outbox.write(&file, letter.message) {
        post.db.write(|conn| table::remove(conn, account_id, id))?;
        return Err(LetterError::Outbox(error.kind()));
    }
    Ok(id)
}
