//! What comes back of mails.

mod collection;
mod command;
mod counting;
mod mailbox;
mod pages;
mod refusals;
mod trouble;
