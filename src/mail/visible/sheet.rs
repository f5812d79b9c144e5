//! The rules of a mail's style sheets that can hide something.
//!
//! Whatever its condition (`@media`, `:link`), a rule that hides somewhere counts: a link that only
//! some readers see is no link for all.

use std::collections::HashSet;

use cssparser::{ParseError, Parser, Token};
use scraper::{ElementRef, Selector};

use super::style::{Declaration, Style, declarations, read_declarations};

/// More rules than this that hide something are not looked at: then everything counts as hidden.
const MOST_RULES: usize = 2_000;

/// States that begin with something a reader does, and what is no element.
const NEVER_AT_FIRST: [&str; 12] = [
    "hover",
    "active",
    "focus",
    "focus-within",
    "focus-visible",
    "checked",
    "target",
    "before",
    "after",
    "first-line",
    "first-letter",
    "selection",
];

/// The rules that can hide something.
#[derive(Default)]
pub(super) struct Sheet {
    rules: Vec<(Selector, Declaration)>,
    has_too_many: bool,
}

impl Sheet {
    /// Adds the rules of a style sheet.
    pub(super) fn read(&mut self, css: &str) {
        self.rules(&mut Parser::new(css));
    }

    fn rules(&mut self, input: &mut Parser) {
        loop {
            input.skip_whitespace();
            let start = input.position();
            let Ok(first) = input.next().cloned() else {
                return;
            };
            let at_rule = match &first {
                Token::AtKeyword(name) => Some(name.to_ascii_lowercase()),
                Token::CDO | Token::CDC | Token::Semicolon => continue,
                _ => None,
            };
            let mut token = Some(first);
            while !matches!(token, None | Some(Token::CurlyBracketBlock)) {
                if at_rule.is_some() && token == Some(Token::Semicolon) {
                    break;
                }
                token = input.next().ok().cloned();
            }
            let prelude = input.slice_from(start).trim_end_matches('{');
            if token == Some(Token::CurlyBracketBlock) {
                // It always reads to the end of the block.
                let _ = input.parse_nested_block(|input| {
                    self.block(at_rule.as_deref(), prelude, input);
                    Ok::<_, ParseError<()>>(())
                });
            }
        }
    }

    fn block(&mut self, at_rule: Option<&str>, prelude: &str, input: &mut Parser) {
        match at_rule {
            None => {
                let found = read_declarations(input);
                self.add(prelude, &found);
            }
            Some("font-face" | "keyframes" | "page" | "-webkit-keyframes" | "-moz-keyframes") => {
                while input.next().is_ok() {}
            }
            Some(_) => {
                let prelude = prelude.to_ascii_lowercase();
                let is_for_paper = prelude.contains("print")
                    && !prelude.contains([',', '('])
                    && !prelude.contains("not");
                if is_for_paper {
                    while input.next().is_ok() {}
                } else {
                    self.rules(input);
                }
            }
        }
    }

    fn add(&mut self, selectors: &str, declarations: &[Declaration]) {
        let hiding: Vec<&Declaration> = declarations.iter().filter(|one| one.may_hide()).collect();
        if hiding.is_empty() {
            return;
        }
        for selector in separate(selectors).filter_map(|one| selector(&one.to_ascii_lowercase())) {
            if self.rules.len() + hiding.len() > MOST_RULES {
                self.has_too_many = true;
                return;
            }
            self.rules
                .extend(hiding.iter().map(|one| (selector.clone(), (*one).clone())));
        }
    }

    /// What an element's own style and these rules say about it.
    pub(super) fn style_of(&self, element: ElementRef) -> Style {
        let own = declarations(element.attr("style").unwrap_or_default());
        // CSS Cascade 5, 6.1: an element's own style outdoes style sheets, unless these are
        // `important` and it is not.
        let plain: HashSet<&str> = own
            .iter()
            .filter(|one| one.shows())
            .map(|one| &*one.name)
            .collect();
        let important: HashSet<&str> = own
            .iter()
            .filter(|one| one.important && one.shows())
            .map(|one| &*one.name)
            .collect();
        let rules = self
            .rules
            .iter()
            .filter(|(_, rule)| {
                let name = rule.name.as_str();
                !(important.contains(name) || (!rule.important && plain.contains(name)))
            })
            .filter(|(selector, _)| selector.matches(&element))
            .map(|(_, rule)| rule);
        let mut style = Style::of(own.iter().chain(rules));
        style.hides |= self.has_too_many;
        style
    }
}

/// The selectors of a list, at its commas outside of brackets and quotes.
fn separate(list: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quote) = (0_usize, None);
    list.split(move |letter: char| {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0 && quote.is_none()
    })
}

/// A selector as it counts at first sight: pseudo-classes that are not known here hold, and states
/// that a reader brings about do not.
fn selector(text: &str) -> Option<Selector> {
    if let Ok(selector) = Selector::parse(text) {
        return Some(selector);
    }
    let mut rest = text.trim();
    let mut plain = String::with_capacity(rest.len());
    while let Some((before, behind)) = rest.split_once(':') {
        plain.push_str(before);
        let is_name = |c: char| c.is_alphanumeric() || c == '-';
        let behind = behind.trim_start_matches(':');
        let length = behind.find(|c: char| !is_name(c)).unwrap_or(behind.len());
        let (name, mut arguments) = behind.split_at(length);
        if NEVER_AT_FIRST.contains(&name) {
            return None;
        }
        let mut kept = format!(":{name}");
        if arguments.starts_with('(') {
            let end = end_of_bracket(arguments);
            kept.push_str(&arguments[..end]);
            arguments = &arguments[end..];
        }
        if Selector::parse(&format!("*{kept}")).is_ok() {
            plain.push_str(&kept);
        } else if plain.is_empty() || plain.ends_with([' ', '>', '+', '~']) {
            plain.push('*');
        }
        rest = arguments;
    }
    plain.push_str(rest);
    Selector::parse(&plain).ok()
}

/// The position behind the bracket that closes the one at the start.
fn end_of_bracket(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth <= 1 => return at + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
