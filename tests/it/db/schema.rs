//! Both migration folders make the same tables, and both are what `schema.rs` says.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Text};
use widerspruch::db::Conn;

use crate::support::{On, World};

#[derive(QueryableByName, Debug)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

#[derive(QueryableByName, Debug)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    target: String,
    #[diesel(sql_type = Text)]
    on_delete: String,
}

type Columns = BTreeMap<(String, String), bool>;
type ForeignKeys = BTreeMap<(String, String), (String, String)>;

fn structure(on: On) -> (Columns, ForeignKeys) {
    let world = World::start_empty(on);
    world.read(|conn| {
        let columns: Vec<ColumnRow> = match conn {
            Conn::Sqlite(conn) => sql_query(
                "SELECT m.name AS table_name, c.name AS column_name, c.\"notnull\" = 0 AS nullable
                 FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'recipient_search%'
                   AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'",
            )
            .load(conn)?,
            Conn::Postgres(conn) => sql_query(
                "SELECT CAST(table_name AS TEXT) AS table_name, CAST(column_name AS TEXT) AS column_name,
                        is_nullable = 'YES' AS nullable
                 FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'",
            )
            .load(conn)?,
        };
        let keys: Vec<ForeignKeyRow> = match conn {
            Conn::Sqlite(conn) => sql_query(
                "SELECT m.name AS table_name, f.\"from\" AS column_name, f.\"table\" AS target, f.on_delete AS on_delete
                 FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
            )
            .load(conn)?,
            Conn::Postgres(conn) => sql_query(
                "SELECT CAST(c.conrelid::regclass AS TEXT) AS table_name, CAST(a.attname AS TEXT) AS column_name,
                        CAST(c.confrelid::regclass AS TEXT) AS target,
                        CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'r' THEN 'RESTRICT'
                             ELSE 'NO ACTION' END AS on_delete
                 FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
                 WHERE c.contype = 'f'",
            )
            .load(conn)?,
        };
        Ok((
            columns.into_iter().map(|c| ((c.table_name, c.column_name), c.nullable)).collect(),
            keys.into_iter()
                .map(|k| {
                    let unquoted = |name: String| name.trim_matches('"').to_owned();
                    ((unquoted(k.table_name), k.column_name), (unquoted(k.target), k.on_delete))
                })
                .collect(),
        ))
    })
}

#[test]
fn both_databases_have_the_same_structure() {
    let (sqlite_columns, sqlite_keys) = structure(On::Sqlite);
    let (postgres_columns, postgres_keys) = structure(On::Postgres);
    assert!(sqlite_columns.len() > 100, "{}", sqlite_columns.len());
    assert_eq!(sqlite_columns, postgres_columns);
    assert!(sqlite_keys.len() > 30);
    assert_eq!(sqlite_keys, postgres_keys);
}

#[test]
fn every_table_of_an_account_has_the_account() {
    let (columns, _) = structure(On::Sqlite);
    let tables: std::collections::BTreeSet<_> =
        columns.keys().map(|(table, _)| table.clone()).collect();
    for table in tables {
        if ["accounts", "installation", "backups", "sessions"].contains(&table.as_str()) {
            continue;
        }
        assert_eq!(
            columns.get(&(table.clone(), "account_id".into())),
            Some(&false),
            "{table}"
        );
    }
}
