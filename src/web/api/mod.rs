//! `/api/v1`: the interface for programs. JSON in, JSON out, errors as RFC 9457 has them; the same
//! functions below as the pages call, so that the same rules hold.
//!
//! [`caller`] finds out who calls; [`problem`] is what goes wrong.

pub mod caller;
pub mod key;
pub mod problem;

/// Milliseconds as "2026-11-24T08:15:00Z" (RFC 3339).
fn utc(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}
