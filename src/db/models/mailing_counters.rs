//! What recipients decide behind the personal links of a mail, counted in its mailing.
//!
//! The counters say how often, never who: they stay as they are when the recipient is deleted
//! (rule P5).

use diesel::prelude::*;

use crate::db::schema::mailings;
use crate::db::{Conn, DbResult};

/// Counts an unsubscription through this mailing's link. A mailing of another account, or one that
/// is gone, counts nothing.
pub fn count_unsubscription(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set(mailings::unsubscriptions.eq(mailings::unsubscriptions + 1))
    .execute(conn)?;
    Ok(())
}

/// Counts an objection to personal tracking through this mailing's link, likewise.
pub fn count_objection(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<()> {
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set(mailings::objections.eq(mailings::objections + 1))
    .execute(conn)?;
    Ok(())
}
