//! What a selector depends on (Selectors 4).

use cssparser::{ParseError, Parser, Token};

/// How much a selector counts: ids, classes, types.
pub(super) type Specificity = (u32, u32, u32);

/// What a selector depends on.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent findings, not states"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// How much it counts.
    pub(super) specificity: Specificity,
    /// Whether it is for a part that has no attributes, as `::before`.
    pub(super) is_for_part: bool,
    /// Whether it asks for what only the browser knows: `:hover`, `:checked`, and all that is not
    /// known here.
    pub(super) is_dynamic: bool,
    /// Whether it asks for neighbours in front: `+`, `~`, `:first-child`.
    pub(super) has_neighbours: bool,
    /// Whether it asks for other elements.
    pub(super) has_context: bool,
    /// Whether it asks for attributes, or for what an element is not.
    pub(super) has_conditions: bool,
    /// Whether the other elements are asked for by classes or ids.
    pub(super) has_named_context: bool,
    /// Whether the element itself is.
    pub(super) has_named_subject: bool,
    /// The element it is for, by type, classes, ids and attributes only.
    pub(super) subject: String,
    /// The element it is for, by type only.
    pub(super) subject_type: String,
}

/// One element within a selector.
#[derive(Default)]
struct Compound {
    kind: String,
    names: String,
}

/// Reads a selector without commas.
pub(super) fn read(selector: &str) -> Shape {
    let mut parser = Parser::new(selector.trim());
    let mut shape = Shape::default();
    let mut compound = Compound::default();
    loop {
        let start = parser.position();
        let token = match parser.next_including_whitespace() {
            Err(_) => break,
            Ok(token) => token.clone(),
        };
        match token {
            Token::Ident(name) => {
                shape.specificity.2 += 1;
                compound.kind = name.to_string();
            }
            Token::Delim('*') => {}
            Token::Hash(_) | Token::IDHash(_) => {
                shape.specificity.0 += 1;
                compound.names.push_str(parser.slice_from(start));
            }
            Token::Delim('.') => {
                shape.specificity.1 += 1;
                let _ = parser.expect_ident();
                compound.names.push_str(parser.slice_from(start));
            }
            Token::SquareBracketBlock => {
                skip_block(&mut parser);
                shape.specificity.1 += 1;
                shape.has_conditions = true;
                compound.names.push_str(parser.slice_from(start));
            }
            Token::Colon => pseudo(&mut parser, &mut shape),
            Token::WhiteSpace(_) | Token::Delim('>' | '+' | '~') => {
                shape.has_context = true;
                shape.has_neighbours |= matches!(token, Token::Delim('+' | '~'));
                shape.has_named_context |= !compound.names.is_empty();
                compound = Compound::default();
            }
            // `&`, namespaces, placeholders, mistakes.
            _ => {
                shape.is_dynamic = true;
                shape.specificity.0 = u32::MAX;
                compound = Compound::default();
                while parser.next().is_ok() {}
                break;
            }
        }
    }
    shape.has_named_subject = !compound.names.is_empty();
    if compound.kind.is_empty() {
        compound.kind.push('*');
    }
    shape.subject = format!("{}{}", compound.kind, compound.names);
    shape.subject_type = compound.kind;
    shape
}

fn pseudo(parser: &mut Parser, shape: &mut Shape) {
    match parser.next_including_whitespace().cloned() {
        Ok(Token::Ident(name)) => match name.to_ascii_lowercase().as_str() {
            "before" | "after" | "first-line" | "first-letter" => shape.is_for_part = true,
            "root" => shape.specificity.1 += 1,
            "first-child" | "first-of-type" => {
                shape.specificity.1 += 1;
                shape.has_neighbours = true;
            }
            _ => {
                shape.specificity.1 += 1;
                shape.is_dynamic = true;
            }
        },
        Ok(Token::Function(name)) => {
            let start = parser.position();
            skip_block(parser);
            let inner = parser.slice_from(start).trim_end_matches(')').to_owned();
            match name.to_ascii_lowercase().as_str() {
                "nth-child" | "nth-of-type" => {
                    shape.specificity.1 += 1;
                    shape.has_neighbours = true;
                    // `nth-child(2 of .a)`
                    shape.is_dynamic |= inner.contains("of");
                }
                "not" if !inner.contains(',') => {
                    let inner = read(&inner);
                    add(&mut shape.specificity, inner.specificity);
                    shape.has_conditions = true;
                    shape.is_dynamic |= inner.is_dynamic || inner.has_context;
                    shape.has_neighbours |= inner.has_neighbours;
                }
                "where" => shape.is_dynamic = true,
                _ => {
                    // As much as its arguments at most.
                    let arguments = inner.split(',').map(|one| read(one).specificity);
                    add(&mut shape.specificity, arguments.max().unwrap_or_default());
                    shape.specificity.1 += 1;
                    shape.is_dynamic = true;
                }
            }
        }
        // `::before`
        _ => {
            shape.is_for_part = true;
            let _ = parser.next();
        }
    }
}

fn add(to: &mut Specificity, other: Specificity) {
    to.0 = to.0.saturating_add(other.0);
    to.1 += other.1;
    to.2 += other.2;
}

fn skip_block(parser: &mut Parser) {
    let _ = parser.parse_nested_block(|block| -> Result<(), ParseError<()>> {
        while block.next().is_ok() {}
        Ok(())
    });
}
