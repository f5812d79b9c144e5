//! Somebody sent a form.

use super::{hash_of, key_of};
use crate::db::models::signup_forms::SignupForm;
use crate::db::models::signups::{self, Wish};
use crate::db::{Conn, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;

const MINUTE: i64 = 60_000;

/// What was sent.
pub struct Asked<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// Whether the box for personal tracking was ticked; none where the form had none.
    pub tracking: Option<bool>,
}

/// How long after one mail to an address a form sends it the next: so nobody can fill a stranger's
/// mailbox with our mails. In milliseconds.
const fn pause_after(mails: i64) -> i64 {
    match mails {
        ..=1 => 10 * MINUTE,
        2 => 60 * MINUTE,
        _ => 24 * 60 * MINUTE,
    }
}

/// Keeps the wish until it is confirmed or runs out, its mail due at once. Where a mail has gone to
/// that address a short time ago, nothing happens. Nothing of this depends on whether the address
/// is a recipient's: that is looked up when the mail is written, which only its reader sees.
pub fn ask(
    conn: &mut Conn,
    form: &SignupForm,
    asked: &Asked<'_>,
    secret: &Key,
    now: Timestamp,
) -> DbResult<()> {
    let address_key = asked.address.key();
    let key = key_of(secret, form.id, address_key, now);
    let wish = Wish {
        address: asked.address.as_typed(),
        address_key,
        first_name: asked.first_name,
        last_name: asked.last_name,
        key_hash: hash_of(&key),
        tracking_agreed: asked.tracking == Some(true),
        consent_wording: &form.consent_wording,
        tracking_wording: match asked.tracking {
            Some(_) => &form.tracking_wording,
            None => "",
        },
        expires_at: now.plus_millis(form.valid_hours * 60 * MINUTE),
    };
    match signups::of_address_at(conn, form.account_id, form.id, address_key)? {
        None => signups::create(conn, form.account_id, form.id, &wish, now),
        Some(older) if now.millis() - older.created_at < pause_after(older.mails) => Ok(()),
        Some(older) => signups::renew(conn, &older, &wish, now),
    }
}
