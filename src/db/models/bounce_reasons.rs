//! What mails were refused for, as far as they lead to a recipient: many alike from one domain are
//! one matter, and can be taken back together.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::prepared::prepared;
use crate::db::{Conn, DbResult, OnBackend, json_rows};
use crate::domain::bounce::BounceReason;
use crate::domain::time::Timestamp;

/// Of so many recipients of one domain the same refusal is one matter.
pub const ALIKE: i64 = 5;

/// The most groups that are read.
const MOST_GROUPS: i64 = 100;

/// Recipients of one domain whose mails were refused for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Alike {
    /// The domain, in ASCII.
    #[diesel(sql_type = Text)]
    pub domain: String,
    /// What was refused.
    #[diesel(sql_type = Text)]
    pub reason: BounceReason,
    /// How many recipients.
    #[diesel(sql_type = BigInt)]
    pub recipients: i64,
    /// Of these, how many count as undeliverable because of it.
    #[diesel(sql_type = BigInt)]
    pub given_up: i64,
    /// The hour of the last refusal, in milliseconds.
    #[diesel(sql_type = BigInt)]
    pub last_at: i64,
}

/// Keeps what was refused of a mailing's mail to a recipient; what was known of it before goes.
pub fn note(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    mailing_id: i64,
    reason: BounceReason,
    now: Timestamp,
) -> DbResult<()> {
    prepared(
        "INSERT INTO bounce_reasons (account_id, recipient_id, mailing_id, reason, refused_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (recipient_id, mailing_id)
         DO UPDATE SET reason = excluded.reason, refused_at = excluded.refused_at"
            .to_owned(),
    )
    .int(account_id)
    .int(recipient_id)
    .int(mailing_id)
    .text(reason.as_str().to_owned())
    .int(now.hour().0 * 3_600_000)
    .execute(conn)?;
    Ok(())
}

/// Forgets what was refused of these deliveries, which are being pseudonymised (rule P6).
pub fn forget(conn: &mut Conn, deliveries: impl Iterator<Item = i64>) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("id", json_rows::Column::Int)]);
    prepared(format!(
        "DELETE FROM bounce_reasons WHERE (recipient_id, mailing_id) IN
             (SELECT d.recipient_id, d.mailing_id FROM {rows} AS gone
              CROSS JOIN deliveries d WHERE d.id = gone.id)"
    ))
    .text(json_rows::of_numbers(deliveries))
    .execute(conn)?;
    Ok(())
}

/// A recipient counts as undeliverable because of a refusal if nothing else was said for good.
fn given_up_because() -> String {
    let permanent = BounceReason::PERMANENT.map(|reason| format!("'{}'", reason.as_str()));
    format!(
        "r.status = 'bounced' AND NOT EXISTS (
             SELECT 1 FROM bounce_reasons other
             WHERE other.recipient_id = r.id AND other.reason <> b.reason
               AND other.reason IN ({}))",
        permanent.join(", ")
    )
}

fn domain(conn: &Conn) -> String {
    let position = conn.backend().position_function();
    format!("substr(r.address_key, {position}(r.address_key, '@') + 1)")
}

/// The refusals since then that are alike for at least [`ALIKE`] recipients, the most first.
pub fn alike(conn: &mut Conn, account_id: i64, since: Timestamp) -> DbResult<Vec<Alike>> {
    let (domain, because) = (domain(conn), given_up_because());
    Ok(diesel::sql_query(format!(
        "SELECT {domain} AS domain, b.reason, COUNT(DISTINCT r.id) AS recipients,
                COUNT(DISTINCT CASE WHEN {because} THEN r.id END) AS given_up,
                MAX(b.refused_at) AS last_at
         FROM bounce_reasons b JOIN recipients r ON r.id = b.recipient_id
         WHERE b.account_id = $1 AND b.refused_at >= $2
         GROUP BY 1, 2 HAVING COUNT(DISTINCT r.id) >= {ALIKE}
         ORDER BY 3 DESC, 1, 2 LIMIT {MOST_GROUPS}"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(since.millis())
    .load(conn)?)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Some of the recipients of that domain who count as undeliverable because of that refusal.
pub fn given_up(
    conn: &mut Conn,
    account_id: i64,
    wanted_domain: &str,
    reason: BounceReason,
    since: Timestamp,
    limit: i64,
) -> DbResult<Vec<i64>> {
    let (domain, because) = (domain(conn), given_up_because());
    let found: Vec<Id> = diesel::sql_query(format!(
        "SELECT DISTINCT r.id AS id
         FROM bounce_reasons b JOIN recipients r ON r.id = b.recipient_id
         WHERE b.account_id = $1 AND b.refused_at >= $2 AND b.reason = $3 AND {domain} = $4
           AND {because}
         ORDER BY 1 LIMIT $5"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(since.millis())
    .bind::<Text, _>(reason.as_str())
    .bind::<Text, _>(wanted_domain)
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(found.into_iter().map(|row| row.id).collect())
}
