//! The rules of a style sheet (CSS Syntax 3), as far as styles at elements depend on them.

use cssparser::{Delimiter, ParseError, Parser, Token};

use crate::mail::syntax::SYNTAX;

/// A property and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declaration {
    /// In lower case, but for custom properties.
    pub(super) name: String,
    /// Without `!important`.
    pub(super) value: String,
    /// Whether `!important` stands behind it.
    pub(super) important: bool,
}

/// What a rule says of the elements it is for.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Its selectors, one for each comma.
    pub(super) selectors: Vec<String>,
    /// Its declarations, in order.
    pub(super) declarations: Vec<Declaration>,
    /// Whether it may apply or not: inside `@media` and the like.
    pub(super) conditional: bool,
    /// Whether nobody knows here how much it counts: in a layer, or in another rule.
    pub(super) unranked: bool,
}

/// Adds the rules of a sheet to `rules`.
pub(super) fn read(css: &str, conditional: bool, rules: &mut Vec<Rule>) {
    let context = Context {
        conditional,
        unranked: false,
    };
    read_rules(&mut Parser::new(css), context, rules);
}

/// The declarations of a `style` attribute.
pub(super) fn declarations(css: &str) -> Vec<Declaration> {
    let mut nested = Vec::new();
    read_declarations(&mut Parser::new(css), &mut nested)
}

#[derive(Clone, Copy)]
struct Context {
    conditional: bool,
    unranked: bool,
}

fn read_rules(parser: &mut Parser, context: Context, rules: &mut Vec<Rule>) {
    loop {
        parser.skip_whitespace();
        let start = parser.position();
        let at_rule = match parser.next() {
            Err(_) => return,
            Ok(Token::AtKeyword(name)) => Some(name.to_ascii_lowercase()),
            // Marks of old comments, or a block without selectors.
            Ok(Token::CDO | Token::CDC | Token::CurlyBracketBlock) => continue,
            Ok(_) => None,
        };
        let mut end = start;
        let has_block = loop {
            parser.skip_whitespace();
            let before = parser.position();
            match parser.next() {
                Err(_) => break false,
                Ok(Token::Semicolon) if at_rule.is_some() => break false,
                Ok(Token::CurlyBracketBlock) => {
                    end = before;
                    break true;
                }
                Ok(_) => {}
            }
        };
        if !has_block {
            continue;
        }
        let prelude = parser.slice(start..end).to_owned();
        let _ = parser.parse_nested_block(|block| -> Result<(), ParseError<()>> {
            match at_rule.as_deref() {
                None => read_block(block, selectors(&prelude), context, rules),
                Some(
                    "media" | "supports" | "container" | "scope" | "document" | "starting-style"
                    | "layer",
                ) => {
                    let inner = Context {
                        conditional: true,
                        unranked: context.unranked || at_rule.as_deref() == Some("layer"),
                    };
                    read_rules(block, inner, rules);
                }
                // Fonts, movements, pages: nothing of elements.
                Some(_) => while block.next().is_ok() {},
            }
            Ok(())
        });
    }
}

/// The declarations between the braces of a rule, and the rules inside it.
fn read_block(block: &mut Parser, selectors: Vec<String>, context: Context, rules: &mut Vec<Rule>) {
    let mut nested = Vec::new();
    let declarations = read_declarations(block, &mut nested);
    rules.push(Rule {
        selectors,
        declarations,
        conditional: context.conditional,
        unranked: context.unranked,
    });
    rules.append(&mut nested);
}

/// What can't be read may be anything.
fn anything() -> Declaration {
    Declaration {
        name: "all".to_owned(),
        value: String::new(),
        important: false,
    }
}

fn read_declarations(block: &mut Parser, nested: &mut Vec<Rule>) -> Vec<Declaration> {
    let mut declarations = Vec::new();
    loop {
        let mut has_syntax = false;
        match block.next() {
            Err(_) => return declarations,
            Ok(Token::Semicolon) => continue,
            Ok(Token::Ident(name)) => {
                let name = name.to_string();
                if let Some(declaration) = read_declaration(block, &name) {
                    declarations.push(declaration);
                    continue;
                }
            }
            Ok(Token::CurlyBracketBlock) => {
                read_nested(block, nested);
                continue;
            }
            Ok(Token::Delim(SYNTAX)) => has_syntax = true,
            Ok(_) => {}
        }
        // A rule inside the rule, a mistake, or a placeholder in place of a name.
        loop {
            match block.next() {
                Err(_) | Ok(Token::Semicolon) => break,
                Ok(Token::CurlyBracketBlock) => {
                    read_nested(block, nested);
                    break;
                }
                Ok(Token::Delim(SYNTAX)) => has_syntax = true,
                Ok(_) => {}
            }
        }
        if has_syntax {
            declarations.push(anything());
        }
    }
}

/// Rules inside a rule are for elements that only the browser knows.
fn read_nested(block: &mut Parser, nested: &mut Vec<Rule>) {
    let inner = Context {
        conditional: true,
        unranked: true,
    };
    let _ = block.parse_nested_block(|block| -> Result<(), ParseError<()>> {
        read_block(block, vec!["*".to_owned()], inner, nested);
        Ok(())
    });
}

fn read_declaration(block: &mut Parser, name: &str) -> Option<Declaration> {
    let state = block.state();
    if block.expect_colon().is_err() {
        block.reset(&state);
        return None;
    }
    block.skip_whitespace();
    let value = block.parse_until_before(Delimiter::Semicolon, |value| {
        let start = value.position();
        let mut flag = None;
        loop {
            value.skip_whitespace();
            let before = value.position();
            match value.next() {
                Err(_) => break,
                Ok(Token::CurlyBracketBlock) if !name.starts_with("--") => {
                    return Err(ParseError::<()>::unexpected_token());
                }
                Ok(Token::Delim('!')) => {
                    let is_flag = value.expect_ident_matching("important").is_ok();
                    flag = is_flag.then_some(before);
                }
                Ok(_) => flag = None,
            }
        }
        let end = flag.unwrap_or_else(|| value.position());
        Ok((value.slice(start..end).trim().to_owned(), flag.is_some()))
    });
    let Ok((value, important)) = value else {
        block.reset(&state);
        return None;
    };
    let name = if name.starts_with("--") {
        name.to_owned()
    } else {
        name.to_ascii_lowercase()
    };
    Some(Declaration {
        name,
        value,
        important,
    })
}

/// The parts of a selector list.
fn selectors(prelude: &str) -> Vec<String> {
    let mut parser = Parser::new(prelude);
    let mut found = Vec::new();
    let mut start = parser.position();
    loop {
        parser.skip_whitespace();
        let before = parser.position();
        let token = parser.next().cloned();
        if matches!(token, Err(_) | Ok(Token::Comma)) {
            found.push(parser.slice(start..before).trim().to_owned());
            start = parser.position();
        }
        if token.is_err() {
            return found;
        }
    }
}
