//! What there is to look at: long names and addresses, mailings on their way, people who have
//! objected, things that run.

use std::fmt::Write;

use diesel::connection::SimpleConnection;
use scraper::{ElementRef, Html, Selector};
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::jobs::Whom;
use widerspruch::db::models::users::{NewUser, User};
use widerspruch::db::models::{api_keys, pictures, users};
use widerspruch::db::{Conn, DbResult};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::scope::{Scope, Scopes};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::webhook::HookEvent;
use widerspruch::erasure::jobs;
use widerspruch::people::invite::{self, Invitee};
use widerspruch::people::second_factor;

use super::states::States;
use crate::support::agent::{Agent, Answer};
use crate::support::bounce::failed;
use crate::support::{World, eventually};

const NEWSLETTER: &str = include_str!("../../fixtures/newsletter.html");

/// A German word that fits nowhere.
pub const LONG_WORD: &str =
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

/// What there is to look at.
pub struct Furniture {
    pub sent: String,
    pub broken: String,
    pub questionable: String,
    pub states: States,
    pub group: String,
    pub active: String,
    pub objected: String,
    pub self_objected: String,
    pub job: String,
    pub deletion: String,
    pub pseudonymisation: String,
    pub mail: String,
    pub import_running: String,
    pub import_done: String,
    pub import_new: String,
    /// A key that signs nothing.
    pub signing_key: String,
    /// A key for programs.
    pub api_key: String,
    /// A webhook that was told something, and has more to tell.
    pub webhook: String,
    pub signup_form: String,
    pub picture: String,
}

/// The links of mails that are for their reader alone.
pub struct Links {
    pub objection: String,
    pub unsubscription: String,
    pub invitation: String,
    pub password: String,
}

/// Users beside the administrator: numbers.
pub struct Users {
    pub own: i64,
    pub other: i64,
    pub invitation: i64,
}

impl Users {
    /// One who is there and one who is invited, with names that are long.
    pub fn of(world: &World) -> Self {
        let name = format!("Max {LONG_WORD}");
        let email = EmailAddress::parse("max@example.org").expect("an address");
        let new = NewUser {
            email: &email,
            name: &name,
            roles: Role::ALL.into_iter().fold(Roles::NONE, Roles::with),
            password_hash: "",
        };
        let (account, now) = (world.account_id, Timestamp::now());
        world.write(|conn| {
            let other = users::create(conn, account, &new, now)?;
            let other = users::find(conn, account, other)?;
            switch_on_factor(conn, world, &other)?;
            let email = EmailAddress::parse(&format!("jana@{}.example", &LONG_WORD[..30]));
            let invitee = Invitee {
                email: &email.expect("an address"),
                name: &name,
                roles: Roles::ADMIN,
            };
            let actor = Actor::Program("test");
            let made = invite::invite(conn, account, &invitee, &actor, now)?;
            let (invitation, _) = made.map_err(|_| ()).expect("an invitation");
            let invitation = invitation.id;
            let numbers: Vec<i64> = users::list(conn, account)?
                .iter()
                .map(|user| user.id)
                .collect();
            Ok(Self {
                own: numbers[0],
                other: numbers[1],
                invitation,
            })
        })
    }
}

impl Links {
    /// Of the oldest mail in the outbox.
    pub fn of_a_mail(world: &World) -> Self {
        let admin = world.admin();
        let first = mails(&admin).pop().expect("a mail");
        let content = admin.visit(&format!("{first}/inhalt"));
        Self {
            objection: link(&content, "/datenschutz/"),
            unsubscription: link(&content, "/abmelden/"),
            invitation: shown_once(
                &admin,
                "/benutzerkonto/benutzer/einladen",
                &[
                    ("email", "lina@example.org"),
                    ("name", "Lina"),
                    ("rollen", "versand"),
                ],
            ),
            password: {
                let admin_id = world.read(|conn| users::list(conn, world.account_id))[0].id;
                let path = format!("/benutzerkonto/benutzer/{admin_id}/passwort");
                shown_once(&admin, &path, &[])
            },
        }
    }
}

/// Gives a user a second factor.
pub fn switch_on_factor(conn: &mut Conn, world: &World, user: &User) -> DbResult<()> {
    let (sealer, now) = (&world.state.sealer, Timestamp::now());
    second_factor::propose(conn, sealer, user)?;
    let totp = second_factor::proposed(conn, sealer, user)?.expect("a secret");
    let codes = second_factor::confirm(conn, sealer, user, &totp.code(now), now)?;
    assert_eq!(codes.map(|codes| codes.len()), Some(10));
    Ok(())
}

/// The path of a single-use link that is shown where there is no mail server.
fn shown_once(admin: &Agent, path: &str, form: &[(&str, &str)]) -> String {
    let url = admin.post(path, form).all("#einmal-link").remove(0);
    let path = url.splitn(4, '/').nth(3).expect("a path");
    format!("/{path}")
}

/// A mailbox that can't be reached, and a mail that came back.
fn came_back(world: &World, admin: &Agent, mailing: &str, person: &str) {
    let mailbox = [
        ("host", "imap.donaudampfschifffahrtsgesellschaft.invalid"),
        ("port", "993"),
        ("encryption", "tls"),
        ("username", "rueck"),
        ("password", "geheim"),
        ("folder", LONG_WORD),
        ("active", "ja"),
    ];
    admin.submit("/benutzerkonto/ruecklaeufer", &mailbox);
    admin.submit("/benutzerkonto/ruecklaeufer/abrufen", &[]);
    let of = |path: &str| number(path).parse().expect("a number");
    let path = world.return_path(of(mailing), of(person));
    world.come_back(&failed(&path, "jemand@example.org", "5.1.1"));
}

/// Makes all of it.
pub fn furnish(world: &World) -> Furniture {
    let admin = world.admin();
    admin.submit("/gruppen", &[("name", LONG_WORD)]);
    admin.submit("/gruppen", &[("name", "Kundschaft")]);
    let groups = admin.visit("/gruppen");
    let group = groups
        .attribute("a[href^='/gruppen/']", "href")
        .expect("a group");
    let group_number = number(&group);

    let people = people(&admin, &group_number);
    let people: Vec<&str> = people.lines().collect();
    let [
        _,
        active,
        objected,
        self_objected,
        pseudonymised,
        deleted,
        other,
    ] = people[..]
    else {
        panic!("seven people: {people:?}");
    };

    let sent = mailing(&admin, "Neues aus der Gärtnerei", NEWSLETTER, &group_number);
    send_and_read(world, &admin, &sent);
    let mail = mails(&admin).remove(0);

    came_back(world, &admin, &sent, objected);

    let broken = mailing(&admin, "Kaputt", "<p>{{ vorname </p>", "");
    let questionable = mailing(
        &admin,
        "Fragwürdig",
        "<p>{{ unbekannt }}</p><a href=\"https://shop.example/?wer={{ email }}\">Konto</a>",
        &group_number,
    );
    let states = States::make(world, &admin, &group_number);

    admin.submit(&format!("{objected}/tracking"), &[("tracking_off", "ja")]);
    let pseudonymisation =
        path_of(&admin.post(&format!("{pseudonymised}/tracking/pseudonymisieren"), &[]));
    let deletion = path_of(&admin.post(&format!("{deleted}/loeschen"), &[]));
    // Waits for a program that is not there.
    let job = world.write(|conn| {
        let whom = Whom::Chosen(vec![number(other).parse().expect("a number")]);
        let (actor, now) = (Actor::Program("Test"), Timestamp::now());
        jobs::start(conn, world.account_id, &whom, &actor, "elsewhere", now)
    });
    let job = format!("/auftraege/{}", job.id);

    let import_done = import(&admin);
    start(&admin, &import_done);
    wait_for(&admin, &import_done, |page| {
        page.attribute("[data-progress-url]", "class").is_none()
    });
    let import_running = import(&admin);
    let import_new = import(&admin);
    // What passes too quickly to be looked at stands still.
    world.write(|conn| {
        conn.batch_execute(&format!(
            "UPDATE imports SET status = 'running' WHERE id = {};",
            number(&import_running)
        ))
        .map_err(Into::into)
    });
    Furniture {
        active: active.to_owned(),
        objected: objected.to_owned(),
        self_objected: self_objected.to_owned(),
        sent,
        broken,
        questionable,
        states,
        group,
        job,
        deletion,
        pseudonymisation,
        mail,
        import_running,
        import_done,
        import_new,
        signing_key: signing_key(&admin),
        api_key: api_key(world),
        webhook: webhook(world),
        signup_form: signup_form(&admin, &group_number),
        picture: picture(world),
    }
}

/// A form to sign up with.
fn signup_form(admin: &Agent, group: &str) -> String {
    let made = admin.post(
        "/anmeldeformulare",
        &[
            ("name", "Website"),
            ("gruppe", group),
            ("titel", "Gartenbrief"),
            ("einleitung", "Einmal im Monat das Neueste aus dem Garten."),
            ("einwilligung", "Die Gärtnerei darf mir den Gartenbrief senden. Das kann ich jederzeit widerrufen."),
            ("tracking", "Die Gärtnerei darf auswerten, welche E-Mails ich öffne und welche Links ich anklicke."),
            ("absendername", "Gärtnerei Moosbüchel"),
            ("absender", "post@example.org"),
            ("gueltig", "48"),
            ("aktiv", "ja"),
        ],
    );
    assert_eq!(made.status, 303, "{}", made.text());
    path_of(&made)
}

/// Where people sign up with the first form, and the link in the mail to somebody who did.
pub struct SigningUp {
    pub form: String,
    pub confirmation: String,
}

impl SigningUp {
    pub fn of(world: &World, form: &str) -> Self {
        let admin = world.admin();
        let page = admin.visit(form);
        let form = link(&page, "/formular/");
        let key = widerspruch::signup::decode(&number(&form)).expect("a key");
        let opened = Timestamp::now().plus_millis(-widerspruch::signup::stamp::LEAST);
        let stamp = world.state.stamps.issue(&key, opened);
        let sent = [
            ("email", "neugierig@example.org"),
            ("tracking", "ja"),
            ("stempel", &stamp),
        ];
        assert_eq!(world.visitor().post(&form, &sent).status, 303);
        wait_for(&admin, "/postausgang", |page| {
            page.text().contains("neugierig@example.org")
        });
        let mail = admin.visit(&mails(&admin)[0]).text();
        let at = mail.find("/bestaetigen/").expect("a link");
        let confirmation = mail[at..].split_whitespace().next().expect("a path");
        Self {
            form,
            confirmation: confirmation.to_owned(),
        }
    }
}

/// Keys for programs, of every state; gives one that is valid.
fn api_key(world: &World) -> String {
    let all: Scopes = Scope::ALL.into_iter().collect();
    let now = Timestamp::now();
    world.make_key_until(all, Some(now.plus_days(-1)));
    let revoked = world.make_key(all).id;
    world.write(|conn| api_keys::revoke(conn, world.account_id, revoked, now));
    let valid = world.make_key_until(all, Some(now.plus_days(30))).id;
    format!("/benutzerkonto/schnittstelle/{valid}")
}

/// Webhooks: one with messages of every kind, which it gives, and one that was given up.
fn webhook(world: &World) -> String {
    let long = format!("https://hooks.example.invalid/{LONG_WORD}");
    let (other, _) = world.make_webhook("https://weg.example.invalid/", &HookEvent::ALL);
    world.execute(&format!(
        "UPDATE webhooks SET active = FALSE, given_up_at = 1795508100000 WHERE id = {other}"
    ));
    let (id, _) = world.make_webhook(&long, &HookEvent::ALL);
    // Switched off, so that nothing is told while somebody looks.
    world.execute(&format!(
        "UPDATE webhooks SET active = FALSE WHERE id = {id}"
    ));
    for (status, outcome) in [
        ("pending", "NULL"),
        ("done", "'Antwort 200'"),
        ("failed", "'Keine Antwort nach 10 Sekunden'"),
    ] {
        world.execute(&format!(
            "INSERT INTO webhook_deliveries (account_id, webhook_id, event, recipient_id, source, status, attempts,
                 next_attempt_at, attempted_at, outcome, created_at)
             VALUES ({}, {id}, 'recipient.objected', 17, 'self', '{status}', 3, 1795508100000, 1795508100000, {outcome},
                 1795508100000)",
            world.account_id
        ));
    }
    format!("/benutzerkonto/schnittstelle/webhooks/{id}")
}

/// A mail server that is set up and in use, and keys; gives the one that signs nothing.
fn signing_key(admin: &Agent) -> String {
    admin.submit(
        "/benutzerkonto/versand",
        &[
            ("host", "smtp.muster.invalid"),
            ("port", "25"),
            ("encryption", "none"),
            ("username", LONG_WORD),
            ("password", "geheim"),
            ("connections", "4"),
        ],
    );
    let here = "/benutzerkonto/versand/signatur";
    let keys = admin.submit(here, &[("domain", "gärtnerei.example")]);
    let forms = "form[action$='/aktivieren']";
    let first = keys.attribute(forms, "action").expect("a key");
    let keys = admin.submit(&first, &[]);
    let other = keys.attribute(forms, "action").expect("another key");
    other.replace("/aktivieren", "")
}

/// A picture of one pixel, with a long name; gives the address of its pages.
fn picture(world: &World) -> String {
    let new = pictures::NewPicture {
        file_name: format!("{LONG_WORD}.gif"),
        media_type: "image/gif",
        width: 1,
        height: 1,
        content: b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;".to_vec(),
    };
    let id = world.write(|conn| pictures::create(conn, world.account_id, &new, Timestamp::now()));
    format!("/e-mailings/bilder/{id}")
}

/// Adds people to a group; gives their paths, one a line.
fn people(admin: &Agent, group: &str) -> String {
    let long = format!(
        "{}@{}.example.org",
        "a-long-name.".repeat(4) + "x",
        "abteilung.".repeat(4) + "y"
    );
    let mut people = String::new();
    for address in [
        "leserin@example.org",
        long.as_str(),
        "jörg@bücher.example",
        "dieter@example.org",
        "erna@example.org",
        "frida@example.org",
        "gustav@example.org",
    ] {
        let made = admin.post(
            "/empfaenger/neu",
            &[
                ("email", address),
                ("vorname", "Maximiliane"),
                ("nachname", "von und zu Hohenstein-Lüdenscheidt"),
                ("gruppen", group),
            ],
        );
        assert_eq!(made.status, 303, "{}", made.text());
        writeln!(people, "{}", path_of(&made)).expect("a text grows");
    }
    people
}

/// Sends a mailing; everybody opens it and follows a link, Dieter objects.
fn send_and_read(world: &World, admin: &Agent, sent: &str) {
    admin.submit(&format!("{sent}/senden"), &[]);
    wait_for(admin, sent, |page| {
        page.attribute("[data-progress-url]", "class").is_none()
    });
    for mail in mails(admin) {
        let content = admin.visit(&format!("{mail}/inhalt"));
        let reader = world.visitor();
        reader.get(
            &content
                .attribute("img[src*='/o/']", "src")
                .expect("a pixel"),
        );
        reader.get(&link(&content, "/k/"));
        if content_is_for(admin, &mail, "dieter@") {
            assert_eq!(
                reader.post(&link(&content, "/datenschutz/"), &[]).status,
                303
            );
            let wish = format!("{}/loeschwunsch", link(&content, "/datenschutz/"));
            assert_eq!(reader.post(&wish, &[]).status, 303);
        }
    }
}

/// The mails of the outbox, newest first, as paths.
fn mails(admin: &Agent) -> Vec<String> {
    let list = admin.visit("/postausgang");
    let html = list.html();
    html.split("href=\"")
        .filter_map(|rest| rest.split_once('"').map(|(path, _)| path))
        .filter(|path| path.starts_with("/postausgang/") && *path != "/postausgang/leeren")
        .map(str::to_owned)
        .collect()
}

fn content_is_for(admin: &Agent, mail: &str, beginning: &str) -> bool {
    admin.visit(mail).text().contains(beginning)
}

/// The first link with that in it, without the server's name.
fn link(content: &Answer, part: &str) -> String {
    let whole = content
        .attribute(&format!("a[href*='{part}']"), "href")
        .expect("the link");
    whole[whole.find(part).expect("its path")..].to_owned()
}

pub fn mailing(admin: &Agent, subject: &str, html: &str, group: &str) -> String {
    let mut form = vec![
        ("subject", subject),
        ("sender_name", "Gärtnerei Moosbüchel"),
        ("sender_address", "post@example.org"),
        ("html", html),
        ("text", ""),
    ];
    if !group.is_empty() {
        form.push(("groups", group));
    }
    let made = admin.post("/e-mailings", &form);
    assert_eq!(made.status, 303, "{}", made.text());
    path_of(&made)
}

/// Uploads a file with a row that is refused.
fn import(admin: &Agent) -> String {
    let text =
        "E-Mail-Adresse;Vorname;Tracking deaktiviert\nneu@example.org;Anna;ja\n=kaputt;Carl;\n";
    let body = format!(
        "--limit\r\ncontent-disposition: form-data; name=\"datei\"; filename=\"liste.csv\"\r\n\
         content-type: text/csv\r\n\r\n{text}\r\n--limit--\r\n"
    );
    let answer = admin.post_body(
        "/empfaenger/import",
        "multipart/form-data; boundary=limit",
        body.as_bytes(),
    );
    assert_eq!(answer.status, 303, "{}", answer.text());
    path_of(&answer)
}

/// Starts an import with every choice as the page shows it.
fn start(admin: &Agent, import: &str) {
    let page = Html::parse_document(&admin.visit(import).html());
    let chosen = Selector::parse("select option[selected]").expect("a selector");
    let mut form = vec![("kopfzeile".to_owned(), "ja".to_owned())];
    for option in page.select(&chosen) {
        let select = option
            .parent()
            .and_then(ElementRef::wrap)
            .expect("a select");
        let name = select.attr("name").expect("a name");
        let value = option.attr("value").expect("a value");
        form.push((name.to_owned(), value.to_owned()));
    }
    form.push(("aktion".to_owned(), "start".to_owned()));
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = admin.post(import, &form);
    assert_eq!(answer.status, 303, "{}", answer.text());
}

/// Where an answer leads, without the message.
fn path_of(answer: &Answer) -> String {
    let location = answer
        .location()
        .unwrap_or_else(|| panic!("no redirect: {}", answer.text()));
    location.split('?').next().unwrap_or_default().to_owned()
}

/// The number at the end of a path.
pub fn number(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn wait_for(admin: &Agent, path: &str, until: impl Fn(&Answer) -> bool) {
    let look = || {
        let page = admin.visit(path);
        (until(&page), page.text())
    };
    eventually(path, look, |(holds, _)| *holds);
}
