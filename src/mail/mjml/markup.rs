//! Where in an MJML source elements, texts and nothing but other elements stand.

use std::ops::Range;

use crate::mail::personalise::TemplateProblem;

/// Elements whose content is text or HTML.
const WITH_TEXT: [&str; 11] = [
    "mj-text",
    "mj-button",
    "mj-table",
    "mj-raw",
    "mj-accordion-title",
    "mj-accordion-text",
    "mj-navbar-link",
    "mj-social-element",
    "mj-style",
    "mj-title",
    "mj-preview",
];

/// HTML elements without content (as MJML's parser knows them).
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// How deep elements may stand inside each other: each costs the parser's stack.
const DEEPEST: usize = 100;

/// What a look at the source found.
pub(super) struct Markup {
    /// Where `<mjml` begins.
    pub(super) root: usize,
    /// The places between elements where MJML has no texts, in order.
    between: Vec<Range<usize>>,
    /// Every `>` that stands in a text and ends nothing, in order.
    signs: Vec<usize>,
}

impl Markup {
    /// Looks at a source; in `text` its template syntax is blank (and so are line breaks there).
    ///
    /// # Errors
    /// Elements nest too deep.
    pub(super) fn of(source: &str, text: &str) -> Result<Self, TemplateProblem> {
        let root = text.find("<mjml").unwrap_or(text.len());
        let mut markup = Self {
            root,
            between: Vec::new(),
            signs: Vec::new(),
        };
        let (mut at, mut open) = (root, Vec::new());
        // The element with texts that is open, and the place behind the last tag.
        let mut inside: Option<&str> = None;
        while let Some(offset) = text[at..].find('<') {
            let start = at + offset;
            markup.note_signs(text, at..start);
            if inside.is_none() {
                markup.between.push(at..start);
            }
            let rest = &text[start..];
            let name = name(rest);
            if rest.starts_with("<!--") && !rest.starts_with("<!--[") {
                at = rest
                    .find("-->")
                    .map_or(text.len(), |length| start + length + 3);
                continue;
            }
            if name.is_empty() {
                at = start + 1;
                if inside.is_none() {
                    // A marker of a conditional comment, or a mistake: the parser will say so.
                    at = rest
                        .find('>')
                        .map_or(text.len(), |length| start + length + 1);
                }
                continue;
            }
            let end = end_of_tag(text, start);
            at = end;
            if rest.starts_with("</") {
                let opened: &str = open.pop().unwrap_or_default();
                if opened != name && (opened.starts_with("mj") || name.starts_with("mj")) {
                    return Err(unbalanced(source, start, opened, name));
                }
                if inside == Some(name) {
                    inside = None;
                }
            } else if !text[start..end].ends_with("/>") && !VOID.contains(&name) {
                open.push(name);
                if open.len() > DEEPEST {
                    return Err(TemplateProblem {
                        line: source[..start].matches('\n').count() + 1,
                        message: "Die Elemente sind zu tief verschachtelt.".to_owned(),
                    });
                }
                if inside.is_none() && WITH_TEXT.contains(&name) {
                    inside = Some(name);
                }
            }
        }
        markup.note_signs(text, at..text.len());
        markup.between.retain(|range| !range.is_empty());
        Ok(markup)
    }

    fn note_signs(&mut self, text: &str, of: Range<usize>) {
        let signs = text[of.clone()].match_indices('>');
        self.signs.extend(signs.map(|(at, _)| of.start + at));
    }

    /// Every `>` in this part of the source that stands in a text.
    pub(super) fn signs_in(&self, part: &Range<usize>) -> &[usize] {
        let first = self.signs.partition_point(|at| *at < part.start);
        let behind = self.signs.partition_point(|at| *at < part.end);
        &self.signs[first..behind]
    }

    /// Does this byte stand between elements, where MJML has no texts?
    pub(super) fn is_between_elements(&self, at: usize) -> bool {
        let next = self.between.partition_point(|range| range.end <= at);
        self.between
            .get(next)
            .is_some_and(|range| range.start <= at)
    }
}

/// How a marker of a conditional comment begins (for Outlook, as in `<!--[if mso]>`).
const CONDITIONS: [&str; 4] = ["<!--[if", "<![if", "<!--<![endif", "<![endif"];

/// Where the first marker of a conditional comment begins that has no end: the parser panics there.
pub(super) fn broken_condition(text: &str) -> Option<usize> {
    let places = text.match_indices('<').map(|(at, _)| at);
    let mut markers = places
        .filter(|at| CONDITIONS.iter().any(|one| text[*at..].starts_with(one)))
        // The second half of `<!--<![endif]-->`.
        .filter(|at| !text[..*at].ends_with("<!--"));
    markers.find(|at| !is_whole_condition(&text[*at..]))
}

fn is_whole_condition(rest: &str) -> bool {
    let Some((before, behind)) = rest.split_once(']') else {
        return false;
    };
    let ends = behind.starts_with('>') || behind.starts_with("-->");
    ends && (before == "<![endif" || !before.starts_with("<![endif"))
}

/// The parser pairs tags whatever their names are; what comes of it is not what was meant.
fn unbalanced(source: &str, at: usize, opened: &str, closed: &str) -> TemplateProblem {
    TemplateProblem {
        line: source[..at].matches('\n').count() + 1,
        message: if opened.is_empty() {
            format!("Hier wird „{closed}“ geschlossen, aber nichts ist offen.")
        } else {
            format!("Hier wird „{closed}“ geschlossen, offen ist aber noch „{opened}“.")
        },
    }
}

/// The name of the tag that begins here; empty if none does.
fn name(tag: &str) -> &str {
    let name = tag[1..].strip_prefix('/').unwrap_or(&tag[1..]);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return "";
    }
    let length = name
        .find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))
        .unwrap_or(name.len());
    &name[..length]
}

/// Behind the `>` of a tag; one between quotes does not count.
fn end_of_tag(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut quote = None;
    // MJML has no values without quotes, so a quote begins a value behind `=` only.
    let mut before = b' ';
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        match quote {
            Some(open) if byte == open => quote = None,
            None if byte == b'>' => return at,
            None if matches!(byte, b'"' | b'\'') && before == b'=' => quote = Some(byte),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    bytes.len()
}
