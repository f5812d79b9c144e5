//! Commands to an IMAP server and its responses (RFC 3501): as much as reading a mailbox needs.
//! The crate `imap-proto` parses; waiting, and how much may arrive, are the stream's business.

use std::io::{self, BufRead, BufReader, Read, Write};

use imap_proto::{Response, Status};

/// Why a command failed.
#[derive(Debug)]
pub enum ImapError {
    /// The server answered NO: it can't do that, or does not want to.
    No,
    /// The server answered BAD, or the command would not have been one line.
    Bad,
    /// The connection ended.
    Lost,
    /// The connection failed.
    Io(io::Error),
    /// The server sent something that is no IMAP.
    Protocol,
}

impl From<io::Error> for ImapError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A connection to a server.
pub struct Connection<S> {
    stream: BufReader<S>,
    /// The response that was read last.
    response: Vec<u8>,
    last_tag: u32,
}

impl<S: Read + Write> Connection<S> {
    /// Over this stream, of which nothing is read yet.
    pub fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
            response: Vec::new(),
            last_tag: 0,
        }
    }

    /// Reads the greeting (RFC 3501, 7.1).
    ///
    /// # Errors
    /// [`ImapError::Protocol`] if it is none, or the server wants no connection.
    pub fn read_greeting(&mut self) -> Result<(), ImapError> {
        match self.read_response()? {
            Response::Data {
                status: Status::Ok | Status::PreAuth,
                ..
            } => Ok(()),
            _ => Err(ImapError::Protocol),
        }
    }

    /// Signs in.
    ///
    /// # Errors
    /// [`ImapError::No`] with a wrong name or password.
    pub fn login(&mut self, username: &str, password: &str) -> Result<(), ImapError> {
        let command = format!("LOGIN {} {}", quoted(username), quoted(password));
        self.command(&command, |_| ())
    }

    /// Sends a command and passes every response before its completion to `on_response`, also what
    /// the server says unasked.
    ///
    /// # Errors
    /// See [`ImapError`]. After any but [`ImapError::No`] and [`ImapError::Bad`] the connection is of
    /// no more use.
    pub fn command(
        &mut self,
        command: &str,
        mut on_response: impl FnMut(Response<'_>),
    ) -> Result<(), ImapError> {
        // Somebody's password or folder must not become another command.
        if command.contains(['\r', '\n', '\0']) {
            return Err(ImapError::Bad);
        }
        self.last_tag += 1;
        let own_tag = format!("a{}", self.last_tag);
        let line = zeroize::Zeroizing::new(format!("{own_tag} {command}\r\n"));
        let stream = self.stream.get_mut();
        stream.write_all(line.as_bytes())?;
        stream.flush()?;
        loop {
            match self.read_response()? {
                Response::Done { tag, status, .. } if tag.0 == own_tag => {
                    return match status {
                        Status::Ok => Ok(()),
                        Status::No => Err(ImapError::No),
                        Status::Bad => Err(ImapError::Bad),
                        Status::PreAuth | Status::Bye => Err(ImapError::Protocol),
                    };
                }
                // No command here has a second part that a server could ask for.
                Response::Done { .. } | Response::Continue(_) => return Err(ImapError::Protocol),
                response => on_response(response),
            }
        }
    }

    /// Reads one response: a line, or several where strings of announced length (literals) are in
    /// between (RFC 3501, 4.3).
    fn read_response(&mut self) -> Result<Response<'_>, ImapError> {
        self.response.clear();
        loop {
            let line = self.response.len();
            self.stream.read_until(b'\n', &mut self.response)?;
            if self.response.last() != Some(&b'\n') {
                return Err(ImapError::Lost);
            }
            let is_incomplete =
                Response::parse(&self.response).is_err_and(|error| error.is_incomplete());
            if !is_incomplete {
                break;
            }
            let length = literal_length(&self.response[line..]).ok_or(ImapError::Protocol)?;
            let literal = (&mut self.stream).take(length);
            let read = { literal }.read_to_end(&mut self.response)?;
            if u64::try_from(read).is_ok_and(|read| read < length) {
                return Err(ImapError::Lost);
            }
        }
        match Response::parse(&self.response) {
            Ok(([], response)) => Ok(response),
            _ => Err(ImapError::Protocol),
        }
    }
}

/// A text as a quoted string (RFC 3501, 4.3).
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How many bytes follow a line that ends with `{length}`.
fn literal_length(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"}\r\n")?;
    let digits = line.rsplit(|byte| *byte == b'{').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use imap_proto::{AttributeValue, MailboxDatum};

    use super::*;

    /// What a server says, however it is asked, in pieces of one byte; and what it was asked.
    struct Script {
        says: Vec<u8>,
        at: usize,
        heard: Vec<u8>,
    }

    impl Read for Script {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some(byte) = self.says.get(self.at) else {
                return Ok(0);
            };
            into[0] = *byte;
            self.at += 1;
            Ok(1)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn server(says: &[u8]) -> Connection<Script> {
        Connection::new(Script {
            says: says.to_vec(),
            at: 0,
            heard: Vec::new(),
        })
    }

    #[test]
    fn a_message_is_read_whatever_is_in_it() {
        let message = b"Subject: {5}\r\n\r\n)\r\na1 OK done\r\n{3}\r\n\xff\0";
        let mut says = format!(
            "* 3 EXISTS\r\n* 1 FETCH (UID 7 BODY[]<0> {{{}}}\r\n",
            message.len()
        )
        .into_bytes();
        says.extend_from_slice(message);
        says.extend_from_slice(b")\r\na1 OK take it {4}\r\n");
        let mut connection = server(&says);
        let mut read = Vec::new();
        connection
            .command("UID FETCH 7 (UID BODY.PEEK[]<0.9>)", |response| {
                if let Response::Fetch(_, attributes) = response {
                    for attribute in attributes {
                        if let AttributeValue::BodySection { data, .. } = attribute {
                            read.push(data.map(std::borrow::Cow::into_owned));
                        }
                    }
                }
            })
            .expect("a message");
        assert_eq!(read, [Some(message.to_vec())]);
    }

    #[test]
    fn numbers_are_found() {
        let mut connection = server(b"* SEARCH 2 3 \r\n* SEARCH\r\na1 OK done\r\n");
        let mut found = Vec::new();
        connection
            .command("UID SEARCH ALL", |response| {
                if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                    found.extend(uids);
                }
            })
            .expect("numbers");
        assert_eq!(found, [2, 3]);
    }

    #[test]
    fn refusals_and_breaks_are_told_apart() {
        let outcome = |says: &[u8]| server(says).command("NOOP", |_| ());
        assert!(matches!(outcome(b"a1 NO no\r\n"), Err(ImapError::No)));
        assert!(matches!(outcome(b"a1 BAD no\r\n"), Err(ImapError::Bad)));
        for broken in [
            &b""[..],
            b"* BYE too long idle\r\n",
            b"a1 OK",
            b"* 1 FETCH (BODY[] {9}\r\nabc",
        ] {
            assert!(
                matches!(outcome(broken), Err(ImapError::Lost)),
                "{broken:?}"
            );
        }
        for other in [
            &b"220 mail.example ESMTP\r\n"[..],
            b"a2 OK of somebody else\r\n",
            b"+ go on\r\n",
            b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n",
            b"\r\n",
        ] {
            assert!(
                matches!(outcome(other), Err(ImapError::Protocol)),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_server_greets() {
        assert!(server(b"* OK ready\r\n").read_greeting().is_ok());
        assert!(server(b"* PREAUTH welcome\r\n").read_greeting().is_ok());
        for other in [&b"* BYE no\r\n"[..], b"220 mail.example ESMTP\r\n"] {
            assert!(matches!(
                server(other).read_greeting(),
                Err(ImapError::Protocol)
            ));
        }
    }

    #[test]
    fn nothing_typed_becomes_another_command() {
        let mut connection = server(b"a1 OK\r\na1 OK\r\n");
        for password in ["x\r\na2 LOGOUT", "x\n", "\0"] {
            let outcome = connection.login("name", password);
            assert!(matches!(outcome, Err(ImapError::Bad)));
        }
        assert!(connection.stream.get_ref().heard.is_empty());
        let _ = connection.login("na\"me", "ge\\heim ü");
        assert_eq!(
            String::from_utf8_lossy(&connection.stream.get_ref().heard),
            "a1 LOGIN \"na\\\"me\" \"ge\\\\heim ü\"\r\n"
        );
    }
}
