//! The recorder's queries: what a batch of hits has to know, and the counters it raises.
//!
//! Every statement takes the whole batch at once and touches rows in the order of their keys, so
//! that two nodes that store batches at the same time can't block each other in a circle.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use crate::db::json_rows::{self, Column, hex};
use crate::db::prepared::prepared;
use crate::db::schema::accounts;
use crate::db::{Conn, DbResult};
use crate::domain::secret::Random128;
use crate::domain::tracking::{AccountTracking, Decision, RecipientTracking, TrackingMode};

/// A delivery whose key a hit carried.
#[derive(Debug, Clone)]
pub struct KnownDelivery {
    /// The delivery.
    pub id: i64,
    /// Its mailing.
    pub mailing_id: i64,
    /// What its recipient says about tracking, now.
    pub recipient: RecipientTracking,
    /// Whether the rendering's decision was *personal*.
    pub rendered_personal: bool,
    /// Whether it was opened before.
    pub opened: bool,
    /// Whether any of its links was followed before.
    pub clicked: bool,
}

#[derive(QueryableByName)]
struct KnownRow {
    #[diesel(sql_type = Binary)]
    token_key: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    mailing_id: i64,
    #[diesel(sql_type = Text)]
    tracking: RecipientTracking,
    #[diesel(sql_type = Nullable<Text>)]
    policy: Option<Decision>,
    #[diesel(sql_type = Bool)]
    opened: bool,
    #[diesel(sql_type = Bool)]
    clicked: bool,
}

/// The tracking settings of accounts, as they are in this transaction.
pub fn account_settings(
    conn: &mut Conn,
    account_ids: &[i64],
) -> DbResult<HashMap<i64, AccountTracking>> {
    let rows: Vec<(i64, String, bool)> = accounts::table
        .filter(accounts::id.eq_any(account_ids))
        .select((
            accounts::id,
            accounts::tracking_mode,
            accounts::count_anonymously,
        ))
        .load(conn)?;
    let mut settings = HashMap::with_capacity(rows.len());
    for (id, mode, count_anonymously) in rows {
        let mode: TrackingMode = mode
            .parse()
            .map_err(|_| crate::db::DbError::Unreadable("tracking mode".into()))?;
        settings.insert(
            id,
            AccountTracking {
                mode,
                count_anonymously,
            },
        );
    }
    Ok(settings)
}

/// The deliveries those keys still lead to, with their recipients' settings as they are in this
/// transaction. A pseudonymised delivery has no key, so it is never among them (rule P6).
pub fn deliveries_for(
    conn: &mut Conn,
    keys: &[Random128],
) -> DbResult<HashMap<Random128, KnownDelivery>> {
    let rows = json_rows::unfold(conn, &[("token_key", Column::Bytes)]);
    // PostgreSQL holds the rows it is going to change, in their order.
    let lock = match conn {
        Conn::Sqlite(_) => "",
        Conn::Postgres(_) => "FOR NO KEY UPDATE OF d",
    };
    let wanted: Vec<[String; 1]> = keys.iter().map(|key| [hex(key)]).collect();
    let found: Vec<KnownRow> = prepared(format!(
        "SELECT d.token_key, d.id, d.mailing_id, r.tracking, d.policy,
                d.first_open_at IS NOT NULL AS opened, d.first_click_at IS NOT NULL AS clicked
         FROM {rows} AS wanted
         CROSS JOIN deliveries d
         CROSS JOIN recipients r
         WHERE d.token_key = wanted.token_key AND r.id = d.recipient_id
         ORDER BY d.id {lock}"
    ))
    .text(json_rows::of(&wanted))
    .load(conn)?;
    Ok(found
        .into_iter()
        .filter_map(|row| {
            let key = Random128::try_from(row.token_key.as_slice()).ok()?;
            Some((
                key,
                KnownDelivery {
                    id: row.id,
                    mailing_id: row.mailing_id,
                    recipient: row.tracking,
                    rendered_personal: row.policy == Some(Decision::Personal),
                    opened: row.opened,
                    clicked: row.clicked,
                },
            ))
        })
        .collect())
}

/// Which links of these deliveries were followed before, by a person.
pub fn followed_links(conn: &mut Conn, delivery_ids: &[i64]) -> DbResult<HashSet<(i64, i64)>> {
    #[derive(QueryableByName)]
    struct Followed {
        #[diesel(sql_type = BigInt)]
        delivery_id: i64,
        #[diesel(sql_type = BigInt)]
        link: i64,
    }
    let rows = json_rows::unfold(conn, &[("id", Column::Int)]);
    let found: Vec<Followed> = prepared(format!(
        "SELECT DISTINCT e.delivery_id, CAST(e.link AS BIGINT) AS link
         FROM {rows} AS wanted
         CROSS JOIN events e
         WHERE e.delivery_id = wanted.id AND e.kind = 1 AND NOT e.automatic"
    ))
    .text(json_rows::of_numbers(delivery_ids.iter().copied()))
    .load(conn)?;
    Ok(found
        .into_iter()
        .map(|row| (row.delivery_id, row.link))
        .collect())
}

/// So many events of one kind on one delivery within one hour:
/// account, delivery, kind, link, hour, device, automatic, how many.
pub type EventRow = (i64, i64, i32, i64, i64, i32, bool, i64);

/// Adds events.
pub fn add_events(conn: &mut Conn, rows: &[EventRow]) -> DbResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("account_id", Column::Int),
            ("delivery_id", Column::Int),
            ("kind", Column::Int),
            ("link", Column::Int),
            ("hour", Column::Int),
            ("device", Column::Int),
            ("automatic", Column::Bool),
            ("n", Column::Int),
        ],
    );
    prepared(format!(
        "INSERT INTO events (account_id, delivery_id, kind, link, hour, device, automatic, n)
         SELECT account_id, delivery_id, kind, link, hour, device, automatic, n FROM {unfolded} AS new WHERE TRUE
         ON CONFLICT (delivery_id, kind, link, hour, device, automatic) DO UPDATE SET n = events.n + excluded.n"
    ))
    .text(json_rows::of(rows))
    .execute(conn)?;
    Ok(())
}

/// What a batch adds to a delivery: its number, then for opens and for clicks the earliest and the
/// latest time in milliseconds, and how many.
pub type DeliveryRow = (
    i64,
    Option<i64>,
    Option<i64>,
    i64,
    Option<i64>,
    Option<i64>,
    i64,
);

/// Adds opens and clicks to deliveries.
pub fn add_to_deliveries(conn: &mut Conn, rows: &[DeliveryRow]) -> DbResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("id", Column::Int),
            ("open_from", Column::Int),
            ("open_to", Column::Int),
            ("opens", Column::Int),
            ("click_from", Column::Int),
            ("click_to", Column::Int),
            ("clicks", Column::Int),
        ],
    );
    let earlier = |old: &str, new: &str| {
        format!(
            "CASE WHEN {old} IS NULL OR new.{new} < {old} THEN COALESCE(new.{new}, {old}) ELSE {old} END"
        )
    };
    let later = |old: &str, new: &str| {
        format!(
            "CASE WHEN {old} IS NULL OR new.{new} > {old} THEN COALESCE(new.{new}, {old}) ELSE {old} END"
        )
    };
    prepared(format!(
        "UPDATE deliveries SET
             first_open_at = {}, last_open_at = {}, opens = deliveries.opens + new.opens,
             first_click_at = {}, last_click_at = {}, clicks = deliveries.clicks + new.clicks
         FROM {unfolded} AS new WHERE deliveries.id = new.id",
        earlier("first_open_at", "open_from"),
        later("last_open_at", "open_to"),
        earlier("first_click_at", "click_from"),
        later("last_click_at", "click_to"),
    ))
    .text(json_rows::of(rows))
    .execute(conn)?;
    Ok(())
}

/// What a batch adds to an hour of a mailing:
/// account, mailing, kind, link, hour, personal, firsts, anonymous, automatic.
pub type HourRow = (i64, i64, i32, i64, i64, i64, i64, i64, i64);

/// Raises the hourly totals of mailings.
pub fn add_to_hours(conn: &mut Conn, rows: &[HourRow]) -> DbResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = [
        "account_id",
        "mailing_id",
        "kind",
        "link",
        "hour",
        "personal",
        "firsts",
        "anonymous",
        "automatic",
    ];
    let unfolded = json_rows::unfold(conn, &names.map(|name| (name, Column::Int)));
    prepared(format!(
        "INSERT INTO mailing_hours (account_id, mailing_id, kind, link, hour, personal, firsts, anonymous, automatic)
         SELECT account_id, mailing_id, kind, link, hour, personal, firsts, anonymous, automatic
         FROM {unfolded} AS new WHERE TRUE
         ON CONFLICT (mailing_id, kind, link, hour) DO UPDATE SET
             personal = mailing_hours.personal + excluded.personal,
             firsts = mailing_hours.firsts + excluded.firsts,
             anonymous = mailing_hours.anonymous + excluded.anonymous,
             automatic = mailing_hours.automatic + excluded.automatic"
    ))
    .text(json_rows::of(rows))
    .execute(conn)?;
    Ok(())
}

/// What a batch adds to a class of devices of a mailing: account, mailing, kind, device, how many.
pub type DeviceRow = (i64, i64, i32, i32, i64);

/// Raises the totals per class of device.
pub fn add_to_devices(conn: &mut Conn, rows: &[DeviceRow]) -> DbResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = ["account_id", "mailing_id", "kind", "device", "n"];
    let unfolded = json_rows::unfold(conn, &names.map(|name| (name, Column::Int)));
    prepared(format!(
        "INSERT INTO mailing_devices (account_id, mailing_id, kind, device, n)
         SELECT account_id, mailing_id, kind, device, n FROM {unfolded} AS new WHERE TRUE
         ON CONFLICT (mailing_id, kind, device) DO UPDATE SET n = mailing_devices.n + excluded.n"
    ))
    .text(json_rows::of(rows))
    .execute(conn)?;
    Ok(())
}
