//! **Widerspruch**: the administration of an e-mail marketing account that takes a recipient's
//! *no* to personal tracking seriously.
//!
//! Arrows point down only: `main → app → routes → web → {tracking, mail, import, erasure, db} → domain`.
//!
//! * [`domain`]: the words of the product as types. No SQL, no HTTP.
//! * [`db`]: the two databases, every query, and the search.
//! * [`tracking`]: the heart. Who is measured, what a mail's links carry, how a hit is stored, and
//!   how the past is cut off from a person.

pub mod db;
pub mod domain;
pub mod erasure;
pub mod import;
pub mod tracking;
