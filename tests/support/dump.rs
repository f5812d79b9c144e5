//! Everything a database holds, as text.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Nullable, Text};

use super::{On, World};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

impl World {
    /// All rows of all tables of the product, one a line, each beginning with its table's name;
    /// bytes as hexadecimal digits. `without` are tables to be left out.
    pub fn dump(&self, without: &[&str]) -> Vec<String> {
        let mut lines = Vec::new();
        for table in self.tables() {
            if without.contains(&table.as_str()) {
                continue;
            }
            for row in self.lines(&self.all_of(&table)) {
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

    fn all_of(&self, table: &str) -> String {
        match self.on {
            On::Sqlite => {
                let columns = self.lines(&format!(
                    "SELECT 'quote(\"' || name || '\")' AS line FROM pragma_table_info('{table}')"
                ));
                format!(
                    "SELECT {} AS line FROM \"{table}\"",
                    columns.join(" || ' ' || ")
                )
            }
            On::Postgres => format!("SELECT CAST(t AS TEXT) AS line FROM \"{table}\" t"),
        }
    }

    fn lines(&self, query: &str) -> Vec<String> {
        let rows: Vec<Line> = self.read(|conn| Ok(sql_query(query).load(conn)?));
        rows.into_iter().filter_map(|row| row.line).collect()
    }
}
