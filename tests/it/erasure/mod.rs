//! Deleting people: what goes, what stays, and what nobody can find any more.

mod beside_hits;
mod bulk;
pub mod bytes;
mod cleanup;
mod deletion;
mod list;
mod retention;
mod turns;
mod whereabouts;
