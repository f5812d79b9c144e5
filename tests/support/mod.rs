//! What tests need: a running server on a database of its own, and a browser without a window.
//!
//! A test is written once and runs on both databases: `on_both!(name, |world| { … })`.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    missing_docs,
    reason = "each test binary uses what it needs of this"
)]

pub mod agent;
pub mod api;
pub mod bounce;
pub mod dovecot;
pub mod dump;
pub mod eventually;
pub mod form;
pub mod hits;
pub mod import;
pub mod locks;
pub mod mail;
pub mod program;
pub mod proxy;
pub mod python;
pub mod sink;
pub mod webhook;
pub mod world;

pub use eventually::{attempts, eventually};
pub use world::{On, World};

/// Defines a test that runs on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($(#[$meta:meta])* $name:ident, |$world:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "not every test uses its file's imports")]
            use super::*;

            fn scenario($world: &$crate::support::World) $body

            $(#[$meta])*
            #[test]
            fn sqlite() {
                scenario(&$crate::support::World::start($crate::support::On::Sqlite));
            }

            $(#[$meta])*
            #[test]
            fn postgres() {
                scenario(&$crate::support::World::start($crate::support::On::Postgres));
            }
        }
    };
}
pub(crate) use on_both;
