//! Templates keep to what the partials ask of them.

use std::path::Path;

fn templates(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            templates(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).expect("a template");
            found.push((path.display().to_string(), text));
        }
    }
}

/// Whoever is told of a mistake at its field is told at the top of the page, too. A file of macros
/// alone, as the partials are, belongs to a page that does so.
#[test]
fn pages_that_mark_a_field_show_the_summary() {
    let mut all = Vec::new();
    templates(Path::new("templates"), &mut all);
    let mut looked_at = 0;
    for (name, text) in all {
        if !text.contains("{% extends") || !text.contains("errors.get(") {
            continue;
        }
        looked_at += 1;
        let calls = text.contains("{% block summary %}{{ summary::error_summary(errors) }}");
        assert!(calls, "{name} doesn't show the summary of errors");
    }
    assert!(looked_at > 25, "{looked_at}");
}
