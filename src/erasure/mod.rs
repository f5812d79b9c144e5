//! Removing people: from the tables at once, and from the bytes of the files afterwards.
//!
//! * [`deletion`]: what happens in the transaction that deletes recipients.

pub mod deletion;
