//! Removing people: from the tables at once, and from the bytes of the files afterwards; and cutting
//! the way back from the past of all.
//!
//! * [`change`]: changing the data of a recipient, whose old address has to go too.
//! * [`cleanup`]: the bytes of the files, in the background.
//! * [`deletion`]: what happens in the transaction that deletes recipients.
//! * [`jobs`]: deleting many, in slices.
//! * [`list`]: which recipients a list of addresses stands for, before they are deleted.
//! * [`past`]: pseudonymising by age, in slices.
//! * [`retention`]: doing so by itself.
//! * [`whereabouts`]: where an address still stands.

pub mod change;
pub mod cleanup;
pub mod deletion;
pub mod jobs;
pub mod list;
mod needles;
pub mod past;
pub mod retention;
pub mod whereabouts;
