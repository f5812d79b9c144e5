//! What is going on in the whole installation, as numbers. These are the only queries without an
//! account: they count, and name nobody.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use crate::db::{Conn, DbResult};

/// Mailings of one status, added up.
#[derive(Debug, Clone, QueryableByName)]
pub struct Mailings {
    /// The status, as stored.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// How many mailings have it.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
    /// How many deliveries they have.
    #[diesel(sql_type = BigInt)]
    pub deliveries: i64,
    /// Handed over to the transport.
    #[diesel(sql_type = BigInt)]
    pub handed: i64,
    /// Refused for good.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// Interrupted in the air.
    #[diesel(sql_type = BigInt)]
    pub uncertain: i64,
    /// Not to be sent any more.
    #[diesel(sql_type = BigInt)]
    pub cancelled: i64,
    /// Came back for good.
    #[diesel(sql_type = BigInt)]
    pub bounces: i64,
    /// Came back for now.
    #[diesel(sql_type = BigInt)]
    pub soft_bounces: i64,
    /// Reported as spam.
    #[diesel(sql_type = BigInt)]
    pub complaints: i64,
}

impl Mailings {
    /// Deliveries that have not come to their end.
    pub const fn open(&self) -> i64 {
        self.deliveries - self.handed - self.failed - self.uncertain - self.cancelled
    }
}

/// Work of one kind that waits or runs.
#[derive(Debug, Clone, QueryableByName)]
pub struct Work {
    /// What kind.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// All mailings by status.
pub fn mailings(conn: &mut Conn) -> DbResult<Vec<Mailings>> {
    let sums = [
        "deliveries",
        "handed",
        "failed",
        "uncertain",
        "cancelled",
        "bounces",
        "soft_bounces",
        "complaints",
    ]
    .map(|column| format!(", CAST(COALESCE(SUM({column}), 0) AS BIGINT) AS {column}"))
    .concat();
    let text = format!("SELECT status, COUNT(*) AS n{sums} FROM mailings GROUP BY status");
    Ok(sql_query(text).load(conn)?)
}

/// What runs in the background, by kind: jobs, imports, and mails to those who sign up.
pub fn background(conn: &mut Conn) -> DbResult<Vec<Work>> {
    let text = "SELECT kind, COUNT(*) AS n FROM jobs WHERE status = 'running' GROUP BY kind
         UNION ALL SELECT 'import' AS kind, COUNT(*) AS n FROM imports WHERE status = 'running'
         UNION ALL SELECT 'signup_mail' AS kind, COUNT(*) AS n FROM signups
             WHERE mail_due_at IS NOT NULL";
    Ok(sql_query(text).load(conn)?)
}

/// Queued jobs whose last attempt failed, by kind.
pub fn failing_jobs(conn: &mut Conn) -> DbResult<Vec<Work>> {
    let text = "SELECT kind, COUNT(*) AS n FROM job_queue WHERE failures > 0 GROUP BY kind";
    Ok(sql_query(text).load(conn)?)
}
