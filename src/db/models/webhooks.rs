//! Webhooks: where other programs want to be told of what happens.

use diesel::prelude::*;

use crate::db::schema::webhooks;
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::domain::webhook::HookEvent;

/// A webhook.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub struct Webhook {
    /// Its number.
    pub id: i64,
    /// Its account.
    pub account_id: i64,
    /// Where it is told.
    pub url: String,
    events: i32,
    /// The secret it is signed with, sealed for its [`place`].
    pub secret: Vec<u8>,
    /// Whether anything is told.
    pub active: bool,
    /// Since when nothing arrives, in milliseconds.
    pub failing_since: Option<i64>,
    /// When it was switched off because nothing arrived, in milliseconds.
    pub given_up_at: Option<i64>,
    /// When it was made, in milliseconds.
    pub created_at: i64,
}

impl Webhook {
    /// Whether it is for that.
    pub const fn is_for(&self, event: HookEvent) -> bool {
        self.events & event.bit() != 0
    }

    /// What it is for.
    pub fn events(&self) -> impl Iterator<Item = HookEvent> {
        HookEvent::ALL
            .into_iter()
            .filter(|event| self.is_for(*event))
    }
}

/// For which place a secret is sealed (see [`crate::domain::sealed::Sealer`]). The address stands in
/// it, so that nobody who can write to the table turns it to another one.
pub fn place(account_id: i64, url: &str) -> String {
    format!("webhook/{account_id}/{url}")
}

/// Makes a webhook.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    url: &str,
    events: &[HookEvent],
    secret: &[u8],
    now: Timestamp,
) -> DbResult<i64> {
    let bits = events.iter().fold(0, |bits, event| bits | event.bit());
    Ok(diesel::insert_into(webhooks::table)
        .values((
            webhooks::account_id.eq(account_id),
            webhooks::url.eq(url),
            webhooks::events.eq(bits),
            webhooks::secret.eq(secret),
            webhooks::active.eq(true),
            webhooks::created_at.eq(now.millis()),
        ))
        .returning(webhooks::id)
        .get_result(conn)?)
}

/// All webhooks of the account, the newest first.
pub fn of_account(conn: &mut Conn, account_id: i64) -> DbResult<Vec<Webhook>> {
    Ok(webhooks::table
        .filter(webhooks::account_id.eq(account_id))
        .order(webhooks::id.desc())
        .select(Webhook::as_select())
        .load(conn)?)
}

/// One webhook.
pub fn find(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<Webhook> {
    Ok(webhooks::table
        .filter(webhooks::account_id.eq(account_id))
        .find(id)
        .select(Webhook::as_select())
        .first(conn)?)
}

/// Switches a webhook on or off. On: what nothing arrived of before is forgotten.
pub fn switch(conn: &mut Conn, account_id: i64, id: i64, active: bool) -> DbResult<()> {
    diesel::update(
        webhooks::table
            .filter(webhooks::account_id.eq(account_id))
            .find(id),
    )
    .set((
        webhooks::active.eq(active),
        webhooks::failing_since.eq(None::<i64>),
        webhooks::given_up_at.eq(None::<i64>),
    ))
    .execute(conn)?;
    Ok(())
}

/// Removes a webhook, and what it was to tell.
pub fn remove(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<()> {
    diesel::delete(
        webhooks::table
            .filter(webhooks::account_id.eq(account_id))
            .find(id),
    )
    .execute(conn)?;
    Ok(())
}

/// Notes that something arrived.
pub fn note_success(conn: &mut Conn, account_id: i64, id: i64) -> DbResult<()> {
    diesel::update(
        webhooks::table
            .filter(webhooks::account_id.eq(account_id))
            .find(id),
    )
    .set(webhooks::failing_since.eq(None::<i64>))
    .execute(conn)?;
    Ok(())
}

/// Notes that something did not arrive; gives since when nothing does.
pub fn note_failure(conn: &mut Conn, account_id: i64, id: i64, now: Timestamp) -> DbResult<i64> {
    diesel::update(
        webhooks::table
            .filter(webhooks::account_id.eq(account_id))
            .filter(webhooks::failing_since.is_null())
            .filter(webhooks::id.eq(id)),
    )
    .set(webhooks::failing_since.eq(now.millis()))
    .execute(conn)?;
    Ok(find(conn, account_id, id)?
        .failing_since
        .unwrap_or(now.millis()))
}

/// Switches a webhook off because nothing arrived for long. Gives whether it was on.
pub fn give_up(conn: &mut Conn, account_id: i64, id: i64, now: Timestamp) -> DbResult<bool> {
    let changed = diesel::update(
        webhooks::table
            .filter(webhooks::account_id.eq(account_id))
            .filter(webhooks::active.eq(true))
            .filter(webhooks::id.eq(id)),
    )
    .set((
        webhooks::active.eq(false),
        webhooks::given_up_at.eq(now.millis()),
    ))
    .execute(conn)?;
    Ok(changed > 0)
}
