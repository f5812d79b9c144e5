//! **Widerspruch**: the administration of an e-mail marketing account that takes a recipient's
//! *no* to personal tracking seriously.
//!
//! Arrows point down only: `main → cli → app → routes → web →
//! {people, signup, sending, import, erasure, bounces, backup, webhooks} →
//! {tracking, mail, jobs} → db → domain`.
//!
//! * [`app`]: start-up and shutdown. [`config`]: what can be set. [`routes`]: the table of addresses.
//! * [`web`]: pages, thin.
//! * [`domain`]: the words of the product as types. No SQL, no HTTP.
//! * [`db`]: the two databases, every query, and the search.
//! * [`erasure`]: removing people, from the tables and from the bytes of the files.
//! * [`mail`]: turns a mailing into one message for each recipient.
//! * [`tracking`]: the heart. Who is measured, what a mail's links carry, how a hit is stored, and
//!   how the past is cut off from a person.
//! * [`sending`]: hands a mailing to the transport, each recipient once.
//! * [`backup`]: copies of the database, and bringing one back without those who were deleted since.
//! * [`bounces`]: what comes back of mails.
//! * [`signup`]: people who sign up by themselves, with a mail that asks whether it was really them.
//! * [`people`]: the users of an account: invitations, roles, new passwords.
//! * [`demo`]: the example account.
//! * [`jobs`]: supervised background work, and the queue of what is to be done.
//! * [`webhooks`]: telling other programs what happens.
//! * [`tls`]: TLS and trusted certificates of outgoing connections.
//! * [`import`]: recipients from CSV files of any size.

pub mod app;
pub mod backup;
pub mod bounces;
pub mod cli;
pub mod config;
pub mod db;
pub mod demo;
pub mod domain;
pub mod erasure;
pub mod error;
pub mod import;
pub mod jobs;
pub mod mail;
pub mod people;
pub mod routes;
pub mod sending;
pub mod signup;
pub mod tls;
pub mod tracking;
pub mod web;
pub mod webhooks;
