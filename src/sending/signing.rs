//! Which keys sign a mailing's mails.

use crate::db::models::dkim_keys::{self, place};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::sealed::Sealer;
use crate::mail::dkim::Signer;

/// What signs mails from that sender's address: the active keys of its domain; none without one.
/// Reading keys costs more than using them, so this is asked once per mailing.
///
/// # Errors
/// [`DbError::Unreadable`] if a key was sealed under another secret or is damaged: a mail without
/// the signature that was asked for is not sent.
pub fn signer(
    conn: &mut Conn,
    sealer: &Sealer,
    account_id: i64,
    sender_address: &str,
) -> DbResult<Option<Signer>> {
    let Ok(sender) = EmailAddress::parse(sender_address) else {
        return Ok(None);
    };
    let keys = dkim_keys::active(conn, account_id, sender.domain())?;
    if keys.is_empty() {
        return Ok(None);
    }
    let mut signer = Signer::new(sender.domain());
    for key in keys {
        let place = place(account_id, &key.domain, &key.selector);
        let private_key = sealer
            .open(&place, &key.private_key)
            .map_err(|problem| DbError::Unreadable(problem.to_string()))?;
        signer = signer
            .with_key(key.algorithm, &key.selector, &private_key)
            .map_err(|problem| DbError::Unreadable(problem.to_string()))?;
    }
    Ok(Some(signer))
}
