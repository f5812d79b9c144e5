//! Header fields and fields of reports, as names and values.

use mail_parser::{Message, MessageParser};

/// Names in lower case and values on one line, in the order they came. Holds addresses, so it has
/// no `Debug` (rule P8).
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The header fields of a message.
    pub fn of(message: &Message<'_>) -> Self {
        let Some(root) = message.parts.first() else {
            return Self::default();
        };
        let raw = &message.raw_message;
        let fields = root.headers.iter().map(|header| {
            let (from, to) = (header.offset_start() as usize, header.offset_end() as usize);
            let value = String::from_utf8_lossy(raw.get(from..to).unwrap_or_default());
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            (header.name().to_ascii_lowercase(), value)
        });
        Self(fields.collect())
    }

    /// Reads the first group of fields of a text.
    pub fn parse(text: &[u8]) -> Self {
        MessageParser::default()
            .parse_headers(text)
            .as_ref()
            .map(Self::of)
            .unwrap_or_default()
    }

    /// Reads groups of fields with empty lines between them, as in the parts of a report
    /// (RFC 3464, 2.1.1).
    pub fn groups(text: &[u8]) -> Vec<Self> {
        let text = String::from_utf8_lossy(text).replace("\r\n", "\n");
        let mut groups: Vec<String> = vec![String::new()];
        for line in text.lines() {
            let is_empty = line.trim().is_empty();
            match groups.last_mut() {
                Some(group) if !is_empty => {
                    group.push_str(line);
                    group.push('\n');
                }
                Some(group) if group.is_empty() => {}
                _ => groups.push(String::new()),
            }
            // So many that nobody means them.
            if groups.len() > MOST_GROUPS {
                break;
            }
        }
        groups
            .into_iter()
            .filter(|group| !group.is_empty())
            .map(|group| Self::parse((group + "\n").as_bytes()))
            .collect()
    }

    /// The first value of that name; empty where there is none.
    pub fn first(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// All values of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(of, _)| of == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether there is a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }
}

/// Our mails go to one recipient each.
const MOST_GROUPS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_apart_by_empty_lines() {
        let text = "Reporting-MTA: dns; mx.example\r\n\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550\r\n no such user\r\n\r\nAction: delayed\r\n";
        let groups = Fields::groups(text.as_bytes());
        assert_eq!(groups.len(), 3);
        assert_eq!(groups[0].first("reporting-mta"), "dns; mx.example");
        assert_eq!(groups[1].first("diagnostic-code"), "smtp; 550 no such user");
        assert_eq!(groups[2].first("action"), "delayed");
        assert_eq!(groups[2].first("status"), "");
    }

    #[test]
    fn damage_leaves_what_can_be_read() {
        let groups = Fields::groups(b"\n\n:\n\xff\xfe: x\nAction failed\nStatus: 5.0.0");
        assert!(groups.iter().any(|group| group.first("status") == "5.0.0"));
        assert!(Fields::groups(b"").is_empty());
    }
}
