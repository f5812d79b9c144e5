//! What comes of MJML, beside what the reference implementation makes of it (npm: mjml).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use widerspruch::mail::mjml::to_html;

/// Makes HTML of every example, and writes it as one JSON object.
const REFERENCE: &str = "
    const fs = require('fs');
    const reference = require('mjml');
    const make = reference.default ?? reference;
    (async () => {
      const made = {};
      for (const name of fs.readdirSync(process.argv[1])) {
        const source = fs.readFileSync(`${process.argv[1]}/${name}`, 'utf8');
        made[name] = (await make(source, { validationLevel: 'soft', fonts: {} })).html;
      }
      process.stdout.write(JSON.stringify(made));
    })();
";

#[test]
fn mjml_looks_as_the_reference_makes_it() {
    let modules = std::env::var("TEST_MJML")
        .expect("TEST_MJML: run the tests with bin/test, which fetches mjml");
    let examples = Path::new("tests/fixtures/mjml");
    let output = Command::new("node")
        .args(["-e", REFERENCE])
        .arg(examples)
        .env("NODE_PATH", modules)
        .output()
        .expect("node runs");
    assert!(output.status.success(), "{output:?}");
    let theirs: BTreeMap<String, String> =
        serde_json::from_slice(&output.stdout).expect("a JSON object");
    assert!(theirs.len() >= 14, "{:?}", theirs.keys());
    let pairs: Vec<_> = theirs
        .into_iter()
        .map(|(name, theirs)| {
            let source = std::fs::read_to_string(examples.join(&name)).expect("the example");
            let ours = to_html(&source).expect(&name);
            json!({ "name": name, "ours": ours, "theirs": theirs })
        })
        .collect();
    let found = super::compare(
        &json!(pairs),
        "const found = [];
         for (const { name, ours, theirs } of given) {
           for (const width of [1000, 375]) {
             const [a, b] = [await shown(ours, width), await shown(theirs, width)];
             const [of_a, of_b] = [seen(a), seen(b)];
             if (of_a.length < 4) found.push(`${name}: nearly nothing is shown`);
             found.push(...differences(of_a, of_b).map((line) => `${name} at ${width}: ${line}`));
             a.remove();
             b.remove();
           }
         }
         return found;",
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}
