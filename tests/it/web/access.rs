//! Who may come where, from where, and what every answer carries.

use actix_web::http::Method;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::routes::entries;
use widerspruch::web::access::Access;

use crate::support::on_both;

on_both!(other_origins_are_refused, |world| {
    let admin = world.admin();
    let path = "/benutzerkonto/tracking/deaktivieren";
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        let answer = admin.post_with(path, &[], headers);
        assert_eq!(answer.status, 403, "{headers:?}");
        answer.assert_says("Anfrage von einer anderen Website");
    }
    admin
        .visit("/benutzerkonto/tracking")
        .assert_says("Tracking deaktivieren");
    assert_eq!(
        admin.post_with(path, &[], &[("origin", &world.url)]).status,
        303
    );
});

on_both!(
    forms_without_sign_in_work_over_http_under_any_name,
    |world| {
        let host = "wid.firma.test:18185";
        let visitor = world.visitor();
        let mut forms = 0;
        for entry in entries() {
            if !matches!(entry.access, Access::Link | Access::SigningIn) {
                continue;
            }
            let path = entry.path.replace("{token}", "x").replace("{key}", "x");
            if entry.method == Method::GET {
                // With `no-referrer` browsers would hide from us where the form was sent from.
                let page = visitor.get_with(&path, &[("host", host)]);
                let policy = page.header("referrer-policy");
                assert_eq!(policy, Some("same-origin"), "{path}");
                continue;
            }
            // By http browsers send no Fetch Metadata, except to the own machine.
            let own = [("host", host), ("origin", &format!("http://{host}"))];
            let answer = visitor.post_with(&path, &[("password", "x")], &own);
            assert_ne!(answer.status, 403, "{path}");
            forms += 1;
        }
        assert!(forms > 5, "{forms}");
    }
);

on_both!(a_role_sees_only_its_own, |world| {
    world.make_user("reader@example.org", Roles::NONE.with(Role::Reports));
    let reader = world.signed_in("reader@example.org");
    let answer = reader.get("/benutzerkonto/tracking");
    assert_eq!(answer.status, 403);
    answer.assert_says("Keine Berechtigung");
    assert_eq!(
        reader
            .post("/benutzerkonto/tracking/deaktivieren", &[])
            .status,
        403
    );
    reader.visit("/benutzerkonto/passwort");
});

on_both!(every_answer_is_protected, |world| {
    let visitor = world.visitor();
    for path in [
        "/anmelden",
        "/nowhere",
        "/o/damaged.gif",
        "/k/damaged",
        "/benutzerkonto",
    ] {
        let answer = visitor.get(path);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
    assert_eq!(visitor.get("/nowhere").status, 404);
    visitor.get("/nowhere").assert_says("Seite nicht gefunden");
});

on_both!(damaged_tokens_never_show_an_error, |world| {
    let visitor = world.visitor();
    for token in ["x", "AQAAAAAAAAAB", "%00", "%F0%9F%99%82", &"A".repeat(500)] {
        let picture = visitor.get(&format!("/o/{token}.gif"));
        assert_eq!(
            (picture.status, picture.header("content-type")),
            (200, Some("image/gif")),
            "{token}"
        );
        let click = visitor.get(&format!("/k/{token}"));
        assert_eq!(click.status, 404);
        click.assert_says("Dieser Link führt nicht weiter");
    }
});
