//! P8: nothing extra is stored, and the log says nothing about anybody.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;

use diesel::connection::SimpleConnection;
use widerspruch::db::Conn;
use widerspruch::db::models::{recipients, signup_forms};
use widerspruch::domain::secret::{Random128, hex};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::token::{HitKind, PersonalLink, PersonalToken, TrackingToken};

use crate::support::agent::Agent;
use crate::support::program::{Program, program};
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{On, World};

const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0) SpurenAgent/9.9";
const FORWARDED: &str = "203.0.113.77";
const FORGED: &str = "AQAAAAAAAAABForgedForgedForgedForgedForgedForgedForgedForge";

/// Those of the secrets that stand in the text, in any case.
fn leaks<'a>(text: &str, secrets: &'a [String]) -> Vec<&'a str> {
    let text = text.to_lowercase();
    secrets
        .iter()
        .filter(|secret| text.contains(&secret.to_lowercase()))
        .map(String::as_str)
        .collect()
}

/// A browser that says a lot about itself.
struct Talkative(Agent);

impl Talkative {
    fn get(&self, path: &str) -> u16 {
        let headers = [("user-agent", AGENT), ("x-forwarded-for", FORWARDED)];
        self.0.get_with(path, &headers).status
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> u16 {
        let headers = [("user-agent", AGENT), ("x-forwarded-for", FORWARDED)];
        self.0.post_with(path, form, &headers).status
    }
}

/// Sends bytes that are no request a browser would send.
fn send_raw(url: &str, bytes: &[u8]) {
    let address = url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(bytes).expect("it reads");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("the end of it");
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Makes the database fail in ways that have something to tell.
fn break_database(world: &World, statements: [&str; 2]) {
    let statement = match world.on {
        On::Sqlite => statements[0],
        On::Postgres => statements[1],
    };
    world.write(|conn| {
        match conn {
            Conn::Sqlite(inner) => inner.batch_execute(statement)?,
            Conn::Postgres(inner) => inner.batch_execute(statement)?,
        }
        Ok(())
    });
}

/// The tokens in one person's mail.
struct Tokens {
    open: String,
    click: String,
    unsubscribe: String,
    preferences: String,
}

impl Tokens {
    fn of(world: &World, mailing_id: i64, recipient_id: i64, key: Option<Random128>) -> Self {
        let recipient = world.read(|conn| recipients::find(conn, world.account_id, recipient_id));
        let tracking = |kind, link| {
            let token = TrackingToken {
                mailing_id,
                key,
                link,
            };
            world.state.tokens.tracking(kind, token)
        };
        let personal = |link| {
            let token = PersonalToken {
                mailing_id,
                recipient_key: recipient.public_key.clone().try_into().expect("16 bytes"),
            };
            world.state.tokens.personal(link, token)
        };
        Self {
            open: tracking(HitKind::Open, 0),
            click: tracking(HitKind::Click, 1),
            unsubscribe: personal(PersonalLink::Unsubscribe),
            preferences: personal(PersonalLink::Preferences),
        }
    }

    fn all(&self) -> [String; 4] {
        [
            &self.open,
            &self.click,
            &self.unsubscribe,
            &self.preferences,
        ]
        .map(Clone::clone)
    }
}

fn read_mails(reader: &Talkative, tokens: &Tokens) {
    let Tokens {
        open,
        click,
        unsubscribe,
        preferences,
    } = tokens;
    assert_eq!(reader.get(&format!("/o/{open}.gif")), 200);
    assert_eq!(
        reader.get(&format!("/k/{click}?utm_source=abfrage4711")),
        302
    );
    assert_eq!(reader.get(&format!("/o/{FORGED}.gif")), 200);
    assert_eq!(reader.get(&format!("/k/{FORGED}")), 404);
    assert_eq!(reader.get(&format!("/k/{open}")), 404);
    assert_eq!(reader.get(&format!("/abmelden/{FORGED}")), 404);
    assert_eq!(reader.get(&format!("/abmelden/{unsubscribe}")), 200);
    assert_eq!(reader.post(&format!("/abmelden/{unsubscribe}"), &[]), 303);
    let object = format!("/datenschutz/{preferences}");
    assert_eq!(reader.get(&object), 200);
    assert_eq!(reader.post(&object, &[]), 303);
    assert_eq!(reader.post(&format!("{object}/erlauben"), &[]), 303);
    assert_eq!(reader.get(&format!("/nirgends/{open}?a=abfrage4711")), 404);
}

/// A form to sign up with; gives its path and a stamp that is old enough.
fn make_form(world: &World) -> (String, String) {
    let form = world.make_signup_form_with_group("Alle");
    let found = world.read(|conn| signup_forms::find(conn, world.account_id, form));
    let key = found.public_key;
    let opened = Timestamp::now().plus_millis(-widerspruch::signup::stamp::LEAST);
    let stamp = world.state.stamps.issue(&key, opened);
    let key = key.try_into().expect("16 bytes");
    (
        format!("/formular/{}", widerspruch::signup::encode(&key)),
        stamp,
    )
}

fn sign_up(reader: &Talkative, (path, stamp): &(String, String)) {
    assert_eq!(reader.get(&format!("{path}?a=abfrage4711")), 200);
    for (address, expected) in [("anmeldung@privat.example", 303), ("privat.example", 422)] {
        let form = [
            ("email", address),
            ("vorname", "Vornamegeheim"),
            ("stempel", stamp),
        ];
        assert_eq!(reader.post(path, &form), expected);
    }
    let forged = format!("/bestaetigen/{}", &FORGED[..22]);
    assert_eq!(reader.get(&forged), 404);
    assert_eq!(reader.post(&forged, &[]), 404);
}

/// Signs in, and gives the values of the cookies that came of it.
fn sign_in(admin: &Talkative) -> Vec<String> {
    let wrong = [
        ("email", "unbekannt@fremd.example"),
        ("password", "falschesgeheimnis"),
    ];
    assert_eq!(admin.post("/anmelden", &wrong), 422);
    let answer = admin.0.post_with(
        "/anmelden",
        &[("email", ADMIN), ("password", PASSWORD)],
        &[("user-agent", AGENT), ("x-forwarded-for", FORWARDED)],
    );
    assert_eq!(answer.status, 303);
    let cookies: Vec<String> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split([';', '=']).nth(1))
        .map(str::to_owned)
        .collect();
    assert_eq!(cookies.len(), 2, "a session and a known browser");
    cookies
}

fn administer(admin: &Talkative, person: i64) {
    assert_eq!(admin.get("/empfaenger/suche?q=geheimeperson%40privat"), 200);
    let nonsense = "/empfaenger/suche?q=abfrage4711&nach=x%40fremd.example";
    assert_eq!(admin.get(nonsense), 400);
    assert_eq!(admin.get("/empfaenger?gruppe=abfrage4711"), 404);
    assert_eq!(admin.get("/empfaenger/geheimeperson@privat.example"), 404);
    assert_eq!(admin.get(&format!("/empfaenger/{person}/verlauf")), 200);
    let new = [
        ("email", "neuling@privat.example"),
        ("vorname", "Vornamegeheim"),
        ("nachname", "Nachnamegeheim"),
    ];
    assert_eq!(admin.post("/empfaenger/neu", &new), 303);
    assert_eq!(admin.post("/empfaenger/neu", &new), 422, "there already");
    let zero = [
        ("email", "neuling\0@privat.example"),
        ("vorname", "Vornamegeheim"),
    ];
    assert_eq!(admin.post("/empfaenger/neu", &zero), 400);
    assert_eq!(admin.post("/gruppen", &[("unsinn", "Vornamegeheim")]), 400);
    let file = "--xxxx\r\nContent-Disposition: form-data; name=\"datei\"; filename=\"geheimeperson.csv\"\r\n\r\n\
                E-Mail;Vorname\r\nimport@privat.example;Vornamegeheim\r\nkaputt@@privat.example;x\r\n";
    for (end, expected) in [("\r\n--xxxx--\r\n", 303), ("", 400)] {
        let kind = "multipart/form-data; boundary=xxxx";
        let body = format!("{file}{end}");
        let answer = admin
            .0
            .post_body("/empfaenger/import", kind, body.as_bytes());
        assert_eq!(answer.status, expected);
    }
}

/// What no browser sends.
fn send_nonsense(url: &str, tokens: &Tokens) {
    let (open, click, unsubscribe) = (&tokens.open, &tokens.click, &tokens.unsubscribe);
    for text in [
        format!("GET /o/{open}.gif HTTP/9.9\r\nuser-agent: {AGENT}\r\n\r\n"),
        format!("GET /k/{click} HTTP/1.1\r\nhost: x\r\nuser-agent: {AGENT}\u{1}\r\n\r\n"),
        format!("GET /k/{click}\u{fffd} HTTP/1.1\r\n\r\n"),
        format!("POST /abmelden/{unsubscribe} HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nx"),
        format!(
            "POST /abmelden/{unsubscribe} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz"
        ),
        "\u{16}\u{3}\u{1} geheimeperson@privat.example".to_owned(),
    ] {
        send_raw(url, text.as_bytes());
    }
}

/// A database in trouble tells what it was asked for.
fn meet_a_broken_database(world: &World, admin: &Talkative, reader: &Talkative, tokens: &Tokens) {
    break_database(
        world,
        [
            "CREATE TRIGGER refuse BEFORE INSERT ON recipients BEGIN
                 SELECT RAISE(ABORT, 'refused: \"neuling2@privat.example\"'); END;
             ALTER TABLE events RENAME TO events_away;",
            "ALTER TABLE recipients ADD CONSTRAINT refuse CHECK (address NOT LIKE 'neuling2%');
             ALTER TABLE events RENAME TO events_away;",
        ],
    );
    let refused = [
        ("email", "neuling2@privat.example"),
        ("vorname", "Vornamegeheim"),
    ];
    assert_eq!(admin.post("/empfaenger/neu", &refused), 500);
    let (pixel, link) = (
        format!("/o/{}.gif", tokens.open),
        format!("/k/{}", tokens.click),
    );
    assert_eq!(reader.get(&pixel), 200, "always a picture");
    assert_eq!(reader.get(&link), 302, "always the way on");
    break_database(world, ["ALTER TABLE recipients RENAME TO away"; 2]);
    assert_eq!(admin.get("/empfaenger/suche?q=geheimeperson"), 500);
    let personal = format!("/abmelden/{}", tokens.unsubscribe);
    assert_eq!(reader.get(&personal), 500);
    let whole = "ALTER TABLE away RENAME TO recipients; ALTER TABLE events_away RENAME TO events";
    break_database(world, [whole; 2]);
}

fn assert_the_log_is_silent(log: &str, tokens: &Tokens, cookies: &[String]) {
    let mut secrets: Vec<String> = [
        "geheimeperson",
        "privat.example",
        "fremd.example",
        "unbekannt@",
        ADMIN,
        "Vornamegeheim",
        "Nachnamegeheim",
        "abfrage4711",
        "SpurenAgent",
        FORWARDED,
        "127.0.0.1",
        PASSWORD,
        "falschesgeheimnis",
        FORGED,
    ]
    .map(str::to_owned)
    .to_vec();
    secrets.extend(tokens.all());
    secrets.extend_from_slice(cookies);
    // The controls: the log is there, at its finest, and a leak in it would be found.
    assert!(log.contains("DEBUG"), "{log}");
    assert!(log.contains("a request failed"), "{log}");
    assert!(log.contains("/o/{token}.gif"), "{log}");
    for secret in &secrets {
        let planted = format!("{log}\nDEBUG answered path=\"/x/{secret}\"\n");
        assert_eq!(leaks(&planted, &secrets), [secret.as_str()]);
    }
    assert_eq!(leaks(log, &secrets), Vec::<&str>::new(), "{log}");
}

/// In letters or in bytes.
fn assert_nothing_is_stored(stored: &str, tokens: &Tokens, cookies: &[String]) {
    let control = ["geheimeperson".to_owned()];
    assert_eq!(leaks(stored, &control).len(), 1, "the control");
    assert!(stored.contains("events: "), "the control: a hit was stored");
    let mut never: Vec<String> = [
        "SpurenAgent",
        FORWARDED,
        "127.0.0.1",
        PASSWORD,
        "abfrage4711",
    ]
    .map(str::to_owned)
    .to_vec();
    never.extend(tokens.all());
    never.extend_from_slice(cookies);
    let bytes: Vec<String> = never.iter().map(|text| hex(text.as_bytes())).collect();
    never.extend(bytes);
    assert_eq!(leaks(stored, &never), Vec::<&str>::new(), "{stored}");
}

fn p8_nothing_extra(mut world: World) {
    let mailing = world.make_sent_mailing("Neues", 1);
    let person = world.make_recipient("geheimeperson@privat.example");
    let key = world.deliver(mailing, person, Decision::Personal);
    let tokens = Tokens::of(&world, mailing, person, key);
    let form = make_form(&world);
    world.stop();

    let beside = tempfile::tempdir().expect("a directory");
    let log = beside.path().join("log");
    let mut command = program(world.dir.path(), world.database_url());
    command
        .env("RUST_LOG", "trace")
        .stderr(File::create(&log).expect("a file"));
    let server = Program::start(&mut command);
    let reader = Talkative(Agent::new(&server.url));
    let admin = Talkative(Agent::new(&server.url));
    read_mails(&reader, &tokens);
    sign_up(&reader, &form);
    let cookies = sign_in(&admin);
    administer(&admin, person);
    send_nonsense(&server.url, &tokens);
    meet_a_broken_database(&world, &admin, &reader, &tokens);
    server.signal("TERM");
    server.ended();

    let log = std::fs::read_to_string(&log).expect("a log");
    assert_the_log_is_silent(&log, &tokens, &cookies);
    assert_nothing_is_stored(&world.dump(&[]).join("\n"), &tokens, &cookies);
}

#[test]
fn p8_nothing_extra_sqlite() {
    p8_nothing_extra(World::start(On::Sqlite));
}

#[test]
fn p8_nothing_extra_postgres() {
    p8_nothing_extra(World::start(On::Postgres));
}
