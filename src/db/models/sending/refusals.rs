//! Addresses that a mail server refuses while a mail is handed over.

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::bounces;
use crate::db::{Conn, DbResult};
use crate::domain::bounce::{BounceKind, StatusCode};
use crate::domain::time::Timestamp;

/// What the audit log calls the part of the program that sends.
const ACTOR: Actor = Actor::Program("Versand");

/// The enhanced code (RFC 3463) among the codes of a reply, such as "550 5.1.1".
fn enhanced(codes: &str) -> Option<StatusCode> {
    let (_, enhanced) = codes.split_once(' ')?;
    StatusCode::at_start(enhanced)
}

/// Lets no further mails go to these recipients, whose addresses were refused with these codes.
pub(super) fn give_up(
    conn: &mut Conn,
    account_id: i64,
    mut refused: Vec<(i64, &str)>,
    now: Timestamp,
) -> DbResult<()> {
    // Everybody locks recipients in this order.
    refused.sort_unstable();
    let mut given_up = Vec::new();
    for (recipient_id, codes) in refused {
        if bounces::give_up(conn, account_id, recipient_id, now)? {
            let code = enhanced(codes).map(|code| code.to_string());
            given_up.push(Entry {
                actor: &ACTOR,
                action: Action::RecipientBounced,
                recipient_id: Some(recipient_id),
                details: json!({ "kind": BounceKind::Hard.as_str(), "code": code }),
            });
        }
    }
    audit::record_many(conn, account_id, &given_up, now)
}
