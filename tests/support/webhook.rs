//! The other side of a webhook: takes what it is told and answers as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use widerspruch::db::models::webhooks::{self, place};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::webhook::HookEvent;
use widerspruch::webhooks::signature;

use super::{World, eventually};

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Told {
    pub path: String,
    pub signature: String,
    pub body: String,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A server that listens for webhooks.
pub struct Listener {
    pub url: String,
    told: Arc<Mutex<Vec<Told>>>,
    answer: Arc<Mutex<String>>,
}

impl Listener {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// With TLS, and this certificate and key (PEM).
    pub fn start_tls(certificate: &Path, key: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let config = ServerConfig::builder_with_provider(widerspruch::tls::provider())
            .with_safe_default_protocol_versions()
            .expect("cipher suites")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate and its key");
        Self::start_with(Some(Arc::new(config)))
    }

    fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = listener.local_addr().expect("an address");
        let url = format!("{scheme}://{address}/in");
        let told = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new("HTTP/1.1 204 No Content".to_owned()));
        let (heard, saying) = (told.clone(), answer.clone());
        // Ends with the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, saying, tls) = (heard.clone(), saying.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    None => serve(stream, &heard, &saying),
                    Some(config) => {
                        let tls = ServerConnection::new(config).expect("a connection");
                        serve(StreamOwned::new(tls, stream), &heard, &saying);
                    }
                });
            }
        });
        Self { url, told, answer }
    }

    /// How it answers from now on: a status line, and headers.
    pub fn answers(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock());
    }

    /// What it was told, once that is so much.
    pub fn waits_for(&self, count: usize) -> Vec<Told> {
        eventually(
            "the webhook is told",
            || self.told.lock().clone(),
            |told| told.len() >= count,
        )
    }

    pub fn count(&self) -> usize {
        self.told.lock().len()
    }
}

fn serve(stream: impl Read + Write, heard: &Mutex<Vec<Told>>, saying: &Mutex<String>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut signature) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header");
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "widerspruch-signature" => value.clone_into(&mut signature),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    heard.lock().push(Told {
        path,
        signature,
        body: String::from_utf8(body).expect("text"),
    });
    let answer = saying.lock().clone();
    let _ = write!(
        reader.get_mut(),
        "{answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
}

impl World {
    /// A webhook to that address; gives its number and its secret.
    pub fn make_webhook(&self, url: &str, events: &[HookEvent]) -> (i64, String) {
        let secret = signature::new_secret().expect("random bits");
        let place = place(self.account_id, url);
        let sealed = self
            .state
            .sealer
            .seal(&place, secret.as_bytes())
            .expect("sealed");
        let id = self.write(|conn| {
            webhooks::create(
                conn,
                self.account_id,
                url,
                events,
                &sealed,
                Timestamp::now(),
            )
        });
        (id, secret)
    }

    /// Waits until what webhooks have to tell satisfies that.
    pub fn wait_for_tellings(&self, condition: &str, count: i64) {
        let look = || {
            let mut rows = self.dump(&[]);
            rows.retain(|row| row.starts_with("webhook_deliveries"));
            (self.rows("webhook_deliveries", condition), rows)
        };
        let what = format!("{count} with {condition}");
        eventually(&what, look, |(found, _)| *found == count);
    }
}
