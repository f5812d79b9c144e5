//! Positions in lists, as they stand in addresses: `?nach=17`, `?vor=17`, `?seite=letzte`.

use serde::Deserialize;

use crate::db::paging::{Page, Position};

/// How many rows a page of a list has.
pub const PAGE_SIZE: usize = 50;

/// The part of a query string that says where in the list a page lies.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PagingQuery {
    nach: Option<i64>,
    vor: Option<i64>,
    seite: Option<String>,
}

/// Links to other pages of a list; none where there is no such page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The first page.
    pub first: Option<String>,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
    /// The last page.
    pub last: Option<String>,
}

impl PagingQuery {
    /// From the words of an address; what is no number is left out.
    pub fn of(after: Option<&str>, before: Option<&str>, page: Option<&str>) -> Self {
        let number = |word: Option<&str>| word.and_then(|word| word.parse().ok());
        Self {
            nach: number(after),
            vor: number(before),
            seite: page.map(str::to_owned),
        }
    }

    /// Where the page lies.
    pub fn position(&self) -> Position {
        match (self.nach, self.vor, self.seite.as_deref()) {
            (Some(key), _, _) => Position::After(key),
            (None, Some(key), _) => Position::Before(key),
            (None, None, Some("letzte")) => Position::Last,
            _ => Position::First,
        }
    }
}

impl Links {
    /// Links from one page to others. `path` is the list's address, `kept` the query parameters
    /// that every page of it shares (name and value, not yet encoded).
    pub fn new<T>(
        page: &Page<T>,
        key: impl Fn(&T) -> i64,
        path: &str,
        kept: &[(&str, &str)],
    ) -> Self {
        let link = |name: &str, value: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(kept.iter().filter(|(_, value)| !value.is_empty()));
            if !name.is_empty() {
                query.append_pair(name, value);
            }
            let query = query.finish();
            if query.is_empty() {
                path.to_owned()
            } else {
                format!("{path}?{query}")
            }
        };
        let key_of = |row: Option<&T>| row.map(|row| key(row).to_string());
        let previous = key_of(page.rows.first()).filter(|_| page.has_previous);
        let next = key_of(page.rows.last()).filter(|_| page.has_next);
        Self {
            first: page.has_previous.then(|| link("", "")),
            previous: previous.map(|key| link("vor", &key)),
            next: next.map(|key| link("nach", &key)),
            last: page.has_next.then(|| link("seite", "letzte")),
        }
    }
}
