//! The list of sent mailings, and what is known of one besides its [`Figures`].

use diesel::prelude::*;

use super::{Figures, figures};
use crate::db::paging::{Page, Position, page};
use crate::db::schema::mailings;
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
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let scoped = mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::status.eq_any(SENT))
        .select(SentMailing::as_select())
        .limit(limit)
        .into_boxed();
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
    Ok(mailings::table
        .filter(mailings::account_id.eq(account_id))
        .filter(mailings::status.eq_any(SENT))
        .count()
        .get_result(conn)?)
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
