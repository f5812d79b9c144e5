//! An address in bytes, however it is written: in upper and lower case, punycode, URL encoding and
//! base64.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// How much of a file is held at once.
const PIECE: usize = 256 * 1024;

/// How many bytes around a match tell whether it is a whole address.
const AROUND: usize = 5;

/// What to look for.
pub struct Needles {
    automaton: AhoCorasick,
    /// Of each pattern, whether it is plain text: such a one may be a part of a longer address.
    is_plain: Vec<bool>,
    longest: usize,
}

impl Needles {
    /// All ways to write these addresses, which are given in all their spellings; none where there
    /// is nothing to look for.
    pub fn of(addresses: &[String]) -> Option<Self> {
        let mut patterns: Vec<(Vec<u8>, bool)> = Vec::new();
        for address in addresses {
            for form in [
                address.clone(),
                address.to_lowercase(),
                address.to_uppercase(),
            ] {
                let encoded: String =
                    url::form_urlencoded::byte_serialize(form.as_bytes()).collect();
                patterns.push((encoded.into_bytes(), true));
                patterns.push((form.replace('@', "%40").into_bytes(), true));
                let shifted = (0..3).filter_map(|shift| in_base64(form.as_bytes(), shift));
                patterns.extend(shifted.map(|pattern| (pattern, false)));
                patterns.push((form.into_bytes(), true));
            }
        }
        patterns.sort_unstable();
        patterns.dedup();
        if patterns.is_empty() {
            return None;
        }
        let (patterns, is_plain): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        let longest = patterns.iter().map(Vec::len).max().unwrap_or_default();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(patterns)
            .ok()?;
        Some(Self {
            automaton,
            is_plain,
            longest,
        })
    }

    /// Whether bytes hold one of the needles, also as a part of a longer address.
    pub fn touch(&self, bytes: &[u8]) -> bool {
        self.automaton.is_match(bytes)
    }

    /// The same of a file; read in pieces, whatever its size.
    ///
    /// # Errors
    /// Fails when the file can't be read.
    pub fn touch_file(&self, path: &Path) -> std::io::Result<bool> {
        let file = BufReader::with_capacity(PIECE, File::open(path)?);
        let mut found = self.automaton.stream_find_iter(file);
        Ok(found.next().transpose()?.is_some())
    }

    /// Whether bytes hold one of the addresses, whole.
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        self.are_between(bytes, 0, true)
    }

    /// Whether a file holds one of the addresses, whole; read in pieces, whatever its size.
    ///
    /// # Errors
    /// Fails when the file can't be read.
    pub fn are_in_file(&self, path: &Path) -> std::io::Result<bool> {
        self.are_read(File::open(path)?)
    }

    fn are_read(&self, mut source: impl Read) -> std::io::Result<bool> {
        let kept = self.longest + 2 * AROUND;
        let mut buffer = vec![0; PIECE.max(4 * kept)];
        let (mut filled, mut known) = (0, 0);
        loop {
            let read = source.read(&mut buffer[filled..])?;
            filled += read;
            if read > 0 && filled < buffer.len() {
                continue;
            }
            let ended = read == 0;
            if self.are_between(&buffer[..filled], known, ended) {
                return Ok(true);
            }
            if ended {
                return Ok(false);
            }
            // What stands at the very end is looked at again with what follows it; what begins
            // within the first bytes that are kept ended before, and was looked at.
            buffer.copy_within(filled - kept..filled, 0);
            filled = kept;
            known = AROUND;
        }
    }

    /// Looks at what begins behind `known`, and where the text goes on, ends well before its end.
    fn are_between(&self, bytes: &[u8], known: usize, ended: bool) -> bool {
        self.automaton
            .find_overlapping_iter(bytes)
            .filter(|found| found.start() >= known)
            .filter(|found| ended || found.end() + AROUND <= bytes.len())
            .any(|found| {
                !self.is_plain[found.pattern().as_usize()]
                    || (!goes_on_before(&bytes[..found.start()])
                        && !goes_on_behind(&bytes[found.end()..]))
            })
    }
}

/// Whether an address that begins behind these bytes is the end of a longer one.
fn goes_on_before(bytes: &[u8]) -> bool {
    // "mail%3Danna@example.org": the D belongs to the encoded sign.
    if let [.., b'%', high, low] = bytes
        && high.is_ascii_hexdigit()
        && low.is_ascii_hexdigit()
    {
        return false;
    }
    let last = (1..=AROUND)
        .filter_map(|length| bytes.get(bytes.len().checked_sub(length)?..))
        .find_map(|end| std::str::from_utf8(end).ok()?.chars().next());
    last.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '+' | '_' | '-'))
}

/// Whether an address that ends before these bytes is the beginning of a longer one.
fn goes_on_behind(bytes: &[u8]) -> bool {
    let bytes = match bytes {
        // A dot or hyphen may end a sentence, or lead on.
        [b'.' | b'-', rest @ ..] => rest,
        _ => bytes,
    };
    let next = (1..=AROUND)
        .filter_map(|length| bytes.get(..length))
        .find_map(|begin| std::str::from_utf8(begin).ok()?.chars().next());
    next.is_some_and(char::is_alphanumeric)
}

/// How bytes look inside base64 when `shift` bytes stand before them in their group of three:
/// only the characters that depend on nothing around them.
fn in_base64(bytes: &[u8], shift: usize) -> Option<Vec<u8>> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(bytes);
    let encoded = STANDARD_NO_PAD.encode(&padded).into_bytes();
    let first = (shift * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Needles {
        Needles::of(&["anna@example.org".to_owned()]).unwrap()
    }

    #[test]
    fn addresses_are_found_however_they_are_written() {
        let needles = anna();
        for text in [
            "x anna@example.org y",
            "ANNA@Example.ORG",
            "mail=anna%40example.org",
            "https://example.com/?mail%3Danna%40example.org&x",
            "<anna@example.org>",
            "Schreiben Sie anna@example.org.",
            "„anna@example.org“",
            "\u{a0}anna@example.org\u{a0}",
        ] {
            assert!(needles.are_in(text.as_bytes()), "{text}");
        }
        for before in ["", "a", "ab", "abc"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}anna@example.org and more"));
            assert!(needles.are_in(encoded.as_bytes()), "{encoded}");
        }
        assert!(Needles::of(&[]).is_none());
    }

    #[test]
    fn a_part_of_a_longer_address_is_another_one() {
        let needles = anna();
        for text in [
            "hanna@example.org",
            "jo.anna@example.org",
            "jo-anna@example.org",
            "änna hänna@example.org öanna@example.org",
            "anna@example.org.uk",
            "anna@example.organic",
            "anna@example.org-shop.de",
            "anna@example.com",
        ] {
            assert!(!needles.are_in(text.as_bytes()), "{text}");
        }
        assert!(needles.are_in(b"hanna@example.org, anna@example.org"));
    }

    #[test]
    fn a_file_is_read_in_pieces() {
        let needles = anna();
        for at in (PIECE - 60)..(PIECE + 20) {
            for (text, is_whole) in [
                (" anna@example.org ", true),
                ("hanna@example.org ", false),
                (" anna@example.organic ", false),
            ] {
                let mut bytes = vec![b' '; at];
                bytes.extend_from_slice(text.as_bytes());
                assert_eq!(
                    needles.are_read(&bytes[..]).unwrap(),
                    is_whole,
                    "{at} {text}"
                );
                bytes.resize(3 * PIECE, b' ');
                assert_eq!(
                    needles.are_read(&bytes[..]).unwrap(),
                    is_whole,
                    "{at} {text}"
                );
            }
        }
    }
}
