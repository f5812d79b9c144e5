//! `ETag`, `If-Match`, `If-None-Match`, and `PATCH`.

use serde_json::json;

use crate::support::api::{Program, Reply};
use crate::support::on_both;

const PATCH: (&str, &str) = ("content-type", "application/merge-patch+json");

fn patch(program: &Program, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
    let headers: Vec<_> = std::iter::once(PATCH)
        .chain(headers.iter().copied())
        .collect();
    program.send("PATCH", path, Some(body.to_owned()), &headers)
}

fn tag(reply: &Reply) -> String {
    reply.header("etag").expect("an ETag").to_owned()
}

on_both!(a_change_is_made_only_of_the_state_that_was_seen, |world| {
    let id = world.make_recipient("jana@example.org");
    let program = world.program();
    let made = program.post("/api/v1/groups", &json!({"name": "Kunden"}));
    let group = made.expect(201)["id"].as_i64().expect("a group");
    let recipient = format!("/api/v1/recipients/{id}");
    let data = |name: &str| json!({"email": "jana@example.org", "first_name": name}).to_string();
    for (path, first, second) in [
        (recipient.clone(), data("Jana"), data("Johanna")),
        (
            format!("/api/v1/groups/{group}"),
            json!({"name": "Alte Kunden"}).to_string(),
            json!({"name": "Neue Kunden"}).to_string(),
        ),
        (
            format!("{recipient}/tracking"),
            json!({"setting": "objected"}).to_string(),
            json!({"setting": "unset"}).to_string(),
        ),
    ] {
        let seen = tag(&program.get(&path));
        let put = |body: &str, tag: &str| {
            program.send("PUT", &path, Some(body.to_owned()), &[("if-match", tag)])
        };
        let changed = put(&first, &seen);
        assert_eq!(changed.status, 200, "{path}: {}", changed.text);
        assert_ne!(tag(&changed), seen);
        assert_eq!(tag(&changed), tag(&program.get(&path)));
        put(&second, &seen).expect_problem(412, "precondition-failed");
        put(&second, &format!("W/{}", tag(&changed))).expect_problem(412, "precondition-failed");
        put(&second, "ohne-anfuehrung").expect_problem(412, "precondition-failed");
        put(&second, &format!("\"x\", {}", tag(&changed))).expect(200);
        put(&first, "*").expect(200);
        program
            .send("PUT", &path, Some(second.clone()), &[])
            .expect(200);
    }
    let seen = tag(&program.get(&recipient));
    patch(
        &program,
        &recipient,
        r#"{"last_name":"Weiß"}"#,
        &[("if-match", &seen)],
    )
    .expect(200);
    let stale = [("if-match", seen.as_str())];
    patch(&program, &recipient, r#"{"last_name":"Rot"}"#, &stale)
        .expect_problem(412, "precondition-failed");
    for path in [recipient.clone(), format!("/api/v1/groups/{group}")] {
        program
            .send("DELETE", &path, None, &stale)
            .expect_problem(412, "precondition-failed");
    }
    let seen = tag(&program.get(&recipient));
    program
        .send("DELETE", &recipient, None, &[("if-match", &seen)])
        .expect(200);
    program
        .send("DELETE", &recipient, None, &[("if-match", "*")])
        .expect_problem(404, "not-found");
});

on_both!(what_is_known_is_not_sent_again, |world| {
    let id = world.make_recipient("jana@example.org");
    let mailing = world.make_sent_mailing("Neues", 1);
    let program = world.program();
    for path in [
        format!("/api/v1/recipients/{id}"),
        format!("/api/v1/recipients/{id}/tracking"),
        format!("/api/v1/mailings/{mailing}"),
    ] {
        let seen = tag(&program.get(&path));
        for known in [
            seen.clone(),
            format!("W/{seen}"),
            format!("\"x\", {seen}"),
            "*".to_owned(),
        ] {
            let again = program.send("GET", &path, None, &[("if-none-match", &known)]);
            assert_eq!(
                (again.status, again.text.as_str()),
                (304, ""),
                "{path} {known}"
            );
            assert_eq!(tag(&again), seen);
        }
        let other = program.send("GET", &path, None, &[("if-none-match", "\"x\"")]);
        assert_eq!(other.status, 200);
    }
});

on_both!(a_patch_changes_what_it_names, |world| {
    let program = world.program();
    let new = json!({"email": "jana@example.org", "first_name": "Jana", "last_name": "Weiß",
                     "fields": {"ort": "Köln", "plz": "50667"}});
    let made = program.post("/api/v1/recipients", &new).expect(201);
    let path = format!("/api/v1/recipients/{}", made["id"]);
    let is = patch(
        &program,
        &path,
        r#"{"first_name":"Johanna","fields":{"ort":"Bonn","anrede":"Frau","plz":null}}"#,
        &[],
    );
    let is = is.expect(200);
    assert_eq!(
        (&is["email"], &is["first_name"], &is["last_name"]),
        (
            &json!("jana@example.org"),
            &json!("Johanna"),
            &json!("Weiß")
        )
    );
    assert_eq!(is["fields"], json!({"ort": "Bonn", "anrede": "Frau"}));
    let is = patch(&program, &path, r#"{"last_name":null,"fields":null}"#, &[]).expect(200);
    assert_eq!((&is["last_name"], &is["fields"]), (&json!(""), &json!({})));
    patch(&program, &path, "{}", &[]).expect(200);
    for wrong in [
        r#"{"email":null}"#,
        r#"{"email":5}"#,
        r#"{"account_id":2}"#,
        "[]",
        "null",
        r#""x""#,
        "{",
    ] {
        patch(&program, &path, wrong, &[]).expect_problem(400, "malformed");
    }
    let emptied = patch(&program, &path, r#"{"email":null}"#, &[]);
    let problem = emptied.expect_problem(400, "malformed");
    assert_eq!(problem["errors"][0]["pointer"], "#/email");
    patch(&program, &path, r#"{"email":"keine"}"#, &[]).expect_problem(422, "invalid");
    let as_json = program.send("PATCH", &path, Some("{}".to_owned()), &[]);
    as_json.expect_problem(415, "unsupported-media-type");
    world.make_recipient("tom@example.org");
    patch(&program, &path, r#"{"email":"tom@example.org"}"#, &[])
        .expect_problem(409, "address-taken");
    let strange = patch(&world.stranger(), &path, "{}", &[]);
    strange.expect_problem(404, "not-found");
});
