//! Background work that nothing ends but the program's own end.
//!
//! * [`worker`]: a supervised thread. What fails or panics in it is logged, counted and tried again
//!   after an exponentially growing pause.
//! * [`runner`]: claims jobs of the queue in the database ([`crate::db::models::job_queue`]) under a
//!   lease, and runs their kind's handler, fairly between accounts.
//! * [`concurrent`]: tasks whose duration another party decides, such as requests to other servers,
//!   run beside each other, so that one of them delays no other.
//!
//! `apalis` and `fang` were looked at: neither queues a job in the same Diesel transaction as the
//! act that wants it on both SQLite and PostgreSQL.

pub mod concurrent;
pub mod runner;
pub mod worker;
