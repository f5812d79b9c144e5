//! What comes back: mails that could not be delivered, and complaints about mails.
//!
//! A message comes from an account's mailbox ([`mailbox`]) or from a mail server's alias
//! ([`spool`], `widerspruch bounce`). [`report`] reads what it says, [`origin`] which mail it is
//! about, and [`apply`] counts it, once. Nothing of its text is kept: it holds addresses.
//!
//! Whoever can write to the address may claim that somebody's mail came back, and would silence
//! that person. So no address in a report is ever believed: only the mark of our own mail, under
//! a MAC, says whom it is about.

pub mod apply;
pub mod background;
mod delivery_status;
pub mod fields;
pub mod folder_name;
pub mod imap;
pub mod mailbox;
pub mod origin;
mod plain_words;
pub mod report;
pub mod server;
pub mod spool;
