//! Fields that a mailing asks for and some recipients don't have.

use super::{List, Place, Weight};
use crate::mail::names::with_hyphens;
use crate::mail::personalise::{FIELDS, same_name, standard};
use crate::mail::syntax::{Kind, Masked, word};

/// A field that some of the recipients lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Its name.
    pub field: String,
    /// How many lack it.
    pub without: i64,
    /// Of how many that were looked at.
    pub of: i64,
}

/// The fields that these sources print without a value for those who lack them: neither with
/// `oder` or `default`, nor inside a condition that asks for them.
pub fn used_without_fallback(sources: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for source in sources {
        let source = &*with_hyphens(source);
        let pieces = Masked::new(source).pieces;
        let text = |kind| {
            pieces
                .iter()
                .filter(move |piece| piece.kind == kind)
                .map(|piece| &source[piece.range.clone()])
        };
        for value in text(Kind::Value) {
            let Some(name) = field(value) else { continue };
            let asked = text(Kind::Block).any(|block| mentions(block, &name));
            let has_fallback = ["oder", "default"]
                .iter()
                .any(|filter| mentions(value, filter));
            if !asked && !has_fallback && !found.iter().any(|known| same_name(known, &name)) {
                found.push(name);
            }
        }
    }
    found
}

/// The field of the recipient that a placeholder prints, if it prints one.
fn field(value: &str) -> Option<String> {
    let name = word(value);
    if standard(name) == Some(FIELDS) {
        let (_, rest) = value.split_once(['"', '\''])?;
        return Some(rest.split(['"', '\'']).next()?.to_owned());
    }
    match standard(name) {
        Some(own @ ("vorname" | "nachname")) => Some(own.to_owned()),
        Some(_) => None,
        None => (!name.is_empty()).then(|| name.to_owned()),
    }
}

fn mentions(piece: &str, name: &str) -> bool {
    piece
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | ' ' | '.'))
        .flat_map(|part| {
            [part, part.trim()]
                .into_iter()
                .chain(part.split_whitespace())
        })
        .any(|part| same_name(part, name))
}

pub(super) fn check(holes: &[Hole], reached: i64, list: &mut List) {
    for hole in holes.iter().filter(|hole| hole.without > 0) {
        let of = if hole.of < reached {
            format!("den ersten {}", hole.of)
        } else {
            hole.of.to_string()
        };
        list.add(
            Weight::Hint,
            Place::Source(Vec::new()),
            format!(
                "„{}“ fehlt bei {} von {of} Empfängern.",
                hole.field, hole.without
            ),
            "Dort bleibt eine Lücke. Geben Sie an, was stattdessen stehen soll, zum Beispiel {{ vorname|oder(\"zusammen\") }}.",
        );
    }
}
