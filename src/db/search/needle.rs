//! What is looked for: the words of what was typed, as conditions on the recipients' search text.

use unicode_normalization::UnicodeNormalization;

use crate::domain::address::EmailAddress;
use crate::domain::text::{is_invisible, search_forms};

/// Between the address and the name in the search text; no word holds it.
const SEPARATOR: char = '\t';

/// More words than this are not looked for: no name has so many.
const MAX_WORDS: usize = 16;

/// A word shorter than this, in characters, has no trigram.
const TRIGRAM: usize = 3;

/// The text that the search looks into: the forms of the address, and those of the name.
pub(crate) fn search_text(address: &EmailAddress, first_name: &str, last_name: &str) -> String {
    text_of(
        &[address.unicode_form(), address.key()],
        first_name,
        last_name,
    )
}

/// The same, of spellings of one address.
pub(super) fn text_of(spellings: &[&str], first_name: &str, last_name: &str) -> String {
    let mut text = address_forms(spellings).join("\n");
    text.push(SEPARATOR);
    text.push_str(&search_forms(&format!("{first_name} {last_name}")).join("\n"));
    text
}

/// The forms in which the search text holds an address with these spellings.
pub(crate) fn address_forms(spellings: &[&str]) -> Vec<String> {
    let mut forms = Vec::new();
    for form in spellings.iter().flat_map(|spelling| search_forms(spelling)) {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    /// All of them are required.
    words: Vec<Word>,
}

/// A word, in the forms any of which will do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    typed: String,
    forms: Vec<(Place, String)>,
}

/// Where in the search text a word has to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    Address,
    Name,
}

impl Needle {
    /// Reads what was typed or pasted: a part of an address or name, `Müller, Hans`,
    /// `Hans Müller <hans@example.org>`, `mailto:hans@example.org`.
    ///
    /// One word is found anywhere. Of several words those with an `@` have to stand in the
    /// address and the others in the name, in any order.
    pub fn parse(typed: &str) -> Self {
        let typed = typed.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        let address = in_angle_brackets(typed).unwrap_or(typed);
        let text = without_scheme(address);
        let mut words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
            .map(without_punctuation)
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS)
            .collect();
        if words.is_empty() && !text.is_empty() {
            words.push(&text);
        }
        let place = |word: &str| match words.len() {
            1 => Place::Anywhere,
            _ if word.contains('@') => Place::Address,
            _ => Place::Name,
        };
        let read = |word: &&str| {
            let forms = search_forms(word).into_iter();
            let place = place(word);
            Word {
                typed: (*word).to_owned(),
                forms: forms
                    .filter(|form| !form.is_empty())
                    .map(|form| (place, form))
                    .collect(),
            }
        };
        let words = words
            .iter()
            .map(read)
            .filter(|word| !word.forms.is_empty())
            .collect();
        Self { words }
    }

    /// Lets texts match that were stored before texts were folded, too: in lower case, with the
    /// umlauts as they are, and nothing to tell the name from the address.
    pub(super) fn or_unfolded(mut self) -> Self {
        for word in &mut self.words {
            let unfolded = word.typed.to_lowercase().nfc().collect();
            word.forms.push((Place::Anywhere, unfolded));
        }
        self
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The SQL condition on `column`, with a placeholder for each pattern from `$first` on, and the
    /// patterns. It holds for nothing where nothing is looked for.
    pub(in crate::db) fn condition(&self, column: &str, first: usize) -> (String, Vec<String>) {
        let mut patterns = Vec::new();
        let mut all = Vec::new();
        for word in &self.words {
            let any: Vec<String> = word
                .forms
                .iter()
                .map(|(place, form)| {
                    patterns.push(pattern(*place, form));
                    let number = first + patterns.len() - 1;
                    format!(r"{column} LIKE ${number} ESCAPE '\'")
                })
                .collect();
            all.push(format!("({})", any.join(" OR ")));
        }
        if all.is_empty() {
            all.push("1 = 0".to_owned());
        }
        (all.join(" AND "), patterns)
    }

    /// A query for an index of trigrams that finds at least what is looked for (FTS5); none where
    /// every word is too short.
    ///
    /// A phrase would be more precise, but needs an index that keeps positions, three times as
    /// large; comparing the rows found with the whole words makes up for it.
    pub(in crate::db) fn trigrams(&self) -> Option<String> {
        let all: Vec<String> = self
            .words
            .iter()
            .filter_map(|word| {
                let forms: Option<Vec<String>> = word
                    .forms
                    .iter()
                    .map(|(_, form)| trigrams_of(form))
                    .collect();
                Some(format!("({})", forms?.join(" OR ")))
            })
            .collect();
        (!all.is_empty()).then(|| all.join(" AND "))
    }
}

/// What stands between the angle brackets of `Name <address>`.
fn in_angle_brackets(text: &str) -> Option<&str> {
    let (_, behind) = text.rsplit_once('<')?;
    let inside = behind.split('>').next()?.trim();
    inside.contains('@').then_some(inside)
}

/// Without `mailto:` and what may follow its address (RFC 6068), with its percent signs decoded.
fn without_scheme(text: &str) -> String {
    match text.get(.."mailto:".len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => {
            let address = text[scheme.len()..].split('?').next().unwrap_or_default();
            percent_encoding::percent_decode_str(address)
                .decode_utf8_lossy()
                .into_owned()
        }
        _ => text.to_owned(),
    }
}

/// Without the quotation marks and the end of a sentence around a word, unless little is left of
/// it: `.de` keeps its dot, and so does `a.`.
fn without_punctuation(word: &str) -> &str {
    let bare = word.trim_matches(|c: char| r#""„“”«»()[]"#.contains(c));
    let bare = bare.trim_end_matches(['.', ':', '!', '?']);
    if bare.chars().count() < TRIGRAM {
        word
    } else {
        bare
    }
}

/// A LIKE pattern that finds the form literally in its place.
fn pattern(place: Place, form: &str) -> String {
    let mut pattern = String::with_capacity(form.len() + 3);
    pattern.push('%');
    if place == Place::Name {
        pattern.push(SEPARATOR);
        pattern.push('%');
    }
    for letter in form.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    if place == Place::Address {
        pattern.push(SEPARATOR);
        pattern.push('%');
    }
    pattern
}

/// All trigrams of a form, each quoted; none where it is too short.
fn trigrams_of(form: &str) -> Option<String> {
    let letters: Vec<char> = form.chars().collect();
    if letters.len() < TRIGRAM {
        return None;
    }
    let quoted: Vec<String> = letters
        .windows(TRIGRAM)
        .map(|three| {
            let three: String = three.iter().collect();
            format!("\"{}\"", three.replace('"', "\"\""))
        })
        .collect();
    Some(format!("({})", quoted.join(" AND ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(typed: &str) -> Vec<String> {
        Needle::parse(typed).condition("t", 1).1
    }

    #[test]
    fn signs_mean_themselves() {
        assert_eq!(patterns("50%_a\\b"), ["%50\\%\\_a\\\\b%"]);
        let (condition, _) = Needle::parse("a").condition("t", 4);
        assert_eq!(condition, r"(t LIKE $4 ESCAPE '\')");
    }

    #[test]
    fn several_words_stand_where_they_belong() {
        assert_eq!(patterns("Hans Maier"), ["%\t%hans%", "%\t%maier%"]);
        assert_eq!(patterns("Maier,Hans;"), ["%\t%maier%", "%\t%hans%"]);
        assert_eq!(
            patterns("Hans hans@example.org"),
            ["%\t%hans%", "%hans@example.org%\t%"]
        );
        assert_eq!(patterns("Müller"), ["%mueller%", "%muller%"]);
    }

    #[test]
    fn addresses_are_read_however_they_are_pasted() {
        for typed in [
            "hans@example.org",
            " Hans@Example.ORG. ",
            "hans@example.org,",
            "\u{feff}hans@example.org\u{200b}",
            "Hans Maier <hans@example.org>",
            "\"Maier, Hans\" <hans@example.org>;",
            "<hans@example.org>",
            "<mailto:hans@example.org>",
            "mailto:hans@example.org?subject=Hallo%20Welt",
            "MAILTO:hans%40example.org",
            "„hans@example.org“",
            "(hans@example.org)",
        ] {
            assert_eq!(patterns(typed), ["%hans@example.org%"], "{typed}");
        }
    }

    #[test]
    fn little_is_left_as_it_is() {
        assert_eq!(patterns(".de"), ["%.de%"]);
        assert_eq!(patterns("a."), ["%a.%"]);
        assert_eq!(patterns(","), ["%,%"]);
        assert_eq!(patterns("\" OR \"").len(), 3);
        assert!(Needle::parse(" \u{200b}").is_empty());
        assert_eq!(Needle::parse("").condition("t", 1).0, "1 = 0");
        assert_eq!(Needle::parse("ab").trigrams(), None);
    }

    #[test]
    fn the_index_is_asked_for_every_form() {
        assert_eq!(
            Needle::parse("Bülo").trigrams().unwrap(),
            r#"(("bue" AND "uel" AND "elo") OR ("bul" AND "ulo"))"#
        );
        assert_eq!(Needle::parse("ab cde").trigrams().unwrap(), r#"(("cde"))"#);
    }

    #[test]
    fn equal_names_stand_apart_from_the_address_like_others() {
        let address = EmailAddress::parse("Info@Bücher.DE").unwrap();
        assert_eq!(
            search_text(&address, "Hans", "Hans"),
            "info@buecher.de\ninfo@bucher.de\ninfo@xn--bcher-kva.de\thans hans"
        );
        assert_eq!(search_text(&address, "", "").matches('\t').count(), 1);
    }
}
