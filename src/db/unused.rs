//! Zeroing what SQLite's pages hold in their unused space (rule P7).
//!
//! `secure_delete` overwrites what is deleted. But where a page is split or balanced, the cells that
//! move to another page also stay behind, in the space between the first page's pointers and its
//! cells. Writing the database anew (`VACUUM`) takes that out, and lets all who write wait until it
//! is done: minutes, for some gigabytes. This goes through the pages instead and zeroes the unused
//! space of those that hold what is looked for, some at a time, each batch in a transaction of its
//! own.
//!
//! Pages are read and written by SQLite's own table of them, `sqlite_dbpage`: so its transactions,
//! caches and write-ahead log hold. The file is not opened here, nor may it be anywhere in a
//! process that serves: closing it would drop the locks that SQLite holds on it
//! (<https://www.sqlite.org/howtocorrupt.html>, 2.2). What a page looks like stands in
//! <https://www.sqlite.org/fileformat2.html>, 1.6.

use std::ops::Range;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary};

use super::{Conn, Db, DbError, DbResult, maintenance};

/// How many pages are looked at at once: a megabyte.
const PAGES: i64 = 256;

/// From this number of pages on (128 GiB) a page of a long value could begin as one of a tree does:
/// with its successor's number, in four bytes, the first of them now always 0 or 1.
const TOO_MANY: i64 = 0x0200_0000;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Page {
    #[diesel(sql_type = BigInt)]
    pgno: i64,
    #[diesel(sql_type = Binary)]
    data: Vec<u8>,
}

/// Zeroes the unused space of all pages where it holds something that is looked for. Who writes
/// waits for some milliseconds at a time. Nothing to do on PostgreSQL.
///
/// What is committed before this begins, and not written again, is found wherever it was left.
pub fn zero(db: &Db, is_looked_for: impl Fn(&[u8]) -> bool) -> DbResult<()> {
    if db.is_server() {
        return Ok(());
    }
    let (pages, is_possible) = db.read(|conn| {
        let pages = number(conn, "SELECT page_count AS n FROM pragma_page_count")?;
        let table = "SELECT COUNT(*) AS n FROM pragma_module_list WHERE name = 'sqlite_dbpage'";
        Ok((pages, pages < TOO_MANY && number(conn, table)? > 0))
    })?;
    if !is_possible {
        return maintenance::rebuild(db);
    }
    let holds = |page: &Page| {
        let parts = unused(&page.data, page.pgno).unwrap_or_default();
        parts
            .into_iter()
            .map(|part| &page.data[part])
            .any(|part| part.iter().any(|byte| *byte != 0) && is_looked_for(part))
    };
    for first in (1..=pages).step_by(usize::try_from(PAGES).unwrap_or(1)) {
        let read = db.read(|conn| read(conn, first, PAGES))?;
        let found: Vec<i64> = read
            .iter()
            .filter(|page| holds(page))
            .map(|page| page.pgno)
            .collect();
        if !found.is_empty() {
            db.write(|conn| found.iter().try_for_each(|pgno| zero_page(conn, *pgno)))?;
        }
    }
    Ok(())
}

fn number(conn: &mut Conn, query: &str) -> DbResult<i64> {
    Ok(sql_query(query).get_result::<Number>(conn)?.n)
}

/// Some pages, as this transaction sees them.
fn read(conn: &mut Conn, first: i64, count: i64) -> DbResult<Vec<Page>> {
    Ok(sql_query(
        "WITH RECURSIVE wanted (pgno) AS (
             SELECT $1 UNION ALL SELECT pgno + 1 FROM wanted WHERE pgno + 1 < $1 + $2
         )
         SELECT p.pgno, p.data FROM wanted CROSS JOIN sqlite_dbpage p WHERE p.pgno = wanted.pgno",
    )
    .bind::<BigInt, _>(first)
    .bind::<BigInt, _>(count)
    .load(conn)?)
}

/// Zeroes the unused space of a page, as it is in this transaction.
fn zero_page(conn: &mut Conn, pgno: i64) -> DbResult<()> {
    for Page { mut data, .. } in read(conn, pgno, 1)? {
        for part in unused(&data, pgno).unwrap_or_default() {
            data[part].fill(0);
        }
        let changed = sql_query("UPDATE sqlite_dbpage SET data = $1 WHERE pgno = $2")
            .bind::<Binary, _>(data)
            .bind::<BigInt, _>(pgno)
            .execute(conn)?;
        if changed != 1 {
            return Err(DbError::Refused("a page can't be written"));
        }
    }
    Ok(())
}

/// The parts of a page of a tree that belong to no cell; none where it is no such page. Pages that
/// hold the rest of long values have none, and free pages were zeroed when they became free.
fn unused(page: &[u8], pgno: i64) -> Option<Vec<Range<usize>>> {
    let two = |at: usize| {
        let bytes = page.get(at..at + 2)?;
        Some(usize::from(u16::from_be_bytes(bytes.try_into().ok()?)))
    };
    // The first page begins with the file's own header.
    let start = if pgno == 1 { 100 } else { 0 };
    let header = match page.get(start)? {
        2 | 5 => 12,
        10 | 13 => 8,
        _ => return None,
    };
    let (mut block, cells) = (two(start + 1)?, two(start + 3)?);
    let pointers = start + header;
    let gap_from = pointers + 2 * cells;
    let gap_to = match two(start + 5)? {
        0 => 65_536,
        offset => offset,
    };
    if gap_to < gap_from || gap_to > page.len() {
        return None;
    }
    for cell in 0..cells {
        if !(gap_to..page.len()).contains(&two(pointers + 2 * cell)?) {
            return None;
        }
    }
    let mut parts = Vec::new();
    parts.push(gap_from..gap_to);
    // Blocks that became free between cells: each begins with the next one's place and its size.
    while block != 0 {
        let (next, size) = (two(block)?, two(block + 2)?);
        if block < gap_to || size < 4 || block + size > page.len() || (next != 0 && next <= block) {
            return None;
        }
        parts.push(block + 4..block + size);
        block = next;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Target;

    const LOOKED_FOR: &[u8] = b"vergangen";

    fn holds(bytes: &[u8]) -> bool {
        bytes
            .windows(LOOKED_FOR.len())
            .any(|part| part == LOOKED_FOR)
    }

    fn run(db: &Db, statement: &str) {
        db.write(|conn| Ok(sql_query(statement).execute(conn)?))
            .unwrap();
    }

    fn rows(db: &Db) -> i64 {
        let sum = "SELECT SUM(LENGTH(text) * id) AS n FROM ballast";
        db.read(|conn| number(conn, sum)).unwrap()
    }

    #[test]
    fn what_splitting_pages_leaves_is_zeroed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db.sqlite");
        let db = Db::open(&Target::Sqlite(path.clone())).unwrap();
        run(
            &db,
            "CREATE TABLE ballast (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
        );
        run(&db, "CREATE INDEX ballast_text ON ballast (text)");
        // In an order in which pages are split again and again, some with long values.
        run(
            &db,
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
             INSERT INTO ballast SELECT i, 'vergangen ' || (i * 7919 % 30011) || substr('x', 1, i % 2)
                 || CASE WHEN i % 1000 = 0 THEN hex(zeroblob(9000)) ELSE '' END
             FROM n ORDER BY i * 104729 % 30011",
        );
        run(&db, "DELETE FROM ballast WHERE id % 3 > 0");
        run(
            &db,
            "UPDATE ballast SET text = 'bleibt' || substr(text, 10)",
        );
        let before = rows(&db);
        let left = || {
            assert!(maintenance::empty_log(&db).unwrap());
            holds(&std::fs::read(&path).unwrap())
        };
        assert!(
            left(),
            "the control: without zeroing something stays behind"
        );
        // What is not looked for stays.
        zero(&db, |part| part.starts_with(b"nothing begins like this")).unwrap();
        assert!(left());
        zero(&db, holds).unwrap();
        assert!(!left());
        assert_eq!(rows(&db), before);
        let problems =
            "SELECT COUNT(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(db.read(|conn| number(conn, problems)).unwrap(), 0);
    }

    #[test]
    fn a_page_that_is_no_page_of_a_tree_is_left_alone() {
        // A leaf with one cell of ten bytes at the end, and a free block before it.
        let mut page = vec![0; 512];
        page[0] = 13;
        page[1..3].copy_from_slice(&480_u16.to_be_bytes());
        page[3..5].copy_from_slice(&1_u16.to_be_bytes());
        page[5..7].copy_from_slice(&480_u16.to_be_bytes());
        page[8..10].copy_from_slice(&502_u16.to_be_bytes());
        page[482..484].copy_from_slice(&22_u16.to_be_bytes());
        assert_eq!(unused(&page, 2), Some(vec![10..480, 484..502]));
        for (at, value) in [
            (0, 1),
            (0, 14),
            (3, 255),
            (5, 255),
            (8, 0),
            (8, 255),
            (480, 1),
            (482, 255),
        ] {
            let mut other = page.clone();
            other[at] = value;
            assert_eq!(unused(&other, 2), None, "{at}");
        }
        assert_eq!(unused(&[], 1), None);
    }
}
