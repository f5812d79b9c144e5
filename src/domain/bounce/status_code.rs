//! Enhanced status codes (RFC 3463).

use super::{BounceKind, BounceReason, codes};

/// An enhanced status code such as 5.1.1 (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCode {
    class: u16,
    subject: u16,
    detail: u16,
}

impl StatusCode {
    /// A code whose three numbers are known.
    pub const fn new(class: u16, subject: u16, detail: u16) -> Self {
        Self {
            class,
            subject,
            detail,
        }
    }

    /// The code at the beginning of a text, as in the field `Status` (RFC 3464, 2.3.4); what
    /// follows it is a comment.
    pub fn at_start(text: &str) -> Option<Self> {
        let (class, rest) = number(text, 1)?;
        let (subject, rest) = number(rest.strip_prefix('.')?, 3)?;
        let (detail, rest) = number(rest.strip_prefix('.')?, 3)?;
        let mut after = rest.chars();
        let goes_on = match after.next() {
            Some('.') => after.next().is_some_and(|c| c.is_ascii_digit()),
            Some(c) => c.is_alphanumeric(),
            None => false,
        };
        (matches!(class, 2 | 4 | 5) && !goes_on).then_some(Self::new(class, subject, detail))
    }

    /// The first code of a failure somewhere in a text that people read. Parts of longer
    /// numbers, such as addresses of the network, are none.
    pub fn find_in(text: &str) -> Option<Self> {
        Self::all_in(text).next()
    }

    /// All codes of failures in a text that people read.
    pub fn all_in(text: &str) -> impl Iterator<Item = Self> + '_ {
        let mut before = ' ';
        text.char_indices().filter_map(move |(at, c)| {
            let begins = matches!(c, '4' | '5') && !before.is_alphanumeric() && before != '.';
            before = c;
            let code = begins.then(|| Self::at_start(&text[at..])).flatten();
            // The subjects that there are (RFC 3463, 3): no dates or versions.
            code.filter(|code| code.subject <= 7)
        })
    }

    /// Whether another attempt may succeed (RFC 3463, 2: 4.y.z).
    pub(super) const fn is_transient(self) -> bool {
        self.class == 4
    }

    /// Whether it has this subject and detail, in whatever class.
    pub(super) const fn is(self, subject: u16, detail: u16) -> bool {
        self.subject == subject && self.detail == detail
    }

    /// What it says of itself, without words; none where that is no more than that something
    /// failed.
    pub(super) fn meaning(self) -> Option<BounceReason> {
        codes::of_code(self.subject, self.detail)
    }

    /// What a mail that failed with this code and no words means for its address; none where the
    /// code says that nothing failed.
    pub fn kind(self) -> Option<BounceKind> {
        match self.class {
            2 => None,
            5 => Some(self.meaning().map_or(BounceKind::Soft, BounceReason::kind)),
            _ => Some(BounceKind::Soft),
        }
    }
}

impl std::fmt::Display for StatusCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A number of at most so many digits, and what follows it.
fn number(text: &str, most: usize) -> Option<(u16, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > most {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_with_its_comment() {
        let code = StatusCode::at_start("5.1.1 (bad destination mailbox)").unwrap();
        assert_eq!(code.to_string(), "5.1.1");
        assert_eq!(code.kind(), Some(BounceKind::Hard));
        for none in [
            "", "5", "5.1", "5.1.", "5.1.1.1", "55.1.1", "6.1.1", "5.1.1a", "5.1.1234",
        ] {
            assert_eq!(StatusCode::at_start(none), None, "{none}");
        }
    }

    #[test]
    fn a_code_is_found_among_words_and_not_in_numbers() {
        let found = |text| StatusCode::find_in(text).map(|code| code.to_string());
        assert_eq!(
            found("Sorry, no mailbox here by that name. (#5.1.1)").as_deref(),
            Some("5.1.1")
        );
        assert_eq!(
            found("mx.example[192.0.2.5] said: 550-5.7.26 no").as_deref(),
            Some("5.7.26")
        );
        for none in [
            "10.4.2.1",
            "5.1.1.7",
            "version v5.1.1",
            "2.0.0 ok",
            "ü",
            "4.2",
            "14.2.2",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn only_what_speaks_of_the_address_is_for_good() {
        let kind = |text| StatusCode::at_start(text).and_then(StatusCode::kind);
        for hard in [
            "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4",
        ] {
            assert_eq!(kind(hard), Some(BounceKind::Hard), "{hard}");
        }
        for soft in [
            "4.4.7", "4.2.2", "4.1.1", "5.2.2", "5.3.4", "5.7.1", "5.7.26", "5.6.0", "5.1.8",
            "5.0.0", "5.1.0", "5.2.0", "5.4.1", "5.5.0",
        ] {
            assert_eq!(kind(soft), Some(BounceKind::Soft), "{soft}");
        }
        assert_eq!(kind("2.1.5"), None);
    }
}
