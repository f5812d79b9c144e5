//! The documents name tests: each of them is there.

use std::path::{Path, PathBuf};

/// What stands between backticks and is a path of this test binary.
fn named(text: &str) -> Vec<String> {
    let top = |word: &str| {
        let place = Path::new("tests/it").join(word);
        place.is_dir() || place.with_extension("rs").is_file()
    };
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.contains("::") && code.split("::").next().is_some_and(top))
        .map(str::to_owned)
        .collect()
}

/// Whether the folder, file or test of that path exists.
fn exists(name: &str) -> bool {
    let mut place = PathBuf::from("tests/it");
    let mut parts = name.split("::").peekable();
    while let Some(part) = parts.peek() {
        let within = place.join(part);
        let file = within.with_extension("rs");
        if file.is_file() {
            place = file;
            parts.next();
            break;
        }
        if !within.is_dir() {
            place = place.join("mod.rs");
            break;
        }
        place = within;
        parts.next();
    }
    let rest: Vec<&str> = parts.collect();
    match rest[..] {
        [] => true,
        [test] => std::fs::read_to_string(&place).is_ok_and(|source| source.contains(test)),
        _ => false,
    }
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let text = std::fs::read_to_string("docs/SECURITY.md").expect("the document");
    let names = named(&text);
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<&String> = names.iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(
        !exists("web::walk::a_test_that_nobody_wrote"),
        "the control"
    );
    assert!(!exists("web::nowhere::at_all"));
}
