//! Keys that sign an account's mails (DKIM).
//!
//! A domain may have several keys of one algorithm, of which one at most is active: a new one is
//! made and published in the DNS first, and takes over when that is known everywhere.

use diesel::prelude::*;

use crate::db::schema::dkim_keys;
use crate::db::{Conn, DbError, DbResult};
use crate::domain::signature::SignatureAlgorithm;
use crate::domain::time::Timestamp;

/// A key as it is kept.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = dkim_keys)]
pub struct DkimKey {
    /// Its number.
    pub id: i64,
    /// Mails from addresses of this domain are signed; in ASCII (IDNA).
    pub domain: String,
    /// What it signs with.
    pub algorithm: SignatureAlgorithm,
    /// Its name in the DNS: `selector._domainkey.domain` (RFC 6376, 3.6.2.1).
    pub selector: String,
    /// The private key, sealed for its [`place`].
    pub private_key: Vec<u8>,
    /// The public key, in base 64.
    pub public_key: String,
    /// Whether mails are signed with it.
    pub active: bool,
    /// When it was made, in milliseconds.
    pub created_at: i64,
}

/// A key to be kept.
pub struct NewDkimKey<'a> {
    /// See [`DkimKey::domain`].
    pub domain: &'a str,
    /// See [`DkimKey::algorithm`].
    pub algorithm: SignatureAlgorithm,
    /// See [`DkimKey::selector`].
    pub selector: &'a str,
    /// See [`DkimKey::private_key`].
    pub private_key: &'a [u8],
    /// See [`DkimKey::public_key`].
    pub public_key: &'a str,
}

/// For which place a private key is sealed (see [`crate::domain::sealed::Sealer`]).
pub fn place(account_id: i64, domain: &str, selector: &str) -> String {
    format!("dkim/{account_id}/{domain}/{selector}")
}

/// All keys of the account, domain by domain, the newest first.
pub fn of_account(conn: &mut Conn, account_id: i64) -> DbResult<Vec<DkimKey>> {
    Ok(dkim_keys::table
        .filter(dkim_keys::account_id.eq(account_id))
        .order((
            dkim_keys::domain.asc(),
            dkim_keys::algorithm.desc(),
            dkim_keys::id.desc(),
        ))
        .select(DkimKey::as_select())
        .load(conn)?)
}

/// The keys that sign mails from this domain: one of each algorithm at most, RSA first.
pub fn active(conn: &mut Conn, account_id: i64, domain: &str) -> DbResult<Vec<DkimKey>> {
    Ok(dkim_keys::table
        .filter(dkim_keys::account_id.eq(account_id))
        .filter(dkim_keys::domain.eq(domain))
        .filter(dkim_keys::active.eq(true))
        .order(dkim_keys::algorithm.desc())
        .select(DkimKey::as_select())
        .load(conn)?)
}

/// One key.
pub fn find(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<DkimKey> {
    Ok(dkim_keys::table
        .filter(dkim_keys::account_id.eq(account_id))
        .filter(dkim_keys::id.eq(id))
        .select(DkimKey::as_select())
        .first(conn)?)
}

/// Keeps a new key, which signs nothing yet.
pub fn add(conn: &mut Conn, account_id: i64, key: &NewDkimKey<'_>, now: Timestamp) -> DbResult<()> {
    diesel::insert_into(dkim_keys::table)
        .values((
            dkim_keys::account_id.eq(account_id),
            dkim_keys::domain.eq(key.domain),
            dkim_keys::algorithm.eq(key.algorithm.as_str()),
            dkim_keys::selector.eq(key.selector),
            dkim_keys::private_key.eq(key.private_key),
            dkim_keys::public_key.eq(key.public_key),
            dkim_keys::active.eq(false),
            dkim_keys::created_at.eq(now.millis()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Lets a key sign in place of the one of its algorithm that did so far.
pub fn activate(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<DkimKey> {
    let key = find(conn, account_id, id)?;
    diesel::update(
        dkim_keys::table
            .filter(dkim_keys::account_id.eq(account_id))
            .filter(dkim_keys::domain.eq(&key.domain))
            .filter(dkim_keys::algorithm.eq(key.algorithm.as_str())),
    )
    .set(dkim_keys::active.eq(dkim_keys::id.eq(id)))
    .execute(conn)?;
    Ok(key)
}

/// Lets a key sign no longer; it is kept.
pub fn deactivate(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<DkimKey> {
    let key = find(conn, account_id, id)?;
    diesel::update(
        dkim_keys::table
            .filter(dkim_keys::account_id.eq(account_id))
            .filter(dkim_keys::id.eq(id)),
    )
    .set(dkim_keys::active.eq(false))
    .execute(conn)?;
    Ok(key)
}

/// Removes a key that signs nothing.
///
/// # Errors
/// [`DbError::Refused`] while it signs.
pub fn remove(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<DkimKey> {
    let key = find(conn, account_id, id)?;
    let removed = diesel::delete(
        dkim_keys::table
            .filter(dkim_keys::account_id.eq(account_id))
            .filter(dkim_keys::id.eq(id))
            .filter(dkim_keys::active.eq(false)),
    )
    .execute(conn)?;
    if removed == 0 {
        return Err(DbError::Refused("the key signs mails"));
    }
    Ok(key)
}
