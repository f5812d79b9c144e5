//! *Passwort vergessen*: the same answer for everybody, a link that holds once.

use std::time::Duration;

use widerspruch::domain::role::{Role, Roles};
use widerspruch::mail::read::read;

use super::{LOG, USERS, execute, link_on, number, path_in};
use crate::support::agent::Answer;
use crate::support::python::SmtpServer;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{World, on_both};

const FORGOTTEN: &str = "/passwort-vergessen";
const NEW: &str = "ein ganz neues Passwort";

fn ask(world: &World, email: &str) -> Answer {
    world.visitor().post(FORGOTTEN, &[("email", email)])
}

fn sign_in(world: &World, password: &str) -> u16 {
    let form = [("email", ADMIN), ("password", password)];
    world.visitor().post("/anmelden", &form).status
}

/// The link in the next mail.
fn link_of(server: &SmtpServer) -> String {
    let taken = server.next_mail();
    assert_eq!(taken.to, [ADMIN]);
    path_in(&read(&taken.message).expect("a mail").text.expect("a text"))
}

on_both!(a_forgotten_password_is_replaced_once, |world| {
    let server = SmtpServer::start::<&str>(&[]);
    world.send_through(server.port, 1, 0);
    let signed_in = world.admin();
    world
        .visitor()
        .visit("/anmelden")
        .assert_says("Passwort vergessen?");

    // Strangers see the same, whoever they ask for; and so it is no use to ask.
    let checks = world.state.passwords.checks();
    let known = ask(world, " ADMIN@example.org");
    let unknown = ask(world, "niemand@example.org");
    assert_eq!((known.status, unknown.status), (303, 303));
    assert_eq!(known.location(), unknown.location());
    assert_eq!(known.body, unknown.body);
    assert_eq!(world.state.passwords.checks(), checks, "no hash for either");
    world
        .visitor()
        .visit(&known.location().expect("a page"))
        .assert_says("Wenn sich jemand mit dieser Adresse hier anmeldet");
    let wrong = ask(world, "keine Adresse");
    assert_eq!(wrong.status, 422);

    let link = link_of(&server);
    let key = link.rsplit('/').next().expect("a key");
    assert!(world.dump(&[]).iter().all(|row| !row.contains(key)));
    let visitor = world.visitor();
    let page = visitor.visit(&link);
    page.assert_says("Neues Passwort");
    let whose = page.attribute("form [autocomplete=username]", "value");
    assert_eq!(whose.as_deref(), Some(ADMIN), "for password managers");
    assert_eq!(visitor.post(&link, &[("password", "kurz")]).status, 422);
    let elsewhere = [("origin", "https://evil.example")];
    let form = [("password", NEW)];
    assert_eq!(visitor.post_with(&link, &form, &elsewhere).status, 403);
    visitor
        .submit(&link, &form)
        .assert_says("Passwort gespeichert.");
    assert_eq!(signed_in.get("/benutzerkonto").status, 303, "signed out");
    assert_eq!(visitor.get("/benutzerkonto").status, 303, "nor signed in");
    assert_eq!(sign_in(world, PASSWORD), 422);
    assert_eq!(sign_in(world, NEW), 303);

    // Used up.
    assert_eq!(visitor.get(&link).status, 404);
    assert_eq!(visitor.post(&link, &[("password", PASSWORD)]).status, 404);
    assert_eq!(sign_in(world, NEW), 303);
    assert_eq!(
        world.rows(
            "audit_log",
            "action = 'password_reset' AND actor = 'Eva Admin'"
        ),
        1
    );
    server.assert_nothing_more();
});

on_both!(nobodys_mailbox_is_filled_with_links, |world| {
    let server = SmtpServer::start::<&str>(&[]);
    world.send_through(server.port, 1, 0);
    ask(world, ADMIN);
    let link = link_of(&server);
    // Asked again, by whomever: the link that is there stays good, and no mail goes out. When the
    // mail to somebody else is there, that to the first would be.
    ask(world, ADMIN);
    let asked_again = "times = 1 AND created_at > 0";
    world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
    ask(world, "max@example.org");
    assert_eq!(server.next_mail().to, ["max@example.org"]);
    assert_eq!(world.rows("password_resets", asked_again), 2);
    world.visitor().visit(&link);

    // After a while there is another, and the first holds no longer.
    execute(
        world,
        "UPDATE password_resets SET created_at = created_at - 130000",
    );
    ask(world, ADMIN);
    let second = link_of(&server);
    assert_eq!(world.visitor().get(&link).status, 404);
    world.visitor().visit(&second);
    execute(
        world,
        "UPDATE password_resets SET created_at = created_at - 130000",
    );
    ask(world, ADMIN);
    // The pauses grow.
    execute(
        world,
        "UPDATE password_resets SET created_at = created_at - 600000 WHERE times = 2",
    );
    ask(world, ADMIN);
    let third = link_of(&server);
    world.visitor().visit(&third);
    assert_eq!(world.rows("password_resets", "times = 3"), 1);

    execute(world, "UPDATE password_resets SET expires_at = 1");
    assert_eq!(world.visitor().get(&third).status, 404);
    assert_eq!(
        world.visitor().post(&third, &[("password", NEW)]).status,
        404
    );
    assert_eq!(sign_in(world, PASSWORD), 303);
});

on_both!(asking_again_and_again_slows_down, |world| {
    for _ in 0..4 {
        assert_eq!(ask(world, "niemand@example.org").status, 303);
    }
    let delay = |whose: &str| {
        let attempt = world.state.throttle.begin(whose, None, None);
        attempt.expect("not crowded").delay()
    };
    assert!(delay("reset of niemand@example.org") > Duration::ZERO);
    assert_eq!(delay("reset of somebody@example.org"), Duration::ZERO);
    assert_eq!(delay("niemand@example.org"), Duration::ZERO, "signing in");
    let waiting: Vec<_> = std::iter::from_fn(|| {
        let whose = "reset of niemand@example.org";
        world.state.throttle.begin(whose, None, None).ok()
    })
    .take(1_000)
    .collect();
    assert!(waiting.len() < 100, "{}", waiting.len());
    assert_eq!(ask(world, "niemand@example.org").status, 429);
});

on_both!(without_a_mail_server_an_administrator_helps, |world| {
    world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
    let max = world.signed_in("max@example.org");
    assert_eq!(ask(world, "max@example.org").status, 303);
    let admin = world.admin();
    let path = format!("{USERS}/{}", number(world, "max@example.org"));
    admin.visit(&path).assert_says("Passwort vergessen?");
    let page = admin.post(&format!("{path}/passwort"), &[]);
    assert_eq!(page.status, 200);
    let link = link_on(&page);
    assert_eq!(world.rows("password_resets", "1 = 1"), 1, "only this one");
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
    max.visit("/benutzerkonto/passwort");
    admin
        .visit(LOG)
        .assert_says("Link für ein neues Passwort erzeugt")
        .assert_says("Benutzer: Max Benutzer");
    world.visitor().submit(&link, &[("password", NEW)]);
    assert_eq!(max.get("/benutzerkonto/passwort").status, 303);
    let form = [("email", "max@example.org"), ("password", NEW)];
    assert_eq!(world.visitor().post("/anmelden", &form).status, 303);
});

on_both!(with_a_mail_server_an_administrator_sees_no_link, |world| {
    let server = SmtpServer::start::<&str>(&[]);
    world.send_through(server.port, 1, 0);
    world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
    let path = format!("{USERS}/{}/passwort", number(world, "max@example.org"));
    let page = world.admin().submit(&path, &[]);
    page.assert_says("ist unterwegs")
        .assert_silent_about("/passwort/");
    assert_eq!(server.next_mail().to, ["max@example.org"]);
});
