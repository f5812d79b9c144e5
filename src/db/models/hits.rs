//! The recorder's queries: what a batch of hits has to know, and the counters it raises.
//!
//! Every statement takes the whole batch at once and touches rows in the order of their keys, so
//! that two nodes that store batches at the same time can't block each other in a circle.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use crate::db::json_rows::{self, Column, hex};
use crate::db::prepared::prepared;
use crate::db::{Conn, DbError, DbResult, OnBackend};
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

/// What has to be known to decide a batch, as it is in this transaction.
#[derive(Debug, Default)]
pub struct Known {
    /// The settings of the accounts, those that still exist.
    pub accounts: HashMap<i64, AccountTracking>,
    /// The deliveries the keys still lead to. A pseudonymised delivery has no key, so it is never
    /// among them (rule P6).
    pub deliveries: HashMap<Random128, KnownDelivery>,
}

/// An account, and one of the deliveries, if there is any.
#[derive(QueryableByName)]
struct KnownRow {
    #[diesel(sql_type = BigInt)]
    account_id: i64,
    #[diesel(sql_type = Text)]
    tracking_mode: String,
    #[diesel(sql_type = Bool)]
    count_anonymously: bool,
    #[diesel(sql_type = Nullable<Binary>)]
    token_key: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    mailing_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    tracking: Option<RecipientTracking>,
    #[diesel(sql_type = Nullable<Text>)]
    policy: Option<Decision>,
    #[diesel(sql_type = Nullable<Bool>)]
    opened: Option<bool>,
    #[diesel(sql_type = Nullable<Bool>)]
    clicked: Option<bool>,
}

impl KnownRow {
    fn delivery(&self) -> Option<(Random128, KnownDelivery)> {
        let key = Random128::try_from(self.token_key.as_deref()?).ok()?;
        let delivery = KnownDelivery {
            id: self.id?,
            mailing_id: self.mailing_id?,
            recipient: self.tracking?,
            rendered_personal: self.policy == Some(Decision::Personal),
            opened: self.opened?,
            clicked: self.clicked?,
        };
        Some((key, delivery))
    }
}

/// Reads the settings of accounts, and of the recipients to whose deliveries the keys lead.
///
/// PostgreSQL holds the deliveries' rows from then on, in the order of their ids: they are what
/// will be changed.
pub fn known(conn: &mut Conn, account_ids: &[i64], keys: &[Random128]) -> DbResult<Known> {
    let wanted = json_rows::unfold(conn, &[("token_key", Column::Bytes)]);
    let asked = json_rows::unfold_from("$2", conn, &[("account_id", Column::Int)]);
    let lock = conn.backend().row_lock("FOR NO KEY UPDATE OF d");
    let keys: Vec<[String; 1]> = keys.iter().map(|key| [hex(key)]).collect();
    let rows: Vec<KnownRow> = prepared(format!(
        "WITH known AS (
             SELECT d.account_id, d.token_key, d.id, d.mailing_id, r.tracking, d.policy,
                    d.first_open_at IS NOT NULL AS opened, d.first_click_at IS NOT NULL AS clicked
             FROM {wanted} AS wanted
             CROSS JOIN deliveries d
             CROSS JOIN recipients r
             WHERE d.token_key = wanted.token_key AND r.id = d.recipient_id
             ORDER BY d.id {lock}
         )
         SELECT a.id AS account_id, a.tracking_mode, a.count_anonymously, known.token_key, known.id,
                known.mailing_id, known.tracking, known.policy, known.opened, known.clicked
         FROM accounts a LEFT JOIN known ON known.account_id = a.id
         WHERE a.id IN (SELECT asked.account_id FROM {asked} AS asked)"
    ))
    .text(json_rows::of(&keys))
    .text(json_rows::of_numbers(account_ids.iter().copied()))
    .load(conn)?;
    let mut known = Known::default();
    for row in rows {
        if let Entry::Vacant(entry) = known.accounts.entry(row.account_id) {
            let mode: TrackingMode = row
                .tracking_mode
                .parse()
                .map_err(|_| DbError::Unreadable("tracking mode".into()))?;
            entry.insert(AccountTracking {
                mode,
                count_anonymously: row.count_anonymously,
            });
        }
        known.deliveries.extend(row.delivery());
    }
    Ok(known)
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

/// What a batch adds to an hour of a mailing:
/// account, mailing, kind, link, hour, personal, firsts, anonymous, automatic, and of the anonymous
/// ones those that are so because of the account.
pub type HourRow = (i64, i64, i32, i64, i64, i64, i64, i64, i64, i64);

/// What a batch adds to a class of devices of a mailing: account, mailing, kind, device, how many.
pub type DeviceRow = (i64, i64, i32, i32, i64);

/// All that a batch adds, each list in the order of its table's key.
#[derive(Debug, Default)]
pub struct Additions {
    /// To the events.
    pub events: Vec<EventRow>,
    /// To the opens and clicks of deliveries.
    pub deliveries: Vec<DeliveryRow>,
    /// To the hourly totals of mailings.
    pub hours: Vec<HourRow>,
    /// To the totals per class of device.
    pub devices: Vec<DeviceRow>,
}

/// Adds what a batch adds: on SQLite by a statement for each table that gets something, on
/// PostgreSQL by one for all of them, since there a round trip costs as much as the work.
pub fn add(conn: &mut Conn, additions: &Additions) -> DbResult<()> {
    let Additions {
        events,
        deliveries,
        hours,
        devices,
    } = additions;
    if conn.backend().is_server() {
        let statement = format!(
            "WITH events_added AS ({}), deliveries_added AS ({}), hours_added AS ({}), devices_added AS ({})
             SELECT 1",
            add_events("$1", conn),
            add_to_deliveries("$2", conn),
            add_to_hours("$3", conn),
            add_to_devices("$4", conn),
        );
        prepared(statement)
            .text(json_rows::of(events))
            .text(json_rows::of(deliveries))
            .text(json_rows::of(hours))
            .text(json_rows::of(devices))
            .execute(conn)?;
        return Ok(());
    }
    let run = |conn: &mut Conn, add: fn(&str, &Conn) -> String, rows: String| {
        if rows != "[]" {
            prepared(add("$1", conn)).text(rows).execute(conn)?;
        }
        Ok::<_, DbError>(())
    };
    run(conn, add_events, json_rows::of(events))?;
    run(conn, add_to_deliveries, json_rows::of(deliveries))?;
    run(conn, add_to_hours, json_rows::of(hours))?;
    run(conn, add_to_devices, json_rows::of(devices))
}

fn add_events(rows: &str, conn: &Conn) -> String {
    let new = json_rows::unfold_from(
        rows,
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
    format!(
        "INSERT INTO events (account_id, delivery_id, kind, link, hour, device, automatic, n)
         SELECT account_id, delivery_id, kind, link, hour, device, automatic, n FROM {new} AS new WHERE TRUE
         ON CONFLICT (delivery_id, kind, link, hour, device, automatic) DO UPDATE SET n = events.n + excluded.n"
    )
}

fn add_to_deliveries(rows: &str, conn: &Conn) -> String {
    let new = json_rows::unfold_from(
        rows,
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
    format!(
        "UPDATE deliveries SET
             first_open_at = {}, last_open_at = {}, opens = deliveries.opens + new.opens,
             first_click_at = {}, last_click_at = {}, clicks = deliveries.clicks + new.clicks
         FROM {new} AS new WHERE deliveries.id = new.id",
        earlier("first_open_at", "open_from"),
        later("last_open_at", "open_to"),
        earlier("first_click_at", "click_from"),
        later("last_click_at", "click_to"),
    )
}

fn add_to_hours(rows: &str, conn: &Conn) -> String {
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
        "account_off",
    ];
    let new = json_rows::unfold_from(rows, conn, &names.map(|name| (name, Column::Int)));
    let columns = names.join(", ");
    format!(
        "INSERT INTO mailing_hours ({columns}) SELECT {columns}
         FROM {new} AS new WHERE TRUE
         ON CONFLICT (mailing_id, kind, link, hour) DO UPDATE SET
             personal = mailing_hours.personal + excluded.personal,
             firsts = mailing_hours.firsts + excluded.firsts,
             anonymous = mailing_hours.anonymous + excluded.anonymous,
             automatic = mailing_hours.automatic + excluded.automatic,
             account_off = mailing_hours.account_off + excluded.account_off"
    )
}

fn add_to_devices(rows: &str, conn: &Conn) -> String {
    let names = ["account_id", "mailing_id", "kind", "device", "n"];
    let new = json_rows::unfold_from(rows, conn, &names.map(|name| (name, Column::Int)));
    format!(
        "INSERT INTO mailing_devices (account_id, mailing_id, kind, device, n)
         SELECT account_id, mailing_id, kind, device, n FROM {new} AS new WHERE TRUE
         ON CONFLICT (mailing_id, kind, device) DO UPDATE SET n = mailing_devices.n + excluded.n"
    )
}
