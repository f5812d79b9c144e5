//! Imports: what rows do to recipients, and the command.

mod command;
mod consents;
mod rows;
mod statuses;
