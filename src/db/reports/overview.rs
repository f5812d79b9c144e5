//! The list of sent mailings, and what is known of one besides its [`Figures`].

use diesel::prelude::*;

use super::{Figures, figures};
use crate::db::paging::{Page, Position, page};
use crate::db::schema::{mailing_groups, mailings};
use crate::db::{Conn, DbResult};

/// The states in which a mailing has figures.
const SENT: [&str; 4] = ["sending", "paused", "sent", "cancelled"];

/// A mailing whose sending has begun.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = mailings)]
pub struct SentMailing {
    /// Its number.
    pub id: i64,
    /// Its subject.
    pub subject: String,
    /// When sending began, in milliseconds.
    pub send_started_at: Option<i64>,
    status: String,
    /// For how many recipients it was meant.
    pub deliveries: i64,
    /// Of these, not known whether handed over: the program ended at that instant.
    pub uncertain: i64,
    /// Refused for good.
    pub failed: i64,
    /// Not sent any more, because the recipient was deleted, unsubscribed or bounced first.
    pub cancelled: i64,
}

impl SentMailing {
    /// Whether mails still go out, so that its figures are not the last ones.
    pub fn is_sending(&self) -> bool {
        matches!(self.status.as_str(), "sending" | "paused")
    }
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// The mailing.
    pub mailing: SentMailing,
    /// Its figures.
    pub figures: Figures,
}

/// One page of the mailings with figures, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    position: Position,
    size: usize,
) -> DbResult<Page<ReportLine>> {
    list_to(conn, account_id, None, position, size)
}

/// The same of those that went to a group, if one is given.
pub fn list_to(
    conn: &mut Conn,
    account_id: i64,
    group_id: Option<i64>,
    position: Position,
    size: usize,
) -> DbResult<Page<ReportLine>> {
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let mut scoped = mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::status.eq_any(SENT))
        .select(SentMailing::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(group_id) = group_id {
        scoped = scoped.filter(
            mailings::id.eq_any(
                mailing_groups::table
                    .filter(mailing_groups::account_id.eq(account_id))
                    .filter(mailing_groups::group_id.eq(group_id))
                    .select(mailing_groups::mailing_id),
            ),
        );
    }
    let read: Vec<SentMailing> = match position {
        Position::First => scoped.order(mailings::id.desc()),
        Position::After(key) => scoped
            .filter(mailings::id.lt(key))
            .order(mailings::id.desc()),
        Position::Before(key) => scoped
            .filter(mailings::id.gt(key))
            .order(mailings::id.asc()),
        Position::Last => scoped.order(mailings::id.asc()),
    }
    .load(conn)?;
    let Page {
        rows,
        has_previous,
        has_next,
    } = page(read, position, size);
    let ids: Vec<i64> = rows.iter().map(|mailing| mailing.id).collect();
    let mut all = figures(conn, account_id, &ids)?;
    let rows = rows
        .into_iter()
        .filter_map(|mailing| {
            let at = all.iter().position(|f| f.mailing_id == mailing.id)?;
            Some(ReportLine {
                figures: all.swap_remove(at),
                mailing,
            })
        })
        .collect();
    Ok(Page {
        rows,
        has_previous,
        has_next,
    })
}

/// How many mailings have figures.
pub fn count(conn: &mut Conn, account_id: i64) -> DbResult<i64> {
    count_to(conn, account_id, None)
}

/// The same of those that went to a group, if one is given.
pub fn count_to(conn: &mut Conn, account_id: i64, group_id: Option<i64>) -> DbResult<i64> {
    let mut scoped = mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::status.eq_any(SENT))
        .into_boxed();
    if let Some(group_id) = group_id {
        scoped = scoped.filter(
            mailings::id.eq_any(
                mailing_groups::table
                    .filter(mailing_groups::account_id.eq(account_id))
                    .filter(mailing_groups::group_id.eq(group_id))
                    .select(mailing_groups::mailing_id),
            ),
        );
    }
    Ok(scoped.count().get_result(conn)?)
}

/// To which groups these mailings went: mailing and name, as the group was called then.
pub fn groups_of(
    conn: &mut Conn,
    account_id: i64,
    mailings: &[i64],
) -> DbResult<Vec<(i64, String)>> {
    Ok(mailing_groups::table
        .filter(mailing_groups::account_id.eq(account_id))
        .filter(mailing_groups::mailing_id.eq_any(mailings))
        .order((mailing_groups::mailing_id, mailing_groups::position))
        .select((mailing_groups::mailing_id, mailing_groups::group_name))
        .load(conn)?)
}

/// The mailing of that number, if its sending has begun.
pub fn find(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<SentMailing> {
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::status.eq_any(SENT))
        .find(mailing_id)
        .select(SentMailing::as_select())
        .first(conn)?)
}
