//! Reads MJML as the reference implementation does: leniently. The content of elements with text
//! is not looked into, but for where it ends.
//!
//! Everything is a byte range of the source, so that nothing the author wrote is changed.

use std::ops::Range;

use super::vocabulary::{self, Kind};
use crate::mail::personalise::TemplateProblem;
use crate::mail::syntax::{Kind as SyntaxKind, Masked, SYNTAX};
use crate::mail::tag::{self, Tag};
use text::{BROKEN_COMMENT, BROKEN_CONDITION, closes_other, comment_end, condition_is_whole};

mod text;

/// How deep elements may stand inside each other: each costs the renderer's stack.
const MAX_DEPTH: usize = 100;

/// An attribute and its raw value.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    /// Its name, in lower case.
    pub(super) name: String,
    /// Its value without quotes.
    pub(super) value: Range<usize>,
}

/// An element of MJML.
#[derive(Debug)]
pub(super) struct Element {
    /// What it is.
    pub(super) kind: &'static Kind,
    /// Where its tag begins.
    pub(super) start: usize,
    /// Its attributes; of several with one name the first.
    pub(super) attributes: Vec<Attribute>,
    /// What stands in it.
    pub(super) children: Vec<Node>,
    /// The content of an element with text.
    pub(super) text: Range<usize>,
}

/// What stands between elements.
#[derive(Debug)]
pub(super) enum Node {
    /// An element of MJML.
    Element(Element),
    /// A tag or text of HTML, a conditional comment, or template syntax.
    Raw(Range<usize>),
    /// A comment.
    Comment(Range<usize>),
}

/// What is read otherwise than it may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The line of the MJML, counted from one.
    pub line: usize,
    /// What, in German.
    pub what: String,
    /// What to do, in German.
    pub advice: String,
}

/// An MJML document.
#[derive(Debug)]
pub(super) struct Document {
    /// The element `mjml`.
    pub(super) root: Element,
    /// Template syntax in front of it.
    pub(super) before: Vec<Range<usize>>,
    /// Template syntax behind it.
    pub(super) after: Vec<Range<usize>>,
    /// What is odd, in the order of the source.
    pub(super) oddities: Vec<Oddity>,
}

/// Where the element `mjml` begins, if this is MJML.
pub(super) fn root(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | SYNTAX);
        let rest = text[at..].trim_start_matches(is_blank);
        at = text.len() - rest.len();
        let is_declaration = rest.starts_with("<?")
            || rest
                .strip_prefix("<!")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
        if rest.starts_with("<!--") {
            at = comment_end(text, at)?;
        } else if is_declaration {
            at += rest.find('>')? + 1;
        } else {
            return tag::name(rest).eq_ignore_ascii_case("mjml").then_some(at);
        }
    }
}

/// Reads a document; `text` is the [shape](Masked::shape) of the source.
///
/// # Errors
/// The first thing that would be lost or can't be read.
pub(super) fn read(source: &str, masked: &Masked, text: &str) -> Result<Document, TemplateProblem> {
    Reader {
        source,
        masked,
        text,
        open: Vec::new(),
        root: None,
        oddities: Vec::new(),
    }
    .read()
}

/// An element that is not closed yet.
struct Open {
    element: Element,
    /// HTML elements that are open inside it, and where they begin.
    html: Vec<(String, usize)>,
}

struct Reader<'a> {
    source: &'a str,
    masked: &'a Masked,
    text: &'a str,
    open: Vec<Open>,
    /// The document's element, once it is closed.
    root: Option<Element>,
    oddities: Vec<Oddity>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Document, TemplateProblem> {
        let start = root(self.text).unwrap_or(self.text.len());
        let before = self.syntax(0..start);
        let mut at = start;
        while let Some(offset) = self.text[at..].find('<') {
            let found = at + offset;
            self.text_between(at..found)?;
            at = self.markup(found)?;
            if let Some(root) = self.root.take() {
                return Ok(Document {
                    root,
                    before,
                    after: self.syntax(at..self.text.len()),
                    oddities: self.oddities,
                });
            }
        }
        let (name, start) = self.open.last().map_or(("mjml", start), |open| {
            open.html.last().map_or(
                (open.element.kind.name, open.element.start),
                |(name, start)| (name.as_str(), *start),
            )
        });
        Err(self.unclosed(name, start))
    }

    fn problem(&self, at: usize, message: impl Into<String>) -> TemplateProblem {
        TemplateProblem {
            line: line(self.source, at),
            message: message.into(),
        }
    }

    fn unclosed(&self, name: &str, start: usize) -> TemplateProblem {
        self.problem(
            start,
            format!("Das Dokument endet zu früh: „{name}“ ist nicht geschlossen."),
        )
    }

    fn note(&mut self, at: usize, what: String, advice: String) {
        let line = line(self.source, at);
        self.oddities.push(Oddity { line, what, advice });
    }

    /// Values and blocks of the template language in a part of the source.
    fn syntax(&self, part: Range<usize>) -> Vec<Range<usize>> {
        let first = self
            .masked
            .pieces
            .partition_point(|piece| piece.range.start < part.start);
        self.masked.pieces[first..]
            .iter()
            .take_while(|piece| piece.range.start < part.end)
            .filter(|piece| piece.kind != SyntaxKind::Comment)
            .map(|piece| piece.range.clone())
            .collect()
    }

    /// What stands between two tags.
    fn text_between(&mut self, part: Range<usize>) -> Result<(), TemplateProblem> {
        let text = self.text;
        let text = &text[part.clone()];
        let is_blank = text
            .chars()
            .all(|c| c.is_whitespace() || matches!(c, SYNTAX | '\u{feff}'));
        let pieces = self.syntax(part.clone());
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        if !open.html.is_empty() {
            if !is_blank || !pieces.is_empty() {
                open.element.children.push(Node::Raw(part));
            }
            return Ok(());
        }
        let name = open.element.kind.name;
        if !is_blank {
            let blanks = text.len() - text.trim_start().len();
            let plain = text.replace(SYNTAX, "");
            let shown: String = plain.trim().chars().take(40).collect();
            self.note(
                part.start + blanks,
                format!("Der Text „{shown}“ steht direkt in {name} und wird weggelassen."),
                "Schreiben Sie ihn in mj-text oder mj-raw.".to_owned(),
            );
        }
        for piece in pieces {
            self.raw(piece)?;
        }
        Ok(())
    }

    /// Something that goes into the mail as it is.
    fn raw(&mut self, part: Range<usize>) -> Result<(), TemplateProblem> {
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        let name = open.element.kind.name;
        if vocabulary::find("mj-raw").is_some_and(|raw| raw.parents.contains(&name)) {
            open.element.children.push(Node::Raw(part));
            return Ok(());
        }
        Err(self.problem(
            part.start,
            format!("In {name} können keine Platzhalter, Bedingungen oder HTML-Elemente stehen."),
        ))
    }

    /// Reads what begins with `<`, and gives the place behind it.
    fn markup(&mut self, start: usize) -> Result<usize, TemplateProblem> {
        let rest = &self.text[start..];
        let marker = rest.find('>').map_or(self.text.len(), |at| start + at + 1);
        if rest.starts_with("<!") || rest.starts_with("<?") {
            if !condition_is_whole(&self.text[start..marker]) {
                return Err(self.problem(start, BROKEN_CONDITION));
            }
            if !rest.starts_with("<!--") {
                self.raw(start..marker)?;
                return Ok(marker);
            }
            let end =
                comment_end(self.text, start).ok_or_else(|| self.problem(start, BROKEN_COMMENT))?;
            if let Some(open) = self.open.last_mut() {
                open.element.children.push(Node::Comment(start..end));
            }
            return Ok(end);
        }
        if rest.starts_with("</") {
            return self.close(start, marker);
        }
        if tag::name(rest).is_empty() {
            // A sign in a text.
            self.text_between(start..start + 1)?;
            return Ok(start + 1);
        }
        let tag = Tag::read(self.text, start).ok_or_else(|| {
            self.problem(
                start,
                "Dieses Element ist nicht richtig geschrieben: Prüfen Sie Anführungszeichen und „>“.",
            )
        })?;
        self.start_tag(start, &tag)
    }

    fn close(&mut self, start: usize, end: usize) -> Result<usize, TemplateProblem> {
        let name = tag::name(&self.text[start..]).to_ascii_lowercase();
        let Some(open) = self.open.last_mut() else {
            return Ok(end);
        };
        if vocabulary::find(&name).is_none() && !name.starts_with("mj") {
            if let Some(at) = open.html.iter().rposition(|(open, _)| *open == name) {
                open.html.truncate(at);
                open.element.children.push(Node::Raw(start..end));
            } else if !name.is_empty() {
                self.raw(start..end)?;
            }
            return Ok(end);
        }
        let opened = open
            .html
            .last()
            .map_or(open.element.kind.name, |(name, _)| name.as_str());
        if opened != name {
            let message = closes_other(&name, opened);
            return Err(self.problem(start, message));
        }
        self.finish();
        Ok(end)
    }

    /// Closes the innermost element.
    fn finish(&mut self) {
        let Some(closed) = self.open.pop() else {
            return;
        };
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(Node::Element(closed.element)),
            None => self.root = Some(closed.element),
        }
    }

    fn start_tag(&mut self, start: usize, tag: &Tag) -> Result<usize, TemplateProblem> {
        let name = tag::name(&self.text[start..]).to_ascii_lowercase();
        let html: usize = self.open.iter().map(|open| open.html.len()).sum();
        if self.open.len() + html >= MAX_DEPTH {
            return Err(self.problem(start, "Die Elemente sind zu tief verschachtelt."));
        }
        let Some(kind) = vocabulary::find(&name) else {
            return self.html(start, &name, tag);
        };
        if kind.name == "mj-include" {
            return Err(self.problem(
                start,
                "mj-include gibt es hier nicht: Fügen Sie den Inhalt selbst ein.",
            ));
        }
        self.check_place(start, kind)?;
        let attributes = self.attributes(start, kind, tag)?;
        let mut text = tag.end..tag.end;
        let mut end = tag.end;
        if kind.text && !tag.closes_itself {
            (text.end, end) = self.text_end(tag.end, start, kind.name)?;
        }
        self.open.push(Open {
            element: Element {
                kind,
                start,
                attributes,
                children: Vec::new(),
                text,
            },
            html: Vec::new(),
        });
        if kind.text || tag.closes_itself {
            self.finish();
        }
        Ok(end)
    }

    /// A tag that is none of MJML's.
    fn html(&mut self, start: usize, name: &str, tag: &Tag) -> Result<usize, TemplateProblem> {
        if name.starts_with("mj") || !vocabulary::is_html(name) {
            let meant = vocabulary::proposal(name)
                .map(|name| format!(" Meinen Sie „{name}“?"))
                .unwrap_or_default();
            let message = format!("Das Element „{name}“ gibt es in MJML nicht.{meant}");
            return Err(self.problem(start, message));
        }
        self.raw(start..tag.end)?;
        let Some(open) = self.open.last_mut() else {
            return Ok(tag.end);
        };
        let is_outside = open.html.is_empty();
        if !tag.closes_itself && !vocabulary::is_void(name) {
            open.html.push((name.to_owned(), start));
        }
        if is_outside {
            self.note(
                start,
                format!("„{name}“ steht zwischen MJML-Elementen."),
                "Schreiben Sie HTML in mj-text, mj-table oder mj-raw.".to_owned(),
            );
        }
        Ok(tag.end)
    }

    /// Some elements mean nothing outside their own: what is in them would be lost.
    fn check_place(&mut self, start: usize, kind: &'static Kind) -> Result<(), TemplateProblem> {
        let Some(parent) = self.open.last().map(|open| open.element.kind.name) else {
            return Ok(());
        };
        if matches!(parent, "mj-attributes" | "mj-class") || kind.parents.contains(&parent) {
            return Ok(());
        }
        let parents: Vec<&str> = kind.parents.iter().copied().take(2).collect();
        let parents = parents.join(" oder ");
        let in_body = |name: &str| {
            matches!(
                name,
                "mj-body" | "mj-wrapper" | "mj-section" | "mj-group" | "mj-column" | "mj-hero"
            )
        };
        let name = kind.name;
        if parents.is_empty() {
            return Err(self.problem(start, "„mjml“ darf nur einmal und nur außen stehen."));
        }
        if in_body(parent) && kind.parents.iter().all(|parent| in_body(parent)) {
            self.note(
                start,
                format!("„{name}“ steht direkt in {parent}."),
                format!("Es gehört in {parents}, sonst stimmen Breite und Abstand nicht."),
            );
            return Ok(());
        }
        Err(self.problem(
            start,
            format!("„{name}“ darf nicht in {parent} stehen: Es gehört in {parents}."),
        ))
    }

    fn attributes(
        &mut self,
        start: usize,
        kind: &'static Kind,
        tag: &Tag,
    ) -> Result<Vec<Attribute>, TemplateProblem> {
        let mut attributes: Vec<Attribute> = Vec::with_capacity(tag.attributes.len());
        for (place, value) in &tag.attributes {
            let name = self.text[place.clone()].to_ascii_lowercase();
            if name.contains(SYNTAX) {
                if self.syntax(place.clone()).is_empty() {
                    continue;
                }
                return Err(self.problem(
                    start,
                    format!(
                        "Platzhalter und Bedingungen wirken in „{}“ nur in den Werten von Attributen.",
                        kind.name
                    ),
                ));
            }
            if attributes.iter().any(|known| known.name == name) {
                continue;
            }
            if !kind.has_attribute(&name) {
                let shown: String = name.chars().take(40).collect();
                let meant = kind
                    .attribute_proposal(&name)
                    .map(|meant| format!(" Meinen Sie „{meant}“?"))
                    .unwrap_or_default();
                self.note(
                    place.start,
                    format!("Das Attribut „{shown}“ gibt es bei {} nicht.", kind.name),
                    format!("Es wird nicht beachtet.{meant}"),
                );
            }
            attributes.push(Attribute {
                name,
                value: value.clone(),
            });
        }
        Ok(attributes)
    }
}

/// The line of a place, counted from one.
pub(super) fn line(source: &str, at: usize) -> usize {
    source[..at].matches('\n').count() + 1
}
