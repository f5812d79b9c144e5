//! Tests over HTTP and against the databases. The tree mirrors `src`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod backup;
mod bounces;
mod cli;
mod db;
mod demo;
mod documents;
mod erasure;
mod faults;
mod fuzzed;
mod imports;
mod jobs;
mod mailings;
mod nodes;
mod rules;
mod templates;
mod tracking;
mod web;
