//! Fills a mailing's templates with what is known about one recipient.
//!
//! The template language is minijinja with little in it: no includes, no macros, no functions, a
//! short list of filters, a limit on the work one mail may cause. What an author prints is
//! always escaped in HTML, and there is no filter that would turn this off: a name someone typed
//! into a sign-up form never becomes markup.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Template, UndefinedBehavior, Value,
    filters,
};
use serde_json::{Map, Value as Json};

use super::attribute;
use super::bounds::{self, LONGEST_VALUE, PartWriter};
use super::names::{hyphenated, with_hyphens};
use super::{MailError, Part};

/// The variable with the address of the recipient's page to unsubscribe.
pub const UNSUBSCRIBE: &str = "abmeldelink";
/// The variable with the address of the recipient's page to object to personal tracking.
pub const PREFERENCES: &str = "datenschutzlink";
/// The variable with all free fields by name, for names that are no identifiers:
/// `{{ felder["Kunden-Nr."] }}`.
pub(super) const FIELDS: &str = "felder";
/// What every recipient has, whatever fields the account keeps.
pub(super) const STANDARD: [&str; 6] = [
    "vorname",
    "nachname",
    "email",
    UNSUBSCRIBE,
    PREFERENCES,
    FIELDS,
];

/// Instructions one rendering may take: hundreds of times what a long newsletter needs.
const FUEL: u64 = 100_000;

/// What an author may write behind `|`.
const FILTERS: &str = "oder, default, upper, lower, title, capitalize, trim, replace, length, \
     join, first, last, round, int, float, abs, urlencode";

/// What is known about a recipient, for his mail.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// First name, empty if unknown.
    pub first_name: &'a str,
    /// Last name, empty if unknown.
    pub last_name: &'a str,
    /// The address as typed.
    pub address: &'a str,
    /// Free fields by name.
    pub fields: &'a Map<String, Json>,
}

/// What is wrong with a template, for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The line of the source, counted from one.
    pub line: usize,
    /// What is wrong, in German.
    pub message: String,
}

/// The compiled templates of a mailing.
pub struct Templates {
    environment: Environment<'static>,
    /// All variables that any of the three asks for.
    used: Vec<String>,
}

/// One recipient's values, for all parts of his mail.
pub struct Variables(Value);

#[derive(Debug)]
struct Values(Vec<(String, Value)>);

impl Object for Values {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }
}

/// All free fields, by their names in any case.
#[derive(Debug)]
struct Fields(Map<String, Json>);

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        field(&self.0, key.as_str()?).map(Value::from_serialize)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.0
                .keys()
                .map(|name| Value::from(name.as_str()))
                .collect(),
        )
    }
}

impl Templates {
    /// Compiles the three templates of a mailing.
    ///
    /// # Errors
    /// [`MailError::Template`] names the part and the line that can't be read.
    pub fn compile(subject: &str, html: &str, text: &str) -> Result<Self, MailError> {
        let mut environment = environment();
        let mut used = Vec::new();
        for (part, source) in [
            (Part::Subject, subject),
            (Part::Html, html),
            (Part::Text, text),
        ] {
            bounds::check_template(source)
                .map_err(|problem| MailError::Template { part, problem })?;
            environment
                .add_template_owned(part.name(), with_hyphens(source).into_owned())
                .map_err(|error| problem(part, &error))?;
            let template = environment
                .get_template(part.name())
                .map_err(|error| problem(part, &error))?;
            used.extend(template.undeclared_variables(false));
        }
        used.sort_unstable();
        used.dedup();
        Ok(Self { environment, used })
    }

    /// The names of all values that these templates ask for.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.used.iter().map(String::as_str)
    }

    /// Collects the values that these templates ask for.
    pub fn variables(
        &self,
        recipient: &Recipient,
        unsubscribe: &str,
        preferences: &str,
    ) -> Variables {
        let value = |name: &str| {
            // A field of exactly this name comes before `vorname` in another case.
            let own =
                standard(name).filter(|own| *own == name || !recipient.fields.contains_key(name));
            match own {
                Some("vorname") => Some(Value::from(recipient.first_name)),
                Some("nachname") => Some(Value::from(recipient.last_name)),
                Some("email") => Some(Value::from(recipient.address)),
                Some(UNSUBSCRIBE) => Some(Value::from(unsubscribe)),
                Some(PREFERENCES) => Some(Value::from(preferences)),
                Some(_) => Some(Value::from_object(Fields(recipient.fields.clone()))),
                None => field(recipient.fields, name).map(Value::from_serialize),
            }
        };
        let values = self
            .used
            .iter()
            .filter_map(|name| Some((name.clone(), value(name)?)))
            .collect();
        Variables(Value::from_object(Values(values)))
    }

    /// Renders one part. A subject is one line, whatever stands in the values: a line break in
    /// it would begin a new header (RFC 5322, 2.2).
    ///
    /// # Errors
    /// [`MailError::Template`] where these values can't be used as the template wants.
    pub fn render(&self, part: Part, variables: &Variables) -> Result<String, MailError> {
        let rendered = self
            .environment
            .get_template(part.name())
            .and_then(|template| write(&template, &variables.0))
            .map_err(|error| problem(part, &error))?;
        Ok(match part {
            Part::Subject => one_line(&rendered),
            Part::Html | Part::Text => rendered,
        })
    }
}

/// Looks a template over before it is saved or sent.
///
/// Returns the names it asks for that are neither standard nor among `known_fields`: they will
/// print nothing. Tries the template with a recipient of whom nothing is known and with one of
/// whom everything is, so that a misspelt filter in one branch of a condition is found too.
///
/// # Errors
/// The first problem that would keep a mail from being rendered.
pub fn check(source: &str, known_fields: &[String]) -> Result<Vec<String>, TemplateProblem> {
    let describe = |error: Error| TemplateProblem {
        line: error.line().unwrap_or(1),
        message: message(&error),
    };
    bounds::check_template(source)?;
    let environment = environment();
    let readable = with_hyphens(source);
    let template = environment.template_from_str(&readable).map_err(describe)?;
    let used = template.undeclared_variables(false);
    for sample in ["", "Muster"] {
        let values = used
            .iter()
            .filter(|name| standard(name) != Some(FIELDS))
            .map(|name| (name.clone(), Value::from(sample)))
            .collect();
        write(&template, &Value::from_object(Values(values))).map_err(describe)?;
    }
    let is_known = |name: &String| {
        standard(name).is_some() || known_fields.iter().any(|known| same_name(known, name))
    };
    let hyphens = hyphenated(source)
        .into_iter()
        .map(|range| source[range].to_owned());
    let mut unknown: Vec<_> = used
        .into_iter()
        .chain(hyphens)
        .filter(|name| !is_known(name))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    Ok(unknown)
}

/// Renders a template, up to the length that a part may have.
fn write(template: &Template<'_, '_>, values: &Value) -> Result<String, Error> {
    let mut writer = PartWriter::default();
    template.render_captured_to(values, &mut writer)?;
    Ok(writer.into_text())
}

fn environment() -> Environment<'static> {
    // Empty: what is not added here does not exist.
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment.set_keep_trailing_newline(true);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|name| {
        if name == Part::Html.name() {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    environment.set_formatter(print);
    environment.add_filter("oder", or_else);
    environment.add_filter("default", or_else);
    environment.add_filter("urlencode", urlencode);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("replace", replace);
    environment.add_filter("length", filters::length);
    environment.add_filter("join", join);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("round", filters::round);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("abs", filters::abs);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("undefined", minijinja::tests::is_undefined);
    environment.add_test("none", minijinja::tests::is_none);
    environment.add_test("in", minijinja::tests::is_in);
    environment
}

/// Prints a value: nothing for what is missing or a list, and in HTML escaped as in an attribute.
/// (minijinja's own escaping also turns every `/` of an address into a reference.)
fn print(out: &mut Output, state: &State, value: &Value) -> Result<(), Error> {
    let is_several = matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
    );
    if value.is_undefined() || value.is_none() || is_several {
        return Ok(());
    }
    let written = if state.auto_escape() == AutoEscape::Html && !value.is_safe() {
        match value.as_str() {
            Some(text) => out.write_str(&attribute::encode(text)),
            None => out.write_str(&attribute::encode(&value.to_string())),
        }
    } else {
        write!(out, "{value}")
    };
    written.map_err(Error::from)
}

/// `{{ vorname|oder("zusammen") }}`: the second value where the first is missing or blank.
fn or_else(value: Value, other: Option<Value>) -> Value {
    let blank = value.is_undefined()
        || value.is_none()
        || value.as_str().is_some_and(|text| text.trim().is_empty());
    if blank {
        other.unwrap_or_default()
    } else {
        value
    }
}

/// A value as part of an address, where every reserved character means itself (RFC 3986, 2.1).
fn urlencode(value: Value) -> String {
    if value.is_undefined() || value.kind() == ValueKind::None {
        return String::new();
    }
    let text = value.to_string();
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// A value with one text in it exchanged for another.
fn replace(value: Value, from: Value, to: Value) -> Result<String, Error> {
    let (value, from, to) = (value.to_string(), from.to_string(), to.to_string());
    let found = value.matches(&from).count();
    let length = value.len() - found * from.len() + found * to.len();
    if length > LONGEST_VALUE {
        return Err(too_long());
    }
    Ok(value.replace(&from, &to))
}

/// The elements of a list as one text.
fn join(value: Value, between: Option<Value>) -> Result<String, Error> {
    let between = between.unwrap_or_default();
    let between = between.as_str().unwrap_or_default();
    let mut text = String::new();
    for (at, element) in value.try_iter()?.enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        text.push_str(&element.to_string());
        if text.len() > LONGEST_VALUE {
            return Err(too_long());
        }
    }
    Ok(text)
}

fn too_long() -> Error {
    Error::new(ErrorKind::WriteFailure, "too long")
}

fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<_> = text.split(breaks).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A free field, by its exact name or else by the name in any case.
fn field<'a>(fields: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    fields.get(name).or_else(|| {
        fields
            .iter()
            .find(|(known, _)| same_name(known, name))
            .map(|(_, value)| value)
    })
}

/// What every recipient has, by its name in any case.
pub(super) fn standard(name: &str) -> Option<&'static str> {
    STANDARD.into_iter().find(|own| same_name(own, name))
}

/// Is this the same field, in whatever case?
pub fn same_name(left: &str, right: &str) -> bool {
    left == right || left.to_lowercase() == right.to_lowercase()
}

fn problem(part: Part, error: &Error) -> MailError {
    MailError::Template {
        part,
        problem: TemplateProblem {
            line: error.line().unwrap_or(1),
            message: message(error),
        },
    }
}

/// Says in German what is wrong. Never repeats a value, only what the author wrote.
fn message(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    let named = |prefix: &str| {
        detail
            .strip_prefix(prefix)
            .and_then(|rest| rest.split([' ', ',']).next())
            .unwrap_or_default()
            .to_owned()
    };
    let kind = match error.kind() {
        ErrorKind::InvalidOperation if detail.ends_with("not callable") => {
            ErrorKind::UnknownFunction
        }
        kind => kind,
    };
    match kind {
        ErrorKind::UnknownFilter => format!(
            "Den Filter „{}“ gibt es nicht. Möglich sind: {FILTERS}.",
            named("filter ")
        ),
        ErrorKind::UnknownTest => format!(
            "Die Prüfung „is {}“ gibt es nicht. Möglich sind: defined, undefined, none.",
            named("test ")
        ),
        ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            "Funktionen gibt es in Platzhaltern nicht, nur Namen und Filter, zum Beispiel \
             {{ vorname|oder(\"zusammen\") }}."
                .to_owned()
        }
        ErrorKind::OutOfFuel => {
            "Diese Vorlage braucht zu viele Rechenschritte. Bitte vereinfachen Sie sie.".to_owned()
        }
        ErrorKind::WriteFailure => "Mit diesen Platzhaltern wird das E-Mailing zu lang.".to_owned(),
        ErrorKind::SyntaxError if detail.starts_with("unknown statement") => format!(
            "Den Befehl „{}“ gibt es nicht. Möglich sind: if, elif, else, for, set, with, raw.",
            named("unknown statement ")
        ),
        ErrorKind::SyntaxError if detail == "unexpected end of comment" => {
            "Mit {# beginnt eine Anmerkung, der das Ende #} fehlt. Ist keine gemeint (etwa in \
             CSS), setzen Sie bitte ein Leerzeichen zwischen { und #."
                .to_owned()
        }
        ErrorKind::SyntaxError if detail.contains("end of input") => {
            "Bis zum Ende fehlt etwas: ein }} oder %}, oder das {% endif %} zu einem {% if … %}."
                .to_owned()
        }
        ErrorKind::SyntaxError | ErrorKind::BadEscape => {
            "Dieser Platzhalter ist nicht richtig geschrieben. Richtig ist zum Beispiel \
             {{ vorname }}, {{ vorname|oder(\"zusammen\") }} oder \
             {% if vorname %} … {% endif %}."
                .to_owned()
        }
        _ => "Mit diesen Werten lässt sich hier nicht rechnen. Platzhalter enthalten Text; für \
              Zahlen schreiben Sie zum Beispiel {{ punkte|int }}."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
