//! *Beschreibung der Schnittstelle*: the same as `/api/v1/openapi.json`, to be read by people.

use actix_web::web;
use askama::Template;
use serde_json::Value;

use crate::web::access::SignedIn;
use crate::web::api::openapi;
use crate::web::error::WebError;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// Where a reference to a schema begins.
const SCHEMAS: &str = "#/components/schemas/";

#[derive(Template)]
#[template(path = "account/api_description.html")]
struct DescriptionPage {
    page: Page,
    base: String,
    about: String,
    tags: Vec<Tag>,
    schemas: Vec<Schema>,
}

/// Calls that belong together.
struct Tag {
    name: String,
    about: String,
    calls: Vec<Call>,
}

/// A method of an address.
struct Call {
    method: String,
    path: String,
    title: String,
    about: String,
    scope: String,
    parameters: Vec<Field>,
    input: Option<Kind>,
    /// Of the answer when all is well: its status, what it means, and what it holds.
    status: String,
    meaning: String,
    output: Option<Kind>,
}

/// A parameter or a property.
struct Field {
    name: String,
    kind: Kind,
    is_required: bool,
    about: String,
}

/// An object by name.
struct Schema {
    name: String,
    about: String,
    fields: Vec<Field>,
}

/// What a value is: words, and perhaps the name of a schema between them.
#[derive(Default)]
struct Kind {
    before: String,
    schema: Option<String>,
    after: String,
}

/// GET `/benutzerkonto/schnittstelle/beschreibung`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let api = serde_json::to_value(openapi::description())
        .map_err(|problem| WebError::Internal(problem.to_string()))?;
    page(&DescriptionPage {
        page: Page::new(
            &signed_in,
            Section::Account,
            "Beschreibung der Schnittstelle",
        ),
        base: state.public_url.as_str().trim_end_matches('/').to_owned(),
        about: text(&api["info"], "description"),
        tags: tags(&api),
        schemas: schemas(&api),
    })
}

fn text(of: &Value, name: &str) -> String {
    // What is Markdown for programs is read here as it stands.
    of[name].as_str().unwrap_or_default().replace('`', "\"")
}

fn list(of: &Value) -> impl Iterator<Item = &Value> {
    of.as_array().into_iter().flatten()
}

fn entries(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of.as_object().into_iter().flatten()
}

fn tags(api: &Value) -> Vec<Tag> {
    list(&api["tags"])
        .map(|tag| Tag {
            name: text(tag, "name"),
            about: text(tag, "description"),
            calls: calls(api, &tag["name"]),
        })
        .collect()
}

fn calls(api: &Value, tag: &Value) -> Vec<Call> {
    let mut calls = Vec::new();
    for (path, methods) in entries(&api["paths"]) {
        for method in ["get", "post", "put", "patch", "delete"] {
            let call = &methods[method];
            if list(&call["tags"]).any(|of| of == tag) {
                calls.push(Call::new(path, method, call));
            }
        }
    }
    calls
}

impl Call {
    fn new(path: &str, method: &str, call: &Value) -> Self {
        let good = entries(&call["responses"]).find(|(status, _)| status.starts_with('2'));
        let (status, answer) = good.map_or((String::new(), &Value::Null), |(status, answer)| {
            (status.clone(), answer)
        });
        let parameters = list(&call["parameters"]).map(|parameter| Field {
            name: text(parameter, "name"),
            kind: Kind::of(&parameter["schema"]),
            is_required: parameter["required"] == true,
            about: text(parameter, "description"),
        });
        let json = |body: &Value| {
            let content = entries(&body["content"]).next();
            let schema = content.map_or(&Value::Null, |(_, content)| &content["schema"]);
            (!schema.is_null()).then(|| Kind::of(schema))
        };
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            title: text(call, "summary"),
            about: text(call, "description"),
            scope: call["security"][0]["key"][0]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            parameters: parameters.collect(),
            input: json(&call["requestBody"]),
            status,
            meaning: text(answer, "description"),
            output: json(answer),
        }
    }
}

fn schemas(api: &Value) -> Vec<Schema> {
    let all = &api["components"]["schemas"];
    entries(all)
        .map(|(name, schema)| Schema {
            name: name.clone(),
            about: text(schema, "description"),
            fields: fields(all, schema),
        })
        .collect()
}

/// The properties of a schema, and of those it is made of.
fn fields(all: &Value, schema: &Value) -> Vec<Field> {
    let mut found: Vec<Field> = list(&schema["allOf"])
        .flat_map(|part| match part["$ref"].as_str() {
            Some(name) => fields(all, &all[name.trim_start_matches(SCHEMAS)]),
            None => fields(all, part),
        })
        .collect();
    found.extend(
        entries(&schema["properties"]).map(|(name, property)| Field {
            name: name.clone(),
            kind: Kind::of(property),
            is_required: list(&schema["required"]).any(|of| of == name.as_str()),
            about: text(property, "description"),
        }),
    );
    found
}

impl Kind {
    fn word(word: &str) -> Self {
        Self {
            before: word.to_owned(),
            ..Self::default()
        }
    }

    /// What a schema says a value is.
    fn of(schema: &Value) -> Self {
        if let Some(name) = schema["$ref"].as_str() {
            return Self {
                schema: Some(name.trim_start_matches(SCHEMAS).to_owned()),
                ..Self::default()
            };
        }
        let choices: Vec<&Value> = list(&schema["oneOf"])
            .chain(list(&schema["allOf"]))
            .collect();
        if let Some(of) = choices.iter().find(|one| one["type"] != "null") {
            let mut kind = Self::of(of);
            if choices.iter().any(|one| one["type"] == "null") {
                kind.after.push_str(" or null");
            }
            return kind;
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            several => list(several).filter_map(Value::as_str).collect(),
        };
        let mut kind = match types.first().copied() {
            Some("array") => {
                let mut kind = Self::of(&schema["items"]);
                kind.before.insert_str(0, "list of ");
                kind
            }
            Some("object") if schema["additionalProperties"].is_object() => {
                let mut kind = Self::of(&schema["additionalProperties"]);
                kind.before.insert_str(0, "object of ");
                kind
            }
            Some("string") => Self::word(match schema["format"].as_str() {
                Some("date-time") => "time",
                Some("date") => "day",
                _ => "string",
            }),
            other => Self::word(other.unwrap_or("value")),
        };
        if types.contains(&"null") {
            kind.after.push_str(" or null");
        }
        kind
    }
}
