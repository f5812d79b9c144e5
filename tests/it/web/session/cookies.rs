//! The session's cookie: its attributes, its key at each step, and keys that hold no longer.

use actix_session::SessionExt;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error, HttpResponse, web};
use widerspruch::db::models::sessions;
use widerspruch::web::access::{Access, guard};
use widerspruch::web::account::password;
use widerspruch::web::session::current::{CurrentSession, Stage};
use widerspruch::web::session::store;
use widerspruch::web::state::State;

use super::guessing::{cookies, value_of};
use crate::support::agent::{Agent, Answer};
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{World, on_both};

const TO_SIGN_IN: &str = "/anmelden?weiter=%2Fbenutzerkonto";

/// The session cookie that an answer sets, with its attributes.
fn session_cookie(answer: &Answer) -> Option<String> {
    let set = cookies(answer).into_iter();
    set.filter(|(name, _)| name == "sitzung")
        .map(|(_, cookie)| cookie)
        .next_back()
}

/// Where a request with that session cookie is led.
fn led_to(world: &World, key: &str) -> Option<String> {
    let cookie = format!("sitzung={key}");
    let agent = world.visitor();
    let answer = agent.get_with("/benutzerkonto", &[("cookie", &cookie)]);
    answer.location()
}

fn sign_in(agent: &Agent) -> Answer {
    let answer = agent.post("/anmelden", &[("email", ADMIN), ("password", PASSWORD)]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer
}

#[test]
fn behind_https_cookies_are_bound_to_it() {
    for on in [crate::support::On::Sqlite, crate::support::On::Postgres] {
        let world = World::start_with(on, |config| {
            let url = widerspruch::config::parse_public_url("https://mail.example.org");
            config.public_url = Some(url.expect("an address"));
        });
        let visitor = world.visitor();
        let page = visitor.get("/anmelden");
        assert!(
            page.header("strict-transport-security")
                .is_some_and(|value| value.contains("max-age=31536000"))
        );
        let form = [("email", ADMIN), ("password", PASSWORD)];
        let own = [("origin", "https://mail.example.org")];
        let answer = visitor.post_with("/anmelden", &form, &own);
        assert_eq!(answer.status, 303);
        let set = cookies(&answer);
        let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["__Host-browser", "__Host-sitzung"]);
        for (name, cookie) in &set {
            for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(
                    cookie.split("; ").any(|of| of == part),
                    "{name}: {part}: {cookie}"
                );
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        let key = value_of(&set[1].1);
        let with = |name: &str| {
            let cookie = format!("{name}={key}");
            let answer = world
                .visitor()
                .get_with("/benutzerkonto", &[("cookie", &cookie)]);
            answer.status
        };
        assert_eq!(with("__Host-sitzung"), 200);
        assert_eq!(with("sitzung"), 303, "without the prefix it is not ours");
        // Who came by http, to which the cookie is not sent, is told so.
        for path in [
            "/anmelden",
            "/abmelden-sitzung",
            "/einladung/x",
            "/passwort/x",
        ] {
            let origin = world.url.as_str();
            assert!(origin.starts_with("http://"));
            let answer = visitor.post_with(path, &form, &[("origin", origin)]);
            assert_eq!(answer.status, 403, "{path}");
            answer.assert_says("Bitte über https öffnen");
            let link = answer.attribute("main .button", "href");
            assert_eq!(link.as_deref(), Some("https://mail.example.org/"));
            assert_eq!(cookies(&answer), []);
        }
        // To the own machine browsers do send it.
        let trusted = [
            ("origin", world.url.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        assert_eq!(visitor.post_with("/anmelden", &form, &trusted).status, 303);
        // Over http nothing of it is said.
        let plain = World::start(on);
        let answer = plain.visitor().get("/anmelden");
        assert_eq!(answer.header("strict-transport-security"), None);
    }
}

on_both!(over_http_the_cookie_is_as_strict_as_it_can_be, |world| {
    let agent = world.visitor();
    let cookie = session_cookie(&sign_in(&agent)).expect("a session");
    let mut attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(
        attributes,
        ["HttpOnly", "Max-Age=1209600", "Path=/", "SameSite=Lax"],
        "no Secure, which browsers would refuse over http, and no Domain"
    );
    let removed = session_cookie(&agent.post("/abmelden-sitzung", &[])).expect("a removal");
    let mut attributes: Vec<&str> = removed.split("; ").collect();
    attributes.retain(|part| !part.starts_with("Expires="));
    attributes.sort_unstable();
    assert_eq!(
        attributes,
        ["", "HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax"],
        "{removed}"
    );
});

on_both!(signing_in_again_changes_the_key, |world| {
    let agent = world.visitor();
    let first = session_cookie(&sign_in(&agent)).expect("a session");
    let first = value_of(&first);
    assert_eq!(led_to(world, first), None);
    let second = session_cookie(&sign_in(&agent)).expect("a session");
    let second = value_of(&second);
    assert_ne!(first, second);
    assert_eq!(led_to(world, first).as_deref(), Some(TO_SIGN_IN));
    assert_eq!(led_to(world, second), None);
    assert_eq!(
        world.rows("sessions", "1 = 1"),
        1,
        "the first one has ended"
    );

    let form = [("current", PASSWORD), ("new", "a new long password")];
    let third = session_cookie(&agent.post("/benutzerkonto/passwort", &form));
    let third = third.expect("a key with the new password");
    assert_eq!(led_to(world, second).as_deref(), Some(TO_SIGN_IN));
    assert_eq!(led_to(world, value_of(&third)), None);
});

on_both!(pages_without_sign_in_do_not_touch_the_cookie, |world| {
    let agent = world.admin();
    for path in ["/anmelden", "/benutzerkonto", "/passwort-vergessen"] {
        assert_eq!(session_cookie(&agent.visit(path)), None, "{path}");
    }
    let stranger = world.visitor();
    assert_eq!(session_cookie(&stranger.get("/benutzerkonto")), None);
});

on_both!(a_cookie_of_the_old_kind_leads_to_signing_in, |world| {
    // 256 bits in base64url without a signature, and the cookie between password and code.
    let key = "q3Vt0lq9mXo2mKJc8yZ1b0h5f7Wn4Ea6RsTuVwXyZ01";
    let old = format!("sitzung={key}; anmeldung={key}");
    let agent = world.visitor();
    for path in ["/benutzerkonto", "/anmelden/code", "/empfaenger"] {
        let answer = agent.get_with(path, &[("cookie", &old)]);
        assert_eq!(answer.status, 303, "{path}");
        let target = answer.location().expect("a redirect");
        assert!(target.starts_with("/anmelden?"), "{path}: {target}");
    }
    let form = [("email", ADMIN), ("password", PASSWORD)];
    let answer = agent.post_with("/anmelden", &form, &[("cookie", &old)]);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let new = session_cookie(&answer).expect("a session");
    assert_eq!(led_to(world, value_of(&new)), None);
});

/// Revokes every session after the guard has let the request pass.
async fn revoke(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<web::Data<State>>().expect("the state");
    let revoked = state.db.write(sessions::remove_all).expect("a database");
    assert_eq!(revoked, 1, "there was one");
    next.call(request).await
}

/// Answers like a handler that changes the state of the session that it was called with.
async fn change(request: actix_web::HttpRequest) -> HttpResponse {
    request.get_session().insert("page", 2).expect("JSON");
    HttpResponse::Ok().finish()
}

/// Answers like a handler that gives the session that it was called with a new key.
async fn renew(session: CurrentSession) -> HttpResponse {
    let id = session.session_id().expect("signed in");
    session.advance_to(Stage::SignedIn(id)).expect("a stage");
    HttpResponse::Ok().finish()
}

/// Posts to a route behind the guard whose session is revoked between guard and handler; the status,
/// the place it leads to, and the session cookies set.
fn answer_of_revoked(world: &World, path: &str, form: &'static str) -> (u16, String, Vec<String>) {
    let agent = world.visitor();
    let key = session_cookie(&sign_in(&agent)).expect("a session");
    let cookie = format!("sitzung={}", value_of(&key));
    let state = world.state.clone();
    actix_web::rt::System::new().block_on(async move {
        let guarded = |route: actix_web::Route| {
            route
                .wrap(from_fn(revoke))
                .wrap(from_fn(|request, next| {
                    guard(Access::SignedIn, request, next)
                }))
                .wrap(store::layer(&state))
        };
        let app = App::new()
            .app_data(web::Data::new(state.clone()))
            .route("/change", guarded(web::post().to(change)))
            .route("/renew", guarded(web::post().to(renew)))
            .route("/password", guarded(web::post().to(password::update)));
        let app = init_service(app).await;
        let request = TestRequest::post()
            .uri(path)
            .insert_header((COOKIE, cookie))
            .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
            .set_payload(form);
        let answer = call_service(&app, request.to_request()).await;
        let text =
            |value: &actix_web::http::header::HeaderValue| value.to_str().expect("text").to_owned();
        let location = answer.headers().get(LOCATION).map(text);
        let keys = answer.headers().get_all(SET_COOKIE).map(text);
        let keys = keys.filter_map(|set| Some(value_of(set.strip_prefix("sitzung=")?).to_owned()));
        (
            answer.status().as_u16(),
            location.unwrap_or_default(),
            keys.collect(),
        )
    })
}

on_both!(
    a_session_revoked_during_a_request_is_not_revived_by_its_answer,
    |world| {
        let new_password = "current=correct+horse+battery&new=a+new+long+password";
        for (path, form, expected) in [
            ("/change", "", (200, "")),
            ("/renew", "", (200, "")),
            ("/password", new_password, (303, "/anmelden")),
        ] {
            let (status, location, keys) = answer_of_revoked(world, path, form);
            assert_eq!((status, location.as_str()), expected, "{path}");
            assert_eq!(world.rows("sessions", "1 = 1"), 0, "{path}");
            for key in keys {
                assert_eq!(led_to(world, &key).as_deref(), Some(TO_SIGN_IN), "{path}");
            }
        }
        // The password is the old one still.
        sign_in(&world.visitor());
    }
);

/// The answer's session can't be stored, or not be read: two different things to say.
#[test]
fn a_store_that_fails_is_told_as_what_it_is() {
    let (world, proxy) = World::start_behind_proxy();
    let agent = world.admin();
    let form = [("current", PASSWORD), ("new", "a new long password")];
    // The password is changed, and then the way is cut while the old key is taken back.
    proxy.cut_after(br#"FROM "sessions" WHERE ("sessions"."key_hash" = $1)"#);
    let answer = agent.post("/benutzerkonto/passwort", &form);
    assert!(proxy.is_cut());
    assert_eq!(answer.status, 500);
    answer.assert_says("Ungewiss, ob das gespeichert wurde");
    let answer = agent.post("/benutzerkonto/passwort", &form);
    assert_eq!(answer.status, 503);
    answer.assert_says("Es wurde nichts geändert.");
    proxy.restore();
    let form = [("email", ADMIN), ("password", "a new long password")];
    assert_eq!(agent.post("/anmelden", &form).status, 303);
}
