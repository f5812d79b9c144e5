//! Copies of the database.

mod copy;
