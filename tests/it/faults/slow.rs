//! Clients that begin and never finish.

use std::io::{ErrorKind, Read as _, Write};
use std::net::TcpStream;

use crate::support::agent::Agent;
use crate::support::eventually::HANG;
use crate::support::{On, World, attempts, eventually};

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
fn dropped(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(HANG)).expect("a limit");
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
    assert_eq!(reader.get("/anmelden").status, 200);
    assert_eq!(reader.get("/o/damaged.gif").status, 200);
}

/// Lets dawdlers come, and asserts that others are served beside them: before the server has ended
/// one of their connections. Gives the dawdlers.
fn served_beside(
    world: &World,
    dawdlers: impl Fn() -> Vec<TcpStream>,
    others: impl Fn(),
) -> Vec<TcpStream> {
    attempts("others are served while all dawdle", || {
        let streams = dawdlers();
        others();
        assert_served(&world.visitor());
        streams.iter().all(is_open).then_some(streams)
    })
}

/// Whether the server has neither answered nor ended the connection.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false).expect("a socket");
    seen.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn heads_that_never_end_are_dropped_and_others_served() {
    let world = World::start(On::Sqlite);
    let head = "POST /anmelden HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    // Who says nothing at all is no better.
    let all = [head, ""].into_iter().cycle().take(2 * CLIENTS);
    let dawdlers = || all.clone().map(|words| dawdler(&world, words)).collect();
    for stream in served_beside(&world, dawdlers, || ()) {
        dropped(stream);
    }
    assert_served(&world.visitor());
}

#[test]
fn forms_and_files_that_never_end_are_dropped_and_others_served() {
    let world = World::start(On::Sqlite);
    let form = "POST /anmelden HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\nemail=";
    let admin = world.admin();
    let cookie = admin.cookies();
    let file = format!(
        "POST /empfaenger/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\
         Cookie: {cookie}\r\nContent-Type: multipart/form-data; boundary=wxyz\r\n\r\n\
         --wxyz\r\nContent-Disposition: form-data; name=\"datei\"; filename=\"a.csv\"\r\n\r\nE-Mail\n"
    );
    let folder = world.dir.path().join("imports");
    let begun = || std::fs::read_dir(&folder).expect("the folder").count();
    let dawdlers = || {
        eventually("no file has begun", begun, |files| *files == 0);
        let files: Vec<_> = (0..CLIENTS).map(|_| dawdler(&world, &file)).collect();
        let forms = (0..CLIENTS).map(|_| dawdler(&world, form));
        let all = files.into_iter().chain(forms).collect();
        eventually("the files have begun", begun, |files| *files == CLIENTS);
        all
    };
    let mut files = served_beside(&world, dawdlers, || drop(admin.visit("/empfaenger")));
    let forms = files.split_off(CLIENTS);
    for stream in forms {
        let said = dropped(stream);
        assert!(said.starts_with("HTTP/1.1 408"), "{said}");
        assert!(said.contains("Das hat zu lange gedauert"), "{said}");
    }
    for stream in files {
        let said = dropped(stream);
        assert!(said.starts_with("HTTP/1.1 400"), "{said}");
        assert!(said.contains("nicht vollständig an"), "{said}");
    }
    eventually("no part of a file stays", begun, |files| *files == 0);
    assert_served(&world.visitor());
}
