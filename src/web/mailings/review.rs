//! The *Prüfung* of a mailing, for the pages that show it.

use crate::db::models::mailings::{self, Mailing};
use crate::mail::check::{Finding, can_be_sent};
use crate::sending::review;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::state::State;

/// Looks a saved mailing over.
pub async fn of(
    signed_in: &SignedIn,
    state: &State,
    mailing: &Mailing,
) -> Result<Vec<Finding>, WebError> {
    let account_id = signed_in.account_id();
    let mailing = mailing.clone();
    state
        .read(move |conn| review::review(conn, account_id, &mailing))
        .await
}

/// Lets only a mailing pass in which nothing was found that keeps it from being sent.
///
/// # Errors
/// [`WebError::Conflict`] otherwise.
pub async fn pass(signed_in: &SignedIn, state: &State, id: i64) -> Result<(), WebError> {
    let account_id = signed_in.account_id();
    let findings = state
        .read(move |conn| {
            let mailing = mailings::find(conn, account_id, id)?;
            review::review(conn, account_id, &mailing)
        })
        .await?;
    if can_be_sent(&findings) {
        Ok(())
    } else {
        Err(WebError::Conflict(
            "Die Prüfung hat Fehler gefunden. Beheben Sie sie, bevor Sie das E-Mailing senden.",
        ))
    }
}
