//! Finds the links of a mail and rewrites exactly them.
//!
//! lol_html reads the markup and says at which bytes an address stands; we put the new address
//! there ourselves. So all the rest of the document, from Outlook's conditional comments to the
//! quotes and line breaks inside the rewritten tag, stays as the author wrote it.
//!
//! A link is *trackable* if it is an absolute http or https address in the `href` of an `<a>` or
//! `<area>` (or stands in the plain text), has no template syntax in it, and its element does not
//! carry `data-ohne-tracking`. Everything else is left alone.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

use lol_html::html_content::{Attribute, Comment, Element};
use lol_html::{Settings, doc_comments, element};
use url::Url;

use super::MailError;
use super::attribute;
use super::bounds;
use super::personalise::{PREFERENCES, UNSUBSCRIBE, standard};
use super::syntax::{Masked, word};
use super::walk::walk;

/// The attribute by which an author exempts one link.
const OPT_OUT: &str = "data-ohne-tracking";

/// The links of a mailing, each once, in the order of the document.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Trackable link targets, decoded: exactly the address that a browser would open.
    pub tracked: Vec<String>,
    /// Links with personal content as they stand in the source. They are never rewritten; the
    /// author is to be told, because such an address tells its target who the reader is.
    pub personal: Vec<String>,
}

/// One trackable link where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The decoded target.
    pub url: String,
    /// The address as the source writes it.
    pub raw: String,
    /// False where an HTML attribute stands without quotes.
    pub quoted: bool,
    /// The bytes of `raw` in the source.
    range: Range<usize>,
}

/// What a look at an HTML source found.
#[derive(Default)]
struct Scan {
    links: Vec<Link>,
    personal: Vec<String>,
    comments: Vec<Range<usize>>,
}

/// Finds the links of a mailing from the sources of its HTML and its plain text part.
pub fn find_links(html: &str, text: &str) -> Result<Links, MailError> {
    let masked = Masked::new(html);
    bounds::check_nesting(&masked.text)?;
    let html = scan_html(html, &masked)?;
    let text = scan_text(text, &Masked::new(text));
    let mut seen = HashSet::new();
    let mut links = Links::default();
    for link in html.links.into_iter().chain(text.links) {
        if seen.insert(link.url.clone()) {
            links.tracked.push(link.url);
        }
    }
    for raw in html.personal.into_iter().chain(text.personal) {
        if !links.personal.contains(&raw) {
            links.personal.push(raw);
        }
    }
    Ok(links)
}

/// Puts what `replace` returns in the place of a trackable link's address, verbatim (see
/// [`attribute_value`]); `None` leaves the link alone. All other bytes stay.
pub fn rewrite_html(
    html: &str,
    replace: impl FnMut(&Link) -> Option<String>,
) -> Result<String, MailError> {
    let scan = scan_html(html, &Masked::new(html))?;
    Ok(splice(html, &scan.links, replace))
}

/// The same for addresses that stand in plain text.
pub fn rewrite_text(text: &str, replace: impl FnMut(&Link) -> Option<String>) -> String {
    splice(text, &scan_text(text, &Masked::new(text)).links, replace)
}

/// An address as it may stand in the place of `link`'s: escaped, and in quotes where there are
/// none yet.
pub fn attribute_value(url: &str, link: &Link) -> String {
    let encoded = attribute::encode(url);
    if link.quoted {
        encoded.into_owned()
    } else {
        ["\"", &encoded, "\""].concat()
    }
}

/// The address to send a reader to in a `Location` header: `url` in ASCII, as a browser would
/// write it on opening the link. `None` if this is no http or https address.
pub fn location(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.into())
}

/// A finished mail whose links open in new tabs, for showing it in a frame. A `base` that says so
/// counts wherever it stands (HTML, 4.2.3).
pub fn with_links_in_new_tabs(html: &str) -> Result<String, MailError> {
    insert_at_end(html, "<base target=\"_blank\">")
}

/// Puts `addition` before `</body>`, or at the end of a document without one.
pub(crate) fn insert_at_end(html: &str, addition: &str) -> Result<String, MailError> {
    let at = end_of(html)?;
    Ok([&html[..at], addition, &html[at..]].concat())
}

/// Where `</body>` stands in a document, or where it ends without one.
pub(super) fn end_of(html: &str) -> Result<usize, MailError> {
    let masked = Masked::new(html);
    let mut visible = masked.text.clone().into_bytes();
    for comment in scan_html(html, &masked)?.comments {
        visible[comment].fill(b' ');
    }
    Ok(visible
        .windows(6)
        .rposition(|window| window.eq_ignore_ascii_case(b"</body"))
        .unwrap_or(html.len()))
}

/// Does this address stand in a plain text where mail programs make exactly it a link? What belongs
/// to the sentence may follow.
pub(super) fn stands_alone(text: &str, address: &str) -> bool {
    text.match_indices(address).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = &text[at + address.len()..];
        let behind = &behind[..behind.find(ends_address).unwrap_or(behind.len())];
        before.is_none_or(|c| ends_address(c) || matches!(c, '(' | '[' | '{' | '*' | '\''))
            && behind
                .chars()
                .all(|c| c.is_ascii_punctuation() || matches!(c, '…' | '’' | '‘'))
            && !behind.starts_with(['/', '&', '=', '?', '#', '%', '_', '-', '+', '@', '~', '$'])
    })
}

/// Replaces the ranges of `links`, which are in order and do not overlap.
fn splice(
    source: &str,
    links: &[Link],
    mut replace: impl FnMut(&Link) -> Option<String>,
) -> String {
    let mut result = String::with_capacity(source.len());
    let mut done = 0;
    for link in links {
        if let Some(replacement) = replace(link) {
            result.push_str(&source[done..link.range.start]);
            result.push_str(&replacement);
            done = link.range.end;
        }
    }
    result.push_str(&source[done..]);
    result
}

fn scan_html(source: &str, masked: &Masked) -> Result<Scan, MailError> {
    let scan = RefCell::new(Scan::default());
    let on_element = |element: &mut Element| {
        scan.borrow_mut().element(element, source, masked);
        Ok(())
    };
    let on_comment = |comment: &mut Comment| {
        scan.borrow_mut()
            .comments
            .push(comment.source_location().bytes());
        Ok(())
    };
    walk(
        &masked.text,
        Settings {
            element_content_handlers: vec![element!("a[href], area[href]", on_element)],
            document_content_handlers: vec![doc_comments!(on_comment)],
            ..Settings::new()
        },
    )?;
    Ok(scan.into_inner())
}

impl Scan {
    fn element(&mut self, element: &Element, source: &str, masked: &Masked) {
        if element.has_attribute(OPT_OUT) {
            return;
        }
        let mut hrefs = element
            .attributes()
            .iter()
            .filter(|attribute| attribute.name() == "href")
            .filter_map(Attribute::value_source_location)
            .map(|location| location.bytes());
        // Of two `href` a browser takes the first, but a condition may stand around each.
        let first = hrefs.next();
        let more = masked.within(&element.source_location().bytes());
        for range in first.into_iter().chain(hrefs.filter(|_| more)) {
            self.href(range, source, masked);
        }
    }

    fn href(&mut self, range: Range<usize>, source: &str, masked: &Masked) {
        let raw = &source[range.clone()];
        let quoted = range.start > 0 && matches!(source.as_bytes()[range.start - 1], b'"' | b'\'');
        let has_syntax = if quoted {
            masked.within(&range)
        } else {
            masked.touches(&range)
        };
        let url = clean(&attribute::decode(raw));
        if has_syntax {
            if (is_web(&url) || url.starts_with('{')) && !is_own(&url) {
                self.personal.push(raw.trim().to_owned());
            }
        } else if is_trackable(&url) {
            self.links.push(Link {
                url,
                raw: raw.to_owned(),
                quoted,
                range,
            });
        }
    }
}

fn scan_text(source: &str, masked: &Masked) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    while let Some(start) = next_scheme(&masked.text, at) {
        let length = masked.text[start..]
            .find(ends_address)
            .unwrap_or(masked.text.len() - start);
        let written = start..start + length;
        if masked.touches(&written) {
            let end = end_of_personal(source, masked, start);
            scan.personal.push(source[start..end].to_owned());
            at = end;
            continue;
        }
        let before = source[..start].chars().next_back();
        let end = written.end;
        let url = if before == Some('<') && source[end..].starts_with('>') {
            // Brackets say where an address ends (RFC 3986, appendix C).
            &source[written]
        } else {
            without_punctuation(&source[written])
        };
        at = start + url.len().max(1);
        // `_address_`: mail programs would take the stroke behind a token for a part of it.
        let emphasised = before == Some('_') && url.ends_with('_');
        if is_trackable(url) && !emphasised {
            scan.links.push(Link {
                url: url.to_owned(),
                raw: url.to_owned(),
                quoted: true,
                range: start..start + url.len(),
            });
        }
    }
    scan
}

/// The next place at or behind `from` where an http or https address begins.
fn next_scheme(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|&at| {
        let starts = |scheme: &[u8]| {
            bytes[at..]
                .get(..scheme.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(scheme))
        };
        (starts(b"https://") || starts(b"http://")) && !text[..at].ends_with(char::is_alphanumeric)
    })
}

fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '<' | '>' | '"' | '`' | '„' | '“' | '”' | '«' | '»' | '‹' | '›'
                // Without a picture: break points, joiners, marks of direction.
                | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{2069}' | '\u{FEFF}'
        )
}

/// Where an address that begins at `start` ends if template syntax belongs to it.
fn end_of_personal(source: &str, masked: &Masked, start: usize) -> usize {
    let mut at = start;
    while at < source.len() {
        if let Some(end) = masked.piece_end(at) {
            at = end;
        } else if let Some(c) = source[at..].chars().next().filter(|&c| !ends_address(c)) {
            at += c.len_utf8();
        } else {
            break;
        }
    }
    at
}

/// Cuts off what belongs to the sentence around an address, such as a full stop, and a closing
/// bracket that was opened before it.
fn without_punctuation(mut url: &str) -> &str {
    loop {
        let unopened = |open: char, close: char| {
            url.ends_with(close) && url.matches(close).count() > url.matches(open).count()
        };
        let cut = url.ends_with(['.', ',', ';', ':', '!', '?', '\'', '*', '…', '’', '‘'])
            || unopened('(', ')')
            || unopened('[', ']')
            || unopened('{', '}');
        let Some(last) = url.chars().next_back().filter(|_| cut) else {
            return url;
        };
        url = &url[..url.len() - last.len_utf8()];
    }
}

/// What a browser makes of an address before it reads it (WHATWG URL, 4.4: "basic URL parser",
/// steps 1–3): no blanks around, no line breaks or tabs inside.
pub(super) fn clean(url: &str) -> String {
    url.trim_matches(|c: char| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect()
}

/// Is this an http or https address?
pub(super) fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn is_trackable(url: &str) -> bool {
    is_web(url) && location(url).is_some()
}

/// Is this one of the two links that every recipient has of his own?
pub(super) fn is_own(url: &str) -> bool {
    url.starts_with("{{") && matches!(standard(word(url)), Some(UNSUBSCRIBE | PREFERENCES))
}

#[cfg(test)]
mod tests;
