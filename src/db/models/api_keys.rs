//! Keys with which programs use the interface. Looked up by their hash, before the account is
//! known: whoever reads the table has no key.

use diesel::prelude::*;

use super::accounts::Account;
use crate::db::schema::{accounts, api_keys};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::scope::Scopes;
use crate::domain::time::{Hour, Timestamp};

/// SHA-256 of a key.
pub type KeyHash = [u8; 32];

/// A key as it is kept.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub struct ApiKey {
    /// Its number.
    pub id: i64,
    /// What people call it: the program that has it.
    pub name: String,
    /// How the key begins.
    pub beginning: String,
    scopes: i32,
    /// The name of the user who made it.
    pub created_by: String,
    /// When, in milliseconds.
    pub created_at: i64,
    /// Until when it is valid, in milliseconds; without end if none.
    pub expires_at: Option<i64>,
    /// The hour in which it was last used, in milliseconds.
    pub last_used_at: Option<i64>,
    /// When it was revoked, in milliseconds.
    pub revoked_at: Option<i64>,
}

impl ApiKey {
    /// What it allows.
    pub const fn scopes(&self) -> Scopes {
        Scopes::from_bits(self.scopes)
    }

    /// Whether it still opens anything.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now.millis())
    }
}

/// A key to be kept.
pub struct NewApiKey<'a> {
    /// See [`ApiKey::name`].
    pub name: &'a str,
    /// See [`ApiKey::beginning`].
    pub beginning: &'a str,
    /// Its hash.
    pub hash: &'a KeyHash,
    /// See [`ApiKey::scopes`].
    pub scopes: Scopes,
    /// See [`ApiKey::created_by`].
    pub created_by: &'a str,
    /// See [`ApiKey::expires_at`].
    pub expires_at: Option<Timestamp>,
}

/// Keeps a new key.
pub fn add(conn: &mut Conn, account_id: i64, new: &NewApiKey<'_>, now: Timestamp) -> DbResult<i64> {
    Ok(diesel::insert_into(api_keys::table)
        .values((
            api_keys::account_id.eq(account_id),
            api_keys::name.eq(new.name),
            api_keys::beginning.eq(new.beginning),
            api_keys::key_hash.eq(&new.hash[..]),
            api_keys::scopes.eq(new.scopes.bits()),
            api_keys::created_by.eq(new.created_by),
            api_keys::created_at.eq(now.millis()),
            api_keys::expires_at.eq(new.expires_at.map(Timestamp::millis)),
        ))
        .returning(api_keys::id)
        .get_result(conn)?)
}

/// The key with that hash, whatever its state, and its account.
pub fn find_by_hash(conn: &mut Conn, hash: &KeyHash) -> DbResult<Option<(ApiKey, Account)>> {
    Ok(api_keys::table
        .inner_join(accounts::table)
        .filter(api_keys::key_hash.eq(&hash[..]))
        .select((ApiKey::as_select(), Account::as_select()))
        .first(conn)
        .optional()?)
}

/// One key.
pub fn find(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<ApiKey> {
    Ok(api_keys::table
        .filter(api_keys::account_id.eq(account_id))
        .find(id)
        .select(ApiKey::as_select())
        .first(conn)?)
}

/// The newest keys of the account.
pub fn newest(conn: &mut Conn, account_id: i64, limit: i64) -> DbResult<Vec<ApiKey>> {
    Ok(api_keys::table
        .filter(api_keys::account_id.eq(account_id))
        .order(api_keys::id.desc())
        .limit(limit)
        .select(ApiKey::as_select())
        .load(conn)?)
}

/// How many keys have not been revoked.
pub fn count_kept(conn: &mut Conn, account_id: i64) -> DbResult<i64> {
    Ok(api_keys::table
        .filter(api_keys::account_id.eq(account_id))
        .filter(api_keys::revoked_at.is_null())
        .count()
        .get_result(conn)?)
}

/// Notes that a key was used in that hour.
pub fn note_use(conn: &mut Conn, account_id: i64, id: i64, hour: Hour) -> DbResult<()> {
    let at = hour.start().millis();
    diesel::update(
        api_keys::table
            .filter(api_keys::account_id.eq(account_id))
            .filter(api_keys::id.eq(id))
            .filter(
                api_keys::last_used_at
                    .is_null()
                    .or(api_keys::last_used_at.lt(at)),
            ),
    )
    .set(api_keys::last_used_at.eq(at))
    .execute(conn)?;
    Ok(())
}

/// Revokes a key for good, and gives it.
///
/// # Errors
/// [`DbError::Refused`] when it is revoked already.
pub fn revoke(conn: &mut Conn, account_id: i64, id: i64, now: Timestamp) -> DbResult<ApiKey> {
    let key = find(conn, account_id, id)?;
    let revoked = diesel::update(
        api_keys::table
            .filter(api_keys::account_id.eq(account_id))
            .filter(api_keys::id.eq(id))
            .filter(api_keys::revoked_at.is_null()),
    )
    .set(api_keys::revoked_at.eq(now.millis()))
    .execute(conn)?;
    if revoked == 0 {
        return Err(DbError::Refused("the key is revoked already"));
    }
    Ok(key)
}
