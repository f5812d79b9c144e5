//! What can be typed about a user.

use crate::db::models::users::User;
use crate::domain::address::EmailAddress;
use crate::domain::role::{Role, Roles};
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::versions::Snapshot;

/// The most characters a name may have.
const LONGEST_NAME: usize = 100;

/// Name and roles, and for an invitation the address. Holds an address, so it has no `Debug` (rule
/// P8).
#[derive(Clone)]
pub struct UserForm {
    /// The address.
    pub email: String,
    /// The name that others see.
    pub name: String,
    /// What was ticked.
    pub roles: Roles,
}

impl UserForm {
    /// Nothing yet.
    pub fn empty() -> Self {
        Self {
            email: String::new(),
            name: String::new(),
            roles: Roles::NONE,
        }
    }

    /// What was sent.
    pub fn from_fields(fields: &Fields) -> Self {
        let ticked = |role: &Role| fields.all("rollen").any(|word| word == role.word());
        Self {
            email: fields.text("email").trim().to_owned(),
            name: fields.text("name").trim().to_owned(),
            roles: Role::ALL
                .into_iter()
                .filter(ticked)
                .fold(Roles::NONE, Roles::with),
        }
    }

    /// What is stored of a user.
    pub fn of(user: &User) -> Self {
        Self {
            email: user.email.clone(),
            name: user.name.clone(),
            roles: user.roles(),
        }
    }

    /// Name and roles, for comparing them with what somebody else saved.
    pub fn snapshot(&self) -> Snapshot {
        let roles = Role::ALL.into_iter().filter(|role| self.roles.has(*role));
        let roles = roles.map(|role| (role.word().to_owned(), role.label().to_owned()));
        Snapshot::default()
            .text("name", "Name", &self.name)
            .several("rollen", "Rollen", roles.collect())
    }

    /// What is wrong with name and roles.
    pub fn check(&self) -> FormErrors {
        let mut errors = FormErrors::new();
        if let Some(problem) = name_problem(&self.name) {
            errors.add("name", problem);
        }
        if self.roles == Roles::NONE {
            errors.add("rollen", "Wählen Sie mindestens eine Rolle aus.");
        }
        errors
    }

    /// The address, and what is wrong with anything.
    pub fn check_all(&self) -> Result<EmailAddress, FormErrors> {
        let mut errors = FormErrors::new();
        let email = EmailAddress::parse(&self.email);
        if let Err(problem) = &email {
            errors.add("email", problem.to_string());
        }
        for (field, message) in self.check().iter() {
            errors.add(field, message);
        }
        match email {
            Ok(email) if errors.is_empty() => Ok(email),
            _ => Err(errors),
        }
    }

    /// The roles as checkboxes: word, label, what it allows, whether it is ticked.
    pub fn choices(&self) -> Vec<(&'static str, &'static str, &'static str, bool)> {
        let of = |role: Role| {
            (
                role.word(),
                role.label(),
                role.about(),
                self.roles.has(role),
            )
        };
        Role::ALL.into_iter().map(of).collect()
    }
}

/// What is wrong with a user's name. It stands in mails and in the audit log.
pub fn name_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("Geben Sie einen Namen ein.")
    } else if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        Some("Geben Sie einen Namen mit höchstens 100 Zeichen ein.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Query;

    use super::*;

    #[test]
    fn several_roles_are_read_and_unknown_ones_left_out() {
        let query = "name=+Jana+&email=jana%40example.org&rollen=analysen&rollen=x&rollen=versand";
        let form = UserForm::from_fields(&Query::<Fields>::from_query(query).unwrap());
        assert_eq!(form.name, "Jana");
        assert_eq!(form.roles.labels(), ["Versand", "Analysen"]);
        assert!(form.check_all().is_ok());
    }

    #[test]
    fn a_user_needs_an_address_a_name_and_a_role() {
        let errors = UserForm::empty().check_all().err().unwrap();
        let fields: Vec<_> = errors.iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["email", "name", "rollen"]);
        assert!(name_problem(&"x".repeat(101)).is_some());
        assert!(name_problem("a\nb").is_some());
        assert_eq!(name_problem("Jana Müller"), None);
    }
}
