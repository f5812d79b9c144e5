//! Names of free fields: under which name mails use one, and which names mean the same field.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::domain::text::is_invisible;

/// Longest name of a free field, in characters.
pub const MAX_FIELD_NAME_CHARS: usize = 40;

/// Names of free fields that a mail already knows with another meaning.
pub const RESERVED_FIELD_NAMES: [&str; 3] = ["email", "vorname", "nachname"];

/// The name under which mails can use a free field of this title: `PLZ / Ort` is `plz_ort`,
/// `Straße` is `strasse`. `None` where nothing usable is left.
pub fn field_name(title: &str) -> Option<String> {
    let mut name = String::new();
    for c in transliterate(title) {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "feld_");
    }
    name.truncate(MAX_FIELD_NAME_CHARS);
    let name = name.trim_end_matches('_');
    (!name.is_empty()).then(|| name.to_owned())
}

/// Whether [`field_name`] would leave a name as it is.
fn is_field_name(name: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=MAX_FIELD_NAME_CHARS).contains(&name.len())
        && name.bytes().all(is_allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
}

/// What two names of the same field have in common, whatever their case and however their letters
/// are composed: `Ort` and `ort` are the same field, and so are `Straße` and `strasse`.
pub fn field_key(name: &str) -> Cow<'_, str> {
    if is_field_name(name) {
        return Cow::Borrowed(name);
    }
    match field_name(name) {
        Some(key) => Cow::Owned(key),
        // Of another script.
        None => Cow::Owned(name.nfc().flat_map(char::to_lowercase).collect()),
    }
}

/// Under which of these names, each with how many people have it, a field exists already: as it is
/// written, or else the most frequent.
pub fn same_field<'a>(name: &str, existing: &'a [(String, i64)]) -> Option<&'a str> {
    let key = field_key(name);
    existing
        .iter()
        .filter(|(known, _)| field_key(known) == key)
        .max_by_key(|(known, people)| (known == name, *people))
        .map(|(known, _)| known.as_str())
}

/// Lower-cased, German umlauts written out, other accents and what can't be seen dropped.
pub(crate) fn transliterate(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .filter(|c| !is_invisible(*c))
        .nfc()
        .flat_map(char::to_lowercase)
        .flat_map(|c| {
            let (first, second) = match c {
                'ä' => ('a', Some('e')),
                'ö' => ('o', Some('e')),
                'ü' => ('u', Some('e')),
                'ß' => ('s', Some('s')),
                other => (other, None),
            };
            std::iter::once(first).chain(second)
        })
        .nfd()
        .filter(|c| !is_combining_mark(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_same_field_have_the_same_key() {
        for (one, other) in [
            ("Ort", "ort"),
            ("ORT", "Ort"),
            ("Straße", "strasse"),
            ("Gru\u{308}\u{df}e", "Grüße"),
            ("PLZ / Ort", "plz_ort"),
            ("Город", "город"),
            ("И\u{306}", "й"),
        ] {
            assert_eq!(field_key(one), field_key(other), "{one} {other}");
        }
        for name in [
            "ort",
            "a_2",
            "a__b",
            "_a",
            "a_",
            "2a",
            "Ort",
            "",
            &"a".repeat(41),
        ] {
            let stays = field_name(name).as_deref() == Some(name);
            assert_eq!(is_field_name(name), stays, "{name}");
        }
        let existing = [
            ("Ort".to_owned(), 5),
            ("ORT".to_owned(), 3),
            ("plz".to_owned(), 9),
        ];
        assert_eq!(same_field("ort", &existing), Some("Ort"));
        assert_eq!(same_field("ORT", &existing), Some("ORT"));
        assert_eq!(same_field("land", &existing), None);
        for (one, other) in [("ort", "ort_2"), ("ort", "orte"), ("Город", "Имя")] {
            assert_ne!(field_key(one), field_key(other), "{one} {other}");
        }
    }
}
