//! Recipients and groups: found, entered, changed, deleted as on the pages.

use serde_json::{Value, json};
use widerspruch::domain::tracking::Decision;

use crate::support::api::Program;
use crate::support::on_both;

/// The numbers of a list's entries.
fn numbers(list: &Value) -> Vec<i64> {
    let items = list["items"].as_array().expect("a list");
    items
        .iter()
        .map(|one| one["id"].as_i64().expect("a number"))
        .collect()
}

on_both!(people_are_entered_read_changed, |world| {
    let program = world.program();
    let group = program
        .post("/api/v1/groups", &json!({"name": " Kunden "}))
        .expect(201)["id"]
        .clone();
    let entered = program.post(
        "/api/v1/recipients",
        &json!({"email": "Anna@Example.org", "first_name": "Anna", "fields": {"ort": "Köln"}, "groups": [group], "objects": true}),
    );
    let id = entered.expect(201)["id"].as_i64().expect("a number");
    let path = format!("/api/v1/recipients/{id}");
    assert_eq!(entered.header("location"), Some(path.as_str()));
    let anna = program.get(&path).expect(200);
    assert_eq!(anna["email"], "Anna@Example.org");
    assert_eq!(anna["fields"], json!({"ort": "Köln"}));
    assert_eq!(anna["tracking"], "objected");
    assert_eq!(anna["groups"][0]["name"], "Kunden");
    assert_eq!(anna["groups"][0]["members"], 1);

    let changed = program
        .put(
            &path,
            &json!({"email": "anna@example.com", "last_name": "Muster"}),
        )
        .expect(200);
    assert_eq!(changed["email"], "anna@example.com");
    assert_eq!(changed["first_name"], "");
    assert_eq!(changed["fields"], json!({}));
    assert_eq!(
        changed["tracking"], "objected",
        "the objection is the person's"
    );

    let taken = json!({"email": "ANNA@example.com"});
    let problem = program
        .post("/api/v1/recipients", &taken)
        .expect_problem(409, "address-taken");
    assert_eq!(problem["existing"], id);
    let ben = world.make_recipient("ben@example.org");
    program
        .put(&format!("/api/v1/recipients/{ben}"), &taken)
        .expect_problem(409, "address-taken");

    let admin = world.admin();
    admin
        .visit(&format!("/benutzerkonto/protokoll?empfaenger={id}"))
        .assert_says("Schnittstelle: Webshop")
        .assert_says("Quelle: Schnittstelle");
    admin
        .visit(&format!("/empfaenger/{id}/tracking"))
        .assert_says("Schnittstelle");
});

on_both!(what_is_wrong_is_said_field_by_field, |world| {
    let program = world.program();
    let long = "x".repeat(201);
    let wrong = json!({"email": "anna", "first_name": long, "fields": {"Ort": "x", "email": "y"}});
    let problem = program
        .post("/api/v1/recipients", &wrong)
        .expect_problem(422, "invalid");
    let errors = problem["errors"].as_array().expect("a list");
    let said: Vec<(&str, &str)> = errors
        .iter()
        .map(|error| {
            let text = |name: &str| error[name].as_str().unwrap_or_default();
            (text("pointer"), text("detail"))
        })
        .collect();
    assert_eq!(errors[0]["field"], "fields");
    let pointers: Vec<&str> = said.iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(
        pointers,
        ["#/fields/Ort", "#/fields/email", "#/email", "#/first_name"]
    );
    // The pages say the same.
    let form = [("email", "anna"), ("vorname", long.as_str())];
    let page = world.admin().post("/empfaenger/neu", &form);
    for (_, detail) in &said[2..] {
        page.assert_says(detail);
    }
    for (address, reason) in [
        (
            "Anna <anna@example.org>",
            "ohne Namen und ohne spitze Klammern",
        ),
        ("an\u{200b}na@example.org", "unsichtbares Zeichen"),
        ("anna@example", "fehlt ein Punkt"),
        ("", "Bitte geben Sie eine E-Mail-Adresse an."),
    ] {
        let problem = program
            .post("/api/v1/recipients", &json!({"email": address}))
            .expect_problem(422, "invalid");
        let detail = problem["errors"][0]["detail"].as_str().expect("a reason");
        assert!(detail.contains(reason), "{detail}");
        let page = world.admin().post("/empfaenger/neu", &[("email", address)]);
        page.assert_says(detail);
    }
    let unknown_group = json!({"email": "a@example.org", "groups": [4711]});
    program
        .post("/api/v1/recipients", &unknown_group)
        .expect_problem(422, "invalid");
    for unknown in [
        json!({"email": "a@example.org", "account_id": 1}),
        json!({"email": "a@example.org", "id": 1}),
        json!({"email": "a@example.org", "tracking": "consented"}),
        json!({"email": "a@example.org", "first_name": "A\u{0}"}),
        json!({"email": 1}),
        json!([]),
    ] {
        program
            .post("/api/v1/recipients", &unknown)
            .expect_problem(400, "malformed");
    }
    let send = |body: &str, kind: &str| {
        program.send(
            "POST",
            "/api/v1/recipients",
            Some(body.to_owned()),
            &[("content-type", kind)],
        )
    };
    let good = r#"{"email":"a@example.org"}"#;
    send(good, "text/plain").expect_problem(415, "unsupported-media-type");
    send(good, "application/x-www-form-urlencoded").expect_problem(415, "unsupported-media-type");
    send("{", "application/json").expect_problem(400, "malformed");
    send(&" ".repeat(300 * 1024), "application/json").expect_problem(413, "too-large");
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    send(good, "application/json; charset=utf-8").expect(201);
});

on_both!(lists_are_read_page_by_page, |world| {
    let ids: Vec<i64> = (0..5)
        .map(|n| world.make_recipient(&format!("p{n}@example.org")))
        .collect();
    world.make_recipient("other@example.com");
    let program = world.program();
    let first = program.get("/api/v1/recipients?limit=2&search=P_%40");
    assert_eq!(
        numbers(&first.expect(200)),
        Vec::<i64>::new(),
        "an underscore is one"
    );
    let mut address = "/api/v1/recipients?limit=2&search=%40example.org".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = program.get(&address);
        let list = page.expect(200);
        seen.extend(numbers(&list));
        let Some(next) = list["next"].as_str() else {
            assert!(page.header("link").is_none());
            break;
        };
        assert_eq!(
            page.header("link"),
            Some(format!("<{next}>; rel=\"next\"").as_str())
        );
        next.clone_into(&mut address);
    }
    assert_eq!(seen, ids.iter().rev().copied().collect::<Vec<_>>());
    for (query, status, kind) in [
        ("limit=0", 422, "invalid"),
        ("limit=201", 422, "invalid"),
        ("after=0", 422, "invalid"),
        ("after=x", 400, "malformed"),
        ("nach=1", 400, "malformed"),
        ("search=a&group=1", 422, "invalid"),
        ("group=4711", 404, "not-found"),
    ] {
        program
            .get(&format!("/api/v1/recipients?{query}"))
            .expect_problem(status, kind);
    }
});

on_both!(groups_are_kept, |world| {
    let program = world.program();
    let make = |name: &str| program.post("/api/v1/groups", &json!({"name": name}));
    let id = make("Kunden").expect(201)["id"].as_i64().expect("a number");
    make("kunden ").expect_problem(409, "name-taken");
    make(" ").expect_problem(422, "invalid");
    let other = make("Freunde").expect(201)["id"]
        .as_i64()
        .expect("a number");
    let path = format!("/api/v1/groups/{id}");
    program
        .put(&path, &json!({"name": "Freunde"}))
        .expect_problem(409, "name-taken");
    let renamed = program
        .put(&path, &json!({"name": "Kundschaft"}))
        .expect(200);
    assert_eq!(renamed["name"], "Kundschaft");
    assert_eq!(
        numbers(&program.get("/api/v1/groups").expect(200)),
        [other, id]
    );

    let anna = world.make_recipient("anna@example.org");
    let member = format!("{path}/members/{anna}");
    for _ in 0..2 {
        program.send("PUT", &member, None, &[]).expect(204);
        assert_eq!(program.get(&path).expect(200)["members"], 1);
    }
    assert_eq!(
        numbers(
            &program
                .get(&format!("/api/v1/recipients?group={id}"))
                .expect(200)
        ),
        [anna]
    );
    for _ in 0..2 {
        program.delete(&member).expect(204);
        assert_eq!(program.get(&path).expect(200)["members"], 0);
    }
    program
        .send("PUT", &format!("{path}/members/4711"), None, &[])
        .expect_problem(404, "not-found");
    program
        .delete("/api/v1/groups/4711/members/1")
        .expect_problem(404, "not-found");
});

on_both!(a_program_unsubscribes_and_only_that, |world| {
    let program = world.program();
    let anna = world.make_recipient("anna@example.org");
    let path = format!("/api/v1/recipients/{anna}");
    for _ in 0..2 {
        program
            .send("PUT", &format!("{path}/unsubscription"), None, &[])
            .expect(204);
        let said = program.get(&path).expect(200);
        assert_eq!(said["status"], "unsubscribed");
        assert_eq!(said["tracking"], "unset", "the two are separate");
    }
    let logged = format!("action = 'recipient_unsubscribed' AND recipient_id = {anna}");
    assert_eq!(world.rows("audit_log", &logged), 1);
    world
        .admin()
        .visit(&format!("/benutzerkonto/protokoll?empfaenger={anna}"))
        .assert_says("Schnittstelle: Webshop")
        .assert_says("Quelle: Schnittstelle");
    let back = program.delete(&format!("{path}/unsubscription"));
    back.expect_problem(405, "method-not-allowed");
});

on_both!(a_group_is_dissolved_unless_forms_fill_it, |world| {
    let program = world.program();
    let made = program.post("/api/v1/groups", &json!({"name": "Leserschaft"}));
    let group = made.expect(201)["id"].as_i64().expect("a number");
    let path = format!("/api/v1/groups/{group}");
    let anna = world.make_recipient("anna@example.org");
    let member = format!("{path}/members/{anna}");
    program.send("PUT", &member, None, &[]).expect(204);
    let form = world.make_signup_form(group);
    let problem = program.delete(&path).expect_problem(409, "group-in-use");
    let detail = problem["detail"].as_str().expect("an explanation");
    assert!(detail.contains(": 1."), "{detail}");
    program.get(&path).expect(200);
    world
        .admin()
        .submit(&format!("/anmeldeformulare/{form}/loeschen"), &[]);
    program.delete(&path).expect(204);
    program.get(&path).expect_problem(404, "not-found");
    program.delete(&path).expect_problem(404, "not-found");
    program
        .get(&format!("/api/v1/recipients/{anna}"))
        .expect(200);
});

on_both!(of_many_who_delete_somebody_at_once_one_has, |world| {
    let program = world.program();
    let anna = world.make_recipient("anna@example.org");
    let path = format!("/api/v1/recipients/{anna}");
    let mut answers: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| program.delete(&path).status))
            .collect();
        let answers = all.into_iter().map(|one| one.join().expect("an answer"));
        answers.collect()
    });
    answers.sort_unstable();
    assert_eq!(answers, [200, 404, 404, 404, 404, 404, 404, 404]);
    assert_eq!(world.rows("receipts", "1 = 1"), 1);
    assert_eq!(world.rows("audit_log", "action = 'recipient_deleted'"), 1);
});

on_both!(p7_a_deletion_is_the_same_as_on_the_page, |world| {
    let program = world.program();
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    world.visitor().get(&world.pixel(mailing, key));
    let before = program
        .get(&format!("/api/v1/reports/{mailing}"))
        .expect(200);
    assert_eq!(before["opens"]["unique"], 1);
    let path = format!("/api/v1/recipients/{anna}");
    program
        .put(&format!("{path}/tracking"), &json!({"setting": "objected"}))
        .expect(200);
    let receipt = program.delete(&path).expect(200);
    assert_eq!(receipt["kind"], "deletion");
    assert_eq!(receipt["recipients"], 1);
    assert_eq!(receipt["opens"], 1);
    assert_eq!(receipt["actor"], "Schnittstelle: Webshop");
    assert!(!receipt.to_string().contains("anna@"));
    program.delete(&path).expect_problem(404, "not-found");
    program.get(&path).expect_problem(404, "not-found");
    let receipt = program
        .get(&format!("/api/v1/receipts/{}", receipt["id"]))
        .expect(200);
    assert!(["pending", "done"].contains(&receipt["cleanup"].as_str().expect("a word")));
    assert_eq!(
        program
            .get(&format!("/api/v1/reports/{mailing}"))
            .expect(200),
        before
    );
    for row in world.dump(&[]) {
        assert!(!row.contains("anna@"), "{row}");
    }
    // Entered again, the objection holds (rule P9).
    let again = program
        .post("/api/v1/recipients", &json!({"email": "anna@example.org"}))
        .expect(201)["id"]
        .clone();
    let tracking = program
        .get(&format!("/api/v1/recipients/{again}/tracking"))
        .expect(200);
    assert_eq!(tracking["setting"], "objected");
    assert_eq!(tracking["source"], "remembered");
    assert_eq!(tracking["needs_reason"], true);
});

/// What is wrong: where it stands in the body, and why.
fn wrong(problem: &Value) -> Vec<(String, String)> {
    let text = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let errors = problem["errors"].as_array().expect("a list");
    errors
        .iter()
        .map(|error| (text(error, "pointer"), text(error, "detail")))
        .collect()
}

/// A request with a wrong body: method, path, body, and what the answer is: status, the place of the
/// wrong field, a part of the reason.
type Case<'a> = (&'a str, &'a str, Value, u16, &'a str, &'a str);

fn assert_told(program: &Program, cases: &[Case<'_>]) {
    for (method, path, body, status, pointer, reason) in cases {
        let reply = match *method {
            "POST" => program.post(path, body),
            _ => program.put(path, body),
        };
        let kind = match status {
            400 => "malformed",
            422 => "invalid",
            _ if path.contains("groups") => "name-taken",
            _ => "address-taken",
        };
        let said = wrong(&reply.expect_problem(*status, kind));
        assert_eq!(said.len(), 1, "{body}: {said:?}");
        assert_eq!(said[0].0, *pointer, "{body}");
        assert!(said[0].1.contains(reason), "{body}: {}", said[0].1);
    }
}

const PEOPLE: &str = "/api/v1/recipients";
const GROUPS: &str = "/api/v1/groups";

on_both!(a_body_of_another_form_is_told_where_it_differs, |world| {
    let person = format!("{PEOPLE}/{}", world.make_recipient("anna@example.org"));
    let tracking = format!("{person}/tracking");
    let of = |more: (&str, Value)| json!({"email": "c@example.org", more.0: more.1});
    let half = json!({"given_on": "2026-01-01", "how": "Messe", "asked": false});
    let consent = json!({"setting": "consented", "consent": half});
    let (groups, fields) = (json!([1, "x"]), json!({"ort": 1}));
    assert_told(
        &world.program(),
        &[
            ("POST", PEOPLE, json!({}), 400, "#/email", "fehlt"),
            ("POST", PEOPLE, json!({"email": 1}), 400, "#/email", "Form"),
            (
                "POST",
                PEOPLE,
                of(("objects", Value::Null)),
                400,
                "#/objects",
                "Form",
            ),
            (
                "POST",
                PEOPLE,
                of(("nachname", json!("x"))),
                400,
                "#/nachname",
                "gibt es hier nicht",
            ),
            (
                "POST",
                PEOPLE,
                of(("groups", groups)),
                400,
                "#/groups/1",
                "Form",
            ),
            (
                "POST",
                PEOPLE,
                of(("fields", fields)),
                400,
                "#/fields/ort",
                "Form",
            ),
            (
                "PUT",
                &person,
                json!({"first_name": "B"}),
                400,
                "#/email",
                "fehlt",
            ),
            ("POST", GROUPS, json!({}), 400, "#/name", "fehlt"),
            (
                "PUT",
                &tracking,
                json!({"setting": "maybe"}),
                400,
                "#/setting",
                "Form",
            ),
            ("PUT", &tracking, consent, 400, "#/consent/wording", "fehlt"),
        ],
    );
});

on_both!(a_parameter_that_is_not_understood_is_named, |world| {
    let program = world.program();
    for path in [PEOPLE, GROUPS, "/api/v1/mailings"] {
        for (query, name, reason) in [
            ("limit=", "limit", "Form"),
            ("after=x&limit=1", "after", "Form"),
            ("limit=1&nach=1", "nach", "gibt es hier nicht"),
            ("limit=1&after=2&limit=1", "limit", "mehrmals"),
        ] {
            let reply = program.get(&format!("{path}?{query}"));
            let problem = reply.expect_problem(400, "malformed");
            let errors = problem["errors"].as_array().expect("a list");
            assert_eq!(errors.len(), 1, "{path} {query}");
            assert_eq!(errors[0]["field"], name, "{path} {query}");
            assert_eq!(errors[0].get("pointer"), None, "it is in no body");
            let detail = errors[0]["detail"].as_str().unwrap_or_default();
            assert!(detail.contains(reason), "{path} {query}: {detail}");
        }
    }
});

on_both!(a_recipient_that_is_refused_is_told_which_field, |world| {
    let made = world.program().post(GROUPS, &json!({"name": "Kunden"}));
    let group = made.expect(201)["id"].clone();
    let person = format!("{PEOPLE}/{}", world.make_recipient("anna@example.org"));
    world.make_recipient("ben@example.org");
    let of = |more: (&str, Value)| json!({"email": "c@example.org", more.0: more.1});
    let long = json!({"ort": "x".repeat(2_001)});
    let twice = json!({"ort": "a", "ort\u{200b}": "b"});
    let groups = json!([group, 4711]);
    assert_told(
        &world.program(),
        &[
            (
                "POST",
                PEOPLE,
                of(("groups", groups)),
                422,
                "#/groups/1",
                "gibt es nicht",
            ),
            (
                "POST",
                PEOPLE,
                of(("fields", twice)),
                422,
                "#/fields/ort%E2%80%8B",
                "zweimal",
            ),
            (
                "POST",
                PEOPLE,
                of(("fields", json!({"a/b": "x"}))),
                422,
                "#/fields/a~1b",
                "Buchstaben",
            ),
            (
                "POST",
                PEOPLE,
                json!({"email": "BEN@example.org"}),
                409,
                "#/email",
                "gehört schon",
            ),
            (
                "PUT",
                &person,
                json!({"email": "anna"}),
                422,
                "#/email",
                "fehlt das @-Zeichen",
            ),
            (
                "PUT",
                &person,
                json!({"email": "ben@example.org"}),
                409,
                "#/email",
                "gehört schon",
            ),
            (
                "PUT",
                &person,
                of(("fields", long)),
                422,
                "#/fields/ort",
                "höchstens 2.000",
            ),
        ],
    );
});

on_both!(
    a_group_or_a_setting_that_is_refused_is_told_which_field,
    |world| {
        let program = world.program();
        let tracking = format!(
            "{PEOPLE}/{}/tracking",
            world.make_recipient("anna@example.org")
        );
        program.post(GROUPS, &json!({"name": "Kunden"})).expect(201);
        let other = program.post(GROUPS, &json!({"name": "Presse"})).expect(201)["id"].clone();
        let other = format!("{GROUPS}/{other}");
        let consented = |given_on: &str, how: &str| {
            let consent =
                json!({"given_on": given_on, "how": how, "wording": "Ja", "asked": false});
            json!({"setting": "consented", "consent": consent})
        };
        let (no_day, future) = (
            consented("gestern", "Messe"),
            consented("2099-01-01", "Messe"),
        );
        let no_how = consented("2026-01-01", "");
        let lifting = json!({"setting": "unset", "reason": "a@b"});
        assert_told(
            &program,
            &[
                (
                    "POST",
                    GROUPS,
                    json!({"name": "\u{200b}"}),
                    422,
                    "#/name",
                    "einen Namen",
                ),
                (
                    "POST",
                    GROUPS,
                    json!({"name": "kunden"}),
                    409,
                    "#/name",
                    "gibt es schon",
                ),
                (
                    "PUT",
                    &other,
                    json!({"name": " KUNDEN\u{ad}"}),
                    409,
                    "#/name",
                    "gibt es schon",
                ),
                (
                    "PUT",
                    &tracking,
                    json!({"setting": "consented"}),
                    422,
                    "#/consent",
                    "Ohne Nachweis",
                ),
                (
                    "PUT",
                    &tracking,
                    lifting,
                    422,
                    "#/reason",
                    "ohne E-Mail-Adresse",
                ),
                (
                    "PUT",
                    &tracking,
                    no_day,
                    422,
                    "#/consent/given_on",
                    "Tag der Einwilligung",
                ),
                (
                    "PUT",
                    &tracking,
                    future,
                    422,
                    "#/consent/given_on",
                    "Zukunft",
                ),
                ("PUT", &tracking, no_how, 422, "#/consent/how", "fehlt"),
            ],
        );
    }
);
