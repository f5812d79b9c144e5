//! The users of an account: how they come, change and go, and how they get a new password.
//!
//! * [`invite`]: an invitation, which holds once and for a week.
//! * [`change`]: roles and removal. An administrator always remains.
//! * [`reset`]: a link to a new password, which holds once and for an hour.
//! * [`second_factor`]: codes of an app, and recovery codes.
//! * [`letter`]: the mails with these links. They leave by the account's mail server or not at
//!   all: whoever may read the *Postausgang* could follow a link in it and be somebody else.

pub mod change;
pub mod invite;
pub mod letter;
pub mod reset;
pub mod second_factor;

use serde_json::Value;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::random_key::{KeyHash, new_key};
use crate::domain::time::Timestamp;

/// How the log names whoever acts on the machine itself.
const COMMAND: Actor = Actor::Program("Kommandozeile");

/// The key of a single-use link. It is shown or sent once, and stored nowhere.
pub struct LinkKey(String);

impl LinkKey {
    fn make() -> DbResult<(Self, KeyHash)> {
        let (key, hash) = new_key().map_err(|e| DbError::Unavailable(e.to_string()))?;
        Ok((Self(key), hash))
    }

    /// As it stands in the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn note(
    conn: &mut Conn,
    account_id: i64,
    actor: &Actor,
    (action, details): (Action, Value),
    now: Timestamp,
) -> DbResult<()> {
    let entry = Entry {
        actor,
        action,
        recipient_id: None,
        details,
    };
    audit::record(conn, account_id, &entry, now)
}
