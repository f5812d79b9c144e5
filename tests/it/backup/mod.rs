//! Copies of the database.

mod copy;
mod interrupted;
mod restore;
