//! Deliveries in the hands of a sender: claimed, on their way, put back, cancelled, and taken over
//! from senders that ended.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Text};

use crate::db::json_rows::{self, Column, hex};
use crate::db::models::askable;
use crate::db::models::deliveries::DeliveryStatus;
use crate::db::schema::mailings;
use crate::db::{Conn, DbResult, OnBackend};
use crate::domain::secret::Random128;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{Decision, RecipientStatus, RecipientTracking};

/// A delivery that waits to be sent, with what its mail is made from.
#[derive(Debug, Clone, QueryableByName)]
pub struct Waiting {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The recipient.
    #[diesel(sql_type = BigInt)]
    pub recipient_id: i64,
    /// The address as typed.
    #[diesel(sql_type = Text)]
    pub address: String,
    /// First name, or empty.
    #[diesel(sql_type = Text)]
    pub first_name: String,
    /// Last name, or empty.
    #[diesel(sql_type = Text)]
    pub last_name: String,
    /// Free fields, as a JSON object.
    #[diesel(sql_type = Text)]
    pub fields: String,
    /// Whether mails go there, at this moment.
    #[diesel(sql_type = Text)]
    pub status: RecipientStatus,
    /// What the person has said about personal tracking, at this moment.
    #[diesel(sql_type = Text)]
    pub tracking: RecipientTracking,
    /// Whether the mailing asks for consent and this person has refused, at this moment.
    #[diesel(sql_type = Bool)]
    pub left_alone: bool,
    /// The random key of the personal links.
    #[diesel(sql_type = Binary)]
    pub public_key: Vec<u8>,
    /// How often the mail was put off.
    #[diesel(sql_type = BigInt)]
    pub attempts: i64,
}

/// A delivery in the hands of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct InHand {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The recipient.
    #[diesel(sql_type = BigInt)]
    pub recipient_id: i64,
}

/// The decision about a delivery, frozen (rule P1).
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The delivery.
    pub id: i64,
    /// How it may be measured.
    pub policy: Decision,
    /// What its pixel and links carry; only where it is personal.
    pub key: Option<Random128>,
}

/// Who holds claimed deliveries, and until when it may be at work without saying so again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// A random number of the sender, never 0.
    pub holder: i64,
    /// In milliseconds. Afterwards other nodes may settle what it left.
    pub until: i64,
}

/// Some deliveries that wait: those put off whose time has come, then those never tried, in the
/// order of the recipients, which the deliveries' numbers do not know. The caller claims or
/// cancels them in the same transaction.
pub fn waiting(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    limit: i64,
    now: Timestamp,
) -> DbResult<Vec<Waiting>> {
    let mut found = some_waiting(
        conn,
        account_id,
        mailing_id,
        "d.status = 'deferred' AND d.next_attempt_at <= $4",
        // Of a domain's mails that waited for one of them, another is tried first now.
        "d.next_attempt_at, d.attempts",
        (now.millis(), limit),
        now,
    )?;
    let left = limit - i64::try_from(found.len()).unwrap_or(limit);
    if left > 0 {
        found.extend(some_waiting(
            conn,
            account_id,
            mailing_id,
            // The condition on the number takes the place of the other's on the time.
            "d.status = 'pending' AND d.recipient_id > $4",
            "d.recipient_id",
            (0, left),
            now,
        )?);
    }
    Ok(found)
}

fn some_waiting(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    condition: &str,
    order: &str,
    (bound, limit): (i64, i64),
    now: Timestamp,
) -> DbResult<Vec<Waiting>> {
    // Rows that another node is just claiming, or somebody deleting, are passed over.
    let lock = conn.backend().row_lock("FOR UPDATE OF d SKIP LOCKED");
    let refused = askable::has_refused("$1");
    Ok(diesel::sql_query(format!(
        "SELECT d.id, r.id AS recipient_id, r.address, r.first_name, r.last_name, r.fields, r.status, r.tracking,
                (m.asks_consent AND {refused}) AS left_alone, r.public_key, d.attempts
         FROM deliveries d JOIN recipients r ON r.id = d.recipient_id JOIN mailings m ON m.id = d.mailing_id
         WHERE d.account_id = $2 AND d.mailing_id = $3 AND {condition}
         ORDER BY {order} LIMIT $5 {lock}"
    ))
    .bind::<BigInt, _>(askable::refused_since(now))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(bound)
    .bind::<BigInt, _>(limit)
    .load(conn)?)
}

/// Claims deliveries and freezes how they may be measured.
pub fn claim(conn: &mut Conn, account_id: i64, claims: &[Claim], hold: Hold) -> DbResult<()> {
    let rows: Vec<(i64, &str, Option<String>)> = claims
        .iter()
        .map(|claim| {
            (
                claim.id,
                claim.policy.as_str(),
                claim.key.map(|key| hex(&key)),
            )
        })
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("policy", Column::Text),
            ("token_key", Column::Bytes),
        ],
    );
    diesel::sql_query(format!(
        "WITH new AS {unfolded}
         UPDATE deliveries SET status = 'claimed', policy = new.policy, token_key = new.token_key,
             holder = $2, lease_until = $3, next_attempt_at = NULL
         FROM new
         WHERE deliveries.id = new.id AND deliveries.account_id = $4
           AND deliveries.status IN ('pending', 'deferred')"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .bind::<BigInt, _>(hold.holder)
    .bind::<BigInt, _>(hold.until)
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// What the decision about a claimed delivery rests on, at this moment.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Standing {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// How it may be measured, as decided.
    #[diesel(sql_type = Text)]
    pub policy: Decision,
    /// Whether mails go to the recipient.
    #[diesel(sql_type = Text)]
    pub status: RecipientStatus,
    /// What the recipient has said about personal tracking.
    #[diesel(sql_type = Text)]
    pub tracking: RecipientTracking,
    /// Whether the mailing asks for consent and this person has refused.
    #[diesel(sql_type = Bool)]
    pub left_alone: bool,
}

/// What the decisions about claimed deliveries rest on, at this moment.
pub fn standing(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    now: Timestamp,
) -> DbResult<Vec<Standing>> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let refused = askable::has_refused("$2");
    Ok(diesel::sql_query(format!(
        "WITH wanted AS {rows}
         SELECT d.id, d.policy, r.status, r.tracking, (m.asks_consent AND {refused}) AS left_alone
         FROM wanted CROSS JOIN deliveries d CROSS JOIN recipients r CROSS JOIN mailings m
         WHERE d.id = wanted.id AND d.account_id = $3 AND d.policy IS NOT NULL AND r.id = d.recipient_id
           AND m.id = d.mailing_id"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(askable::refused_since(now))
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}

/// Locks what a sender holds of a mailing, in the order of the numbers; see [`lock`].
fn lock_held(conn: &mut Conn, account_id: i64, mailing_id: i64, holder: i64) -> DbResult<()> {
    if !conn.backend().is_server() {
        return Ok(());
    }
    diesel::sql_query(
        "SELECT id FROM deliveries
         WHERE account_id = $1 AND mailing_id = $2 AND status IN ('claimed', 'underway') AND holder = $3
         ORDER BY id FOR UPDATE",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(holder)
    .execute(conn)?;
    Ok(())
}

/// Says that the sender is still at work on what it holds of a mailing.
pub fn renew(conn: &mut Conn, account_id: i64, mailing_id: i64, hold: Hold) -> DbResult<()> {
    lock_held(conn, account_id, mailing_id, hold.holder)?;
    diesel::sql_query(
        "UPDATE deliveries SET lease_until = $1
         WHERE account_id = $2 AND mailing_id = $3 AND status IN ('claimed', 'underway') AND holder = $4",
    )
    .bind::<BigInt, _>(hold.until)
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(hold.holder)
    .execute(conn)?;
    Ok(())
}

/// Marks claimed deliveries as underway, as far as their mails may still go out: the recipient may
/// have been deleted meanwhile, the mailing paused or cancelled, and another node may have taken
/// over. Gives those that may. Can be repeated.
pub fn set_out(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    ids: &[i64],
    holder: i64,
) -> DbResult<Vec<i64>> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let gone: Vec<Numbered> = diesel::sql_query(format!(
        "UPDATE deliveries SET status = 'underway'
         FROM {rows} AS new
         WHERE deliveries.id = new.id AND deliveries.account_id = $2 AND deliveries.holder = $3
           AND deliveries.status IN ('claimed', 'underway')
           AND EXISTS (SELECT 1 FROM mailings m WHERE m.id = $4 AND m.status = 'sending')
         RETURNING deliveries.id"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(holder)
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?;
    Ok(gone.into_iter().map(|row| row.id).collect())
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Locks deliveries in the order of their numbers, as everybody does who locks several
/// (PostgreSQL; on SQLite the one writer is alone).
pub fn lock(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    if !conn.backend().is_server() {
        return Ok(());
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    diesel::sql_query(format!(
        "SELECT id FROM deliveries WHERE id IN (SELECT id FROM {rows} AS wanted) AND account_id = $2
         ORDER BY id FOR UPDATE"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}

/// Cancels deliveries that wait, since their recipients are not to receive mails any more, and
/// counts them in their mailing.
pub fn cancel(conn: &mut Conn, account_id: i64, mailing_id: i64, ids: &[i64]) -> DbResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let cancelled = diesel::sql_query(format!(
        "UPDATE deliveries SET status = 'cancelled', next_attempt_at = NULL
         WHERE id IN (SELECT id FROM {rows} AS wanted) AND +account_id = $2 AND +mailing_id = $3
           AND status IN ('pending', 'deferred')"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .execute(conn)?;
    let cancelled = i64::try_from(cancelled).unwrap_or(i64::MAX);
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set(mailings::cancelled.eq(mailings::cancelled + cancelled))
    .execute(conn)?;
    Ok(())
}

/// A delivery that a sender left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct LeftBehind {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The recipient.
    #[diesel(sql_type = BigInt)]
    pub recipient_id: i64,
    /// Claimed or underway.
    #[diesel(sql_type = Text)]
    pub status: DeliveryStatus,
}

/// Takes over what senders left behind that ended in the middle; the caller settles it in the same
/// transaction. On SQLite nobody else can be at work, on PostgreSQL it takes the end of their
/// lease. What the caller holds itself was left behind, too, since it asks before it claims: the
/// database did not take down what had become of it.
pub fn take_over(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    hold: Hold,
    now: Timestamp,
) -> DbResult<Vec<LeftBehind>> {
    let lock = conn.backend().row_lock("FOR UPDATE SKIP LOCKED");
    let ended_before = if conn.backend().is_server() {
        now.millis()
    } else {
        i64::MAX
    };
    let left: Vec<LeftBehind> = diesel::sql_query(format!(
        "SELECT id, recipient_id, status FROM deliveries
         WHERE account_id = $1 AND mailing_id = $2 AND status IN ('claimed', 'underway')
           AND recipient_id IS NOT NULL
           AND (holder = $3 OR COALESCE(lease_until, 0) < $4)
         ORDER BY id {lock}"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(hold.holder)
    .bind::<BigInt, _>(ended_before)
    .load(conn)?;
    if !left.is_empty() {
        let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
        diesel::sql_query(format!(
            "WITH wanted AS {rows}
             UPDATE deliveries SET holder = $2, lease_until = $3
             WHERE id IN (SELECT id FROM wanted) AND +account_id = $4"
        ))
        .bind::<Text, _>(json_rows::of_numbers(left.iter().map(|row| row.id)))
        .bind::<BigInt, _>(hold.holder)
        .bind::<BigInt, _>(hold.until)
        .bind::<BigInt, _>(account_id)
        .execute(conn)?;
    }
    Ok(left)
}

/// All deliveries of the installation that are claimed, as mailing and recipient: their mails may
/// lie in an outbox without being entered.
pub fn in_hand_of_all(conn: &mut Conn) -> DbResult<Vec<(i64, i64)>> {
    #[derive(QueryableByName)]
    struct Held {
        #[diesel(sql_type = BigInt)]
        mailing_id: i64,
        #[diesel(sql_type = BigInt)]
        recipient_id: i64,
    }
    // Mailing by mailing, and with the states in the text: so the index of those that are held is
    // used, and not every delivery there is read at each start.
    let held: Vec<Held> = diesel::sql_query(
        "SELECT d.mailing_id, d.recipient_id FROM mailings m CROSS JOIN deliveries d
         WHERE m.sent_at IS NULL AND m.status <> 'draft' AND d.mailing_id = m.id
           AND d.status IN ('claimed', 'underway') AND d.recipient_id IS NOT NULL",
    )
    .load(conn)?;
    let pairs = held
        .into_iter()
        .map(|one| (one.mailing_id, one.recipient_id));
    Ok(pairs.collect())
}

/// Puts all that a sender has claimed of a mailing and not begun to hand over back: it will be
/// decided anew.
pub fn put_back(conn: &mut Conn, account_id: i64, mailing_id: i64, holder: i64) -> DbResult<()> {
    lock_held(conn, account_id, mailing_id, holder)?;
    diesel::sql_query(
        "UPDATE deliveries SET status = 'pending', policy = NULL, token_key = NULL, holder = NULL, lease_until = NULL
         WHERE account_id = $1 AND mailing_id = $2 AND status IN ('claimed', 'underway') AND status = 'claimed'
           AND holder = $3",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(holder)
    .execute(conn)?;
    Ok(())
}
