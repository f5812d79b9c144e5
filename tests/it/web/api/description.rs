//! The description of the interface: it is of the routes there are, and what is answered is what it
//! says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use widerspruch::domain::scope::Scope;
use widerspruch::domain::tracking::Decision;
use widerspruch::routes;
use widerspruch::web::access::Access;
use widerspruch::web::api::openapi;

use crate::support::on_both;

/// Method, path and needed scope of everything that is described.
fn described(api: &Value) -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().expect("paths") {
        for (method, call) in methods.as_object().expect("methods") {
            let needed = call["security"][0]["key"]
                .as_array()
                .expect("a key is needed");
            let scope = needed.first().and_then(Value::as_str).unwrap_or_default();
            found.insert((method.to_uppercase(), path.clone(), scope.to_owned()));
        }
    }
    found
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let api = serde_json::to_value(openapi::description()).expect("JSON");
    assert_eq!(api["openapi"], "3.1.0");
    let routes: BTreeSet<_> = routes::entries()
        .into_iter()
        .filter(|entry| entry.access.is_for_programs())
        .map(|entry| {
            let scope = match entry.access {
                Access::Key(scope) => scope.word(),
                _ => "",
            };
            (
                entry.method.to_string(),
                entry.path.to_owned(),
                scope.to_owned(),
            )
        })
        .collect();
    assert!(routes.len() > 15, "{routes:?}");
    assert_eq!(described(&api), routes);
    let ids = api["paths"].as_object().expect("paths").values();
    let ids = ids.flat_map(|methods| methods.as_object().expect("methods").values());
    let ids: BTreeSet<&str> = ids
        .filter_map(|call| call["operationId"].as_str())
        .collect();
    assert_eq!(
        ids.len(),
        routes.len(),
        "each has a name of its own: {ids:?}"
    );
    let scopes: BTreeSet<&str> = routes.iter().map(|(_, _, scope)| scope.as_str()).collect();
    for scope in Scope::ALL {
        assert!(scopes.contains(scope.word()), "{scope:?} opens nothing");
    }
}

#[test]
fn what_reads_strictly_says_so() {
    let api = serde_json::to_value(openapi::description()).expect("JSON");
    let mut inputs = 0;
    for name in [
        "NewRecipient",
        "RecipientData",
        "RecipientPatch",
        "TrackingInput",
        "ConsentInput",
        "GroupInput",
    ] {
        let schema = &api["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}: {schema}");
        inputs += 1;
    }
    assert_eq!(inputs, 6);
}

on_both!(the_description_is_there_to_be_read, |world| {
    let file = world.visitor().visit("/api/v1/openapi.json");
    let api: Value = serde_json::from_slice(&file.body).expect("JSON");
    let admin = world.admin();
    let page = admin.visit("/benutzerkonto/schnittstelle");
    page.assert_says("Beschreibung der Schnittstelle");
    let page = admin.visit("/benutzerkonto/schnittstelle/beschreibung");
    for (method, path, scope) in described(&api) {
        page.assert_says(&format!("{method} {path}"))
            .assert_says(&scope);
    }
    page.assert_says("not_to_be_asked_until")
        .assert_says("list of RecipientLine");
    assert!(page.all("script:not([src])").is_empty());
    // Every link within the page leads somewhere.
    let ids: BTreeSet<String> = api["components"]["schemas"]
        .as_object()
        .expect("schemas")
        .keys()
        .map(|name| format!("#schema-{name}"))
        .collect();
    for id in ids {
        assert!(!page.all(&id).is_empty(), "{id}");
    }
});

/// What belongs to an account that something can be done with.
fn furnish(world: &crate::support::World) {
    let program = world.program();
    let mailing = world.make_sent_mailing("Neues", 2);
    for n in 0..8 {
        let id = world.make_recipient(&format!("p{n}@example.org"));
        world.deliver(
            mailing,
            id,
            if n == 0 {
                Decision::Personal
            } else {
                Decision::Anonymous
            },
        );
    }
    for name in ["Kunden", "Freunde"] {
        program
            .post("/api/v1/groups", &json!({ "name": name }))
            .expect(201);
    }
}

on_both!(schemathesis_finds_nothing_wrong, |world| {
    furnish(world);
    let all = Scope::ALL.into_iter().collect();
    let key = world.make_key(all).key;
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON: run the tests with bin/test");
    let program = Path::new(&python).with_file_name("schemathesis");
    let done = Command::new(program)
        .current_dir(world.files.path())
        .args(["run", &format!("{}/api/v1/openapi.json", world.url)])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(["--checks", "all"])
        // What is right by form alone may be wrong all the same: an address that no mail goes to.
        // And what is repeated with the same Idempotency-Key is answered as it was the first time,
        // also where another request has dissolved the group since.
        .args([
            "--exclude-checks",
            "positive_data_acceptance,ensure_resource_availability",
        ])
        .args([
            "--max-examples",
            "20",
            "--workers",
            "2",
            "--seed",
            "20261129",
        ])
        .args([
            "--generation-database",
            "none",
            "--continue-on-failure",
            "--no-color",
        ])
        .args(["--request-timeout", "20", "--suppress-health-check", "all"])
        .output()
        .expect("schemathesis, which bin/test fetches");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(
        said.contains("passed") || said.contains("No issues"),
        "{said}"
    );
    // It came in, and made something: that is remembered also where it has deleted it since.
    assert!(world.rows("api_requests", "1 = 1") > 2, "{said}");
});
