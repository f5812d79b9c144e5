//! PostgreSQL: a server that several nodes may share. The search is a GIN index of trigrams
//! (`pg_trgm`) that serves `LIKE`.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use diesel::{ConnectionError, PgConnection, sql_query};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::{Backend, ConnectProblem, has_run, run_migrations};
use crate::db::advisory_lock::Lock;
use crate::db::json_rows::{self, Column, hex};
use crate::db::models::recipient_batches::{Added, InsertRow};
use crate::db::models::recipients::{ROW_COLUMNS, RecipientRow};
use crate::db::paging::Position;
use crate::db::search::Needle;
use crate::db::{DbError, DbResult, LOCK_TIMEOUT};
use crate::domain::time::Timestamp;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

pub(super) fn connect(url: &str) -> Result<PgConnection, ConnectProblem> {
    let mut conn = PgConnection::establish(&with_time_limits(url))
        .map_err(|error| ConnectionError::BadConnection(presentable(&error)))?;
    conn.batch_execute(&format!(
        "SET client_min_messages = warning; SET TIME ZONE 'UTC'; {JIT_OFF}; {ENGLISH};
         SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        LOCK_TIMEOUT.as_millis(),
        IDLE_TIMEOUT.as_millis(),
    ))?;
    Ok(conn)
}

/// Compiling a query takes longer than any of ours may.
const JIT_OFF: &str = "SET jit = off";

/// Some errors are known by their words alone ([`DbError::is_away`]). Choosing the language takes a
/// superuser, or who was granted that (from PostgreSQL 15 on); for everybody else it stays.
const ENGLISH: &str = "DO $$ BEGIN
    IF current_setting('lc_messages') <> 'C' THEN
        PERFORM set_config('lc_messages', 'C', false);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$";

/// How long a transaction may do nothing before the server ends it: a node that hangs must not keep
/// its locks. Ours do nothing for milliseconds.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// How long a batch of hits waits for a row, once it has its accounts' locks. Whoever changes many of
/// these rows keeps hits out by such a lock.
const ROW_PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait for a server that says nothing, unless the address has limits of its own: the
/// library would wait for ever, and hits would wait behind it. Seconds, and once milliseconds.
const TIME_LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "25000"),
];

fn with_time_limits(url: &str) -> String {
    let mut limited = url.to_owned();
    for (name, value) in TIME_LIMITS {
        if !url.contains(name) {
            limited.push(if limited.contains('?') { '&' } else { '?' });
            limited.push_str(name);
            limited.push('=');
            limited.push_str(value);
        }
    }
    limited
}

/// What the client library says, on one line. Only what a server or the way to it is to blame for:
/// of an address it can't understand the library quotes parts, and any of them may be the password.
fn presentable(error: &ConnectionError) -> String {
    let said = error.to_string();
    if said.starts_with("connection to server") {
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    } else if said.starts_with("could not translate host name") {
        "the host in DATABASE_URL is not known".to_owned()
    } else {
        "the address in DATABASE_URL can't be understood".to_owned()
    }
}

impl Backend for PgConnection {
    fn is_server(&self) -> bool {
        true
    }

    fn begin_read(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction_sql(
            self,
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        )
    }

    fn begin_write(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction_sql(self, "BEGIN")
    }

    /// One round trip, whatever the number of locks; they are taken in ascending order.
    fn begin_write_sharing(&mut self, locks: &[Lock], patience: Duration) -> DbResult<bool> {
        let locks = keys(locks)
            .into_iter()
            .map(|(space, id)| format!("; SELECT pg_advisory_xact_lock_shared({space}, {id})"));
        let set = |limit: Duration| format!("; SET LOCAL lock_timeout = {}", limit.as_millis());
        let begin: String = ["BEGIN".to_owned(), set(patience)]
            .into_iter()
            .chain(locks)
            .chain([set(ROW_PATIENCE)])
            .collect();
        let Err(error) = AnsiTransactionManager::begin_transaction_sql(self, &begin) else {
            return Ok(true);
        };
        // The server has begun all the same. A connection that works says, in any language, that it
        // was a lock.
        match self.batch_execute("ROLLBACK") {
            Ok(()) => Ok(false),
            Err(_) => Err(error.into()),
        }
    }

    fn lock_shared(&mut self, lock: Lock) -> DbResult<()> {
        take(self, "SELECT pg_advisory_xact_lock_shared($1, $2)", lock)
    }

    fn lock_exclusive(&mut self, lock: Lock) -> DbResult<()> {
        take(self, "SELECT pg_advisory_xact_lock($1, $2)", lock)
    }

    fn held_exclusively(&mut self, locks: &[Lock]) -> DbResult<Vec<(i32, i32)>> {
        #[derive(QueryableByName)]
        struct Held {
            #[diesel(sql_type = Integer)]
            space: i32,
            #[diesel(sql_type = Integer)]
            id: i32,
        }
        if locks.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = keys(locks)
            .into_iter()
            .map(|(space, id)| format!("({space}, {id})"))
            .collect();
        let held: Vec<Held> = sql_query(format!(
            "SELECT asked.space, asked.id FROM (VALUES {}) AS asked (space, id)
             WHERE NOT pg_try_advisory_xact_lock_shared(asked.space, asked.id)",
            keys.join(", ")
        ))
        .load(self)?;
        Ok(held.into_iter().map(|one| (one.space, one.id)).collect())
    }

    fn allow_idling(&mut self, limit: Duration) -> DbResult<()> {
        let limit = limit.as_millis();
        Ok(self.batch_execute(&format!(
            "SET LOCAL idle_in_transaction_session_timeout = {limit}"
        ))?)
    }

    fn foreign_language(&mut self) -> DbResult<Option<String>> {
        #[derive(QueryableByName)]
        struct Setting {
            #[diesel(sql_type = Text)]
            value: String,
        }
        let language: Setting =
            sql_query("SELECT current_setting('lc_messages') AS value").get_result(self)?;
        Ok(Some(language.value).filter(|locale| !is_english(locale)))
    }

    fn row_lock(&self, clause: &'static str) -> &'static str {
        clause
    }

    fn migrate(&mut self) -> DbResult<()> {
        // Several nodes may start at once; the first one migrates, the others wait for it, however
        // long it takes.
        if !is_had(
            self,
            "SELECT pg_try_advisory_lock($1, $2) AS had",
            Lock::Migrations,
        )? {
            tracing::info!("another node migrates the database: waiting until it has done so");
            self.batch_execute("SET lock_timeout = 0")?;
            take(self, "SELECT pg_advisory_lock($1, $2)", Lock::Migrations)?;
            let usual = LOCK_TIMEOUT.as_millis();
            self.batch_execute(&format!("SET lock_timeout = {usual}"))?;
        }
        let outcome = run_migrations(self, MIGRATIONS);
        take(self, "SELECT pg_advisory_unlock($1, $2)", Lock::Migrations)?;
        outcome
    }

    fn is_up_to_date(&mut self) -> DbResult<bool> {
        has_run(self, MIGRATIONS)
    }

    fn unfold(&self, placeholder: &str, columns: &[(&str, Column)]) -> String {
        if let [(name, Column::Int)] = columns {
            // As an array, whose length is known when a plan is made: of a JSON array PostgreSQL
            // supposes a hundred, and goes through a whole table for one.
            return format!(
                "(SELECT value AS {name} FROM unnest(CAST(translate({placeholder}, '[]', '{{}}') AS BIGINT[])) AS unfolded (value))"
            );
        }
        let selected = columns.iter().enumerate().map(|(at, (name, column))| {
            let value = format!("value ->> {at}");
            match column {
                Column::Int => format!("CAST({value} AS BIGINT) AS {name}"),
                Column::Text => format!("{value} AS {name}"),
                Column::Bytes => format!("decode({value}, 'hex') AS {name}"),
                Column::Bool => format!("CAST({value} AS BOOLEAN) AS {name}"),
            }
        });
        format!(
            "(SELECT {} FROM jsonb_array_elements(CAST({placeholder} AS jsonb)) AS unfolded (value))",
            selected.collect::<Vec<_>>().join(", ")
        )
    }

    fn position_function(&self) -> &'static str {
        "strpos"
    }

    fn json_keys(&self, column: &str) -> (String, &'static str) {
        let keys = format!("LATERAL json_object_keys({column}::json) AS field(name)");
        (keys, "field.name")
    }

    /// All of them in one statement: each would cost a round trip.
    fn insert_recipients(
        &mut self,
        account_id: i64,
        rows: &[InsertRow<'_>],
        now: Timestamp,
    ) -> DbResult<Vec<Added>> {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.address,
                    row.address_key,
                    &row.search_text,
                    row.first_name,
                    row.last_name,
                    row.fields,
                    row.status,
                    row.status_changed_at,
                    row.status_source,
                    row.tracking,
                    row.tracking_changed_at,
                    row.tracking_source,
                    row.refused_at,
                    hex(&row.public_key),
                )
            })
            .collect();
        let unfolded = self.unfold(
            "$1",
            &[
                ("address", Column::Text),
                ("address_key", Column::Text),
                ("search_text", Column::Text),
                ("first_name", Column::Text),
                ("last_name", Column::Text),
                ("fields", Column::Text),
                ("status", Column::Text),
                ("status_changed_at", Column::Int),
                ("status_source", Column::Text),
                ("tracking", Column::Text),
                ("tracking_changed_at", Column::Int),
                ("tracking_source", Column::Text),
                ("refused_at", Column::Int),
                ("public_key", Column::Bytes),
            ],
        );
        Ok(sql_query(format!(
            "INSERT INTO recipients (address, address_key, search_text, first_name, last_name, fields,
                 status, status_changed_at, status_source, tracking, tracking_changed_at,
                 tracking_source, refused_at, public_key, account_id, created_at, updated_at)
             SELECT new.*, $2, $3, $4 FROM {unfolded} AS new
             ON CONFLICT (account_id, address_key) DO NOTHING
             RETURNING id, address_key"
        ))
        .bind::<Text, _>(json_rows::of(&rows))
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(now.millis())
        .bind::<BigInt, _>(now.millis())
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
        let mut query = sql_query(format!(
            "SELECT {ROW_COLUMNS} FROM recipients r
             WHERE r.account_id = $1 AND r.id {comparison} $2 AND {condition}
             ORDER BY r.id {order} LIMIT $3"
        ))
        .into_boxed::<Pg>()
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(key)
        .bind::<BigInt, _>(limit);
        for pattern in patterns {
            query = query.bind::<Text, _>(pattern);
        }
        Ok(query.load(self)?)
    }

    fn count_recipients(&mut self, account_id: i64, needle: &Needle, limit: i64) -> DbResult<i64> {
        #[derive(QueryableByName)]
        struct Counted {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let (condition, patterns) = needle.condition("r.search_text", 3);
        let mut query = sql_query(format!(
            "SELECT COUNT(*) AS n FROM (
                 SELECT 1 FROM recipients r WHERE r.account_id = $1 AND {condition} LIMIT $2) AS counted"
        ))
        .into_boxed::<Pg>()
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(limit);
        for pattern in patterns {
            query = query.bind::<Text, _>(pattern);
        }
        let counted: Counted = query.get_result(self)?;
        Ok(counted.n)
    }

    fn skip_sequence_values(&mut self, count: i64) -> DbResult<()> {
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
        .load(self)?;
        for column in columns {
            sql_query(
                "SELECT setval(sequence, nextval(sequence) + $1)
                 FROM (SELECT CAST(pg_get_serial_sequence(quote_ident($2), $3) AS regclass) AS sequence) AS of_table",
            )
            .bind::<BigInt, _>(count)
            .bind::<Text, _>(column.table_name)
            .bind::<Text, _>(column.column_name)
            .execute(self)?;
        }
        Ok(())
    }

    fn continue_journal_ids_after(&mut self, last: i64) -> DbResult<()> {
        sql_query(
            "SELECT setval(sequence, GREATEST(nextval(sequence), $1))
             FROM (SELECT CAST(pg_get_serial_sequence('journal_entries', 'id') AS regclass) AS sequence) AS of_table",
        )
        .bind::<BigInt, _>(last)
        .execute(self)?;
        Ok(())
    }

    fn analyze(&mut self, tables: &[&str]) -> DbResult<()> {
        for table in tables {
            sql_query(format!("ANALYZE {table}")).execute(self)?;
        }
        Ok(())
    }

    fn vacuum_into(&mut self, _file: &str) -> DbResult<()> {
        Err(DbError::Refused("PostgreSQL is copied with pg_dump"))
    }
}

/// In ascending order, each once.
fn keys(locks: &[Lock]) -> Vec<(i32, i32)> {
    let mut keys: Vec<_> = locks.iter().map(|lock| lock.key()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn take(conn: &mut PgConnection, statement: &str, lock: Lock) -> DbResult<()> {
    let (space, id) = lock.key();
    sql_query(statement)
        .bind::<Integer, _>(space)
        .bind::<Integer, _>(id)
        .execute(conn)?;
    Ok(())
}

fn is_had(conn: &mut PgConnection, statement: &str, lock: Lock) -> DbResult<bool> {
    #[derive(QueryableByName)]
    struct Had {
        #[diesel(sql_type = Bool)]
        had: bool,
    }
    let (space, id) = lock.key();
    let had: Had = sql_query(statement)
        .bind::<Integer, _>(space)
        .bind::<Integer, _>(id)
        .get_result(conn)?;
    Ok(had.had)
}

/// Whether a locale of that name words messages in English: as they are in the source, or as
/// `en_US.UTF-8` and `English_United States.1252` translate them.
fn is_english(locale: &str) -> bool {
    let language = locale
        .split(['_', '.', '-', '@'])
        .next()
        .unwrap_or_default();
    ["c", "posix", "en", "english"]
        .iter()
        .any(|known| language.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::{is_english, with_time_limits};

    #[test]
    fn locales_tell_their_language() {
        for locale in [
            "C",
            "C.UTF-8",
            "POSIX",
            "en_US.UTF-8",
            "English_United States.1252",
        ] {
            assert!(is_english(locale), "{locale}");
        }
        for locale in [
            "de_DE.UTF-8",
            "German_Germany.1252",
            "Czech_Czechia.1250",
            "",
            "ca_ES",
        ] {
            assert!(!is_english(locale), "{locale}");
        }
    }

    #[test]
    fn time_limits_of_the_address_stay() {
        let limited = with_time_limits("postgres://u@h/d?connect_timeout=60");
        assert!(
            limited.starts_with("postgres://u@h/d?connect_timeout=60&keepalives_idle=10&"),
            "{limited}"
        );
        let limited = with_time_limits("postgres://u@h/d");
        assert!(
            limited.starts_with("postgres://u@h/d?connect_timeout=5&"),
            "{limited}"
        );
    }
}
