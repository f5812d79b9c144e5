//! Which encoding a file is in, guessed from its bytes.
//!
//! Encodings of one byte per character can only be told apart by what the text would say: each is
//! tried, and every character beyond ASCII is weighed in its word. Windows-1252 is taken unless
//! another one is clearly better.

use std::io::{self, ErrorKind, Read};

use super::decode::{CHUNK_BYTES, decoded};
use super::dialect::Encoding;

/// The encodings of one byte per character, besides Windows-1252. Of two that read a text alike the
/// first is taken.
const OTHERS: [Encoding; 6] = [
    Encoding::MacRoman,
    Encoding::Ibm850,
    Encoding::Ibm437,
    Encoding::Windows1254,
    Encoding::Windows1250,
    Encoding::Windows1251,
];

/// By how much another encoding has to be better than Windows-1252: in all, and on average of the
/// characters that it reads otherwise.
const MIN_ADVANTAGE: usize = 15;
const MIN_AVERAGE_ADVANTAGE: usize = 6;

/// By how much it has to be better than the next one that reads another text.
const MIN_LEAD: usize = 10;

/// The encoding of a file that begins with `sample`; where that is all ASCII, reads on to the first
/// character that is not.
pub(super) fn guess_encoding(sample: &[u8], file: &mut impl Read) -> io::Result<Encoding> {
    if sample.starts_with(b"\xef\xbb\xbf") {
        return Ok(Encoding::Utf8);
    }
    if sample.starts_with(b"\xff\xfe") {
        return Ok(Encoding::Utf16Le);
    }
    if sample.starts_with(b"\xfe\xff") {
        return Ok(Encoding::Utf16Be);
    }
    if let Some(encoding) = utf_16_without_mark(sample) {
        return Ok(encoding);
    }
    let mut window = sample.to_vec();
    loop {
        match weigh(&window) {
            Evidence::Utf8 => return Ok(Encoding::Utf8),
            Evidence::SingleByte => return Ok(single_byte(&window)),
            Evidence::None { tail } => {
                let more = read_chunk(file)?;
                if more.is_empty() {
                    // A file of ASCII alone is UTF-8; one cut within a character is not.
                    return Ok(if tail == 0 {
                        Encoding::Utf8
                    } else {
                        Encoding::Windows1252
                    });
                }
                window.drain(..window.len() - tail);
                window.extend_from_slice(&more);
            }
        }
    }
}

enum Evidence {
    Utf8,
    SingleByte,
    /// Only ASCII so far, except for `tail` bytes at the end that can begin a character.
    None {
        tail: usize,
    },
}

/// Umlauts in Windows-1252 hardly ever form valid UTF-8, so the majority decides; a single bad
/// byte in a UTF-8 file does not turn all its umlauts into garbage.
fn weigh(bytes: &[u8]) -> Evidence {
    let (mut valid, mut invalid, mut tail) = (0_usize, 0_usize, 0);
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_ascii() {
            valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        }
        invalid += usize::from(!chunk.invalid().is_empty());
        tail = chunk.invalid().len();
    }
    // At the very end an incomplete character is no mistake: the piece ends there.
    let cut = tail > 0
        && std::str::from_utf8(&bytes[bytes.len() - tail..])
            .is_err_and(|e| e.error_len().is_none());
    if cut {
        invalid -= 1;
    } else {
        tail = 0;
    }
    match (valid, invalid) {
        (0, 0) => Evidence::None { tail },
        _ if valid > invalid => Evidence::Utf8,
        _ => Evidence::SingleByte,
    }
}

/// Half of UTF-16 text is zeros, wherever it is ASCII: the delimiters and addresses are.
fn utf_16_without_mark(sample: &[u8]) -> Option<Encoding> {
    let zeros = |parity: usize| {
        let halves = sample.iter().skip(parity).step_by(2);
        halves.filter(|byte| **byte == 0).count()
    };
    let (units, first, second) = (sample.len() / 2, zeros(0), zeros(1));
    let is_half = |zeros: usize| units > 3 && zeros * 10 >= units * 3;
    let is_rare = |zeros: usize| zeros * 50 <= units;
    match (first, second) {
        (first, second) if is_half(second) && is_rare(first) => Some(Encoding::Utf16Le),
        (first, second) if is_half(first) && is_rare(second) => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Which encoding of one byte per character makes words of these bytes.
fn single_byte(bytes: &[u8]) -> Encoding {
    let usual_text = decoded(bytes, Encoding::Windows1252);
    let usual = implausibility(&usual_text);
    let mut tried: Vec<(usize, Encoding, String)> = OTHERS
        .into_iter()
        .map(|encoding| {
            let text = decoded(bytes, encoding);
            (implausibility(&text), encoding, text)
        })
        .collect();
    // Stable: the first of equals stays the first.
    tried.sort_by_key(|(implausibility, ..)| *implausibility);
    let (best, encoding, text) = &tried[0];
    let next = tried.iter().find(|(.., other)| other != text);
    let advantage = usual.saturating_sub(*best);
    let pairs = usual_text.chars().zip(text.chars());
    let differing = pairs.filter(|(usual, other)| usual != other).count();
    let leads = next.is_none_or(|(next, ..)| next - best >= MIN_LEAD);
    if advantage >= MIN_ADVANTAGE && advantage >= MIN_AVERAGE_ADVANTAGE * differing && leads {
        *encoding
    } else {
        Encoding::Windows1252
    }
}

/// How little the characters beyond ASCII fit into their words, and into a list of people in
/// Germany. Zero for umlauts where they belong.
fn implausibility(text: &str) -> usize {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: Option<usize>| index.and_then(|at| chars.get(at)).copied().unwrap_or(' ');
    let weigh = |index: usize| {
        let before = at(index.checked_sub(1));
        let after = at(Some(index + 1));
        let c = chars[index];
        if c.is_control() || c == char::REPLACEMENT_CHARACTER {
            60
        } else if c.is_alphabetic() {
            of_letter(c, before, after) + 15 * usize::from(is_in_run(&chars, index))
        } else {
            of_sign(c, before, after)
        }
    };
    (0..chars.len())
        .filter(|index| !chars[*index].is_ascii())
        .map(weigh)
        .sum()
}

/// Three letters beyond ASCII in a row are no Latin word.
fn is_in_run(chars: &[char], index: usize) -> bool {
    let is_odd = |c: &char| !c.is_ascii() && c.is_alphabetic() && !is_cyrillic(*c);
    index >= 2 && chars[index - 2..=index].iter().all(is_odd)
}

const fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{4ff}')
}

fn of_sign(c: char, before: char, after: char) -> usize {
    const QUOTES_AND_DASHES: &str = "„“”‚‘’«»‹›–—…\u{a0}\u{ad}";
    let is_usual = QUOTES_AND_DASHES.contains(c);
    match (before.is_alphabetic(), after.is_alphabetic()) {
        (true, true) if matches!(c, '’' | '\u{ad}' | '–') => 3,
        (true, true) => 50,
        _ if is_usual && c != '…' => 5,
        (false, true) => 30,
        (true, false) => 15,
        (false, false) => 5,
    }
}

fn of_letter(c: char, before: char, after: char) -> usize {
    let is_vowel = |c: char| "aeiouyäöüáéíóúýàèìòùâêîôûåæøœëïãõěůőűı".contains(lower(c));
    let is_consonant = |c: char| c.is_alphabetic() && !is_vowel(c);
    let mut weight: usize = match lower(c) {
        'ä' | 'ö' | 'ü' | 'ß' => 0,
        'а'..='я' | 'ё' | 'є' | 'і' | 'ї' | 'ґ' => 2,
        'š' | 'ž' => 5,
        'ã' | 'õ' if matches!(after, 'o' | 'e') => 10,
        // Czech ends in the one, Turkish has the other within.
        'ý' => 10 + 15 * usize::from(after.is_alphabetic()),
        'ı' => 15 - 7 * usize::from(after.is_alphabetic()),
        c if "éèêëàáâçñóòôíîïúùøåæąćđęłńśźżčďěňřťůőűľğş".contains(c) => {
            10
        }
        c if "þðœìûãõăţĺŕÿ".contains(c) => 20,
        _ => 30,
    };
    if is_cyrillic(c) {
        let mixed = before.is_ascii_alphabetic() || after.is_ascii_alphabetic();
        return weight + 40 * usize::from(mixed);
    }
    let within = before.is_alphabetic() && after.is_lowercase();
    if c.is_uppercase() && (before.is_lowercase() || within) {
        weight += 40;
    }
    if is_vowel(c) {
        if is_vowel(before) && is_vowel(after) {
            weight += 15;
        } else if matches!(lower(c), 'æ' | 'ø') && (is_vowel(before) || is_vowel(after)) {
            weight += 10;
        }
        let is_umlaut = matches!(lower(c), 'ä' | 'ö' | 'ü');
        if is_umlaut && (matches!(before, 'a' | 'o' | 'u') || matches!(after, 'a' | 'i' | 'o')) {
            weight += 10;
        }
    } else if is_consonant(before) && is_consonant(after) && lower(c) != 'ß' {
        weight += 10;
    }
    weight
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Up to 64 KiB, fewer only at the end of the file.
pub(super) fn read_chunk(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut length = 0;
    while length < chunk.len() {
        match file.read(&mut chunk[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    chunk.truncate(length);
    Ok(chunk)
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
