//! What a form or a query string carries where names repeat, as ticked checkboxes do.

use serde::Deserialize;

/// Names and values in the order they came. Holds addresses, so it has no `Debug` (rule P8).
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(Vec<(String, String)>);

impl FromIterator<(String, String)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Fields {
    /// The first value of that name; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Whether the name came at all, as that of a ticked checkbox does.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// All values of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(of, _)| of == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of that name that are numbers.
    pub fn numbers(&self, name: &str) -> Vec<i64> {
        self.all(name)
            .filter_map(|value| value.parse().ok())
            .collect()
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Query;

    use super::Fields;

    #[test]
    fn repeated_names_are_all_there() {
        let fields = Query::<Fields>::from_query("id=3&name=Jana+M%C3%BCller&id=x&id=17").unwrap();
        assert_eq!(fields.numbers("id"), [3, 17]);
        assert_eq!(fields.text("name"), "Jana Müller");
        assert_eq!(fields.text("missing"), "");
        assert!(fields.has("name") && !fields.has("missing"));
    }
}
