//! The second factor: codes of an app (TOTP), and recovery codes for when the app is lost.

use serde_json::json;

use super::{COMMAND, note};
use crate::db::models::audit::{Action, Actor};
use crate::db::models::second_factors::{self, Owner, place};
use crate::db::models::users::{self, User};
use crate::db::models::{accounts, sign_ins};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::recovery_code;
use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;
use crate::domain::totp::Totp;

/// After so many wrong codes in a row no code is taken for a while: three of a million are right at
/// a time, and whoever has the password could try for days.
const MOST_FAILURES: i64 = 10;

/// For how long then, in minutes.
const BLOCKED_MINUTES: i64 = 60;

/// What a code that was typed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The app's code, now used up.
    Code,
    /// A recovery code, now used up.
    RecoveryCode,
    /// Neither.
    Wrong,
    /// No codes are taken for a while; recovery codes are.
    Blocked,
}

impl Checked {
    /// Whether it lets its owner in.
    pub const fn is_right(self) -> bool {
        matches!(self, Self::Code | Self::RecoveryCode)
    }
}

/// Of that user.
pub const fn owner(user: &User) -> Owner {
    Owner {
        account_id: user.account_id,
        user_id: user.id,
    }
}

fn actor(user: &User) -> Actor {
    Actor::User {
        id: user.id,
        name: user.name.clone(),
    }
}

/// Checks a code, and uses it up where it is right. What is wrong is counted, so the transaction
/// has to be committed whatever comes of it.
pub fn check(
    conn: &mut Conn,
    sealer: &Sealer,
    user: &User,
    typed: &str,
    now: Timestamp,
) -> DbResult<Checked> {
    let owner = owner(user);
    if let Some(hash) = recovery_code::hash(typed) {
        if !second_factors::use_code(conn, owner, &hash)? {
            return Ok(Checked::Wrong);
        }
        let left = second_factors::codes_left(conn, owner)?;
        let what = (Action::RecoveryCodeUsed, json!({ "left": left }));
        note(conn, user.account_id, &actor(user), what, now)?;
        return Ok(Checked::RecoveryCode);
    }
    let Some(failures) = second_factors::begin_attempt(conn, owner, now)? else {
        return Ok(Checked::Blocked);
    };
    let factor = second_factors::find(conn, owner)?;
    let totp = factor
        .secret
        .filter(|_| factor.since.is_some())
        .map(|secret_at_rest| open(sealer, user, &secret_at_rest))
        .transpose()?;
    let step = totp.and_then(|totp| totp.check(typed, now, factor.last_step));
    if let Some(step) = step
        && second_factors::use_step(conn, owner, step)?
    {
        return Ok(Checked::Code);
    }
    if failures >= MOST_FAILURES {
        let until = now.plus_millis(BLOCKED_MINUTES * 60_000);
        second_factors::block(conn, owner, until)?;
        let what = (Action::SecondFactorBlocked, json!({}));
        note(conn, user.account_id, &actor(user), what, now)?;
        return Ok(Checked::Blocked);
    }
    Ok(Checked::Wrong)
}

/// Makes a secret that the user is to confirm with a first code.
pub fn propose(conn: &mut Conn, sealer: &Sealer, user: &User) -> DbResult<()> {
    let secret = Totp::new_secret().map_err(|e| DbError::Unavailable(e.to_string()))?;
    let secret_at_rest = sealer
        .seal(&place(user.id), secret.as_slice())
        .map_err(|problem| DbError::Unavailable(problem.to_string()))?;
    second_factors::propose(conn, owner(user), &secret_at_rest)
}

/// What is to be confirmed, if a second factor is being set up.
pub fn proposed(conn: &mut Conn, sealer: &Sealer, user: &User) -> DbResult<Option<Totp>> {
    let factor = second_factors::find(conn, owner(user))?;
    match (factor.secret, factor.since) {
        (Some(secret_at_rest), None) => open(sealer, user, &secret_at_rest).map(Some),
        _ => Ok(None),
    }
}

fn open(sealer: &Sealer, user: &User, secret_at_rest: &[u8]) -> DbResult<Totp> {
    let secret = sealer
        .open(&place(user.id), secret_at_rest)
        .map_err(|problem| DbError::Unreadable(problem.to_string()))?;
    Totp::new(&secret, &user.email).map_err(|problem| DbError::Unreadable(problem.to_string()))
}

/// Confirms with the first code, and gives the recovery codes, which are stored nowhere; none where
/// the code is wrong.
pub fn confirm(
    conn: &mut Conn,
    sealer: &Sealer,
    user: &User,
    typed: &str,
    now: Timestamp,
) -> DbResult<Option<Vec<String>>> {
    let Some(totp) = proposed(conn, sealer, user)? else {
        return Ok(None);
    };
    let Some(step) = totp.check(typed, now, 0) else {
        return Ok(None);
    };
    if !second_factors::confirm(conn, owner(user), step, now)? {
        return Ok(None);
    }
    let codes = make_codes(conn, owner(user))?;
    let what = (Action::SecondFactorOn, json!({}));
    note(conn, user.account_id, &actor(user), what, now)?;
    Ok(Some(codes))
}

/// Gives new recovery codes in place of the old ones.
pub fn renew_codes(conn: &mut Conn, user: &User, now: Timestamp) -> DbResult<Vec<String>> {
    let codes = make_codes(conn, owner(user))?;
    let what = (Action::RecoveryCodesRenewed, json!({}));
    note(conn, user.account_id, &actor(user), what, now)?;
    Ok(codes)
}

fn make_codes(conn: &mut Conn, owner: Owner) -> DbResult<Vec<String>> {
    let codes = recovery_code::new_codes().map_err(|e| DbError::Unavailable(e.to_string()))?;
    let hashes = codes.iter().filter_map(|code| recovery_code::hash(code));
    second_factors::replace_codes(conn, owner, hashes)?;
    Ok(codes)
}

/// Takes a user's own second factor away.
pub fn switch_off(conn: &mut Conn, user: &User, now: Timestamp) -> DbResult<()> {
    if second_factors::remove(conn, owner(user))? {
        let what = (Action::SecondFactorOff, json!({}));
        note(conn, user.account_id, &actor(user), what, now)?;
    }
    Ok(())
}

/// Takes somebody's second factor away, because app and recovery codes are lost. Whether there was
/// one.
pub fn reset(
    conn: &mut Conn,
    account_id: i64,
    user_id: i64,
    by: &Actor,
    now: Timestamp,
) -> DbResult<bool> {
    let user = users::find(conn, account_id, user_id)?;
    let had = second_factors::remove(conn, owner(&user))?;
    if had {
        sign_ins::end_all(conn, user_id)?;
        let what = (Action::SecondFactorReset, json!({ "user": user.name }));
        note(conn, account_id, by, what, now)?;
    }
    Ok(had)
}

/// The same from the machine itself; none where the address signs in nobody.
pub fn reset_from_the_machine(
    conn: &mut Conn,
    email_key: &str,
    now: Timestamp,
) -> DbResult<Option<bool>> {
    let Some(user) = users::find_by_email(conn, email_key)? else {
        return Ok(None);
    };
    reset(conn, user.account_id, user.id, &COMMAND, now).map(Some)
}

/// Sets whether the account wants a second factor of all its users.
pub fn require(
    conn: &mut Conn,
    account_id: i64,
    required: bool,
    by: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    if accounts::find(conn, account_id)?.second_factor_required == required {
        return Ok(());
    }
    accounts::require_second_factor(conn, account_id, required)?;
    let what = (
        Action::SecondFactorRequired,
        json!({ "required": required }),
    );
    note(conn, account_id, by, what, now)
}
