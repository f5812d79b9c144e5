//! What comes back of mails.

mod command;
mod counting;
mod mailbox;
mod pages;
mod trouble;
