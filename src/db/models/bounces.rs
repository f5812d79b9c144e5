//! What came back of a mailing's mails: on the delivery as long as it belongs to a recipient, and
//! in the mailing's counters.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::recipients::Recipient;
use crate::db::schema::{deliveries, mailings, recipients};
use crate::db::{Conn, DbResult, OnBackend};
use crate::domain::bounce::{BounceKind, StatusCode};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, TrackingSource};

/// What came back of many mailings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Sums {
    /// Mails handed over.
    #[diesel(sql_type = BigInt)]
    pub handed: i64,
    /// Mails that came back for good.
    #[diesel(sql_type = BigInt)]
    pub hard: i64,
    /// Mails that came back for now.
    #[diesel(sql_type = BigInt)]
    pub soft: i64,
    /// Mails that were reported as unwanted.
    #[diesel(sql_type = BigInt)]
    pub complaints: i64,
}

/// What came back of all mailings that were begun since then: from their counters, so it tells nothing of
/// anybody, and costs a look at each mailing.
pub fn since(conn: &mut Conn, account_id: i64, begin: Timestamp) -> DbResult<Sums> {
    let sum = |column: &str| format!("CAST(COALESCE(SUM({column}), 0) AS BIGINT)");
    Ok(diesel::sql_query(format!(
        "SELECT {} AS handed, {} AS hard, {} AS soft, {} AS complaints
         FROM mailings WHERE account_id = $1 AND send_started_at >= $2",
        sum("handed"),
        sum("bounces"),
        sum("soft_bounces"),
        sum("complaints")
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(begin.millis())
    .get_result(conn)?)
}

/// A delivery that something came back of.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Concerned {
    /// The delivery.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// What came back before.
    #[diesel(sql_type = Nullable<Text>)]
    pub bounce: Option<BounceKind>,
    #[diesel(sql_type = Nullable<BigInt>)]
    handed_at: Option<i64>,
}

impl Concerned {
    /// Whether the mail went to an address that the recipient has no longer.
    pub fn went_to_old_address(&self, recipient: &Recipient) -> bool {
        match (self.handed_at, recipient.address_changed_at) {
            (Some(handed_at), Some(changed_at)) => handed_at <= changed_at,
            _ => false,
        }
    }
}

/// The account of a mailing. A mark names only the mailing; it is under a MAC.
pub fn account_of(conn: &mut Conn, mailing_id: i64) -> DbResult<Option<i64>> {
    Ok(mailings::table
        .find(mailing_id)
        .select(mailings::account_id)
        .first(conn)
        .optional()?)
}

/// The delivery of a mailing to a recipient, locked; none after pseudonymising.
pub fn find_and_lock(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    recipient_id: i64,
) -> DbResult<Option<Concerned>> {
    let lock = conn.backend().row_lock("FOR UPDATE");
    Ok(diesel::sql_query(format!(
        "SELECT id, bounce, handed_at FROM deliveries
         WHERE account_id = $1 AND mailing_id = $2 AND recipient_id = $3 {lock}"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(recipient_id)
    .get_result(conn)
    .optional()?)
}

/// Notes on a delivery what came back, to the hour. Of the reason only its code is kept.
pub fn note(
    conn: &mut Conn,
    account_id: i64,
    delivery: Concerned,
    kind: BounceKind,
    code: Option<StatusCode>,
    now: Timestamp,
) -> DbResult<()> {
    let scoped = deliveries::table
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::id.eq(delivery.id));
    diesel::update(scoped)
        .set((
            deliveries::bounce.eq(kind.as_str()),
            deliveries::bounced_at.eq(now.hour().0 * 3_600_000),
            // A complaint says nothing of the mail server that took the mail.
            (kind != BounceKind::Complaint)
                .then(|| deliveries::reply_code.eq(code.map(|code| code.to_string()))),
        ))
        .execute(conn)?;
    Ok(())
}

/// Counts in a mailing what came back; what was counted of the same mail before no longer is.
pub fn count(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    kind: BounceKind,
    before: Option<BounceKind>,
) -> DbResult<()> {
    let change = |of: BounceKind| i64::from(kind == of) - i64::from(before == Some(of));
    diesel::update(
        mailings::table
            .filter(mailings::account_id.eq(account_id))
            .filter(mailings::id.eq(mailing_id)),
    )
    .set((
        mailings::bounces.eq(mailings::bounces + change(BounceKind::Hard)),
        mailings::soft_bounces.eq(mailings::soft_bounces + change(BounceKind::Soft)),
        mailings::complaints.eq(mailings::complaints + change(BounceKind::Complaint)),
    ))
    .execute(conn)?;
    Ok(())
}

/// Counts in a mailing what came back of a mail whose delivery nobody can find any more. There is
/// never more than was handed over, whatever is sent to us again and again. Gives whether it
/// counted.
pub fn count_unknown(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    kind: BounceKind,
) -> DbResult<bool> {
    let column = match kind {
        BounceKind::Hard => "bounces",
        BounceKind::Soft => "soft_bounces",
        BounceKind::Complaint => "complaints",
    };
    let counted = diesel::sql_query(format!(
        "UPDATE mailings SET {column} = {column} + 1
         WHERE account_id = $1 AND id = $2
           AND bounces + soft_bounces + complaints < handed + uncertain"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .execute(conn)?;
    Ok(counted == 1)
}

/// Whether the mail before that one reached its recipient, as far as is known: nothing came back
/// of it.
fn previous_arrived(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    delivery: Concerned,
) -> DbResult<bool> {
    let previous: Option<Option<String>> = deliveries::table
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::recipient_id.eq(recipient_id))
        .filter(deliveries::status.eq("handed"))
        .filter(deliveries::handed_at.lt(delivery.handed_at.unwrap_or(i64::MAX)))
        .filter(deliveries::id.ne(delivery.id))
        .order(deliveries::handed_at.desc())
        .select(deliveries::bounce)
        .first(conn)
        .optional()?;
    Ok(previous.is_some_and(|bounce| bounce.is_none()))
}

/// Counts a temporary bounce at its recipient and gives how many there were in a row. A mail that
/// arrived in between ends the row; that is looked for here, where it costs one look, and not
/// whenever a mail arrives or is opened.
pub fn count_soft(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    delivery: Concerned,
) -> DbResult<i64> {
    let starts_anew = previous_arrived(conn, account_id, recipient_id, delivery)?;
    let scoped = recipients::table
        .filter(recipients::account_id.eq(account_id))
        .filter(recipients::id.eq(recipient_id));
    // Bounces of several mails may be counted at once.
    let update = diesel::update(scoped);
    Ok(if starts_anew {
        update
            .set(recipients::soft_bounces.eq(1))
            .returning(recipients::soft_bounces)
            .get_result(conn)?
    } else {
        update
            .set(recipients::soft_bounces.eq(recipients::soft_bounces + 1))
            .returning(recipients::soft_bounces)
            .get_result(conn)?
    })
}

/// Lets no further mails go to a recipient. Gives whether any went there: who has unsubscribed
/// stays so, since that is the person's own word.
pub fn give_up(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    now: Timestamp,
) -> DbResult<bool> {
    let changed = diesel::update(
        recipients::table
            .filter(recipients::account_id.eq(account_id))
            .filter(recipients::id.eq(recipient_id))
            .filter(recipients::status.eq(RecipientStatus::Active.as_str())),
    )
    .set((
        recipients::status.eq(RecipientStatus::Bounced.as_str()),
        recipients::status_changed_at.eq(now.millis()),
        recipients::status_source.eq(TrackingSource::Bounce.as_str()),
    ))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Forgets the temporary bounces of a recipient.
pub fn forget_soft(conn: &mut Conn, account_id: i64, recipient_id: i64) -> DbResult<()> {
    diesel::update(
        recipients::table
            .filter(recipients::account_id.eq(account_id))
            .filter(recipients::id.eq(recipient_id)),
    )
    .set(recipients::soft_bounces.eq(0))
    .execute(conn)?;
    Ok(())
}

/// What came back last from a recipient, as far as it is not pseudonymised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBounce {
    /// What it was.
    pub kind: BounceKind,
    /// The code, where one is known.
    pub code: Option<String>,
}

/// What came back last from a recipient, or with what its address was refused.
pub fn last_of(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
) -> DbResult<Option<LastBounce>> {
    let came_back = deliveries::bounce.eq_any(["hard", "soft"]);
    let refused = deliveries::status
        .eq("failed")
        .and(deliveries::reply_code.is_not_null());
    let found: Option<(Option<BounceKind>, Option<String>)> = deliveries::table
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::recipient_id.eq(recipient_id))
        .filter(came_back.assume_not_null().or(refused))
        .order(deliveries::mailing_id.desc())
        .select((deliveries::bounce, deliveries::reply_code))
        .first(conn)
        .optional()?;
    Ok(found.map(|(kind, code)| LastBounce {
        kind: kind.unwrap_or(BounceKind::Hard),
        code,
    }))
}
