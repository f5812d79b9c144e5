//! Numbers that a database gives by itself, after it was brought back from a copy.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use super::{Conn, DbResult};

/// How many numbers of each table are passed over.
const ROOM: i64 = 100_000;

/// Passes over the numbers that were given after the copy was made: a mail that was sent since
/// carries the number of its mailing, and must not count in another one.
pub fn leave_room(conn: &mut Conn) -> DbResult<()> {
    match conn {
        Conn::Sqlite(conn) => {
            sql_query("UPDATE sqlite_sequence SET seq = seq + ?")
                .bind::<BigInt, _>(ROOM)
                .execute(conn)?;
        }
        Conn::Postgres(conn) => {
            #[derive(QueryableByName)]
            struct Column {
                #[diesel(sql_type = Text)]
                table_name: String,
                #[diesel(sql_type = Text)]
                column_name: String,
            }
            let columns: Vec<Column> = sql_query(
                "SELECT CAST(table_name AS TEXT) AS table_name, CAST(column_name AS TEXT) AS column_name
                 FROM information_schema.columns
                 WHERE table_schema = current_schema() AND is_identity = 'YES'",
            )
            .load(conn)?;
            for Column {
                table_name,
                column_name,
            } in columns
            {
                sql_query(
                    "SELECT setval(sequence, nextval(sequence) + $1)
                     FROM (SELECT CAST(pg_get_serial_sequence(quote_ident($2), $3) AS regclass) AS sequence) AS of_table",
                )
                .bind::<BigInt, _>(ROOM)
                .bind::<Text, _>(table_name)
                .bind::<Text, _>(column_name)
                .execute(conn)?;
            }
        }
    }
    Ok(())
}

/// Lets the numbers of the journal's entries begin behind that one: they are the order of what
/// happened.
pub fn journal_goes_on_behind(conn: &mut Conn, last: i64) -> DbResult<()> {
    match conn {
        Conn::Sqlite(conn) => {
            // There is no row before the table's first one.
            sql_query(
                "INSERT INTO sqlite_sequence (name, seq)
                 SELECT 'journal_entries', 0 WHERE NOT EXISTS (
                     SELECT 1 FROM sqlite_sequence WHERE name = 'journal_entries')",
            )
            .execute(conn)?;
            sql_query(
                "UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = 'journal_entries'",
            )
            .bind::<BigInt, _>(last)
            .execute(conn)?;
        }
        Conn::Postgres(conn) => {
            sql_query(
                "SELECT setval(sequence, GREATEST(nextval(sequence), $1))
                 FROM (SELECT CAST(pg_get_serial_sequence('journal_entries', 'id') AS regclass) AS sequence) AS of_table",
            )
            .bind::<BigInt, _>(last)
            .execute(conn)?;
        }
    }
    Ok(())
}
