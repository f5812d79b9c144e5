//! A hundred thousand damaged tokens, over HTTP.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::token::{PersonalLink, PersonalToken};

use crate::rules::tokens::damage;
use crate::support::on_both;

const TOKENS: usize = 100_000;
const CLIENTS: usize = 4;

/// Before and behind the token of a path.
const PATHS: [(&str, &str); 5] = [
    ("/o/", ".gif"),
    ("/k/", ""),
    ("/abmelden/", ""),
    ("/datenschutz/", ""),
    ("/bestaetigen/", ""),
];

/// A token as it stands in a path: what can't is in percent signs.
fn in_path(token: &str) -> String {
    let mut path = String::new();
    for byte in token.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~+=".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a text");
        }
    }
    path
}

/// Asks for paths one after another over one connection and gives the answers' status.
fn ask(address: &str, paths: &[String]) -> Vec<u16> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut all = Vec::new();
    for some in paths.chunks(50) {
        let mut requests = String::new();
        for path in some {
            write!(requests, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a text");
        }
        stream.write_all(requests.as_bytes()).expect("it listens");
        for path in some {
            all.push(status(&mut answers, path));
        }
    }
    all
}

fn status(answers: &mut impl BufRead, path: &str) -> u16 {
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        assert!(
            answers.read_line(&mut line).expect("an answer") > 0,
            "{path}"
        );
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest.split(' ').next().and_then(|code| code.parse().ok());
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body).expect("a body");
    status.expect("a status")
}

on_both!(damaged_tokens_change_nothing_and_never_fail, |world| {
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let personal = |link| {
        let token = PersonalToken {
            mailing_id: mailing,
            recipient_key: key.expect("a key"),
        };
        world.state.tokens.personal(link, token)
    };
    let genuine = [
        world.pixel(mailing, key)["/o/".len()..]
            .trim_end_matches(".gif")
            .to_owned(),
        world.click(mailing, key, 1)["/k/".len()..].to_owned(),
        personal(PersonalLink::Unsubscribe),
        personal(PersonalLink::Preferences),
    ];
    let before = world.snapshot(&[]);
    let address = world.url.trim_start_matches("http://");
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let genuine = &genuine;
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(client as u64);
                let mut paths = Vec::new();
                while paths.len() < TOKENS / CLIENTS {
                    let token = damage(genuine.choose(&mut random).expect("tokens"), &mut random);
                    // What stands behind a token is no part of it.
                    if genuine.iter().any(|one| token.starts_with(one)) {
                        continue;
                    }
                    let (before, behind) = PATHS[random.random_range(0..PATHS.len())];
                    paths.push(format!("{before}{}{behind}", in_path(&token)));
                }
                for (path, status) in paths.iter().zip(ask(address, &paths)) {
                    if path.starts_with("/o/") && path.len() > "/o/.gif".len() {
                        assert_eq!(status, 200, "{path}");
                    } else {
                        assert!((400..500).contains(&status), "{status}: {path}");
                    }
                }
            });
        }
    });
    assert_eq!(world.snapshot(&[]), before, "nothing has changed");
    assert_eq!(world.state.recorder.unconfirmed(), 0);
    let answer = world.visitor().get(&world.pixel(mailing, key));
    assert_eq!(answer.header("server-timing"), None);
    assert_eq!(
        world.rows("deliveries", "opens = 1"),
        1,
        "the genuine one counts"
    );
});
