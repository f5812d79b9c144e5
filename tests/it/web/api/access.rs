//! Who may call: a valid key, and nothing else.

use widerspruch::domain::scope::Scopes;
use widerspruch::domain::time::Timestamp;
use widerspruch::routes::{Entry, entries};

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
    assert_eq!(wrong.header("allow"), Some("GET"));
    program
        .get("/api/v1/key?x=%00")
        .expect_problem(400, "bad-request");
    let policy = wrong.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
});
