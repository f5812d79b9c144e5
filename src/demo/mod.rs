//! The example account: a bookshop with thousands of recipients, a year of mailings, and readers
//! who open and click.
//!
//! Nothing is put into the tables that the product would not put there itself: mailings are sent
//! by [`crate::sending`] with a clock of the past, hits are stored by
//! [`crate::tracking::recorder::store`], consents, objections, bounces and pseudonymisation go
//! their usual ways. So
//! every figure of the example's reports is right, and every rule holds for its people, too.
//!
//! An account of hundreds of thousands has most of its people from [`crowd`]: they come and are
//! written to many at a time, and their hits are stored like all others.
//!
//! * [`background`]: filling while the server runs.
//! * [`names`], [`people`]: who they are. [`texts`], [`calendar`]: what they are sent, and when.
//! * [`readers`]: what they do with a mail. [`returns`]: what comes back. [`said`]: what they say about
//!   tracking. [`nowhere`]: where old mails go. [`story`]: all of it in the order of time.
//!
//! The same number of recipients on the same day gives the same story (a fixed seed); keys and
//! pseudonyms are random all the same, as everywhere.

mod background;
mod calendar;
mod crowd;
mod names;
mod nowhere;
mod people;
mod readers;
mod returns;
mod said;
mod story;
mod texts;

use url::Url;

use crate::db::models::accounts;
use crate::db::models::audit::Actor;
use crate::db::models::users::{self, NewUser};
use crate::db::{Conn, Db, DbError, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::role::Roles;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::erasure::cleanup::Cleaner;
use crate::mail::MailError;
use crate::sending::SendError;
use crate::sending::outbox::Outbox;
use crate::tracking::links::LinkCache;
use crate::tracking::token::TokenKeys;

pub use background::{Background, Stage};
pub use story::fill;

/// The name of the example account.
pub const ACCOUNT: &str = "Buchhandlung Lindenhof";

/// The name of its administrator.
pub const ADMIN: &str = "Lena Lindenhof";

/// The address its administrator signs in with.
pub const EMAIL: &str = "demo@example.org";

/// How many recipients it has, unless told otherwise.
pub const RECIPIENTS: usize = 3_000;

/// The most recipients it may have.
pub const MOST_RECIPIENTS: usize = 20_000_000;

/// The most opens and clicks that its newest mailing may be given.
pub const MOST_EVENTS: u64 = 1_000_000_000;

/// Up to so many, all recipients live through the whole story. Of more, as many as there are
/// unless told otherwise do, and the others only read.
const MOST_IN_STORY: usize = 50_000;

/// How large an example account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many recipients there are.
    pub recipients: usize,
    /// How many of them live through the year's story.
    pub in_story: usize,
    /// How many opens and clicks the newest mailing to all has; 0 leaves that to the people.
    pub events: u64,
}

impl Size {
    /// So many recipients, who read as they like.
    pub const fn of(recipients: usize) -> Self {
        let in_story = if recipients > MOST_IN_STORY {
            RECIPIENTS
        } else {
            recipients
        };
        Self {
            recipients,
            in_story,
            events: 0,
        }
    }
}

/// For how many days the account has existed when it is made.
const AGE_DAYS: i64 = 3 * 365;

/// What filling works with.
pub struct Kit {
    /// The database.
    pub db: Db,
    /// Links of sent mailings.
    pub links: LinkCache,
    /// The keys of the tokens in mails.
    pub tokens: TokenKeys,
    /// Under which address readers reach this installation.
    pub public_url: Url,
    /// Takes the newest mailing's mails.
    pub outbox: Outbox,
    /// The key for remembered addresses (rule P9).
    pub remembering: Key,
    /// Takes the addresses of deleted people out of the files.
    pub cleaner: Cleaner,
}

/// The new account, and who administers it.
#[derive(Debug, Clone)]
pub struct Made {
    /// The account.
    pub account_id: i64,
    /// The administrator.
    pub user_id: i64,
}

impl Made {
    /// The administrator, as the audit log names them.
    pub fn admin(&self) -> Actor {
        Actor::User {
            id: self.user_id,
            name: ADMIN.to_owned(),
        }
    }
}

/// Makes the account, still empty, with its administrator; [`DbError::Duplicate`] when it is there
/// already.
pub fn create(conn: &mut Conn, password_hash: &str, now: Timestamp) -> DbResult<Made> {
    let began = now.plus_days(-AGE_DAYS);
    let email = EmailAddress::parse(EMAIL).map_err(|_| DbError::Refused("no address"))?;
    let account_id = accounts::create(conn, ACCOUNT, began)?;
    let new = NewUser {
        email: &email,
        name: ADMIN,
        roles: Roles::ADMIN,
        password_hash,
    };
    let user_id = users::create(conn, account_id, &new, began)?;
    Ok(Made {
        account_id,
        user_id,
    })
}

/// How far filling has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: usize,
    /// Steps altogether.
    pub total: usize,
}

/// Why the example account could not be filled to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The database refuses.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A mailing could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A text could not be made.
    #[error(transparent)]
    Text(#[from] askama::Error),
    /// A mailing's links could not be read.
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// A new password from the operating system's random bits: four groups of four letters and
/// digits that can't be mistaken for each other (79 bits).
///
/// # Errors
/// Fails when the operating system gives no random bits.
pub fn new_password() -> Result<String, getrandom::Error> {
    // 31 characters: a byte above the last whole multiple of 31 would favour the first ones.
    const LETTERS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    const LARGEST: u8 = 247;
    let mut password = String::with_capacity(19);
    let mut letters = 0;
    while letters < 16 {
        let mut byte = [0];
        getrandom::fill(&mut byte)?;
        if byte[0] > LARGEST {
            continue;
        }
        if letters > 0 && letters % 4 == 0 {
            password.push('-');
        }
        password.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        letters += 1;
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_each_is_another() {
        let (one, other) = (new_password().unwrap(), new_password().unwrap());
        assert_eq!(one.len(), 19);
        assert_ne!(one, other);
        assert!(one.split('-').all(|group| group.len() == 4));
    }
}
