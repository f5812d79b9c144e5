//! Guessing passwords, taking over sessions.

use crate::support::agent::Agent;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{World, on_both};

fn sign_in(agent: &Agent, email: &str, password: &str) -> u16 {
    let form = [("email", email), ("password", password)];
    agent.post("/anmelden", &form).status
}

/// The cookies that an answer sets, by name.
fn cookies(answer: &crate::support::agent::Answer) -> Vec<(String, String)> {
    answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|cookie| {
            let (name, rest) = cookie.to_str().ok()?.split_once('=')?;
            Some((name.to_owned(), rest.to_owned()))
        })
        .collect()
}

fn value_of(cookie: &str) -> &str {
    cookie.split(';').next().unwrap_or_default()
}

on_both!(an_unknown_user_costs_as_much_as_a_wrong_password, |world| {
    let cost = |email: &str, password: &str| {
        let before = world.state.passwords.checks();
        sign_in(&world.visitor(), email, password);
        world.state.passwords.checks() - before
    };
    assert_eq!(cost(ADMIN, "something else"), 1, "a wrong password");
    assert_eq!(cost(ADMIN, PASSWORD), 1, "the right one");
    assert_eq!(cost("nobody@example.org", "something else"), 1);
    assert_eq!(cost("no address at all", "something else"), 1);
    assert_eq!(cost("", ""), 1);
    assert_eq!(cost("nobody2@example.org", &"x".repeat(10_000)), 1);
});

on_both!(
    guessing_slows_down_but_never_for_the_owners_browser,
    |world| {
        let owner = world.admin();
        let delay = |email: &str| {
            let attempt = world.state.throttle.begin(email, None, None);
            attempt.ok().map(|attempt| attempt.delay())
        };
        assert_eq!(
            delay("somebody@example.org"),
            Some(std::time::Duration::ZERO)
        );
        for guess in ["one", "two", "three"] {
            assert_eq!(sign_in(&world.visitor(), ADMIN, guess), 422);
        }
        assert!(delay(ADMIN) > Some(std::time::Duration::ZERO));
        assert_eq!(
            delay("somebody.else@example.org"),
            Some(std::time::Duration::ZERO),
            "others don't wait"
        );

        // As many as may wait at a time.
        let waiting: Vec<_> =
            std::iter::from_fn(|| world.state.throttle.begin(ADMIN, None, None).ok())
                .take(1_000)
                .collect();
        assert!(waiting.len() < 100, "{}", waiting.len());
        let answer = world
            .visitor()
            .post("/anmelden", &[("email", ADMIN), ("password", PASSWORD)]);
        assert_eq!(answer.status, 429);
        answer.assert_says("Zu viele Versuche");
        owner.submit("/abmelden-sitzung", &[]);
        let before = std::time::Instant::now();
        assert_eq!(sign_in(&owner, ADMIN, PASSWORD), 303, "the owner comes in");
        assert!(before.elapsed() < std::time::Duration::from_secs(8));
        drop(waiting);
    }
);

on_both!(nobody_chooses_the_key_of_a_session, |world| {
    let chosen = "A".repeat(43);
    let header = format!("sitzung={chosen}");
    let visitor = world.visitor();
    let form = [("email", ADMIN), ("password", PASSWORD)];
    let answer = visitor.post_with("/anmelden", &form, &[("cookie", &header)]);
    assert_eq!(answer.status, 303);
    let set = cookies(&answer);
    let (_, given) = set
        .iter()
        .find(|(name, _)| name == "sitzung")
        .expect("a session");
    assert_ne!(value_of(given), chosen);
    let stranger = world.visitor();
    let answer = stranger.get_with("/benutzerkonto", &[("cookie", &header)]);
    assert_eq!(answer.status, 303, "the chosen key opens nothing");
    // Each time a new one.
    let again = cookies(&world.visitor().post("/anmelden", &form));
    let (_, second) = again
        .iter()
        .find(|(name, _)| name == "sitzung")
        .expect("a session");
    assert_ne!(value_of(given), value_of(second));
    for broken in ["", "x", "%00", &"A".repeat(4_000), "\u{e4}"] {
        let answer = stranger.get_with(
            "/benutzerkonto",
            &[("cookie", &format!("sitzung={broken}"))],
        );
        assert_eq!(answer.status, 303, "{broken}");
    }
});

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
        assert_eq!(names, ["__Host-sitzung", "__Host-browser"]);
        for (name, cookie) in &set {
            for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(
                    cookie.split("; ").any(|of| of == part),
                    "{name}: {part}: {cookie}"
                );
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        let key = value_of(&set[0].1);
        let with = |name: &str| {
            let cookie = format!("{name}={key}");
            let answer = world
                .visitor()
                .get_with("/benutzerkonto", &[("cookie", &cookie)]);
            answer.status
        };
        assert_eq!(with("__Host-sitzung"), 200);
        assert_eq!(with("sitzung"), 303, "without the prefix it is not ours");
        // Over http nothing of it is said.
        let plain = World::start(on);
        let answer = plain.visitor().get("/anmelden");
        assert_eq!(answer.header("strict-transport-security"), None);
    }
}

on_both!(signing_out_ends_this_session_only, |world| {
    let (here, there) = (world.admin(), world.admin());
    here.submit("/abmelden-sitzung", &[]);
    assert_eq!(here.get("/benutzerkonto").status, 303);
    assert_eq!(there.get("/benutzerkonto").status, 200);
});
