//! The pixel's route over HTTP: 64 connections that stay open, each with one request at a time. The
//! readers live in this process and share the machine's cores with the server.

use std::time::{Duration, Instant};

use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use widerspruch::domain::secret::Random128;
use widerspruch::tracking::token::{HitKind, TrackingToken};

use super::support::World;
use super::table::Rate;

const CONNECTIONS: usize = 64;

/// Loads pixels of a mailing for so long.
pub fn loaded(world: &World, mailing_id: i64, keys: &[Random128], span: Duration) -> Rate {
    let host = world.url.trim_start_matches("http://").to_owned();
    let requests: Vec<String> = keys
        .iter()
        .map(|key| {
            let token = TrackingToken {
                mailing_id,
                key: Some(*key),
                link: 0,
            };
            let token = world.state.tokens.tracking(HitKind::Open, token);
            format!("GET /o/{token}.gif HTTP/1.1\r\nhost: {host}\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\n\r\n")
        })
        .collect();
    // One thread for all readers, as a load generator has it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let begun = Instant::now();
    let readers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (host, requests) = (host.clone(), requests.clone());
            runtime.spawn(async move {
                let mut stream = TcpStream::connect(host).await.expect("it listens");
                stream.set_nodelay(true).expect("a socket");
                let mut times = Vec::new();
                while begun.elapsed() < span {
                    let request = &requests[rand::rng().random_range(0..requests.len())];
                    let asked = Instant::now();
                    load(&mut stream, request.as_bytes()).await;
                    times.push(asked.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<Duration> = readers
        .into_iter()
        .flat_map(|reader| runtime.block_on(reader).expect("a reader"))
        .collect();
    let taken = begun.elapsed();
    times.sort_unstable();
    Rate {
        per_second: times.len() as f64 / taken.as_secs_f64(),
        p99: times[times.len() * 99 / 100],
    }
}

async fn load(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).await.expect("asked");
    let mut answer = [0; 4_096];
    let mut n = 0;
    // A GIF ends with a semicolon.
    while n == 0 || answer[n - 1] != b';' || !answer[..n].windows(4).any(|four| four == b"\r\n\r\n")
    {
        let more = stream.read(&mut answer[n..]).await.expect("an answer");
        assert!(more > 0, "the connection stays");
        n += more;
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    let unconfirmed = answer[..n]
        .windows(14)
        .any(|some| some == b"stored;desc=no");
    assert!(!unconfirmed, "only what is stored counts");
}
