//! The people whom a mailing would reach, as its templates see them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::{Conn, DbResult};

/// Somebody whom a mailing would reach. Holds an address, so it has no `Debug` (rule P8).
#[derive(Clone, QueryableByName)]
pub struct Reader {
    /// The recipient's number.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The address as typed.
    #[diesel(sql_type = Text)]
    pub address: String,
    /// First name, or empty.
    #[diesel(sql_type = Text)]
    pub first_name: String,
    /// Last name, or empty.
    #[diesel(sql_type = Text)]
    pub last_name: String,
    /// Free fields, as a JSON object of texts.
    #[diesel(sql_type = Text)]
    pub fields: String,
}

/// Active recipients of the mailing's groups, each once, by number from behind `after`.
pub fn of_mailing(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    after: i64,
    limit: i64,
) -> DbResult<Vec<Reader>> {
    Ok(diesel::sql_query(
        "SELECT r.id, r.address, r.first_name, r.last_name, r.fields FROM recipients r
         WHERE r.account_id = $1 AND r.id > $2 AND r.status = 'active' AND EXISTS (
             SELECT 1 FROM mailing_groups g
             JOIN memberships m ON m.account_id = g.account_id AND m.group_id = g.group_id
             WHERE g.account_id = $3 AND g.mailing_id = $4 AND m.recipient_id = r.id)
         ORDER BY r.id LIMIT $5",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(limit)
    .load(conn)?)
}
