//! The documented procedures, and an import, walked in a real browser by the labels a person
//! reads: with JavaScript and without, on SQLite and on PostgreSQL; by keyboard alone; and every
//! page looked at for what keeps people out.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot go on should stop where it stands"
)]

mod chrome;
#[allow(dead_code, reason = "a person can do more than every test needs")]
mod person;
#[path = "../support/mod.rs"]
mod support;

mod accessibility;
mod drafts;
mod editor;
mod imports;
mod keyboard;
mod mails;
mod procedures;
mod signup;
mod users;
