//! What keeps one author's template from taking the whole program down.
//!
//! The template language counts instructions, but not bytes: joining a text with itself forty
//! times would fill any memory, and a document of a hundred thousand nested elements keeps a
//! converter busy for hours. So a template may not build long texts, a mail may not get longer
//! than anybody would send, and markup may nest only ten times deeper than real newsletters do.

use std::io::{self, Write};

use lol_html::html_content::Element;
use lol_html::{RewriteStrSettings, element, rewrite_str};

use super::MailError;
use super::foreign;
use super::personalise::TemplateProblem;
use super::syntax::{Kind, Masked, word};

/// The most bytes that all placeholders and conditions of one part may take together.
const MOST_SYNTAX: usize = 16 * 1024;

/// The most bytes that a filter may make.
pub(super) const LONGEST_VALUE: usize = 16 * 1024;

/// The most bytes of one rendered part.
const LONGEST_PART: usize = 2 * 1024 * 1024;

/// How deep elements may stand inside each other.
const DEEPEST: usize = 500;

/// How many elements a parser may have to open again, because their formatting goes on in blocks
/// that begin while it is open (HTML, 13.2.4.3). Newsletters need some thousands.
const MOST_REOPENED: usize = 300_000;

/// The statements that there are. Those that switch the escaping off or collect output without
/// limit are not among them.
const STATEMENTS: [&str; 11] = [
    "if", "elif", "else", "endif", "for", "endfor", "set", "with", "endwith", "raw", "endraw",
];

/// Looks for what a template may not do.
///
/// # Errors
/// The first such place, for the author.
pub(super) fn check_template(source: &str) -> Result<(), TemplateProblem> {
    let mut total = 0;
    for piece in Masked::new(source).pieces {
        let text = &source[piece.range.clone()];
        total += text.len();
        let problem = match piece.kind {
            Kind::Comment => None,
            _ if total > MOST_SYNTAX => Some(
                "Platzhalter und Bedingungen sind zusammen zu lang: höchstens 16 kB.".to_owned(),
            ),
            Kind::Value => foreign::in_placeholder(text).or_else(|| operator_problem(text)),
            Kind::Block => foreign::in_placeholder(text)
                .or_else(|| statement_problem(text))
                .or_else(|| operator_problem(text)),
        };
        if let Some(message) = problem {
            let line = source[..piece.range.start].matches('\n').count() + 1;
            return Err(TemplateProblem { line, message });
        }
    }
    Ok(())
}

fn statement_problem(piece: &str) -> Option<String> {
    let statement = word(piece);
    if !STATEMENTS.contains(&statement) {
        return Some(format!(
            "Den Befehl „{statement}“ gibt es nicht. Möglich sind: if, elif, else, for, set, with, raw."
        ));
    }
    let collects = statement == "set"
        && !without_strings(piece)
            .find(['=', '|'])
            .is_some_and(|at| without_strings(piece)[at..].starts_with('='));
    collects.then(|| {
        "Hinter „set“ steht ein Name und sein Wert, zum Beispiel {% set gruss = \"Hallo\" %}."
            .to_owned()
    })
}

/// Texts can't be joined or repeated: whoever joins a text with itself again and again has soon
/// filled the memory. A number can be added to, or `|int` and `|float` be multiplied by one.
fn operator_problem(piece: &str) -> Option<String> {
    let text = without_strings(piece);
    let inner = text
        .trim_start_matches(['{', '%'])
        .trim_end_matches(['}', '%'])
        // Whitespace control: `{%+ … +%}`.
        .trim_start_matches('+')
        .trim_end_matches('+');
    let refused = inner
        .char_indices()
        .filter(|(_, letter)| matches!(letter, '~' | '+' | '*'))
        .any(|(at, letter)| {
            let (left, right) = (inner[..at].trim_end(), &inner[at + 1..]);
            match letter {
                '+' => !begins_with_number(right),
                '*' => {
                    let is_number = left.ends_with("|int") || left.ends_with("|float");
                    !is_number || !begins_with_number(right)
                }
                _ => true,
            }
        });
    refused.then(|| {
        "Texte lassen sich nicht mit ~, + oder * verbinden. Schreiben Sie die Platzhalter \
         einfach hintereinander: {{ vorname }} {{ nachname }}."
            .to_owned()
    })
}

/// A plain number, to which no filter is applied.
fn begins_with_number(text: &str) -> bool {
    let text = text.trim_start();
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let behind = match behind.strip_prefix('.') {
        Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => behind,
    };
    let next = behind.trim_start().chars().next();
    behind.len() < text.len()
        && next.is_none_or(|c| matches!(c, ')' | '}' | '%' | '+' | '-' | '<' | '>' | '=' | ','))
}

/// A piece whose texts in quotes are blanked out.
pub(super) fn without_strings(piece: &str) -> String {
    let mut open = None;
    let mut escaped = false;
    piece
        .chars()
        .map(|letter| {
            if escaped {
                escaped = false;
                return ' ';
            }
            match open {
                Some(_) if letter == '\\' => escaped = true,
                Some(quote) if letter == quote => open = None,
                Some(_) => {}
                None if matches!(letter, '"' | '\'') => open = Some(letter),
                None => return letter,
            }
            ' '
        })
        .collect()
}

/// Takes what a template writes, up to the length that a part may have.
#[derive(Default)]
pub(super) struct PartWriter(Vec<u8>);

impl PartWriter {
    /// What was written.
    pub(super) fn into_text(self) -> String {
        // Templates write texts only.
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_PART {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes sure that markup does not nest too deep to be converted.
///
/// # Errors
/// [`MailError::TooDeep`].
pub(super) fn check_nesting(html: &str) -> Result<(), MailError> {
    let depth = std::rc::Rc::new(std::cell::Cell::new(0_usize));
    let deepest = std::rc::Rc::new(std::cell::Cell::new(0_usize));
    let formats = std::rc::Rc::new(std::cell::Cell::new(0_usize));
    let reopened = std::cell::Cell::new(0_usize);
    let enter = |element: &mut Element| {
        reopened.set(reopened.get() + formats.get());
        let format = usize::from(is_formatting(&element.tag_name()));
        formats.set(formats.get() + format);
        if closes_itself(&element.tag_name()) || !element.can_have_content() {
            return Ok(());
        }
        depth.set(depth.get() + 1);
        deepest.set(deepest.get().max(depth.get()));
        if let Some(handlers) = element.end_tag_handlers() {
            let (depth, formats) = (depth.clone(), formats.clone());
            handlers.push(Box::new(move |_| {
                depth.set(depth.get().saturating_sub(1));
                formats.set(formats.get().saturating_sub(format));
                Ok(())
            }));
        }
        Ok(())
    };
    rewrite_str(
        html,
        RewriteStrSettings {
            element_content_handlers: vec![element!("*", enter)],
            strict: false,
            ..RewriteStrSettings::new()
        },
    )?;
    if deepest.get() > DEEPEST || reopened.get() > MOST_REOPENED {
        return Err(MailError::TooDeep);
    }
    Ok(())
}

/// Elements whose formatting goes on in the blocks behind them until they end.
fn is_formatting(name: &str) -> bool {
    matches!(
        name,
        "a" | "b"
            | "big"
            | "code"
            | "em"
            | "font"
            | "i"
            | "nobr"
            | "s"
            | "small"
            | "strike"
            | "strong"
            | "tt"
            | "u"
    )
}

/// Elements that the next one of their kind ends (HTML, 13.1.2.4): without end tags, a thousand
/// of them still stand side by side.
fn closes_itself(name: &str) -> bool {
    matches!(
        name,
        "p" | "li"
            | "dt"
            | "dd"
            | "tr"
            | "td"
            | "th"
            | "thead"
            | "tbody"
            | "tfoot"
            | "colgroup"
            | "option"
            | "optgroup"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_newsletters_need_is_allowed() {
        for source in [
            "{{ vorname|oder(\"A + B ~ C * D\") }}",
            "{% if punkte|int > 100 %}viele{% else %}wenige{% endif %}",
            "{{ punkte|int + 10 }} {{ punkte|int * 2 }} {{ preis|float * 1.19 }} {{ (a|int + 1) }}",
            "{%- set gruss = 'Hallo' -%}{%+ if a %}x{% endif +%}",
            "{% raw %}{{ a ~ b }}{% endraw %}",
            "{% for x in [1, 2] %}{{ x }}{% endfor %}{# a ~ b #}",
            "p { color: red } a + b ~ c",
        ] {
            assert_eq!(check_template(source), Ok(()), "{source}");
        }
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        for source in [
            "\n{% set a = a ~ a %}",
            "\n{% set a = a + a %}",
            "\n{{ 'x' * 100000000 }}",
            "\n{{ 5 * 'x' }}",
            "\n{{ a + 1|replace('1', a) }}",
            "\n{{ a2 * 2 }}",
            "\n{{ a|int * b }}",
            "\n{% set a %}{{ a }}{{ a }}{% endset %}",
            "\n{% set a | upper %}{{ a }}{% endset %}",
            "\n{% filter upper %}x{% endfilter %}",
            "\n{% autoescape false %}{{ vorname }}{% endautoescape %}",
        ] {
            let problem = check_template(source).expect_err(source);
            assert_eq!(problem.line, 2, "{source}");
        }
        let long = "{{ vorname }}".repeat(2_000);
        assert!(check_template(&long).is_err());
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |tag: &str, n: usize| tag.repeat(n);
        assert!(check_nesting(&nested("<div>", 400)).is_ok());
        assert!(check_nesting(&nested("<div></div>", 4_000)).is_ok());
        assert!(check_nesting(&nested("<p>a<br><img src=x>", 4_000)).is_ok());
        assert!(matches!(
            check_nesting(&nested("<div>", 600)),
            Err(MailError::TooDeep)
        ));
        assert!(check_nesting(&nested("<b><p>x</p></b>", 4_000)).is_ok());
        let formats = nested("<b>", 400);
        assert!(check_nesting(&[&formats, "<p>a"].concat()).is_ok());
        let blocks = [formats, nested("<p>a", 4_000)].concat();
        assert!(matches!(check_nesting(&blocks), Err(MailError::TooDeep)));
        assert!(matches!(
            check_nesting(&nested("<table><tr><td>", 600)),
            Err(MailError::TooDeep)
        ));
    }
}
