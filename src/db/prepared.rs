//! Statements that a connection understands once and carries out often.
//!
//! [`diesel::sql_query`] has its text parsed anew every time, which on PostgreSQL costs another
//! round trip as well: where that is most of the work (the recorder's batches, the proof of a
//! receipt), the text is prepared and kept with the connection instead. So its texts must be few:
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
    sql: String,
    binds: Vec<Bind>,
}

#[derive(Debug, Clone)]
enum Bind {
    Text(String),
    Int(i64),
}

/// A statement whose placeholders `$1`, `$2`, … stand in this order, each once, nine at most.
pub fn prepared(sql: String) -> Prepared {
    Prepared {
        sql,
        binds: Vec::new(),
    }
}

impl Prepared {
    /// The value of the next placeholder.
    #[must_use]
    pub fn text(mut self, value: String) -> Self {
        self.binds.push(Bind::Text(value));
        self
    }

    /// The value of the next placeholder.
    #[must_use]
    pub fn int(mut self, value: i64) -> Self {
        self.binds.push(Bind::Int(value));
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
        let mut rest = self.sql.as_str();
        for (number, bind) in (1..).zip(&self.binds) {
            let (before, after) = rest.split_once(&format!("${number}")).ok_or_else(|| {
                diesel::result::Error::QueryBuilderError(
                    format!("placeholder {number} is missing").into(),
                )
            })?;
            out.push_sql(before);
            match bind {
                Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
                Bind::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
            }
            rest = after;
        }
        out.push_sql(rest);
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
