//! Who may call: a valid key, and nothing else.

use widerspruch::domain::scope::{Scope, Scopes};
use widerspruch::domain::time::Timestamp;
use widerspruch::routes::{Entry, entries};
use widerspruch::web::access::Access;

use crate::support::on_both;

/// The routes for programs.
fn routes() -> Vec<Entry> {
    let mut all = entries();
    all.retain(|entry| entry.access.is_for_programs());
    assert!(!all.is_empty());
    all
}

fn address(entry: &Entry) -> String {
    entry.path.replace("{id}", "1").replace("{recipient}", "2")
}

on_both!(without_a_valid_key_nobody_comes_in, |world| {
    let valid = world.make_key(Scopes::NONE).key;
    let ended = Some(Timestamp::now().plus_millis(-1));
    let expired = world.make_key_until(Scopes::NONE, ended).key;
    let mut changed = valid.clone();
    let last = changed.pop().expect("a letter");
    changed.push(if last == 'A' { 'Q' } else { 'A' });
    let nobody = world.program_with("");
    let session = world.admin().cookies();
    assert!(session.contains("sitzung="), "{session}");
    let basic = format!("Basic {valid}");
    for entry in routes() {
        let path = address(&entry);
        let method = entry.method.as_str();
        let mut replies = vec![
            nobody.send(method, &path, None, &[]),
            nobody.send(method, &path, None, &[("cookie", &session)]),
            nobody.send(method, &path, None, &[("authorization", &basic)]),
            nobody.send(method, &path, None, &[("authorization", "Bearer")]),
            nobody.send(method, &format!("{path}?access_token={valid}"), None, &[]),
        ];
        for key in [&expired, &changed, &valid[..46], "wsp_", "x"] {
            replies.push(world.program_with(key).send(method, &path, None, &[]));
        }
        for reply in replies {
            reply.expect_problem(401, "unauthorized");
            let challenge = reply.header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer"), "{entry:?}: {challenge}");
            assert!(reply.header("set-cookie").is_none());
        }
    }
    world.program_with(&valid).get("/api/v1/key").expect(200);
});

on_both!(errors_of_routing_are_problems_too, |world| {
    let program = world.program();
    program
        .get("/api/v1/nothing")
        .expect_problem(404, "not-found");
    program
        .get("/api/v2/recipients")
        .expect_problem(404, "not-found");
    let wrong = program.send("PATCH", "/api/v1/key", None, &[]);
    wrong.expect_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), Some("GET, HEAD"));
    let wrong = program.send("POST", "/api/v1/recipients/1", None, &[]);
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, PUT, PATCH, DELETE"));
    program
        .get("/api/v1/key?x=%00")
        .expect_problem(400, "bad-request");
    let policy = wrong.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
});

on_both!(a_key_allows_its_scopes_and_nothing_else, |world| {
    let (mut allowed, mut refused) = (0, 0);
    for scope in Scope::ALL {
        let program = world.program_with(&world.make_key(Scopes::NONE.with(scope)).key);
        for entry in routes() {
            let body =
                Some("{}".to_owned()).filter(|_| entry.method == "PUT" || entry.method == "POST");
            let reply = program.send(entry.method.as_str(), &address(&entry), body, &[]);
            assert!(reply.status < 500, "{entry:?}: {}", reply.text);
            match entry.access {
                Access::Key(needed) if needed != scope => {
                    let problem = reply.expect_problem(403, "missing-scope");
                    let detail = problem["detail"].as_str().unwrap_or_default();
                    assert!(detail.contains(needed.word()), "{detail}");
                    let challenge = reply.header("www-authenticate").unwrap_or_default();
                    assert!(challenge.contains("insufficient_scope"), "{challenge}");
                    refused += 1;
                }
                _ => {
                    assert_ne!(reply.status, 403, "{entry:?}");
                    assert_ne!(reply.status, 401, "{entry:?}");
                    allowed += 1;
                }
            }
        }
    }
    assert!(allowed > 20 && refused > 50, "{allowed} {refused}");
});

on_both!(nobody_reaches_what_belongs_to_another_account, |world| {
    let anna = world.make_recipient("anna@example.org");
    let mailing = world.make_sent_mailing("Neues", 1);
    let owner = world.program();
    let group = owner
        .post("/api/v1/groups", &serde_json::json!({"name": "Alle"}))
        .expect(201)["id"]
        .clone();
    owner
        .send(
            "PUT",
            &format!("/api/v1/groups/{group}/members/{anna}"),
            None,
            &[],
        )
        .expect(204);
    let ben = world.make_recipient("ben@example.org");
    let receipt = owner
        .delete(&format!("/api/v1/recipients/{ben}"))
        .expect(200)["id"]
        .clone();
    let stranger = world.stranger();
    let before = world.snapshot(&["api_keys"]);
    let mut checked = 0;
    for entry in routes()
        .into_iter()
        .filter(|entry| entry.path.contains("{id}"))
    {
        let id = match entry.path.split('/').nth(3).unwrap_or_default() {
            "recipients" => anna.to_string(),
            "groups" => group.to_string(),
            "receipts" => receipt.to_string(),
            "mailings" | "reports" => mailing.to_string(),
            other => panic!("{other}: what does its number mean?"),
        };
        let path = entry
            .path
            .replace("{id}", &id)
            .replace("{recipient}", &anna.to_string());
        let body = match (entry.method.as_str(), entry.path) {
            ("PUT", path) if path.ends_with("/tracking") => Some(r#"{"setting":"objected"}"#),
            ("PUT" | "PATCH", path) if path.starts_with("/api/v1/recipients") => {
                Some(r#"{"email":"x@example.org"}"#)
            }
            ("PUT", "/api/v1/groups/{id}") => Some(r#"{"name":"Meine"}"#),
            _ => None,
        };
        let merges = [("content-type", "application/merge-patch+json")];
        let is_patch = entry.method == "PATCH";
        let headers: &[_] = if is_patch { &merges } else { &[] };
        let body = body.map(str::to_owned);
        let reply = stranger.send(entry.method.as_str(), &path, body, headers);
        reply.expect_problem(404, "not-found");
        if entry.method == "GET" {
            owner.get(&path).expect(200);
        }
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
    for list in ["recipients", "recipients?search=anna", "groups", "mailings"] {
        let list = stranger.get(&format!("/api/v1/{list}")).expect(200);
        assert_eq!(list["items"], serde_json::json!([]));
    }
    let mine = r#"{"email":"x@example.org","groups":[GROUP]}"#.replace("GROUP", &group.to_string());
    stranger
        .send("POST", "/api/v1/recipients", Some(mine), &[])
        .expect_problem(422, "invalid");
    assert_eq!(world.snapshot(&["api_keys"]), before);
});
