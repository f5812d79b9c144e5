//! Free fields that exist more than once, their names only written in another way (`Ort` and `ort`),
//! made one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::fields;
use crate::db::{Db, DbError, DbResult};
use crate::domain::field::field_key;
use crate::domain::time::Timestamp;

/// So many recipients are read and changed at once.
const BATCH: i64 = 500;

/// So many recipients with different values are listed.
const LISTED: usize = 20;

/// One field under several names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubled {
    /// The names, each with how many recipients have a value in it; the most frequent first.
    pub names: Vec<(String, i64)>,
    /// How many recipients have different values under these names.
    pub conflicts: i64,
    /// The first of them: number and values, each with its name.
    pub listed: Vec<(i64, Vec<(String, String)>)>,
}

/// The fields of an account that exist more than once. Reads the fields of all its recipients.
pub fn doubled(db: &Db, account_id: i64) -> DbResult<Vec<Doubled>> {
    let all = db.read(|conn| fields::all(conn, account_id))?;
    let mut same: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for (name, recipients) in all {
        let key = field_key(&name).into_owned();
        same.entry(key).or_default().push((name, recipients));
    }
    let mut found = Vec::new();
    for mut names in same.into_values().filter(|names| names.len() > 1) {
        names.sort_by_key(|(_, recipients)| -recipients);
        let mut doubled = Doubled {
            names,
            conflicts: 0,
            listed: Vec::new(),
        };
        let names: Vec<String> = doubled.names.iter().map(|(name, _)| name.clone()).collect();
        for_each(db, account_id, &names, |batch| {
            for (id, text) in batch {
                let fields = parse(text)?;
                let values = values(&fields, &names);
                if values.windows(2).any(|pair| pair[0].1 != pair[1].1) {
                    doubled.conflicts += 1;
                    if doubled.listed.len() < LISTED {
                        doubled.listed.push((*id, values));
                    }
                }
            }
            Ok(())
        })?;
        found.push(doubled);
    }
    Ok(found)
}

/// Makes one field of all whose names differ from `keep` only in how they are written. Who has several
/// values keeps that of `keep`, or else that of the most frequent name. Gives how many recipients
/// changed; none where there is nothing to merge.
pub fn merge(
    db: &Db,
    account_id: i64,
    actor: &Actor,
    keep: &str,
    now: Timestamp,
) -> DbResult<usize> {
    let key = field_key(keep);
    let all = db.read(|conn| fields::all(conn, account_id))?;
    let mut same: Vec<(String, i64)> = all
        .into_iter()
        .filter(|(name, _)| field_key(name) == key)
        .collect();
    same.sort_by_key(|(name, recipients)| (name != keep, -recipients));
    if same.len() < 2 || same[0].0 != keep {
        return Ok(0);
    }
    let names: Vec<String> = same.into_iter().map(|(name, _)| name).collect();
    let others = &names[1..];
    db.write(|conn| {
        let entry = Entry {
            actor,
            action: Action::FieldsMerged,
            recipient_id: None,
            details: json!({ "field": keep, "merged": others }),
        };
        audit::record(conn, account_id, &entry, now)
    })?;
    let mut changed = 0;
    for_each(db, account_id, others, |batch| {
        let mut rewritten = Vec::new();
        for (id, text) in batch {
            let mut fields = parse(text)?;
            let Some((_, value)) = values(&fields, &names).into_iter().next() else {
                continue;
            };
            for name in others {
                fields.remove(name);
            }
            fields.insert(keep.to_owned(), Value::String(value));
            let after = serde_json::to_string(&fields).unwrap_or_default();
            rewritten.push((*id, text.clone(), after));
        }
        changed += db.write(|conn| fields::replace(conn, account_id, &rewritten))?;
        Ok(())
    })?;
    Ok(changed)
}

/// Goes through the recipients who have one of these fields, a batch at a time.
fn for_each(
    db: &Db,
    account_id: i64,
    names: &[String],
    mut each: impl FnMut(&[(i64, String)]) -> DbResult<()>,
) -> DbResult<()> {
    let mut after = 0;
    loop {
        let batch = db.read(|conn| fields::with_any(conn, account_id, names, after, BATCH))?;
        let Some((last, _)) = batch.last() else {
            return Ok(());
        };
        after = *last;
        each(&batch)?;
    }
}

fn parse(text: &str) -> DbResult<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| DbError::Unreadable(error.to_string()))
}

/// The values under these names, in their order.
fn values(fields: &Map<String, Value>, names: &[String]) -> Vec<(String, String)> {
    let value = |name: &String| Some((name.clone(), fields.get(name)?.as_str()?.to_owned()));
    names.iter().filter_map(value).collect()
}
