//! Servers and checkers that others have written: Python packages, in a place of their own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use widerspruch::mail::dkim::DnsRecord;

use super::eventually::HANG;

/// A script beside the tests, run by the Python that has the packages for it.
fn script(name: &str) -> Command {
    let python = std::env::var_os("TEST_PYTHON").expect("TEST_PYTHON, as bin/test sets it");
    let mut command = Command::new(python);
    command.arg(Path::new("tests/servers").join(name));
    command
}

/// A mail that a server took.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The envelope's sender.
    pub sender: String,
    /// Its recipients.
    pub to: Vec<String>,
    /// The message, as it arrived.
    pub message: Vec<u8>,
    /// Whether the connection was encrypted.
    pub tls: bool,
    /// Who had signed in.
    pub user: Option<String>,
}

/// A mail server (aiosmtpd) on a port of its own.
pub struct SmtpServer {
    pub port: u16,
    child: Child,
    /// It ends when this is closed.
    input: Option<ChildStdin>,
    said: Receiver<Value>,
}

impl SmtpServer {
    /// With the options of `tests/servers/smtp_server.py`.
    pub fn start<S: AsRef<OsStr>>(options: &[S]) -> Self {
        let mut child = script("smtp_server.py")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let out = BufReader::new(child.stdout.take().expect("an output"));
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in out.lines() {
                let line = line.expect("a line");
                let value = serde_json::from_str(&line).expect("JSON");
                if tell.send(value).is_err() {
                    break;
                }
            }
        });
        let first: Value = said.recv_timeout(HANG).expect("the server says its port");
        Self {
            port: u16::try_from(first["port"].as_u64().expect("a port")).expect("a port"),
            input: child.stdin.take(),
            child,
            said,
        }
    }

    /// The next mail it takes.
    pub fn next_mail(&self) -> Taken {
        let mail = self.said.recv_timeout(HANG).expect("a mail arrives");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let message = mail["message"].as_str().expect("a message");
        Taken {
            sender: text(&mail["sender"]).expect("a sender"),
            to: mail["to"]
                .as_array()
                .expect("recipients")
                .iter()
                .filter_map(text)
                .collect(),
            message: STANDARD.decode(message).expect("base 64"),
            tls: mail["tls"].as_bool().expect("a truth value"),
            user: text(&mail["user"]),
        }
    }

    /// Asserts that it has taken nothing more.
    pub fn assert_nothing_more(&self) {
        assert!(self.said.try_recv().is_err(), "a mail has arrived");
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// What a checker says of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub algorithm: String,
    pub domain: String,
    /// Those it covers, in lower case.
    pub headers: Vec<String>,
    pub holds: bool,
}

/// Checks a mail's signatures with dkimpy; these records are the DNS.
pub fn check_dkim(message: &[u8], records: &[DnsRecord]) -> Vec<Checked> {
    let records: serde_json::Map<String, Value> = records
        .iter()
        .map(|record| (record.name.clone(), json!(record.value)))
        .collect();
    let asked = json!({ "message": STANDARD.encode(message), "records": records });
    let mut child = script("check_dkim.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("an input");
    input
        .write_all(asked.to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let told: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    told.iter()
        .map(|one| Checked {
            algorithm: one["algorithm"].as_str().expect("a text").to_owned(),
            domain: one["domain"].as_str().expect("a text").to_owned(),
            headers: one["headers"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            holds: one["holds"].as_bool().expect("a truth value"),
        })
        .collect()
}

/// Writes a certificate that a server shows for this name, signed by itself, and its key. It is no
/// authority's: rustls does not take an authority's certificate for a server's.
pub fn write_certificate(name: &str, certificate: &Path, key: &Path) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7",
        ])
        .arg("-subj")
        .arg(format!("/CN={name}"))
        .arg("-addext")
        .arg(format!("subjectAltName=DNS:{name}"))
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .stderr(Stdio::null())
        .status()
        .expect("openssl is installed: run the tests with bin/test");
    assert!(made.success());
}
