//! The connection to the server of a mailbox (IMAP, RFC 3501).
//!
//! No waiting is endless, and no answer may be larger than what was asked for.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use imap_proto::{AttributeValue, Capability, MailboxDatum, Response, ResponseCode};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::folder_name;
use super::imap::{Connection, ImapError, quoted};
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
    fn of(error: &ImapError) -> Self {
        match error {
            ImapError::Io(error) => Self::of_io(error),
            ImapError::Lost => Self::Lost,
            ImapError::No | ImapError::Bad | ImapError::Protocol => Self::Protocol,
        }
    }

    /// The same, where the server may say no to a command for this reason.
    fn of_refused(error: &ImapError, reason: Self) -> Self {
        match error {
            ImapError::No | ImapError::Bad => reason,
            error => Self::of(error),
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
    connection: Connection<Stream>,
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
        let mut server = Self {
            connection: connect(mailbox, &budget)?,
            budget,
            uid_validity: 0,
            messages: 0,
            can_expunge_some: false,
        };
        server
            .connection
            .login(&mailbox.username, password)
            .map_err(|error| Problem::of_refused(&error, Problem::Login))?;
        server.select(&mailbox.folder)?;
        server.ask_for_capabilities()?;
        Ok(server)
    }

    fn select(&mut self, folder: &str) -> Result<(), Problem> {
        let command = format!("SELECT {}", quoted(&folder_name::encode(folder)));
        let (uid_validity, messages) = (&mut self.uid_validity, &mut self.messages);
        self.connection
            .command(&command, |response| match response {
                Response::MailboxData(MailboxDatum::Exists(n)) => *messages = n,
                Response::Data { outcome, .. } => {
                    if let Some(ResponseCode::UidValidity(n)) = outcome.code {
                        *uid_validity = n.into();
                    }
                }
                _ => {}
            })
            .map_err(|error| Problem::of_refused(&error, Problem::Folder))
    }

    fn ask_for_capabilities(&mut self) -> Result<(), Problem> {
        let can_expunge_some = &mut self.can_expunge_some;
        let outcome = self.connection.command("CAPABILITY", |response| {
            if let Response::Capabilities(capabilities) = response {
                *can_expunge_some = capabilities.iter().any(|capability| {
                    matches!(capability, Capability::Atom(name) if name.eq_ignore_ascii_case("UIDPLUS"))
                });
            }
        });
        match outcome {
            // A server that does not say can do nothing in particular.
            Ok(()) | Err(ImapError::No | ImapError::Bad) => Ok(()),
            Err(error) => Err(Problem::of(&error)),
        }
    }

    /// The numbers of the messages after that one, ascending. At first, only recent ones.
    pub fn after(&mut self, last_uid: u32, now: Timestamp) -> Result<Vec<u32>, Problem> {
        self.refill();
        let mut wanted = format!("UID SEARCH UID {}:*", last_uid.saturating_add(1));
        if last_uid == 0 {
            let since = now.plus_days(-DAYS_AT_FIRST).millis();
            let since = jiff::Timestamp::from_millisecond(since).unwrap_or_default();
            wanted = format!("{wanted} SINCE {}", since.strftime("%d-%b-%Y"));
        }
        let mut uids = Vec::new();
        self.connection
            .command(&wanted, |response| {
                if let Response::MailboxData(MailboxDatum::Search(found)) = response {
                    uids.extend(found);
                }
            })
            .map_err(|error| Problem::of(&error))?;
        // The last message belongs to every range that ends with "*".
        uids.retain(|uid| *uid > last_uid);
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// The beginning of a message, which stays unread; none where it is gone.
    pub fn message(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Problem> {
        self.refill();
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<0.{READ_OF_A_MESSAGE}>)");
        let mut message = None;
        let outcome = self.connection.command(&command, |response| {
            if let Response::Fetch(_, attributes) = response
                && attributes.contains(&AttributeValue::Uid(uid))
            {
                let body = attributes.into_iter().find_map(body);
                message = message.take().or(body);
            }
        });
        match outcome {
            Ok(()) => Ok(message),
            // The server can't give this one.
            Err(ImapError::No) => Ok(None),
            Err(error) => Err(Problem::of(&error)),
        }
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
        self.run(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"))?;
        // Without UIDPLUS (RFC 4315) all that is marked as deleted would go, by whomever it was
        // marked; then ours stay marked, and leave with the rest.
        if self.can_expunge_some {
            self.run(&format!("UID EXPUNGE {set}"))?;
        }
        Ok(())
    }

    /// Says goodbye; whether the server hears it does not matter.
    pub fn close(mut self) {
        self.refill();
        let _ = self.run("LOGOUT");
    }

    /// A command whose responses don't matter.
    fn run(&mut self, command: &str) -> Result<(), Problem> {
        self.connection
            .command(command, |_| ())
            .map_err(|error| Problem::of(&error))
    }

    fn refill(&self) {
        self.budget.store(LARGEST_ANSWER, Ordering::Relaxed);
    }
}

/// The whole of a message, if that is what the server sent.
fn body(attribute: AttributeValue<'_>) -> Option<Vec<u8>> {
    match attribute {
        AttributeValue::BodySection {
            section: None,
            data,
            ..
        } => data.map(Cow::into_owned),
        _ => None,
    }
}

fn connect(mailbox: &Mailbox, budget: &Arc<AtomicUsize>) -> Result<Connection<Stream>, Problem> {
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
            Ok(Connection::new(stream(encrypt(host, socket)?)))
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

fn greeted(stream: Stream) -> Result<Connection<Stream>, Problem> {
    let mut connection = Connection::new(stream);
    connection
        .read_greeting()
        .map_err(|error| Problem::of(&error))?;
    Ok(connection)
}

fn encrypt(host: &str, mut socket: TcpStream) -> Result<Transport, Problem> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Problem::Tls)?;
    let mut tls = crate::tls::client_config()
        .and_then(|config| ClientConnection::new(config, name))
        .map_err(|_| Problem::Tls)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut socket)
            .map_err(|error| match Problem::of_io(&error) {
                Problem::Silent => Problem::Silent,
                _ => Problem::Tls,
            })?;
    }
    Ok(Transport::Encrypted(Box::new(StreamOwned::new(
        tls, socket,
    ))))
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
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
