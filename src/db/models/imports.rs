//! Imports of recipients, and the rows they refused.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::{Conn, DbResult};

/// Empties the refused values that hold one of these addresses (rule P7: import reports too).
pub(crate) fn clear_refusals_of(
    conn: &mut Conn,
    account_id: i64,
    addresses: &[String],
) -> DbResult<()> {
    let position = match conn {
        Conn::Sqlite(_) => "instr",
        Conn::Postgres(_) => "strpos",
    };
    for address in addresses {
        diesel::sql_query(format!(
            "UPDATE import_refusals SET value = '' WHERE account_id = $1 AND {position}(lower(value), $2) > 0"
        ))
        .bind::<BigInt, _>(account_id)
        .bind::<Text, _>(address.to_lowercase())
        .execute(conn)?;
    }
    Ok(())
}
