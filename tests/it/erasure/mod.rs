//! Deleting people: what goes, what stays, and what nobody can find any more.

pub mod bytes;
mod deletion;
