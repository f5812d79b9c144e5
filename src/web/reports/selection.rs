//! Which of a mailing's recipients are chosen on *Empfängeraktivität*, as it stands in addresses
//! and on the screen.

use serde::Deserialize;

use super::report::LinkLine;
use crate::db::reports::activity::{Filter, Place};

/// The longest address of a link in the list of choices, in characters.
const LONGEST: usize = 80;

/// The filters that every mailing has.
const FILTERS: [(&str, &str, Filter); 6] = [
    ("", "Alle", Filter::All),
    ("geoeffnet", "Geöffnet", Filter::Opened),
    ("geklickt", "Geklickt", Filter::Clicked),
    ("nichts", "Weder geöffnet noch geklickt", Filter::Neither),
    ("zurueck", "Unzustellbar", Filter::CameBack),
    (
        "ohne",
        "Ohne personenbezogenes Tracking",
        Filter::Unmeasured,
    ),
];

/// How the filter of one link begins; its number follows.
const LINK: &str = "link-";

/// Which part of the list, and which page of it.
#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    aktivitaet: String,
    /// A part of an address or name that is looked for.
    #[serde(default)]
    q: String,
    nach: Option<String>,
    vor: Option<String>,
    seite: Option<String>,
}

impl Query {
    /// The chosen filter; all where none is.
    pub(super) fn filter(&self) -> Filter {
        filter(&self.aktivitaet)
    }

    /// What is looked for; nothing where that is blank.
    pub(super) fn needle(&self) -> Option<&str> {
        Some(self.q.trim()).filter(|needle| !needle.is_empty())
    }

    /// Where in the list the page lies.
    pub(super) fn place(&self) -> Place {
        let key = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        match (key(&self.nach), key(&self.vor), self.seite.as_deref()) {
            (Some(key), _, _) => Place::After(key),
            (None, Some(key), _) => Place::Before(key),
            (None, None, Some("letzte")) => Place::Last,
            _ => Place::First,
        }
    }
}

/// The filter of that word.
pub(super) fn filter(word: &str) -> Filter {
    if let Some(number) = word.strip_prefix(LINK) {
        return number.parse().map_or(Filter::All, Filter::Followed);
    }
    FILTERS
        .iter()
        .find(|(of, ..)| *of == word)
        .map_or(Filter::All, |(_, _, filter)| *filter)
}

/// The word of that filter.
pub(super) fn word(filter: Filter) -> String {
    match filter {
        Filter::Followed(number) => format!("{LINK}{number}"),
        other => FILTERS
            .iter()
            .find(|(_, _, of)| *of == other)
            .map(|(word, ..)| (*word).to_owned())
            .unwrap_or_default(),
    }
}

/// What can be chosen: word and label. Links come in the order of their clicks.
pub(super) fn choices(links: &[LinkLine]) -> Vec<(String, String)> {
    let always = FILTERS
        .iter()
        .map(|(word, label, _)| ((*word).to_owned(), (*label).to_owned()));
    let links = links.iter().map(|link| {
        let word = word(Filter::Followed(link.number));
        (word, format!("Geklickt: {}", shortened(&link.url)))
    });
    always.chain(links).collect()
}

/// What a filter is called on the screen.
pub(super) fn label(filter: Filter, links: &[LinkLine]) -> String {
    let word = word(filter);
    choices(links)
        .into_iter()
        .find(|(of, _)| *of == word)
        .map(|(_, label)| label)
        .unwrap_or_default()
}

fn shortened(url: &str) -> String {
    if url.chars().count() <= LONGEST {
        return url.to_owned();
    }
    url.chars()
        .take(LONGEST - 1)
        .chain(std::iter::once('…'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_as_written() {
        for (of, ..) in FILTERS {
            assert_eq!(word(filter(of)), of);
        }
        assert_eq!(filter("link-17"), Filter::Followed(17));
        assert_eq!(word(Filter::Followed(17)), "link-17");
        for word in ["link-", "link-x", "unsinn", "link-1 OR 1=1"] {
            assert_eq!(filter(word), Filter::All, "{word}");
        }
    }

    #[test]
    fn long_addresses_are_cut() {
        assert_eq!(shortened(&"ä".repeat(200)).chars().count(), LONGEST);
    }
}
