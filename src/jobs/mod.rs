//! Background work that nothing ends but the program's own end.
//!
//! * [`worker`]: a supervised thread. What fails or panics in it is logged, counted and tried again
//!   after an exponentially growing pause.
//! * [`runner`]: claims jobs of the queue in the database ([`crate::db::models::job_queue`]) under a
//!   lease, and runs their kind's handler, fairly between accounts.
//! * [`concurrent`]: tasks whose duration another party decides, such as requests to other servers,
//!   run beside each other, so that one of them delays no other.
//!
//! Why neither `apalis` nor `fang` is used stands in docs/ARCHITECTURE.md, *Background work*.

pub mod concurrent;
pub mod runner;
pub mod worker;
