//! A single mail that is sent at once, outside of any mailing's deliveries: a test mail, the
//! question whether somebody really wants to sign up.
//!
//! Where it goes is the account's transport: its mail server, once one is set up; else the
//! *Postausgang*. Nothing is counted and nothing repeated: whoever asked is told how it went.

use crate::db::models::outbox::{self as table, Letter as Row};
use crate::db::{Db, DbError};
use crate::domain::sealed::Sealer;
use crate::domain::secret::{hex, random_128};
use crate::domain::time::Timestamp;

use super::outbox::Outbox;

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
    into_outbox(post, account_id, letter, now).map(Route::Outbox)
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
