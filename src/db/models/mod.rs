//! One file per table, with all its queries as intention-named functions.
//!
//! Every function takes the account first: a query without an account's scope does not exist,
//! except where a file says why (sessions and users are looked up before the account is known).

pub mod accounts;
pub mod api_keys;
pub mod api_requests;
pub mod askable;
pub mod audit;
pub mod audit_list;
pub mod backups;
pub mod bounce_mailboxes;
pub mod bounce_reasons;
pub mod bounces;
pub mod consents;
pub mod deletion_lists;
pub mod deletion_requests;
pub mod deliveries;
pub mod dkim_keys;
pub mod fields;
pub mod group_leavings;
pub mod groups;
pub mod hits;
pub mod imports;
pub mod installation;
pub mod invitations;
pub mod job_queue;
pub mod jobs;
pub mod journal;
pub mod last_change;
pub mod mailing_counters;
pub mod mailing_links;
pub mod mailings;
pub mod objections;
pub mod outbox;
pub mod password_resets;
pub mod past;
pub mod pictures;
pub mod readers;
pub mod receipts;
pub mod recipient_batches;
pub mod recipient_list;
pub mod recipients;
pub mod refusals;
pub mod second_factors;
pub mod sending;
pub mod sessions;
pub mod sign_ins;
pub mod signup_forms;
pub mod signups;
pub mod smtp_settings;
pub mod users;
pub mod webhook_deliveries;
pub mod webhooks;
pub mod whereabouts;
pub mod workload;
