//! The plain text part, made from the HTML where the author wrote none.
//!
//! Reads well in any mail program: layout tables become one column, pictures their alternative
//! text, links `Text <https://…>` (RFC 3986, appendix C: brackets keep an address apart from the
//! sentence, and whole when a line breaks). Lines break at [`WIDTH`] columns, never inside an
//! address. What the HTML hides (`display:none`, as preview lines are) stays out.

use std::borrow::Cow;
use std::collections::HashMap;

use html2text::config;
use html2text::render::TextDecorator;
use scraper::node::Text;
use scraper::{ElementRef, Node};

use super::MailError;
use super::visible::{NORMAL_TEXT, is_never_shown, own_size, parse};

/// Columns of a line (RFC 5322, 2.1.1 recommends at most 78).
const WIDTH: usize = 76;

/// Nothing is wrapped while converting: the last step does it, when the links are in place.
const UNLIMITED: usize = 100_000;

// Private characters (Unicode, chapter 23.5) that carry a link through the conversion:
// ADDRESS address LABEL text END.
const ADDRESS: char = '\u{E010}';
const LABEL: char = '\u{E011}';
const END: char = '\u{E012}';
/// Begins a row of a table.
const BREAK: char = '\u{E013}';
/// Stands for a picture without a description in a link, which has nothing else to be written.
const PICTURE: char = '\u{E014}';
/// A line across (`<hr>`).
const RULE: char = '\u{E015}';
/// How that is written.
const RULE_TEXT: &str = "----------";

/// Text of less than so many pixels is there to be not seen.
const UNSEEN_TEXT: f32 = 2.0;

/// Makes plain text of an HTML document.
///
/// `original` tells what stands for an address that is only a placeholder now, so that a link
/// whose text is its own address is not written twice.
pub fn from_html<'a>(
    html: &str,
    original: &dyn Fn(&str) -> Option<&'a str>,
) -> Result<String, MailError> {
    super::bounds::check_nesting(html)?;
    let plain: String = html
        .chars()
        .filter(|c| !matches!(*c, ADDRESS | LABEL | END | BREAK | PICTURE | RULE))
        .collect();
    let converted = config::with_decorator(MailText)
        .raw_mode(true)
        .link_footnotes(false)
        .no_link_wrapping()
        .allow_width_overflow()
        .string_from_read(visible(&plain).as_bytes(), UNLIMITED)?;
    Ok(tidy(&with_links(&converted, original)))
}

/// The document without what a reader of the HTML does not see, its table rows set apart.
fn visible(html: &str) -> String {
    let mut document = parse(html);
    let (mut unseen, mut rows, mut pictures, mut rules) = (vec![], vec![], vec![], vec![]);
    let mut sizes = HashMap::new();
    for node in document.tree.root().descendants() {
        let around = node
            .parent()
            .and_then(|parent| sizes.get(&parent.id()).copied());
        let around = around.unwrap_or(NORMAL_TEXT);
        let Some(element) = ElementRef::wrap(node) else {
            if node.value().is_text() && around < UNSEEN_TEXT {
                unseen.push(node.id());
            }
            continue;
        };
        sizes.insert(node.id(), own_size(element, around));
        match element.value().name() {
            _ if is_never_shown(element) => unseen.push(node.id()),
            "td" | "th"
                if !node
                    .prev_siblings()
                    .any(|before| before.value().is_element()) =>
            {
                rows.push(node.id());
            }
            "img" if element.attr("alt").is_none_or(|alt| alt.trim().is_empty()) => {
                pictures.push(node.id());
            }
            "hr" => rules.push(node.id()),
            _ => {}
        }
    }
    let mark = |mark: char| {
        let text = mark.to_string().into();
        Node::Text(Text { text })
    };
    for id in rows {
        if let Some(mut node) = document.tree.get_mut(id) {
            node.prepend(mark(BREAK));
        }
    }
    for (id, letter) in pictures
        .into_iter()
        .map(|id| (id, PICTURE))
        .chain(rules.into_iter().map(|id| (id, RULE)))
    {
        if let Some(mut node) = document.tree.get_mut(id) {
            node.insert_before(mark(letter));
        }
    }
    for id in unseen {
        if let Some(mut node) = document.tree.get_mut(id) {
            node.detach();
        }
    }
    document.html().replace(RULE, &format!("<p>{RULE}</p>"))
}

/// Writes the links of a converted text. Of a picture and its caption that lead to the same
/// place under the same name, one is enough.
fn with_links<'a>(converted: &str, original: &dyn Fn(&str) -> Option<&'a str>) -> String {
    let mut pieces = converted.split(ADDRESS);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    let mut last = None;
    for piece in pieces {
        let (address, rest) = piece.split_once(LABEL).unwrap_or((piece, ""));
        let (label, behind) = rest.split_once(END).unwrap_or((rest, ""));
        let target = original(address.trim()).unwrap_or(address.trim());
        let described = label.replace(PICTURE, "");
        let label = if described.len() < label.len() {
            described.trim_start()
        } else {
            label
        };
        let this = Some((label.trim().to_owned(), target));
        if this != last {
            // A letter directly behind an address would be read as a part of it.
            let touches = behind.starts_with(|c: char| {
                !c.is_whitespace() && !c.is_ascii_punctuation() || c == '_' || c == '-'
            });
            text.push_str(&link(label, address.trim(), target, touches));
        }
        text.push_str(behind);
        last = this.filter(|_| behind.chars().all(|c| c.is_whitespace() || c == BREAK));
    }
    text
}

/// One link as text: `address` stands for `target`, or is the same.
fn link<'a>(label: &'a str, address: &str, target: &str, touches: bool) -> Cow<'a, str> {
    let shown = label.trim();
    if says_it_all(shown, target) {
        return Cow::Borrowed(label);
    }
    if shown == target {
        let address = if touches {
            format!("<{address}>")
        } else {
            address.to_owned()
        };
        return Cow::Owned(label.replace(shown, &address));
    }
    // Keep the lines that a block inside the link began and ended.
    let end = label.trim_end().len();
    let gap = if shown.is_empty() { "" } else { " " };
    Cow::Owned([&label[..end], gap, "<", address, ">", &label[end..]].concat())
}

/// Is a link's text all that can be said of it? Not of web addresses, nor of those that are
/// filled in later; but a mail address is its own link, and `#top` leads nowhere here.
fn says_it_all(shown: &str, target: &str) -> bool {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    match target.split_once(':') {
        Some(("mailto", mailbox)) => shown.contains(mailbox.split('?').next().unwrap_or_default()),
        Some(("tel", number)) => digits(shown).ends_with(digits(number).trim_start_matches("49")),
        Some((scheme, _)) if scheme.chars().all(char::is_alphanumeric) => {
            !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str())
        }
        _ => target.starts_with(|c: char| c.is_ascii() && c != '{') || target.is_empty(),
    }
}

/// Makes lines of a readable length, drops invisible filling characters, and leaves at most one
/// empty line in a row.
fn tidy(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut empty = 0;
    let mut rule = false;
    for line in text.lines() {
        empty += usize::from(line.contains(BREAK));
        let is_rule = line.contains(RULE);
        let line: String = line.chars().filter(|c| !is_filling(*c)).collect();
        if is_rule || !line.chars().any(is_drawn) {
            rule |= is_rule;
            empty += 1;
            continue;
        }
        let indent: String = line.chars().take_while(|c| *c == ' ').take(8).collect();
        let words = line
            .split_whitespace()
            .map(|word| word.trim_matches('\u{200C}'))
            .filter(|word| !word.is_empty());
        if !result.is_empty() {
            result.push_str(if empty > 0 { "\n\n" } else { "\n" });
            if std::mem::take(&mut rule) {
                result.push_str(RULE_TEXT);
                result.push_str("\n\n");
            }
        }
        rule = false;
        empty = 0;
        result.push_str(&indent);
        let mut column = indent.len();
        for (number, word) in words.enumerate() {
            let width = word.chars().count();
            if number > 0 && column + 1 + width > WIDTH {
                result.push('\n');
                result.push_str(&indent);
                column = indent.len();
            } else if number > 0 {
                result.push(' ');
                column += 1;
            }
            result.push_str(word);
            column += width;
        }
    }
    result.push('\n');
    result
}

/// Characters without a picture that fill preview lines or hint at word breaks. Joiners and marks of
/// direction are none: they make one emoji of several, and lines of two scripts readable.
fn is_filling(c: char) -> bool {
    matches!(
        c,
        BREAK | PICTURE | RULE | '\u{AD}' | '\u{34F}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}'
    )
}

/// Is there anything to be seen of it?
fn is_drawn(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Decorates nothing but links and lists.
#[derive(Clone, Copy)]
struct MailText;

impl TextDecorator for MailText {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        // The address is given here, but wanted behind the text: `with_links` moves it there.
        (format!("{ADDRESS}{url}{LABEL}"), ())
    }

    fn decorate_link_end(&mut self) -> String {
        END.to_string()
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _src: &str, title: &str) -> (String, ()) {
        (title.to_owned(), ())
    }

    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }

    fn ordered_item_prefix(&self, i: i64) -> String {
        format!("{i}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        *self
    }

    fn decorate_superscript_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_superscript_end(&self) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests;
