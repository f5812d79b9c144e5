//! The relaxed form of headers and bodies (RFC 6376, 3.4.2 and 3.4.4): blanks that servers add,
//! take away or fold on the way don't matter.

/// One header of a message, folded as it stands there, without its last line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// What follows the colon.
    pub value: &'a [u8],
}

/// A message's headers in their order, and its body. Line ends are CRLF (RFC 5322, 2.1).
pub fn split(message: &[u8]) -> (Vec<Header<'_>>, &[u8]) {
    let mut headers = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        if let Some(body) = rest.strip_prefix(b"\r\n") {
            return (headers, body);
        }
        let end = header_end(rest);
        let (field, left) = rest.split_at(end);
        if let Some(colon) = field.iter().position(|byte| *byte == b':') {
            headers.push(Header {
                name: field[..colon].trim_ascii_end(),
                value: &field[colon + 1..],
            });
        }
        rest = left.strip_prefix(b"\r\n").unwrap_or(left);
    }
    (headers, rest)
}

/// Where the line end is that no blank follows: those before are folds.
fn header_end(from: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = line_end(&from[at..]) {
        let end = at + found;
        match from.get(end + 2) {
            Some(b' ' | b'\t') => at = end + 2,
            _ => return end,
        }
    }
    from.len()
}

/// Where the first CRLF is; a CR alone ends no line.
fn line_end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + bytes[from..].iter().position(|byte| *byte == b'\r')?;
        if bytes.get(at + 1) == Some(&b'\n') {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Adds a header in its relaxed form, without a line end.
pub fn add_header(header: Header<'_>, to: &mut Vec<u8>) {
    to.extend(header.name.iter().map(u8::to_ascii_lowercase));
    to.push(b':');
    let mut blank = false;
    let mut begun = false;
    for byte in header.value {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => blank = true,
            _ => {
                if blank && begun {
                    to.push(b' ');
                }
                to.push(*byte);
                (blank, begun) = (false, true);
            }
        }
    }
}

/// A body in its relaxed form.
pub fn body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len() + 2);
    // Empty lines, kept back until a line follows them: those at the end don't count.
    let mut empty_lines = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let (line, left) = match line_end(rest) {
            Some(at) => (&rest[..at], &rest[at + 2..]),
            None => (rest, &[][..]),
        };
        rest = left;
        let line = trim_blanks_at_end(line);
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            relaxed.extend_from_slice(b"\r\n");
        }
        let mut blank = false;
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                blank = true;
                continue;
            }
            if std::mem::take(&mut blank) {
                relaxed.push(b' ');
            }
            relaxed.push(*byte);
        }
        relaxed.extend_from_slice(b"\r\n");
    }
    relaxed
}

fn trim_blanks_at_end(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |at| at + 1);
    &line[..end]
}
