//! Telling other programs what happens: signed, repeated until it arrives, never to a network that
//! is not public unless the installation allows it.
//!
//! What happens is queued in its own transaction ([`crate::db::models::webhook_deliveries`]);
//! [`worker`] tells it, [`client`] is the connection, [`signature`] proves who tells.

pub mod client;
pub mod signature;
pub mod worker;

use crate::domain::time::Timestamp;

/// For how many days it is kept what was told.
pub const KEPT_DAYS: i64 = 30;

/// Before when what was told is forgotten.
pub fn kept_since(now: Timestamp) -> Timestamp {
    now.plus_days(-KEPT_DAYS)
}
