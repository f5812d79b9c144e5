//! One tag, read as HTML's: values may lack quotes, attributes may lack values.

use std::ops::Range;

/// A start tag.
#[derive(Debug)]
pub(super) struct Tag {
    /// The names and values of its attributes.
    pub(super) attributes: Vec<(Range<usize>, Range<usize>)>,
    /// Behind its `>`.
    pub(super) end: usize,
    /// Whether it ends with `/>`.
    pub(super) closes_itself: bool,
}

/// The name of the tag that begins here, as it is written; empty if none does.
pub(super) fn name(tag: &str) -> &str {
    let name = tag.get(1..).unwrap_or_default();
    let name = name.strip_prefix('/').unwrap_or(name);
    if !tag.starts_with('<') || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return "";
    }
    let length = name
        .find(|c: char| c.is_ascii_whitespace() || matches!(c, '<' | '>' | '/'))
        .unwrap_or(name.len());
    &name[..length]
}

impl Tag {
    /// Reads the start tag that begins at `start`; `None` if it has no end.
    pub(super) fn read(text: &str, start: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let until = |from: usize, ends: fn(u8) -> bool| {
            let length = bytes[from..].iter().position(|byte| ends(*byte));
            length.map_or(bytes.len(), |length| from + length)
        };
        let mut at = start + 1 + name(&text[start..]).len();
        let mut attributes = Vec::new();
        let mut closes_itself = false;
        loop {
            match bytes.get(at)? {
                b'>' => {
                    return Some(Self {
                        attributes,
                        end: at + 1,
                        closes_itself,
                    });
                }
                b'/' => {
                    closes_itself = true;
                    at += 1;
                    continue;
                }
                byte if byte.is_ascii_whitespace() => {
                    at += 1;
                    continue;
                }
                _ => closes_itself = false,
            }
            let name_end = until(at + 1, |byte| {
                byte.is_ascii_whitespace() || matches!(byte, b'=' | b'>' | b'/')
            });
            let name = at..name_end;
            at = until(name_end, |byte| !byte.is_ascii_whitespace());
            if bytes.get(at) != Some(&b'=') {
                attributes.push((name, name_end..name_end));
                at = name_end;
                continue;
            }
            at = until(at + 1, |byte| !byte.is_ascii_whitespace());
            let first = *bytes.get(at)?;
            let value = if matches!(first, b'"' | b'\'') {
                let from = at + 1;
                let length = bytes[from..].iter().position(|byte| *byte == first)?;
                at = from + length + 1;
                from..from + length
            } else {
                let from = at;
                at = until(at, |byte| byte.is_ascii_whitespace() || byte == b'>');
                // `width=100/>` closes itself.
                if bytes.get(at) == Some(&b'>') && at > from && bytes[at - 1] == b'/' {
                    at -= 1;
                }
                from..at
            };
            attributes.push((name, value));
        }
    }
}
