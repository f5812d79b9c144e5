//! Writing one slice of rows: everything that belongs to it in one transaction, so that an
//! import that is killed has either written a slice and moved on behind it, or neither.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::evidence::ConsentEvidence;
use super::reader::{ImportRow, RefusedRow};
use crate::db::models::audit::Actor;
use crate::db::models::consents;
use crate::db::models::imports::{self, Counts};
use crate::db::models::recipient_batches::{self, Change, Known, NewRow};
use crate::db::models::refusals::{self, Kept};
use crate::db::models::{accounts, groups};
use crate::db::{Conn, DbError, DbResult, account_lock};
use crate::domain::address::EmailAddress;
use crate::domain::field::field_key;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientTracking, TrackingSource};
use crate::tracking::enter::{self, Start};
use crate::tracking::settings;

/// What all slices of an import have in common.
#[derive(Debug)]
pub struct Job {
    /// The account.
    pub account_id: i64,
    /// The import's number.
    pub import_id: i64,
    /// The names of the columns, for the list of refused rows.
    pub header: Vec<String>,
    /// The group to join, if any.
    pub group_id: Option<i64>,
    /// The key under which objections are remembered (rule P9).
    pub remembering: Key,
    /// Who imports.
    pub actor: Actor,
    /// What proves the consents in the file; without it there are none.
    pub consent: Option<Consents>,
}

/// Consents that come with a file.
#[derive(Debug)]
pub struct Consents {
    /// Whether everybody in the file has consented.
    everybody: bool,
    /// To what, word for word.
    wording: String,
    /// How they came.
    how: String,
    /// When, where a row does not say it.
    day: Timestamp,
}

impl Consents {
    /// From what was typed; none where the day is none.
    pub fn of(evidence: &ConsentEvidence) -> Option<Self> {
        Some(Self {
            everybody: evidence.everybody,
            wording: evidence.wording.clone(),
            how: evidence.how.clone(),
            day: evidence.given_on(Timestamp::now()).ok()?,
        })
    }

    /// When the person of that row consented.
    fn given(&self, row: &ImportRow) -> Option<Timestamp> {
        let consents = row.consents.unwrap_or(self.everybody);
        consents.then(|| row.consent_day.unwrap_or(self.day))
    }
}

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

/// What became of one address in this slice.
struct Person<'a> {
    address: &'a EmailAddress,
    /// The number of a recipient who is there already.
    id: Option<i64>,
    first_name: String,
    last_name: String,
    fields: Map<String, Value>,
    tracking: RecipientTracking,
    changed: bool,
    objects: bool,
    /// The last no, in milliseconds.
    refused_at: Option<i64>,
    /// When the person consented, where that is new.
    consented: Option<Timestamp>,
}

impl<'a> Person<'a> {
    fn new(address: &'a EmailAddress) -> Self {
        Self {
            address,
            id: None,
            first_name: String::new(),
            last_name: String::new(),
            fields: Map::new(),
            tracking: RecipientTracking::Unset,
            changed: false,
            objects: false,
            refused_at: None,
            consented: None,
        }
    }

    fn known(address: &'a EmailAddress, known: &Known) -> DbResult<Self> {
        let fields = serde_json::from_str(&known.fields)
            .map_err(|error| DbError::Unreadable(error.to_string()))?;
        Ok(Self {
            address,
            id: Some(known.id),
            first_name: known.first_name.clone(),
            last_name: known.last_name.clone(),
            fields,
            tracking: known.tracking,
            changed: false,
            objects: false,
            refused_at: known.refused_at,
            consented: None,
        })
    }

    /// The name under which the person has a field of that name, however it is written.
    fn own_name<'n>(&'n self, name: &'n str) -> &'n str {
        if self.id.is_none() || self.fields.contains_key(name) {
            return name;
        }
        let key = field_key(name);
        let mut names = self.fields.keys();
        names
            .find(|own| field_key(own) == key)
            .map_or(name, String::as_str)
    }

    /// Takes over what a row says; what it leaves empty stays. Gives whether it said anything new.
    fn take(&mut self, row: &ImportRow, consents: Option<&Consents>) -> bool {
        let mut new = false;
        for (name, said) in [
            (&mut self.first_name, &row.first_name),
            (&mut self.last_name, &row.last_name),
        ] {
            if let Some(said) = said
                && name != said
            {
                name.clone_from(said);
                new = true;
            }
        }
        for (name, value) in &row.fields {
            let name = self.own_name(name);
            if self.fields.get(name) != Some(value) {
                let name = name.to_owned();
                self.fields.insert(name, value.clone());
                new = true;
            }
        }
        self.changed |= new;
        // A file can record an objection, but never take one back: `nein` says nothing.
        if row.tracking_off == Some(true) && self.tracking != RecipientTracking::Objected {
            self.tracking = RecipientTracking::Objected;
            self.objects = true;
            self.consented = None;
            new = true;
        }
        // Nor does a consent in a file outweigh a no, or one that came after it.
        if self.tracking == RecipientTracking::Unset
            && let Some(given) = consents.and_then(|consents| consents.given(row))
            && self.refused_at.is_none_or(|no| given.millis() > no)
        {
            self.tracking = RecipientTracking::Consented;
            self.consented = Some(given);
            new = true;
        }
        new
    }
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
    if job.consent.is_some() || slice.rows.iter().any(|row| row.tracking_off == Some(true)) {
        account_lock::settle_people(conn, job.account_id)?;
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
    let mut ids = write_existing(conn, job, &people, now)?;
    let added = write_new(conn, job, &people, now)?;
    let added_count = added.len();
    ids.extend(added);
    if let Some(group_id) = job.group_id {
        groups::add_members(conn, job.account_id, group_id, &ids, now)?;
    }
    let refused: Vec<_> = slice
        .refused
        .iter()
        .map(|row| Kept {
            line: row.line,
            value: &row.value,
            reason: &row.reason,
            cells: &row.cells,
        })
        .collect();
    refusals::keep(conn, job.account_id, job.import_id, &job.header, &refused)?;
    counts.refused = number(refused.len() as u64);
    imports::count(conn, job.account_id, job.import_id, counts)?;
    // After the group's counter, as deletions do it: they can't wait for each other.
    if added_count > 0 {
        accounts::count_recipients(conn, job.account_id, number(added_count as u64))?;
    }
    Ok(Some(counts))
}

/// What each address of the rows comes to: the later row of a double changes the earlier.
fn gather<'a>(
    conn: &mut Conn,
    job: &Job,
    rows: &'a [ImportRow],
) -> DbResult<(Vec<Person<'a>>, Counts)> {
    let keys: Vec<&str> = rows.iter().map(|row| row.address.key()).collect();
    let known = recipient_batches::find_by_keys(conn, job.account_id, &keys)?;
    let known: HashMap<&str, &Known> = known
        .iter()
        .map(|known| (known.address_key.as_str(), known))
        .collect();
    let mut people: Vec<Person<'a>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut counts = Counts::default();
    for row in rows {
        let key = row.address.key();
        let place = match (places.get(key), known.get(key)) {
            (Some(place), _) => *place,
            (None, known) => {
                let person = match known {
                    Some(known) => Person::known(&row.address, known)?,
                    None => Person::new(&row.address),
                };
                let is_new = person.id.is_none();
                people.push(person);
                places.insert(key, people.len() - 1);
                if is_new {
                    counts.added += 1;
                    if let Some(person) = people.last_mut() {
                        person.take(row, job.consent.as_ref());
                    }
                    continue;
                }
                people.len() - 1
            }
        };
        let person = people.get_mut(place);
        if person.is_some_and(|person| person.take(row, job.consent.as_ref())) {
            counts.updated += 1;
        } else {
            counts.unchanged += 1;
        }
    }
    Ok((people, counts))
}

/// Writes what is new about recipients who are there. Gives the numbers of all of them.
fn write_existing(
    conn: &mut Conn,
    job: &Job,
    people: &[Person<'_>],
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

/// Adds those who are not there yet, with what is remembered about them (rule P9). Gives their
/// numbers.
fn write_new(
    conn: &mut Conn,
    job: &Job,
    people: &[Person<'_>],
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
