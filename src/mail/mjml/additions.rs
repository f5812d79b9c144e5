//! `mj-html-attributes`: attributes that a finished document's elements get by CSS selectors.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use lol_html::html_content::Element;
use lol_html::{ElementContentHandlers, Selector, Settings};

use super::carrier::Addition;
use crate::mail::splice;
use crate::mail::syntax::Masked;
use crate::mail::walk::walk;

/// The most attributes that are added by one document: each costs a walk through it.
const MOST: usize = 100;

/// Adds them.
///
/// # Errors
/// The place in the MJML of what can't be done, and why.
pub(super) fn add(
    mut html: String,
    additions: &[Addition],
) -> Result<String, (usize, &'static str)> {
    if let Some(addition) = additions.get(MOST) {
        return Err((addition.start, "Das sind zu viele mj-html-attribute."));
    }
    for addition in additions {
        let selector: Selector = addition.selector.parse().map_err(|_| {
            (
                addition.start,
                "Diesen Selektor (path) versteht das Programm nicht.",
            )
        })?;
        let edits = RefCell::new(Vec::new());
        let on_element = |element: &mut Element| {
            edits.borrow_mut().push(edit(element, addition, &html));
            Ok(())
        };
        let masked = Masked::new(&html);
        walk(
            &masked.text,
            Settings {
                element_content_handlers: vec![(
                    Cow::Borrowed(&selector),
                    ElementContentHandlers::default().element(on_element),
                )],
                ..Settings::new()
            },
        )
        .map_err(|_| (addition.start, "Das HTML kann nicht gelesen werden."))?;
        html = splice(&html, &edits.into_inner());
    }
    Ok(html)
}

fn edit(element: &Element, addition: &Addition, html: &str) -> (Range<usize>, String) {
    let known = element
        .attributes()
        .iter()
        .find(|attribute| attribute.name() == addition.name)
        .and_then(|attribute| Some(attribute.value_source_location()?.bytes()));
    let value = &addition.value;
    let Some(known) = known else {
        let at = element.source_location().bytes().start + 1 + element.tag_name().len();
        return (at..at, format!(" {}=\"{value}\"", addition.name));
    };
    let written = match known.start.checked_sub(1).map(|at| html.as_bytes()[at]) {
        Some(b'"') => value.clone(),
        Some(b'\'') => value.replace('\'', "&#39;"),
        _ => format!("\"{value}\""),
    };
    (known, written)
}
