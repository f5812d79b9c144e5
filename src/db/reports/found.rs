//! What recipients that were looked for did with one mailing. Nobody finds a pseudonym.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::activity::{ActivityLine, Filter, RECEIVED, Row};
use crate::db::json_rows::{self, Column};
use crate::db::{Conn, DbResult};

/// The lines of these recipients, as far as they received the mailing and the filter has them, in
/// the order of their numbers.
pub fn lines(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    filter: Filter,
    recipients: &[i64],
) -> DbResult<Vec<ActivityLine>> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    // `CROSS JOIN` lets SQLite look each of them up; it would read the whole mailing.
    let rows: Vec<Row> = diesel::sql_query(format!(
        "WITH wanted AS {rows}
         SELECT d.recipient_id, d.pseudonym, r.address, r.first_name, r.last_name, d.policy,
                d.opens, d.first_open_at, d.clicks, d.first_click_at, d.bounce
         FROM wanted
         CROSS JOIN deliveries d
         JOIN recipients r ON r.id = d.recipient_id
         WHERE d.recipient_id = wanted.id AND d.mailing_id = $2 AND d.account_id = $3 AND {RECEIVED} {}
         ORDER BY d.recipient_id",
        filter.condition()
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(account_id)
    .load(conn)?;
    Ok(rows.into_iter().filter_map(Row::into_line).collect())
}
