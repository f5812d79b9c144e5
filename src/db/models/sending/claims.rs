//! Deliveries in the hands of a sender: claimed, put back, cancelled.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};

use crate::db::json_rows::{self, Column, hex};
use crate::db::models::mailings::MailingStatus;
use crate::db::schema::{deliveries, mailings};
use crate::db::{Conn, DbResult};
use crate::domain::secret::Random128;
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
    /// The random key of the personal links.
    #[diesel(sql_type = Binary)]
    pub public_key: Vec<u8>,
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

/// Some deliveries that wait, in the order of the recipients, which the deliveries' numbers do
/// not know. The caller claims or cancels them in the same transaction.
pub fn waiting(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    limit: i64,
) -> DbResult<Vec<Waiting>> {
    // Rows that somebody is just deleting are passed over.
    let lock = match conn {
        Conn::Sqlite(_) => "",
        Conn::Postgres(_) => "FOR UPDATE OF d SKIP LOCKED",
    };
    Ok(diesel::sql_query(format!(
        "SELECT d.id, r.id AS recipient_id, r.address, r.first_name, r.last_name, r.fields, r.status, r.tracking, r.public_key
         FROM deliveries d JOIN recipients r ON r.id = d.recipient_id
         WHERE d.account_id = $1 AND d.mailing_id = $2 AND d.status = 'pending'
         ORDER BY d.recipient_id LIMIT $3 {lock}"
    ))
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .bind::<BigInt, _>(limit)
    .load(conn)?)
}

/// Claims deliveries and freezes how they may be measured.
pub fn claim(conn: &mut Conn, account_id: i64, claims: &[Claim]) -> DbResult<()> {
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
        "UPDATE deliveries SET status = 'claimed', policy = new.policy, token_key = new.token_key
         FROM {unfolded} AS new
         WHERE deliveries.id = new.id AND deliveries.account_id = $2 AND deliveries.status = 'pending'"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
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
        "UPDATE deliveries SET status = 'cancelled'
         WHERE id IN (SELECT id FROM {rows} AS wanted) AND account_id = $2 AND mailing_id = $3 AND status = 'pending'"
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

/// The deliveries that are claimed. Whoever asks holds the mailing alone, so these were left
/// behind by a sender that ended.
pub fn left_behind(conn: &mut Conn, account_id: i64, mailing_id: i64) -> DbResult<Vec<InHand>> {
    Ok(diesel::sql_query(
        "SELECT id, recipient_id FROM deliveries
         WHERE account_id = $1 AND mailing_id = $2 AND status = 'claimed' AND recipient_id IS NOT NULL
         ORDER BY recipient_id",
    )
    .bind::<BigInt, _>(account_id)
    .bind::<BigInt, _>(mailing_id)
    .load(conn)?)
}

/// All deliveries of the installation that are claimed, as mailing and recipient: their mails may
/// lie in an outbox without being entered.
pub fn in_hand_of_all(conn: &mut Conn) -> DbResult<Vec<(i64, i64)>> {
    let found: Vec<(i64, Option<i64>)> = mailings::table
        .inner_join(deliveries::table)
        .filter(mailings::status.eq(MailingStatus::Sending.as_str()))
        .filter(deliveries::status.eq("claimed"))
        .filter(deliveries::recipient_id.is_not_null())
        .select((deliveries::mailing_id, deliveries::recipient_id))
        .load(conn)?;
    Ok(found
        .into_iter()
        .filter_map(|(mailing_id, recipient_id)| Some((mailing_id, recipient_id?)))
        .collect())
}

/// Puts claimed deliveries back: they were not handed over, and will be decided anew.
pub fn put_back(conn: &mut Conn, account_id: i64, ids: &[i64]) -> DbResult<()> {
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    diesel::sql_query(format!(
        "UPDATE deliveries SET status = 'pending', policy = NULL, token_key = NULL
         WHERE id IN (SELECT id FROM {rows} AS wanted) AND account_id = $2 AND status = 'claimed'"
    ))
    .bind::<Text, _>(json_rows::of_numbers(ids.iter().copied()))
    .bind::<BigInt, _>(account_id)
    .execute(conn)?;
    Ok(())
}
