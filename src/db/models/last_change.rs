//! Who changed something last, and the lock under which it is compared with what somebody saw
//! before it is changed again.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::audit::Action;
use crate::db::schema::audit_log;
use crate::db::{Conn, DbResult, OnBackend};
use crate::domain::time::Timestamp;

/// What people change in forms and several may change at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A recipient.
    Recipient(i64),
    /// A draft.
    Mailing(i64),
    /// A sign-up form.
    SignupForm(i64),
    /// A group.
    Group(i64),
}

/// Who changed something, and when, as far as known.
#[derive(Debug, Clone, Default, PartialEq, Eq, QueryableByName)]
pub struct LastChange {
    /// A user's name; none when nobody signed in did it.
    #[diesel(sql_type = Nullable<Text>)]
    pub by: Option<String>,
    /// When, in milliseconds.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub at: Option<i64>,
}

impl Subject {
    const fn place(self) -> (&'static str, i64) {
        match self {
            Self::Recipient(id) => ("recipients", id),
            Self::Mailing(id) => ("mailings", id),
            Self::SignupForm(id) => ("signup_forms", id),
            Self::Group(id) => ("groups", id),
        }
    }
}

/// Keeps others from changing it until the transaction ends: what is read from now on is what will
/// be written over.
pub fn lock(conn: &mut Conn, account_id: i64, subject: Subject) -> DbResult<()> {
    let (table, id) = subject.place();
    lock_row(conn, table, "account_id", account_id, id)
}

/// The same for the settings of an account.
pub fn lock_settings(conn: &mut Conn, account_id: i64) -> DbResult<()> {
    lock_row(conn, "accounts", "id", account_id, account_id)
}

fn lock_row(conn: &mut Conn, table: &str, owner: &str, account_id: i64, id: i64) -> DbResult<()> {
    if !conn.backend().is_server() {
        return Ok(());
    }
    // Rows that refer to it may still be added.
    diesel::sql_query(format!(
        "SELECT id FROM {table} WHERE id = $1 AND {owner} = $2 FOR NO KEY UPDATE"
    ))
    .bind::<BigInt, _>(id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// Notes a change that was just made, and the user who made it, if one did.
pub fn note(
    conn: &mut Conn,
    account_id: i64,
    subject: Subject,
    user_id: Option<i64>,
    now: Timestamp,
) -> DbResult<()> {
    let (table, id) = subject.place();
    diesel::sql_query(format!(
        "UPDATE {table} SET changed_by = $1, updated_at = $2 WHERE id = $3 AND account_id = $4"
    ))
    .bind::<Nullable<BigInt>, _>(user_id)
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(id)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// Who changed it last.
pub fn find(conn: &mut Conn, account_id: i64, subject: Subject) -> DbResult<LastChange> {
    let (table, id) = subject.place();
    let found: Option<LastChange> = diesel::sql_query(format!(
        "SELECT u.name AS by, s.updated_at AS at FROM {table} s
         LEFT JOIN users u ON u.id = s.changed_by AND u.account_id = s.account_id
         WHERE s.id = $1 AND s.account_id = $2"
    ))
    .bind::<BigInt, _>(id)
    .bind::<BigInt, _>(account_id)
    .get_result(conn)
    .optional()?;
    Ok(found.unwrap_or_default())
}

/// Who last did one of these acts, by the audit log.
pub fn of_settings(conn: &mut Conn, account_id: i64, acts: &[Action]) -> DbResult<LastChange> {
    let words: Vec<&str> = acts.iter().map(|act| act.as_str()).collect();
    let found: Option<(String, i64)> = audit_log::table
        .filter(audit_log::account_id.eq(account_id))
        .filter(audit_log::action.eq_any(words))
        .order(audit_log::id.desc())
        .select((audit_log::actor, audit_log::at))
        .first(conn)
        .optional()?;
    Ok(
        found.map_or_else(LastChange::default, |(by, at)| LastChange {
            by: Some(by),
            at: Some(at),
        }),
    )
}
