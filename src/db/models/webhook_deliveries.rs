//! What webhooks have to tell: queued in the transaction of what happened, told by one node at a
//! time. Recipients are named by number only, so there is nothing here that a deletion would have
//! to find (rule P7).

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};

use crate::db::json_rows::{self, Column};
use crate::db::schema::webhook_deliveries;
use crate::db::{Conn, DbResult};
use crate::domain::stored_as_word;
use crate::domain::time::Timestamp;
use crate::domain::webhook::HookEvent;

stored_as_word! {
    /// How far a telling has come.
    TellingStatus {
        /// Is to be tried (again).
        Pending => "pending",
        /// Arrived.
        Done => "done",
        /// Was given up.
        Failed => "failed",
    }
}

/// Something to be told to one webhook.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
pub struct Telling {
    /// Its number, which the other side knows it by.
    pub id: i64,
    /// The account.
    pub account_id: i64,
    /// Which webhook.
    pub webhook_id: i64,
    /// The word of the event.
    pub event: String,
    /// About which recipient.
    pub recipient_id: Option<i64>,
    /// How the event came about.
    pub source: String,
    /// When it happened, in milliseconds.
    pub created_at: i64,
    /// How far it has come.
    pub status: TellingStatus,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried (again), in milliseconds.
    pub next_attempt_at: i64,
    /// When it was tried last, in milliseconds.
    pub attempted_at: Option<i64>,
    /// What came of that, in German.
    pub outcome: Option<String>,
}

/// Queues an event about these recipients for every webhook of the account that is for it.
pub fn queue(
    conn: &mut Conn,
    account_id: i64,
    event: HookEvent,
    recipients: &[i64],
    source: &str,
    now: Timestamp,
) -> DbResult<()> {
    if recipients.is_empty() {
        return Ok(());
    }
    let rows = json_rows::unfold(conn, &[("recipient_id", Column::Int)]);
    diesel::sql_query(format!(
        "WITH concerned AS (SELECT recipient_id FROM {rows} AS listed)
         INSERT INTO webhook_deliveries
             (account_id, webhook_id, event, recipient_id, source, created_at, next_attempt_at)
         SELECT w.account_id, w.id, $2, concerned.recipient_id, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT)
         FROM webhooks w CROSS JOIN concerned
         WHERE w.account_id = $6 AND w.active AND (w.events & CAST($7 AS INTEGER)) <> 0"
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<Text, _>(event.word())
    .bind::<Text, _>(source)
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(now.millis())
    .bind::<BigInt, _>(account_id)
    .bind::<Integer, _>(event.bit())
    .execute(conn)?;
    Ok(())
}

/// Queues a trial for one webhook, and gives its number.
pub fn queue_test(
    conn: &mut Conn,
    account_id: i64,
    webhook_id: i64,
    now: Timestamp,
) -> DbResult<i64> {
    Ok(diesel::insert_into(webhook_deliveries::table)
        .values((
            webhook_deliveries::account_id.eq(account_id),
            webhook_deliveries::webhook_id.eq(webhook_id),
            webhook_deliveries::event.eq(HookEvent::Test.word()),
            webhook_deliveries::source.eq("admin"),
            webhook_deliveries::created_at.eq(now.millis()),
            webhook_deliveries::next_attempt_at.eq(now.millis()),
        ))
        .returning(webhook_deliveries::id)
        .get_result(conn)?)
}

/// The newest of a webhook.
pub fn newest(
    conn: &mut Conn,
    account_id: i64,
    webhook_id: i64,
    limit: i64,
) -> DbResult<Vec<Telling>> {
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::account_id.eq(account_id))
        .filter(webhook_deliveries::webhook_id.eq(webhook_id))
        .order(webhook_deliveries::id.desc())
        .limit(limit)
        .select(Telling::as_select())
        .load(conn)?)
}

/// *Erneut senden*: is tried at once, as if for the first time. Gives whether there is such a one.
pub fn repeat(
    conn: &mut Conn,
    account_id: i64,
    webhook_id: i64,
    id: i64,
    now: Timestamp,
) -> DbResult<bool> {
    let changed = diesel::update(
        webhook_deliveries::table
            .filter(webhook_deliveries::account_id.eq(account_id))
            .filter(webhook_deliveries::webhook_id.eq(webhook_id))
            .filter(webhook_deliveries::id.eq(id)),
    )
    .set((
        webhook_deliveries::status.eq(TellingStatus::Pending.as_str()),
        webhook_deliveries::attempts.eq(0),
        webhook_deliveries::next_attempt_at.eq(now.millis()),
    ))
    .execute(conn)?;
    Ok(changed > 0)
}

/// A webhook for which something is due.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct DueWebhook {
    /// The account.
    #[diesel(sql_type = BigInt)]
    pub account_id: i64,
    /// The webhook.
    #[diesel(sql_type = BigInt)]
    pub webhook_id: i64,
    /// Whether nothing has arrived there lately.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub is_failing: bool,
}

/// The active webhooks, of all accounts, for which something is due: the worker's question.
pub fn webhooks_with_due(conn: &mut Conn, now: Timestamp) -> DbResult<Vec<DueWebhook>> {
    Ok(diesel::sql_query(
        "SELECT w.account_id, w.id AS webhook_id, w.failing_since IS NOT NULL AS is_failing
         FROM webhooks w
         WHERE w.active AND EXISTS (SELECT 1 FROM webhook_deliveries d
             WHERE d.webhook_id = w.id AND d.account_id = w.account_id
                 AND d.status = 'pending' AND d.next_attempt_at <= $1)
         ORDER BY w.id",
    )
    .bind::<BigInt, _>(now.millis())
    .load(conn)?)
}

/// Takes some of what is due for a webhook into hand until `lease`, the oldest first: another node
/// passes over them.
pub fn claim(
    conn: &mut Conn,
    (account_id, webhook_id): (i64, i64),
    now: Timestamp,
    lease: Timestamp,
    limit: i64,
) -> DbResult<Vec<Telling>> {
    let due: Vec<Telling> = webhook_deliveries::table
        .filter(webhook_deliveries::account_id.eq(account_id))
        .filter(webhook_deliveries::webhook_id.eq(webhook_id))
        // Written out: SQLite does not know of a bound word that the index has it.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "status = 'pending'",
        ))
        .filter(webhook_deliveries::next_attempt_at.le(now.millis()))
        .order((webhook_deliveries::next_attempt_at, webhook_deliveries::id))
        .limit(limit)
        .select(Telling::as_select())
        .load(conn)?;
    let mut claimed = Vec::new();
    for mut telling in due {
        let held = diesel::update(
            webhook_deliveries::table
                .filter(webhook_deliveries::account_id.eq(telling.account_id))
                .filter(webhook_deliveries::id.eq(telling.id))
                .filter(webhook_deliveries::status.eq(TellingStatus::Pending.as_str()))
                .filter(webhook_deliveries::next_attempt_at.eq(telling.next_attempt_at)),
        )
        .set((
            webhook_deliveries::next_attempt_at.eq(lease.millis()),
            webhook_deliveries::attempts.eq(webhook_deliveries::attempts + 1),
            webhook_deliveries::attempted_at.eq(now.millis()),
        ))
        .execute(conn)?;
        if held > 0 {
            telling.attempts += 1;
            telling.next_attempt_at = lease.millis();
            claimed.push(telling);
        }
    }
    Ok(claimed)
}

/// Notes what came of trying one that is still claimed.
pub fn settle(
    conn: &mut Conn,
    telling: &Telling,
    status: TellingStatus,
    next: Timestamp,
    outcome: &str,
) -> DbResult<bool> {
    let changed = diesel::update(
        webhook_deliveries::table
            .filter(webhook_deliveries::account_id.eq(telling.account_id))
            .filter(webhook_deliveries::id.eq(telling.id))
            .filter(webhook_deliveries::next_attempt_at.eq(telling.next_attempt_at)),
    )
    .set((
        webhook_deliveries::status.eq(status.as_str()),
        webhook_deliveries::next_attempt_at.eq(next.millis()),
        webhook_deliveries::outcome.eq(outcome),
    ))
    .execute(conn)?;
    Ok(changed > 0)
}

/// Forgets what happened before then, of all accounts: the housekeeping's.
pub fn remove_old(conn: &mut Conn, before: Timestamp) -> DbResult<usize> {
    Ok(diesel::delete(
        webhook_deliveries::table.filter(webhook_deliveries::created_at.lt(before.millis())),
    )
    .execute(conn)?)
}
