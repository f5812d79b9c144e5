//! Everything that is stored about one person's mails: what Art. 15 GDPR gives a right to see.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use crate::db::schema::{bounce_reasons, deliveries, mailings};
use crate::db::{Conn, DbResult};
use crate::domain::bounce::BounceReason;
use crate::domain::tracking::Decision;

/// One mailing to the person.
#[derive(Debug, Clone, Queryable)]
pub struct PersonDelivery {
    /// The mailing.
    pub mailing_id: i64,
    /// Its subject.
    pub subject: String,
    /// How far the delivery has come.
    pub status: crate::db::models::deliveries::DeliveryStatus,
    /// How it is measured; none before it was rendered.
    pub policy: Option<Decision>,
    /// When it was handed over, in milliseconds.
    pub handed_at: Option<i64>,
    /// First open, in milliseconds.
    pub first_open_at: Option<i64>,
    /// Last open, in milliseconds.
    pub last_open_at: Option<i64>,
    /// How many opens.
    pub opens: i64,
    /// First click, in milliseconds.
    pub first_click_at: Option<i64>,
    /// Last click, in milliseconds.
    pub last_click_at: Option<i64>,
    /// How many clicks.
    pub clicks: i64,
    /// What came back, as a word.
    pub bounce: Option<String>,
    /// When, to the hour, in milliseconds.
    pub bounced_at: Option<i64>,
    /// What the mail server said last: its codes only.
    pub reply_code: Option<String>,
    /// What it refused.
    pub reason: Option<BounceReason>,
}

/// So many opens or clicks of one kind within one hour.
#[derive(Debug, Clone, QueryableByName)]
pub struct PersonEvent {
    /// The mailing.
    #[diesel(sql_type = BigInt)]
    pub mailing_id: i64,
    /// 0 for opens, 1 for clicks.
    #[diesel(sql_type = Integer)]
    pub kind: i32,
    /// Where the link led, for clicks.
    #[diesel(sql_type = Nullable<Text>)]
    pub url: Option<String>,
    /// The hour, in whole hours since 1970.
    #[diesel(sql_type = BigInt)]
    pub hour: i64,
    /// The class of device, as a number.
    #[diesel(sql_type = Integer)]
    pub device: i32,
    /// Whether a program came, not a person.
    #[diesel(sql_type = Bool)]
    pub automatic: bool,
    /// How often.
    #[diesel(sql_type = BigInt)]
    pub n: i64,
}

/// All mailings to a recipient that still lead to them, newest first.
pub fn deliveries_to(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
) -> DbResult<Vec<PersonDelivery>> {
    Ok(deliveries::table
        .inner_join(mailings::table)
        .left_join(
            bounce_reasons::table.on(bounce_reasons::mailing_id
                .eq(deliveries::mailing_id)
                .and(bounce_reasons::recipient_id.eq(recipient_id))),
        )
        .filter(deliveries::account_id.eq(account_id))
        .filter(deliveries::recipient_id.eq(recipient_id))
        .order(deliveries::mailing_id.desc())
        .select((
            mailings::id,
            mailings::subject,
            deliveries::status,
            deliveries::policy,
            deliveries::handed_at,
            deliveries::first_open_at,
            deliveries::last_open_at,
            deliveries::opens,
            deliveries::first_click_at,
            deliveries::last_click_at,
            deliveries::clicks,
            deliveries::bounce,
            deliveries::bounced_at,
            deliveries::reply_code,
            bounce_reasons::reason.nullable(),
        ))
        .load(conn)?)
}

/// All opens and clicks that lead to a recipient, as they are stored, by mailing and time.
pub fn events_of(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
) -> DbResult<Vec<PersonEvent>> {
    Ok(diesel::sql_query(
        "SELECT d.mailing_id, CAST(e.kind AS INTEGER) AS kind, l.url, e.hour,
                CAST(e.device AS INTEGER) AS device, e.automatic, e.n
         FROM deliveries d
         JOIN events e ON e.delivery_id = d.id
         LEFT JOIN mailing_links l ON l.mailing_id = d.mailing_id AND l.number = e.link AND e.kind = 1
         WHERE d.recipient_id = $1 AND d.account_id = $2
         ORDER BY d.mailing_id DESC, e.hour, e.kind, e.link, e.device, e.automatic",
    )
    .bind::<BigInt, _>(recipient_id)
    .bind::<BigInt, _>(account_id)
    .load(conn)?)
}
