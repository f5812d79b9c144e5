//! Copies of the database.

mod copy;
mod restore;
