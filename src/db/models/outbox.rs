//! Mails in the built-in outbox: which file holds the mail to whom.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::json_rows::{self, Column};
use crate::db::{Conn, DbResult};

/// Takes the mails to these recipients out of the outbox and gives their files, which the caller
/// removes after the commit.
pub(crate) fn remove_of_recipients(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
) -> DbResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Removed {
        #[diesel(sql_type = Text)]
        file: String,
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let removed: Vec<Removed> = diesel::sql_query(format!(
        "DELETE FROM outbox_mails
         WHERE recipient_id IN (SELECT id FROM {rows} AS gone) AND account_id = $2 RETURNING file"
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    Ok(removed.into_iter().map(|row| row.file).collect())
}
