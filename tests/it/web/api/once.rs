//! `Idempotency-Key`: the same request is done once.

use serde_json::json;
use sha2::Digest;
use widerspruch::domain::secret::hex;

use crate::support::api::{Program, Reply};
use crate::support::on_both;

fn enter(program: &Program, key: &str, email: &str) -> Reply {
    let body = json!({ "email": email }).to_string();
    program.send(
        "POST",
        "/api/v1/recipients",
        Some(body),
        &[("idempotency-key", key)],
    )
}

on_both!(the_same_request_makes_one_thing, |world| {
    let program = world.program();
    let first = enter(&program, "order-1", "anna@example.org").expect(201);
    assert_eq!(
        enter(&program, "order-1", "anna@example.org").expect(201),
        first
    );
    enter(&program, "order-1", "ben@example.org").expect_problem(422, "idempotency-key-reused");
    enter(&program, "order-2", "anna@example.org").expect_problem(409, "address-taken");
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
    // What failed can be tried again with the same key.
    program
        .delete(&format!("/api/v1/recipients/{}", first["id"]))
        .expect(200);
    assert_ne!(
        enter(&program, "order-2", "anna@example.org").expect(201),
        first
    );
    // A key is the program's own.
    assert_ne!(
        enter(&world.program(), "order-1", "cem@example.org").expect(201),
        first
    );
    // In another place it is another request.
    let body = json!({"email": "anna@example.org"}).to_string();
    let elsewhere = program.send(
        "POST",
        "/api/v1/groups",
        Some(body),
        &[("idempotency-key", "order-1")],
    );
    elsewhere.expect_problem(400, "malformed");
    for wrong in ["", "a b", &"x".repeat(256)] {
        enter(&program, wrong, "eva@example.org").expect_problem(400, "malformed");
    }
    // After a day it is forgotten.
    world.execute("UPDATE api_requests SET created_at = created_at - 86400001");
    enter(&program, "order-1", "dora@example.org").expect(201);
});

on_both!(p7_no_address_lies_with_the_request, |world| {
    let program = world.program();
    let first = enter(&program, "anna@example.org", "anna@example.org").expect(201);
    program
        .delete(&format!("/api/v1/recipients/{}", first["id"]))
        .expect(200);
    assert_eq!(world.rows("api_requests", "1 = 1"), 1);
    for row in world.dump(&[]) {
        assert!(!row.contains("anna"), "{row}");
    }
    // Nor a hash that could be found by trying addresses.
    let plain = sha2::Sha256::digest(b"anna@example.org");
    let plain = hex(&plain);
    for row in world.dump(&[]) {
        assert!(!row.to_lowercase().contains(&plain), "{row}");
    }
    assert_eq!(
        enter(&program, "anna@example.org", "anna@example.org").expect(201),
        first
    );
});

on_both!(many_at_once_make_one_thing, |world| {
    let program = world.program();
    let made: Vec<Reply> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| enter(&program, "order-1", "anna@example.org")))
            .collect();
        all.into_iter()
            .map(|one| one.join().expect("an answer"))
            .collect()
    });
    let first = made[0].expect(201);
    for reply in made {
        assert_eq!(reply.expect(201), first);
    }
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
});
