//! The rules that tell programs from people, tried on public collections of descriptions.

use std::path::PathBuf;

use serde_json::Value;
use widerspruch::tracking::visitor::{Request, Visitor};

fn collection(file: &str) -> Value {
    let folder = std::env::var("TEST_USER_AGENTS")
        .expect("TEST_USER_AGENTS: run the tests with bin/test, which fetches the collections");
    let text = std::fs::read_to_string(PathBuf::from(folder).join(file)).expect(file);
    serde_json::from_str(&text).expect(file)
}

fn is_automatic(description: &str) -> bool {
    Visitor::of(Request {
        user_agent: Some(description),
        ..Request::default()
    })
    .automatic
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn nearly_all_known_programs_are_recognised() {
    let known = collection("crawler-user-agents/crawler-user-agents.json");
    let programs: Vec<&str> = known
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|program| strings(&program["instances"]))
        // They load pictures for somebody who opens a mail.
        .filter(|text| !text.contains("GoogleImageProxy") && !text.contains("YahooMailProxy"))
        .collect();
    assert!(programs.len() > 2_000, "{}", programs.len());
    let missed: Vec<&&str> = programs.iter().filter(|text| !is_automatic(text)).collect();
    assert!(
        missed.len() * 100 <= programs.len() * 4,
        "{} of {} are taken for people: {missed:#?}",
        missed.len(),
        programs.len()
    );
}

#[test]
fn no_browser_of_a_person_is_taken_for_a_program() {
    let popular = collection("top-user-agents/src/index.json");
    let seen = collection("user-agents/dist/user-agents.json");
    let mut people = strings(&popular);
    people.extend(
        seen.as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["userAgent"].as_str()),
    );
    assert!(people.len() > 900, "{}", people.len());
    let wronged: Vec<&&str> = people.iter().filter(|text| is_automatic(text)).collect();
    assert!(wronged.is_empty(), "{wronged:#?}");
}
