//! Entering recipients: what a person starts with.
//!
//! An address that is entered (again) starts with what is remembered about it (rule P9), and
//! what it starts with is in the audit log (rule P11). Every way to enter somebody asks
//! [`start`]; [`enter`] does the whole for one person.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::settings::{self, Recalled};
use super::stated_status;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::groups;
use crate::db::models::recipients::{self, NewRecipient, Recipient};
use crate::db::models::webhook_deliveries;
use crate::db::{Conn, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};
use crate::domain::webhook::HookEvent;

/// Settings a recipient starts with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Start {
    /// What is known about tracking: setting, since when in milliseconds, from where.
    pub tracking: Option<(RecipientTracking, i64, TrackingSource)>,
    /// Since when the person is known to have unsubscribed, in milliseconds, and from where.
    pub unsubscribed: Option<(i64, TrackingSource)>,
    /// Since when the address is said to refuse mails for good, in milliseconds, and by whom.
    pub undeliverable: Option<(i64, TrackingSource)>,
    /// The import that says so, and in which of its words.
    pub stated: Option<(i64, &'static str)>,
}

/// What somebody starts with. A remembered objection keeps its own time and goes before one
/// that is given now (`objects`, by `source`): it is the older one, and the person's.
pub fn start(recalled: Recalled, objects: bool, source: TrackingSource, now: Timestamp) -> Start {
    let remembered = recalled
        .objected_at
        .map(|at| (at, TrackingSource::Remembered));
    let given = objects.then_some((now.millis(), source));
    Start {
        tracking: remembered
            .or(given)
            .map(|(at, from)| (RecipientTracking::Objected, at, from)),
        unsubscribed: recalled
            .unsubscribed_at
            .map(|at| (at, TrackingSource::Remembered)),
        ..Start::default()
    }
}

/// Writes into the audit log what a recipient started with; nothing where there is nothing.
pub fn record_start(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    start: Start,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    record_starts(conn, account_id, &[(recipient_id, start)], actor, now)
}

/// The same for many recipients.
pub fn record_starts(
    conn: &mut Conn,
    account_id: i64,
    starts: &[(i64, Start)],
    actor: &Actor,
    now: Timestamp,
) -> DbResult<()> {
    let entries: Vec<Entry<'_>> = starts
        .iter()
        .flat_map(|(recipient_id, start)| {
            let objected = start.tracking.map(|(said, at, from)| {
                let action = match said {
                    RecipientTracking::Consented => Action::RecipientConsented,
                    RecipientTracking::Objected | RecipientTracking::Unset => {
                        Action::RecipientObjected
                    }
                };
                (action, at, from)
            });
            let unsubscribed = start
                .unsubscribed
                .map(|(at, from)| (Action::RecipientUnsubscribed, at, from));
            let undeliverable = start
                .undeliverable
                .map(|(at, from)| (Action::RecipientBounced, at, from));
            let said = [objected, unsubscribed, undeliverable]
                .into_iter()
                .flatten();
            said.map(|(action, at, from)| Entry {
                actor,
                action,
                recipient_id: Some(*recipient_id),
                details: match (from, action, start.stated) {
                    (TrackingSource::Remembered, ..) => {
                        json!({ "source": from.as_str(), "since": at })
                    }
                    (
                        _,
                        Action::RecipientUnsubscribed | Action::RecipientBounced,
                        Some((import, said)),
                    ) => stated_status::evidence(from, import, said, Timestamp(at)),
                    _ => json!({ "source": from.as_str() }),
                },
            })
        })
        .collect();
    audit::record_many(conn, account_id, &entries, now)?;
    tell_of(conn, account_id, starts, now)
}

/// On whose word something holds of somebody from the start.
type Said<'a> = &'a dyn Fn(&Start) -> Option<TrackingSource>;

/// Tells webhooks of what comes with people. What is only remembered was told when it was said.
fn tell_of(
    conn: &mut Conn,
    account_id: i64,
    starts: &[(i64, Start)],
    now: Timestamp,
) -> DbResult<()> {
    let objects = |start: &Start| match start.tracking {
        Some((RecipientTracking::Objected, _, source)) => Some(source),
        _ => None,
    };
    let leaves = |start: &Start| start.unsubscribed.map(|(_, source)| source);
    let bounces = |start: &Start| start.undeliverable.map(|(_, source)| source);
    let kinds: [(HookEvent, Said<'_>); 3] = [
        (HookEvent::Objected, &objects),
        (HookEvent::Unsubscribed, &leaves),
        (HookEvent::Bounced, &bounces),
    ];
    for (event, said) in kinds {
        let mut by_source: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (id, start) in starts {
            if let Some(source) = said(start).filter(|from| *from != TrackingSource::Remembered) {
                by_source.entry(source.as_str()).or_default().push(*id);
            }
        }
        for (source, people) in by_source {
            webhook_deliveries::queue(conn, account_id, event, &people, source, now)?;
        }
    }
    Ok(())
}

/// A person to be entered.
pub struct Entering<'a> {
    /// The address.
    pub address: &'a EmailAddress,
    /// First name, or empty.
    pub first_name: &'a str,
    /// Last name, or empty.
    pub last_name: &'a str,
    /// Free fields.
    pub fields: &'a Map<String, Value>,
    /// The groups to belong to; those of other accounts are left out.
    pub groups: &'a [i64],
    /// Whether *Tracking deaktiviert* is ticked.
    pub objects: bool,
    /// Who says so.
    pub source: TrackingSource,
}

/// What came of entering somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// A new recipient, and what that person starts with.
    New(i64, Start),
    /// The address was there already: nothing was changed.
    Existing(i64),
}

/// Enters one person, in one transaction with everything that belongs to it.
pub fn enter(
    conn: &mut Conn,
    account_id: i64,
    person: &Entering<'_>,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Entered> {
    let key = person.address.key();
    if let Some(existing) = recipients::find_by_address(conn, account_id, key)? {
        return Ok(Entered::Existing(existing.id));
    }
    let recalled = settings::recall(conn, account_id, remembering, key)?;
    let start = start(recalled, person.objects, person.source, now);
    let new = NewRecipient {
        address: person.address,
        first_name: person.first_name,
        last_name: person.last_name,
        fields: person.fields,
        tracking: start.tracking,
        unsubscribed: start.unsubscribed,
    };
    let id = recipients::create(conn, account_id, &new, now)?;
    record_start(conn, account_id, id, start, actor, now)?;
    for group_id in person.groups {
        groups::add_members(conn, account_id, *group_id, &[id], now)?;
    }
    Ok(Entered::New(id, start))
}

/// Lets what is remembered for an address hold for a recipient who gets that address, or else a
/// change of address would be a way around it (rule P9). What the person has said already keeps its
/// own time. Gives what is new. The caller holds the lock of the account's recipients exclusively.
pub(crate) fn recall_for(
    conn: &mut Conn,
    account_id: i64,
    before: &Recipient,
    address_key: &str,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Start> {
    let recalled = settings::recall(conn, account_id, remembering, address_key)?;
    let mut start = start(recalled, false, TrackingSource::Remembered, now);
    if before.tracking == RecipientTracking::Objected {
        start.tracking = None;
    }
    if before.status == RecipientStatus::Unsubscribed {
        start.unsubscribed = None;
    }
    if let Some((tracking, at, source)) = start.tracking {
        let since = Timestamp(at);
        recipients::set_tracking(conn, account_id, before.id, tracking, source, since)?;
        groups::leave_asking(conn, account_id, &[before.id])?;
    }
    if let Some((at, source)) = start.unsubscribed {
        let (status, since) = (RecipientStatus::Unsubscribed, Timestamp(at));
        recipients::set_status(conn, account_id, before.id, status, source, since)?;
    }
    record_start(conn, account_id, before.id, start, actor, now)?;
    if start.tracking.is_some() {
        settings::end_hits_of(conn, account_id, &[before.id])?;
    }
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(2_000);

    #[test]
    fn p9_a_remembered_objection_keeps_its_time_and_goes_before_a_new_one() {
        let recalled = Recalled {
            objected_at: Some(1_000),
            unsubscribed_at: None,
        };
        for objects in [false, true] {
            let started = start(recalled, objects, TrackingSource::Admin, NOW);
            let expected = (
                RecipientTracking::Objected,
                1_000,
                TrackingSource::Remembered,
            );
            assert_eq!(started.tracking, Some(expected));
            assert_eq!(started.unsubscribed, None);
        }
    }

    #[test]
    fn nothing_remembered_and_nothing_said_is_nothing() {
        let started = start(Recalled::default(), false, TrackingSource::Import, NOW);
        assert_eq!(started, Start::default());
    }

    #[test]
    fn what_is_said_now_holds_from_now() {
        let started = start(Recalled::default(), true, TrackingSource::Import, NOW);
        let expected = (RecipientTracking::Objected, 2_000, TrackingSource::Import);
        assert_eq!(started.tracking, Some(expected));
    }
}
