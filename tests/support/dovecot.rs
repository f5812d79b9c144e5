//! A real IMAP server (Dovecot) with a folder for each test.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

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
        let dir = tempfile::tempdir().expect("a directory");
        let (port, tls_port) = (free_port(), free_port());
        let path = dir.path();
        for folder in ["run", "mail"] {
            fs::create_dir(path.join(folder)).expect("a directory");
        }
        make_certificate(path);
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
        let server = Self {
            child,
            dir,
            port,
            tls_port,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.tls_port)).is_err() {
            let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(20), "dovecot: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The certificate with which it shows that it is `localhost`.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Lays a message into a folder.
    pub fn append(&self, folder: &str, message: &[u8]) {
        let mut session = self.session();
        if folder != "INBOX" {
            let _ = session.create(folder);
        }
        session
            .append(folder, message)
            .finish()
            .expect("the server takes the message");
    }

    /// The subjects of all messages in a folder, and whether each was read by somebody.
    pub fn subjects(&self, folder: &str) -> Vec<(String, bool)> {
        let mut session = self.session();
        if session.examine(folder).expect("the folder").exists == 0 {
            return Vec::new();
        }
        let messages = session
            .fetch("1:*", "(FLAGS BODY.PEEK[HEADER])")
            .expect("the messages");
        messages
            .iter()
            .map(|message| {
                let header = String::from_utf8_lossy(message.header().unwrap_or_default());
                let subject = header
                    .lines()
                    .find_map(|line| line.strip_prefix("Subject: "))
                    .unwrap_or_default();
                let seen = message.flags().contains(&imap::types::Flag::Seen);
                (subject.to_owned(), seen)
            })
            .collect()
    }

    fn session(&self) -> imap::Session<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server");
        let mut client = imap::Client::new(stream);
        client.read_greeting().expect("a greeting");
        client
            .login(MAILBOX_USER, MAILBOX_PASSWORD)
            .map_err(|(error, _)| error)
            .expect("the server lets us in")
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

fn make_certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .arg("-keyout")
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(dir.join("cert.pem"))
        .stderr(Stdio::null())
        .status()
        .expect("openssl is installed: run the tests with bin/test");
    assert!(made.success());
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
