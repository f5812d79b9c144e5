//! *Prüfung*: what is missing or suspicious in a mailing, before it is sent.
//!
//! Pure: what only the database knows comes as [`Facts`]. Each finding says where (in the lines
//! that the author sees, those of the MJML if it is MJML), what, and what to do.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::foreign;
use super::inline::{StyleProblem, inline};
use super::links::find_links;
use super::personalise::{self, PREFERENCES, UNSUBSCRIBE, same_name};
use super::syntax::{Kind, Masked, word};
use super::{Lacks, MailError, Part, PreparedMailing, Recipient, TrackingUrls};

mod fields;
mod markup;
mod sender;

pub use fields::{Hole, used_without_fallback};

/// Gmail shows no more of a mail than this, in bytes, and no pixel behind it.
pub const CLIPPED: usize = 102 * 1024;

/// Many programs show no more of a subject than so many characters.
const LONG_SUBJECT: usize = 70;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It can't be sent like this.
    Error,
    /// It can, but should be looked at.
    Hint,
    /// Nothing to do: what happens by itself.
    Note,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The subject.
    Subject,
    /// The sender.
    Sender,
    /// What the author writes, in these lines, counted from one; none: as a whole.
    Source(Vec<usize>),
    /// The text part, in these lines.
    Text(Vec<usize>),
    /// The chosen groups.
    Groups,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// Where it is.
    pub place: Place,
    /// What, in German.
    pub what: String,
    /// What to do, in German.
    pub advice: String,
}

/// A mailing as its author wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The subject.
    pub subject: &'a str,
    /// The sender's address.
    pub sender_address: &'a str,
    /// The HTML part.
    pub html: &'a str,
    /// The MJML of which it was made, or blank.
    pub mjml: &'a str,
    /// The text part, or blank.
    pub text: &'a str,
}

/// What the database knows.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The free fields that recipients have.
    pub known_fields: Vec<String>,
    /// How many groups are chosen.
    pub groups: usize,
    /// How many recipients the mailing reaches.
    pub reached: i64,
    /// Fields that some of them lack.
    pub holes: Vec<Hole>,
}

impl Place {
    /// As a person reads it: `Inhalt, Zeile 3`.
    pub fn label(&self) -> String {
        match self {
            Self::Subject => "Betreff".to_owned(),
            Self::Sender => "Absenderadresse".to_owned(),
            Self::Source(lines) => in_lines("Inhalt", lines),
            Self::Text(lines) => in_lines("Text", lines),
            Self::Groups => "Gruppen".to_owned(),
        }
    }

    /// The field of the form.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Sender => "sender_address",
            Self::Source(_) => "html",
            Self::Text(_) => "text",
            Self::Groups => "groups",
        }
    }

    /// The first line in that field, counted from one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Source(lines) | Self::Text(lines) => lines.first().copied(),
            Self::Subject | Self::Sender | Self::Groups => None,
        }
    }
}

fn in_lines(part: &str, lines: &[usize]) -> String {
    const SHOWN: usize = 8;
    let numbers: Vec<String> = lines.iter().take(SHOWN).map(usize::to_string).collect();
    match numbers.as_slice() {
        [] => part.to_owned(),
        [one] => format!("{part}, Zeile {one}"),
        some if lines.len() > SHOWN => format!(
            "{part}, Zeilen {} und weitere {}",
            some.join(", "),
            lines.len() - SHOWN
        ),
        [some @ .., last] => format!("{part}, Zeilen {} und {last}", some.join(", ")),
    }
}

impl Draft<'_> {
    /// What the author writes: MJML or HTML.
    fn source(&self) -> &str {
        if self.mjml.trim().is_empty() {
            self.html
        } else {
            self.mjml
        }
    }
}

/// Whether the mailing can be sent.
pub fn can_be_sent(findings: &[Finding]) -> bool {
    !has(findings, Weight::Error)
}

/// Whether something of that weight was found.
pub fn has(findings: &[Finding], weight: Weight) -> bool {
    findings.iter().any(|finding| finding.weight == weight)
}

/// Looks a mailing over. The heaviest findings come first.
pub fn check(draft: &Draft, facts: &Facts) -> Vec<Finding> {
    let mut list = List::default();
    subject(draft.subject, &mut list);
    sender::check(draft.sender_address, &mut list);
    let readable = templates(draft, facts, &mut list);
    foreign_placeholders(draft, &mut list);
    markup::check(draft.source(), &mut list);
    text_links(draft.text, &mut list);
    fields::check(&facts.holes, facts.reached, &mut list);
    if readable {
        finished(draft, &mut list);
    }
    groups(facts, &mut list);
    list.0.sort_by_key(|finding| finding.weight);
    list.0
}

/// The findings so far.
#[derive(Default)]
struct List(Vec<Finding>);

impl List {
    fn add(
        &mut self,
        weight: Weight,
        place: Place,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.0.push(Finding {
            weight,
            place,
            what: what.into(),
            advice: advice.into(),
        });
    }

    /// The same for something that is found in some lines, or not at all.
    fn add_in_lines(
        &mut self,
        weight: Weight,
        lines: Vec<usize>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if !lines.is_empty() {
            self.add(weight, Place::Source(lines), what, advice);
        }
    }
}

fn subject(subject: &str, list: &mut List) {
    if subject.trim().is_empty() {
        list.add(
            Weight::Error,
            Place::Subject,
            "Der Betreff fehlt.",
            "Geben Sie einen Betreff ein.",
        );
        return;
    }
    let plain = super::syntax::Masked::new(subject).text;
    if plain.trim().chars().count() > LONG_SUBJECT {
        list.add(
            Weight::Hint,
            Place::Subject,
            format!("Der Betreff hat mehr als {LONG_SUBJECT} Zeichen."),
            "Viele Programme schneiden ihn ab: Das Wichtige gehört an den Anfang.",
        );
    }
    let letters: Vec<char> = plain.chars().filter(|c| c.is_alphabetic()).collect();
    if letters.len() >= 8 && !letters.iter().any(|c| c.is_lowercase()) {
        list.add(
            Weight::Hint,
            Place::Subject,
            "Der Betreff besteht nur aus Großbuchstaben.",
            "Spamfilter halten das für Werbung. Schreiben Sie ihn wie einen Satz.",
        );
    }
}

/// Can the templates be filled? Tells what they ask for that nobody has, too.
fn templates(draft: &Draft, facts: &Facts, list: &mut List) -> bool {
    let mut unknown = BTreeSet::new();
    let mut readable = true;
    for (part, source) in [
        (Part::Subject, draft.subject),
        (Part::Html, draft.source()),
        (Part::Text, draft.text),
    ] {
        match personalise::check(source, &facts.known_fields) {
            Ok(names) => unknown.extend(names),
            Err(problem) => {
                readable = false;
                let place = match part {
                    Part::Subject => Place::Subject,
                    Part::Html => Place::Source(vec![problem.line]),
                    Part::Text => Place::Text(vec![problem.line]),
                };
                list.add(Weight::Error, place, problem.message, "");
            }
        }
    }
    if !unknown.is_empty() {
        let names: Vec<String> = unknown.into_iter().collect();
        let mut suggested = String::new();
        for name in &names {
            if let Some(instead) = foreign::suggestion(name) {
                let _ = write!(suggested, " Statt {name} heißt es vielleicht {instead}.");
            }
        }
        list.add(
            Weight::Hint,
            Place::Source(Vec::new()),
            format!("Unbekannte Platzhalter: {}.", names.join(", ")),
            ["Kein Empfänger hat solche Felder, deshalb bleiben sie leer. Prüfen Sie die Schreibweise.", &suggested].concat(),
        );
    }
    readable
}

/// What of other systems' placeholders stands in the mailing, to be sent as it is.
fn foreign_placeholders(draft: &Draft, list: &mut List) {
    type At = fn(Vec<usize>) -> Place;
    let parts: [(&str, At); 3] = [
        (draft.subject, |_| Place::Subject),
        (draft.source(), Place::Source),
        (draft.text, Place::Text),
    ];
    for (source, place) in parts {
        let mut found = foreign::find(source);
        found.sort_by(|a, b| a.written.cmp(&b.written));
        for same in found.chunk_by(|a, b| a.written == b.written) {
            let mut lines: Vec<usize> = same.iter().map(|one| one.line).collect();
            lines.sort_unstable();
            lines.dedup();
            list.add(
                Weight::Hint,
                place(lines),
                format!(
                    "„{}“ ist ein Platzhalter eines anderen Systems und bleibt so stehen.",
                    same[0].written
                ),
                format!("Ist er einer, schreiben Sie hier {}.", same[0].instead),
            );
        }
    }
}

fn text_links(text: &str, list: &mut List) {
    let Ok(found) = find_links("", text) else {
        return;
    };
    if found.personal.is_empty() {
        return;
    }
    let numbers = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| found.personal.iter().any(|link| line.contains(link)))
        .map(|(_, number)| number)
        .collect();
    list.add(
        Weight::Hint,
        Place::Text(numbers),
        "Links mit persönlichem Inhalt verraten ihrem Ziel, wer sie anklickt.",
        markup::PERSONAL_ADVICE,
    );
}

/// What can be seen of a finished mail only: an example of one.
fn finished(draft: &Draft, list: &mut List) {
    let mut added = Lacks::default();
    let problem = match example(draft, &mut added) {
        Ok(length) if length > CLIPPED => {
            list.add(
                Weight::Hint,
                Place::Source(Vec::new()),
                format!("Die E-Mail ist mit {} kB größer als 102 kB.", length / 1024),
                "Gmail schneidet sie dort ab, Abmeldelink und Zählpixel fehlen dann. Kürzen Sie den Inhalt oder die Stilangaben.",
            );
            None
        }
        Ok(_) => None,
        Err(MailError::Unseen(unseen)) => {
            // Lines of MJML are others.
            let lines = unseen.line.filter(|_| draft.mjml.trim().is_empty());
            let place = Place::Source(lines.into_iter().collect());
            let advice = "Ergänzen Sie, was fehlt. So wird das E-Mailing nicht gesendet.";
            list.add(Weight::Error, place, unseen.message, advice);
            return;
        }
        Err(MailError::TooDeep) => Some("Das HTML ist zu tief verschachtelt.".to_owned()),
        // The source was fine, but what MJML made of it is not.
        Err(MailError::Template { problem, .. }) => Some(problem.message),
        Err(_) => Some("Das HTML kann nicht gelesen werden.".to_owned()),
    };
    if let Some(what) = problem {
        let place = Place::Source(Vec::new());
        let advice = "So kann keine E-Mail entstehen.";
        list.add(Weight::Error, place, what, advice);
        return;
    }
    let inlined = inline(draft.html);
    if !inlined.left.is_empty() {
        let names: Vec<&str> = inlined.left.iter().map(String::as_str).collect();
        list.add(
            Weight::Note,
            Place::Source(Vec::new()),
            format!("Nur in <style> bleiben: {}.", names.join(", ")),
            "Eine Regel für kleine Bildschirme, dunkle Darstellung, :hover oder eine Bedingung kann diese Angaben ändern; am Element stünden sie ihr im Weg. Mit !important in dieser Regel werden sie auch ans Element geschrieben.",
        );
    }
    if let Some(problem) = inlined.problem {
        list.add(
            Weight::Hint,
            Place::Source(Vec::new()),
            match problem {
                StyleProblem::Unreadable => "Die Stilangaben (<style>) können nicht gelesen werden.",
                StyleProblem::TooMuch => "Es sind zu viele Stilangaben für zu viele Elemente.",
            },
            "Sie bleiben, wie sie sind. Programme, die kein <style> kennen, zeigen die E-Mail ohne sie.",
        );
    }
    added_by_itself(draft, added, list);
}

fn added_by_itself(draft: &Draft, added: Lacks, list: &mut List) {
    let missing: Vec<&str> = [
        (added.unsubscribe, "zum Abmelden"),
        (added.preferences, "zu den Datenschutz-Einstellungen"),
    ]
    .into_iter()
    .filter(|(is_added, _)| *is_added)
    .map(|(_, text)| text)
    .collect();
    if !missing.is_empty() {
        list.add(
            Weight::Note,
            Place::Source(Vec::new()),
            format!("Der Link {} wird am Ende ergänzt.", missing.join(" und ")),
            "Wollen Sie ihn selbst setzen: {{ abmeldelink }} und {{ datenschutzlink }}.",
        );
    }
    for (is_added, name) in [
        (added.unsubscribe, UNSUBSCRIBE),
        (added.preferences, PREFERENCES),
    ] {
        if is_added {
            list.add_in_lines(
                Weight::Hint,
                lines_of(draft.source(), name),
                format!("{{{{ {name} }}}} ist hier kein Link, den alle sehen und anklicken können."),
                format!("Richtig ist <a href=\"{{{{ {name} }}}}\">…</a> mit sichtbarem Text, ohne etwas vor oder hinter dem Platzhalter. So wird der Link zusätzlich am Ende ergänzt."),
            );
        }
    }
    if draft.text.trim().is_empty() {
        list.add(
            Weight::Note,
            Place::Text(Vec::new()),
            "Die Textfassung wird aus dem Inhalt gemacht.",
            "Die Vorschau zeigt sie.",
        );
    }
}

/// The lines in which a source prints this value.
fn lines_of(source: &str, name: &str) -> Vec<usize> {
    let pieces = Masked::new(source).pieces;
    let mut lines: Vec<usize> = pieces
        .into_iter()
        .filter(|piece| {
            piece.kind == Kind::Value && same_name(word(&source[piece.range.clone()]), name)
        })
        .map(|piece| source[..piece.range.start].matches('\n').count() + 1)
        .collect();
    lines.dedup();
    lines
}

/// The bytes of the HTML part of an example, as long as a recipient's is, and what is added to it.
fn example(draft: &Draft, added: &mut Lacks) -> Result<usize, MailError> {
    // As long as a token's address.
    let address = format!("https://mailing.example.org/k/{}", "x".repeat(64));
    let links: Vec<(i32, String)> = (1..)
        .zip(find_links(draft.html, draft.text)?.tracked)
        .collect();
    let click = |_| address.clone();
    let fields = serde_json::Map::new();
    let recipient = Recipient {
        first_name: "Erika",
        last_name: "Mustermann",
        address: "erika.mustermann@example.org",
        fields: &fields,
    };
    let urls = TrackingUrls {
        pixel: Some(&address),
        click: Some(&click),
        unsubscribe: &address,
        preferences: &address,
    };
    let prepared = PreparedMailing::new(draft.subject, draft.html, draft.text, &links)?;
    *added = prepared.check(draft.html)?;
    Ok(prepared.render(&recipient, &urls)?.html.len())
}

fn groups(facts: &Facts, list: &mut List) {
    if facts.groups == 0 {
        list.add(
            Weight::Error,
            Place::Groups,
            "Es ist noch keine Gruppe gewählt.",
            "Wählen Sie, an wen das E-Mailing geht.",
        );
    } else if facts.reached == 0 {
        list.add(
            Weight::Error,
            Place::Groups,
            "In den gewählten Gruppen ist niemand, der E-Mails erhält.",
            "Wählen Sie andere Gruppen, oder fügen Sie Empfänger hinzu.",
        );
    }
}

#[cfg(test)]
mod tests;
