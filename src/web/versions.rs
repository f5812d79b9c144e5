//! Several people at one form. A form carries a stamp of the state it was made from (`stand`), a
//! digest per field. When it comes back, the transaction that would save it compares the stamp with
//! what is stored by then: where somebody else saved meanwhile, nothing is overwritten, and both
//! states are shown. A digest needs no counter that some writer could forget to raise, and who
//! saves what is stored already is no conflict, so a request can be repeated.

use std::collections::HashMap;
use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use crate::db::models::last_change::LastChange;
use crate::web::fields::Fields;

/// The name of the hidden field with the stamp.
pub const STAMP: &str = "stand";

/// Hexadecimal digits of a field's name and of its value in a stamp.
const KEY_DIGITS: usize = 8;
const VALUE_DIGITS: usize = 16;

/// More than fits on a line is shown in a field that scrolls.
const SHORT_CHARS: usize = 80;

/// A form's fields at one time: as the browser sends them, and as people read them.
#[derive(Clone, Default)]
pub struct Snapshot(Vec<Field>);

/// One field of a [`Snapshot`].
#[derive(Clone)]
struct Field {
    key: String,
    label: String,
    /// Names and values as a browser sends them.
    pairs: Vec<(String, String)>,
    text: String,
}

/// Two states of a form that differ. Holds what people typed, so its `Debug` is silent (rule P8).
#[derive(Clone)]
pub struct Conflict {
    /// The fields that differ.
    pub rows: Vec<Row>,
    /// Who saved meanwhile.
    pub last: LastChange,
    /// Where the stored state is shown.
    pub path: String,
}

/// A field that differs.
#[derive(Clone)]
pub struct Row {
    /// What the field is called.
    pub label: String,
    /// What was typed.
    pub mine: String,
    /// What is stored by now.
    pub stored: String,
    /// Whether the form below holds what was typed; else it was not touched, and holds what is stored.
    pub keeps_mine: bool,
}

/// What a form that was overtaken becomes: its fields, and the stamp of what is stored by now.
#[derive(Clone)]
pub struct Overtaken {
    /// What was typed; in fields that were not touched, what is stored.
    pub merged: Fields,
    /// The stamp of what is stored.
    pub stamp: String,
    /// What differs.
    pub rows: Vec<Row>,
}

impl fmt::Debug for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conflict(…)")
    }
}

impl Row {
    /// Whether a text needs a field that scrolls.
    pub fn is_long(text: &str) -> bool {
        text.contains('\n') || text.chars().nth(SHORT_CHARS).is_some()
    }
}

impl Snapshot {
    /// With a field of text.
    #[must_use]
    pub fn text(self, name: &str, label: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        self.choice(name, label, value.clone(), value)
    }

    /// With a field of which one value was chosen, and what people read for it.
    #[must_use]
    pub fn choice(
        self,
        name: &str,
        label: &str,
        value: impl ToString,
        text: impl ToString,
    ) -> Self {
        let pairs = vec![(name.to_owned(), value.to_string())];
        self.pairs(name, label, pairs, text.to_string())
    }

    /// With a checkbox.
    #[must_use]
    pub fn checkbox(self, name: &str, label: &str, is_ticked: bool) -> Self {
        let pairs = is_ticked.then(|| (name.to_owned(), "ja".to_owned()));
        let text = if is_ticked { "ja" } else { "nein" };
        self.pairs(name, label, pairs.into_iter().collect(), text.to_owned())
    }

    /// With several checkboxes of one name: the values that are ticked, and what people read.
    #[must_use]
    pub fn several(self, name: &str, label: &str, mut ticked: Vec<(String, String)>) -> Self {
        ticked.sort();
        let texts: Vec<&str> = ticked.iter().map(|(_, text)| text.as_str()).collect();
        let text = texts.join(", ");
        let pairs = ticked
            .into_iter()
            .map(|(value, _)| (name.to_owned(), value));
        self.pairs(name, label, pairs.collect(), text)
    }

    /// With a field that is sent as several names and values.
    #[must_use]
    pub fn pairs(
        mut self,
        key: &str,
        label: &str,
        pairs: Vec<(String, String)>,
        text: String,
    ) -> Self {
        self.0.push(Field {
            key: key.to_owned(),
            label: label.to_owned(),
            pairs,
            text,
        });
        self
    }

    /// The stamp that a form made from this state carries.
    pub fn stamp(&self) -> String {
        self.0.iter().fold(String::new(), |mut stamp, field| {
            stamp.push_str(&digest(&field.key, KEY_DIGITS));
            stamp.push_str(&field.digest());
            stamp
        })
    }

    fn get(&self, key: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.key == key)
    }
}

impl Field {
    fn digest(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.pairs {
            let value = normalised(value);
            // Lengths keep two lists of values from being written alike.
            let _ = write!(text, "{}:{name}{}:{value}", name.len(), value.len());
        }
        digest(&text, VALUE_DIGITS)
    }
}

/// Browsers write line ends in their own way, and forms cut space off.
fn normalised(value: &str) -> String {
    value.trim().replace("\r\n", "\n").replace('\r', "\n")
}

fn digest(text: &str, digits: usize) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let mut hex = String::new();
    for byte in hash.iter().take(digits / 2) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Compares what was sent with what is stored. None when it can be saved: nobody changed anything
/// since the form was made, or to just the same. What carries no stamp (a script) is not compared.
pub fn compare(sent: &Fields, mine: &Snapshot, stored: &Snapshot) -> Option<Overtaken> {
    let stamp = sent.text(STAMP);
    if stamp.is_empty() {
        return None;
    }
    let seen = read(stamp);
    let seen = |key: &str| seen.get(&digest(key, KEY_DIGITS)).map(String::as_str);
    let of = |field: Option<&Field>| field.map(Field::digest);
    let keys = mine.0.iter().chain(&stored.0).map(|field| &field.key);
    let mut merged = Vec::new();
    let mut rows = Vec::new();
    let mut known = std::collections::HashSet::new();
    let mut is_overtaken = false;
    for key in keys.filter(|key| known.insert(key.as_str())) {
        let (typed, kept) = (mine.get(key), stored.get(key));
        let (of_typed, of_kept, before) = (of(typed), of(kept), seen(key));
        let differs = of_typed != of_kept;
        let keeps_mine = !differs || of_typed.as_deref() != before;
        is_overtaken |= differs && of_kept.as_deref() != before;
        if let Some(field) = if keeps_mine { typed } else { kept } {
            merged.extend(field.pairs.iter().cloned());
        }
        if differs {
            let text =
                |field: Option<&Field>| field.map(|f| normalised(&f.text)).unwrap_or_default();
            rows.push(Row {
                label: typed.or(kept).map(|f| f.label.clone()).unwrap_or_default(),
                mine: text(typed),
                stored: text(kept),
                keeps_mine,
            });
        }
    }
    is_overtaken.then(|| Overtaken {
        merged: merged.into_iter().collect(),
        stamp: stored.stamp(),
        rows,
    })
}

/// The digests in a stamp, by that of the field's name. Nothing in what is damaged: then every
/// difference counts.
fn read(stamp: &str) -> HashMap<String, String> {
    let digits: Vec<char> = stamp.chars().collect();
    let chunks = digits.chunks_exact(KEY_DIGITS + VALUE_DIGITS);
    chunks
        .map(|chunk| {
            let (key, value) = chunk.split_at(KEY_DIGITS);
            (key.iter().collect(), value.iter().collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(first: &str, last: &str, free: &[(&str, &str)]) -> Snapshot {
        let base = Snapshot::default()
            .text("vorname", "Vorname", first)
            .text("nachname", "Nachname", last);
        free.iter().fold(base, |snapshot, (name, value)| {
            let pairs = vec![
                ("feld".into(), (*name).into()),
                ("wert".into(), (*value).into()),
            ];
            snapshot.pairs(&format!("feld {name}"), name, pairs, (*value).into())
        })
    }

    fn sent(stamp: &str) -> Fields {
        [(STAMP.to_owned(), stamp.to_owned())].into_iter().collect()
    }

    #[test]
    fn what_nobody_changed_is_saved() {
        let before = person("Jana", "Weiß", &[]);
        let mine = person("Jana", "Schwarz", &[]);
        assert!(compare(&sent(&before.stamp()), &mine, &before).is_none());
        let same = person(" Jana\r\n", "Weiß", &[]);
        assert_eq!(same.stamp(), before.stamp(), "as a browser sends it");
        assert!(compare(&sent(""), &mine, &person("A", "B", &[])).is_none());
    }

    #[test]
    fn a_request_can_be_repeated() {
        let before = person("Jana", "Weiß", &[]);
        let mine = person("Jana", "Schwarz", &[]);
        assert!(compare(&sent(&before.stamp()), &mine, &mine.clone()).is_none());
    }

    #[test]
    fn what_others_saved_is_kept_where_nothing_was_typed() {
        let before = person("Jana", "Weiß", &[("ort", "Köln")]);
        let mine = person("Johanna", "Weiß", &[("ort", "Köln")]);
        let stored = person("Jana", "Schwarz", &[("kundennr", "7")]);
        let overtaken = compare(&sent(&before.stamp()), &mine, &stored).unwrap();
        let merged: Vec<_> = overtaken.merged.iter().collect();
        assert_eq!(
            merged,
            [
                ("vorname", "Johanna"),
                ("nachname", "Schwarz"),
                ("feld", "kundennr"),
                ("wert", "7"),
            ]
        );
        let rows: Vec<_> = overtaken
            .rows
            .iter()
            .map(|row| {
                (
                    row.label.as_str(),
                    row.mine.as_str(),
                    row.stored.as_str(),
                    row.keeps_mine,
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("Vorname", "Johanna", "Jana", true),
                ("Nachname", "Weiß", "Schwarz", false),
                ("ort", "Köln", "", false),
                ("kundennr", "", "7", false),
            ]
        );
        let again = person("Johanna", "Schwarz", &[("kundennr", "7")]);
        assert!(compare(&sent(&overtaken.stamp), &again, &stored).is_none());
    }

    #[test]
    fn a_damaged_stamp_lets_nothing_be_overwritten() {
        let stored = person("Jana", "Weiß", &[]);
        for stamp in ["x", "ü", &"0".repeat(48), &stored.stamp()[..24]] {
            let overtaken = compare(&sent(stamp), &person("Jana", "Schwarz", &[]), &stored);
            assert!(overtaken.is_some(), "{stamp}");
        }
    }
}
