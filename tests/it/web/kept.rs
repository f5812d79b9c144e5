//! What was typed is still there when it could not be saved.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use widerspruch::db::models::mailings;
use widerspruch::db::sqlite_file;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::web::kept::is_secret;

use crate::support::agent::{Agent, Answer};
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, eventually, on_both};

const DRAFT: [(&str, &str); 4] = [
    ("subject", "Herbst & mehr"),
    ("sender_address", "post@example.org"),
    ("html", "<p>Zwei\n\"Zeilen\"</p>"),
    ("text", ""),
];

fn subjects(world: &World) -> Vec<String> {
    use widerspruch::db::paging::Position;
    let page = world.read(|conn| mailings::list(conn, world.account_id, Position::First, 50));
    page.rows
        .into_iter()
        .map(|mailing| mailing.subject)
        .collect()
}

/// Sends a new draft, as from its page.
fn from_new(world: &World, agent: &Agent) -> Answer {
    let referer = format!("{}/e-mailings/neu", world.url);
    agent.post_with("/e-mailings", &DRAFT, &[("referer", &referer)])
}

fn resend(agent: &Agent, answer: &Answer, action: &str) -> Answer {
    post(agent, action, &answer.form(action))
}

fn post(agent: &Agent, path: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    agent.post(path, &fields)
}

/// From the answer to a form whose session has ended, through signing in, to the form again.
fn sign_in_again(agent: &Agent, ended: &Answer, email: &str) -> Answer {
    let mut form = ended.form("/anmelden");
    for (name, value) in &mut form {
        match name.as_str() {
            "email" => email.clone_into(value),
            "password" => PASSWORD.clone_into(value),
            _ => {}
        }
    }
    post(agent, "/anmelden", &form)
}

/// The page to which the form of an answer leads that carries what was typed.
fn open(agent: &Agent, answer: &Answer) -> Answer {
    let selector = "form:has(input[name=eingaben])";
    let action = answer
        .attribute(selector, "action")
        .expect("a form to go on");
    post(agent, &action, &answer.form(&action))
}

fn assert_typed(page: &Answer, action: &str) {
    assert_eq!(page.status, 200, "{}", page.text());
    page.assert_says("Ihre Eingaben stehen wieder im Formular.");
    let form = page.form(action);
    for (name, value) in DRAFT {
        assert!(
            form.contains(&(name.to_owned(), value.to_owned())),
            "{name}: {form:?}"
        );
    }
}

on_both!(after_the_session_has_ended, |world| {
    let admin = world.admin();
    admin.submit("/abmelden-sitzung", &[]);
    let referer = format!("{}/e-mailings/neu", world.url);
    let ended = admin.post_with("/e-mailings", &DRAFT, &[("referer", &referer)]);
    assert_eq!(ended.status, 403);
    ended
        .assert_says("Ihre Anmeldung war beendet")
        .assert_silent_about("Herbst");
    assert_eq!(
        ended.attribute("[name=next]", "value").as_deref(),
        Some("/e-mailings/neu")
    );
    // A wrong password in between loses nothing.
    let mut wrong = ended.form("/anmelden");
    wrong.retain(|(name, _)| name != "password");
    wrong.push(("password".to_owned(), "falsch".to_owned()));
    let again = post(&admin, "/anmelden", &wrong);
    assert_eq!(again.status, 422);
    let resumed = sign_in_again(&admin, &again, ADMIN);
    assert_eq!(resumed.status, 200, "{}", resumed.text());
    resumed.assert_says("Sie sind wieder angemeldet");
    let page = open(&admin, &resumed);
    assert_typed(&page, "/e-mailings");
    assert_eq!(resend(&admin, &page, "/e-mailings").status, 303);
    assert_eq!(subjects(world), ["Herbst & mehr"]);
});

on_both!(only_who_typed_it_gets_it_back, |world| {
    let other = world.make_account("Fremde AG", "fremd@example.com");
    world.make_user_in(
        other,
        "zwei@example.com",
        Role::ALL.into_iter().fold(Roles::NONE, Roles::with),
    );
    let admin = world.admin();
    admin.submit("/abmelden-sitzung", &[]);
    let ended = admin.post("/e-mailings", &DRAFT);
    assert_eq!(ended.status, 403);
    let answer = sign_in_again(&admin, &ended, "zwei@example.com");
    assert_eq!(answer.status, 303, "{}", answer.text());
    // Nor somebody else who was given the page.
    let stranger = world.visitor();
    let answer = sign_in_again(&stranger, &ended, ADMIN);
    assert_eq!(answer.status, 303, "{}", answer.text());
    // Nor another user with what was sealed for the first.
    let resumed = {
        let again = world.admin();
        again.submit("/abmelden-sitzung", &[]);
        let ended = again.post("/e-mailings", &DRAFT);
        sign_in_again(&again, &ended, ADMIN)
    };
    let thief = world.signed_in("zwei@example.com");
    open(&thief, &resumed).assert_silent_about("Herbst");
});

on_both!(a_stranger_is_only_sent_to_sign_in, |world| {
    let answer = world.visitor().post("/e-mailings", &DRAFT);
    assert_eq!(
        (answer.status, answer.location().as_deref()),
        (303, Some("/anmelden"))
    );
    let admin = world.admin();
    admin.submit("/abmelden-sitzung", &[]);
    let foreign = admin.post_with("/e-mailings", &DRAFT, &[("sec-fetch-site", "cross-site")]);
    assert_eq!(foreign.status, 403);
    foreign.assert_silent_about("Herbst");
    assert!(foreign.all("[name=eingaben]").is_empty());
});

on_both!(after_a_role_is_gone, |world| {
    world.make_user("max@example.org", Roles::NONE.with(Role::Mailings));
    let max = world.signed_in("max@example.org");
    let set = |role| {
        let bits = Roles::NONE.with(role).bits();
        world.execute(&format!(
            "UPDATE users SET roles = {bits} WHERE email = 'max@example.org'"
        ));
    };
    set(Role::Reports);
    let answer = from_new(world, &max);
    assert_eq!(answer.status, 403);
    answer.assert_says("Ihre Eingaben sind noch da");
    assert!(answer.html().contains("Herbst &"), "to be read and copied");
    set(Role::Mailings);
    assert_typed(&open(&max, &answer), "/e-mailings");
    assert_eq!(resend(&max, &answer, "/e-mailings").status, 303);
});

on_both!(what_cannot_be_saved_any_more_can_be_copied, |world| {
    let admin = world.admin();
    let made = admin.post("/e-mailings", &DRAFT);
    let path = made.location().expect("the draft");
    let path = path.split('?').next().expect("a path");
    world.execute("UPDATE mailings SET status = 'sent'");
    let answer = admin.post(
        path,
        &[
            ("html", "<p>Neu geschrieben</p>"),
            ("subject", "A"),
            ("sender_address", "post@example.org"),
        ],
    );
    assert_eq!(answer.status, 409);
    assert!(answer.html().contains("Neu geschrieben"));
});

on_both!(passwords_are_never_carried, |world| {
    let admin = world.admin();
    admin.submit("/abmelden-sitzung", &[]);
    let form = [
        ("host", "smtp.example.org"),
        ("port", "587"),
        ("encryption", "starttls"),
        ("username", "eva"),
        ("password", "sehr-geheim"),
        ("connections", "4"),
    ];
    let referer = format!("{}/benutzerkonto/versand", world.url);
    let ended = admin.post_with("/benutzerkonto/versand", &form, &[("referer", &referer)]);
    ended.assert_says("Passwörter und Codes müssen Sie dann neu eingeben");
    let page = open(&admin, &sign_in_again(&admin, &ended, ADMIN));
    page.assert_silent_about("sehr-geheim");
    let filled = page.form("/benutzerkonto/versand");
    assert!(
        filled.contains(&("host".to_owned(), "smtp.example.org".to_owned())),
        "{filled:?}"
    );
    assert!(
        filled.contains(&("password".to_owned(), String::new())),
        "{filled:?}"
    );
    // Every field for a password or a code, wherever a form has one.
    for page in [
        "/benutzerkonto/passwort",
        "/benutzerkonto/versand",
        "/benutzerkonto/ruecklaeufer",
        "/benutzerkonto/zwei-faktor",
    ] {
        let page = admin.visit(page);
        for selector in ["input[type=password]", "input[autocomplete=one-time-code]"] {
            if let Some(name) = page.attribute(selector, "name") {
                assert!(is_secret(&name), "{name}");
            }
        }
    }
});

on_both!(a_file_has_to_be_chosen_again, |world| {
    let admin = world.admin();
    admin.submit("/abmelden-sitzung", &[]);
    let ended = admin.upload(
        "/empfaenger/import",
        &[],
        "liste.csv",
        b"email\na@example.org\n",
    );
    assert_eq!(ended.status, 403);
    ended.assert_says("Die Datei müssen Sie nach dem Anmelden neu auswählen.");
    let answer = sign_in_again(&admin, &ended, ADMIN);
    assert_eq!(answer.location().as_deref(), Some("/empfaenger/import"));
});

/// While somebody else holds the file of SQLite.
#[test]
fn after_the_database_was_locked() {
    let world = World::start(On::Sqlite);
    let admin = world.admin();
    let file = sqlite_file(world.dir.path());
    let mut other = SqliteConnection::establish(file.to_str().expect("a path")).expect("the file");
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock");
    let answer = from_new(&world, &admin);
    other.batch_execute("ROLLBACK").expect("the lock is free");
    assert_eq!(answer.status, 503);
    assert_typed(&open(&admin, &answer), "/e-mailings");
    assert_eq!(resend(&admin, &answer, "/e-mailings").status, 303);
    assert_eq!(subjects(&world), ["Herbst & mehr"]);
}

/// While PostgreSQL can't be reached: not even who is signed in is known then.
#[test]
fn after_the_database_was_gone() {
    let (world, proxy) = World::start_behind_proxy();
    let admin = world.admin();
    proxy.cut();
    let answer = admin.post("/e-mailings", &DRAFT);
    assert_eq!(answer.status, 503);
    answer.assert_says("Ihre Eingaben sind noch da");
    proxy.restore();
    let back = || admin.get("/empfaenger").status;
    eventually("the database is back", back, |status| *status == 200);
    assert_eq!(resend(&admin, &answer, "/e-mailings").status, 303);
    assert_eq!(subjects(&world), ["Herbst & mehr"]);
}
