//! Where the template language stands in a text, and the same text without it.
//!
//! A mailing's source is two languages at once: HTML, and minijinja's `{{ … }}`, `{% … %}` and
//! `{# … #}`. An HTML parser that meets `{% if a <b %}` sees a tag that nobody wrote. So every
//! look at the markup works on a *masked* copy: template syntax replaced by blanks of the same
//! length, so that byte positions in the copy are positions in the source.

use std::ops::Range;

/// One piece of template syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `{{ … }}`: prints a value.
    Value,
    /// `{% … %}`: conditions, loops.
    Block,
    /// `{# … #}`: prints nothing.
    Comment,
}

/// In the [shape](Masked::shape) of a source, template syntax is as many of these: neither a letter
/// nor a blank.
pub(crate) const SYNTAX: char = '\u{1a}';

/// Where one piece of template syntax stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    /// Byte range with the braces.
    pub(crate) range: Range<usize>,
}

/// A source text with its template syntax found and blanked out.
#[derive(Debug)]
pub(crate) struct Masked {
    /// The source with blanks for template syntax, byte for byte as long as the source.
    pub(crate) text: String,
    /// All template syntax in the order of the source.
    pub(crate) pieces: Vec<Piece>,
}

impl Masked {
    /// Finds and masks the template syntax of `source`.
    pub(crate) fn new(source: &str) -> Self {
        let pieces = find(source);
        let mut text = String::with_capacity(source.len());
        let mut done = 0;
        for piece in &pieces {
            text.push_str(&source[done..piece.range.start]);
            text.extend(std::iter::repeat_n(' ', piece.range.len()));
            done = piece.range.end;
        }
        text.push_str(&source[done..]);
        Self { text, pieces }
    }

    /// The source with [`SYNTAX`] for template syntax, byte for byte as long as the source.
    pub(crate) fn shape(&self) -> String {
        let mut shape = String::with_capacity(self.text.len());
        let mut done = 0;
        for piece in &self.pieces {
            shape.push_str(&self.text[done..piece.range.start]);
            shape.extend(std::iter::repeat_n(SYNTAX, piece.range.len()));
            done = piece.range.end;
        }
        shape.push_str(&self.text[done..]);
        shape
    }

    /// Does template syntax stand in this byte range, or directly before or behind it?
    pub(crate) fn touches(&self, range: &Range<usize>) -> bool {
        let first = self
            .pieces
            .partition_point(|piece| piece.range.end < range.start);
        self.pieces
            .get(first)
            .is_some_and(|piece| piece.range.start <= range.end)
    }

    /// Does template syntax stand inside this byte range?
    pub(crate) fn within(&self, range: &Range<usize>) -> bool {
        let first = self
            .pieces
            .partition_point(|piece| piece.range.end <= range.start);
        self.pieces
            .get(first)
            .is_some_and(|piece| piece.range.start < range.end)
    }

    /// The end of the template syntax that covers `position`, if any does.
    pub(crate) fn piece_end(&self, position: usize) -> Option<usize> {
        let next = self
            .pieces
            .partition_point(|piece| piece.range.end <= position);
        self.pieces
            .get(next)
            .filter(|piece| piece.range.start <= position)
            .map(|piece| piece.range.end)
    }
}

/// Finds all template syntax as minijinja's lexer does. What is not closed reaches to the end of
/// the text (compiling it will say so).
fn find(source: &str) -> Vec<Piece> {
    let bytes = source.as_bytes();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(offset) = source[at..].find('{') {
        let start = at + offset;
        let kind = match bytes.get(start + 1) {
            Some(b'{') => Kind::Value,
            Some(b'%') => Kind::Block,
            Some(b'#') => Kind::Comment,
            _ => {
                at = start + 1;
                continue;
            }
        };
        let end = match kind {
            Kind::Comment => source[start + 2..]
                .find("#}")
                .map_or(source.len(), |length| start + 2 + length + 2),
            Kind::Value => expression_end(bytes, start + 2, *b"}}"),
            Kind::Block => expression_end(bytes, start + 2, *b"%}"),
        };
        pieces.push(Piece {
            kind,
            range: start..end,
        });
        at = end;
        if kind == Kind::Block && word(&source[start..end]) == "raw" {
            // What stands in a raw block is plain text up to its end.
            at = end_of_raw(source, end);
        }
    }
    pieces
}

/// The position behind `close`, which does not count inside strings and brackets.
fn expression_end(bytes: &[u8], start: usize, close: [u8; 2]) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        if depth == 0 && bytes[at..].starts_with(&close) {
            return at + close.len();
        }
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The first word of a piece: the statement of a block, the name of a plain value.
pub(crate) fn word(piece: &str) -> &str {
    piece
        .trim_start_matches(['{', '%'])
        .trim_start_matches(['-', '+'])
        .trim_start()
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default()
}

/// The position of the `{% endraw %}` that ends a raw block, or the end of the text.
fn end_of_raw(source: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(offset) = source[at..].find("{%") {
        let found = at + offset;
        if word(&source[found..]) == "endraw" {
            return found;
        }
        at = found + 2;
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(source: &str) -> String {
        let masked = Masked::new(source);
        assert_eq!(masked.text.len(), source.len());
        masked.text
    }

    #[test]
    fn blanks_take_the_place_of_template_syntax() {
        assert_eq!(masked("Hallo {{ a }}!"), "Hallo        !");
        assert_eq!(masked("{% if a <b %}x{% endif %}").trim(), "x");
        assert_eq!(masked("a{# {{ b }} #}c"), "a             c");
        assert_eq!(masked("a { b } %} c"), "a { b } %} c");
    }

    #[test]
    fn strings_and_brackets_hide_the_closing_braces() {
        assert_eq!(masked(r#"{{ a|oder("}}") }}x"#).trim(), "x");
        assert_eq!(masked(r#"{{ a|oder("\"}}") }}x"#).trim(), "x");
        assert_eq!(masked(r#"{{ {"a": {"b": 1}} }}x"#).trim(), "x");
    }

    #[test]
    fn a_raw_block_is_plain_text() {
        assert_eq!(
            masked("{% raw %}a {{ b }}{%- endraw -%}c"),
            "         a {{ b }}              c"
        );
    }

    #[test]
    fn umlauts_and_unclosed_syntax_keep_positions() {
        assert_eq!(masked("ä{{ ö }}ü"), "ä        ü");
        assert_eq!(masked("ä{{ ö"), "ä     ");
        assert_eq!(masked(r#"{{ "\"#).trim(), "");
    }

    #[test]
    fn neighbours_are_told_apart_from_contents() {
        let masked = Masked::new("ab{{c}}de");
        assert!(masked.touches(&(0..2)) && !masked.within(&(0..2)));
        assert!(masked.touches(&(7..9)) && !masked.within(&(7..9)));
        assert!(!masked.touches(&(0..1)));
        assert!(masked.within(&(1..3)));
        assert_eq!(masked.piece_end(4), Some(7));
        assert_eq!(masked.piece_end(1), None);
    }
}
