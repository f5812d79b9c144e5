//! Clients that begin and never finish.

use std::io::{ErrorKind, Read as _, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::agent::Agent;
use crate::support::{On, World};

/// More than there are threads that serve, and more than there are connections to a database.
const CLIENTS: usize = 200;

/// A connection that has said this, and says no more.
fn dawdler(world: &World, words: &str) -> TcpStream {
    let address = world.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(words.as_bytes()).expect("it listens");
    stream
}

/// Waits until the server has ended the connection; gives what it said.
#[track_caller]
fn dropped(mut stream: TcpStream, until: Instant) -> String {
    let left = until.saturating_duration_since(Instant::now());
    let left = left.max(Duration::from_millis(1));
    stream.set_read_timeout(Some(left)).expect("a limit");
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("still open: {error}"),
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[track_caller]
fn assert_served(reader: &Agent) {
    let begun = Instant::now();
    assert_eq!(reader.get("/anmelden").status, 200);
    assert_eq!(reader.get("/o/damaged.gif").status, 200);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "others wait {took:?}");
}

#[test]
fn heads_that_never_end_are_dropped_and_others_served() {
    let world = World::start(On::Sqlite);
    let head = "POST /anmelden HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    let dawdlers: Vec<_> = (0..CLIENTS).map(|_| dawdler(&world, head)).collect();
    // Who says nothing at all is no better.
    let silent: Vec<_> = (0..CLIENTS).map(|_| dawdler(&world, "")).collect();
    assert_served(&world.visitor());
    let until = Instant::now() + Duration::from_secs(20);
    for stream in dawdlers.into_iter().chain(silent) {
        dropped(stream, until);
    }
    assert_served(&world.visitor());
}

#[test]
fn forms_and_files_that_never_end_are_dropped_and_others_served() {
    let world = World::start(On::Sqlite);
    let form = "POST /anmelden HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\nemail=";
    let forms: Vec<_> = (0..CLIENTS).map(|_| dawdler(&world, form)).collect();
    let admin = world.admin();
    let cookie = admin.cookies();
    let file = format!(
        "POST /empfaenger/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\
         Cookie: {cookie}\r\nContent-Type: multipart/form-data; boundary=wxyz\r\n\r\n\
         --wxyz\r\nContent-Disposition: form-data; name=\"datei\"; filename=\"a.csv\"\r\n\r\nE-Mail\n"
    );
    let files: Vec<_> = (0..CLIENTS).map(|_| dawdler(&world, &file)).collect();
    assert_served(&world.visitor());
    admin.visit("/empfaenger");
    let folder = world.dir.path().join("imports");
    let begun = || std::fs::read_dir(&folder).expect("the folder").count();
    crate::support::hits::wait_until("the files have begun", || begun() == CLIENTS);
    let until = Instant::now() + Duration::from_secs(90);
    for stream in forms {
        let said = dropped(stream, until);
        assert!(said.starts_with("HTTP/1.1 408"), "{said}");
        assert!(said.contains("Das hat zu lange gedauert"), "{said}");
    }
    for stream in files {
        let said = dropped(stream, until);
        assert!(said.starts_with("HTTP/1.1 400"), "{said}");
        assert!(said.contains("nicht vollständig an"), "{said}");
    }
    assert_eq!(begun(), 0, "no part of a file stays");
    assert_served(&world.visitor());
}
