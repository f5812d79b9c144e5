//! The words of a mail server's reply, without what is not its own: addresses, codes, punctuation.

use super::{StatusCode, rules};

/// How many words may stand in a gap of a pattern.
const GAP: usize = 5;

/// A text as plain words in lower case, umlauts written out, without apostrophes. Addresses are
/// left out, since their letters could be taken for words (`spam@…`); of a link its host is left.
pub(super) fn of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for token in text.split_whitespace() {
        let token = host_of_link(token).unwrap_or(token);
        for piece in token.split(|c: char| "<>()[]{}:;,\"=|".contains(c)) {
            let is_code = StatusCode::find_in(piece).is_some();
            if piece.contains('@') || is_code && !piece.contains(char::is_alphabetic) {
                continue;
            }
            add(piece, &mut words);
        }
    }
    for label in rules::LABELS {
        while let Some(at) = words.windows(label.len()).position(|words| words == *label) {
            words.drain(at..at + label.len());
        }
    }
    words
}

fn host_of_link(token: &str) -> Option<&str> {
    let (_, rest) = token.split_once("://")?;
    rest.split(['/', '?', '>', ')']).next()
}

fn add(piece: &str, words: &mut Vec<String>) {
    let mut word = String::new();
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            let word = std::mem::take(word);
            // Every line of a longer reply begins with its code (RFC 5321, 4.2.1).
            if reply_code(&word).is_none() {
                words.push(word);
            }
        }
    };
    for c in piece.chars() {
        match c {
            '\'' | '’' | '`' => {}
            'ä' | 'Ä' => word.push_str("ae"),
            'ö' | 'Ö' => word.push_str("oe"),
            'ü' | 'Ü' => word.push_str("ue"),
            'ß' => word.push_str("ss"),
            c if c.is_alphanumeric() => word.extend(c.to_lowercase()),
            _ => end(&mut word),
        }
    }
    end(&mut word);
}

/// A reply code that refuses (RFC 5321, 4.2.3; RFC 7504; and what servers use beside these).
pub(super) fn reply_code(word: &str) -> Option<u16> {
    let code = word.parse().ok().filter(|_| word.len() == 3)?;
    matches!(code, 421 | 431..=432 | 450..=455 | 471 | 500..=504 | 510..=521 | 530..=538 | 541..=557 | 570..=577)
        .then_some(code)
}

/// The reply codes in a text, in their order.
pub(super) fn reply_codes(text: &str) -> impl Iterator<Item = u16> + '_ {
    text.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_' || c == '@'))
        .filter_map(reply_code)
}

/// Whether the words hold those of a pattern one after the other. `...` stands for up to [`GAP`]
/// words, `*` at a word's end for any ending.
pub(super) fn hold(words: &[String], pattern: &str) -> bool {
    let pattern: Vec<&str> = pattern.split(' ').collect();
    (0..words.len()).any(|at| begins(&words[at..], &pattern))
}

fn begins(words: &[String], pattern: &[&str]) -> bool {
    match pattern.split_first() {
        None => true,
        Some((&"...", rest)) => {
            (0..=GAP.min(words.len())).any(|skipped| begins(&words[skipped..], rest))
        }
        Some((first, rest)) => words
            .split_first()
            .is_some_and(|(word, words)| is_word(word, first) && begins(words, rest)),
    }
}

fn is_word(word: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => word == pattern,
    }
}
