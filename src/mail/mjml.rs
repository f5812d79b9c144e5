//! Makes HTML of MJML, the language in which many newsletters are written.
//!
//! `tree` reads the source leniently, as the reference implementation does, and says what would be
//! lost. `carrier` brings the document through the renderer (crate mrml) without a change to what
//! the author wrote: values, texts and template syntax travel as words and are put back behind.
//! Nothing is included from a disk or the network, and no fonts are fetched from others unless the
//! author names them: a font's server learns who opens the mail.

use mrml::prelude::parser::Error;
use mrml::prelude::render::RenderOptions;

use super::personalise::TemplateProblem;
use super::syntax::Masked;

mod additions;
mod carrier;
mod lengths;
mod tree;
mod vocabulary;

use carrier::Carrier;
pub use tree::Oddity;

/// Is this source MJML? HTML never begins like that. An XML declaration, a document type, comments
/// and a byte order mark may stand in front.
pub fn is_mjml(source: &str) -> bool {
    tree::root(&Masked::new(source).shape()).is_some()
}

/// Makes HTML of MJML.
///
/// # Errors
/// The first problem, for the author, with the line of the MJML.
pub fn to_html(source: &str) -> Result<String, TemplateProblem> {
    let masked = Masked::new(source);
    let document = tree::read(source, &masked, &masked.shape())?;
    let carrier = Carrier::new(source, &masked, &document);
    let problem = |at: usize, message: &str| TemplateProblem {
        line: tree::line(source, at),
        message: message.to_owned(),
    };
    let element = mrml::parse(&carrier.text)
        .map_err(|error| {
            let at = carrier.source_place(place(&error, &carrier.text));
            problem(at, message(&error))
        })?
        .element;
    let options = RenderOptions {
        fonts: std::collections::HashMap::default(),
        ..RenderOptions::default()
    };
    let html = element
        .render(&options)
        .map_err(|_| problem(0, "Aus diesem MJML lässt sich kein HTML machen."))?;
    let html = carrier
        .put_back(&mended(&html))
        .ok_or_else(|| problem(0, "Das HTML, das daraus wird, ist zu lang."))?;
    additions::add(html, &carrier.additions).map_err(|(at, message)| problem(at, message))
}

/// What the author may have meant otherwise: unknown attributes, texts and elements in places where
/// they have no effect. Nothing for MJML that can't be read.
pub fn oddities(source: &str) -> Vec<Oddity> {
    let masked = Masked::new(source);
    tree::read(source, &masked, &masked.shape())
        .map(|document| document.oddities)
        .unwrap_or_default()
}

/// What the renderer writes otherwise than the reference implementation, and wrongly.
fn mended(html: &str) -> String {
    const HERO: &str = "mso-padding-bottom-alt:0;padding-bottom:";

    // The language that MJML takes where none is named says nothing to a screen reader.
    let html = html.replace(" lang=\"und\"", " lang=\"de\"");
    // Meant for Yahoo's program alone, which ignores the comma that others need.
    let html = html.replace("@media screen, yahoo", "@media screen yahoo");
    let mut parts = html.split(HERO);
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (ratio, rest) = part.split_once(';').unwrap_or((part, ""));
        let ratio = ratio
            .parse::<f32>()
            .map_or_else(|_| ratio.to_owned(), |ratio| format!("{}%", ratio.round()));
        result.extend([HERO, &ratio, ";", rest]);
    }
    result
}

/// Where in the renderer's text an error is.
fn place(error: &Error, text: &str) -> usize {
    match error {
        Error::UnexpectedElement { position, .. }
        | Error::UnexpectedToken { position, .. }
        | Error::MissingAttribute { position, .. }
        | Error::InvalidAttribute { position, .. }
        | Error::InvalidFormat { position, .. }
        | Error::IncludeLoaderError { position, .. } => position.start,
        Error::EndOfStream { .. } => text.len(),
        _ => 0,
    }
}

fn message(error: &Error) -> &'static str {
    match error {
        Error::MissingAttribute { name: "name", .. } => "Hier fehlt das Attribut „name“.",
        Error::MissingAttribute { .. } => "Hier fehlt ein Attribut.",
        Error::InvalidAttribute { .. } => "Dieses Attribut ist ungültig.",
        Error::UnexpectedElement { .. } => "Dieses Element darf hier nicht stehen.",
        _ => {
            "Das MJML ist hier nicht richtig geschrieben: Prüfen Sie Anführungszeichen und schließende Elemente."
        }
    }
}

#[cfg(test)]
mod tests;
