//! Cleaning the files of the database after deletions (rule P7). Nothing to do on PostgreSQL,
//! whose files are the server's: docs/PRIVACY.md says what its administrator can do.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Integer;

use super::{Conn, Db, DbResult};

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Empties the write-ahead log. Gives whether that was possible; not while somebody reads an old
/// state. It doesn't wait for readers, because hits would wait with it.
pub fn empty_log(db: &Db) -> DbResult<bool> {
    db.maintain(|conn| match conn {
        Conn::Sqlite(conn) => {
            sql_query("PRAGMA busy_timeout = 0").execute(conn)?;
            let outcome =
                sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<Checkpoint>(conn);
            sql_query("PRAGMA busy_timeout = 5000").execute(conn)?;
            Ok(outcome?.busy == 0)
        }
        Conn::Postgres(_) => Ok(true),
    })
}

/// Writes the database anew, without its gaps.
pub fn rebuild(db: &Db) -> DbResult<()> {
    db.maintain(|conn| {
        if let Conn::Sqlite(conn) = conn {
            sql_query("VACUUM").execute(conn)?;
        }
        Ok(())
    })
}
