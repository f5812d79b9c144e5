//! Removing people: from the tables at once, and from the bytes of the files afterwards.
//!
//! * [`change`]: changing the data of a recipient, whose old address has to go too.
//! * [`cleanup`]: the bytes of the files, in the background.
//! * [`deletion`]: what happens in the transaction that deletes recipients.
//! * [`jobs`]: deleting many, in slices.

pub mod change;
pub mod cleanup;
pub mod deletion;
pub mod jobs;
