//! Writes the rules of a mail's `<style>` sheets to the elements they are for: many mail programs
//! read no style sheets, but all read `style` attributes.
//!
//! The sheets stay too, and programs that read them show the same as without this: what comes to
//! an element is what no rule of the sheets may change there. `@media`, `:hover`, and rules that
//! depend on a condition or a placeholder of the template keep their effect (`cascade`,
//! `conditions`).
//!
//! Which elements a selector is for is found in a copy in which the template syntax is blank and
//! every element has a number. What comes to them is put into the *source*, and nothing else
//! changes: conditions around table rows, Outlook's comments and the author's line breaks stay
//! where they are.
//!
//! This happens once per mailing, before its links are marked. It never fails: what can't be read
//! is left as it is, and the author is told. Nothing is fetched, from nowhere.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use lol_html::html_content::Element;
use lol_html::{Settings, element};

use super::syntax::Masked;
use super::tag::Tag;
use super::walk::walk;
use super::{MailError, attribute, splice};

mod cascade;
mod conditions;
mod matching;
mod selector;
mod sheet;

use conditions::{Conditions, certain_words};
use matching::{Matching, Numbered};

/// By this attribute the copy says which element is which.
const NUMBER: &str = "data-widerspruch-nr";

/// The most bytes of rules times elements. A long newsletter has 30 kB and 2,000 elements; beyond
/// that the work, or what the elements would get, is more than any mail needs.
const MAX_WORK: usize = 100_000_000;

/// The longest mail that comes of it, in bytes.
const MAX_LENGTH: usize = 2 * 1024 * 1024;

/// A source whose elements carry their styles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlined<'a> {
    /// The source.
    pub html: Cow<'a, str>,
    /// Why it was left as it is, although it has style sheets.
    pub problem: Option<StyleProblem>,
    /// The properties that stay in the sheets at some elements, since a rule may change them there.
    pub left: BTreeSet<String>,
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
struct Start {
    /// The tag.
    whole: Range<usize>,
    /// Behind the tag's name: where an attribute can begin.
    behind_name: usize,
    /// Its `style` attributes: as a rule none or one.
    styles: Vec<Range<usize>>,
    /// A style sheet's rules, if it is one.
    rules: Option<Range<usize>>,
    /// Whether its rules are for all readers, whatever their screen.
    is_for_all: bool,
    /// Whether it can carry a style that somebody sees.
    shows: bool,
}

/// Writes the styles of `html` to its elements.
pub fn inline(html: &str) -> Inlined<'_> {
    match try_inline(html) {
        Ok(Some((inlined, left))) => Inlined {
            html: Cow::Owned(inlined),
            problem: None,
            left,
        },
        Ok(None) => untouched(html, None),
        Err(problem) => untouched(html, Some(problem)),
    }
}

const fn untouched(html: &str, problem: Option<StyleProblem>) -> Inlined<'_> {
    Inlined {
        html: Cow::Borrowed(html),
        problem,
        left: BTreeSet::new(),
    }
}

fn try_inline(html: &str) -> Result<Option<(String, BTreeSet<String>)>, StyleProblem> {
    let unreadable = |_: MailError| StyleProblem::Unreadable;
    let masked = Masked::new(html);
    super::bounds::check_nesting(&masked.text).map_err(unreadable)?;
    let starts = starts(&masked).map_err(unreadable)?;
    let length: usize = starts
        .iter()
        .filter_map(|start| start.rules.as_ref())
        .map(Range::len)
        .sum();
    if length == 0 {
        return Ok(None);
    }
    if length.saturating_mul(starts.len()) > MAX_WORK {
        return Err(StyleProblem::TooMuch);
    }
    let shape = masked.shape();
    let tags: Vec<Range<usize>> = starts.iter().map(|start| start.whole.clone()).collect();
    let conditions = Conditions::find(html, &masked, &shape, &tags);
    let mut rules = Vec::new();
    for start in &starts {
        if let Some(range) = &start.rules {
            let at = start.whole.start;
            let is_certain = start.is_for_all
                && !masked.within(range)
                && !conditions.contain(at)
                && !is_hidden_from_outlook(&masked.text, at);
            sheet::read(&shape[range.clone()], !is_certain, &mut rules);
        }
    }
    if rules.iter().all(|rule| rule.conditional) {
        return Ok(None);
    }
    let numbered = numbered(html, &masked, &shape, &starts);
    let styles = Matching::new(&numbered, &conditions)
        .styles(&rules, starts.len())
        .ok_or(StyleProblem::TooMuch)?;
    let mut left = BTreeSet::new();
    let inlined = written(html, &masked, &starts, &styles, &mut left);
    if inlined.len() > MAX_LENGTH.max(html.len()) {
        return Err(StyleProblem::TooMuch);
    }
    Ok(Some((inlined, left)))
}

/// Does this place stand in `<!--[if !mso]><!-->` … `<!--<![endif]-->`?
fn is_hidden_from_outlook(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let begins = before.rfind("<!--[if").max(before.rfind("<![if"));
    begins > before.rfind("<![endif]")
}

/// All start tags, in the order of the source.
fn starts(masked: &Masked) -> Result<Vec<Start>, MailError> {
    let found = RefCell::new(Vec::new());
    let on_element = |element: &mut Element| {
        found.borrow_mut().push(start(element, masked));
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

fn start(element: &Element, masked: &Masked) -> Start {
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
    let value = |name: &str| {
        let value = element.get_attribute(name).unwrap_or_default();
        value.trim().to_ascii_lowercase()
    };
    let is_sheet = name == "style" && matches!(value("type").as_str(), "" | "text/css");
    let rules = is_sheet.then(|| {
        let behind = &masked.text[whole.end..];
        let length = behind
            .as_bytes()
            .windows(7)
            .position(|window| window.eq_ignore_ascii_case(b"</style"))
            .unwrap_or(behind.len());
        whole.end..whole.end + length
    });
    Start {
        behind_name: whole.start + 1 + name.len(),
        styles,
        rules,
        is_for_all: matches!(value("media").as_str(), "" | "all" | "screen"),
        shows: !hidden
            && !matches!(
                name.as_str(),
                "head" | "title" | "meta" | "style" | "link" | "script" | "base"
            ),
        whole,
    }
}

/// The copy that selectors are looked up in: its elements have numbers, and of their attributes
/// only what is there in any case.
fn numbered(html: &str, masked: &Masked, shape: &str, starts: &[Start]) -> Numbered {
    let mut edits = Vec::with_capacity(starts.len());
    let mut open = BTreeSet::new();
    for (number, start) in starts.iter().enumerate() {
        let mark = format!(" {NUMBER}=\"{number}\"");
        let attributes = Tag::read(shape, start.whole.start)
            .map(|tag| tag.attributes)
            .unwrap_or_default();
        if !masked.within(&start.whole) {
            edits.push((start.behind_name..start.behind_name, mark));
            continue;
        }
        if attributes.iter().any(|(name, _)| masked.within(name)) {
            // A condition stands around attributes.
            open.insert(number);
            edits.push((start.behind_name..start.whole.end - 1, mark));
            continue;
        }
        edits.push((start.behind_name..start.behind_name, mark));
        for (name, value) in attributes {
            let is_name = matches!(shape[name].to_ascii_lowercase().as_str(), "class" | "id");
            if is_name && masked.within(&value) {
                open.insert(number);
                let words = certain_words(html, masked, &value);
                let quoted = matches!(html.as_bytes()[value.start - 1], b'"' | b'\'');
                edits.push((
                    value,
                    if quoted {
                        words
                    } else {
                        format!("\"{words}\"")
                    },
                ));
            }
        }
    }
    Numbered {
        html: splice(&masked.text, &edits),
        open,
    }
}

/// The source with the styles at its elements.
fn written(
    html: &str,
    masked: &Masked,
    starts: &[Start],
    styles: &[cascade::Styles],
    left: &mut BTreeSet<String>,
) -> String {
    let mut edits = Vec::new();
    for (start, styles) in starts.iter().zip(styles) {
        if !start.shows {
            continue;
        }
        if start.styles.is_empty() {
            let added = styles.write(&[], left);
            let added = format!("{}{}", added.before, added.after);
            if !added.is_empty() && !has_braces(&added) {
                let added = format!(" style=\"{}\"", attribute::encode(&added));
                edits.push((start.behind_name..start.behind_name, added));
            }
        }
        for range in &start.styles {
            let own = &html[range.clone()];
            let declarations = sheet::declarations(&attribute::decode(own));
            let with_syntax = masked.within(range);
            // Of a value with placeholders nobody knows the names.
            let known = if with_syntax { &[][..] } else { &declarations };
            let added = styles.write(known, left);
            if (added.before.is_empty() && added.after.is_empty())
                || has_braces(&added.before)
                || has_braces(&added.after)
            {
                continue;
            }
            let (before, after) = (
                attribute::encode(&added.before),
                attribute::encode(&added.after),
            );
            let quoted = matches!(html.as_bytes()[range.start - 1], b'"' | b'\'');
            // What the author wrote here comes last, so that it counts.
            let text = match own.trim().trim_end_matches(';') {
                "" => format!("{before}{after}"),
                own if after.is_empty() => format!("{before}{own}"),
                own => format!("{before}{own};{after}"),
            };
            match (with_syntax, quoted) {
                (_, true) => edits.push((range.clone(), text)),
                (true, false) => {}
                (false, false) => edits.push((range.clone(), format!("\"{text}\""))),
            }
        }
    }
    splice(html, &edits)
}

/// Braces of a style sheet's own that a template would read as its syntax.
fn has_braces(style: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|open| style.contains(open))
}

#[cfg(test)]
mod tests;
