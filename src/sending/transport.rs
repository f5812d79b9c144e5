//! Where mails go.

use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// The place of one mail: one mailing goes to one recipient once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The mailing.
    pub mailing_id: i64,
    /// The recipient.
    pub recipient_id: i64,
}

/// What became of a mail whose sender ended in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was handed over.
    Handed,
    /// It was not.
    NotHanded,
    /// Nobody can know.
    Unknown,
}

/// Takes mails.
pub trait Transport: Send + Sync {
    /// Hands a message over (RFC 5322, with CRLF line ends).
    ///
    /// # Errors
    /// What kept the transport from taking it; the mail will be tried again.
    fn hand_over(&self, slot: Slot, message: &[u8]) -> std::io::Result<()>;

    /// What became of a mail that was claimed by a sender that ended.
    fn fate(&self, slot: Slot) -> Fate;

    /// Takes a mail back, as far as that can be done: its recipient was deleted meanwhile.
    fn withdraw(&self, slot: Slot);

    /// Enters mails that were handed over, in the transaction that marks them so.
    fn enter(
        &self,
        conn: &mut Conn,
        account_id: i64,
        slots: &[Slot],
        now: Timestamp,
    ) -> DbResult<()>;
}
