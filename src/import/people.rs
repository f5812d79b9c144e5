//! What the rows of a slice make of each person they name: the later row of a double adds to the
//! earlier, and a no is never overwritten.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::evidence::ConsentEvidence;
use super::reader::ImportRow;
use super::status::{StatedStatus, Statement};
use crate::db::models::audit::Actor;
use crate::db::models::imports::Counts;
use crate::db::models::recipient_batches::{self, Known};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::field::field_key;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientStatus, RecipientTracking, TrackingSource};

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
    /// What holds for everybody in the file, where no row says worse.
    pub everybody: Option<StatedStatus>,
}

impl Job {
    /// The worst that file and settings say about the person of that row.
    pub(super) fn status(&self, row: &ImportRow) -> Option<Statement> {
        row.status.max(self.everybody.map(|status| (status, None)))
    }
}

/// Consents that come with a file.
#[derive(Debug)]
pub struct Consents {
    /// Whether everybody in the file has consented.
    everybody: bool,
    /// To what, word for word.
    pub(super) wording: String,
    /// How they came.
    pub(super) how: String,
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

/// One address of a slice, with all that its rows say.
pub(super) struct Person<'a> {
    pub(super) address: &'a EmailAddress,
    /// The number of a recipient who is there already.
    pub(super) id: Option<i64>,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) fields: Map<String, Value>,
    pub(super) tracking: RecipientTracking,
    pub(super) changed: bool,
    pub(super) objects: bool,
    /// The last no, in milliseconds.
    pub(super) refused_at: Option<i64>,
    /// When the person consented, where that is new.
    pub(super) consented: Option<Timestamp>,
    /// Whether mails go there already or not; for somebody new, active.
    pub(super) status: RecipientStatus,
    /// The worst that the rows say about that.
    pub(super) stated: Option<Statement>,
    /// The first line that names the person.
    pub(super) line: u64,
}

impl<'a> Person<'a> {
    fn new(row: &'a ImportRow) -> Self {
        Self {
            address: &row.address,
            id: None,
            first_name: String::new(),
            last_name: String::new(),
            fields: Map::new(),
            tracking: RecipientTracking::Unset,
            changed: false,
            objects: false,
            refused_at: None,
            consented: None,
            status: RecipientStatus::Active,
            stated: None,
            line: row.line,
        }
    }

    fn known(row: &'a ImportRow, known: &Known) -> DbResult<Self> {
        let fields = serde_json::from_str(&known.fields)
            .map_err(|error| DbError::Unreadable(error.to_string()))?;
        Ok(Self {
            address: &row.address,
            id: Some(known.id),
            first_name: known.first_name.clone(),
            last_name: known.last_name.clone(),
            fields,
            tracking: known.tracking,
            changed: false,
            objects: false,
            refused_at: known.refused_at,
            consented: None,
            status: known.status,
            stated: None,
            line: row.line,
        })
    }

    /// What the rows make of whether mails go there; `None` where it stays as it is.
    pub(super) fn ending(&self) -> Option<RecipientStatus> {
        use RecipientStatus::{Active, Bounced, Unsubscribed};
        let (stated, _) = self.stated?;
        // Of somebody who is here already it says nothing: they came another way.
        let is_known = self.id.is_some();
        match (stated, self.status) {
            (StatedStatus::Unconfirmed, _) if is_known => None,
            (StatedStatus::Active, _)
            | (_, Unsubscribed)
            | (StatedStatus::Undeliverable, Bounced) => None,
            (StatedStatus::Undeliverable, Active) => Some(Bounced),
            (_, Active | Bounced) => Some(Unsubscribed),
        }
    }

    /// Since when, on whose word, and in which.
    pub(super) fn said(&self, now: Timestamp) -> (Timestamp, TrackingSource, &'static str) {
        let (stated, since) = self.stated.unwrap_or((StatedStatus::Active, None));
        let source = match stated {
            StatedStatus::Complained => TrackingSource::Complaint,
            _ => TrackingSource::Import,
        };
        (since.unwrap_or(now), source, stated.as_str())
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
    fn take(&mut self, row: &ImportRow, job: &Job) -> bool {
        let ends = self.ending();
        self.stated = self.stated.max(job.status(row));
        let mut new = self.ending() != ends;
        let mut renewed = false;
        for (name, said) in [
            (&mut self.first_name, &row.first_name),
            (&mut self.last_name, &row.last_name),
        ] {
            if let Some(said) = said
                && name != said
            {
                name.clone_from(said);
                renewed = true;
            }
        }
        for (name, value) in &row.fields {
            let name = self.own_name(name);
            if self.fields.get(name) != Some(value) {
                let name = name.to_owned();
                self.fields.insert(name, value.clone());
                renewed = true;
            }
        }
        self.changed |= renewed;
        new |= renewed;
        // A file can record an objection, but never take one back: `nein` says nothing.
        if row.tracking_off == Some(true) && self.tracking != RecipientTracking::Objected {
            self.tracking = RecipientTracking::Objected;
            self.objects = true;
            self.consented = None;
            new = true;
        }
        // Nor does a consent in a file outweigh a no, or one that came after it.
        if self.tracking == RecipientTracking::Unset
            && let Some(given) = job
                .consent
                .as_ref()
                .and_then(|consents| consents.given(row))
            && self.refused_at.is_none_or(|no| given.millis() > no)
        {
            self.tracking = RecipientTracking::Consented;
            self.consented = Some(given);
            new = true;
        }
        new
    }
}

/// What each address of the rows comes to: the later row of a double changes the earlier.
pub(super) fn gather<'a>(
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
                    Some(known) => Person::known(row, known)?,
                    None => Person::new(row),
                };
                let is_new = person.id.is_none();
                people.push(person);
                places.insert(key, people.len() - 1);
                if is_new {
                    counts.added += 1;
                    if let Some(person) = people.last_mut() {
                        person.take(row, job);
                    }
                    continue;
                }
                people.len() - 1
            }
        };
        let person = people.get_mut(place);
        if person.is_some_and(|person| person.take(row, job)) {
            counts.updated += 1;
        } else {
            counts.unchanged += 1;
        }
    }
    Ok((people, counts))
}
