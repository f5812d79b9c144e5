//! *Benutzerkonto → Benutzer*: who comes, changes, goes; and where one is signed in.

mod invitations;
mod navigation;
mod passwords;
mod second_factor;
mod sign_ins;

use diesel::RunQueryDsl;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::users;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::people::change::{self, Outcome};

use crate::support::agent::Answer;
use crate::support::world::ADMIN;
use crate::support::{World, on_both};

const USERS: &str = "/benutzerkonto/benutzer";
const LOG: &str = "/benutzerkonto/protokoll";

/// The number of the user who signs in with that.
fn number(world: &World, email: &str) -> i64 {
    let user = world.read(|conn| users::find_by_email(conn, email));
    user.expect("a user").id
}

/// The path of the first single-use link in a text.
fn path_in(text: &str) -> String {
    let at = ["/einladung/", "/passwort/"]
        .iter()
        .filter_map(|part| text.find(part))
        .min();
    let rest = &text[at.expect("a link")..];
    let end = rest.find(|c: char| c.is_whitespace() || c == '<' || c == '"');
    rest[..end.unwrap_or(rest.len())].to_owned()
}

/// The path of the link that a page shows.
fn link_on(page: &Answer) -> String {
    path_in(&page.all("#einmal-link")[0])
}

/// Changes the database behind the application's back.
fn execute(world: &World, statement: &str) {
    world.write(|conn| {
        diesel::sql_query(statement).execute(conn)?;
        Ok(())
    });
}

/// What the newest entry of the log says.
fn newest_entry(world: &World) -> (String, String, String) {
    let all = world
        .read(|conn| widerspruch::db::models::audit::newest(conn, world.account_id, 1))
        .remove(0);
    (all.action, all.actor, all.details)
}

on_both!(name_and_roles_are_changed_and_hold_at_once, |world| {
    world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
    let max = world.signed_in("max@example.org");
    let admin = world.admin();
    let path = format!("{USERS}/{}", number(world, "max@example.org"));
    assert_eq!(max.get("/empfaenger").status, 403);

    let wrong = admin.post(&path, &[("name", "Max")]);
    assert_eq!(wrong.status, 422);
    wrong.assert_says("Wählen Sie mindestens eine Rolle aus.");
    let page = admin.submit(
        &path,
        &[
            ("name", "Max Neu"),
            ("rollen", "empfaenger"),
            ("rollen", "versand"),
        ],
    );
    page.assert_says("Max Neu")
        .assert_says("Versand, Empfänger");
    assert_eq!(max.get("/empfaenger").status, 200);
    assert_eq!(max.get("/analysen").status, 403);
    max.visit("/empfaenger").assert_silent_about("/analysen\"");
    admin.visit(LOG).assert_says(
        "Name vorher: Max Benutzer; Rollen: Versand, Empfänger; Rollen vorher: Analysen; Benutzer: Max Neu",
    );

    // Nothing changed: nothing to write down.
    let entries = world.rows("audit_log", "action = 'user_changed'");
    admin.submit(
        &path,
        &[
            ("name", "Max Neu"),
            ("rollen", "versand"),
            ("rollen", "empfaenger"),
        ],
    );
    assert_eq!(world.rows("audit_log", "action = 'user_changed'"), entries);
});

on_both!(an_administrator_always_remains, |world| {
    let admin = world.admin();
    let eva = number(world, ADMIN);
    let own = format!("{USERS}/{eva}");
    let demoted = admin.post(&own, &[("name", "Eva"), ("rollen", "versand")]);
    assert_eq!(demoted.status, 422);
    demoted.assert_says("können Sie sich nicht selbst nehmen");
    admin
        .visit(&format!("{own}/entfernen"))
        .assert_says("Sich selbst können Sie nicht entfernen.");
    assert_eq!(admin.post(&format!("{own}/entfernen"), &[]).status, 409);
    admin.submit(&own, &[("name", "Eva Neu"), ("rollen", "admin")]);

    // Whoever asks, from wherever: the last one stays.
    let account = world.account_id;
    let (actor, now) = (Actor::Program("test"), Timestamp::now());
    let removed = world.write(|conn| change::remove(conn, account, eva, &actor, now));
    assert_eq!(removed, Outcome::LastAdmin);
    let to = Roles::NONE.with(Role::Reports);
    let changed = world.write(|conn| change::change(conn, account, eva, ("Eva", to), &actor, now));
    assert_eq!(changed, Outcome::LastAdmin);

    // Two remove each other at the same moment.
    for round in 0..5 {
        let email = format!("zweite{round}@example.org");
        world.make_user(&email, Roles::ADMIN);
        let second = number(world, &email);
        let remaining = world.read(|conn| users::list(conn, account));
        let first = remaining
            .iter()
            .find(|user| user.id != second)
            .expect("another")
            .id;
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let attempts = [first, second].map(|id| {
                let actor = actor.clone();
                scope.spawn(move || {
                    world.write(|conn| change::remove(conn, account, id, &actor, now))
                })
            });
            attempts
                .map(|attempt| attempt.join().expect("it ends"))
                .into()
        });
        assert_eq!(
            outcomes.iter().filter(|one| **one == Outcome::Done).count(),
            1,
            "{outcomes:?}"
        );
        assert_eq!(world.rows("users", "roles = 1"), 1);
    }
});

on_both!(
    a_removed_user_is_out_at_once_and_stays_in_the_log,
    |world| {
        world.make_user("max@example.org", Roles::NONE.with(Role::Recipients));
        let max = world.signed_in("max@example.org");
        let id = number(world, "max@example.org");
        let anna = world.make_recipient("anna@example.org");
        max.submit(
            &format!("/empfaenger/{anna}/tracking"),
            &[("tracking_off", "ja")],
        );
        let admin = world.admin();
        let path = format!("{USERS}/{id}/entfernen");
        admin
            .visit(&path)
            .assert_says("1 Anmeldung endet sofort")
            .assert_says("Im Protokoll bleibt ihr Name stehen");
        admin
            .submit(&path, &[])
            .assert_says("Benutzer entfernt.")
            .assert_silent_about("max@example.org");
        assert_eq!(
            max.get("/empfaenger").location().as_deref(),
            Some("/anmelden?weiter=%2Fempfaenger")
        );
        assert_eq!(world.rows("sessions", &format!("user_id = {id}")), 0);
        assert_eq!(admin.get(&path).status, 404);
        let page = admin.visit(LOG);
        page.assert_says("Benutzer entfernt")
            .assert_says("Max Benutzer (entfernt)");
        let page = admin.visit(&format!("{LOG}?wer={id}"));
        assert_eq!(
            page.all("tbody th"),
            ["Tracking eines Empfängers deaktiviert Tracking"]
        );
        // The address is free again, and the number is nobody else's.
        world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
        assert!(number(world, "max@example.org") > id);
    }
);

on_both!(users_are_the_administrators_and_of_one_account, |world| {
    world.make_user("max@example.org", Roles::NONE.with(Role::Recipients));
    let max = world.signed_in("max@example.org");
    assert_eq!(max.get(USERS).status, 403);
    let page = max.visit("/benutzerkonto/passwort");
    page.assert_silent_about(USERS);
    page.assert_says("Meine Anmeldungen");
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    stranger
        .visit(USERS)
        .assert_says("1 Benutzer")
        .assert_silent_about("max@example.org");
});
