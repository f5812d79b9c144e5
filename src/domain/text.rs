//! Texts as people type and paste them: what can't be seen in them, how a name is stored, and the
//! forms in which a text is compared by the search.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Whether a character has no glyph and no width of its own: joiners, direction marks, soft hyphen,
/// byte order mark, variation selectors, Hangul fillers, tags (`Default_Ignorable_Code_Point` of
/// Unicode). They come along when texts are copied from web pages, mails and documents.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether an invisible character changes how its neighbours look: joiners and variation
/// selectors, as in emoji, Persian and the scripts of India.
fn shapes_its_neighbours(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// A name as it is stored: composed (NFC), on one line, trimmed, white space reduced to single
/// blanks, without invisible characters. Joiners and variation selectors stay between characters
/// beyond ASCII, where they are a part of what is seen.
pub fn clean_name(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut letters = name.nfc().peekable();
    let mut blank = false;
    while let Some(c) = letters.next() {
        if c.is_whitespace() {
            blank = !clean.is_empty();
            continue;
        }
        if is_invisible(c) {
            let is_part = shapes_its_neighbours(c)
                && !blank
                && clean
                    .chars()
                    .next_back()
                    .is_some_and(|last| !last.is_ascii())
                && letters.peek().is_none_or(|next| !next.is_ascii());
            if !is_part {
                continue;
            }
        }
        if std::mem::take(&mut blank) {
            clean.push(' ');
        }
        clean.push(c);
    }
    let end =
        clean.trim_end_matches(|c| is_invisible(c) && !('\u{fe00}'..='\u{fe0f}').contains(&c));
    // What was taken out may have stood between a letter and its accent.
    end.nfc().collect()
}

/// What makes two names the same name: neither case, nor white space, nor anything invisible
/// counts.
pub fn name_key(name: &str) -> String {
    let lower: String = clean_name(name)
        .chars()
        .filter(|c| !is_invisible(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ς' { 'σ' } else { c })
        .collect();
    lower.nfc().collect()
}

/// How letters are written for which people use several spellings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// `ä` as `ae`, `ø` as `oe`.
    Transcribed,
    /// `ä` as `a`, `ø` as `o`.
    Stripped,
    /// Like transcribed, and `å` as `aa`.
    DoubledRing,
}

/// The forms in which a text is compared by the search: lower case, compatibility characters
/// (full width, ligatures) as plain ones, without accents and invisible characters, white space as
/// single blanks. `ß` is `ss`. An umlaut gives two forms (`müller`: `mueller`, `muller`), so a text
/// is found by either, while `ue` stays `ue`: `neue` is not `neu`. The first form is the
/// transcribed one.
pub fn search_forms(text: &str) -> Vec<String> {
    let mut forms = vec![search_form(text, Spelling::Transcribed)];
    if !text.is_ascii() {
        for spelling in [Spelling::Stripped, Spelling::DoubledRing] {
            let form = search_form(text, spelling);
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

fn search_form(text: &str, spelling: Spelling) -> String {
    if text.is_ascii() {
        return ascii_form(text);
    }
    let mut form = String::with_capacity(text.len());
    let mut blank = false;
    // The last letter, which marks belong to.
    let mut letter = None;
    let decomposed = text
        .chars()
        // Decomposed, it would be a blank with an accent.
        .map(|c| if c == '´' { '\'' } else { c })
        .nfkd()
        .flat_map(char::to_lowercase);
    for c in decomposed {
        if c.is_whitespace() {
            (blank, letter) = (!form.is_empty(), None);
            continue;
        }
        if c.is_control() || is_invisible(c) {
            continue;
        }
        let is_transcribed = spelling != Spelling::Stripped;
        match (c, letter) {
            ('\u{308}' | '\u{30b}', Some('a' | 'o' | 'u')) if is_transcribed => {
                form.push('e');
                letter = None;
            }
            ('\u{30a}', Some('a')) if spelling == Spelling::DoubledRing => {
                form.push('a');
                letter = None;
            }
            _ if is_accent(c) => {}
            _ => {
                if std::mem::take(&mut blank) {
                    form.push(' ');
                }
                letter = Some(c);
                match plain(c, is_transcribed) {
                    Some(plain) => form.push_str(plain),
                    None => form.push(c),
                }
            }
        }
    }
    if form.is_ascii() {
        form
    } else {
        // Hangul, for example, was taken apart.
        form.nfc().collect()
    }
}

/// The one form of most texts.
fn ascii_form(text: &str) -> String {
    let mut form = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !form.is_empty() {
            form.push(' ');
        }
        let plain = word.chars().filter(|c| !c.is_control());
        form.extend(plain.map(|c| {
            if c == '`' {
                '\''
            } else {
                c.to_ascii_lowercase()
            }
        }));
    }
    form
}

/// Letters and signs that Unicode does not decompose, as they are typed on any keyboard.
fn plain(c: char, is_transcribed: bool) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' if is_transcribed => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ı' => "i",
        'ȷ' => "j",
        'ŋ' => "ng",
        'ŧ' => "t",
        'ĸ' => "k",
        'ς' => "σ",
        '‘' | '’' | '‛' | 'ʼ' | 'ʹ' | '′' | '`' => "'",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        _ => return None,
    })
}

/// Whether a mark may be left out without making another letter of it. Nuktas, the voicing marks
/// of kana and viramas (classes 7 to 9) may not.
fn is_accent(c: char) -> bool {
    !matches!(canonical_combining_class(c), 0 | 7..=9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_share_a_form() {
        for (text, typed) in [
            ("Müller", "mueller"),
            ("Müller", "muller"),
            ("Mu\u{308}ller", "mueller"),
            ("MÜLLER", "muller"),
            ("Großmann", "grossmann"),
            ("GROẞMANN", "grossmann"),
            ("Ångström", "angstroem"),
            ("Ångström", "angstrom"),
            ("Ågård", "aagaard"),
            ("Søren", "soeren"),
            ("Søren", "soren"),
            ("Kjær", "kjaer"),
            ("Lœuf", "loeuf"),
            ("Wałęsa", "walesa"),
            ("Đorđević", "dordevic"),
            ("İbrahim", "ibrahim"),
            ("Yılmaz", "yilmaz"),
            ("YILMAZ", "yilmaz"),
            ("Erdős", "erdos"),
            ("Citroën", "citroen"),
            ("Ｍａｘ", "max"),
            ("ﬁnk", "fink"),
            ("Hans\u{a0}\u{2003} Peter", "hans peter"),
            ("Do\u{ad}nau\u{200b}dampf\u{feff}", "donaudampf"),
            ("O’Brien", "o'brien"),
            ("O´Brien", "o'brien"),
            ("Anna\u{2011}Lena", "anna-lena"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("한국", "한국"),
        ] {
            assert!(
                search_forms(text).contains(&typed.to_owned()),
                "{text}: {:?}",
                search_forms(text)
            );
        }
    }

    #[test]
    fn what_is_no_umlaut_stays() {
        for text in ["bauer", "israel", "neue", "aloe", "100%_a+b."] {
            assert_eq!(search_forms(text), [text]);
        }
        assert_eq!(search_forms("がか"), ["がか"], "another letter");
    }

    #[test]
    fn names_are_composed_and_without_what_cannot_be_seen() {
        for (typed, clean) in [
            ("  Kunden\u{a0} Herbst\t2026 ", "Kunden Herbst 2026"),
            ("Gro\u{308}ße", "Größe"),
            ("\u{feff}Kun\u{ad}den\u{200b}", "Kunden"),
            ("Gro\u{200b}\u{308}ße", "Größe"),
            ("👨\u{200d}👩 Familien", "👨\u{200d}👩 Familien"),
            ("a\u{200d}b", "ab"),
            ("\u{200b}\u{2060}", ""),
            ("Ich ❤\u{fe0f}", "Ich ❤\u{fe0f}"),
        ] {
            assert_eq!(clean_name(typed), clean, "{typed:?}");
            assert_eq!(clean_name(clean), clean);
        }
        assert_eq!(name_key("GRO\u{308}SSE  x"), name_key("grösse\u{a0}x"));
        assert_eq!(name_key("❤\u{fe0f}"), name_key("❤"));
        assert_ne!(name_key("Größe"), name_key("Groesse"));
    }
}
