//! Groups of recipients.

use super::text::clean_name;

/// Longest name of a group, in characters.
const MAX_NAME_CHARS: usize = 200;

/// What is said where another group has the name.
pub const NAME_TAKEN: &str = "Eine Gruppe mit diesem Namen gibt es schon.";

/// What is wrong with the name of a group, as a German sentence.
pub fn name_problem(name: &str) -> Option<&'static str> {
    let name = clean_name(name);
    if name.is_empty() {
        Some("Geben Sie der Gruppe einen Namen.")
    } else if name.chars().count() > MAX_NAME_CHARS {
        Some("Der Name darf höchstens 200 Zeichen haben.")
    } else if name.chars().any(char::is_control) {
        Some("Der Name enthält ein Steuerzeichen.")
    } else {
        None
    }
}
