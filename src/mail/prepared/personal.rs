//! Whether a mail has its two personal links where a reader sees them.
//!
//! That is decided on the finished mail ([`crate::mail::visible`]). Reading one takes longer than
//! filling in names, so it is decided once per mailing where it is the same for all recipients, and
//! for each mail where conditions or values could make a difference.

use std::cell::RefCell;
use std::ops::Range;

use lol_html::html_content::{Element, TextChunk, TextType};
use lol_html::{Settings, doc_text, element};
use serde_json::{Map, Value};

use super::footer::{self, Missing};
use super::{PreparedMailing, RenderedMail, TrackingUrls};
use crate::mail::links::is_own;
use crate::mail::personalise::standard;
use crate::mail::syntax::{Kind, Masked};
use crate::mail::visible::{Document, UnseenEnd, explain};
use crate::mail::walk::walk;
use crate::mail::{MailError, Part, Recipient, bounds, links};

/// Attributes whose values change nothing about what else is seen.
const HARMLESS: [&str; 4] = ["href", "src", "alt", "title"];

/// Which of the personal links the author of a mail has not placed where readers see them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lacks {
    /// The link to unsubscribe.
    pub unsubscribe: bool,
    /// The link to the page to object to personal tracking.
    pub preferences: bool,
}

impl Lacks {
    /// Looks for the links in a document without footer.
    pub(super) fn of(html: &str, unsubscribe: &str, preferences: &str) -> Self {
        let document = Document::read(html);
        Self {
            unsubscribe: !document.shows_link(unsubscribe),
            preferences: !document.shows_link(preferences),
        }
    }

    /// What the footer has to add.
    pub(super) fn missing<'a>(self, urls: &TrackingUrls<'a>) -> Missing<'a> {
        Missing {
            unsubscribe: self.unsubscribe.then_some(urls.unsubscribe),
            preferences: self.preferences.then_some(urls.preferences),
        }
    }
}

/// Is it the same for all recipients what a reader sees of this source's links? Values that are
/// printed as text, or in quotes as an address, are harmless: they are escaped.
pub(super) fn is_same_for_all(html: &str) -> Result<bool, MailError> {
    let masked = Masked::new(html);
    let harmless = RefCell::new(Vec::<Range<usize>>::new());
    let on_element = |element: &mut Element| {
        for attribute in element.attributes() {
            if let Some(location) = attribute.value_source_location() {
                let range = location.bytes();
                let quoted = matches!(
                    html.as_bytes().get(range.start.wrapping_sub(1)),
                    Some(b'"' | b'\'')
                );
                if quoted && HARMLESS.contains(&attribute.name().as_str()) {
                    harmless.borrow_mut().push(range);
                }
            }
        }
        Ok(())
    };
    let on_text = |text: &mut TextChunk| {
        if text.text_type() == TextType::Data {
            harmless.borrow_mut().push(text.source_location().bytes());
        }
        Ok(())
    };
    walk(
        &masked.text,
        Settings {
            element_content_handlers: vec![element!("*", on_element)],
            document_content_handlers: vec![doc_text!(on_text)],
            ..Settings::new()
        },
    )?;
    let mut harmless = harmless.into_inner();
    harmless.sort_by_key(|range| range.start);
    Ok(masked.pieces.iter().all(|piece| {
        let text = &html[piece.range.clone()];
        let before = &html[..piece.range.start];
        let begins_a_tag = before.ends_with('<') || before.ends_with("</");
        let names_own = |name: &str| text.to_lowercase().contains(name);
        let plain = !(names_own("abmelde") || names_own("datenschutz"))
            || (is_own(text) && !text.contains('|'));
        let at = harmless.partition_point(|range| range.start <= piece.range.start);
        let inside = at > 0 && harmless[at - 1].end >= piece.range.end;
        match piece.kind {
            Kind::Comment => true,
            Kind::Block => false,
            Kind::Value => plain && inside && !begins_a_tag,
        }
    }))
}

/// Addresses that no author can have written, for mails to nobody.
pub(super) struct Samples {
    base: String,
}

impl Samples {
    pub(super) fn new() -> Result<Self, MailError> {
        let host = u128::from_ne_bytes(crate::mail::random()?);
        Ok(Self {
            base: format!("https://{host:032x}.invalid"),
        })
    }

    pub(super) fn address(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }
}

impl PreparedMailing {
    /// Makes sure that every mail of this mailing, whose HTML is `html`, can have its links: what
    /// is added at the end is seen there. Tells which links are added, to somebody at least.
    ///
    /// # Errors
    /// [`MailError::Unseen`] if readers would not see the end of the mail.
    pub fn check(&self, html: &str) -> Result<Lacks, MailError> {
        let samples = Samples::new()?;
        let address = |name| samples.address(name);
        let mut lacks = self.lacks.unwrap_or_default();
        for value in ["", "Muster"] {
            let (marked, own) = self.sample(value, &samples)?;
            bounds::check_nesting(&marked)?;
            if self.lacks.is_none() {
                let found = Lacks::of(&marked, &own[0], &own[1]);
                lacks.unsubscribe |= found.unsubscribe;
                lacks.preferences |= found.preferences;
            }
            let (unsubscribe, preferences, pixel) = (address("u"), address("p"), address("o"));
            let mut end = Missing {
                unsubscribe: Some(&unsubscribe),
                preferences: Some(&preferences),
            }
            .html()?;
            end.push_str(&footer::pixel(&pixel)?);
            let finished = self.finish(&marked, &end, |mark| mark.link.raw.clone());
            let document = Document::read(&finished);
            let seen = document.shows_link(&unsubscribe)
                && document.shows_link(&preferences)
                && document.loads(&pixel);
            if !seen {
                return Err(MailError::Unseen(why_unseen(html)?));
            }
        }
        Ok(lacks)
    }

    /// Makes sure that one mail has its links, and its pixel if it is to have one, where the check
    /// of the mailing could not tell.
    ///
    /// # Errors
    /// [`MailError::Unseen`] if it has not.
    pub fn check_mail(&self, mail: &RenderedMail, urls: &TrackingUrls) -> Result<(), MailError> {
        if self.lacks.is_some() {
            return Ok(());
        }
        let document = Document::read(&mail.html);
        let seen = document.shows_link(urls.unsubscribe)
            && document.shows_link(urls.preferences)
            && urls.pixel.is_none_or(|pixel| document.loads(pixel));
        if seen {
            return Ok(());
        }
        Err(MailError::Unseen(UnseenEnd::unknown()))
    }

    /// The marked HTML of somebody whose every field has this value, and the addresses of the
    /// personal links in it.
    pub(super) fn sample(
        &self,
        value: &str,
        samples: &Samples,
    ) -> Result<(String, [String; 2]), MailError> {
        let fields: Map<String, Value> = self
            .templates
            .names()
            .filter(|name| standard(name).is_none())
            .map(|name| (name.to_owned(), Value::from(value)))
            .collect();
        let recipient = Recipient {
            first_name: value,
            last_name: value,
            address: "muster@example.org",
            fields: &fields,
        };
        let own = [samples.address("abmelden"), samples.address("datenschutz")];
        let variables = self.templates.variables(&recipient, &own[0], &own[1]);
        Ok((self.templates.render(Part::Html, &variables)?, own))
    }
}

fn why_unseen(html: &str) -> Result<UnseenEnd, MailError> {
    let end = links::end_of(html)?;
    explain(&Masked::new(html).text[..end])
}
