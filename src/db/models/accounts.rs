//! Accounts: the customers of the installation.

use diesel::prelude::*;
use serde_json::json;

use super::journal::{self, JournalKind};
use crate::db::schema::accounts;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{AccountTracking, TrackingMode};

/// An account.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct Account {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whom it tracks personally.
    pub tracking_mode: TrackingMode,
    /// When that was last changed, in milliseconds; never since the account was made, if none.
    pub tracking_changed_at: Option<i64>,
    /// The name of the user who changed it.
    pub tracking_changed_by: Option<String>,
    /// While it is off: what it was before.
    pub tracking_mode_before: Option<TrackingMode>,
    /// Whether anonymous totals remain where nothing personal is measured.
    pub count_anonymously: bool,
    /// *Widersprüche und Abmeldungen merken* (rule P9).
    pub remember_objections: bool,
    /// How many recipients it has.
    pub recipient_count: i64,
    /// After how many temporary bounces in a row an address counts as undeliverable.
    pub soft_bounce_limit: i64,
    /// For how many years its audit log is kept.
    pub audit_years: i64,
    /// After how many months personal tracking data is pseudonymised; none: never by itself.
    pub retention_months: Option<i64>,
    /// When that is looked at next, in milliseconds.
    pub retention_next_at: Option<i64>,
    /// Whether every user needs a second factor.
    pub second_factor_required: bool,
}

impl Account {
    /// The mode that *Tracking aktivieren* leads to: never one that tracks more people than were
    /// tracked before it was switched off.
    pub fn mode_when_active(&self) -> TrackingMode {
        match self.tracking_mode_before {
            Some(TrackingMode::Consent) => TrackingMode::Consent,
            _ => TrackingMode::Active,
        }
    }

    /// The account's half of the tracking policy.
    pub const fn tracking(&self) -> AccountTracking {
        AccountTracking {
            mode: self.tracking_mode,
            count_anonymously: self.count_anonymously,
        }
    }
}

/// Makes an account and gives its number.
pub fn create(conn: &mut Conn, name: &str, now: Timestamp) -> DbResult<i64> {
    Ok(diesel::insert_into(accounts::table)
        .values((
            accounts::name.eq(name),
            accounts::created_at.eq(now.millis()),
        ))
        .returning(accounts::id)
        .get_result(conn)?)
}

/// The account of that number.
pub fn find(conn: &mut Conn, account_id: i64) -> DbResult<Account> {
    Ok(accounts::table
        .find(account_id)
        .select(Account::as_select())
        .first(conn)?)
}

/// Whether there is any account: without one, the installation is new.
pub fn any(conn: &mut Conn) -> DbResult<bool> {
    Ok(accounts::table
        .select(accounts::id)
        .first::<i64>(conn)
        .optional()?
        .is_some())
}

/// The numbers of all accounts, for what concerns the whole installation.
pub fn ids(conn: &mut Conn) -> DbResult<Vec<i64>> {
    Ok(accounts::table
        .order(accounts::id)
        .select(accounts::id)
        .load(conn)?)
}

/// The numbers and names of all accounts.
pub fn names(conn: &mut Conn) -> DbResult<Vec<(i64, String)>> {
    Ok(accounts::table
        .order(accounts::id)
        .select((accounts::id, accounts::name))
        .load(conn)?)
}

/// Renames the account.
pub fn rename(conn: &mut Conn, account_id: i64, name: &str) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set(accounts::name.eq(name))
        .execute(conn)?;
    Ok(())
}

/// Sets after how many temporary bounces in a row an address counts as undeliverable.
pub fn set_soft_bounce_limit(conn: &mut Conn, account_id: i64, limit: i64) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set(accounts::soft_bounce_limit.eq(limit))
        .execute(conn)?;
    Ok(())
}

/// Sets whom the account tracks. The caller holds the account's locks (rule P2) and writes the audit
/// log (rule P11): see [`crate::tracking::settings`].
pub(crate) fn set_tracking_mode(
    conn: &mut Conn,
    account_id: i64,
    mode: TrackingMode,
    before: TrackingMode,
    changed_by: &str,
    now: Timestamp,
) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set((
            accounts::tracking_mode.eq(mode.as_str()),
            accounts::tracking_mode_before.eq(before.as_str()),
            accounts::tracking_changed_at.eq(now.millis()),
            accounts::tracking_changed_by.eq(changed_by),
        ))
        .execute(conn)?;
    let told = json!({ "mode": mode.as_str() });
    journal::note_account(conn, account_id, JournalKind::Mode, &told)
}

/// Sets what remains without personal tracking, and whether objections are remembered; like
/// [`set_tracking_mode`] only for [`crate::tracking::settings`].
pub(crate) fn set_tracking_options(
    conn: &mut Conn,
    account_id: i64,
    count_anonymously: bool,
    remember_objections: bool,
) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set((
            accounts::count_anonymously.eq(count_anonymously),
            accounts::remember_objections.eq(remember_objections),
        ))
        .execute(conn)?;
    let told = json!({ "count_anonymously": count_anonymously, "remember": remember_objections });
    journal::note_account(conn, account_id, JournalKind::Options, &told)
}

/// Sets for how many years the audit log is kept; the database takes 1 to 10.
pub(crate) fn set_audit_years(conn: &mut Conn, account_id: i64, years: i64) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set(accounts::audit_years.eq(years))
        .execute(conn)?;
    Ok(())
}

/// Sets after how many months personal tracking data is pseudonymised, and when that is looked at
/// next. The caller writes the audit log: see [`crate::erasure::retention`].
pub(crate) fn set_retention(
    conn: &mut Conn,
    account_id: i64,
    months: Option<i64>,
    next_at: Option<Timestamp>,
) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set((
            accounts::retention_months.eq(months),
            accounts::retention_next_at.eq(next_at.map(Timestamp::millis)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Accounts of the installation whose old tracking data is to be looked at: a background task's
/// question.
pub fn with_due_retention(conn: &mut Conn, now: Timestamp) -> DbResult<Vec<Account>> {
    Ok(accounts::table
        .filter(accounts::retention_months.is_not_null())
        .filter(accounts::retention_next_at.le(now.millis()))
        .order(accounts::id)
        .select(Account::as_select())
        .load(conn)?)
}

/// Sets whether every user needs a second factor. The caller writes the audit log: see
/// [`crate::people::second_factor`].
pub(crate) fn require_second_factor(
    conn: &mut Conn,
    account_id: i64,
    required: bool,
) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set(accounts::second_factor_required.eq(required))
        .execute(conn)?;
    Ok(())
}

/// Adds to (or takes from) the counter of recipients.
pub(crate) fn count_recipients(conn: &mut Conn, account_id: i64, change: i64) -> DbResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set(accounts::recipient_count.eq(accounts::recipient_count + change))
        .execute(conn)?;
    Ok(())
}
