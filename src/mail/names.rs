//! Names of fields as people write them in placeholders.

use std::borrow::Cow;

use super::personalise::FIELDS;
use super::syntax::{Kind, Masked};

/// The source with names that have hyphens, as in `{{ kunden-nr }}`, written as the template
/// language knows them: `{{ felder["kunden-nr"] }}`.
///
/// A hyphen directly between two letters is no subtraction: fields are texts, and texts have none.
/// Lines stay what they are.
pub(super) fn with_hyphens(source: &str) -> Cow<'_, str> {
    let edits = hyphenated(source);
    if edits.is_empty() {
        return Cow::Borrowed(source);
    }
    let mut result = String::with_capacity(source.len() + edits.len() * 16);
    let mut done = 0;
    for range in edits {
        result.push_str(&source[done..range.start]);
        result.push_str(FIELDS);
        result.push_str("[\"");
        result.push_str(&source[range.clone()]);
        result.push_str("\"]");
        done = range.end;
    }
    result.push_str(&source[done..]);
    Cow::Owned(result)
}

/// Where such names stand in a source.
pub(super) fn hyphenated(source: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    for piece in Masked::new(source).pieces {
        if piece.kind != Kind::Comment {
            in_piece(source, piece.range, &mut found);
        }
    }
    found
}

fn in_piece(source: &str, piece: std::ops::Range<usize>, found: &mut Vec<std::ops::Range<usize>>) {
    let letters = |c: char| c.is_alphanumeric() || c == '_';
    let mut quote = None;
    let mut at = piece.start;
    while at < piece.end {
        let Some(letter) = source[at..].chars().next() else {
            return;
        };
        match quote {
            Some(_) if letter == '\\' => {
                at += 1 + source[at + 1..].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            None if letters(letter) => {
                let rest = &source[at..piece.end];
                let length = end_of_name(rest);
                let name = &rest[..length];
                // Behind a stroke stands a filter, behind a point a part of a value.
                let before = source[piece.start..at].trim_end();
                let is_part = before.ends_with(['|', '.']);
                if name.contains('-') && !is_part {
                    found.push(at..at + length);
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += letter.len_utf8();
    }
}

/// The length of the name at the start, with hyphens between letters.
fn end_of_name(text: &str) -> usize {
    let mut length = 0;
    let mut letters = text.char_indices().peekable();
    let starts_with_letter = text.starts_with(char::is_alphabetic);
    while let Some((at, letter)) = letters.next() {
        let is_hyphen = letter == '-'
            && starts_with_letter
            && letters.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !(letter.is_alphanumeric() || letter == '_' || is_hyphen) {
            break;
        }
        length = at + letter.len_utf8();
    }
    length
}

#[cfg(test)]
mod tests {
    use super::with_hyphens;

    #[test]
    fn a_hyphen_between_letters_belongs_to_the_name() {
        for (source, expected) in [
            ("{{ kunden-nr }}", "{{ felder[\"kunden-nr\"] }}"),
            (
                "{{kunden-nr|oder(\"a-b\")}}",
                "{{felder[\"kunden-nr\"]|oder(\"a-b\")}}",
            ),
            (
                "{%- if Straße-und-Ort -%}",
                "{%- if felder[\"Straße-und-Ort\"] -%}",
            ),
            ("a-b {{ x }} c-d", "a-b {{ x }} c-d"),
            ("{{-vorname-}}", "{{-vorname-}}"),
            (
                "{{ a - b }} {{ a-1 }} {{ 1-a }}",
                "{{ a - b }} {{ a-1 }} {{ 1-a }}",
            ),
            ("{{ a|int-b }}", "{{ a|int-b }}"),
            (
                "{{ felder[\"a-b\"] }} {# c-d #}",
                "{{ felder[\"a-b\"] }} {# c-d #}",
            ),
            ("{{ felder['a\\'-b'] }}", "{{ felder['a\\'-b'] }}"),
            ("{{ 'ä-ö'|upper }}", "{{ 'ä-ö'|upper }}"),
            ("{{ kunden-nr", "{{ felder[\"kunden-nr\"]"),
        ] {
            assert_eq!(with_hyphens(source), expected);
        }
    }
}
