//! Tests over HTTP and against the databases. The tree mirrors `src`.

#[path = "../support/mod.rs"]
mod support;

mod db;
mod tracking;
mod web;
