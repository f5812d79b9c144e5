//! Writing one slice of rows: everything that belongs to it in one transaction, so that an
//! import that is killed has either written a slice and moved on behind it, or neither.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::people::{Job, Person, gather};
use super::reader::{ImportRow, RefusedRow};
use super::status::StatedStatus;
use crate::db::models::consents;
use crate::db::models::imports::{self, Counts};
use crate::db::models::recipient_batches::{self, Change, NewRow};
use crate::db::models::refusals::{self, Kept};
use crate::db::models::{accounts, group_leavings, groups};
use crate::db::{Conn, DbResult, account_lock};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};
use crate::tracking::enter::{self, Start};
use crate::tracking::settings;
use crate::tracking::stated_status::{self, Stated};

/// Rows that are written together, and where they stand in the file.
#[derive(Debug, Default)]
pub struct Slice {
    /// Rows to be written, in the order of the file.
    pub rows: Vec<ImportRow>,
    /// Rows to be reported.
    pub refused: Vec<RefusedRow>,
    /// How many rows of the file come before this slice.
    pub from_row: u64,
    /// How many come before what follows it.
    pub to_row: u64,
    /// Bytes of the file read so far.
    pub bytes_read: u64,
}

/// Writes a slice. Gives what became of its rows; `None` when the import is no longer running,
/// or somebody else has written this slice: then nothing was done.
pub fn write(
    conn: &mut Conn,
    job: &Job,
    slice: &Slice,
    now: Timestamp,
) -> DbResult<Option<Counts>> {
    // Before anything else is locked, as everybody does who changes what people say. Hits wait only
    // where somebody is concerned of whom there may be some (`settings::object_many`).
    let says = |row: &ImportRow| {
        row.tracking_off == Some(true)
            || job
                .status(row)
                .is_some_and(|(said, _)| said > StatedStatus::Active)
    };
    if job.consent.is_some() || slice.rows.iter().any(says) {
        account_lock::exclusive(conn, job.account_id)?;
    }
    let moved = imports::advance(
        conn,
        job.account_id,
        job.import_id,
        number(slice.from_row),
        number(slice.to_row),
        number(slice.bytes_read),
    )?;
    if !moved {
        return Ok(None);
    }
    let (people, mut counts) = gather(conn, job, &slice.rows)?;
    let mut ids = write_existing(conn, job, &people, &mut counts, now)?;
    let left = match job.group_id {
        Some(group_id) => who_left(conn, job.account_id, group_id, &people, &ids)?,
        None => Vec::new(),
    };
    counts.not_rejoined = number(left.len() as u64);
    let added = write_new(conn, job, &people, &mut counts, now)?;
    let added_count = added.len();
    ids.extend(added);
    if let Some(group_id) = job.group_id {
        groups::add_members(conn, job.account_id, group_id, &ids, now)?;
    }
    let reported: Vec<_> = slice
        .refused
        .iter()
        .chain(&left)
        .map(|row| Kept {
            line: row.line,
            value: &row.value,
            reason: &row.reason,
            cells: &row.cells,
        })
        .collect();
    refusals::keep(conn, job.account_id, job.import_id, &job.header, &reported)?;
    counts.refused = number(slice.refused.len() as u64);
    imports::count(conn, job.account_id, job.import_id, counts)?;
    // After the group's counter, as deletions do it: they can't wait for each other.
    if added_count > 0 {
        accounts::count_recipients(conn, job.account_id, number(added_count as u64))?;
    }
    Ok(Some(counts))
}

/// Those of the recipients who left the group by themselves, for the report: nothing puts them back.
fn who_left(
    conn: &mut Conn,
    account_id: i64,
    group_id: i64,
    people: &[Person<'_>],
    ids: &[i64],
) -> DbResult<Vec<RefusedRow>> {
    let left = group_leavings::among(conn, account_id, group_id, ids)?;
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let name = groups::find(conn, account_id, group_id)?.name;
    Ok(people
        .iter()
        .filter(|person| person.id.is_some_and(|id| left.contains(&id)))
        .map(|person| RefusedRow {
            line: person.line,
            value: person.address.as_typed().to_owned(),
            reason: format!(
                "Hat die Gruppe „{name}“ selbst verlassen und wurde nicht wieder aufgenommen. Die übrigen Angaben der Zeile sind importiert."
            ),
            cells: Vec::new(),
        })
        .collect())
}

/// Writes what is new about recipients who are there. Gives the numbers of all of them.
fn write_existing(
    conn: &mut Conn,
    job: &Job,
    people: &[Person<'_>],
    counts: &mut Counts,
    now: Timestamp,
) -> DbResult<Vec<i64>> {
    let existing = || {
        people
            .iter()
            .filter_map(|person| Some((person.id?, person)))
    };
    let changed: Vec<(i64, &Person<'_>, String)> = existing()
        .filter(|(_, person)| person.changed)
        .map(|(id, person)| (id, person, fields_text(&person.fields)))
        .collect();
    let batch: Vec<Change<'_>> = changed
        .iter()
        .map(|(id, person, fields)| Change {
            id: *id,
            address: person.address,
            first_name: &person.first_name,
            last_name: &person.last_name,
            fields,
        })
        .collect();
    recipient_batches::update(conn, job.account_id, &batch, now)?;
    end_mails(conn, job, people, counts, now)?;
    let objecting: Vec<i64> = existing()
        .filter(|(_, person)| person.objects)
        .map(|(id, _)| id)
        .collect();
    settings::object_many(
        conn,
        job.account_id,
        &objecting,
        TrackingSource::Import,
        &job.actor,
        now,
    )?;
    let consented: HashMap<i64, Timestamp> = existing()
        .filter_map(|(id, person)| Some((id, person.consented?)))
        .collect();
    let ids: Vec<i64> = consented.keys().copied().collect();
    let source = TrackingSource::Import;
    let changed = settings::consent_many(conn, job.account_id, &ids, source, &job.actor, now)?;
    let given = changed
        .into_iter()
        .filter_map(|id| Some((id, consented.get(&id)?.millis())));
    prove(conn, job, &given.collect::<Vec<_>>())?;
    Ok(existing().map(|(id, _)| id).collect())
}

/// Ends mails to recipients of whom the file says that they get none, and counts them.
fn end_mails(
    conn: &mut Conn,
    job: &Job,
    people: &[Person<'_>],
    counts: &mut Counts,
    now: Timestamp,
) -> DbResult<()> {
    let ending: Vec<Stated> = people
        .iter()
        .filter_map(|person| {
            let (since, source, said) = person.said(now);
            Some(Stated {
                recipient_id: person.id?,
                status: person.ending()?,
                since,
                source,
                said,
            })
        })
        .collect();
    let (account_id, import_id) = (job.account_id, job.import_id);
    let ended = stated_status::end_mails(conn, account_id, import_id, &ending, &job.actor, now)?;
    for one in ending
        .iter()
        .filter(|one| ended.contains(&one.recipient_id))
    {
        count(counts, one.status);
    }
    let kept_out = |person: &&Person<'_>| {
        person.id.is_some()
            && person.status != RecipientStatus::Active
            && person
                .stated
                .is_none_or(|(said, _)| said <= StatedStatus::Unconfirmed)
    };
    counts.kept_out += number(people.iter().filter(kept_out).count() as u64);
    Ok(())
}

fn count(counts: &mut Counts, status: RecipientStatus) {
    match status {
        RecipientStatus::Unsubscribed => counts.unsubscribed += 1,
        RecipientStatus::Bounced => counts.undeliverable += 1,
        RecipientStatus::Active => {}
    }
}

/// Adds those who are not there yet, with what is remembered about them (rule P9). Gives their
/// numbers.
fn write_new(
    conn: &mut Conn,
    job: &Job,
    people: &[Person<'_>],
    counts: &mut Counts,
    now: Timestamp,
) -> DbResult<Vec<i64>> {
    let new: Vec<(&Person<'_>, String)> = people
        .iter()
        .filter(|person| person.id.is_none())
        .map(|person| (person, fields_text(&person.fields)))
        .collect();
    let keys: Vec<&str> = new.iter().map(|(person, _)| person.address.key()).collect();
    let recalled = settings::recall_many(conn, job.account_id, &job.remembering, &keys)?;
    let starts: Vec<Start> = new
        .iter()
        .zip(recalled)
        .map(|((person, _), recalled)| {
            let source = TrackingSource::Import;
            let mut start = enter::start(recalled, person.objects, source, now);
            // A remembered no goes before a yes in a file (rule P9).
            if start.tracking.is_none() && person.consented.is_some() {
                start.tracking = Some((RecipientTracking::Consented, now.millis(), source));
            }
            let ending = person.ending();
            match (start.unsubscribed, ending) {
                (Some(_), None) => counts.kept_out += 1,
                // A remembered unsubscription is the older one, and the person's.
                (None, Some(status)) => {
                    let (since, source, said) = person.said(now);
                    let since = Some((since.millis(), source));
                    match status {
                        RecipientStatus::Bounced => start.undeliverable = since,
                        _ => start.unsubscribed = since,
                    }
                    start.stated = Some((job.import_id, said));
                    count(counts, status);
                }
                (_, _) => {}
            }
            start
        })
        .collect();
    let rows: Vec<NewRow<'_>> = new
        .iter()
        .zip(&starts)
        .map(|((person, fields), start)| NewRow {
            address: person.address,
            first_name: &person.first_name,
            last_name: &person.last_name,
            fields,
            tracking: start.tracking,
            unsubscribed: start.unsubscribed,
            undeliverable: start.undeliverable,
        })
        .collect();
    // Where somebody else entered one of them since we looked, the slice is written anew.
    let added = recipient_batches::insert(conn, job.account_id, &rows, now)?;
    let start_of: HashMap<&str, Start> = keys.into_iter().zip(starts).collect();
    let started: Vec<(i64, Start)> = added
        .iter()
        .filter_map(|row| Some((row.id, *start_of.get(row.address_key.as_str())?)))
        .collect();
    enter::record_starts(conn, job.account_id, &started, &job.actor, now)?;
    let given_by: HashMap<&str, Timestamp> = new
        .iter()
        .filter_map(|(person, _)| Some((person.address.key(), person.consented?)))
        .collect();
    let given: Vec<(i64, i64)> = added
        .iter()
        .filter(|row| {
            start_of
                .get(row.address_key.as_str())
                .and_then(|start| start.tracking)
                .is_some_and(|(said, ..)| said == RecipientTracking::Consented)
        })
        .filter_map(|row| Some((row.id, given_by.get(row.address_key.as_str())?.millis())))
        .collect();
    prove(conn, job, &given)?;
    Ok(added.into_iter().map(|row| row.id).collect())
}

/// Keeps the evidence of consents: whose, and when, in milliseconds.
fn prove(conn: &mut Conn, job: &Job, given: &[(i64, i64)]) -> DbResult<()> {
    let Some(consents) = &job.consent else {
        return Ok(());
    };
    let how = format!("Import {}: {}", job.import_id, consents.how);
    consents::record_many(conn, job.account_id, given, &consents.wording, &how)
}

fn fields_text(fields: &Map<String, Value>) -> String {
    serde_json::to_string(fields).unwrap_or_default()
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
