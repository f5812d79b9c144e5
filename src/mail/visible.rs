//! What a reader sees of a finished mail, read as a mail program reads it: the tree by the rules of
//! HTML without scripts (html5ever), styles by those of CSS.
//!
//! Here is decided whether a mail has its personal links. In doubt something counts as hidden: a
//! footer with the links is added once too often rather than missing. What only some mail programs
//! see, between Outlook's conditions, counts as hidden too.

mod ending;
mod sheet;
mod style;

use html5ever::tendril::TendrilSink;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, parse_document};
use scraper::{ElementRef, Html, HtmlTreeSink, Node};

use super::bounds::check_nesting;
pub use ending::UnseenEnd;
pub(crate) use ending::explain;
use sheet::Sheet;
pub(super) use style::NORMAL_TEXT;
use style::{SMALLEST_TEXT, Size, Style};

/// A node of the tree.
type NodeRef<'a> = <ElementRef<'a> as std::ops::Deref>::Target;

/// Of links to the same address, no more than so many are looked at.
const MOST_LINKS: usize = 50;

/// Colours that differ by no more than this in red, green and blue are one to a reader.
const SAME_COLOUR: u8 = 40;

/// Elements of which nothing is shown, or not as what it is.
const UNSHOWN: [&str; 25] = [
    "head", "title", "style", "script", "template", "textarea", "select", "button", "option",
    "datalist", "iframe", "object", "embed", "audio", "video", "canvas", "noembed", "noframes",
    "frameset", "svg", "math", "applet", "meter", "progress", "rp",
];

/// A document as mail programs show it.
pub(crate) struct Document {
    view: View,
    /// As Outlook shows it, where it sees more than others.
    outlook: Option<View>,
}

/// A document as one kind of mail programs shows it.
struct View {
    html: Html,
    sheet: Sheet,
}

/// The tree of a document, in a program that runs no scripts.
pub(super) fn parse(html: &str) -> Html {
    let options = ParseOpts {
        tree_builder: TreeBuilderOpts {
            scripting_enabled: false,
            ..TreeBuilderOpts::default()
        },
        ..ParseOpts::default()
    };
    parse_document(HtmlTreeSink::new(Html::new_document()), options).one(html)
}

impl Document {
    /// Reads a document.
    pub(crate) fn read(html: &str) -> Self {
        Self {
            view: View::read(html),
            outlook: without_conditions(html).map(|html| {
                // What was a comment has not been looked at yet. Too deep: nothing counts as seen.
                let readable = check_nesting(&html).is_ok();
                View::read(if readable { &html } else { "" })
            }),
        }
    }

    /// Is there a link to exactly this address that a reader sees and can follow?
    pub(crate) fn shows_link(&self, address: &str) -> bool {
        self.view.shows_link(address)
            && self
                .outlook
                .as_ref()
                .is_none_or(|view| view.shows_link(address))
    }

    /// Does this picture stand where mail programs load it?
    pub(crate) fn loads(&self, address: &str) -> bool {
        self.view.loads(address) && self.outlook.as_ref().is_none_or(|view| view.loads(address))
    }
}

/// The document with what stands in comments for Outlook alone (`<!--[if mso]>`), if anything does.
fn without_conditions(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let (mut result, mut done) = (String::new(), 0);
    while let Some(offset) = lower[done..].find("<!--[if") {
        let start = done + offset;
        let Some(length) = lower[start..].find("]>") else {
            break;
        };
        let condition = &lower[start..start + length];
        let inside = start + condition.len() + 2;
        if condition["<!--[if".len()..].contains('!') {
            result.push_str(&html[done..inside]);
            done = inside;
            continue;
        }
        let Some(length) = lower[inside..].find("<![endif]-->") else {
            break;
        };
        let end = inside + length;
        result.push_str(&html[done..start]);
        result.push_str(&html[inside..end]);
        done = end + "<![endif]-->".len();
    }
    if done == 0 {
        return None;
    }
    result.push_str(&html[done..]);
    Some(result)
}

impl View {
    fn read(html: &str) -> Self {
        let mut html = parse(html);
        // Without a doctype, classes and ids are the same in any case (HTML, "quirks mode").
        for node in html.tree.values_mut() {
            if let Node::Element(element) = node {
                for (name, value) in &mut element.attrs {
                    if matches!(&*name.local, "class" | "id") {
                        *value = value.to_lowercase().into();
                    }
                }
            }
        }
        let mut sheet = Sheet::default();
        for node in html.tree.root().descendants() {
            if let Some(element) = ElementRef::wrap(node)
                && element.value().name() == "style"
            {
                sheet.read(&element.text().collect::<String>());
            }
        }
        Self { html, sheet }
    }

    fn shows_link(&self, address: &str) -> bool {
        self.for_all_programs()
            .filter_map(ElementRef::wrap)
            .filter(|element| element.value().name() == "a")
            .filter(|element| {
                let href = element.attr("href").unwrap_or_default();
                // What a browser leaves out around an address (WHATWG URL, 4.4).
                href.trim_matches(|c: char| c <= ' ') == address
            })
            .take(MOST_LINKS)
            .any(|link| self.has_label(link))
    }

    fn loads(&self, address: &str) -> bool {
        self.for_all_programs()
            .filter_map(ElementRef::wrap)
            .filter(|element| {
                element.value().name() == "img" && element.attr("src") == Some(address)
            })
            .take(MOST_LINKS)
            .any(|picture| self.hidden_by(*picture).is_none())
    }

    /// All nodes but those that stand between conditions (`<!--[if !mso]><!-->`, `<![if !mso]>`).
    fn for_all_programs(&self) -> impl Iterator<Item = NodeRef<'_>> {
        let mut conditions = 0_usize;
        self.html.tree.root().descendants().filter(move |node| {
            if let Node::Comment(comment) = node.value() {
                let comment = comment.trim().to_ascii_lowercase();
                let ends = comment.contains("[endif]");
                if comment.starts_with("[if") && !ends {
                    conditions += 1;
                } else if ends && !comment.starts_with("[if") {
                    conditions = conditions.saturating_sub(1);
                }
            }
            conditions == 0
        })
    }

    /// Has a link something that can be seen, text or a picture that is described?
    fn has_label(&self, link: ElementRef) -> bool {
        link.descendants().any(|node| match node.value() {
            Node::Text(text) => is_readable(text) && self.hidden_by(node).is_none(),
            Node::Element(element) if element.name() == "img" => {
                element.attr("alt").is_some_and(is_readable)
                    && !["width", "height"]
                        .iter()
                        .any(|name| element.attr(name).is_some_and(is_tiny))
                    && self.hidden_by(node).is_none()
            }
            _ => false,
        })
    }

    /// The element that hides a text or a picture from a reader, if one does.
    fn hidden_by<'a>(&'a self, node: NodeRef<'a>) -> Option<ElementRef<'a>> {
        let around = || node.ancestors().filter_map(ElementRef::wrap);
        let own = ElementRef::wrap(node);
        let mut inner = None;
        // A picture has no size of text, and no colour.
        let is_text = own.is_none();
        let mut seen = Seen {
            is_text,
            ..Seen::default()
        };
        for element in own.into_iter().chain(around()) {
            let style = self.sheet.style_of(element);
            if style.hides || is_unshown(element, inner) || seen.add(element, &style) {
                return Some(element);
            }
            inner = Some(element);
        }
        // Text without a size of its own, or text in the colour of what is behind it.
        (is_text && seen.is_unreadable())
            .then(|| around().next())
            .flatten()
    }
}

/// What is known of a text on the way from it outwards.
#[derive(Default)]
struct Seen {
    is_text: bool,
    visibility: Option<bool>,
    times: Option<f32>,
    pixels: Option<f32>,
    colour: Option<style::Paint>,
    background: Option<style::Paint>,
    in_link: bool,
}

impl Seen {
    /// Goes one element outwards; true where that element makes what is inside invisible.
    fn add(&mut self, element: ElementRef, style: &Style) -> bool {
        if self.visibility.is_none()
            && let Some(invisible) = style.invisible
        {
            self.visibility = Some(!invisible);
            if invisible {
                return true;
            }
        }
        if self.is_text && self.pixels.is_none() {
            let times = self.times.unwrap_or(1.0);
            match style.size {
                Some(Size::Pixels(pixels)) => self.pixels = Some(times * pixels),
                Some(Size::Times(more)) => self.times = Some(times * more),
                None => {}
            }
            if self.pixels.is_some_and(|pixels| pixels < SMALLEST_TEXT) {
                return true;
            }
        }
        let attribute = |name| element.attr(name).and_then(style::colour);
        let name = element.value().name();
        // A link has a colour of its own, unless it is given one.
        if self.colour.is_none() && !self.in_link {
            self.colour = style
                .colour
                .or_else(|| (name == "font").then(|| attribute("color")).flatten());
        }
        self.in_link |= name == "a";
        if name == "body" && self.colour.is_none() {
            self.colour = attribute(if self.in_link { "link" } else { "text" });
        }
        if self.background.is_none() {
            self.background = style.background.or_else(|| attribute("bgcolor"));
        }
        false
    }

    fn is_unreadable(&self) -> bool {
        let size = self
            .pixels
            .unwrap_or(NORMAL_TEXT * self.times.unwrap_or(1.0));
        let paper = self.background.unwrap_or(Some([255; 3]));
        let same = match (self.colour, paper) {
            // Links have a colour of their own, and text is black.
            (None, _) => false,
            (Some(Some(ink)), Some(paper)) => ink
                .iter()
                .zip(paper)
                .all(|(a, b)| a.abs_diff(b) <= SAME_COLOUR),
            // What can't be compared may be the same.
            (Some(_), _) => true,
        };
        size < SMALLEST_TEXT || same
    }
}

/// Does no mail program show an element, whatever it knows of style sheets? Only its own style is
/// asked, and what other programs may still show is shown.
pub(super) fn is_never_shown(element: ElementRef) -> bool {
    let style = || style::declarations(element.attr("style").unwrap_or_default());
    matches!(
        element.value().name(),
        "head" | "title" | "style" | "script" | "template"
    ) || element.attr("hidden").is_some()
        || style().iter().any(style::Declaration::surely_hides)
}

/// The size of an element's text by its own style, in text of another size, in pixels.
pub(super) fn own_size(element: ElementRef, around: f32) -> f32 {
    let Some(style) = element.attr("style") else {
        return around;
    };
    let size = Style::of(&style::declarations(style)).size;
    size.map_or(around, |size| size.of(around))
}

/// Is this an element of which nothing, or not this child, is shown?
fn is_unshown(element: ElementRef, inner: Option<ElementRef>) -> bool {
    let value = element.value();
    let is_open = value.attr("open").is_some();
    let inner_is = |name| inner.is_some_and(|inner| inner.value().name() == name);
    UNSHOWN.contains(&value.name())
        || ["hidden", "inert", "popover"]
            .iter()
            .any(|name| value.attr(name).is_some())
        || (value.name() == "dialog" && !is_open)
        || (value.name() == "details" && !is_open && !inner_is("summary"))
}

/// Are there letters, digits or signs in it that can stand for a link? Punctuation alone can't.
fn is_readable(text: &str) -> bool {
    text.chars().any(|c| {
        let is_blank = matches!(c, '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}');
        // Arrows, dingbats, emoji; nothing that is blank or for private use.
        let is_sign = matches!(c, '\u{2190}'..='\u{27FF}' | '\u{2B00}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}');
        (c.is_alphanumeric() && !is_blank) || is_sign
    })
}

/// Is a picture of this width or height too small to be seen?
fn is_tiny(length: &str) -> bool {
    let digits: String = length
        .trim()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse::<u32>().is_ok_and(|pixels| pixels < 6)
}

#[cfg(test)]
mod tests;
