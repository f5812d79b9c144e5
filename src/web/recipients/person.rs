//! What can be typed about a person, and what is wrong with it.

use serde_json::{Map, Value};

use crate::domain::address::EmailAddress;
use crate::domain::field::field_key;
use crate::domain::text::clean_name;
use crate::import::columns;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::reasons;
use crate::web::versions::Snapshot;

/// Longest first or last name, in characters.
const MAX_NAME_CHARS: usize = 200;

/// Longest value of a free field, in characters.
const MAX_VALUE_CHARS: usize = 2_000;

/// A person as typed, kept for showing the form again.
#[derive(Default)]
pub struct Typed {
    /// The address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Free fields: name and value.
    pub free: Vec<(String, String)>,
    /// The name of a free field to be added.
    pub new_name: String,
    /// Its value.
    pub new_value: String,
}

/// A person whose data can be stored.
pub struct Person {
    /// The address.
    pub address: EmailAddress,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// Free fields; one whose value was emptied is gone.
    pub fields: Map<String, Value>,
}

impl Typed {
    /// From a form. Each existing free field is a pair of `feld` (its name) and `wert`.
    pub fn from_form(form: &Fields) -> Self {
        let mut free: Vec<(String, String)> = Vec::new();
        for (name, value) in form.iter() {
            match (name, free.last_mut()) {
                ("feld", _) => free.push((value.to_owned(), String::new())),
                ("wert", Some(last)) => value.clone_into(&mut last.1),
                _ => {}
            }
        }
        Self {
            email: form.text("email").to_owned(),
            first_name: form.text("vorname").to_owned(),
            last_name: form.text("nachname").to_owned(),
            free,
            new_name: form.text("neues-feld").to_owned(),
            new_value: form.text("neuer-wert").to_owned(),
        }
    }

    /// The form's fields, for comparing them with what somebody else saved.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default()
            .text("email", "E-Mail-Adresse", &self.email)
            .text("vorname", "Vorname", &self.first_name)
            .text("nachname", "Nachname", &self.last_name);
        for (name, value) in &self.free {
            let pairs = vec![
                ("feld".to_owned(), name.clone()),
                ("wert".to_owned(), value.clone()),
            ];
            snapshot = snapshot.pairs(&format!("feld {name}"), name, pairs, value.clone());
        }
        snapshot
            .text("neues-feld", "Neues Feld", &self.new_name)
            .text("neuer-wert", "Wert des neuen Feldes", &self.new_value)
    }

    /// The person, or everything that is wrong with what was typed.
    pub fn check(&self) -> Result<Person, FormErrors> {
        let mut errors = FormErrors::new();
        let address = EmailAddress::parse(&self.email)
            .map_err(|problem| errors.add("email", problem.to_string()))
            .ok();
        let first_name = name("vorname", "Der Vorname", &self.first_name, &mut errors);
        let last_name = name("nachname", "Der Nachname", &self.last_name, &mut errors);
        let fields = self.fields(&mut errors);
        match address {
            Some(address) if errors.is_empty() => Ok(Person {
                address,
                first_name,
                last_name,
                fields,
            }),
            _ => Err(errors),
        }
    }

    fn fields(&self, errors: &mut FormErrors) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, value) in &self.free {
            let value = field_value("felder", name, value, errors);
            if !value.is_empty() {
                fields.insert(name.clone(), Value::String(value));
            }
        }
        let (new_name, new_value) = (self.new_name.trim(), self.new_value.trim());
        if new_name.is_empty() {
            if !new_value.is_empty() {
                errors.add("neues-feld", "Geben Sie dem neuen Feld einen Namen.");
            }
            return fields;
        }
        let Some(name) = columns::field_name(new_name) else {
            errors.add(
                "neues-feld",
                "Der Name des Feldes braucht mindestens einen Buchstaben.",
            );
            return fields;
        };
        if let Some(problem) = new_field_problem(&name, &fields) {
            errors.add("neues-feld", problem);
        } else if new_value.is_empty() {
            errors.add("neuer-wert", "Geben Sie dem neuen Feld einen Wert.");
        } else {
            let value = field_value("neuer-wert", &name, new_value, errors);
            fields.insert(name, Value::String(value));
        }
        fields
    }
}

/// Why no free field of that name can be added.
fn new_field_problem(name: &str, fields: &Map<String, Value>) -> Option<&'static str> {
    if columns::RESERVED_FIELD_NAMES.contains(&name) {
        Some(reasons::FIELD_IS_FIXED)
    } else if fields.keys().any(|known| field_key(known) == name) {
        Some("Ein Feld dieses Namens gibt es schon. Ändern Sie seinen Wert oben.")
    } else {
        None
    }
}

/// A name on one line; too long a name or a control character is an error at the field.
fn name(field: &'static str, what: &str, typed: &str, errors: &mut FormErrors) -> String {
    let name = clean_name(typed);
    if name.chars().count() > MAX_NAME_CHARS {
        errors.add(
            field,
            format!("{what} darf höchstens {MAX_NAME_CHARS} Zeichen haben."),
        );
    } else if name.chars().any(char::is_control) {
        errors.add(field, format!("{what} enthält ein Steuerzeichen."));
    }
    name
}

fn field_value(field: &'static str, name: &str, typed: &str, errors: &mut FormErrors) -> String {
    match checked_value(name, typed) {
        Ok(value) => value,
        Err(problem) => {
            errors.add(field, problem);
            typed.to_owned()
        }
    }
}

/// The value of a free field, trimmed, or what is wrong with it.
pub fn checked_value(name: &str, typed: &str) -> Result<String, String> {
    let value = typed.trim().replace("\r\n", "\n").replace('\r', "\n");
    if value.chars().count() > MAX_VALUE_CHARS {
        Err(format!(
            "Der Wert von „{name}“ darf höchstens 2.000 Zeichen haben."
        ))
    } else if value.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        Err(format!("Der Wert von „{name}“ enthält ein Steuerzeichen."))
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Query;

    use super::*;

    fn typed(query: &str) -> Typed {
        Typed::from_form(&Query::<Fields>::from_query(query).unwrap())
    }

    #[test]
    fn free_fields_are_kept_changed_removed_and_added() {
        let typed = typed(
            "email=jana%40example.org&feld=anrede&wert=Frau&feld=ort&wert=+&neues-feld=PLZ%20%2F%20Ort&neuer-wert=50667+K%C3%B6ln",
        );
        let person = typed.check().ok().unwrap();
        let fields = Value::Object(person.fields);
        assert_eq!(
            fields,
            serde_json::json!({ "anrede": "Frau", "plz_ort": "50667 Köln" })
        );
    }

    #[test]
    fn everything_wrong_is_said_at_once_and_at_its_field() {
        let long = "x".repeat(201);
        let typed = typed(&format!("email=jana&vorname={long}&neuer-wert=ohne+Namen"));
        let errors = typed.check().err().unwrap();
        let fields: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["email", "vorname", "neues-feld"]);
    }

    #[test]
    fn a_new_field_never_hides_another() {
        for query in [
            "email=a%40example.org&neues-feld=vorname&neuer-wert=x",
            "email=a%40example.org&feld=ort&wert=K%C3%B6ln&neues-feld=Ort&neuer-wert=x",
        ] {
            let errors = typed(query).check().err().unwrap();
            assert!(errors.get("neues-feld").is_some(), "{query}");
        }
    }
}
