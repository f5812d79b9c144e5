//! Deleting recipients: the past is cut off, then the person goes from every table. At commit no
//! query finds the address any more; the bytes in the files are cleaned afterwards (rule P7).

use serde_json::json;

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::deliveries::Unsent;
use crate::db::models::jobs::RefusedLine;
use crate::db::models::objections::{self, Memory, Remembered};
use crate::db::models::receipts::{self, Done, ReceiptKind};
use crate::db::models::recipients::Recipient;
use crate::db::models::{accounts, groups, outbox, recipients, refusals, signups};
use crate::db::{Conn, DbResult, account_lock, search};
use crate::domain::address::{EmailAddress, addresses_in};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking};
use crate::tracking::pseudonymise::cut_off_with_proof;
use crate::tracking::settings::remembered_address;

/// With more addresses than this, rebuilding the database costs less than looking for them.
pub(super) const MOST_NEEDLES: usize = 5_000;

/// What has to leave the files once the deletion is committed. Lives in memory only: writing it
/// down would keep the very address that is to go.
#[derive(Debug, Default)]
pub struct Remains {
    /// All textual forms of the deleted addresses.
    pub addresses: Vec<String>,
    /// Files of the outbox with mails to them.
    pub outbox_files: Vec<String>,
    /// The receipt that says *erledigt* once they are gone.
    pub receipt: Option<i64>,
    /// Whether there were addresses that are not known any more, since the program ended meanwhile.
    pub forgotten: bool,
}

impl Remains {
    /// Whether there is nothing to clean up.
    pub(super) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
            && self.outbox_files.is_empty()
            && self.receipt.is_none()
            && !self.forgotten
    }

    /// Adds what another slice leaves. Of very many addresses none is kept: nobody will look for
    /// them.
    pub(super) fn add(&mut self, slice: Self) {
        self.addresses.extend(slice.addresses);
        self.outbox_files.extend(slice.outbox_files);
        if self.addresses.len() > MOST_NEEDLES {
            self.addresses = Vec::new();
            self.forgotten = true;
        }
    }

    /// Takes over what removed sign-ups leave. Gives how many there were.
    fn take_in(&mut self, removed: signups::Removed) -> i64 {
        let count = i64::try_from(removed.addresses.len()).unwrap_or(i64::MAX);
        for (typed, key) in &removed.addresses {
            self.addresses.extend(spellings(typed, key));
        }
        self.outbox_files.extend(removed.files);
        count
    }
}

/// Deletes these recipients, as far as they exist in the account, and adds to the receipt what was
/// done.
///
/// # Errors
/// Refuses, and nothing happens, when a report's figure would change (rule P5).
pub fn delete_recipients(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    receipt_id: i64,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Remains> {
    account_lock::exclusive(conn, account_id)?;
    let leaving = prepare(conn, account_id, ids, receipt_id, remembering, actor, now)?;
    account_lock::keep_hits_out(conn, account_id)?;
    finish(conn, account_id, leaving)
}

/// Recipients of whom nothing is left to do that hits could not come between.
#[derive(Debug)]
pub(super) struct Leaving {
    ids: Vec<i64>,
    receipt_id: i64,
    signups: i64,
    remains: Remains,
}

/// The first half of [`delete_recipients`], which lets hits pass.
///
/// The caller holds the lock of the account's people, and ends the transaction with [`finish`] or
/// not at all.
pub(super) fn prepare(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    receipt_id: i64,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<Leaving> {
    let people = recipients::find_many(conn, account_id, ids)?;
    remember(conn, account_id, &people, remembering)?;
    let mut remains = Remains {
        receipt: Some(receipt_id),
        ..Remains::default()
    };
    for person in &people {
        remains.addresses.extend(forms(person));
    }
    let keys: Vec<&str> = people.iter().map(|one| one.address_key.as_str()).collect();
    let unconfirmed = signups::remove_of_addresses(conn, account_id, &keys)?;
    let signups = remains.take_in(unconfirmed);
    refusals::empty_of(conn, account_id, &remains.addresses)?;
    // Others may have such an address as their own, so only what is left of it goes.
    remains.addresses.extend(people.iter().flat_map(folded));
    let entries: Vec<Entry<'_>> = people
        .iter()
        .map(|person| Entry {
            actor,
            action: Action::RecipientDeleted,
            recipient_id: Some(person.id),
            details: json!({}),
        })
        .collect();
    audit::record_many(conn, account_id, &entries, now)?;
    Ok(Leaving {
        ids: people.iter().map(|person| person.id).collect(),
        receipt_id,
        signups,
        remains,
    })
}

/// The second half: the past is cut off, and the people go. Deliveries are locked before
/// recipients, as whoever sends does; so what refers to a recipient goes only now.
///
/// The caller keeps the account's hits out.
pub(super) fn finish(conn: &mut Conn, account_id: i64, leaving: Leaving) -> DbResult<Remains> {
    let Leaving {
        ids,
        receipt_id,
        signups,
        mut remains,
    } = leaving;
    let (cut, figures) = cut_off_with_proof(conn, account_id, &ids, Unsent::Cancel)?;
    let files = outbox::remove_of_recipients(conn, account_id, &ids)?;
    remains.outbox_files.extend(files);
    let groups_left = groups::remove_from_all(conn, account_id, &ids)?;
    let removed = recipients::remove(conn, account_id, &ids)?;
    let done = Done {
        recipients: i64::try_from(removed).unwrap_or(i64::MAX),
        signups,
        refusals: 0,
        groups_left: i64::try_from(groups_left).unwrap_or(i64::MAX),
        deliveries: cut.deliveries,
        opens: cut.opens,
        clicks: cut.clicks,
        figures,
    };
    receipts::add(conn, account_id, receipt_id, &done)?;
    Ok(remains)
}

/// Deletes these unconfirmed sign-ups, and adds to the receipt how many they were. Whoever signed up
/// only has nothing else.
pub fn delete_signups(
    conn: &mut Conn,
    account_id: i64,
    ids: &[i64],
    receipt_id: i64,
) -> DbResult<Remains> {
    let mut remains = Remains {
        receipt: Some(receipt_id),
        ..Remains::default()
    };
    let removed = signups::remove_listed(conn, account_id, ids)?;
    let done = Done {
        signups: remains.take_in(removed),
        ..Done::default()
    };
    refusals::empty_of(conn, account_id, &remains.addresses)?;
    receipts::add(conn, account_id, receipt_id, &done)?;
    Ok(remains)
}

/// Empties these refused lines of imports, and adds to the receipt how many they were: what stands
/// in them are addresses of nobody.
pub(super) fn empty_refusals(
    conn: &mut Conn,
    account_id: i64,
    lines: &[RefusedLine],
    receipt_id: i64,
) -> DbResult<Remains> {
    let there = || lines.iter().filter(|line| line.value.is_some());
    let texts = there().flat_map(|line| {
        let cells = refusals::cells_of(line.cells.as_deref().unwrap_or_default());
        line.value.clone().into_iter().chain(cells)
    });
    let remains = Remains {
        receipt: Some(receipt_id),
        addresses: texts
            .flat_map(|text| addresses_in(&text).collect::<Vec<_>>())
            .flat_map(|address| address.forms())
            .collect(),
        ..Remains::default()
    };
    let numbers: Vec<_> = lines.iter().map(|one| (one.import_id, one.line)).collect();
    refusals::empty(conn, account_id, &numbers)?;
    let done = Done {
        refusals: i64::try_from(there().count()).unwrap_or(i64::MAX),
        ..Done::default()
    };
    receipts::add(conn, account_id, receipt_id, &done)?;
    Ok(remains)
}

/// Deletes one recipient, with a receipt of its own.
///
/// # Errors
/// [`crate::db::DbError::NotFound`] when there is nobody (any more): who asks twice at once gets one
/// receipt.
pub fn delete_recipient(
    conn: &mut Conn,
    account_id: i64,
    id: i64,
    remembering: &Key,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<(i64, Remains)> {
    account_lock::exclusive(conn, account_id)?;
    recipients::find(conn, account_id, id)?;
    let receipt = start_receipt(conn, account_id, actor, now)?;
    let remains = delete_recipients(conn, account_id, &[id], receipt, remembering, actor, now)?;
    Ok((receipt, remains))
}

/// Starts the receipt of a deletion.
pub fn start_receipt(
    conn: &mut Conn,
    account_id: i64,
    actor: &Actor,
    now: Timestamp,
) -> DbResult<i64> {
    receipts::start(conn, account_id, ReceiptKind::Deletion, actor.label(), now)
}

/// Keeps what people have said, as keyed hashes of their addresses, if the account wants that (rule
/// P9).
pub(super) fn remember(
    conn: &mut Conn,
    account_id: i64,
    people: &[Recipient],
    key: &Key,
) -> DbResult<()> {
    if accounts::find(conn, account_id)?.remember_objections {
        for person in people {
            remember_one(conn, account_id, person, key)?;
        }
    }
    Ok(())
}

fn remember_one(conn: &mut Conn, account_id: i64, person: &Recipient, key: &Key) -> DbResult<()> {
    let address = remembered_address(key, &person.address_key);
    if person.tracking == RecipientTracking::Objected {
        let memory = Memory {
            address,
            kind: Remembered::Objection,
            made_at: person.tracking_changed_at.unwrap_or(person.created_at),
        };
        let source = person
            .tracking_source
            .map_or("admin", |source| source.as_str());
        objections::remember(conn, account_id, &memory, source)?;
    }
    if person.status == RecipientStatus::Unsubscribed {
        let memory = Memory {
            address,
            kind: Remembered::Unsubscription,
            made_at: person.status_changed_at.unwrap_or(person.created_at),
        };
        let source = person
            .status_source
            .map_or("admin", |source| source.as_str());
        objections::remember(conn, account_id, &memory, source)?;
    }
    Ok(())
}

/// Every way this person's address may be written in the files.
pub(super) fn forms(person: &Recipient) -> Vec<String> {
    spellings(&person.address, &person.address_key)
}

/// What the search's text holds of this person's address beyond its spellings: `mueller@` of
/// `müller@`.
pub(super) fn folded(person: &Recipient) -> Vec<String> {
    let known = forms(person);
    let spellings: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut folded = search::address_forms(&spellings);
    folded.retain(|form| !known.contains(form));
    folded
}

fn spellings(typed: &str, key: &str) -> Vec<String> {
    EmailAddress::parse(typed).map_or_else(
        |_| vec![typed.to_owned(), key.to_owned()],
        |address| address.forms(),
    )
}
