//! Dependencies point down only, as docs/ARCHITECTURE.md draws them.

use std::path::Path;

/// The layers from top to bottom; those in one line don't know each other, unless said here.
const LAYERS: [&[&str]; 8] = [
    &["cli"],
    &["app"],
    &["routes"],
    &["web"],
    &[
        "sending", "import", "erasure", "bounces", "backup", "demo", "signup", "people", "webhooks",
    ],
    &["tracking", "mail", "tls", "jobs"],
    &["db"],
    &["domain"],
];

/// Neighbours in one layer that may look at each other, from left to right.
const NEIGHBOURS: [(&str, &str); 6] = [
    ("backup", "erasure"),
    ("demo", "sending"),
    ("demo", "erasure"),
    ("demo", "bounces"),
    ("signup", "sending"),
    ("people", "sending"),
];

/// What a start needs to say, and its settings: known from the command line to the web.
const SHARED_ABOVE: [&str; 2] = ["config", "error"];

fn level(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn sources(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.display().to_string();
            found.push((name, std::fs::read_to_string(&path).expect("a source")));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(Path::new("src"), &mut found);
    assert!(found.len() > 50, "{}", found.len());
    found
}

/// The top module a file belongs to.
fn module_of(file: &str) -> String {
    let path = file.trim_start_matches("src/");
    path.split(['/', '.']).next().unwrap_or_default().to_owned()
}

/// Top modules a line of code names.
fn named(line: &str) -> impl Iterator<Item = String> + '_ {
    line.split("crate::").skip(1).map(|rest| {
        rest.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    })
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (file, text) in all_sources() {
        let module = module_of(&file);
        let Some(own) = level(&module) else { continue };
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for other in named(line) {
                let Some(theirs) = level(&other) else {
                    let shared = SHARED_ABOVE.contains(&other.as_str());
                    let may = own <= level("web").unwrap_or(0);
                    if shared && !may {
                        wrong.push(format!("{file}: {}", line.trim()));
                    }
                    continue;
                };
                looked_at += 1;
                let neighbours = NEIGHBOURS.contains(&(module.as_str(), other.as_str()));
                if module != other && theirs <= own && !neighbours {
                    wrong.push(format!("{file}: {}", line.trim()));
                }
            }
        }
    }
    assert!(looked_at > 200, "{looked_at}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pages_hold_no_sql_and_the_database_no_http() {
    for (file, text) in all_sources() {
        match module_of(&file).as_str() {
            "web" => {
                for word in ["sql_query", "db::schema", "diesel::prelude"] {
                    assert!(!text.contains(word), "{file} has {word}");
                }
            }
            "db" | "domain" | "tracking" | "mail" => {
                assert!(!text.contains("actix"), "{file} knows of HTTP");
            }
            _ => {}
        }
    }
}

#[test]
fn what_differs_by_database_is_in_one_place() {
    for (file, text) in all_sources() {
        if file.starts_with("src/db/backend/") {
            continue;
        }
        for word in [
            "feature = \"postgres\"",
            "Conn::Sqlite",
            "Conn::Postgres",
            "SqliteConnection",
            "PgConnection",
        ] {
            assert!(!text.contains(word), "{file} has {word}");
        }
    }
}

#[test]
fn only_the_policy_decides() {
    for (file, text) in all_sources() {
        if file.ends_with("tracking/policy.rs") {
            continue;
        }
        assert!(!text.contains("-> Decision"), "p1: {file} decides");
    }
}
