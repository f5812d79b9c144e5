//! `/api/v1`: the interface for programs. JSON in, JSON out, errors as RFC 9457 has them; the same
//! functions below as the pages call, so that the same rules hold.
//!
//! [`caller`] finds out who calls; [`input`] reads what is sent; [`once`] makes things once,
//! however often that is asked for; [`paging`] gives lists in parts; [`problem`] is what goes
//! wrong. [`openapi`] describes it all. Everything else is a
//! resource.

pub mod caller;
mod conditional;
pub mod groups;
pub mod input;
pub mod key;
pub mod mailings;
pub mod once;
pub mod openapi;
pub mod paging;
pub mod problem;
pub mod receipts;
pub mod recipient_changes;
pub mod recipients;
pub mod reports;
pub mod tracking;
pub mod unsubscription;

use actix_web::HttpResponse;

use problem::Problem;

/// The answer of every handler.
pub type ApiResult = Result<HttpResponse, Problem>;

/// Milliseconds as "2026-11-24T08:15:00Z" (RFC 3339).
fn utc(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}
