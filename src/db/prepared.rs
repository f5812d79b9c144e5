//! Statements that a connection understands once and carries out often.
//!
//! [`diesel::sql_query`] has its text parsed anew every time, which on PostgreSQL costs another
//! round trip as well: where that is most of the work (the recorder's batches, a deletion with
//! the proof of its receipt), the text is prepared and kept with the connection instead. So its texts must be few:
//! values belong into the binds.

use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Text, Untyped};

/// A statement with its values.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What stands before each value.
    before: Vec<(String, Bind)>,
    rest: String,
}

#[derive(Debug, Clone)]
enum Bind {
    Text(String),
    Int(i64),
}

/// A statement whose placeholders `$1`, `$2`, … stand in this order, each once, nine at most.
pub fn prepared(sql: String) -> Prepared {
    Prepared {
        before: Vec::new(),
        rest: sql,
    }
}

impl Prepared {
    /// The value of the next placeholder.
    #[must_use]
    pub fn text(self, value: String) -> Self {
        self.bind(Bind::Text(value))
    }

    /// The value of the next placeholder.
    #[must_use]
    pub fn int(self, value: i64) -> Self {
        self.bind(Bind::Int(value))
    }

    fn bind(mut self, value: Bind) -> Self {
        let placeholder = format!("${}", self.before.len() + 1);
        // Without its placeholder a value stands at the end, where the database refuses it.
        let (before, after) = match self.rest.split_once(&placeholder) {
            Some((before, after)) => (before.to_owned(), after.to_owned()),
            None => (std::mem::take(&mut self.rest), String::new()),
        };
        self.before.push((before, value));
        self.rest = after;
        self
    }
}

impl<DB> QueryFragment<DB> for Prepared
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (before, bind) in &self.before {
            out.push_sql(before);
            match bind {
                Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
                Bind::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
            }
        }
        out.push_sql(&self.rest);
        Ok(())
    }
}

impl QueryId for Prepared {
    type QueryId = ();

    // The text tells them apart.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Prepared {
    type SqlType = Untyped;
}

impl<Conn> RunQueryDsl<Conn> for Prepared {}
