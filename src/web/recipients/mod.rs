//! *Empfänger*: the list and the search, entering somebody, and the tabs of one recipient.

pub mod bulk;
pub mod consent;
pub mod data;
pub mod delete;
pub mod deletion_list;
pub mod deletion_requests;
pub mod disclosure;
pub mod fields;
pub mod groups;
pub mod history;
pub mod list;
pub mod new;
pub(in crate::web) mod person;
pub mod search;
pub mod tracking;
pub mod whereabouts;
