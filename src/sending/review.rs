//! The *Prüfung* of a mailing: what [`crate::mail::check`] needs to know from the database.

use serde_json::{Map, Value};

use crate::db::models::mailings::{self, Mailing};
use crate::db::models::readers::{self, Reader};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;
use crate::mail::check::{self, Draft, Facts, Finding, Hole};
use crate::mail::personalise::same_name;

use super::preparation::{audience, known_fields};

/// How many recipients are looked at for missing fields, in slices of so many.
const MOST_READERS: i64 = 50_000;
const READ_AT_ONCE: i64 = 5_000;

/// Collects what the database knows about a saved mailing.
pub fn facts(conn: &mut Conn, account_id: i64, mailing: &Mailing) -> DbResult<Facts> {
    let mut used =
        check::used_without_fallback(&[&mailing.subject, mailing.source(), &mailing.text]);
    let known = known_fields(conn, account_id)?;
    // What nobody has is told as unknown.
    used.retain(|name| is_own(name) || known.iter().any(|known| same_name(known, name)));
    Ok(Facts {
        groups: mailings::groups_of(conn, account_id, mailing.id)?.len(),
        reached: audience(conn, account_id, mailing.id, Timestamp::now())?.total(),
        holes: holes(conn, account_id, mailing.id, used)?,
        known_fields: known,
    })
}

/// Looks a saved mailing over.
pub fn review(conn: &mut Conn, account_id: i64, mailing: &Mailing) -> DbResult<Vec<Finding>> {
    let facts = facts(conn, account_id, mailing)?;
    Ok(check::check(&draft(mailing), &facts))
}

fn draft(mailing: &Mailing) -> Draft<'_> {
    Draft {
        subject: &mailing.subject,
        sender_address: &mailing.sender_address,
        html: &mailing.html,
        mjml: &mailing.mjml,
        text: &mailing.text,
    }
}

/// Counts who lacks these fields.
fn holes(
    conn: &mut Conn,
    account_id: i64,
    mailing_id: i64,
    used: Vec<String>,
) -> DbResult<Vec<Hole>> {
    let mut holes: Vec<Hole> = used
        .into_iter()
        .map(|field| Hole {
            field,
            without: 0,
            of: 0,
        })
        .collect();
    if holes.is_empty() {
        return Ok(holes);
    }
    let (mut after, mut seen) = (0, 0);
    while seen < MOST_READERS {
        let some = readers::of_mailing(conn, account_id, mailing_id, after, READ_AT_ONCE)?;
        let Some(last) = some.last() else { break };
        after = last.id;
        seen += i64::try_from(some.len()).unwrap_or(i64::MAX);
        for reader in &some {
            let fields: Map<String, Value> =
                serde_json::from_str(&reader.fields).unwrap_or_default();
            for hole in &mut holes {
                hole.of += 1;
                hole.without += i64::from(!has(reader, &fields, &hole.field));
            }
        }
        if i64::try_from(some.len()).unwrap_or(i64::MAX) < READ_AT_ONCE {
            break;
        }
    }
    Ok(holes)
}

fn is_own(name: &str) -> bool {
    matches!(name, "vorname" | "nachname")
}

fn has(reader: &Reader, fields: &Map<String, Value>, name: &str) -> bool {
    let text = match name {
        "vorname" => return !reader.first_name.trim().is_empty(),
        "nachname" => return !reader.last_name.trim().is_empty(),
        _ => fields
            .iter()
            .find(|(known, _)| same_name(known, name))
            .map(|(_, value)| value),
    };
    match text {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Null) | None => false,
        Some(_) => true,
    }
}
