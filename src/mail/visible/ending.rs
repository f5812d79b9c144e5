//! Why the end of a document is not seen, where footer and pixel stand: what was begun before and
//! never ended.

use std::cell::Cell;

use lol_html::html_content::Element;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use scraper::{ElementRef, Node};

use super::View;
use crate::mail::MailError;

/// By this attribute an element tells on which line it begins.
const LINE: &str = "data-widerspruch-zeile";

/// The element that is looked for at the end.
const PROBE: &str = "<i class=widerspruch-ende>x</i>";
const PROBE_CLASS: &str = "widerspruch-ende";

/// How many beginnings of tags are tried, where a tag itself does not end.
const MOST_TAGS: usize = 50;

/// Why a reader does not see what stands at the end of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnseenEnd {
    /// The line of the HTML where it begins, as far as it is known.
    pub line: Option<usize>,
    /// What is wrong, in German.
    pub message: String,
}

impl UnseenEnd {
    /// The reason is not known.
    pub(crate) fn unknown() -> Self {
        unended(None, "Am Ende des Inhalts ist nichts zu sehen.")
    }
}

/// Looks for the reason in a source whose template syntax is blank, up to where its end is.
pub(crate) fn explain(before_end: &str) -> Result<UnseenEnd, MailError> {
    let document = View::read(&[&with_lines(before_end)?, PROBE].concat());
    let newlines = before_end.matches('\n').count();
    for node in document.html.tree.root().descendants() {
        match node.value() {
            Node::Element(element) if element.attr("class") == Some(PROBE_CLASS) => {
                let text = node.first_child().unwrap_or(node);
                return Ok(match document.hidden_by(text) {
                    Some(element) => hidden(element),
                    None => conditional(before_end).unwrap_or_else(UnseenEnd::unknown),
                });
            }
            Node::Comment(comment) if comment.contains(PROBE) => {
                let what = if comment.trim_start().to_ascii_lowercase().starts_with("[if") {
                    "Hier beginnt <!--[if …]>, dem das Ende <![endif]--> fehlt."
                } else {
                    "Hier beginnt ein Kommentar (<!--), dem das Ende --> fehlt."
                };
                return Ok(unended(
                    Some((1 + newlines).saturating_sub(comment.matches('\n').count())),
                    what,
                ));
            }
            Node::Text(text) if text.contains(PROBE) => {
                let name = node
                    .parent()
                    .and_then(ElementRef::wrap)
                    .map_or("plaintext", |element| element.value().name());
                let line = (1 + newlines).saturating_sub(text.matches('\n').count());
                return Ok(if name == "plaintext" {
                    unended(
                        None,
                        "Hinter <plaintext> zeigt ein Mailprogramm nur noch Quelltext.",
                    )
                } else {
                    unended(
                        Some(line),
                        format!("Hier beginnt <{name}>, dem das Ende </{name}> fehlt."),
                    )
                });
            }
            _ => {}
        }
    }
    let tag = before_end
        .rmatch_indices('<')
        .take(MOST_TAGS)
        .find(|(at, _)| {
            let document = View::read(&[&before_end[..*at], PROBE].concat());
            let mut nodes = document.html.tree.root().descendants();
            nodes.any(|node| {
                node.value()
                    .as_element()
                    .is_some_and(|element| element.attr("class") == Some(PROBE_CLASS))
            })
        });
    Ok(match tag {
        Some((at, _)) => unended(
            Some(1 + before_end[..at].matches('\n').count()),
            "Hier beginnt ein Tag, dem das Ende > oder ein Anführungszeichen fehlt.",
        ),
        None => unended(
            None,
            "Im Inhalt fehlt das Ende eines Kommentars oder eines Elements.",
        ),
    })
}

/// The source whose elements say on which line they begin.
fn with_lines(source: &str) -> Result<String, MailError> {
    let (counted, line) = (Cell::new(0), Cell::new(1));
    let number = |element: &mut Element| {
        let start = element.source_location().bytes().start;
        line.set(line.get() + source[counted.get()..start].matches('\n').count());
        counted.set(start);
        element.set_attribute(LINE, &line.get().to_string())?;
        Ok(())
    };
    Ok(rewrite_str(
        source,
        RewriteStrSettings {
            element_content_handlers: vec![element!("*", number)],
            strict: false,
            ..RewriteStrSettings::new()
        },
    )?)
}

fn hidden(element: ElementRef) -> UnseenEnd {
    let line = element.attr(LINE).and_then(|line| line.parse().ok());
    let name = element.value().name();
    unended(
        line,
        format!("Hier beginnt ein verstecktes Element (<{name}>), das bis zum Ende reicht."),
    )
}

fn conditional(before_end: &str) -> Option<UnseenEnd> {
    let lower = before_end.to_ascii_lowercase();
    let at = lower.rfind("[if")?;
    let line = 1 + before_end[..at].matches('\n').count();
    Some(unended(
        Some(line),
        "Ab diesem [if …] zeigen nicht alle Mailprogramme, was folgt: Es fehlt ein [endif] oder das Ende eines Elements.",
    ))
}

fn unended(line: Option<usize>, what: impl Into<String>) -> UnseenEnd {
    let message = format!(
        "{} Alles dahinter ist unsichtbar, auch der Link zum Abmelden und der zu den Datenschutz-Einstellungen.",
        what.into()
    );
    UnseenEnd { line, message }
}
