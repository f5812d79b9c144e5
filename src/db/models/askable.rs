//! Recipients who may be asked for consent: active, of whom nothing is known, and who have not
//! refused for a while (CNIL, deliberation 2026-042).

use diesel::prelude::*;

use crate::db::schema::recipients;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{REST_MONTHS, RecipientStatus, RecipientTracking};

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Who may be asked now.
    pub now: i64,
    /// Of whom nothing is known, but who refused not long ago.
    pub resting: i64,
    /// Who has objected.
    pub objected: i64,
}

/// Counts them. Reads every recipient of the account.
pub fn count(conn: &mut Conn, account_id: i64, now: Timestamp) -> DbResult<Counts> {
    let of = || {
        recipients::table
            .filter(recipients::account_id.eq(account_id))
            .filter(recipients::status.eq(RecipientStatus::Active.as_str()))
    };
    let unset = RecipientTracking::Unset.as_str();
    let all: i64 = of()
        .filter(recipients::tracking.eq(unset))
        .count()
        .get_result(conn)?;
    let resting: i64 = of()
        .filter(recipients::tracking.eq(unset))
        .filter(recipients::refused_at.gt(refused_since(now)))
        .count()
        .get_result(conn)?;
    let objected: i64 = of()
        .filter(recipients::tracking.eq(RecipientTracking::Objected.as_str()))
        .count()
        .get_result(conn)?;
    Ok(Counts {
        now: all - resting,
        resting,
        objected,
    })
}

/// Some of them, those after that number.
pub fn after(
    conn: &mut Conn,
    account_id: i64,
    after: i64,
    now: Timestamp,
    limit: i64,
) -> DbResult<Vec<i64>> {
    Ok(recipients::table
        .filter(recipients::account_id.eq(account_id))
        .filter(recipients::id.gt(after))
        .filter(recipients::status.eq(RecipientStatus::Active.as_str()))
        .filter(recipients::tracking.eq(RecipientTracking::Unset.as_str()))
        .filter(
            recipients::refused_at
                .is_null()
                .or(recipients::refused_at.le(refused_since(now))),
        )
        .order(recipients::id)
        .limit(limit)
        .select(recipients::id)
        .load(conn)?)
}

/// Whether a recipient `r` has refused, in SQL: has objected, or said no after the time that the
/// placeholder stands for ([`refused_since`]), whatever holds now.
pub(super) fn has_refused(since: &str) -> String {
    format!("(r.tracking = 'objected' OR COALESCE(r.refused_at, 0) > {since})")
}

/// Whoever refused after that is left alone, in milliseconds.
pub(super) fn refused_since(now: Timestamp) -> i64 {
    now.plus_months(-REST_MONTHS).millis()
}
