//! Saving a form with settings of the account, unless somebody else saved meanwhile.

use crate::db::models::accounts::{self, Account};
use crate::db::models::audit::Action;
use crate::db::models::last_change::{self, LastChange};
use crate::db::{Conn, DbResult, account_lock};
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::state::State;
use crate::web::versions::{self, Overtaken, Snapshot};

/// A form with settings that came back.
pub(super) struct Sent {
    /// As it was sent.
    pub fields: Fields,
    /// The same, as it can be compared.
    pub mine: Snapshot,
    /// Whose entry in the audit log tells who saved last; none: nothing tells.
    pub acts: &'static [Action],
}

/// Saves a form, in the transaction that looks at what is stored: `kept` reads it, `save` writes.
/// Gives both states where somebody else saved meanwhile.
pub(super) async fn save(
    state: &State,
    account_id: i64,
    sent: Sent,
    kept: impl FnOnce(&mut Conn, &Account) -> DbResult<Snapshot> + Send + 'static,
    save: impl FnOnce(&mut Conn) -> DbResult<()> + Send + 'static,
) -> Result<Option<(Overtaken, LastChange)>, WebError> {
    state
        .write(move |conn| {
            // Before any row: whoever changes tracking settings takes this one first.
            account_lock::exclusive(conn, account_id)?;
            last_change::lock_settings(conn, account_id)?;
            let account = accounts::find(conn, account_id)?;
            let kept = kept(conn, &account)?;
            let Some(both) = versions::compare(&sent.fields, &sent.mine, &kept) else {
                save(conn)?;
                return Ok(None);
            };
            let last = last_change::of_settings(conn, account_id, sent.acts)?;
            Ok(Some((both, last)))
        })
        .await
}

/// A password that was typed is never sent back, so it has to be typed again.
pub(super) fn password_again(sent: &Fields) -> FormErrors {
    if sent.text("password").is_empty() {
        FormErrors::new()
    } else {
        FormErrors::one("password", "Geben Sie das Passwort noch einmal ein.")
    }
}
