//! Background work that nothing ends but the program's own end.
//!
//! * [`worker`]: a supervised thread. What fails or panics in it is logged, counted and tried again
//!   after an exponentially growing pause.
//! * [`runner`]: takes jobs off the queue in the database ([`crate::db::models::job_queue`]) under a
//!   lease, and has them done by their kind's handler, fairly between accounts.
//! * [`side_by_side`]: does several things at a time whose duration another party decides, such as
//!   requests to other servers, so that one of them delays no other.
//!
//! `apalis` and `fang` were looked at: neither queues a job in the same Diesel transaction as the
//! act that wants it on both SQLite and PostgreSQL.

pub mod runner;
pub mod side_by_side;
pub mod worker;
