//! A real IMAP server (Dovecot) with a folder for each test.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::python::write_certificate;
use super::{attempts, eventually};

pub const MAILBOX_USER: &str = "rueck";
pub const MAILBOX_PASSWORD: &str = "geheim \"mit\" \\ Umweg";

/// A running server. [`MAILBOX_USER`] has a mailbox on it.
pub struct Dovecot {
    child: Child,
    dir: TempDir,
    /// Without TLS, with STARTTLS.
    pub port: u16,
    /// With TLS from the first byte.
    pub tls_port: u16,
}

impl Dovecot {
    /// Starts one on free ports, as a user without rights.
    pub fn start() -> Self {
        // It takes no port from the system: somebody may be quicker to take what was free.
        attempts("dovecot gets its ports", Self::try_start)
    }

    /// None when it ends because a port is taken.
    fn try_start() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let (port, tls_port) = (free_port(), free_port());
        let path = dir.path();
        for folder in ["run", "mail"] {
            fs::create_dir(path.join(folder)).expect("a directory");
        }
        write_certificate("localhost", &path.join("cert.pem"), &path.join("key.pem"));
        let (user, group) = user();
        let at = path.display();
        let users = format!("{MAILBOX_USER}:{{PLAIN}}{MAILBOX_PASSWORD}\n");
        fs::write(path.join("users"), users).expect("a file");
        let config = format!(
            "base_dir = {at}/run
log_path = {at}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{at}/cert.pem
ssl_key = <{at}/key.pem
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_location = maildir:{at}/mail/%u
first_valid_uid = 1
auth_mechanisms = plain
auth_username_chars =
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {at}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={at}/mail/%u
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
"
        );
        let file = path.join("dovecot.conf");
        fs::write(&file, config).expect("a file");
        let mut command = if is_root() {
            let owned = Command::new("chown")
                .args(["-R", &format!("{user}:{group}")])
                .arg(path)
                .status()
                .expect("chown is there");
            assert!(owned.success());
            let mut command = Command::new("setpriv");
            command.args([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
                "dovecot".to_owned(),
            ]);
            command
        } else {
            Command::new("dovecot")
        };
        let child = command
            .arg("-F")
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dovecot is installed: run the tests with bin/test");
        let mut server = Self {
            child,
            dir,
            port,
            tls_port,
        };
        server.listens().then_some(server)
    }

    /// Waits until it listens, or has ended.
    fn listens(&mut self) -> bool {
        let look = || {
            let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let has_ended = self.child.try_wait().expect("a child").is_some();
            let connects = TcpStream::connect(("127.0.0.1", self.tls_port)).is_ok();
            (has_ended, connects && !has_ended, log)
        };
        let is_decided = |(has_ended, listens, _): &(bool, bool, String)| *has_ended || *listens;
        eventually("dovecot listens", look, is_decided).1
    }

    /// The certificate with which it shows that it is `localhost`.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Lays a message into a folder.
    pub fn append(&self, folder: &str, message: &[u8]) {
        let mut session = self.session();
        if folder != "INBOX" {
            session.command(format!("CREATE {folder}").as_bytes());
        }
        // RFC 7888: the server need not be asked for the message first.
        let mut command = format!("APPEND {folder} {{{}+}}\r\n", message.len()).into_bytes();
        command.extend_from_slice(message);
        let (_, outcome) = session.command(&command);
        assert!(outcome.starts_with("OK"), "{outcome}");
    }

    /// The subjects of all messages in a folder, and whether each was read by somebody.
    pub fn subjects(&self, folder: &str) -> Vec<(String, bool)> {
        let mut session = self.session();
        let (opened, outcome) = session.command(format!("EXAMINE {folder}").as_bytes());
        assert!(outcome.starts_with("OK"), "{outcome}");
        if opened.contains("* 0 EXISTS\r\n") {
            return Vec::new();
        }
        let query = b"FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
        let (messages, outcome) = session.command(query);
        assert!(outcome.starts_with("OK"), "{outcome}");
        messages
            .split("* ")
            .skip(1)
            .map(|message| {
                let subject = message
                    .lines()
                    .find_map(|line| line.strip_prefix("Subject: "))
                    .unwrap_or_default();
                (subject.to_owned(), message.contains("\\Seen"))
            })
            .collect()
    }

    fn session(&self) -> Session {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server");
        let mut session = Session(BufReader::new(stream));
        assert!(session.line().starts_with("* OK"));
        let password = MAILBOX_PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
        let login = format!("LOGIN {MAILBOX_USER} \"{password}\"");
        let (_, outcome) = session.command(login.as_bytes());
        assert!(outcome.starts_with("OK"), "{outcome}");
        session
    }
}

/// A conversation without the product's own code.
struct Session(BufReader<TcpStream>);

impl Session {
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).expect("a line");
        assert!(!line.is_empty(), "the server hangs up");
        String::from_utf8_lossy(&line).into_owned()
    }

    /// What the server says before it is done, and how that was.
    fn command(&mut self, command: &[u8]) -> (String, String) {
        let stream = self.0.get_mut();
        stream
            .write_all(&[b"tag ", command, b"\r\n"].concat())
            .expect("the server listens");
        let mut said = String::new();
        loop {
            let line = self.line();
            if let Some(outcome) = line.strip_prefix("tag ") {
                return (said, outcome.to_owned());
            }
            said.push_str(&line);
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its master ends its other processes, if it is told in time.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

fn is_root() -> bool {
    id("-u") == "0"
}

/// Under whom it runs.
fn user() -> (String, String) {
    if is_root() {
        ("nobody".into(), "nogroup".into())
    } else {
        (id("-un"), id("-gn"))
    }
}

fn id(what: &str) -> String {
    let output = Command::new("id").arg(what).output().expect("id is there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
