//! The documented procedures, and an import, walked in a real browser by the labels a person reads: with
//! JavaScript and without, on SQLite and on PostgreSQL.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot go on should stop where it stands"
)]

#[allow(dead_code, reason = "a person can do more than every test needs")]
mod person;
#[path = "../support/mod.rs"]
mod support;

mod imports;
mod procedures;
