//! Users: who signs in. The address is unique in the installation, since signing in does not ask
//! for the account; [`find_by_email`] is therefore the one lookup without an account.

use diesel::prelude::*;

use crate::db::schema::users;
use crate::db::{Conn, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::role::Roles;
use crate::domain::time::Timestamp;

/// A user.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// The user's number.
    pub id: i64,
    /// The account.
    pub account_id: i64,
    /// The address to sign in with.
    pub email: String,
    /// The name that others see.
    pub name: String,
    roles: i32,
    /// The password's argon2id hash.
    pub password_hash: String,
    /// Since when a second factor is asked for, in milliseconds; none where there is none.
    pub second_factor_at: Option<i64>,
    /// Since when there is this user, in milliseconds.
    pub created_at: i64,
}

impl User {
    /// What the user may do.
    pub const fn roles(&self) -> Roles {
        Roles::from_bits(self.roles)
    }
}

/// The name of that user.
pub fn name(conn: &mut Conn, account_id: i64, user_id: i64) -> DbResult<String> {
    Ok(users::table
        .filter(users::account_id.eq(account_id))
        .find(user_id)
        .select(users::name)
        .first(conn)?)
}

/// A user to be made.
pub struct NewUser<'a> {
    /// The address to sign in with.
    pub email: &'a EmailAddress,
    /// The name that others see.
    pub name: &'a str,
    /// What the user may do.
    pub roles: Roles,
    /// The password's argon2id hash.
    pub password_hash: &'a str,
}

/// Makes a user; [`crate::db::DbError::Duplicate`] when the address signs in somebody already.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    new: &NewUser<'_>,
    now: Timestamp,
) -> DbResult<i64> {
    Ok(diesel::insert_into(users::table)
        .values((
            users::account_id.eq(account_id),
            users::email.eq(new.email.as_typed()),
            users::email_key.eq(new.email.key()),
            users::name.eq(new.name),
            users::roles.eq(new.roles.bits()),
            users::password_hash.eq(new.password_hash),
            users::created_at.eq(now.millis()),
        ))
        .returning(users::id)
        .get_result(conn)?)
}

/// The user who signs in with that address.
pub fn find_by_email(conn: &mut Conn, email_key: &str) -> DbResult<Option<User>> {
    Ok(users::table
        .filter(users::email_key.eq(email_key))
        .select(User::as_select())
        .first(conn)
        .optional()?)
}

/// The account's users, by name.
pub fn list(conn: &mut Conn, account_id: i64) -> DbResult<Vec<User>> {
    Ok(users::table
        .filter(users::account_id.eq(account_id))
        .order((users::name, users::id))
        .select(User::as_select())
        .load(conn)?)
}

/// The user of that number.
pub fn find(conn: &mut Conn, account_id: i64, user_id: i64) -> DbResult<User> {
    Ok(users::table
        .filter(users::account_id.eq(account_id))
        .find(user_id)
        .select(User::as_select())
        .first(conn)?)
}

/// Changes the name and the roles. That an administrator remains is the caller's to see to:
/// [`crate::people`].
pub(crate) fn change(
    conn: &mut Conn,
    account_id: i64,
    user_id: i64,
    name: &str,
    roles: Roles,
) -> DbResult<()> {
    diesel::update(
        users::table
            .filter(users::account_id.eq(account_id))
            .find(user_id),
    )
    .set((users::name.eq(name), users::roles.eq(roles.bits())))
    .execute(conn)?;
    Ok(())
}

/// Removes a user, whose sessions end with that; like [`change`] only for [`crate::people`].
pub(crate) fn remove(conn: &mut Conn, account_id: i64, user_id: i64) -> DbResult<()> {
    diesel::delete(
        users::table
            .filter(users::account_id.eq(account_id))
            .find(user_id),
    )
    .execute(conn)?;
    Ok(())
}

/// The account's first administrator: whom the demo signs in.
pub fn first_of_account(conn: &mut Conn, account_id: i64) -> DbResult<User> {
    Ok(users::table
        .filter(users::account_id.eq(account_id))
        .order(users::id)
        .select(User::as_select())
        .first(conn)?)
}

/// Changes the password.
pub fn set_password(
    conn: &mut Conn,
    account_id: i64,
    user_id: i64,
    password_hash: &str,
) -> DbResult<()> {
    diesel::update(
        users::table
            .filter(users::account_id.eq(account_id))
            .find(user_id),
    )
    .set(users::password_hash.eq(password_hash))
    .execute(conn)?;
    Ok(())
}
