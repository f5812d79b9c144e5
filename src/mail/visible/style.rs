//! What CSS declarations hide, read as CSS is (cssparser): escapes and comments within a value are
//! no way around it.
//!
//! Only as far as it matters for the question whether a reader can see something, and on the safe
//! side: what might hide counts as hiding.

use cssparser::color::{parse_hash_color, parse_named_color};
use cssparser::{Delimiter, ParseError, Parser, Token};

/// The smallest text that counts as readable, in pixels.
pub(super) const SMALLEST_TEXT: f32 = 7.0;

/// What is further away than this stands outside of the window, in pixels.
const FAR: f32 = 200.0;
const FAR_BEHIND: f32 = 2_000.0;

/// How big a letter is where nothing says so, in pixels.
pub(in crate::mail) const NORMAL_TEXT: f32 = 16.0;

/// One declaration.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    /// The property in lower case, without a vendor's prefix.
    pub(super) name: String,
    value: Vec<Piece>,
    pub(super) important: bool,
}

/// A piece of a value, without commas; what stands in a function follows its name.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// In lower case.
    Word(String),
    /// A number and its unit, `%` or nothing, in lower case.
    Number(f32, String),
    /// In lower case.
    Function(String),
    /// The digits behind `#`.
    Hash(String),
    /// What is none of these.
    Other,
}

/// The size of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Size {
    Pixels(f32),
    /// Of what is around.
    Times(f32),
}

/// A colour; none where it can't be read. Of a picture none is known: it may not be loaded, and what
/// is behind it counts.
pub(super) type Paint = Option<[u8; 3]>;

/// What the declarations for one element say.
#[derive(Debug, Clone, Default)]
pub(super) struct Style {
    /// The element and all in it can't be seen.
    pub(super) hides: bool,
    /// Its text can't be seen, unless it is made visible again further in.
    pub(super) invisible: Option<bool>,
    pub(super) size: Option<Size>,
    pub(super) colour: Option<Paint>,
    pub(super) background: Option<Paint>,
    /// It has next to no height or width, and shows nothing beyond.
    cramped: bool,
    clips: bool,
}

/// The declarations of a `style` attribute, or of a rule.
pub(super) fn declarations(css: &str) -> Vec<Declaration> {
    read_declarations(&mut Parser::new(css))
}

pub(super) fn read_declarations(input: &mut Parser) -> Vec<Declaration> {
    let mut found = Vec::new();
    while !input.is_exhausted() {
        let one = input.parse_until_after(Delimiter::Semicolon, |input| {
            let name = input.expect_ident()?.to_ascii_lowercase();
            input.expect_colon()?;
            let (mut value, mut important) = (Vec::new(), false);
            read_value(input, &mut value, &mut important);
            Ok::<_, ParseError<()>>(Declaration {
                name: unprefixed(&name).to_owned(),
                value,
                important,
            })
        });
        found.extend(one.ok());
    }
    found
}

fn unprefixed(name: &str) -> &str {
    ["-webkit-", "-moz-", "-ms-", "-o-"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

fn read_value(input: &mut Parser, value: &mut Vec<Piece>, important: &mut bool) {
    while let Ok(token) = input.next().cloned() {
        let piece = match token {
            Token::Delim('!') => {
                *important |= input.expect_ident_matching("important").is_ok();
                continue;
            }
            Token::Ident(word) => Piece::Word(word.to_ascii_lowercase()),
            Token::Hash(digits) | Token::IDHash(digits) => Piece::Hash(digits.to_string()),
            Token::Number { value, .. } => Piece::Number(value, String::new()),
            Token::Percentage { unit_value, .. } => {
                Piece::Number(unit_value * 100.0, "%".to_owned())
            }
            Token::Dimension { value, unit, .. } => Piece::Number(value, unit.to_ascii_lowercase()),
            Token::Function(name) => {
                value.push(Piece::Function(
                    unprefixed(&name.to_ascii_lowercase()).to_owned(),
                ));
                let inside = input.parse_nested_block(|input| {
                    read_value(input, value, important);
                    Ok::<_, ParseError<()>>(())
                });
                if inside.is_ok() {
                    continue;
                }
                Piece::Other
            }
            Token::Comma | Token::WhiteSpace(_) | Token::Comment(_) => continue,
            _ => Piece::Other,
        };
        value.push(piece);
    }
}

impl Declaration {
    fn has(&self, word: &str) -> bool {
        self.value
            .iter()
            .any(|piece| matches!(piece, Piece::Word(found) if found == word))
    }

    fn calls(&self, function: impl Fn(&str) -> bool) -> bool {
        self.value
            .iter()
            .any(|piece| matches!(piece, Piece::Function(name) if function(name)))
    }

    fn any_number(&self, is_it: impl Fn(f32, &str) -> bool) -> bool {
        self.value
            .iter()
            .any(|piece| matches!(piece, Piece::Number(number, unit) if is_it(*number, unit)))
    }

    /// Is it computed from what stands elsewhere?
    fn is_indirect(&self) -> bool {
        self.calls(|name| matches!(name, "var" | "env" | "attr"))
    }

    /// Does it hide an element and all in it?
    pub(super) fn hides(&self) -> bool {
        let tiny = |number: f32, unit: &str| number <= if unit == "%" { 10.0 } else { 0.1 };
        let far = |number: f32, unit: &str| {
            let pixels = pixels(number, unit);
            pixels <= -FAR || pixels >= FAR_BEHIND || (unit == "%" && number.abs() >= 100.0)
        };
        let hidden = match self.name.as_str() {
            "display" => ["none", "table-column", "table-column-group"]
                .iter()
                .any(|value| self.has(value)),
            "pointer-events" => self.has("none"),
            "content-visibility" => self.has("hidden"),
            "mso-hide" => self.has("all") || self.has("screen"),
            "opacity" => self.any_number(tiny),
            "height" | "width" | "block-size" | "inline-size" => {
                self.any_number(|number, _| number <= 0.0)
            }
            "max-height" | "max-width" | "max-block-size" | "max-inline-size" => {
                self.any_number(|number, unit| number <= 0.0 || pixels(number, unit).abs() <= 2.0)
            }
            "text-indent" | "left" | "right" | "top" | "bottom" | "translate" | "inset" => {
                self.any_number(far)
            }
            name if name.starts_with("margin") => self.any_number(|number, unit| {
                pixels(number, unit) <= -FAR || (unit == "%" && number <= -100.0)
            }),
            name if name.starts_with("padding") => self.any_number(|number, unit| {
                pixels(number, unit) >= FAR_BEHIND || (unit == "%" && number >= 100.0)
            }),
            "clip" => self.calls(|name| name == "rect"),
            "clip-path" | "mask" | "mask-image" => !self.has("none"),
            "scale" | "zoom" => self.any_number(|number, unit| tiny(number.abs(), unit)),
            "transform" => {
                self.calls(|name| {
                    matches!(
                        name,
                        "rotatex" | "rotatey" | "rotate3d" | "matrix" | "matrix3d"
                    )
                }) || (self.calls(|name| name.starts_with("scale"))
                    && self.any_number(|number, unit| tiny(number.abs(), unit)))
                    || (self.calls(|name| name.starts_with("translate")) && self.any_number(far))
            }
            "z-index" => self.any_number(|number, _| number < 0.0),
            "mix-blend-mode" => !self.has("normal"),
            "filter" => self.calls(|name| matches!(name, "opacity" | "blur" | "alpha")),
            "letter-spacing" => self.any_number(|number, unit| pixels(number, unit) <= -5.0),
            _ => return false,
        };
        hidden || self.is_indirect()
    }

    /// Is it certain that no reader sees the element, in no program?
    pub(super) fn surely_hides(&self) -> bool {
        match self.name.as_str() {
            "display" | "opacity" | "max-height" | "text-indent" | "left" | "top" => {
                self.hides() && !self.is_indirect()
            }
            "visibility" => self.has("hidden"),
            _ => false,
        }
    }

    /// Does it say something that can hide text?
    pub(super) fn may_hide(&self) -> bool {
        let mut style = Style::default();
        style.add(self);
        style.hides
            || style.cramped
            || style.clips
            || style.invisible == Some(true)
            || style
                .size
                .is_some_and(|size| size.of(NORMAL_TEXT) < SMALLEST_TEXT)
    }

    /// Is it a value with which something can be seen, so that no weaker declaration counts?
    pub(super) fn shows(&self) -> bool {
        match self.name.as_str() {
            "display" => self.has("block") || self.has("inline"),
            "visibility" => self.has("visible"),
            "opacity" | "font-size" => !self.may_hide() && self.any_number(|_, _| true),
            "height" | "width" | "max-height" | "max-width" => {
                !self.may_hide()
                    && (self.has("auto") || self.has("none") || self.any_number(|_, _| true))
            }
            _ => false,
        }
    }

    /// The size of text that it asks for.
    fn size(&self) -> Option<Size> {
        let is_shorthand = self.name == "font";
        if self.is_indirect() || self.calls(|_| true) {
            return Some(Size::Pixels(0.0));
        }
        self.value.iter().find_map(|piece| match piece {
            Piece::Number(number, unit) if unit.is_empty() => {
                // In the shorthand, the weight.
                (!is_shorthand || *number == 0.0).then_some(Size::Pixels(*number))
            }
            Piece::Number(number, unit) => Some(match unit.as_str() {
                "%" => Size::Times(number / 100.0),
                "em" => Size::Times(*number),
                "ex" | "ch" => Size::Times(number / 2.0),
                unit => Size::Pixels(pixels(*number, unit)),
            }),
            Piece::Word(word) => match word.as_str() {
                "xx-small" | "x-small" | "small" | "medium" | "large" | "x-large" | "xx-large" => {
                    Some(Size::Pixels(NORMAL_TEXT))
                }
                "smaller" => Some(Size::Times(0.8)),
                "larger" => Some(Size::Times(1.2)),
                _ => None,
            },
            _ => None,
        })
    }

    /// The colour that it asks for: `None` says nothing about it.
    fn paint(&self) -> Option<Paint> {
        let numbers: Vec<f32> = self
            .value
            .iter()
            .filter_map(|piece| match piece {
                Piece::Number(number, unit) if unit == "%" => Some(number * 2.55),
                Piece::Number(number, _) => Some(*number),
                _ => None,
            })
            .collect();
        self.value.iter().find_map(|piece| match piece {
            Piece::Hash(digits) => parse_hash_color(digits.as_bytes())
                .ok()
                .map(|(red, green, blue, _)| Some([red, green, blue])),
            Piece::Word(word) => parse_named_color(word)
                .ok()
                .map(|(red, green, blue)| Some([red, green, blue])),
            Piece::Function(name) if matches!(name.as_str(), "rgb" | "rgba") => match numbers[..] {
                [red, green, blue, ..] => Some(Some([byte(red), byte(green), byte(blue)])),
                _ => Some(None),
            },
            Piece::Function(name)
                if matches!(
                    name.as_str(),
                    "hsl" | "hsla" | "color" | "lab" | "oklch" | "var"
                ) =>
            {
                Some(None)
            }
            _ => None,
        })
    }

    /// Does it make what it colours transparent?
    fn is_transparent(&self) -> bool {
        let numbers = self.value.iter().filter_map(|piece| match piece {
            Piece::Number(number, unit) => Some(if unit == "%" { number / 100.0 } else { *number }),
            _ => None,
        });
        let digits_of_alpha = self.value.iter().find_map(|piece| match piece {
            Piece::Hash(digits) => parse_hash_color(digits.as_bytes())
                .ok()
                .map(|(.., alpha)| alpha),
            _ => None,
        });
        self.has("transparent")
            || digits_of_alpha.is_some_and(|alpha| alpha < 0.1)
            || (self.calls(|_| true) && numbers.skip(3).any(|alpha| alpha < 0.1))
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "held between 0 and 255"
)]
fn byte(number: f32) -> u8 {
    number.clamp(0.0, 255.0) as u8
}

/// A length in pixels, as far as it is one; those of the window, of a small one.
fn pixels(number: f32, unit: &str) -> f32 {
    number
        * match unit {
            "pt" => 4.0 / 3.0,
            "pc" | "em" | "rem" => NORMAL_TEXT,
            "in" => 96.0,
            "cm" => 37.8,
            "mm" => 3.78,
            "q" => 0.945,
            "ex" | "ch" => NORMAL_TEXT / 2.0,
            "vw" | "vh" | "vmin" | "vmax" => 4.0,
            _ => 1.0,
        }
}

impl Size {
    /// In pixels, within text of this size.
    pub(super) fn of(self, around: f32) -> f32 {
        match self {
            Self::Pixels(pixels) => pixels,
            Self::Times(times) => times * around,
        }
    }
}

impl Style {
    /// What these declarations say together.
    pub(super) fn of<'a>(declarations: impl IntoIterator<Item = &'a Declaration>) -> Self {
        let mut style = Self::default();
        for declaration in declarations {
            style.add(declaration);
        }
        style
    }

    fn add(&mut self, declaration: &Declaration) {
        self.hides |= declaration.hides();
        match declaration.name.as_str() {
            "visibility" => {
                let hidden = !declaration.has("visible");
                self.invisible = Some(hidden || self.invisible == Some(true));
            }
            "font" | "font-size" => {
                if let Some(size) = declaration.size() {
                    let smaller = |other: &Size| other.of(NORMAL_TEXT) < size.of(NORMAL_TEXT);
                    self.size = Some(self.size.filter(smaller).unwrap_or(size));
                }
            }
            "color" | "text-fill-color" => {
                if declaration.is_transparent() {
                    self.invisible = Some(true);
                }
                self.colour = declaration.paint().or(self.colour);
            }
            "background" | "background-color" | "background-image" => {
                self.background = declaration.paint().or(self.background);
            }
            "height" | "max-height" | "width" | "max-width" => {
                self.cramped |= declaration
                    .any_number(|number, unit| unit != "%" && pixels(number, unit) < 8.0);
            }
            "overflow" | "overflow-x" | "overflow-y" => self.clips |= !declaration.has("visible"),
            _ => {}
        }
        self.hides |= self.cramped && self.clips;
    }
}

/// The colour of an attribute such as `bgcolor`.
pub(super) fn colour(value: &str) -> Option<Paint> {
    let css = format!("color:{}", value.trim());
    declarations(&css).first().and_then(Declaration::paint)
}
