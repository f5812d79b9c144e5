//! Where the links of mailings lead. A link has a number, and its target never changes once the
//! mailing is sent.

use diesel::prelude::*;

use crate::db::schema::{mailing_links, mailings};
use crate::db::{Conn, DbResult};

/// The account of a mailing, and its links: number and target.
pub type AccountAndLinks = (i64, Vec<(i64, String)>);

/// The account and the links of a sent mailing. Asked by the number in a token, which this
/// installation has signed; the account is part of the answer.
pub fn of_mailing(conn: &mut Conn, mailing_id: i64) -> DbResult<Option<AccountAndLinks>> {
    let account: Option<i64> = mailings::table
        .filter(mailings::status.ne("draft"))
        .find(mailing_id)
        .select(mailings::account_id)
        .first(conn)
        .optional()?;
    let Some(account_id) = account else {
        return Ok(None);
    };
    let links = mailing_links::table
        .filter(mailing_links::account_id.eq(account_id))
        .filter(mailing_links::mailing_id.eq(mailing_id))
        .order(mailing_links::number)
        .select((mailing_links::number, mailing_links::url))
        .load(conn)?;
    Ok(Some((account_id, links)))
}

/// The mailings of the installation that were sent last, whose links are loaded at the start.
pub fn recently_sent(conn: &mut Conn, limit: i64) -> DbResult<Vec<i64>> {
    Ok(mailings::table
        .filter(mailings::status.ne("draft"))
        .order(mailings::id.desc())
        .limit(limit)
        .select(mailings::id)
        .load(conn)?)
}
