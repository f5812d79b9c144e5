//! The list of recipients in pages, narrowed to what somebody looks for.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::recipients::{ROW_COLUMNS, RecipientRow};
use crate::db::paging::{CappedCount, Page, Position, page};
use crate::db::{Conn, DbResult};
use crate::domain::tracking::{RecipientStatus, RecipientTracking};

/// What a list of recipients is narrowed to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Members of that group.
    pub group_id: Option<i64>,
    /// Those with that status.
    pub status: Option<RecipientStatus>,
    /// Those who have said that about personal tracking.
    pub tracking: Option<RecipientTracking>,
}

/// One page of the list, newest first.
pub fn list(
    conn: &mut Conn,
    account_id: i64,
    filter: Filter,
    position: Position,
    size: usize,
) -> DbResult<Page<RecipientRow>> {
    let (text, key) = query(filter, position);
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let rows = diesel::sql_query(text)
        .bind::<BigInt, _>(account_id)
        .bind::<BigInt, _>(key)
        .bind::<BigInt, _>(limit)
        .load(conn)?;
    Ok(page(rows, position, size))
}

/// The query for a page, and the key that it begins at: its second parameter.
fn query(filter: Filter, position: Position) -> (String, i64) {
    let (comparison, order, key) = position.descending();
    let (source, id) = source(filter);
    let text = format!(
        "SELECT {ROW_COLUMNS} FROM {source} WHERE {id} {comparison} $2 {} ORDER BY {id} {order} LIMIT $3",
        conditions(filter)
    );
    (text, key)
}

/// How many recipients the list has, counted up to a limit.
pub fn count(
    conn: &mut Conn,
    account_id: i64,
    filter: Filter,
    limit: i64,
) -> DbResult<CappedCount> {
    #[derive(QueryableByName)]
    struct Counted {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let (source, _) = source(filter);
    let counted: Counted = diesel::sql_query(format!(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM {source} WHERE 1 = 1 {} LIMIT $2) AS counted",
        conditions(filter)
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(limit + 1)
    .get_result(conn)?;
    Ok(CappedCount::new(counted.n, limit))
}

/// Where the list reads from, and its key: a group's members are read in the order of the
/// membership, so that a small group in a large account costs as little as it should.
fn source(filter: Filter) -> (String, &'static str) {
    match filter.group_id {
        Some(group_id) => (
            format!(
                "memberships m JOIN recipients r ON r.id = m.recipient_id AND m.account_id = $1 AND m.group_id = {group_id}"
            ),
            "m.recipient_id",
        ),
        None => (
            "(SELECT * FROM recipients WHERE account_id = $1) AS r".to_owned(),
            "r.id",
        ),
    }
}

fn conditions(filter: Filter) -> String {
    let mut text = String::new();
    if let Some(status) = filter.status {
        text.push_str("AND r.status = '");
        text.push_str(status.as_str());
        text.push('\'');
    }
    if let Some(said) = filter.tracking {
        text.push_str(" AND r.tracking = '");
        text.push_str(said.as_str());
        text.push('\'');
        if said != RecipientTracking::Unset {
            // SQLite takes a partial index only where the index's own words stand in the query.
            text.push_str(" AND r.tracking <> 'unset'");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::Text;

    use super::*;
    use crate::db::{Db, Target};

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// How SQLite goes about a page.
    fn plan(filter: Filter) -> String {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&Target::Sqlite(dir.path().join("db.sqlite"))).unwrap();
        let steps: Vec<Step> = db
            .read(|conn| {
                let (text, key) = query(filter, Position::First);
                Ok(diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}"))
                    .bind::<BigInt, _>(1)
                    .bind::<BigInt, _>(key)
                    .bind::<BigInt, _>(51)
                    .load(conn)?)
            })
            .unwrap();
        steps.into_iter().map(|step| step.detail + "\n").collect()
    }

    #[test]
    fn few_among_many_are_found_without_reading_all() {
        for said in [RecipientTracking::Consented, RecipientTracking::Objected] {
            let filter = Filter {
                tracking: Some(said),
                ..Filter::default()
            };
            let plan = plan(filter);
            let index = "recipients_by_tracking (account_id=? AND tracking=? AND id<?)";
            assert!(plan.contains(index), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
