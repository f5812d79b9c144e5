//! *Meine Anmeldungen*: where one is signed in, and how to end that.

use widerspruch::db::models::sessions;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;

use super::{LOG, execute, number};
use crate::support::agent::Agent;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{World, on_both};

const HERE: &str = "/benutzerkonto/anmeldungen";
const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Geheimbrowser Mobile/15E148";

/// Signed in with a phone.
fn on_a_phone(world: &World) -> Agent {
    let agent = world.visitor();
    let form = [("email", ADMIN), ("password", PASSWORD)];
    let headers = [("user-agent", PHONE), ("x-forwarded-for", "203.0.113.7")];
    assert_eq!(agent.post_with("/anmelden", &form, &headers).status, 303);
    agent
}

/// The numbers of the administrator's sessions, oldest first.
fn numbers(world: &World) -> Vec<i64> {
    let user = number(world, ADMIN);
    let all = world.read(|conn| sessions::of_user(conn, user, Timestamp::now()));
    let mut numbers: Vec<i64> = all.iter().map(|session| session.id).collect();
    numbers.sort_unstable();
    numbers
}

on_both!(one_sees_where_one_is_signed_in_and_ends_it_there, |world| {
    let here = world.admin();
    let phone = on_a_phone(world);
    let page = here.visit(HERE);
    assert_eq!(page.all("tbody th"), ["Smartphone", "Computer"]);
    page.assert_says("2 Anmeldungen").assert_says("Diese hier");
    let stored = world.dump(&[]).join("\n");
    assert!(
        !stored.contains("Geheimbrowser") && !stored.contains("203.0.113"),
        "p8"
    );

    let of_phone = numbers(world)[1];
    here.submit(&format!("{HERE}/{of_phone}/abmelden"), &[])
        .assert_says("Anmeldung beendet.")
        .assert_says("1 Anmeldung");
    assert_eq!(phone.get("/benutzerkonto").status, 303);
    here.visit("/benutzerkonto");
    assert_eq!(
        here.post(&format!("{HERE}/{of_phone}/abmelden"), &[])
            .status,
        404
    );
    here.visit(LOG).assert_says("Andere Anmeldung beendet");
});

on_both!(everywhere_else_at_once, |world| {
    let here = world.admin();
    let others = [on_a_phone(world), world.admin()];
    world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
    let max = world.signed_in("max@example.org");
    here.submit(&format!("{HERE}/andere-abmelden"), &[])
        .assert_says("Überall sonst sind Sie jetzt abgemeldet.");
    here.visit("/benutzerkonto");
    for other in others {
        assert_eq!(other.get("/benutzerkonto").status, 303);
    }
    max.visit(HERE).assert_says("1 Anmeldung");
    here.visit(LOG).assert_says("Anmeldungen: 2");
});

on_both!(nobody_ends_the_sessions_of_others, |world| {
    let admin = world.admin();
    world.make_user("max@example.org", Roles::ADMIN);
    let max = world.signed_in("max@example.org");
    let path = format!("{HERE}/{}/abmelden", numbers(world)[0]);
    assert_eq!(max.post(&path, &[]).status, 404);
    admin.visit("/benutzerkonto");
});

on_both!(the_last_use_is_known_to_a_few_minutes, |world| {
    let admin = world.admin();
    let used = || world.total("used_at", "sessions", "1 = 1");
    let begun = used();
    admin.visit("/benutzerkonto");
    assert_eq!(used(), begun, "looking at a page seldom writes something");
    execute(world, "UPDATE sessions SET used_at = used_at - 3600000");
    admin.visit("/benutzerkonto");
    assert!(used() >= begun);
});
