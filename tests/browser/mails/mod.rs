//! Mails as a browser shows them, against what they are measured by.

use serde_json::Value;

use crate::chrome::View;
use crate::person::Person;

mod mjml;
mod styles;

/// Runs script beside `reading.js` in a browser of its own, by day and by night; what it returns is
/// a list of differences.
fn compare(values: &Value, script: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let reading = include_str!("reading.js");
    let whole = format!(
        "const done = arguments[arguments.length - 1]; const given = {values}; {reading}\n\
         (async () => {{ {script} }})().then(done, (error) => done([String(error)]));"
    );
    runtime.block_on(async {
        let person = Person::arrive().await;
        let mut found: Vec<String> = Vec::new();
        for dark in [false, true] {
            person.look(View { width: 1280, dark }).await;
            let here = person.run_and_wait(&whole).await;
            found.extend(serde_json::from_value::<Vec<String>>(here).expect("a list of texts"));
        }
        person.leave().await;
        found
    })
}
