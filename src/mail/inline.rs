//! Writes the rules of a mail's `<style>` sheets to the elements they are for: many mail programs
//! read no style sheets, but all read `style` attributes.
//!
//! css-inline finds out which declarations an element gets, from a copy in which the template
//! syntax is blank and every element has a number. What it answers is put into the *source* at
//! those elements, and nothing else changes: conditions around table rows, Outlook's comments and
//! the author's line breaks stay where they are. The sheets stay too, so `@media` rules, `:hover`
//! and what a placeholder makes of a `class` work where programs know them.
//!
//! This happens once per mailing, before its links are marked. It never fails: what can't be read
//! is left as it is, and the author is told. Nothing is fetched, from nowhere.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use css_inline::CSSInliner;
use lol_html::html_content::Element;
use lol_html::{RewriteStrSettings, Settings, element, rewrite_str};

use super::syntax::Masked;
use super::walk::walk;
use super::{MailError, attribute};

/// By this attribute css-inline's answer says which element is which.
const NUMBER: &str = "data-widerspruch-nr";

/// The most bytes of rules times elements. A long newsletter has 30 kB and 2,000 elements; beyond
/// that the work, or what the elements would get, is more than any mail needs.
const MOST_WORK: usize = 100_000_000;

/// The longest mail that comes of it, in bytes.
const LONGEST: usize = 2 * 1024 * 1024;

/// A source whose elements carry their styles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlined<'a> {
    /// The source.
    pub html: Cow<'a, str>,
    /// Why it was left as it is, although it has style sheets.
    pub problem: Option<StyleProblem>,
}

/// Why styles could not be written to the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleProblem {
    /// The style sheets or the markup can't be read.
    Unreadable,
    /// There are too many rules for too many elements.
    TooMuch,
}

/// One element's start tag in the source.
#[derive(Debug, Clone)]
struct Tag {
    /// Behind the tag's name: where an attribute can begin.
    behind_name: usize,
    /// Its `style` attributes: as a rule none or one.
    styles: Vec<Range<usize>>,
    /// A style sheet's rules, if it is one.
    rules: Option<Range<usize>>,
    /// Whether its rules are for all readers, whatever their screen.
    applies: bool,
    /// Whether it can carry a style that somebody sees.
    shows: bool,
}

/// Writes the styles of `html` to its elements.
pub fn inline(html: &str) -> Inlined<'_> {
    match try_inline(html) {
        Ok(Some(inlined)) => Inlined {
            html: Cow::Owned(inlined),
            problem: None,
        },
        Ok(None) => untouched(html, None),
        Err(problem) => untouched(html, Some(problem)),
    }
}

const fn untouched(html: &str, problem: Option<StyleProblem>) -> Inlined<'_> {
    Inlined {
        html: Cow::Borrowed(html),
        problem,
    }
}

fn try_inline(html: &str) -> Result<Option<String>, StyleProblem> {
    let unreadable = |_: MailError| StyleProblem::Unreadable;
    let masked = Masked::new(html);
    super::bounds::check_nesting(&masked.text).map_err(unreadable)?;
    let tags = tags(&masked).map_err(unreadable)?;
    let rules: usize = tags
        .iter()
        .filter(|tag| tag.applies)
        .filter_map(|tag| tag.rules.as_ref())
        .map(Range::len)
        .sum();
    if rules == 0 {
        return Ok(None);
    }
    if rules.saturating_mul(tags.len()) > MOST_WORK {
        return Err(StyleProblem::TooMuch);
    }
    let answer = CSSInliner::options()
        .load_remote_stylesheets(false)
        .keep_link_tags(true)
        .keep_style_tags(true)
        .build()
        .inline(&numbered(&masked, &tags))
        .map_err(|_| StyleProblem::Unreadable)?;
    let styles = styles(&answer).map_err(unreadable)?;
    let inlined = written(html, &masked, &tags, &styles);
    if inlined.len() > LONGEST.max(html.len()) {
        return Err(StyleProblem::TooMuch);
    }
    Ok(Some(inlined))
}

/// All start tags, in the order of the source.
fn tags(masked: &Masked) -> Result<Vec<Tag>, MailError> {
    let found = RefCell::new(Vec::new());
    let on_element = |element: &mut Element| {
        found.borrow_mut().push(tag(element, masked));
        Ok(())
    };
    walk(
        &masked.text,
        Settings {
            element_content_handlers: vec![element!("*", on_element)],
            ..Settings::new()
        },
    )?;
    Ok(found.into_inner())
}

fn tag(element: &Element, masked: &Masked) -> Tag {
    let whole = element.source_location().bytes();
    let name = element.tag_name();
    let styles: Vec<Range<usize>> = element
        .attributes()
        .iter()
        .filter(|attribute| attribute.name() == "style")
        .filter_map(|attribute| Some(attribute.value_source_location()?.bytes()))
        .collect();
    // A placeholder without quotes around it swallows the attribute behind it.
    let hidden = styles.is_empty()
        && masked.text[whole.clone()]
            .to_ascii_lowercase()
            .contains("style=");
    let rules = (name == "style").then(|| {
        let behind = &masked.text[whole.end..];
        let length = behind
            .as_bytes()
            .windows(7)
            .position(|window| window.eq_ignore_ascii_case(b"</style"))
            .unwrap_or(behind.len());
        whole.end..whole.end + length
    });
    let for_all = element.get_attribute("media").is_none_or(|media| {
        matches!(
            media.trim().to_ascii_lowercase().as_str(),
            "" | "all" | "screen"
        )
    });
    let fixed = rules.as_ref().is_some_and(|rules| !masked.within(rules));
    Tag {
        behind_name: whole.start + 1 + name.len(),
        styles,
        rules,
        applies: for_all && fixed,
        shows: !hidden
            && !matches!(
                name.as_str(),
                "head" | "title" | "meta" | "style" | "link" | "script" | "base"
            ),
    }
}

/// The copy that css-inline reads: its elements have numbers, and where a placeholder stands in
/// a `style`, that is left out.
fn numbered(masked: &Masked, tags: &[Tag]) -> String {
    let mut edits = Vec::with_capacity(tags.len());
    for (number, tag) in tags.iter().enumerate() {
        let mut added = format!(" {NUMBER}=\"{number}\"");
        if tag.rules.is_some() && !tag.applies {
            added.push_str(" data-css-inline=\"ignore\"");
        }
        edits.push((tag.behind_name..tag.behind_name, added));
        for style in &tag.styles {
            if masked.within(style) {
                edits.push((style.clone(), " ".repeat(style.len())));
            }
        }
    }
    spliced(&masked.text, &edits)
}

/// The styles of css-inline's answer by the elements' numbers.
fn styles(answer: &str) -> Result<HashMap<usize, String>, MailError> {
    let found = RefCell::new(HashMap::new());
    let on_element = |element: &mut Element| {
        let number = element
            .get_attribute(NUMBER)
            .and_then(|number| number.parse::<usize>().ok());
        let style = element.get_attribute("style");
        if let (Some(number), Some(style)) = (number, style) {
            let style = attribute::decode(&style)
                .split_ascii_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            // A parser may repeat an element that was not closed; the first one is it.
            found.borrow_mut().entry(number).or_insert(style);
        }
        Ok(())
    };
    rewrite_str(
        answer,
        RewriteStrSettings {
            element_content_handlers: vec![element!("*", on_element)],
            strict: false,
            ..RewriteStrSettings::new()
        },
    )?;
    Ok(found.into_inner())
}

/// The source with the styles at its elements.
fn written(html: &str, masked: &Masked, tags: &[Tag], styles: &HashMap<usize, String>) -> String {
    let mut edits = Vec::new();
    for (number, tag) in tags.iter().enumerate() {
        let Some(style) = styles.get(&number).filter(|style| !style.is_empty()) else {
            continue;
        };
        // Braces of a style sheet's own that a template would read as its syntax.
        let opens = ["{{", "{%", "{#"].iter().any(|open| style.contains(open));
        if !tag.shows || opens {
            continue;
        }
        if tag.styles.is_empty() {
            let added = format!(" style=\"{}\"", attribute::encode(style));
            edits.push((tag.behind_name..tag.behind_name, added));
        }
        for range in &tag.styles {
            let own = &html[range.clone()];
            let quoted = matches!(html.as_bytes()[range.start - 1], b'"' | b'\'');
            let encoded = attribute::encode(style);
            let written = match (masked.within(range), quoted) {
                // What the author wrote here comes last, so that it counts.
                (true, true) => format!("{};{own}", encoded.trim_end_matches(';')),
                (true, false) => continue,
                (false, true) => encoded.into_owned(),
                (false, false) => format!("\"{encoded}\""),
            };
            edits.push((range.clone(), written));
        }
    }
    spliced(html, &edits)
}

/// The source with these ranges, in order and apart, replaced.
fn spliced(source: &str, edits: &[(Range<usize>, String)]) -> String {
    let added: usize = edits.iter().map(|(_, text)| text.len()).sum();
    let mut result = String::with_capacity(source.len() + added);
    let mut done = 0;
    for (range, text) in edits {
        result.push_str(&source[done..range.start]);
        result.push_str(text);
        done = range.end;
    }
    result.push_str(&source[done..]);
    result
}

#[cfg(test)]
mod tests;
