//! A mail as it stands on the line.

use std::fmt;

/// A whole message as the client says it after DATA: lines that begin with a dot get another one,
/// and a line with nothing but a dot ends it (RFC 5321, 4.5.2).
///
/// It is said in one go. A message and its end in two pieces cost forty milliseconds for every
/// mail: the end would wait until the server's system has confirmed the message (Nagle's algorithm,
/// RFC 1122, 4.2.3.4), and that waits for more to confirm (4.2.3.2).
pub(super) struct Content<'a>(pub &'a str);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.split_inclusive("\r\n") {
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
        }
        f.write_str(if self.0.ends_with("\r\n") {
            ".\r\n"
        } else {
            "\r\n.\r\n"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Content;

    #[test]
    fn dots_are_doubled_and_the_end_is_a_line_of_its_own() {
        for (message, said) in [
            ("a: b\r\n\r\nc\r\n", "a: b\r\n\r\nc\r\n.\r\n"),
            ("a: b\r\n\r\nc", "a: b\r\n\r\nc\r\n.\r\n"),
            (".a\r\n.\r\n..\r\nb.\r\n", "..a\r\n..\r\n...\r\nb.\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(Content(message).to_string(), said);
        }
    }
}
