//! Mails to a mail server on this machine, each rendered for its recipient, signed twice and handed
//! over: by the sender, and by a loop that makes each mail from the start, connects for it, and
//! commits what became of it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use serde_json::{Map, json};
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::dkim_keys::{self, NewDkimKey, place};
use widerspruch::db::models::mailings::{self, Content, MailingStatus};
use widerspruch::db::models::{groups, recipients, smtp_settings};
use widerspruch::domain::secret::{hex, random_128};
use widerspruch::domain::signature::SignatureAlgorithm;
use widerspruch::domain::time::Timestamp;
use widerspruch::mail::compose::{Outgoing, compose};
use widerspruch::mail::dkim::{Signer, make_keys};
use widerspruch::mail::{PreparedMailing, Recipient, TrackingUrls};
use widerspruch::sending::preparation;
use widerspruch::sending::smtp::{Line, Outcome, Patience, Server};

use super::rows;
use super::support::{On, World};
use super::table::{Table, median};

const DOMAIN: &str = "example.org";
const HTML: &str = include_str!("../../tests/fixtures/newsletter.html");

/// How many mails a round sends, and how many the obvious way does.
const MAILS: i64 = 4_000;
const OBVIOUS_MAILS: i64 = 400;
const ROUNDS: usize = 3;

/// As an account is set up at first.
const CONNECTIONS: i64 = 4;

pub fn measure(on: On, table: &mut Table) {
    let world = World::start(on);
    let server = Sink::start();
    world.send_through(server.port, CONNECTIONS, 0);
    let keys = sign(&world);
    let first = people(&world);
    let (mut ours, mut obvious) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(sent(&world, &server));
        obvious.push(one_by_one(&world, &server, &keys, first));
    }
    table.speeds(
        "mails rendered, signed and handed over",
        on,
        median(ours, |rate| *rate),
        median(obvious, |rate| *rate),
    );
}

/// Keys of both kinds for the sender's domain.
fn sign(world: &World) -> Vec<(SignatureAlgorithm, Vec<u8>)> {
    let mut all = Vec::new();
    for algorithm in SignatureAlgorithm::ALL {
        let keys = make_keys(algorithm).expect("keys");
        let selector = algorithm.as_str();
        let sealed = world
            .state
            .sealer
            .seal(
                &place(world.account_id, DOMAIN, selector),
                &keys.private_key,
            )
            .expect("sealed");
        world.write(|conn| {
            let new = NewDkimKey {
                domain: DOMAIN,
                algorithm,
                selector,
                private_key: &sealed,
                public_key: &keys.public_key,
            };
            dkim_keys::add(conn, world.account_id, &new, Timestamp::now())?;
            for key in dkim_keys::of_account(conn, world.account_id)? {
                dkim_keys::activate(conn, world.account_id, key.id)?;
            }
            Ok(())
        });
        all.push((algorithm, keys.private_key.to_vec()));
    }
    all
}

/// Everybody in one group; gives the first one's number.
fn people(world: &World) -> i64 {
    let first = world.make_recipient("p0@example.org");
    let key = || hex(&random_128().expect("random bits"));
    let more: Vec<_> = (1..MAILS)
        .map(|n| {
            let address = format!("p{n}@example.org");
            let id = first + n;
            json!([id, world.account_id, address, address, address, key(), 0, 0])
        })
        .collect();
    rows::insert(world, "recipients", &super::search::COLUMNS, &more);
    world.write(|conn| {
        let group = groups::create(conn, world.account_id, "Alle", Timestamp::now())?;
        let ids: Vec<i64> = (first..first + MAILS).collect();
        groups::add_members(conn, world.account_id, group, &ids, Timestamp::now())
    });
    let obvious = match world.on {
        On::Sqlite => {
            "CREATE TABLE obvious_mails (recipient_id INTEGER NOT NULL, at INTEGER NOT NULL)"
        }
        On::Postgres => {
            "CREATE TABLE obvious_mails (recipient_id BIGINT NOT NULL, at BIGINT NOT NULL)"
        }
    };
    rows::execute(world, obvious);
    first
}

/// Mails a second, from the start of the mailing until its last mail is taken.
fn sent(world: &World, server: &Sink) -> f64 {
    let before = server.taken.load(Ordering::Relaxed);
    let mailing = world.write(|conn| {
        let all: Vec<i64> = groups::all(conn, world.account_id)?
            .iter()
            .map(|g| g.id)
            .collect();
        let content = Content {
            subject: "Frühling: 20 % für {{ vorname }}",
            sender_name: "Gärtnerei",
            sender_address: "post@example.org",
            html: HTML,
            mjml: "",
            text: "",
            groups: &all,
        };
        mailings::create(conn, world.account_id, &content, Timestamp::now())
    });
    let start = Instant::now();
    world.write(|conn| {
        let (actor, now) = (Actor::Program("Bench"), Timestamp::now());
        preparation::start(conn, world.account_id, mailing, &actor, now)
    });
    world.state.sender.wake();
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let found = world.read(|conn| mailings::find(conn, world.account_id, mailing));
        if found.status == MailingStatus::Sent {
            assert_eq!(found.handed, MAILS, "only what is handed over counts");
            break;
        }
    }
    let taken = start.elapsed();
    let arrived = server.taken.load(Ordering::Relaxed) - before;
    assert_eq!(arrived, usize::try_from(MAILS).expect("a number"));
    MAILS as f64 / taken.as_secs_f64()
}

fn one_by_one(
    world: &World,
    server: &Sink,
    keys: &[(SignatureAlgorithm, Vec<u8>)],
    first: i64,
) -> f64 {
    let before = server.taken.load(Ordering::Relaxed);
    let settings = world
        .read(|conn| smtp_settings::find(conn, world.account_id))
        .expect("set up");
    let target = Server::new(
        &settings,
        world.account_id,
        &world.state.sealer,
        &world.state.public_url,
        Patience::default(),
    )
    .expect("a server");
    let start = Instant::now();
    for id in first..first + OBVIOUS_MAILS {
        let person = world.read(|conn| recipients::find(conn, world.account_id, id));
        let prepared = PreparedMailing::new("Frühling: 20 % für {{ vorname }}", HTML, "", &[])
            .expect("a mailing");
        let recipient = Recipient {
            first_name: &person.first_name,
            last_name: &person.last_name,
            address: &person.address,
            fields: &Map::new(),
        };
        let urls = TrackingUrls {
            pixel: Some("https://w.example/o/x.gif"),
            click: None,
            unsubscribe: "https://w.example/abmelden/AbC",
            preferences: "https://w.example/datenschutz/AbC",
        };
        let mail = prepared.render(&recipient, &urls).expect("a mail");
        let composed = compose(&Outgoing {
            from_name: "Gärtnerei",
            from_address: "post@example.org",
            to_name: "",
            to_address: &person.address,
            mail: &mail,
            unsubscribe: urls.unsubscribe,
            stream: None,
            return_path: "",
            sent_at: Timestamp::now().millis(),
        })
        .expect("a message");
        let mut signer = Signer::new(DOMAIN);
        for (algorithm, key) in keys {
            signer = signer
                .with_key(*algorithm, algorithm.as_str(), key)
                .expect("a key");
        }
        let message = signer
            .sign(&composed.message, Timestamp::now())
            .expect("signed");
        let mut line = Line::new(target.clone());
        let outcome = line.hand_over(&composed.envelope, &message);
        assert_eq!(outcome, Outcome::Handed);
        line.quit();
        world.write(|conn| {
            diesel::sql_query("INSERT INTO obvious_mails (recipient_id, at) VALUES ($1, $2)")
                .bind::<BigInt, _>(id)
                .bind::<BigInt, _>(Timestamp::now().millis())
                .execute(conn)?;
            Ok(())
        });
    }
    let taken = start.elapsed();
    let arrived = server.taken.load(Ordering::Relaxed) - before;
    assert_eq!(arrived, usize::try_from(OBVIOUS_MAILS).expect("a number"));
    OBVIOUS_MAILS as f64 / taken.as_secs_f64()
}

/// A mail server that counts the mails and drops them.
pub struct Sink {
    pub port: u16,
    taken: Arc<AtomicUsize>,
}

impl Sink {
    /// It lives as long as the program does.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        std::thread::spawn(move || {
            for caller in listener.incoming() {
                let (caller, counter) = (caller.expect("a caller"), Arc::clone(&counter));
                // Who hangs up has said what it had to.
                std::thread::spawn(move || drop(talk(&caller, &counter)));
            }
        });
        Self { port, taken }
    }
}

/// As much of RFC 5321 as a client needs that does nothing unexpected.
fn talk(stream: &TcpStream, taken: &AtomicUsize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream;
    let mut lines = BufReader::new(stream);
    writer.write_all(b"220 sink.test\r\n")?;
    let mut line = Vec::new();
    let mut in_mail = false;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let reply: &[u8] = if in_mail {
            if line != b".\r\n" {
                continue;
            }
            in_mail = false;
            taken.fetch_add(1, Ordering::Relaxed);
            b"250 2.0.0 taken\r\n"
        } else {
            match line.get(..4).unwrap_or_default() {
                b"EHLO" => b"250-sink.test\r\n250 8BITMIME\r\n",
                b"DATA" => {
                    in_mail = true;
                    b"354 go on\r\n"
                }
                b"QUIT" => {
                    writer.write_all(b"221 bye\r\n")?;
                    return Ok(());
                }
                _ => b"250 ok\r\n",
            }
        };
        writer.write_all(reply)?;
    }
}
