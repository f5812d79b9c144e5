//! The connection to the server of a mailbox (IMAP, RFC 3501).
//!
//! No waiting is endless, and no answer may be larger than what was asked for.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use imap::{Client, Session};
use native_tls::{HandshakeError, TlsConnector, TlsStream};

use super::folder_name;
use super::report::READ_OF_A_MESSAGE;
use crate::db::models::bounce_mailboxes::Mailbox;
use crate::domain::server::Encryption;
use crate::domain::time::Timestamp;

/// How long connecting to one address may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long the server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// The largest answer to one command, in bytes.
const LARGEST_ANSWER: usize = 8 * READ_OF_A_MESSAGE;

/// For how many days back a mailbox is read at the first time.
const DAYS_AT_FIRST: i64 = 30;

/// Why a mailbox can't be read. Says nothing that the server said: that may hold addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No such host, or nobody listens.
    #[error("Der Server ist nicht zu erreichen. Prüfen Sie Adresse und Port.")]
    Unreachable,
    /// The server says nothing in time.
    #[error("Der Server antwortet nicht rechtzeitig. Prüfen Sie Port und Verschlüsselung.")]
    Silent,
    /// No TLS connection.
    #[error(
        "Die verschlüsselte Verbindung kommt nicht zustande. Prüfen Sie Port und Verschlüsselung; das Zertifikat des Servers muss gültig sein und auf seinen Namen lauten."
    )]
    Tls,
    /// No STARTTLS.
    #[error("Der Server bietet an diesem Port kein STARTTLS an.")]
    NoStartTls,
    /// Wrong name or password.
    #[error("Der Server lehnt Benutzername oder Passwort ab.")]
    Login,
    /// The password can't be opened.
    #[error("Das gespeicherte Passwort ist nicht lesbar. Geben Sie es noch einmal ein.")]
    Password,
    /// No such folder.
    #[error("Den angegebenen Ordner gibt es in diesem Postfach nicht.")]
    Folder,
    /// The connection broke.
    #[error(
        "Die Verbindung zum Server brach ab. Beim nächsten Abruf geht es an derselben Stelle weiter."
    )]
    Lost,
    /// Something that is no IMAP.
    #[error("Der Server antwortet anders, als IMAP es vorsieht. Prüfen Sie Adresse und Port.")]
    Protocol,
}

impl Problem {
    /// What an error means in the middle of a conversation.
    fn of(error: &imap::Error) -> Self {
        match error {
            imap::Error::Io(error) => Self::of_io(error),
            imap::Error::ConnectionLost | imap::Error::Bye(_) => Self::Lost,
            _ => Self::Protocol,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::Silent,
            ErrorKind::FileTooLarge => Self::Protocol,
            _ => Self::Lost,
        }
    }
}

/// A mailbox with its folder open.
pub struct Server {
    session: Session<Stream>,
    budget: Arc<AtomicUsize>,
    /// The validity of the numbers of its messages (RFC 3501, 2.3.1.1).
    pub uid_validity: i64,
    /// How many messages the folder holds.
    pub messages: u32,
    can_expunge_some: bool,
}

impl Server {
    /// Connects, signs in and opens the folder.
    pub fn open(mailbox: &Mailbox, password: &str) -> Result<Self, Problem> {
        let budget = Arc::new(AtomicUsize::new(LARGEST_ANSWER));
        let client = connect(mailbox, &budget)?;
        let mut session = client
            .login(&mailbox.username, password)
            .map_err(|(error, _)| match error {
                imap::Error::No(_) | imap::Error::Bad(_) | imap::Error::Validate(_) => {
                    Problem::Login
                }
                error => Problem::of(&error),
            })?;
        let folder = folder_name::encode(&mailbox.folder);
        let opened = session.select(folder).map_err(|error| match error {
            imap::Error::No(_) | imap::Error::Bad(_) | imap::Error::Validate(_) => Problem::Folder,
            error => Problem::of(&error),
        })?;
        let can_expunge_some = session
            .capabilities()
            .is_ok_and(|capabilities| capabilities.has_str("UIDPLUS"));
        Ok(Self {
            session,
            budget,
            uid_validity: opened.uid_validity.map_or(0, i64::from),
            messages: opened.exists,
            can_expunge_some,
        })
    }

    /// The numbers of the messages after that one, ascending. At first, only recent ones.
    pub fn after(&mut self, last_uid: u32, now: Timestamp) -> Result<Vec<u32>, Problem> {
        self.refill();
        let mut wanted = format!("UID {}:*", last_uid.saturating_add(1));
        if last_uid == 0 {
            let since = now.plus_days(-DAYS_AT_FIRST).millis();
            let since = jiff::Timestamp::from_millisecond(since).unwrap_or_default();
            wanted = format!("{wanted} SINCE {}", since.strftime("%d-%b-%Y"));
        }
        let found = self
            .session
            .uid_search(wanted)
            .map_err(|error| Problem::of(&error))?;
        // The last message belongs to every range that ends with "*".
        let mut uids: Vec<u32> = found.into_iter().filter(|uid| *uid > last_uid).collect();
        uids.sort_unstable();
        Ok(uids)
    }

    /// The beginning of a message, which stays unread; none where it is gone.
    pub fn message(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Problem> {
        self.refill();
        let query = format!("(UID BODY.PEEK[]<0.{READ_OF_A_MESSAGE}>)");
        let fetched = match self.session.uid_fetch(uid.to_string(), query) {
            Ok(fetched) => fetched,
            // The server can't give this one.
            Err(imap::Error::No(_)) => return Ok(None),
            Err(error) => return Err(Problem::of(&error)),
        };
        let message = fetched.iter().find(|message| message.uid == Some(uid));
        Ok(message
            .and_then(|message| message.body())
            .map(<[u8]>::to_vec))
    }

    /// Removes messages from the mailbox.
    pub fn remove(&mut self, uids: &[u32]) -> Result<(), Problem> {
        if uids.is_empty() {
            return Ok(());
        }
        self.refill();
        let set = uids
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(",");
        self.session
            .uid_store(&set, "+FLAGS.SILENT (\\Deleted)")
            .map_err(|error| Problem::of(&error))?;
        // Without UIDPLUS (RFC 4315) all that is marked as deleted would go, by whomever it was
        // marked; then ours stay marked, and leave with the rest.
        if self.can_expunge_some {
            self.session
                .uid_expunge(&set)
                .map_err(|error| Problem::of(&error))?;
        }
        Ok(())
    }

    /// Says goodbye; whether the server hears it does not matter.
    pub fn close(mut self) {
        self.refill();
        let _ = self.session.logout();
    }

    fn refill(&self) {
        self.budget.store(LARGEST_ANSWER, Ordering::Relaxed);
    }
}

fn connect(mailbox: &Mailbox, budget: &Arc<AtomicUsize>) -> Result<Client<Stream>, Problem> {
    let host = mailbox.host.as_str();
    let port = u16::try_from(mailbox.port).map_err(|_| Problem::Unreachable)?;
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|_| Problem::Unreachable)?;
    let socket = addresses
        .into_iter()
        .find_map(|address| TcpStream::connect_timeout(&address, CONNECTING).ok())
        .ok_or(Problem::Unreachable)?;
    socket
        .set_read_timeout(Some(SILENCE))
        .and_then(|()| socket.set_write_timeout(Some(SILENCE)))
        .map_err(|_| Problem::Unreachable)?;
    let stream = |transport| Stream {
        transport,
        budget: Arc::clone(budget),
    };
    match mailbox.encryption {
        Encryption::None => greeted(stream(Transport::Plain(socket))),
        Encryption::Tls => greeted(stream(encrypt(host, socket)?)),
        Encryption::StartTls => {
            ask_for_tls(&socket)?;
            Ok(Client::new(stream(encrypt(host, socket)?)))
        }
    }
}

/// Hears the greeting and asks for TLS (RFC 2595, 3.1). Reads not a byte more than these lines: what
/// somebody may have slipped in behind them must not be taken for something said under TLS.
fn ask_for_tls(mut socket: &TcpStream) -> Result<(), Problem> {
    if !line(socket)?.starts_with("* OK") {
        return Err(Problem::Protocol);
    }
    socket
        .write_all(b"t1 STARTTLS\r\n")
        .map_err(|error| Problem::of_io(&error))?;
    for _ in 0..20 {
        let said = line(socket)?;
        if said.starts_with("t1 OK") {
            return Ok(());
        }
        if said.starts_with("t1 ") {
            return Err(Problem::NoStartTls);
        }
    }
    Err(Problem::Protocol)
}

fn line(mut socket: &TcpStream) -> Result<String, Problem> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < 1_000 {
        match socket.read(&mut byte) {
            Ok(0) => return Err(Problem::Lost),
            Ok(_) if byte == *b"\n" => return Ok(String::from_utf8_lossy(&line).into_owned()),
            Ok(_) => line.push(byte[0]),
            Err(error) => return Err(Problem::of_io(&error)),
        }
    }
    Err(Problem::Protocol)
}

fn greeted(stream: Stream) -> Result<Client<Stream>, Problem> {
    let mut client = Client::new(stream);
    let greeting = client
        .read_greeting()
        .map_err(|error| Problem::of(&error))?;
    if greeting.starts_with(b"* OK") || greeting.starts_with(b"* PREAUTH") {
        Ok(client)
    } else {
        Err(Problem::Protocol)
    }
}

fn encrypt(host: &str, socket: TcpStream) -> Result<Transport, Problem> {
    let connector = TlsConnector::new().map_err(|_| Problem::Tls)?;
    match connector.connect(host, socket) {
        Ok(stream) => Ok(Transport::Encrypted(Box::new(stream))),
        Err(HandshakeError::WouldBlock(_)) => Err(Problem::Silent),
        Err(HandshakeError::Failure(_)) => Err(Problem::Tls),
    }
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// Bytes to and from the server.
#[derive(Debug)]
pub struct Stream {
    transport: Transport,
    /// How many bytes the server may still send in answer.
    budget: Arc<AtomicUsize>,
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = match &mut self.transport {
            Transport::Plain(stream) => stream.read(into),
            Transport::Encrypted(stream) => stream.read(into),
        }?;
        let left = self.budget.load(Ordering::Relaxed);
        let Some(left) = left.checked_sub(n) else {
            return Err(ErrorKind::FileTooLarge.into());
        };
        self.budget.store(left, Ordering::Relaxed);
        Ok(n)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.transport {
            Transport::Plain(stream) => stream.write(bytes),
            Transport::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.transport {
            Transport::Plain(stream) => stream.flush(),
            Transport::Encrypted(stream) => stream.flush(),
        }
    }
}
