//! Pages: handlers and the structs behind their templates, one file per resource, thin. No SQL here,
//! and no rules: both are called.
//!
//! What every page uses: [`state`] (what the program holds), [`access`] (who may come here),
//! [`page`] (what surrounds every page), [`forms`], [`paging`], [`filters`] (German numbers and
//! times), [`respond`], [`error`].

pub mod access;
pub mod account;
pub mod api;
pub mod assets;
pub mod body;
pub mod client;
pub mod csv_file;
pub mod demo;
pub mod error;
pub mod fields;
pub mod filters;
pub mod forms;
pub mod groups;
pub mod head;
pub mod help;
pub mod home;
pub mod imports;
pub mod kept;
pub mod mail_document;
pub mod mailings;
pub mod measures;
pub mod notice;
pub mod origin;
pub mod outbox;
mod own_data;
pub mod page;
pub mod paging;
pub mod password;
pub mod pictures;
pub mod pieces;
pub mod protection;
pub mod public;
pub mod reasons;
pub mod receipts;
pub mod recipients;
pub mod reports;
pub mod respond;
pub mod session;
pub mod setup;
pub mod signup_forms;
pub mod state;
pub mod versions;
