//! A mail server with the faults of real ones: `tests/servers/faulty_smtp.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use widerspruch::db::models::smtp_settings::{self, SmtpSettings};
use widerspruch::domain::server::Encryption;
use widerspruch::domain::time::Timestamp;

use super::World;

/// A mail server that counts what it takes.
pub struct Sink {
    pub port: u16,
    log: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _dir: tempfile::TempDir,
}

impl Sink {
    /// With the options of the script.
    pub fn start(options: &[&str]) -> Self {
        let python = std::env::var_os("TEST_PYTHON").expect("TEST_PYTHON, as bin/test sets it");
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("taken");
        let mut child = Command::new(python)
            .arg("tests/servers/faulty_smtp.py")
            .arg("--log")
            .arg(&log)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("an output"));
        output.read_line(&mut first).expect("it says its port");
        let said: serde_json::Value = serde_json::from_str(&first).expect("JSON");
        Self {
            port: u16::try_from(said["port"].as_u64().expect("a port")).expect("a port"),
            input: child.stdin.take(),
            output,
            log,
            child,
            _dir: dir,
        }
    }

    /// Changes how it behaves, from the next connection or recipient on.
    pub fn set(&mut self, name: &str, value: &str) {
        let input = self.input.as_mut().expect("it runs");
        writeln!(input, "{name} {value}").expect("it listens");
        let mut said = String::new();
        self.output.read_line(&mut said).expect("it has done so");
    }

    /// Takes so many mails in all and lets the next ones wait, until it [`Self::goes_on`].
    pub fn hold_after(&mut self, mails: usize) {
        self.set("hold", &mails.to_string());
    }

    /// Takes all mails again.
    pub fn goes_on(&mut self) {
        self.set("hold", "no");
    }

    /// The recipients of the mails it took, in the order in which they came.
    pub fn taken(&self) -> Vec<String> {
        std::fs::read_to_string(&self.log)
            .unwrap_or_default()
            .lines()
            .filter_map(|line| Some(line.split_once('\t')?.0.to_owned()))
            .collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl World {
    /// Lets the account send through a server on this machine.
    pub fn send_through(&self, port: u16, connections: i64, per_minute: i64) {
        let settings = SmtpSettings {
            active: true,
            host: "127.0.0.1".to_owned(),
            port: i64::from(port),
            encryption: Encryption::None,
            username: String::new(),
            password: None,
            connections,
            per_minute,
            return_path: String::new(),
        };
        self.write(|conn| smtp_settings::save(conn, self.account_id, &settings, Timestamp::now()));
    }
}
