//! Invitations of users that are not accepted yet. The key in the link is all that whoever accepts
//! one knows; it leads to exactly one account.

use diesel::prelude::*;

use crate::db::schema::invitations;
use crate::db::{Conn, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::random_key::KeyHash;
use crate::domain::role::Roles;
use crate::domain::time::Timestamp;

/// An invitation. Holds an address, so it has no `Debug` (rule P8).
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = invitations)]
pub struct Invitation {
    /// Its number.
    pub id: i64,
    /// The account.
    pub account_id: i64,
    /// The address it goes to, and with which that person will sign in.
    pub email: String,
    /// The name that others will see.
    pub name: String,
    roles: i32,
    /// Who invited, by name.
    pub invited_by: String,
    /// When, in milliseconds.
    pub created_at: i64,
    /// Until when it can be accepted, in milliseconds.
    pub expires_at: i64,
}

impl Invitation {
    /// What the user will be allowed to do.
    pub const fn roles(&self) -> Roles {
        Roles::from_bits(self.roles)
    }
}

/// An invitation to be made.
pub struct NewInvitation<'a> {
    /// The address it goes to.
    pub email: &'a EmailAddress,
    /// The name that others will see.
    pub name: &'a str,
    /// What the user will be allowed to do.
    pub roles: Roles,
    /// Who invites, by name.
    pub invited_by: &'a str,
    /// The hash of the key in the link.
    pub key_hash: KeyHash,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// Makes an invitation and gives its number; [`crate::db::DbError::Duplicate`] when the address is
/// invited to the account already.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    new: &NewInvitation<'_>,
    now: Timestamp,
) -> DbResult<i64> {
    Ok(diesel::insert_into(invitations::table)
        .values((
            invitations::account_id.eq(account_id),
            invitations::email.eq(new.email.as_typed()),
            invitations::email_key.eq(new.email.key()),
            invitations::name.eq(new.name),
            invitations::roles.eq(new.roles.bits()),
            invitations::invited_by.eq(new.invited_by),
            invitations::key_hash.eq(&new.key_hash[..]),
            invitations::created_at.eq(now.millis()),
            invitations::expires_at.eq(new.expires_at.millis()),
        ))
        .returning(invitations::id)
        .get_result(conn)?)
}

/// The account's invitations, by name.
pub fn list(conn: &mut Conn, account_id: i64) -> DbResult<Vec<Invitation>> {
    Ok(invitations::table
        .filter(invitations::account_id.eq(account_id))
        .order((invitations::name, invitations::id))
        .select(Invitation::as_select())
        .load(conn)?)
}

/// The invitation of that number.
pub fn find(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<Invitation> {
    Ok(invitations::table
        .filter(invitations::account_id.eq(account_id))
        .filter(invitations::id.eq(id))
        .select(Invitation::as_select())
        .first(conn)?)
}

/// Whether that address is invited to the account already.
pub fn has_address(conn: &mut Conn, account_id: i64, email_key: &str) -> DbResult<bool> {
    let found: Option<i64> = invitations::table
        .filter(invitations::account_id.eq(account_id))
        .filter(invitations::email_key.eq(email_key))
        .select(invitations::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Gives an invitation another key: the older link holds no longer.
pub fn renew(
    conn: &mut Conn,
    account_id: i64,
    id: i64,
    key_hash: &KeyHash,
    expires_at: Timestamp,
) -> DbResult<()> {
    diesel::update(
        invitations::table
            .filter(invitations::account_id.eq(account_id))
            .filter(invitations::id.eq(id)),
    )
    .set((
        invitations::key_hash.eq(&key_hash[..]),
        invitations::expires_at.eq(expires_at.millis()),
    ))
    .execute(conn)?;
    Ok(())
}

/// What a key would accept, while it can.
pub fn find_by_key(
    conn: &mut Conn,
    key_hash: &KeyHash,
    now: Timestamp,
) -> DbResult<Option<Invitation>> {
    Ok(invitations::table
        .filter(invitations::key_hash.eq(&key_hash[..]))
        .filter(invitations::expires_at.gt(now.millis()))
        .select(Invitation::as_select())
        .first(conn)
        .optional()?)
}

/// Uses a key up: of several at once one gets the invitation, the others nothing.
pub fn take(conn: &mut Conn, key_hash: &KeyHash, now: Timestamp) -> DbResult<Option<Invitation>> {
    Ok(diesel::delete(
        invitations::table
            .filter(invitations::key_hash.eq(&key_hash[..]))
            .filter(invitations::expires_at.gt(now.millis())),
    )
    .returning((
        invitations::id,
        invitations::account_id,
        invitations::email,
        invitations::name,
        invitations::roles,
        invitations::invited_by,
        invitations::created_at,
        invitations::expires_at,
    ))
    .get_result(conn)
    .optional()?)
}

/// Takes an invitation back. Whether it was there.
pub fn remove(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<bool> {
    let removed = diesel::delete(
        invitations::table
            .filter(invitations::account_id.eq(account_id))
            .filter(invitations::id.eq(id)),
    )
    .execute(conn)?;
    Ok(removed > 0)
}

/// Forgets invitations that ran out before that, of all accounts.
pub fn remove_expired(conn: &mut Conn, before: Timestamp) -> DbResult<usize> {
    Ok(
        diesel::delete(invitations::table.filter(invitations::expires_at.lt(before.millis())))
            .execute(conn)?,
    )
}
