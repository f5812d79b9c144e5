//! What of a source depends on the template language: which elements are there, which classes they
//! have, and which neighbours.

use std::ops::Range;

use crate::mail::syntax::{Kind, Masked, SYNTAX, word};
use crate::mail::tag::{self, Tag};

/// Elements without content.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Parts of a source that are there or not, or several times.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Each branch of a condition or loop.
    branches: Vec<Range<usize>>,
    /// Whether a branch opens an element that it does not close.
    pub(super) cross_elements: bool,
}

impl Conditions {
    /// Finds them. `shape` is the source with [`SYNTAX`] in place of template syntax; what stands
    /// in `tags` changes attributes only.
    pub(super) fn find(source: &str, masked: &Masked, shape: &str, tags: &[Range<usize>]) -> Self {
        let mut found = Self::default();
        let mut open: Vec<usize> = Vec::new();
        for piece in masked
            .pieces
            .iter()
            .filter(|piece| piece.kind == Kind::Block)
        {
            let next = tags.partition_point(|tag| tag.end <= piece.range.start);
            if tags
                .get(next)
                .is_some_and(|tag| tag.start < piece.range.start)
            {
                continue;
            }
            let statement = word(&source[piece.range.clone()]);
            if matches!(statement, "elif" | "else" | "endif" | "endfor")
                && let Some(start) = open.pop()
            {
                found.branches.push(start..piece.range.start);
            }
            if matches!(statement, "if" | "for" | "elif" | "else") {
                open.push(piece.range.end);
            }
        }
        found.cross_elements = found
            .branches
            .iter()
            .any(|branch| !is_balanced(&shape[branch.clone()]));
        found
    }

    /// Whether all elements are always there.
    pub(super) const fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// Whether this place is there under a condition only.
    pub(super) fn contain(&self, at: usize) -> bool {
        self.branches.iter().any(|branch| branch.contains(&at))
    }
}

/// Does markup close what it opens, and nothing else?
fn is_balanced(markup: &str) -> bool {
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(offset) = markup[at..].find('<') {
        let start = at + offset;
        let rest = &markup[start..];
        if rest.starts_with("<!--") {
            at = rest
                .find("-->")
                .map_or(markup.len(), |length| start + length + 3);
            continue;
        }
        let name = tag::name(rest).to_ascii_lowercase();
        at = start + 1;
        if name.is_empty() {
            continue;
        }
        if rest.starts_with("</") {
            if open.pop() != Some(name) {
                return false;
            }
        } else {
            let Some(tag) = Tag::read(markup, start) else {
                return false;
            };
            at = tag.end;
            if !VOID.contains(&name.as_str()) && !tag.closes_itself {
                open.push(name);
            }
        }
    }
    open.is_empty()
}

/// The words of a `class` or `id` that are there in any case.
pub(super) fn certain_words(source: &str, masked: &Masked, value: &Range<usize>) -> String {
    let mut joined = String::new();
    let mut depth = 0_usize;
    let mut done = value.start;
    for piece in &masked.pieces {
        if piece.range.start < value.start || piece.range.end > value.end {
            continue;
        }
        if depth == 0 {
            joined.push_str(&source[done..piece.range.start]);
        }
        done = piece.range.end;
        joined.push(SYNTAX);
        match (piece.kind, word(&source[piece.range.clone()])) {
            (Kind::Block, "if" | "for") => depth += 1,
            (Kind::Block, "endif" | "endfor") => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if depth == 0 {
        joined.push_str(&source[done..value.end]);
    }
    // What touches template syntax may be a part of a word.
    let words = joined
        .split_ascii_whitespace()
        .filter(|word| !word.contains(SYNTAX));
    words.collect::<Vec<_>>().join(" ")
}
