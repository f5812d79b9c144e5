//! The audit log in pages, narrowed to what somebody looks for; and its pruning.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use serde_json::Value;

use super::audit::{Action, RECIPIENT, ShownEntry};
use crate::db::paging::{CappedCount, Page, Position, page};
use crate::db::schema::{accounts, audit_log, recipients, users};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// The days of a year, as the database's trigger counts them.
const DAYS_PER_YEAR: i64 = 365;

/// Whose changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Those of a user.
    User(i64),
    /// Those that recipients made by themselves.
    Recipients,
    /// Those of commands and background work.
    Program,
}

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these stored words.
    pub actions: Option<Vec<&'static str>>,
    /// By whom.
    pub who: Option<Who>,
    /// Not before, in milliseconds.
    pub from: Option<i64>,
    /// Before, in milliseconds.
    pub until: Option<i64>,
    /// About that recipient.
    pub recipient_id: Option<i64>,
}

/// Narrows a boxed query of the log to a filter.
macro_rules! narrowed {
    ($query:expr, $filter:expr) => {{
        let mut query = $query;
        if let Some(words) = &$filter.actions {
            query = query.filter(audit_log::action.eq_any(words.clone()));
        }
        query = match $filter.who {
            Some(Who::User(id)) => query.filter(audit_log::user_id.eq(id)),
            Some(Who::Recipients) => query.filter(audit_log::actor.eq(RECIPIENT)),
            Some(Who::Program) => query
                .filter(audit_log::user_id.is_null())
                .filter(audit_log::actor.ne(RECIPIENT)),
            None => query,
        };
        if let Some(from) = $filter.from {
            query = query.filter(audit_log::at.ge(from));
        }
        if let Some(until) = $filter.until {
            query = query.filter(audit_log::at.lt(until));
        }
        if let Some(id) = $filter.recipient_id {
            query = query.filter(audit_log::recipient_id.eq(id));
        }
        query
    }};
}

/// One page, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    filter: &Filter,
    position: Position,
    size: usize,
) -> DbResult<Page<ShownEntry>> {
    let all = audit_log::table
        .left_join(
            recipients::table.on(audit_log::recipient_id
                .eq(recipients::id.nullable())
                .and(recipients::account_id.eq(audit_log::account_id))),
        )
        .filter(audit_log::account_id.eq(account_id))
        .select((
            audit_log::id,
            audit_log::at,
            audit_log::actor,
            audit_log::action,
            audit_log::recipient_id,
            audit_log::details,
            recipients::address.nullable(),
        ))
        .limit(i64::try_from(size + 1).unwrap_or(i64::MAX))
        .into_boxed();
    let found = narrowed!(all, filter);
    let place = match position {
        Position::First => found.order(audit_log::id.desc()),
        Position::After(id) => found
            .filter(audit_log::id.lt(id))
            .order(audit_log::id.desc()),
        Position::Before(id) => found
            .filter(audit_log::id.gt(id))
            .order(audit_log::id.asc()),
        Position::Last => found.order(audit_log::id.asc()),
    };
    Ok(page(place.load(conn)?, position, size))
}

/// How many entries there are, counted up to a limit.
pub fn count(
    conn: &mut Conn,
    account_id: i64,
    filter: &Filter,
    limit: i64,
) -> DbResult<CappedCount> {
    let all = audit_log::table
        .filter(audit_log::account_id.eq(account_id))
        .select(audit_log::id)
        .limit(limit + 1)
        .into_boxed();
    let found: Vec<i64> = narrowed!(all, filter).load(conn)?;
    let counted = i64::try_from(found.len()).unwrap_or(i64::MAX);
    Ok(CappedCount::new(counted, limit))
}

/// Users whose changes can be looked for, number and name; those who were removed last.
pub fn people(conn: &mut Conn, account_id: i64) -> DbResult<Vec<(i64, String)>> {
    let mut people: Vec<(i64, String)> = users::table
        .filter(users::account_id.eq(account_id))
        .order((users::name, users::id))
        .select((users::id, users::name))
        .load(conn)?;
    let removed: Vec<String> = audit_log::table
        .filter(audit_log::account_id.eq(account_id))
        .filter(audit_log::action.eq(Action::UserDeleted.as_str()))
        .order(audit_log::id)
        .select(audit_log::details)
        .load(conn)?;
    people.extend(removed.iter().filter_map(|details| {
        let details: Value = serde_json::from_str(details).ok()?;
        let name = details["user"].as_str()?;
        Some((details["number"].as_i64()?, format!("{name} (entfernt)")))
    }));
    Ok(people)
}

/// Lets entries go that have been kept for their account's time, at most so many. Gives how many
/// went. Of every account: it is the installation's housekeeping. The database refuses to let go
/// of younger ones, by its own clock; a day of grace keeps the two from disagreeing.
pub fn prune(conn: &mut Conn, now: Timestamp, limit: i64) -> DbResult<usize> {
    let kept: Vec<(i64, i64)> = accounts::table
        .order(accounts::id)
        .select((accounts::id, accounts::audit_years))
        .load(conn)?;
    let mut gone = 0;
    for (account_id, years) in kept {
        let before = now.plus_days(-DAYS_PER_YEAR * years - 1);
        gone += diesel::sql_query(
            "DELETE FROM audit_log WHERE id IN
                 (SELECT a.id FROM audit_log a WHERE a.account_id = $1 AND a.at < $2 ORDER BY a.at LIMIT $3)",
        )
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(before.millis())
        .bind::<BigInt, _>(limit)
        .execute(conn)?;
    }
    Ok(gone)
}
