//! Removing people: from the tables at once, and from the bytes of the files afterwards.
//!
//! * [`cleanup`]: the bytes of the files, in the background.
//! * [`deletion`]: what happens in the transaction that deletes recipients.

pub mod cleanup;
pub mod deletion;
