//! Brings a document through the renderer.
//!
//! The renderer writes attributes as Rust's `Debug` writes strings, and reads texts by rules of
//! its own. So it gets words of letters and digits instead of whatever it might change: template
//! syntax, HTML, and every value that is more than plain ASCII. Afterwards the author's bytes come
//! in their place. What the renderer has to compute with (sizes, colours) stays readable.

use std::collections::HashMap;
use std::ops::Range;

use super::lengths::{collapsed, space, with_single_quotes, with_unit};
use super::tree::{Attribute, Document, Element, Node};
use crate::mail::attribute;
use crate::mail::syntax::{Kind as SyntaxKind, Masked};

/// The longest HTML that comes of it, in bytes: one value may be repeated for many elements.
const MAX_LENGTH: usize = 8 * 1024 * 1024;

/// Attributes whose blanks mean something.
const WITH_BLANKS: [&str; 6] = ["alt", "title", "href", "src", "srcset", "name"];

/// Elements that the renderer gives their parent's values before those of `mj-attributes`.
const CHILDREN: [&str; 6] = [
    "mj-accordion-element",
    "mj-accordion-title",
    "mj-accordion-text",
    "mj-social-element",
    "mj-navbar-link",
    "mj-carousel-image",
];

/// How the renderer names a font in a style sheet.
const FONT_IMPORT: &str = "@import url(";

/// An attribute that `mj-html-attributes` adds to elements.
#[derive(Debug, Clone)]
pub(super) struct Addition {
    /// Where the selector's element begins in the source.
    pub(super) start: usize,
    /// Which elements: a CSS selector.
    pub(super) selector: String,
    /// The attribute's name.
    pub(super) name: String,
    /// Its value, raw.
    pub(super) value: String,
}

/// A document as the renderer takes it.
pub(super) struct Carrier<'a> {
    source: &'a str,
    masked: &'a Masked,
    /// The MJML for the renderer.
    pub(super) text: String,
    /// What stands in front of the document.
    before: String,
    /// What stands behind it.
    after: String,
    /// What `mj-html-attributes` adds.
    pub(super) additions: Vec<Addition>,
    /// How every word begins; then come the index and an `x`.
    prefix: String,
    /// What the words stand for, by index.
    pieces: Vec<String>,
    /// Which index a piece has: what is the same has one word, so that classes find each other.
    known: HashMap<String, usize>,
    /// Where in `text` elements begin, and where in the source.
    places: Vec<(usize, usize)>,
    /// Raw pieces that wait for the next element.
    waiting: String,
    /// The elements in `mj-attributes`: what elements and classes have where they say nothing.
    defaults: Vec<&'a Element>,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(source: &'a str, masked: &'a Masked, document: &'a Document) -> Self {
        let prefix = (0..=source.len())
            .map(|n| format!("platzhalter{n}x"))
            .find(|prefix| !source.contains(prefix.as_str()))
            .unwrap_or_default();
        let joined = |parts: &[Range<usize>]| {
            let parts = parts.iter().map(|part| &source[part.clone()]);
            parts.collect::<String>()
        };
        let mut carrier = Self {
            source,
            masked,
            text: String::with_capacity(source.len()),
            before: joined(&document.before),
            after: joined(&document.after),
            additions: Vec::new(),
            prefix,
            pieces: Vec::new(),
            known: HashMap::new(),
            places: Vec::new(),
            waiting: String::new(),
            defaults: defaults(&document.root),
        };
        carrier.element(&document.root);
        carrier
    }

    /// Where in the source stands what the renderer read there.
    pub(super) fn source_place(&self, at: usize) -> usize {
        let next = self.places.partition_point(|(place, _)| *place <= at);
        next.checked_sub(1).map_or(0, |last| self.places[last].1)
    }

    /// A part of the source without comments of the template language.
    fn raw(&self, part: Range<usize>) -> String {
        let mut result = String::with_capacity(part.len());
        let mut done = part.start;
        let pieces = &self.masked.pieces;
        let first = pieces.partition_point(|piece| piece.range.start < part.start);
        for piece in &pieces[first..] {
            if piece.range.end > part.end {
                break;
            }
            if piece.kind == SyntaxKind::Comment {
                result.push_str(&self.source[done..piece.range.start]);
                done = piece.range.end;
            }
        }
        result.push_str(&self.source[done..part.end]);
        result
    }

    /// The word that stands for a piece of the mail.
    fn word_for(&mut self, piece: String) -> String {
        let index = *self.known.entry(piece).or_insert_with_key(|piece| {
            self.pieces.push(piece.clone());
            self.pieces.len() - 1
        });
        format!("{}{index}x", self.prefix)
    }

    fn element(&mut self, element: &Element) {
        let name = element.kind.name;
        match name {
            "mj-html-attributes" => return self.additions_of(element),
            "mj-raw" => {
                let content = self.raw(element.text.clone());
                if self.value(element, "position").as_deref() == Some("file-start") {
                    self.before.push_str(content.trim());
                } else {
                    self.waiting.push_str(content.trim());
                }
                return;
            }
            _ => {}
        }
        self.places.push((self.text.len(), element.start));
        self.text.push('<');
        self.text.push_str(name);
        for attribute in self.attributes(element) {
            self.attribute(element, attribute);
        }
        let needs_alt = matches!(name, "mj-social-element" | "mj-carousel-image");
        if needs_alt && self.value(element, "alt").is_none() {
            self.text.push_str(" alt=\"\"");
        }
        self.text.push('>');
        let content = self.raw(element.text.clone());
        if !content.trim().is_empty() {
            let word = self.word_for(content.trim().to_owned());
            self.text.push_str(&word);
        }
        self.children(element);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    fn children(&mut self, element: &Element) {
        let name = element.kind.name;
        let gap = self
            .value(element, "gap")
            .filter(|_| name == "mj-wrapper")
            .and_then(|gap| space(&gap));
        let mut is_first = true;
        for node in &element.children {
            match node {
                Node::Element(child) => {
                    // A raw element joins what waits.
                    if child.kind.name != "mj-raw" {
                        if let Some(gap) = gap.as_deref().filter(|_| !is_first) {
                            self.waiting.push_str(gap);
                        }
                        is_first = false;
                        self.flush(name);
                    }
                    self.element(child);
                }
                Node::Raw(part) | Node::Comment(part) => {
                    let raw = self.raw(part.clone());
                    self.waiting.push_str(&raw);
                }
            }
        }
        self.flush(name);
    }

    /// Writes what waits, in the way that the element `parent` lets pass.
    fn flush(&mut self, parent: &str) {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return;
        }
        match parent {
            // Nothing shows there.
            "mjml" => {
                let pieces = Masked::new(&waiting).pieces;
                for piece in pieces {
                    self.before.push_str(&waiting[piece.range]);
                }
            }
            "mj-social" | "mj-navbar" | "mj-accordion" => {
                let word = self.word_for(waiting);
                self.text.push_str("<!--");
                self.text.push_str(&word);
                self.text.push_str("-->");
            }
            "mj-head" | "mj-body" | "mj-wrapper" | "mj-section" | "mj-group" | "mj-column"
            | "mj-hero" => {
                // In a wrapper the renderer is inside a comment for Outlook there.
                let word = self.word_for(if parent == "mj-wrapper" {
                    format!("<![endif]-->{waiting}<!--[if mso | IE]>")
                } else {
                    waiting
                });
                self.text.push_str("<mj-raw>");
                self.text.push_str(&word);
                self.text.push_str("</mj-raw>");
            }
            // Comments only: the renderer has no place for them.
            _ => {}
        }
    }

    fn value(&self, element: &Element, name: &str) -> Option<String> {
        let attribute = element
            .attributes
            .iter()
            .find(|attribute| attribute.name == name)?;
        Some(self.source[attribute.value.clone()].trim().to_owned())
    }

    /// An element's own attributes, and those that `mj-attributes` has for it, as far as the
    /// renderer would forget them.
    fn attributes<'e>(&self, element: &'e Element) -> Vec<&'e Attribute>
    where
        'a: 'e,
    {
        let mut attributes: Vec<&Attribute> = element.attributes.iter().collect();
        let name = element.kind.name;
        if !CHILDREN.contains(&name) {
            return attributes;
        }
        let classes = self.value(element, "mj-class").unwrap_or_default();
        let of_class = |default: &Element| {
            let class = self.value(default, "name").unwrap_or_default();
            default.kind.name == "mj-class" && classes.split_whitespace().any(|one| one == class)
        };
        let of_element = |default: &Element| default.kind.name == name;
        let kinds: [&dyn Fn(&Element) -> bool; 2] = [&of_class, &of_element];
        for applies in kinds {
            // Of several the last one counts.
            for default in self.defaults.iter().rev().filter(|one| applies(one)) {
                for attribute in &default.attributes {
                    let is_known = |known: &&Attribute| known.name == attribute.name;
                    if attribute.name != "name" && !attributes.iter().any(is_known) {
                        attributes.push(attribute);
                    }
                }
            }
        }
        attributes
    }

    fn attribute(&mut self, element: &Element, attribute: &Attribute) {
        let name = attribute.name.as_str();
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
        {
            return;
        }
        let raw = self.raw(attribute.value.clone());
        let value = match name {
            "mj-class" | "css-class" => self.words(&raw),
            "name" if element.kind.name == "mj-class" => self.words(&raw),
            "href" if element.kind.name == "mj-button" => self.link(raw, element),
            _ if WITH_BLANKS.contains(&name) => self.carried(raw),
            "font-family" => self.carried(collapsed(&with_single_quotes(&raw))),
            "mode" if raw.trim() == "fluid-height" => "fluid".to_owned(),
            _ => self.carried(with_unit(name, &collapsed(&raw))),
        };
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        self.text.push_str(&value);
        self.text.push('"');
    }

    /// A button's address, with its title behind it, which the renderer knows nothing of.
    fn link(&mut self, address: String, element: &Element) -> String {
        match self.value(element, "title") {
            Some(title) => {
                let title = without_quotes(&title);
                let address = without_quotes(&address);
                self.word_for(format!("{address}\" title=\"{title}"))
            }
            None => self.carried(address),
        }
    }

    /// A list of class names, each carried for itself.
    fn words(&mut self, raw: &str) -> String {
        let masked = Masked::new(raw);
        let mut words = vec![String::new()];
        for (at, letter) in raw.char_indices() {
            if letter.is_ascii_whitespace() && masked.piece_end(at).is_none() {
                words.push(String::new());
            } else if let Some(word) = words.last_mut() {
                word.push(letter);
            }
        }
        words.retain(|word| !word.is_empty());
        let carried: Vec<String> = words.into_iter().map(|word| self.carried(word)).collect();
        carried.join(" ")
    }

    /// The value itself where nobody would write it otherwise, else a word for it.
    fn carried(&mut self, value: String) -> String {
        let is_plain = Masked::new(&value).pieces.is_empty()
            && value.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || b" #%.,:;/()_-+!?=*@~'[]|$".contains(&byte)
            });
        if is_plain {
            value
        } else {
            // The word stands between double quotes, whatever the author's were.
            self.word_for(without_quotes(&value))
        }
    }

    fn additions_of(&mut self, element: &Element) {
        for selector in elements(element) {
            let path = self.value(selector, "path").unwrap_or_default();
            for attribute in elements(selector) {
                if let Some(name) = self.value(attribute, "name") {
                    let value = self.raw(attribute.text.clone());
                    self.additions.push(Addition {
                        start: selector.start,
                        selector: attribute::decode(&path).into_owned(),
                        name,
                        value: without_quotes(value.trim()),
                    });
                }
            }
        }
    }

    /// Puts the author's bytes where the words stand; `None` if that gets too long.
    pub(super) fn put_back(&self, html: &str) -> Option<String> {
        let mut result = self.before.clone();
        let mut parts = html.split(&self.prefix);
        result.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (index, mut rest) = part.split_once('x').unwrap_or(("", part));
            let index: Option<usize> = index.parse().ok();
            if let Some(piece) = index.and_then(|index| self.pieces.get(index)) {
                if result.ends_with(FONT_IMPORT) {
                    // A style sheet knows no character references.
                    result.push_str(&attribute::decode(piece));
                } else {
                    if result.ends_with("<!--") && rest.starts_with("-->") {
                        // Where the renderer has a place for comments only.
                        result.truncate(result.len() - "<!--".len());
                        rest = &rest["-->".len()..];
                    }
                    result.push_str(piece);
                }
            }
            result.push_str(rest);
            if result.len() > MAX_LENGTH {
                return None;
            }
        }
        result.push_str(&self.after);
        Some(result)
    }
}

fn elements(of: &Element) -> impl Iterator<Item = &Element> {
    of.children.iter().filter_map(|node| match node {
        Node::Element(child) => Some(child),
        Node::Raw(_) | Node::Comment(_) => None,
    })
}

/// Everything in `mj-attributes`.
fn defaults(root: &Element) -> Vec<&Element> {
    let heads = elements(root).filter(|child| child.kind.name == "mj-head");
    heads
        .flat_map(elements)
        .filter(|child| child.kind.name == "mj-attributes")
        .flat_map(elements)
        .collect()
}

/// A raw value without the quotes that would end it; those of template syntax stay.
fn without_quotes(value: &str) -> String {
    let mut result = String::with_capacity(value.len());
    let mut done = 0;
    for piece in &Masked::new(value).pieces {
        result.push_str(&value[done..piece.range.start].replace('"', "&quot;"));
        result.push_str(&value[piece.range.clone()]);
        done = piece.range.end;
    }
    result.push_str(&value[done..].replace('"', "&quot;"));
    result
}
