//! The value of an HTML attribute, read and written as a browser does it.
//!
//! lol_html hands out attribute values raw and takes them raw, so character references are ours.
//! Source of the rules: WHATWG HTML, 13.2.5.72–80 (character reference states) and the special
//! case there for attributes: `&copy=1` in an address is no copyright sign.

use std::borrow::Cow;

/// Names that count without a semicolon (WHATWG HTML, 13.5: those listed without one).
const WITHOUT_SEMICOLON: &[&str] = &[
    "AElig", "AMP", "Aacute", "Acirc", "Agrave", "Aring", "Atilde", "Auml", "COPY", "Ccedil",
    "ETH", "Eacute", "Ecirc", "Egrave", "Euml", "GT", "Iacute", "Icirc", "Igrave", "Iuml", "LT",
    "Ntilde", "Oacute", "Ocirc", "Ograve", "Oslash", "Otilde", "Ouml", "QUOT", "REG", "THORN",
    "Uacute", "Ucirc", "Ugrave", "Uuml", "Yacute", "aacute", "acirc", "acute", "aelig", "agrave",
    "amp", "aring", "atilde", "auml", "brvbar", "ccedil", "cedil", "cent", "copy", "curren", "deg",
    "divide", "eacute", "ecirc", "egrave", "eth", "euml", "frac12", "frac14", "frac34", "gt",
    "iacute", "icirc", "iexcl", "igrave", "iquest", "iuml", "laquo", "lt", "macr", "micro",
    "middot", "nbsp", "not", "ntilde", "oacute", "ocirc", "ograve", "ordf", "ordm", "oslash",
    "otilde", "ouml", "para", "plusmn", "pound", "quot", "raquo", "reg", "sect", "shy", "sup1",
    "sup2", "sup3", "szlig", "thorn", "times", "uacute", "ucirc", "ugrave", "uml", "uuml",
    "yacute", "yen", "yuml",
];

/// What the numbers 128–159 mean in a character reference (WHATWG HTML, 13.2.5.80): Windows-1252.
const C1: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2C6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}', '\u{178}',
];

/// The value that a browser reads from this raw attribute value.
pub(crate) fn decode(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['&', '\r']) {
        return Cow::Borrowed(raw);
    }
    // Line ends are made one before HTML is tokenised.
    let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw.as_str();
    while let Some(at) = rest.find('&') {
        value.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((text, length)) = reference(rest) {
            value.push_str(&text);
            rest = &rest[length..];
        } else {
            value.push('&');
            rest = &rest[1..];
        }
    }
    value.push_str(rest);
    Cow::Owned(value)
}

/// The raw attribute value, safe between quotes of both kinds, that is read as `value`.
pub(crate) fn encode(value: &str) -> Cow<'_, str> {
    html_escape::encode_quoted_attribute(value)
}

/// Reads the character reference at the start of `text`: what it stands for, and its length.
fn reference(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let body = &text[1..];
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, lead) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16, 3),
            None => (number, 10, 2),
        };
        let length = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        if length == 0 {
            return None;
        }
        let character = numbered(u32::from_str_radix(&digits[..length], radix).ok());
        let semicolon = usize::from(digits[length..].starts_with(';'));
        return Some((Cow::Owned(character.to_string()), lead + length + semicolon));
    }
    let length = body
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(body.len());
    let name = &body[..length];
    if body[length..].starts_with(';') {
        let whole = &text[..length + 2];
        let decoded = html_escape::decode_html_entities(whole);
        return (decoded != whole).then_some((decoded, whole.len()));
    }
    let known = WITHOUT_SEMICOLON.contains(&name) && !body[length..].starts_with('=');
    known.then(|| {
        let decoded = html_escape::decode_html_entities(&format!("&{name};")).into_owned();
        (Cow::Owned(decoded), length + 1)
    })
}

/// The character of a numeric reference; `None` is a number too large to read.
fn numbered(number: Option<u32>) -> char {
    match number {
        Some(number @ 0x80..=0x9F) => C1[number as usize - 0x80],
        Some(number @ 1..) => char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scraper::{Html, Selector};

    /// What a browser's parser reads.
    fn parsed(raw: &str) -> String {
        let document = Html::parse_document(&format!("<a title=\"{raw}\">x</a>"));
        let selector = Selector::parse("a").unwrap();
        let element = document.select(&selector).next().unwrap();
        element.value().attr("title").unwrap().to_owned()
    }

    #[test]
    fn addresses_keep_their_ampersands() {
        for (raw, value) in [
            ("a&amp;b", "a&b"),
            ("a&b=1&c=2", "a&b=1&c=2"),
            ("a&copy=1", "a&copy=1"),
            ("a&copy2", "a&copy2"),
            ("a&copy", "a©"),
            ("a&copy-", "a©-"),
            ("a&amp", "a&"),
            ("a&#38;b&#x26;c&#38d", "a&b&c&d"),
            (
                "&#128;&#x9c;&#0;&#xD800;&#99999999999;",
                "€œ\u{FFFD}\u{FFFD}\u{FFFD}",
            ),
            ("&#;&#x;&;&", "&#;&#x;&;&"),
            ("&nosuch;&auml;&lang;", "&nosuch;ä⟨"),
        ] {
            assert_eq!(decode(raw), value, "{raw}");
            assert_eq!(parsed(raw), value, "{raw}");
        }
    }

    #[test]
    fn every_name_without_semicolon_is_read_as_by_a_browser() {
        assert_eq!(WITHOUT_SEMICOLON.len(), 106);
        for name in WITHOUT_SEMICOLON {
            for end in ["", "=", "x", ";", " "] {
                let raw = format!("x&{name}{end}");
                assert_eq!(decode(&raw), parsed(&raw), "{raw}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_raw_value_is_read_as_by_a_browser(raw in r"([a-zA-Z0-9#;&=?/ äß%'<>\r\n]|&(amp|lt|copy|uml|auml|not|notin|Aacute|reg|para|sect)[;=]?|&#x?[0-9a-f]{1,5};?){0,30}") {
            prop_assert_eq!(decode(&raw), parsed(&raw));
        }

        #[test]
        fn what_is_encoded_is_read_back(value in r"[^\x00\r]{0,40}") {
            prop_assert_eq!(parsed(&encode(&value)), value.as_str());
            let encoded = encode(&value);
            prop_assert_eq!(decode(&encoded), value.as_str());
        }
    }
}
