//! The codes of a server's reply.

use std::error::Error as _;

use lettre::transport::smtp::Error;

use crate::domain::bounce::{BounceReason, judge};

/// A refusal, by its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The three digits (RFC 5321, 4.2).
    pub basic: u16,
    /// All there is, such as "550 5.1.1": with the enhanced code (RFC 3463) where it was given.
    pub codes: String,
    /// What was refused, by its codes and words.
    pub reason: BounceReason,
}

impl Reply {
    /// The refusal that an error is about; none if the server said nothing.
    pub(super) fn of(error: &Error) -> Option<Self> {
        let basic = u16::from(error.status()?);
        let words = error.source().map(ToString::to_string);
        let words = words.as_deref().unwrap_or_default();
        let enhanced = enhanced(words, basic);
        let codes = match enhanced {
            Some(enhanced) => format!("{basic} {enhanced}"),
            None => basic.to_string(),
        };
        // Only what it means is kept: the words may hold an address.
        let reason = judge(&format!("{basic} {words}"), None).reason;
        Some(Self {
            basic,
            codes,
            reason,
        })
    }

    /// Whether it is final (RFC 5321, 4.2.1).
    pub(super) const fn is_final(&self) -> bool {
        self.basic >= 500
    }

    /// Whether it is about signing in (RFC 4954, 6).
    pub(super) const fn is_about_signing_in(&self) -> bool {
        matches!(self.basic, 530 | 534 | 535 | 538)
    }

    /// Whether it is no matter of one mailbox: the server for this domain, or the way there, has
    /// had enough for now.
    pub(super) const fn speaks_for_the_domain(&self) -> bool {
        matches!(self.basic, 421 | 451)
    }
}

/// The enhanced code at the beginning of the words, if it is one of this reply's class.
fn enhanced(words: &str, basic: u16) -> Option<&str> {
    let first = words.split_whitespace().next()?;
    let mut parts = first.split('.');
    let class: u16 = parts.next()?.parse().ok()?;
    let numbers: Vec<&str> = parts.collect();
    let well_formed = numbers.len() == 2
        && numbers
            .iter()
            .all(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()));
    (class == basic / 100 && well_formed).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::enhanced;

    #[test]
    fn only_codes_are_taken_from_a_reply() {
        assert_eq!(
            enhanced("5.1.1 <anna@example.org>: unknown", 550),
            Some("5.1.1")
        );
        assert_eq!(enhanced("5.7.26\nmore", 550), Some("5.7.26"));
        for words in [
            "",
            "anna@example.org",
            "4.1.1 of another class",
            "5.1",
            "5.1.1.1",
            "5.1.anna",
            "5.1234.1",
            "192.168.1.1 is listed",
        ] {
            assert_eq!(enhanced(words, 550), None, "{words}");
        }
    }
}
