//! Guessing passwords, taking over sessions.

use crate::support::agent::Agent;
use crate::support::on_both;
use crate::support::world::{ADMIN, PASSWORD};

fn sign_in(agent: &Agent, email: &str, password: &str) -> u16 {
    let form = [("email", email), ("password", password)];
    agent.post("/anmelden", &form).status
}

/// The cookies that an answer sets, by name.
pub(super) fn cookies(answer: &crate::support::agent::Answer) -> Vec<(String, String)> {
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

pub(super) fn value_of(cookie: &str) -> &str {
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
        let known = owner.cookies();
        let known = known
            .split("; ")
            .find_map(|one| one.strip_prefix("browser="));
        let attempt = world.state.throttle.begin(ADMIN, None, known);
        assert_eq!(
            attempt.ok().map(|attempt| attempt.delay()),
            Some(std::time::Duration::ZERO),
            "the owner doesn't wait"
        );
        assert_eq!(sign_in(&owner, ADMIN, PASSWORD), 303, "the owner comes in");
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

on_both!(signing_out_ends_this_session_only, |world| {
    let (here, there) = (world.admin(), world.admin());
    here.submit("/abmelden-sitzung", &[]);
    assert_eq!(here.get("/benutzerkonto").status, 303);
    assert_eq!(there.get("/benutzerkonto").status, 200);
});
