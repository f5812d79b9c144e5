//! The transport of the mailings of the past: takes every mail and keeps none.

use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::sending::transport::{Fate, Slot, Transport};

/// Takes every mail and keeps none.
pub struct Nowhere;

impl Transport for Nowhere {
    fn hand_over(&self, _slot: Slot, _message: &[u8]) -> std::io::Result<()> {
        Ok(())
    }

    fn fate(&self, _slot: Slot) -> Fate {
        Fate::Unknown
    }

    fn withdraw(&self, _slot: Slot) {}

    fn enter(
        &self,
        _conn: &mut Conn,
        _account_id: i64,
        _slots: &[Slot],
        _now: Timestamp,
    ) -> DbResult<()> {
        Ok(())
    }
}
