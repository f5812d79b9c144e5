//! What a page offers: where its links lead, and its forms as a browser would send them.

use actix_web::http::Method;
use scraper::{ElementRef, Html, Selector};
use widerspruch::routes::Entry;

use crate::support::agent::Answer;

fn select(selector: &str) -> Selector {
    Selector::parse(selector).expect("a selector")
}

/// A form, filled in as the page shows it.
#[derive(Debug, Clone)]
pub struct Form {
    pub method: Method,
    pub action: String,
    pub fields: Vec<(String, String)>,
}

/// Where the links, frames, pictures and refreshing parts of a page lead, within the product.
pub fn links(page: &Answer) -> Vec<String> {
    let document = Html::parse_document(&page.html());
    let mut found = Vec::new();
    for attribute in ["href", "src", "data-progress-url"] {
        let all = select(&format!("[{attribute}]"));
        found.extend(
            document
                .select(&all)
                .filter_map(|element| element.attr(attribute))
                .filter(|address| address.starts_with('/') && !address.starts_with("//"))
                .map(str::to_owned),
        );
    }
    found
}

/// The forms of a page that was asked for at `here`.
pub fn forms(page: &Answer, here: &str) -> Vec<Form> {
    let document = Html::parse_document(&page.html());
    let (buttons, all) = (select("[formaction]"), select("form"));
    let elsewhere = document
        .select(&buttons)
        .filter_map(|button| button.attr("formaction"))
        .map(|action| Form {
            method: Method::POST,
            action: action.to_owned(),
            fields: Vec::new(),
        });
    document
        .select(&all)
        .map(|form| Form {
            method: match form.attr("method") {
                Some("post") => Method::POST,
                _ => Method::GET,
            },
            action: form.attr("action").unwrap_or(here).to_owned(),
            fields: fields(form),
        })
        .chain(elsewhere)
        .collect()
}

fn fields(form: ElementRef) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let controls = select("input, textarea, select, button");
    for control in form.select(&controls) {
        let Some(name) = control.attr("name") else {
            continue;
        };
        let value = match control.value().name() {
            "textarea" => control
                .text()
                .collect::<String>()
                .trim_start_matches('\n')
                .to_owned(),
            "select" => chosen(control),
            _ => control.attr("value").unwrap_or_default().to_owned(),
        };
        fields.push((name.to_owned(), value));
    }
    fields
}

fn chosen(control: ElementRef) -> String {
    let (selected, any) = (select("option[selected]"), select("option"));
    let option = control
        .select(&selected)
        .next()
        .or_else(|| control.select(&any).next());
    option
        .and_then(|option| option.attr("value"))
        .unwrap_or_default()
        .to_owned()
}

/// The line of the table that an address belongs to: words before numbers, as the router does.
pub fn entry_of<'a>(table: &'a [Entry], method: &Method, address: &str) -> Option<&'a Entry> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    table.iter().find(|entry| {
        if let Some((before, _)) = entry.path.split_once("{path:.*}") {
            return entry.method == *method && path.starts_with(before);
        }
        let pattern: Vec<&str> = entry.path.split('/').collect();
        entry.method == *method
            && pattern.len() == parts.len()
            && pattern.iter().zip(&parts).all(|(of, part)| fits(of, part))
    })
}

/// Whether a part of an address is one of the pattern's: `{id}` takes numbers alone here, so that
/// a word is never taken for one.
fn fits(pattern: &str, part: &str) -> bool {
    match pattern {
        "{id}" => part.parse::<i64>().is_ok(),
        "{token}.gif" => part
            .strip_suffix(".gif")
            .is_some_and(|token| !token.is_empty()),
        _ if pattern.starts_with('{') => !part.is_empty(),
        _ => pattern == part,
    }
}
