//! Everything a database holds, as text.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Nullable, Text};

use super::{On, World};

/// What background work writes whenever it gets to it, on a busy machine in the middle of a test:
/// not part of a [`World::snapshot`].
const BACKGROUND: [Background; 4] = [
    // The journal's thread notes once an hour, first after the start, that the database is in use.
    Background::rows("installation", "key = 'in_use_at'"),
    // The same thread empties an entry once it is in the journal's file. Mark and time stay.
    Background::columns(
        "journal_entries",
        &["kind", "recipient_id", "person", "details"],
    ),
    // The cleaner notes that the bytes of a deletion are gone.
    Background::columns("receipts", &["cleanup", "cleaned_at"]),
    // The reader of mailboxes notes how far it is, and why it can't read one.
    Background::columns(
        "bounce_mailboxes",
        &["lease_until", "checked_at", "problem"],
    ),
];

struct Background {
    table: &'static str,
    /// A condition that its rows meet.
    rows: Option<&'static str>,
    columns: &'static [&'static str],
}

impl Background {
    const fn rows(table: &'static str, condition: &'static str) -> Self {
        Self {
            table,
            rows: Some(condition),
            columns: &[],
        }
    }

    const fn columns(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            table,
            rows: None,
            columns,
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

impl World {
    /// All rows of all tables of the product, one a line, each beginning with its table's name;
    /// bytes as hexadecimal digits. `without` are tables to be left out. For looking for what must
    /// not be stored; to compare two moments there is [`World::snapshot`].
    pub fn dump(&self, without: &[&str]) -> Vec<String> {
        self.collect(without, &[])
    }

    /// The same without [`BACKGROUND`]: two are equal unless somebody changed something in between.
    pub fn snapshot(&self, without: &[&str]) -> Vec<String> {
        self.collect(without, &BACKGROUND)
    }

    fn collect(&self, without: &[&str], background: &[Background]) -> Vec<String> {
        let mut lines = Vec::new();
        for table in self.tables() {
            if without.contains(&table.as_str()) {
                continue;
            }
            let left_out = background.iter().find(|one| one.table == table);
            let columns = left_out.map_or(&[][..], |one| one.columns);
            let rows = left_out.and_then(|one| one.rows).unwrap_or("1 = 0");
            let query = format!("{} WHERE NOT ({rows})", self.all_of(&table, columns));
            for row in self.lines(&query) {
                lines.push(format!("{table}: {row}"));
            }
        }
        lines.sort();
        lines
    }

    /// The names of all tables.
    pub fn tables(&self) -> Vec<String> {
        self.lines(match self.on {
            On::Sqlite => {
                "SELECT name AS line FROM sqlite_master WHERE type = 'table'
                 AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'recipient_search%'"
            }
            On::Postgres => {
                "SELECT CAST(tablename AS TEXT) AS line FROM pg_tables WHERE schemaname = 'public'"
            }
        })
    }

    /// The query for a table's rows, without these columns.
    fn all_of(&self, table: &str, without: &[&str]) -> String {
        let without = without.join("', '");
        match self.on {
            On::Postgres if without.is_empty() => {
                format!("SELECT CAST(t AS TEXT) AS line FROM \"{table}\" t")
            }
            On::Sqlite => {
                let columns = self.lines(&format!(
                    "SELECT 'quote(\"' || name || '\")' AS line FROM pragma_table_info('{table}')
                     WHERE name NOT IN ('{without}')"
                ));
                format!(
                    "SELECT {} AS line FROM \"{table}\"",
                    columns.join(" || ' ' || ")
                )
            }
            On::Postgres => format!(
                "SELECT CAST(to_jsonb(t) - ARRAY['{without}'] AS TEXT) AS line FROM \"{table}\" t"
            ),
        }
    }

    fn lines(&self, query: &str) -> Vec<String> {
        let rows: Vec<Line> = self.read(|conn| Ok(sql_query(query).load(conn)?));
        rows.into_iter().filter_map(|row| row.line).collect()
    }
}
