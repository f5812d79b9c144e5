//! Makes HTML of MJML, the language in which many newsletters are written.
//!
//! Template syntax is taken out before and put back behind: in texts and attributes a word stands
//! for it; between sections and columns, where MJML has no texts, that word stands in an
//! `<mj-raw>`. Nothing is included from a disk or the network, and no fonts are fetched from
//! others unless the author names them: a font's server learns who opens the mail.

use std::ops::Range;

use mrml::prelude::parser::{Error, Origin, Span};
use mrml::prelude::render::RenderOptions;

use super::personalise::TemplateProblem;
use super::syntax::{Kind, Masked};

mod markup;

use markup::{Markup, broken_condition};

/// Is this source MJML? HTML never begins like that.
pub fn is_mjml(source: &str) -> bool {
    let masked = Masked::new(source);
    let mut rest = masked.text.trim_start_matches('\u{feff}').trim_start();
    while let Some(comment) = rest.strip_prefix("<!--") {
        rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
        rest = rest.trim_start();
    }
    rest.strip_prefix("<mjml")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/'))
}

/// Makes HTML of MJML.
///
/// # Errors
/// The first problem, for the author, with the line of the MJML.
pub fn to_html(source: &str) -> Result<String, TemplateProblem> {
    let masked = Masked::new(source);
    let markup = Markup::of(source, &masked.text)?;
    let carrying = Carrying::new(source, &masked, &markup);
    if let Some(at) = broken_condition(&carrying.text) {
        return Err(TemplateProblem {
            line: carrying.line(at),
            message: "Dieser bedingte Kommentar ist nicht vollständig: Er beginnt wie „<!--[if mso]>“ und endet mit „<![endif]-->“.".to_owned(),
        });
    }
    let element = mrml::parse(&carrying.text)
        .map_err(|error| TemplateProblem {
            line: place(&error, &carrying.text).map_or(1, |at| carrying.line(at)),
            message: message(&error, &carrying.text),
        })?
        .element;
    let options = RenderOptions {
        fonts: std::collections::HashMap::default(),
        ..RenderOptions::default()
    };
    let html = element.render(&options).map_err(|_| TemplateProblem {
        line: 1,
        message: "Aus diesem MJML lässt sich kein HTML machen.".to_owned(),
    })?;
    // The language that MJML takes where none is named says nothing to a screen reader.
    Ok(carrying.put_back(&html.replace(" lang=\"und\"", " lang=\"de\"")))
}

/// MJML in which words stand for template syntax.
struct Carrying<'a> {
    text: String,
    /// What stands in front of the document.
    before: String,
    /// How every such word begins; then come the index and an `x`.
    prefix: String,
    /// What the words stand for, by index.
    pieces: Vec<&'a str>,
    /// Where in `text` line breaks are missing, and how many.
    breaks: Vec<(usize, usize)>,
}

impl<'a> Carrying<'a> {
    fn new(source: &'a str, masked: &Masked, markup: &Markup) -> Self {
        let prefix = (0..=source.len())
            .map(|n| format!("platzhalter{n}x"))
            .find(|prefix| !source.contains(prefix.as_str()))
            .unwrap_or_default();
        let mut carrying = Self {
            text: String::with_capacity(source.len()),
            before: String::new(),
            prefix,
            pieces: Vec::new(),
            breaks: Vec::new(),
        };
        let mut done = 0;
        for piece in &masked.pieces {
            carrying.push(source, done..piece.range.start, markup);
            done = piece.range.end;
            let syntax = &source[piece.range.clone()];
            let breaks = syntax.matches('\n').count();
            carrying.breaks.push((carrying.text.len(), breaks));
            if piece.kind == Kind::Comment {
                continue;
            }
            if piece.range.start < markup.root {
                carrying.before.push_str(syntax);
                continue;
            }
            let word = carrying.word_for(syntax);
            if markup.is_between_elements(piece.range.start) {
                carrying.text.push_str("<mj-raw>");
                carrying.text.push_str(&word);
                carrying.text.push_str("</mj-raw>");
            } else {
                carrying.text.push_str(&word);
            }
        }
        carrying.push(source, done..source.len(), markup);
        carrying
    }

    /// A part of the source without template syntax.
    ///
    /// The parser looks at the two bytes before the first `>` of a text, and panics where they are
    /// half a letter, as in "Menü > Datei". So that sign is carried, too.
    fn push(&mut self, source: &'a str, part: Range<usize>, markup: &Markup) {
        let mut done = part.start;
        for &sign in markup.signs_in(&part) {
            self.text.push_str(&source[done..sign]);
            done = sign;
            if !self
                .text
                .is_char_boundary(self.text.len().saturating_sub(2))
            {
                done += 1;
                let word = self.word_for(&source[sign..done]);
                self.text.push_str(&word);
            }
        }
        self.text.push_str(&source[done..part.end]);
    }

    /// The word that stands for a piece of the source.
    fn word_for(&mut self, piece: &'a str) -> String {
        let word = format!("{}{}x", self.prefix, self.pieces.len());
        self.pieces.push(piece);
        word
    }

    /// The line of the source in which a byte of the text stands.
    fn line(&self, at: usize) -> usize {
        let breaks = self.text.match_indices('\n');
        let here = breaks.take_while(|(place, _)| *place < at).count();
        let missing: usize = self
            .breaks
            .iter()
            .filter(|(place, _)| *place < at)
            .map(|(_, breaks)| breaks)
            .sum();
        here + missing + 1
    }

    fn put_back(&self, html: &str) -> String {
        let mut result = self.before.clone();
        let mut parts = html.split(&self.prefix);
        result.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (index, rest) = part.split_once('x').unwrap_or(("", part));
            if let Some(piece) = index
                .parse()
                .ok()
                .and_then(|index: usize| self.pieces.get(index))
            {
                result.push_str(piece);
            }
            result.push_str(rest);
        }
        result
    }
}

/// Where in the text an error is.
fn place(error: &Error, text: &str) -> Option<usize> {
    match error {
        Error::UnexpectedElement { position, .. }
        | Error::UnexpectedToken { position, .. }
        | Error::MissingAttribute { position, .. }
        | Error::InvalidAttribute { position, .. }
        | Error::InvalidFormat { position, .. }
        | Error::IncludeLoaderError { position, .. } => Some(position.start),
        Error::EndOfStream { .. } => Some(text.trim_end().len()),
        Error::ParserError { source, .. } => {
            let line = usize::try_from(source.pos().row).unwrap_or(1);
            Some(
                text.split_inclusive('\n')
                    .take(line.saturating_sub(1))
                    .map(str::len)
                    .sum(),
            )
        }
        _ => None,
    }
}

fn message(error: &Error, text: &str) -> String {
    let at = |position: &Span| {
        let found = text
            .get(position.start..position.end.max(position.start))
            .unwrap_or_default();
        let found = found.trim().trim_start_matches(['<', '/']);
        found.chars().take(40).collect::<String>()
    };
    match error {
        Error::UnexpectedElement {
            position,
            origin: Origin::Root,
        } => format!("Das Element „{}“ darf hier nicht stehen.", at(position)),
        Error::UnexpectedToken { position, .. } => {
            format!("Hier wird etwas anderes erwartet als „{}“.", at(position))
        }
        Error::MissingAttribute { name, .. } => format!("Hier fehlt das Attribut „{name}“."),
        Error::InvalidAttribute { .. } => "Dieses Attribut ist ungültig.".to_owned(),
        Error::IncludeLoaderError { .. } => {
            "mj-include gibt es hier nicht: Fügen Sie den Inhalt selbst ein.".to_owned()
        }
        Error::EndOfStream { .. } => "Das Dokument endet zu früh: Ein Element ist nicht geschlossen.".to_owned(),
        _ => "Das MJML ist hier nicht richtig geschrieben: Prüfen Sie Anführungszeichen und schließende Elemente.".to_owned(),
    }
}

#[cfg(test)]
mod tests;
