//! Which declarations an element gets (CSS Cascading 5), and which of them can stand at it.
//!
//! A `style` attribute wins over every rule without `!important`. So a declaration comes there only
//! if no rule that may apply, and that wins over it in the sheet, sets the same. One with
//! `!important` comes without it: the sheet still has it, and programs that read sheets go by that.

use std::collections::BTreeSet;

use super::selector::Specificity;
use super::sheet::Declaration;

/// How much a rule counts: where nobody knows, most.
pub(super) type Priority = (bool, Specificity, usize);

/// What the sheets say of one element.
#[derive(Debug, Default)]
pub(super) struct Styles<'a> {
    /// What applies in any case.
    pub(super) certain: Vec<(Priority, &'a Declaration)>,
    /// What may apply.
    pub(super) possible: Vec<(Priority, &'a Declaration)>,
}

/// What comes to one element.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// In front of what the author wrote there.
    pub(super) before: String,
    /// Behind it.
    pub(super) after: String,
}

impl Styles<'_> {
    /// How many comparisons writing them takes at most.
    pub(super) const fn work(&self) -> usize {
        let certain = self.certain.len();
        certain.saturating_mul(certain + self.possible.len())
    }

    /// What can stand at an element that has declarations of its `own`. Names of properties that
    /// stay in the sheets, since a rule may change them, are added to `left`.
    pub(super) fn write(&self, own: &[Declaration], left: &mut BTreeSet<String>) -> Written {
        let mut certain: Vec<_> = self.certain.iter().collect();
        certain.sort_by_key(|(priority, declaration)| (declaration.important, *priority));
        let mut kept: Vec<&(Priority, &Declaration)> = Vec::new();
        for entry in certain {
            let (priority, declaration) = entry;
            let name = declaration.name.as_str();
            if !declaration.important && self.is_contested(*priority, name) {
                left.insert(name.to_owned());
                kept.retain(|(_, other)| !overlap(&other.name, name));
                continue;
            }
            if !can_stand_alone(declaration) {
                kept.retain(|(_, other)| !overlap(&other.name, name));
                continue;
            }
            kept.retain(|(other_priority, other)| other.name != name || other_priority == priority);
            kept.push(entry);
        }
        let mut written = Written::default();
        for (_, declaration) in kept {
            let own = own.iter().find(|own| own.name == declaration.name);
            let text = format!(
                "{}: {};",
                declaration.name,
                declaration
                    .value
                    .split_ascii_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            );
            match own {
                Some(own) if own.important || !declaration.important => {}
                _ if declaration.important => written.after.push_str(&text),
                _ => written.before.push_str(&text),
            }
        }
        written
    }

    /// May a rule that counts more set this property?
    fn is_contested(&self, priority: Priority, name: &str) -> bool {
        self.possible
            .iter()
            .any(|(other, declaration)| *other >= priority && overlap(&declaration.name, name))
    }
}

/// Does a declaration mean the same in an attribute?
fn can_stand_alone(declaration: &Declaration) -> bool {
    !declaration.name.starts_with("--")
        && !declaration.value.contains("var(")
        && !declaration.value.contains("revert-layer")
        && !declaration.value.is_empty()
}

/// Do two properties set the same, at least in part? When in doubt, yes.
fn overlap(one: &str, other: &str) -> bool {
    if one == other || one == "all" || other == "all" {
        return true;
    }
    if one.starts_with("--") || other.starts_with("--") {
        return false;
    }
    let (one, other) = (without_prefix(one), without_prefix(other));
    let within = |long: &str, short: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if within(one, other) || within(other, one) {
        return true;
    }
    // `margin-inline` sets `margin-left`, or another, as the language runs.
    let is_logical = |name: &str| name.contains("inline") || name.contains("block");
    if is_logical(one) || is_logical(other) {
        return side(one) == side(other);
    }
    let (one, other) = (family(one), family(other));
    one.is_some() && one == other
}

/// What a logical property is about.
fn side(name: &str) -> &str {
    match name.rsplit('-').next() {
        Some("width" | "height" | "size") if !name.starts_with("border") => "size",
        _ => match name.split('-').next().unwrap_or(name) {
            "top" | "right" | "bottom" | "left" => "inset",
            head => head,
        },
    }
}

/// `-webkit-box-shadow` sets what `box-shadow` does.
fn without_prefix(name: &str) -> &str {
    ["-webkit-", "-moz-", "-ms-", "-o-"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

/// Properties that set each other without having a name in common, or only in part.
fn family(name: &str) -> Option<&'static str> {
    let head = name.split('-').next().unwrap_or(name);
    match (head, name) {
        (_, "border-collapse" | "border-spacing") => None,
        ("border", _) if name.ends_with("-radius") => Some("radius"),
        ("border", _) => Some("border"),
        (
            "flex" | "grid" | "gap" | "row" | "column" | "columns" | "place" | "align" | "justify",
            _,
        ) => Some("layout"),
        ("top" | "right" | "bottom" | "left" | "inset", _) => Some("inset"),
        (_, "font" | "line-height") => Some("font"),
        (_, "word-wrap" | "overflow-wrap") => Some("wrap"),
        _ => None,
    }
}
