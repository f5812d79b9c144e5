//! Which rules are for which elements, in any case or perhaps.

use std::collections::{BTreeSet, HashMap};

use scraper::{Html, Selector};

use super::NUMBER;
use super::cascade::Styles;
use super::conditions::Conditions;
use super::selector::{self, Shape};
use super::sheet::Rule;

/// The most declarations for all elements together. A long newsletter has 40,000.
const MAX_FOUND: usize = 2_000_000;

/// The most comparisons of declarations for all elements together.
const MAX_WORK: usize = 50_000_000;

/// A copy of a source whose elements have numbers.
pub(super) struct Numbered {
    pub(super) html: String,
    /// The elements whose classes, ids or attributes depend on the template.
    pub(super) open: BTreeSet<usize>,
}

/// A copy in which selectors are looked up.
pub(super) struct Matching<'a> {
    document: Html,
    open: &'a BTreeSet<usize>,
    conditions: &'a Conditions,
    /// How often an element stands in the document: parsers repeat what is not closed.
    times: HashMap<usize, usize>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(numbered: &'a Numbered, conditions: &'a Conditions) -> Self {
        let mut matching = Self {
            document: Html::parse_document(&numbered.html),
            open: &numbered.open,
            conditions,
            times: HashMap::new(),
        };
        matching.times = matching.found("*").unwrap_or_default();
        matching
    }

    /// The elements that a selector is for, and how often each; `None` if it can't be read.
    fn found(&self, selector: &str) -> Option<HashMap<usize, usize>> {
        let selector = Selector::parse(selector).ok()?;
        let mut found = HashMap::new();
        for element in self.document.select(&selector) {
            if let Some(number) = element.attr(NUMBER).and_then(|number| number.parse().ok()) {
                *found.entry(number).or_default() += 1;
            }
        }
        Some(found)
    }

    /// What the rules say of each element; `None` if that is more than any mail needs.
    pub(super) fn styles<'r>(&self, rules: &'r [Rule], elements: usize) -> Option<Vec<Styles<'r>>> {
        let mut found = 0;
        let mut styles: Vec<Styles> = Vec::new();
        styles.resize_with(elements, Styles::default);
        for (order, rule) in rules.iter().enumerate() {
            for text in &rule.selectors {
                let shape = selector::read(text);
                if shape.is_for_part {
                    continue;
                }
                let priority = (rule.unranked, shape.specificity, order);
                let certain = self.certain(rule, text, &shape);
                let possible = self.possible(&shape, certain.as_ref());
                let concerned = possible.len() + certain.as_ref().map_or(0, BTreeSet::len);
                found += concerned * rule.declarations.len();
                if found > MAX_FOUND {
                    return None;
                }
                for number in possible {
                    let declarations = rule.declarations.iter();
                    let weak = declarations.filter(|declaration| !declaration.important);
                    if let Some(styles) = styles.get_mut(number) {
                        styles.possible.extend(weak.map(|one| (priority, one)));
                    }
                }
                for number in certain.into_iter().flatten() {
                    if let Some(styles) = styles.get_mut(number) {
                        let declarations = rule.declarations.iter();
                        styles
                            .certain
                            .extend(declarations.map(|one| (priority, one)));
                    }
                }
            }
        }
        let work: usize = styles.iter().map(Styles::work).sum();
        (work <= MAX_WORK).then_some(styles)
    }

    /// The elements that a rule is for in any case; `None` if nobody can say.
    fn certain(&self, rule: &Rule, text: &str, shape: &Shape) -> Option<BTreeSet<usize>> {
        let depends = rule.conditional
            || shape.is_dynamic
            || (shape.has_neighbours && !self.conditions.is_empty())
            || (shape.has_context && self.conditions.cross_elements)
            || (shape.has_conditions && !self.open.is_empty());
        if depends {
            return None;
        }
        let found = self.found(text)?;
        let whole = found
            .into_iter()
            .filter(|(number, times)| self.times.get(number) == Some(times));
        Some(whole.map(|(number, _)| number).collect())
    }

    /// The elements that a rule is for perhaps.
    fn possible(&self, shape: &Shape, certain: Option<&BTreeSet<usize>>) -> BTreeSet<usize> {
        let by = |selector: &str| match self.found(selector) {
            Some(found) => found.into_keys().collect(),
            None => self.times.keys().copied().collect::<BTreeSet<usize>>(),
        };
        let open = || {
            let mut found = by(&shape.subject_type);
            found.retain(|number| self.open.contains(number));
            found
        };
        let Some(certain) = certain else {
            let mut found = by(&shape.subject);
            found.append(&mut open());
            return found;
        };
        let mut found = BTreeSet::new();
        if !self.open.is_empty() {
            if shape.has_named_context {
                found.append(&mut by(&shape.subject));
            }
            if shape.has_named_context || shape.has_named_subject {
                found.append(&mut open());
            }
        }
        found.retain(|number| !certain.contains(number));
        found
    }
}
