//! SQLite: a file in the data directory, one writer at a time, so locks have nothing to do. The
//! search is an FTS5 index of trigrams.

use std::path::Path;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::{Backend, ConnectProblem, has_run, run_migrations};
use crate::db::DbResult;
use crate::db::advisory_lock::Lock;
use crate::db::json_rows::{self, Column};
use crate::db::models::recipient_batches::{Added, InsertRow};
use crate::db::models::recipients::{ROW_COLUMNS, RecipientRow};
use crate::db::paging::Position;
use crate::db::schema::recipients;
use crate::db::search::Needle;
use crate::domain::time::Timestamp;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

pub(super) fn connect(path: &Path) -> Result<SqliteConnection, ConnectProblem> {
    let path = path.to_str().ok_or(ConnectProblem::Path)?;
    let mut conn = SqliteConnection::establish(path)?;
    // FULL: a hit that was answered survives a power cut. secure_delete: deleted bytes are
    // overwritten with zeros, not left in free pages (rule P7). What a connection keeps in memory
    // is small, since there are many; the system keeps the file's pages once for all of them, and
    // mapping it would count them for each.
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -2000;
         PRAGMA mmap_size = 0;",
    )?;
    Ok(conn)
}

pub(super) fn open_copy(file: &Path) -> Option<SqliteConnection> {
    let path: String = url::form_urlencoded::byte_serialize(file.to_str()?.as_bytes()).collect();
    let path = path.replace('+', "%20");
    SqliteConnection::establish(&format!("file:{path}?mode=ro&immutable=1")).ok()
}

impl Backend for SqliteConnection {
    fn is_server(&self) -> bool {
        false
    }

    fn begin_read(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction(self)
    }

    fn begin_write(&mut self) -> QueryResult<()> {
        // A deferred transaction that reads first and writes later can lose its turn to another
        // process's writer and fail at once, in spite of the busy timeout.
        AnsiTransactionManager::begin_transaction_sql(self, "BEGIN IMMEDIATE")
    }

    fn begin_write_sharing(&mut self, _locks: &[Lock], _patience: Duration) -> DbResult<bool> {
        self.begin_write()?;
        Ok(true)
    }

    fn row_lock(&self, _clause: &'static str) -> &'static str {
        ""
    }

    fn migrate(&mut self) -> DbResult<()> {
        run_migrations(self, MIGRATIONS)
    }

    fn share_with_a_server(&mut self) -> DbResult<()> {
        // A server that stores hits leaves the lock for moments only, and SQLite gives nobody a
        // turn: whoever looks ten times a second may miss them for longer than five seconds.
        Ok(self.batch_execute("PRAGMA busy_timeout = 60000")?)
    }

    fn is_up_to_date(&mut self) -> DbResult<bool> {
        has_run(self, MIGRATIONS)
    }

    fn unfold(&self, placeholder: &str, columns: &[(&str, Column)]) -> String {
        let selected = columns.iter().enumerate().map(|(at, (name, column))| {
            let value = format!("json_extract(value, '$[{at}]')");
            match column {
                Column::Bytes => format!("unhex({value}) AS {name}"),
                _ => format!("{value} AS {name}"),
            }
        });
        // As JSONB a row is parsed once, and not again for each of its columns.
        format!(
            "(SELECT {} FROM jsonb_each({placeholder}))",
            selected.collect::<Vec<_>>().join(", ")
        )
    }

    fn position_function(&self) -> &'static str {
        "instr"
    }

    fn json_keys(&self, column: &str) -> (String, &'static str) {
        (format!("json_each({column}) AS field"), "field.key")
    }

    /// The prepared statement is run for each row: that costs less than writing the rows as one
    /// text and unfolding it. Their ids are read once, because `RETURNING` would make a table each
    /// time. Nobody else writes meanwhile, and ids only grow.
    fn insert_recipients(
        &mut self,
        account_id: i64,
        rows: &[InsertRow<'_>],
        now: Timestamp,
    ) -> DbResult<Vec<Added>> {
        let last: Option<i64> = recipients::table
            .select(diesel::dsl::max(recipients::id))
            .first(self)?;
        for row in rows {
            diesel::insert_into(recipients::table)
                .values((
                    recipients::account_id.eq(account_id),
                    recipients::address.eq(row.address),
                    recipients::address_key.eq(row.address_key),
                    recipients::search_text.eq(&row.search_text),
                    recipients::first_name.eq(row.first_name),
                    recipients::last_name.eq(row.last_name),
                    recipients::fields.eq(row.fields),
                    recipients::status.eq(row.status),
                    recipients::status_changed_at.eq(row.status_changed_at),
                    recipients::status_source.eq(row.status_source),
                    recipients::tracking.eq(row.tracking),
                    recipients::tracking_changed_at.eq(row.tracking_changed_at),
                    recipients::tracking_source.eq(row.tracking_source),
                    recipients::refused_at.eq(row.refused_at),
                    recipients::public_key.eq(&row.public_key[..]),
                    recipients::created_at.eq(now.millis()),
                    recipients::updated_at.eq(now.millis()),
                ))
                .execute(self)?;
        }
        Ok(recipients::table
            .filter(recipients::account_id.eq(account_id))
            .filter(recipients::id.gt(last.unwrap_or(0)))
            .order(recipients::id)
            .select(Added::as_select())
            .load(self)?)
    }

    fn find_recipients(
        &mut self,
        account_id: i64,
        needle: &Needle,
        position: Position,
        limit: i64,
    ) -> DbResult<Vec<RecipientRow>> {
        let (comparison, order, key) = position.descending();
        let (condition, patterns) = needle.condition("r.search_text", 4);
        let last = 4 + patterns.len();
        // Of the index the row's number is the one that it finds by; of the table the account is.
        let (from, id) = match needle.trigrams() {
            Some(_) => (INDEXED, "s.rowid"),
            None => (NOT_INDEXED, "r.id"),
        };
        let mut query = sql_query(format!(
            "SELECT {ROW_COLUMNS} FROM {from} AND {id} {comparison} $2 AND r.account_id = $3
               AND {condition}
             ORDER BY {id} {order} LIMIT ${last}"
        ))
        .into_boxed::<Sqlite>()
        .bind::<Nullable<Text>, _>(needle.trigrams())
        .bind::<BigInt, _>(key)
        .bind::<BigInt, _>(account_id);
        for pattern in patterns {
            query = query.bind::<Text, _>(pattern);
        }
        Ok(query.bind::<BigInt, _>(limit).load(self)?)
    }

    fn count_recipients(&mut self, account_id: i64, needle: &Needle, limit: i64) -> DbResult<i64> {
        let (condition, patterns) = needle.condition("r.search_text", 3);
        let last = 3 + patterns.len();
        let from = match needle.trigrams() {
            Some(_) => INDEXED,
            None => NOT_INDEXED,
        };
        let mut query = sql_query(format!(
            "SELECT COUNT(*) AS n FROM (
                 SELECT 1 FROM {from} AND r.account_id = $2 AND {condition} LIMIT ${last})"
        ))
        .into_boxed::<Sqlite>()
        .bind::<Nullable<Text>, _>(needle.trigrams())
        .bind::<BigInt, _>(account_id);
        for pattern in patterns {
            query = query.bind::<Text, _>(pattern);
        }
        let counted: Counted = query.bind::<BigInt, _>(limit).get_result(self)?;
        Ok(counted.n)
    }

    fn add_to_search_index(&mut self, account_id: i64, ids: &[i64]) -> DbResult<()> {
        insert_into_index(self, account_id, ids)?;
        merge_index(self, ids.len())
    }

    fn remove_from_search_index(&mut self, account_id: i64, ids: &[i64]) -> DbResult<()> {
        // The index does not hold the texts: to take an entry out, it has to be told what was in it.
        sql_query(
            "INSERT INTO recipient_search (recipient_search, rowid, search_text)
             SELECT 'delete', r.id, r.search_text FROM json_each($1) wanted
             CROSS JOIN recipients r
             WHERE r.id = json_extract(wanted.value, '$[0]') AND r.account_id = $2",
        )
        .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
        .bind::<BigInt, _>(account_id)
        .execute(self)?;
        Ok(())
    }

    fn skip_sequence_values(&mut self, count: i64) -> DbResult<()> {
        sql_query("UPDATE sqlite_sequence SET seq = seq + ?")
            .bind::<BigInt, _>(count)
            .execute(self)?;
        Ok(())
    }

    fn continue_journal_ids_after(&mut self, last: i64) -> DbResult<()> {
        // There is no row before the table's first one.
        sql_query(
            "INSERT INTO sqlite_sequence (name, seq)
             SELECT 'journal_entries', 0 WHERE NOT EXISTS (
                 SELECT 1 FROM sqlite_sequence WHERE name = 'journal_entries')",
        )
        .execute(self)?;
        sql_query("UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = 'journal_entries'")
            .bind::<BigInt, _>(last)
            .execute(self)?;
        Ok(())
    }

    /// SQLite writes it to a temporary database first. Connections keep temporary things in
    /// memory, which is right for sorting a page and would here take as much memory as the file is
    /// large; so this one goes to a file, which has no name any more once it is open and holds only
    /// what stays.
    fn vacuum(&mut self) -> DbResult<()> {
        sql_query("PRAGMA temp_store = FILE").execute(self)?;
        let outcome = sql_query("VACUUM").execute(self);
        sql_query("PRAGMA temp_store = MEMORY").execute(self)?;
        outcome?;
        Ok(())
    }

    fn vacuum_into(&mut self, file: &str) -> DbResult<()> {
        sql_query("VACUUM INTO ?")
            .bind::<Text, _>(file)
            .execute(self)?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Where the recipients come from that have the trigrams in `$1`.
const INDEXED: &str = "recipient_search s JOIN recipients r ON r.id = s.rowid
                       WHERE s.recipient_search MATCH $1";

/// The same without the index, for what is too short for it; `$1` is NULL.
const NOT_INDEXED: &str = "recipients r WHERE $1 IS NULL";

fn insert_into_index(conn: &mut SqliteConnection, account_id: i64, ids: &[i64]) -> DbResult<()> {
    // The ids of those who were added together follow one another: no list is needed.
    if let [first, .., last] = ids
        && ids.is_sorted_by(|one, next| one + 1 == *next)
    {
        sql_query(
            "INSERT INTO recipient_search (rowid, search_text)
             SELECT id, search_text FROM recipients
             WHERE id BETWEEN $1 AND $2 AND +account_id = $3",
        )
        .bind::<BigInt, _>(first)
        .bind::<BigInt, _>(last)
        .bind::<BigInt, _>(account_id)
        .execute(conn)?;
        return Ok(());
    }
    // `CROSS JOIN`, because SQLite takes an account for small and would read all its recipients
    // for each number in the list.
    sql_query(
        "INSERT INTO recipient_search (rowid, search_text)
         SELECT r.id, r.search_text FROM json_each($1) wanted
         CROSS JOIN recipients r
         WHERE r.id = json_extract(wanted.value, '$[0]') AND r.account_id = $2",
    )
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// Merges some of the index's segments, in proportion to what was added.
///
/// Left alone, FTS5 merges up to some hundred pages at once in a commit of an import now and then,
/// some 40 ms that hits would wait for. A few pages each time write an eighth more in all, and no
/// commit stands out.
fn merge_index(conn: &mut SqliteConnection, added: usize) -> DbResult<()> {
    // By trial with 150 rows a commit: of 10, 20, 30 and 40 pages the last was the fastest and left
    // the fewest segments.
    let pages = i64::try_from(8 + added / 4).unwrap_or(i64::MAX);
    sql_query("INSERT INTO recipient_search (recipient_search, rank) VALUES ('merge', $1)")
        .bind::<BigInt, _>(pages)
        .execute(conn)?;
    Ok(())
}
