//! Deliveries: one mailing to one recipient, the only place where the two meet; and the cutting
//! of that tie.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::db::json_rows::{self, Column, hex};
use crate::db::models::bounce_reasons;
use crate::db::prepared::prepared;
use crate::db::schema::{deliveries, mailings};
use crate::db::{Conn, DbError, DbResult, OnBackend};
use crate::domain::bounce::BounceKind;
use crate::domain::secret::random_128;
use crate::domain::stored_as_word;
use crate::domain::tracking::Decision;

stored_as_word! {
    /// How far a delivery has come.
    DeliveryStatus {
        /// Waits to be sent.
        Pending => "pending",
        /// Was put off by the mail server, and is tried again later.
        Deferred => "deferred",
        /// Is in a sender's hands, and not handed over yet.
        Claimed => "claimed",
        /// Is being handed over to a mail server at this moment.
        Underway => "underway",
        /// Was handed to the transport.
        Handed => "handed",
        /// May have been handed over: the program ended at that instant. Not repeated.
        Uncertain => "uncertain",
        /// The transport refused it for good.
        Failed => "failed",
        /// Its recipient was deleted, unsubscribed or bounced before it was sent.
        Cancelled => "cancelled",
    }
}

/// The words of the states in which a mail is not out, as SQL.
pub(crate) const UNSENT: &str = "'pending', 'deferred', 'claimed', 'underway'";

/// Whether any of these recipients was sent something, or will be, that still leads to them.
pub(crate) fn any_of(conn: &mut Conn, account_id: i64, recipients: &[i64]) -> DbResult<bool> {
    #[derive(QueryableByName)]
    struct Any {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    if recipients.is_empty() {
        return Ok(false);
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let any: Any = diesel::sql_query(format!(
        "SELECT EXISTS (
             SELECT 1 FROM {rows} AS asked CROSS JOIN deliveries d
             WHERE d.recipient_id = asked.id AND +d.account_id = $2
         ) AS found"
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .get_result(conn)?;
    Ok(any.found)
}

/// What pseudonymising did to deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CutOff {
    /// How many deliveries lost the way back.
    pub deliveries: i64,
    /// How many opens hang on them.
    pub opens: i64,
    /// How many clicks hang on them.
    pub clicks: i64,
}

/// How much personal data from old mailings there is about a recipient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Past {
    /// Mailings sent to the recipient.
    #[diesel(sql_type = BigInt)]
    pub mailings: i64,
    /// Opens stored with a way back.
    #[diesel(sql_type = BigInt)]
    pub opens: i64,
    /// Clicks stored with a way back.
    #[diesel(sql_type = BigInt)]
    pub clicks: i64,
    /// Mailings still waiting to be sent.
    #[diesel(sql_type = BigInt)]
    pub unsent: i64,
}

/// What is stored about these recipients from old mailings, summed up.
pub fn past_of(conn: &mut Conn, account_id: i64, recipients: &[i64]) -> DbResult<Past> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    Ok(diesel::sql_query(format!(
        "SELECT COUNT(DISTINCT CASE WHEN d.status NOT IN ('pending', 'deferred', 'claimed', 'underway', 'cancelled') THEN d.mailing_id END) AS mailings,
                CAST(COALESCE(SUM(d.opens), 0) AS BIGINT) AS opens,
                CAST(COALESCE(SUM(d.clicks), 0) AS BIGINT) AS clicks,
                COUNT(CASE WHEN d.status IN ('pending', 'deferred', 'claimed', 'underway') THEN 1 END) AS unsent
         FROM {rows} AS wanted
         CROSS JOIN deliveries d
         WHERE d.recipient_id = wanted.id AND d.account_id = $2"
    ))
    .bind::<Text, _>(json_rows::of_numbers(recipients.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .get_result(conn)?)
}

/// Whether unsent deliveries are cut off too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    /// They stay as they are: the person will still receive them.
    LeaveAlone,
    /// They are cancelled: the recipient is being deleted.
    Cancel,
}

#[derive(Debug, QueryableByName)]
struct Tied {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    mailing_id: i64,
    #[diesel(sql_type = BigInt)]
    opens: i64,
    #[diesel(sql_type = BigInt)]
    clicks: i64,
    #[diesel(sql_type = Text)]
    status: DeliveryStatus,
}

/// Deliveries that are tied to their recipients, and nobody else's to change until the commit.
#[derive(Debug)]
pub(crate) struct TiedDeliveries(Vec<Tied>);

impl TiedDeliveries {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their mailings, ascending.
    pub fn mailings(&self) -> Vec<i64> {
        let mut mailings: Vec<i64> = self.0.iter().map(|one| one.mailing_id).collect();
        mailings.sort_unstable();
        mailings.dedup();
        mailings
    }
}

/// Those of these recipients.
///
/// The caller keeps the account's hits out.
pub(crate) fn tied_to(
    conn: &mut Conn,
    account_id: i64,
    recipients: &[i64],
    unsent: Unsent,
) -> DbResult<TiedDeliveries> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let only_sent = match unsent {
        Unsent::LeaveAlone => format!("AND d.status NOT IN ({UNSENT})"),
        Unsent::Cancel => String::new(),
    };
    let lock = conn.backend().row_lock("FOR UPDATE OF d");
    let tied = prepared(format!(
        "SELECT d.id, d.mailing_id, d.opens, d.clicks, d.status
         FROM {rows} AS wanted
         CROSS JOIN deliveries d
         WHERE d.recipient_id = wanted.id AND d.account_id = $2 {only_sent} ORDER BY d.id {lock}"
    ))
    .text(json_rows::of_numbers(recipients.iter().copied()))
    .int(account_id)
    .load(conn)?;
    Ok(TiedDeliveries(tied))
}

/// Those of one mailing with these numbers, as far as they are not waiting to be sent.
///
/// The caller keeps the account's hits out.
pub(crate) fn tied_among(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    deliveries: &[i64],
) -> DbResult<TiedDeliveries> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let lock = conn.backend().row_lock("FOR UPDATE OF d");
    let tied = prepared(format!(
        "SELECT d.id, d.mailing_id, d.opens, d.clicks, d.status
         FROM {rows} AS wanted
         CROSS JOIN deliveries d
         WHERE d.id = wanted.id AND +d.account_id = $2 AND +d.mailing_id = $3
             AND d.recipient_id IS NOT NULL AND d.status NOT IN ({UNSENT})
         ORDER BY d.id {lock}"
    ))
    .text(json_rows::of_numbers(deliveries.iter().copied()))
    .int(account_id)
    .int(mailing_id)
    .load(conn)?;
    Ok(TiedDeliveries(tied))
}

/// Cuts the way from these deliveries back to their recipients, for good (rule P6): each gets a
/// pseudonym of its own, its token key goes, and exact times are cut to the hour. One row per
/// mailing changes, however many events hang on it; no counter of any report is touched (P5).
pub(crate) fn cut_off(
    conn: &mut Conn,
    account_id: i64,
    TiedDeliveries(tied): &TiedDeliveries,
) -> DbResult<CutOff> {
    bounce_reasons::forget(conn, tied.iter().map(|delivery| delivery.id))?;
    let mut changes = Vec::with_capacity(tied.len());
    for delivery in tied {
        let pseudonym = random_128().map_err(|e| DbError::Unavailable(e.to_string()))?;
        let status = match delivery.status {
            // Whoever holds a claimed one finds it gone before its mail is out.
            DeliveryStatus::Pending | DeliveryStatus::Deferred | DeliveryStatus::Claimed => {
                DeliveryStatus::Cancelled
            }
            // It is being handed over at this very moment.
            DeliveryStatus::Underway => DeliveryStatus::Uncertain,
            other => other,
        };
        changes.push((delivery.id, hex(&pseudonym), status.as_str()));
    }
    let rows = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("pseudonym", Column::Bytes),
            ("status", Column::Text),
        ],
    );
    let to_hour =
        |column: &str| format!("{column} = deliveries.{column} - deliveries.{column} % 3600000");
    // What stands at the recipient as well (no mails since, a complaint then) would lead from there
    // to what was measured here: a complaint, the time, a bounce of a mail that was opened. The
    // mailing's counters keep their numbers.
    let kept = "CASE WHEN deliveries.bounce IN ('hard', 'soft') AND deliveries.opens = 0 AND deliveries.clicks = 0 THEN deliveries.bounce END";
    prepared(format!(
        "UPDATE deliveries SET recipient_id = NULL, pseudonym = new.pseudonym, token_key = NULL, status = new.status,
             holder = NULL, lease_until = NULL, next_attempt_at = NULL,
             bounced_at = NULL, bounce = {kept}, reply_code = CASE WHEN bounce IS NULL THEN reply_code WHEN {kept} IS NULL THEN NULL ELSE reply_code END,
             {}, {}, {}, {}, {}
         FROM {rows} AS new WHERE deliveries.id = new.id",
        to_hour("handed_at"),
        to_hour("first_open_at"),
        to_hour("last_open_at"),
        to_hour("first_click_at"),
        to_hour("last_click_at"),
    ))
    .text(json_rows::of(&changes))
    .execute(conn)?;

    count_ended(conn, account_id, tied)?;
    Ok(CutOff {
        deliveries: i64::try_from(tied.len()).unwrap_or(i64::MAX),
        opens: tied.iter().map(|d| d.opens).sum(),
        clicks: tied.iter().map(|d| d.clicks).sum(),
    })
}

/// Counts the deliveries that ended without being sent in their mailings.
fn count_ended(conn: &mut Conn, account_id: i64, tied: &[Tied]) -> DbResult<()> {
    use std::collections::BTreeMap;
    let mut ended: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for delivery in tied {
        match delivery.status {
            DeliveryStatus::Pending | DeliveryStatus::Deferred | DeliveryStatus::Claimed => {
                ended.entry(delivery.mailing_id).or_default().0 += 1;
            }
            DeliveryStatus::Underway => ended.entry(delivery.mailing_id).or_default().1 += 1,
            _ => {}
        }
    }
    for (mailing_id, (cancelled, uncertain)) in ended {
        diesel::update(
            mailings::table
                .filter(mailings::account_id.eq(account_id))
                .find(mailing_id),
        )
        .set((
            mailings::cancelled.eq(mailings::cancelled + cancelled),
            mailings::uncertain.eq(mailings::uncertain + uncertain),
        ))
        .execute(conn)?;
    }
    Ok(())
}

/// One line of a recipient's *Verlauf*.
#[derive(Debug, Clone, Queryable)]
pub struct HistoryLine {
    /// The mailing.
    pub mailing_id: i64,
    /// Its subject.
    pub subject: String,
    /// How far the delivery has come.
    pub status: DeliveryStatus,
    /// How it was measured; none before it was rendered.
    pub policy: Option<Decision>,
    /// When it was handed over, in milliseconds.
    pub handed_at: Option<i64>,
    /// First open, in milliseconds.
    pub first_open_at: Option<i64>,
    /// How many opens.
    pub opens: i64,
    /// First click, in milliseconds.
    pub first_click_at: Option<i64>,
    /// How many clicks.
    pub clicks: i64,
    /// What came back of it.
    pub bounce: Option<BounceKind>,
    /// What the mail server said last: its code.
    pub reply_code: Option<String>,
}

/// What was sent to a recipient and what became of it, newest first.
pub fn history(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    limit: i64,
) -> DbResult<Vec<HistoryLine>> {
    Ok(deliveries::table
        .inner_join(mailings::table)
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::recipient_id.eq(recipient_id))
        .order(deliveries::mailing_id.desc())
        .limit(limit)
        .select((
            mailings::id,
            mailings::subject,
            deliveries::status,
            deliveries::policy,
            deliveries::handed_at,
            deliveries::first_open_at,
            deliveries::opens,
            deliveries::first_click_at,
            deliveries::clicks,
            deliveries::bounce,
            deliveries::reply_code,
        ))
        .load(conn)?)
}
