//! A large account, served by the real program in a process of its own: starting, opening pages,
//! and hits that come in while it imports, sends and deletes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Binary};
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::imports::{self, ImportStatus};
use widerspruch::db::models::jobs::{self, JobStatus, Whom};
use widerspruch::db::models::mailings::{self, Content};
use widerspruch::demo;
use widerspruch::domain::secret::Random128;
use widerspruch::domain::time::Timestamp;
use widerspruch::erasure;
use widerspruch::sending::preparation;
use widerspruch::tracking::token::{HitKind, TrackingToken};

use super::imported;
use super::mails::Sink;
use super::support::agent::Agent;
use super::support::program::{self, Program};
use super::support::{On, World};
use super::table::{Rate, Table, median};

/// How many connections hits come in by, and how many a second altogether.
const CONNECTIONS: u32 = 64;
const HITS_PER_SECOND: u32 = 1_000;

/// For how long hits are watched while many are deleted.
const WATCHED: Duration = Duration::from_mins(2);

const ACTOR: Actor = Actor::Program("Messung");

pub fn measure(on: On, (recipients, events): (u32, u64), table: &mut Table) {
    let mut world = World::start_empty(on);
    world.stop();
    let empty = served(&world, |_| ()).0;
    let begun = Instant::now();
    let password = make(&world, recipients, events);
    let made = begun.elapsed();
    table.line(
        &format!("making an account of {recipients} recipients with {events} opens and clicks"),
        on,
        [&format!("{:.0} s", made.as_secs_f64()), "", ""],
    );
    world.account_id = one(&world, "SELECT MAX(id) AS n FROM accounts");
    let survey = one(&world, "SELECT MAX(mailing_id) AS n FROM mailing_hours");
    let tokens = tokens(&world, survey);

    let (start, alone) = served(&world, |server| {
        pages(server, &password, survey, on, table);
        let from = Instant::now();
        hits(server, &tokens, || from.elapsed() < Duration::from_secs(8))
    });
    let what = format!("start-up on {recipients} recipients, against an empty database");
    table.durations(&what, on, start, empty);

    let import = imported::prepare(&world, "neu", recipients);
    prepare_sending(&world);
    let from = Instant::now();
    let (_, (busy, memory)) = served(&world, |server| {
        let find = || world.read(|conn| imports::find(conn, world.account_id, import));
        let busy = hits(server, &tokens, || find().status == ImportStatus::Running);
        (busy, server.peak_memory())
    });
    let rate = f64::from(recipients) / from.elapsed().as_secs_f64();
    let what = format!(
        "99 of 100 hits ({HITS_PER_SECOND}/s) while {recipients} rows are imported ({rate:.0}/s) and a mailing is sent, against hits alone"
    );
    table.durations(&what, on, busy.p99, alone.p99);

    let job = world.write(|conn| {
        let group = demo_group(conn)?;
        let (account, whom) = (world.account_id, Whom::Group(group));
        erasure::jobs::start(conn, account, &whom, &ACTOR, "", Timestamp::now())
    });
    let from = Instant::now();
    let find = || world.read(|conn| jobs::find(conn, world.account_id, job.id));
    let (_, (deleting, deleted, taken)) = served(&world, |server| {
        let goes_on = || from.elapsed() < WATCHED && find().status != JobStatus::Done;
        let deleting = hits(server, &tokens, goes_on);
        (deleting, find().done, from.elapsed())
    });
    let what = format!(
        "99 of 100 hits while {} recipients are deleted ({:.0}/s; the first {:.0} s), against hits alone",
        job.total,
        deleted as f64 / taken.as_secs_f64(),
        taken.as_secs_f64()
    );
    table.durations(&what, on, deleting.p99, alone.p99);
    table.line(
        "most memory of the server while importing and sending",
        on,
        [&format!("{memory} MB"), "", ""],
    );
}

/// The small group of those who buy often.
fn demo_group(conn: &mut widerspruch::db::Conn) -> widerspruch::db::DbResult<i64> {
    let row: Number =
        diesel::sql_query("SELECT MIN(id) AS n FROM groups WHERE name = 'Stammkundschaft'")
            .get_result(conn)?;
    Ok(row.n)
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn one(world: &World, query: &str) -> i64 {
    world.read(|conn| Ok(diesel::sql_query(query).get_result::<Number>(conn)?.n))
}

/// Serves while something is done. Gives how long it took until it listened.
pub fn served<T>(world: &World, work: impl FnOnce(&Program) -> T) -> (Duration, T) {
    let begun = Instant::now();
    let server = Program::serve(world.dir.path(), world.database_url());
    let started = begun.elapsed();
    let outcome = work(&server);
    server.stop();
    (started, outcome)
}

/// Makes the example account and gives its password.
fn make(world: &World, recipients: u32, events: u64) -> String {
    let mut command = program::program(world.dir.path(), world.database_url());
    let (recipients, events) = (recipients.to_string(), events.to_string());
    let made =
        program::run(command.args(["demo", "--recipients", &recipients, "--events", &events]));
    assert!(made.status.success(), "the example is made");
    let said = String::from_utf8(made.stdout).expect("text");
    let line = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Passwort:"));
    line.expect("a password").trim().to_owned()
}

fn tokens(world: &World, mailing_id: i64) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Key {
        #[diesel(sql_type = Binary)]
        token_key: Vec<u8>,
    }
    let keys: Vec<Key> = world.read(|conn| {
        Ok(diesel::sql_query(
            "SELECT token_key FROM deliveries WHERE mailing_id = $1 AND token_key IS NOT NULL LIMIT 20000",
        )
        .bind::<BigInt, _>(mailing_id)
        .load(conn)?)
    });
    keys.into_iter()
        .map(|key| {
            let token = TrackingToken {
                mailing_id,
                key: Random128::try_from(key.token_key.as_slice()).ok(),
                link: 0,
            };
            world.state.tokens.tracking(HitKind::Open, token)
        })
        .collect()
}

fn pages(server: &Program, password: &str, survey: i64, on: On, table: &mut Table) {
    let agent = Agent::new(&server.url);
    let answer = agent.post(
        "/anmelden",
        &[("email", demo::EMAIL), ("password", password)],
    );
    assert_eq!(answer.status, 303, "signing in");
    let opened = |path: &str| {
        let times = (0..25)
            .map(|_| {
                let asked = Instant::now();
                assert_eq!(agent.get(path).status, 200, "{path}");
                asked.elapsed()
            })
            .collect();
        median(times, Duration::as_secs_f64)
    };
    let (all, few) = (
        opened(&format!("/analysen/{survey}")),
        opened("/analysen/1"),
    );
    table.durations(
        "the Analyse of the mailing with all these events, against a small one's",
        on,
        all,
        few,
    );
    let (last, first) = (opened("/empfaenger?seite=letzte"), opened("/empfaenger"));
    table.durations(
        "the last page of the recipients, against the first",
        on,
        last,
        first,
    );
}

/// Lets the next server send a mailing to a mail server on this machine.
fn prepare_sending(world: &World) {
    world.send_through(Sink::start().port, 4, 0);
    world.write(|conn| {
        let group = demo_group(conn)?;
        let content = Content {
            subject: "Heute für Sie",
            sender_name: "Buchhandlung",
            sender_address: "post@example.org",
            html: include_str!("../../tests/fixtures/newsletter.html"),
            mjml: "",
            text: "",
            groups: &[group],
        };
        let now = Timestamp::now();
        let id = mailings::create(conn, world.account_id, &content, now)?;
        preparation::start(conn, world.account_id, id, &ACTOR, now)
    });
}

/// Pixels are loaded at a steady pace while that holds. What one waits counts from the moment at
/// which it should have been asked for.
fn hits(server: &Program, tokens: &[String], goes_on: impl Fn() -> bool) -> Rate {
    let host = server.url.trim_start_matches("http://");
    let over = AtomicBool::new(false);
    let begun = Instant::now();
    let pace = Duration::from_secs(1) * CONNECTIONS / HITS_PER_SECOND;
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS)
            .map(|caller| {
                let over = &over;
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(host).expect("it listens");
                    stream.set_nodelay(true).expect("a socket");
                    let mut due = begun + pace * caller / CONNECTIONS;
                    let mut times = Vec::new();
                    let mine = tokens
                        .iter()
                        .skip(caller as usize)
                        .step_by(CONNECTIONS as usize);
                    for token in mine.cycle() {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        load(&mut stream, host, token);
                        times.push(due.elapsed());
                        due += pace;
                    }
                    times
                })
            })
            .collect();
        while goes_on() {
            std::thread::sleep(Duration::from_millis(200));
        }
        over.store(true, Ordering::Relaxed);
        callers
            .into_iter()
            .flat_map(|caller| caller.join().expect("a caller"))
            .collect()
    });
    let taken = begun.elapsed();
    times.sort_unstable();
    Rate {
        per_second: times.len() as f64 / taken.as_secs_f64(),
        p99: times[times.len() * 99 / 100],
    }
}

/// The answer is short: it comes in one piece, or in a few.
fn load(stream: &mut TcpStream, host: &str, token: &str) {
    let request = format!(
        "GET /o/{token}.gif HTTP/1.1\r\nhost: {host}\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = Vec::new();
    let mut some = [0; 4_096];
    // A GIF ends with a semicolon.
    while !(answer.ends_with(b";") && answer.windows(4).any(|four| four == b"\r\n\r\n")) {
        let n = stream.read(&mut some).expect("an answer");
        assert!(n > 0, "the connection stays");
        answer.extend_from_slice(&some[..n]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}
