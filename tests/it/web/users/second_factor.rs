//! The second factor: set up, asked for, used once, lost, required.

use widerspruch::db::models::users;
use widerspruch::db::models::users::User;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::secret::hex;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::totp::Totp;
use widerspruch::people::second_factor::{self, Checked};

use super::{LOG, USERS, execute, link_on, number};
use crate::support::agent::{Agent, Answer};
use crate::support::program::{Program, program, run};
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World, on_both};

const HERE: &str = "/benutzerkonto/zwei-faktor";

/// The app of one user.
struct App {
    totp: Totp,
    codes: Vec<String>,
}

impl App {
    /// What it shows that many steps from now.
    fn code(&self, steps: i64) -> String {
        self.totp.code(Timestamp::now().plus_millis(steps * 30_000))
    }

    /// A code that counts as unused, whatever was used before.
    fn fresh(&self, world: &World) -> String {
        execute(world, "UPDATE users SET totp_step = 0");
        self.code(0)
    }
}

/// What an app reads from the page on which it is set up.
fn proposed(page: &Answer) -> Totp {
    let secret = page.all("#schluessel").remove(0).replace(' ', "");
    let secret = totp_rs::Secret::try_from_base32(secret).expect("a secret");
    Totp::new(secret.as_bytes(), "eva@example.org").expect("a secret")
}

/// Sets a second factor up in that browser, as a person does.
fn set_up(agent: &Agent) -> App {
    let totp = proposed(&agent.submit(&format!("{HERE}/einrichten"), &[]));
    let code = totp.code(Timestamp::now());
    let page = agent.post(HERE, &[("password", PASSWORD), ("code", &code)]);
    assert_eq!(page.status, 200, "{}", page.text());
    let codes = page.all("#wiederherstellung").remove(0);
    App {
        totp,
        codes: codes.split_whitespace().map(str::to_owned).collect(),
    }
}

/// The first step of signing in.
fn password(world: &World, email: &str) -> Agent {
    let agent = world.visitor();
    let form = [
        ("email", email),
        ("password", PASSWORD),
        ("next", "/benutzerkonto/anmeldungen"),
    ];
    let answer = agent.post("/anmelden", &form);
    assert_eq!(answer.location().as_deref(), Some("/anmelden/code"));
    agent
}

/// The second one.
fn code(agent: &Agent, code: &str) -> Answer {
    agent.post("/anmelden/code", &[("code", code)])
}

fn is_signed_in(agent: &Agent) -> bool {
    agent.get("/benutzerkonto/anmeldungen").status == 200
}

fn user(world: &World, email: &str) -> User {
    let id = number(world, email);
    world.read(|conn| users::find(conn, world.account_id, id))
}

on_both!(signing_in_takes_two_steps, |world| {
    let admin = world.admin();
    admin.visit(HERE).assert_says("Nicht eingerichtet");
    let page = admin.submit(&format!("{HERE}/einrichten"), &[]);
    assert!(page.html().contains("<svg class=\"qr\""));
    assert!(!page.html().contains("style="), "nothing inline");
    let wrong = admin.post(HERE, &[("password", PASSWORD), ("code", "000000")]);
    assert_eq!(wrong.status, 422);
    wrong.assert_says("Dieser Code stimmt nicht.");
    let app = set_up(&admin);
    let now = app.code(1);
    let wrong = admin.post(HERE, &[("password", "falsch"), ("code", &now)]);
    assert_ne!(wrong.status, 200, "set up is set up");
    assert_eq!(app.codes.len(), 10);
    admin.visit(HERE).assert_says("10 Wiederherstellungscodes");
    let secret = app.totp.secret_in_groups().replace(' ', "");
    let bytes = totp_rs::Secret::try_from_base32(&secret).expect("a secret");
    for row in world.dump(&[]) {
        assert!(!row.contains(&hex(bytes.as_bytes())), "sealed: {row}");
        for plain in app.codes.iter().chain([&secret]) {
            assert!(!row.contains(plain), "hashed: {row}");
        }
    }

    // After the password nobody is signed in yet.
    let sessions = world.rows("sessions", "1 = 1");
    let agent = password(world, ADMIN);
    let first_key = agent.cookies();
    assert!(first_key.contains("sitzung="), "{first_key}");
    assert!(!is_signed_in(&agent));
    assert_eq!(world.rows("sessions", "1 = 1"), sessions);
    agent.visit("/anmelden/code").assert_says("sechs Ziffern");
    let wrong = code(&agent, "123");
    assert_eq!(wrong.status, 422);
    wrong.assert_says("stimmt nicht oder wurde schon verwendet");
    assert!(!is_signed_in(&agent));
    let right = code(&agent, &app.fresh(world));
    assert_eq!(
        right.location().as_deref(),
        Some("/benutzerkonto/anmeldungen")
    );
    assert!(is_signed_in(&agent));
    assert_ne!(agent.cookies(), first_key, "each step has a key of its own");
    for path in ["/benutzerkonto", "/anmelden/code"] {
        let answer = world.visitor().get_with(path, &[("cookie", &first_key)]);
        let target = answer.location().unwrap_or_default();
        assert!(target.starts_with("/anmelden?"), "{path}: {target}");
    }
    assert_eq!(code(&agent, &app.fresh(world)).status, 303, "it is over");
    assert_eq!(world.rows("sign_ins", "1 = 1"), 0);
    assert_eq!(
        code(&world.visitor(), &app.fresh(world))
            .location()
            .as_deref(),
        Some("/anmelden?meldung=anmeldung-abgelaufen"),
        "no code without a password"
    );
    admin.visit(LOG).assert_says("Zweiten Faktor eingerichtet");
});

on_both!(setting_it_up_wants_the_password, |world| {
    let admin = world.admin();
    let page = admin.submit(&format!("{HERE}/einrichten"), &[]);
    let right = proposed(&page).code(Timestamp::now());
    let wrong = admin.post(HERE, &[("password", "falsch"), ("code", &right)]);
    assert_eq!(wrong.status, 422);
    wrong.assert_says("Das Passwort stimmt nicht.");
    assert!(user(world, ADMIN).second_factor_at.is_none());
});

on_both!(the_second_step_has_its_time, |world| {
    let app = set_up(&world.admin());
    let agent = password(world, ADMIN);
    let over = Timestamp::now().millis();
    execute(world, &format!("UPDATE sign_ins SET expires_at = {over}"));
    let late = code(&agent, &app.fresh(world));
    assert_eq!(
        late.location().as_deref(),
        Some("/anmelden?meldung=anmeldung-abgelaufen")
    );
    assert!(!is_signed_in(&agent));
});

on_both!(a_code_is_taken_once, |world| {
    let app = set_up(&world.admin());
    // The one that confirmed is used up already.
    let used = code(&password(world, ADMIN), &app.code(0));
    assert_eq!(used.status, 422);
    let next = app.code(1);
    let first = password(world, ADMIN);
    let second = password(world, ADMIN);
    assert_eq!(code(&first, &next).status, 303);
    assert_eq!(code(&second, &next).status, 422);
    assert!(!is_signed_in(&second));
    assert_eq!(code(&second, &app.code(0)).status, 422, "nor an older one");

    // Many at once with one code.
    let agents: Vec<Agent> = (0..6).map(|_| password(world, ADMIN)).collect();
    let fresh = app.fresh(world);
    let fresh = fresh.as_str();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let attempts: Vec<_> = agents
            .iter()
            .map(|agent| scope.spawn(move || code(agent, fresh).status))
            .collect();
        attempts
            .into_iter()
            .map(|attempt| attempt.join().expect("it ends"))
            .collect()
    });
    let let_in = statuses.iter().filter(|status| **status == 303).count();
    assert_eq!(let_in, 1, "{statuses:?}");
    assert_eq!(agents.iter().filter(|agent| is_signed_in(agent)).count(), 1);
});

on_both!(one_recovery_code_lets_in_once, |world| {
    let admin = world.admin();
    let app = set_up(&admin);
    let typed = app.codes[3].to_lowercase().replace('-', " ");
    let agent = password(world, ADMIN);
    let answer = code(&agent, &typed);
    let page = agent.visit(&answer.location().expect("a page"));
    page.assert_says("mit einem Wiederherstellungscode angemeldet")
        .assert_says("9 Wiederherstellungscodes");
    let again = password(world, ADMIN);
    assert_eq!(code(&again, &app.codes[3]).status, 422);
    admin
        .visit(LOG)
        .assert_says("Wiederherstellungscode verwendet");
    assert_eq!(world.rows("audit_log", "details = '{\"left\":9}'"), 1);

    // New ones want password and code; then the old ones hold no longer.
    let path = format!("{HERE}/codes");
    let proof = app.fresh(world);
    let wrong = admin.post(&path, &[("password", "falsch"), ("code", &proof)]);
    assert_eq!(wrong.status, 422);
    let page = admin.post(&path, &[("password", PASSWORD), ("code", &proof)]);
    assert_eq!(page.status, 200, "the wrong password used no code up");
    let new = page.all("#wiederherstellung").remove(0);
    assert_eq!(new.split_whitespace().count(), 10);
    assert_eq!(code(&again, &app.codes[4]).status, 422);
    let first = new.split_whitespace().next().expect("a code");
    assert_eq!(code(&again, first).status, 303);
});

on_both!(guessing_codes_leads_nowhere, |world| {
    let admin = world.admin();
    let app = set_up(&admin);
    let right = app.fresh(world);
    let guess = if right == "000000" {
        "000001"
    } else {
        "000000"
    };
    let agent = password(world, ADMIN);
    for _ in 0..4 {
        assert_eq!(code(&agent, guess).status, 422);
    }
    let over = code(&agent, guess);
    assert_eq!(
        over.location().as_deref(),
        Some("/anmelden?meldung=anmeldung-abgelaufen"),
        "back to the password"
    );
    assert_eq!(code(&agent, &right).status, 303);
    assert!(!is_signed_in(&agent));
    let waiting =
        world
            .state
            .throttle
            .begin(&format!("code of {}", number(world, ADMIN)), None, None);
    assert!(waiting.expect("not crowded").delay() > std::time::Duration::ZERO);

    // However often the password is given again: ten in a row are enough.
    let (eva, sealer, now) = (user(world, ADMIN), &world.state.sealer, Timestamp::now());
    let check = |typed: &str, at: Timestamp| {
        world.write(|conn| second_factor::check(conn, sealer, &eva, typed, at))
    };
    for _ in 6..10 {
        assert_eq!(check(guess, now), Checked::Wrong);
    }
    assert_eq!(check(guess, now), Checked::Blocked);
    assert_eq!(check(&right, now), Checked::Blocked);
    assert_eq!(check(&app.codes[0], now), Checked::RecoveryCode);
    let later = now.plus_millis(61 * 60_000);
    assert_eq!(check(&app.totp.code(later), later), Checked::Code);
    admin
        .visit(LOG)
        .assert_says("Zweiten Faktor nach falschen Codes gesperrt");
    // A right one forgives.
    for _ in 0..9 {
        assert_eq!(check(guess, later), Checked::Wrong);
    }
    let next = later.plus_millis(30_000);
    assert_eq!(check(&app.totp.code(next), next), Checked::Code);
    assert_eq!(check(guess, next), Checked::Wrong);
});

on_both!(switching_off_wants_password_and_code, |world| {
    let admin = world.admin();
    let app = set_up(&admin);
    let path = format!("{HERE}/ausschalten");
    admin.visit(&path).assert_says("Das wird geschehen");
    let fresh = app.fresh(world);
    for form in [
        [("password", "falsch"), ("code", fresh.as_str())],
        [("password", PASSWORD), ("code", "000")],
        [("password", PASSWORD), ("code", "")],
    ] {
        assert_eq!(admin.post(&path, &form).status, 422);
    }
    admin
        .submit(&path, &[("password", PASSWORD), ("code", &fresh)])
        .assert_says("Ausgeschaltet.")
        .assert_says("Nicht eingerichtet");
    assert_eq!(world.rows("recovery_codes", "1 = 1"), 0);
    assert_eq!(world.rows("users", "totp_secret IS NOT NULL"), 0);
    world.admin().visit("/benutzerkonto");
    admin.visit(LOG).assert_says("Zweiten Faktor entfernt");
});

on_both!(an_account_can_want_it_of_everybody, |world| {
    world.make_user("max@example.org", Roles::NONE.with(Role::Recipients));
    let max = world.signed_in("max@example.org");
    let admin = world.admin();
    set_up(&admin);
    let path = format!("{USERS}/zweiter-faktor");
    assert_eq!(admin.post(&path, &[]).status, 400);
    admin
        .submit(&path, &[("verlangen", "ja")])
        .assert_says("1 Benutzer hat noch keinen");
    for page in ["/", "/empfaenger", "/benutzerkonto/passwort", "/e-mailings"] {
        assert_eq!(max.get(page).location().as_deref(), Some(HERE), "{page}");
    }
    let tried = max.post("/gruppen", &[("name", "Neu")]);
    assert_eq!(tried.status, 409, "what was typed is kept");
    tried.assert_says("verlangt inzwischen einen zweiten Faktor");
    assert_eq!(world.rows("groups", "1 = 1"), 0);
    max.visit(HERE)
        .assert_says("Ihr Benutzerkonto verlangt einen zweiten Faktor.")
        .assert_silent_about("href=\"/empfaenger\"")
        .assert_silent_about("href=\"/benutzerkonto/passwort\"");
    // Signing in again leads there too, as does an invitation.
    assert_eq!(
        world
            .signed_in("max@example.org")
            .get("/")
            .location()
            .as_deref(),
        Some(HERE)
    );
    let invited = [
        ("email", "jana@example.org"),
        ("name", "Jana"),
        ("rollen", "analysen"),
    ];
    let link = link_on(&admin.post(&format!("{USERS}/einladen"), &invited));
    let jana = world.visitor();
    let answer = jana.post(&link, &[("name", "Jana"), ("password", PASSWORD)]);
    assert_eq!(answer.status, 303);
    assert_eq!(jana.get("/analysen").location().as_deref(), Some(HERE));

    set_up(&max);
    max.visit("/empfaenger");
    admin.submit(&path, &[("verlangen", "nein")]);
    jana.visit("/analysen");
    admin
        .visit(LOG)
        .assert_says("verlangt: ja")
        .assert_says("verlangt: nein");
});

on_both!(an_administrator_resets_a_lost_one, |world| {
    world.make_user("max@example.org", Roles::NONE.with(Role::Recipients));
    let max = world.signed_in("max@example.org");
    let app = set_up(&max);
    let admin = world.admin();
    set_up(&admin);
    let own = format!("{USERS}/{}/zweiter-faktor", number(world, ADMIN));
    assert_eq!(admin.get(&own).status, 409);
    assert_eq!(admin.post(&own, &[]).status, 409);
    let has_one = user(world, ADMIN).second_factor_at.is_some();
    assert!(has_one, "one's own goes with password and code");
    let path = format!(
        "{USERS}/{}/zweiter-faktor",
        number(world, "max@example.org")
    );
    let half = password(world, "max@example.org");
    admin.visit(&path).assert_says("mit dem Passwort allein");
    admin.submit(&path, &[]).assert_says("Zurückgesetzt.");
    assert_eq!(admin.post(&path, &[]).status, 409, "nothing left to reset");
    assert_eq!(
        code(&half, &app.codes[0]).location().as_deref(),
        Some("/anmelden?meldung=anmeldung-abgelaufen")
    );
    world.signed_in("max@example.org").visit("/empfaenger");
    admin
        .visit(LOG)
        .assert_says("Zweiten Faktor zurückgesetzt")
        .assert_says("Benutzer: Max Benutzer");
});

on_both!(a_new_password_does_not_lead_past_it, |world| {
    world.make_user("max@example.org", Roles::NONE.with(Role::Recipients));
    set_up(&world.signed_in("max@example.org"));
    let half = password(world, "max@example.org");
    let path = format!("{USERS}/{}/passwort", number(world, "max@example.org"));
    let link = link_on(&world.admin().post(&path, &[]));
    let visitor = world.visitor();
    visitor.submit(&link, &[("password", "ein ganz neues Passwort")]);
    assert_eq!(
        half.get("/anmelden/code").location().as_deref(),
        Some("/anmelden?meldung=anmeldung-abgelaufen"),
        "the old password is worth nothing"
    );
    let form = [
        ("email", "max@example.org"),
        ("password", "ein ganz neues Passwort"),
    ];
    let answer = visitor.post("/anmelden", &form);
    assert_eq!(answer.location().as_deref(), Some("/anmelden/code"));
    assert!(!is_signed_in(&visitor));
});

fn reset_on_the_machine(mut world: World) {
    set_up(&world.admin());
    world.stop();
    let reset = |email: &str| {
        let mut command = program(world.dir.path(), world.database_url());
        run(command.args(["account", "reset-second-factor", email]))
    };
    assert!(!reset("niemand@example.org").status.success());
    let done = reset("ADMIN@example.org");
    assert!(done.status.success(), "{done:?}");
    let again = String::from_utf8_lossy(&reset(ADMIN).stdout).into_owned();
    assert!(again.contains("has no second factor"), "{again}");
    let server = Program::serve(world.dir.path(), world.database_url());
    let agent = Agent::new(&server.url);
    agent.submit("/anmelden", &[("email", ADMIN), ("password", PASSWORD)]);
    agent
        .visit(LOG)
        .assert_says("Zweiten Faktor zurückgesetzt")
        .assert_says("Kommandozeile");
}

#[test]
fn the_last_administrator_is_helped_on_the_machine_sqlite() {
    reset_on_the_machine(World::start(On::Sqlite));
}

#[test]
fn the_last_administrator_is_helped_on_the_machine_postgres() {
    reset_on_the_machine(World::start(On::Postgres));
}

on_both!(what_was_typed_goes_through_both_steps, |world| {
    let agent = world.admin();
    let app = set_up(&agent);
    agent.submit("/abmelden-sitzung", &[]);
    let ended = agent.post("/gruppen", &[("name", "Neue Kunden")]);
    assert_eq!(ended.status, 403);
    let sealed = ended
        .attribute("[name=eingaben]", "value")
        .expect("what was typed");
    let form = [
        ("email", ADMIN),
        ("password", PASSWORD),
        ("eingaben", &sealed),
    ];
    let second = agent.post("/anmelden", &form);
    assert_eq!(second.status, 200, "{}", second.text());
    let sealed = second
        .attribute("[name=eingaben]", "value")
        .expect("what was typed");
    let wrong = agent.post(
        "/anmelden/code",
        &[("code", "000000"), ("eingaben", &sealed)],
    );
    assert_eq!(wrong.status, 422);
    let sealed = wrong
        .attribute("[name=eingaben]", "value")
        .expect("what was typed");
    let form = [("code", app.codes[0].as_str()), ("eingaben", &sealed)];
    let resumed = agent.post("/anmelden/code", &form);
    assert_eq!(resumed.status, 200, "{}", resumed.text());
    let path = resumed
        .attribute("form[data-autosubmit]", "action")
        .expect("the page");
    let sealed = resumed
        .attribute("[name=eingaben]", "value")
        .expect("what was typed");
    let page = agent.post(&path, &[("eingaben", &sealed)]);
    assert_eq!(
        page.attribute("#name", "value").as_deref(),
        Some("Neue Kunden")
    );
});
