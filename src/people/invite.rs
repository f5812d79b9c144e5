//! Inviting somebody to become a user.

use serde_json::json;

use super::{LinkKey, note};
use crate::db::models::audit::{Action, Actor};
use crate::db::models::invitations::{self, Invitation, NewInvitation};
use crate::db::models::users::{self, NewUser};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::random_key::KeyHash;
use crate::domain::role::Roles;
use crate::domain::time::Timestamp;

/// For how long an invitation can be accepted, in days.
pub const DAYS: i64 = 7;

/// For how long one that ran out is still shown, in days.
pub const SHOWN_DAYS: i64 = 30;

/// Who is to be invited.
pub struct Invitee<'a> {
    /// The address.
    pub email: &'a EmailAddress,
    /// The name.
    pub name: &'a str,
    /// What that person will be allowed to do.
    pub roles: Roles,
}

/// What keeps somebody from being invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A user of this account already.
    User,
    /// Invited to this account already.
    Invited,
}

/// Invites. An address that signs in to another account is invited like any other: only whoever
/// has the link learns of that, so nobody finds out here who has an account.
pub fn invite(
    conn: &mut Conn,
    account_id: i64,
    invitee: &Invitee<'_>,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Result<(Invitation, LinkKey), Known>> {
    let known = users::find_by_email(conn, invitee.email.key())?;
    if known.is_some_and(|user| user.account_id == account_id) {
        return Ok(Err(Known::User));
    }
    if invitations::has_address(conn, account_id, invitee.email.key())? {
        return Ok(Err(Known::Invited));
    }
    let (key, key_hash) = LinkKey::make()?;
    let new = NewInvitation {
        email: invitee.email,
        name: invitee.name,
        roles: invitee.roles,
        invited_by: actor.label(),
        key_hash,
        expires_at: now.plus_days(DAYS),
    };
    let id = invitations::create(conn, account_id, &new, now)?;
    let details = json!({ "user": invitee.name, "roles": invitee.roles.labels() });
    let what = (Action::UserInvited, details);
    note(conn, account_id, actor, what, now)?;
    Ok(Ok((invitations::find(conn, account_id, id)?, key)))
}

/// Gives an invitation another link; the older one holds no longer.
pub fn renew(
    conn: &mut Conn,
    account_id: i64,
    id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<(Invitation, LinkKey)> {
    let invitation = invitations::find(conn, account_id, id)?;
    let (key, hash) = LinkKey::make()?;
    invitations::renew(conn, account_id, id, &hash, now.plus_days(DAYS))?;
    let what = (
        Action::InvitationRenewed,
        json!({ "user": invitation.name }),
    );
    note(conn, account_id, actor, what, now)?;
    Ok((invitations::find(conn, account_id, id)?, key))
}

/// Takes an invitation back; its link holds no longer.
pub fn revoke(
    conn: &mut Conn,
    account_id: i64,
    id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let invitation = invitations::find(conn, account_id, id)?;
    if !invitations::remove(conn, account_id, id)? {
        return Err(DbError::NotFound);
    }
    let what = (
        Action::InvitationRevoked,
        json!({ "user": invitation.name }),
    );
    note(conn, account_id, actor, what, now)
}

/// Accepts, once: makes the user and gives the number; none when the link holds no longer.
///
/// # Errors
/// [`DbError::Duplicate`] when the address signs in to another account meanwhile or before; then
/// the invitation stays.
pub fn accept(
    conn: &mut Conn,
    key: &KeyHash,
    (name, password_hash): (&str, &str),
    now: Timestamp,
) -> DbResult<Option<i64>> {
    let Some(invitation) = invitations::take(conn, key, now)? else {
        return Ok(None);
    };
    let account_id = invitation.account_id;
    let unreadable = |_| DbError::Unreadable("the address of an invitation".to_owned());
    let email = EmailAddress::parse(&invitation.email).map_err(unreadable)?;
    let new = NewUser {
        email: &email,
        name,
        roles: invitation.roles(),
        password_hash,
    };
    let id = users::create(conn, account_id, &new, now)?;
    let actor = Actor::User {
        id,
        name: name.to_owned(),
    };
    let details = json!({ "roles": invitation.roles().labels() });
    note(conn, account_id, &actor, (Action::UserJoined, details), now)?;
    Ok(Some(id))
}
