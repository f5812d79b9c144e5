//! Reports that others have collected: the tests of flufl.bounce (Apache License 2.0), which
//! `bin/test` fetches.

use std::process::Command;

use widerspruch::bounces::origin::Keys;
use widerspruch::bounces::report::{self, Meaning};
use widerspruch::domain::bounce::BounceKind;
use widerspruch::domain::secret::Secret;

/// Names and contents of the collected messages.
fn collected() -> Vec<(String, Vec<u8>)> {
    let python = std::env::var_os("TEST_PYTHON").expect("TEST_PYTHON, as bin/test sets it");
    let said = Command::new(python)
        .args([
            "-c",
            "import sysconfig; print(sysconfig.get_paths()['purelib'])",
        ])
        .output()
        .expect("Python starts");
    let packages = String::from_utf8(said.stdout).expect("a path");
    let folder = format!("{}/flufl/bounce/tests/data", packages.trim());
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("flufl.bounce, as bin/test installs it")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .map(|path| {
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read(&path).expect("a message"))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn nine_of_ten_reports_are_recognised() {
    let all = collected();
    assert!(all.len() > 80, "{}", all.len());
    let keys = Keys::new(&Secret::from_bytes([1; 32]));
    let (mut missed, mut warnings) = (Vec::new(), 0);
    for (name, message) in &all {
        match report::read(message, &keys).meaning {
            Meaning::Other => missed.push(name),
            Meaning::Report => warnings += 1,
            Meaning::CameBack { kind, reason, .. } => {
                let reason = reason.expect("no complaints among them");
                assert_eq!(reason.kind(), kind);
                // Taken for spam by Google.
                assert!(
                    name != "simple_42" || kind == BounceKind::Soft,
                    "{reason:?}"
                );
            }
        }
    }
    assert!(
        missed.len() * 10 <= all.len(),
        "{missed:?} of {}",
        all.len()
    );
    assert!((6..=12).contains(&warnings), "{warnings} are on their way");
}
