//! Cleaning the files of the database after deletions (rule P7). Nothing to do on PostgreSQL,
//! whose files are the server's: docs/PRIVACY.md says what its administrator can do. And what
//! PostgreSQL has to know after bulk work.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;

use super::checkpointer::{Carry, carry};
use super::{Db, DbError, DbResult, OnBackend};

/// Empties the write-ahead log. Gives whether that was possible; not while somebody reads an old
/// state. It doesn't wait for readers, because hits would wait with it.
pub fn empty_log(db: &Db) -> DbResult<bool> {
    if db.is_server() {
        return Ok(true);
    }
    // Most of it while others go on writing.
    carry(&mut db.connection()?.conn, Carry::WhatCanBe)?;
    db.maintain(|conn| {
        sql_query("PRAGMA busy_timeout = 0").execute(conn)?;
        let outcome = carry(conn, Carry::Everything);
        sql_query("PRAGMA busy_timeout = 5000").execute(conn)?;
        Ok(!outcome?.is_busy())
    })
}

/// Writes the database anew, without its gaps.
pub fn rebuild(db: &Db) -> DbResult<()> {
    db.maintain(|conn| conn.backend_mut().vacuum())
}

/// Writes a copy of the database as it is at one moment into a new file, without its gaps.
///
/// SQLite reads that state from the write-ahead log's beginning on, whatever is written meanwhile:
/// nobody who writes waits for it. Only the log grows until the copy is done.
pub fn copy_to(db: &Db, file: &Path) -> DbResult<()> {
    let file = file
        .to_str()
        .ok_or(DbError::Refused("the path is not valid UTF-8"))?;
    db.maintain(|conn| conn.backend_mut().vacuum_into(file))
}

/// Which version of the tables this is: the name of the last migration.
pub fn schema_version(db: &Db) -> DbResult<String> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let newest: Version = db.read(|conn| {
        Ok(
            sql_query("SELECT MAX(version) AS version FROM __diesel_schema_migrations")
                .get_result(conn)?,
        )
    })?;
    Ok(newest.version)
}

/// Lets the database look at how much there is by now, after very many rows were added.
///
/// PostgreSQL does so by itself within a minute or so. Until then it may take a table for empty
/// that has a million rows, and compare each of them with each of another.
pub fn refresh_statistics(db: &Db) -> DbResult<()> {
    db.maintain(|conn| {
        let tables = ["recipients", "memberships", "deliveries"];
        conn.backend_mut().analyze(&tables)
    })
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::sql_types::Integer;

    use super::*;
    use crate::db::Target;

    #[derive(QueryableByName)]
    struct TempStore {
        #[diesel(sql_type = Integer)]
        temp_store: i32,
    }

    #[test]
    fn rebuilding_takes_the_gaps_out_and_leaves_temporary_things_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db.sqlite");
        let db = Db::open(&Target::Sqlite(path.clone())).unwrap();
        db.maintain(|conn| {
            Ok(conn.batch_execute(
                "CREATE TABLE ballast (bytes BLOB NOT NULL);
                 INSERT INTO ballast VALUES (zeroblob(4000000));
                 DROP TABLE ballast;",
            )?)
        })
        .unwrap();
        assert!(empty_log(&db).unwrap());
        let before = std::fs::metadata(&path).unwrap().len();
        rebuild(&db).unwrap();
        assert!(empty_log(&db).unwrap());
        let after = std::fs::metadata(&path).unwrap().len();
        assert!(
            before > 4_000_000 && after < 1_000_000,
            "{before} to {after}"
        );
        let kept =
            db.maintain(|conn| Ok(sql_query("PRAGMA temp_store").get_result::<TempStore>(conn)?));
        assert_eq!(kept.unwrap().temp_store, 2, "2 is MEMORY");
    }
}
