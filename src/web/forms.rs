//! What is wrong with a form, field by field.

/// Messages by field, in the order of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormErrors {
    messages: Vec<(&'static str, String)>,
}

impl FormErrors {
    /// Nothing is wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is wrong with a field, as a German sentence.
    pub fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.messages.push((field, message.into()));
    }

    /// Just one thing is wrong.
    pub fn one(field: &'static str, message: impl Into<String>) -> Self {
        let mut errors = Self::new();
        errors.add(field, message);
        errors
    }

    /// Whether the input can be used.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What is wrong with that field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.messages
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, message)| message.as_str())
    }

    /// All messages with their fields.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.messages
            .iter()
            .map(|(field, message)| (*field, message.as_str()))
    }
}

/// What is said where a text that the audit log keeps holds an address.
pub const NO_ADDRESS: &str =
    "Bitte ohne E-Mail-Adresse: Der Text bleibt im Protokoll, auch wenn die Person gelöscht wird.";

/// Whether a text that is to be kept in the audit log may hold an address: the log outlives the
/// person (rules P7 and P11).
pub fn may_hold_address(text: &str) -> bool {
    text.contains('@')
}
