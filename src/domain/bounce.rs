//! What comes back of mails, and what the codes in it mean.

use super::stored_as_word;

stored_as_word! {
    /// What came back.
    BounceKind {
        /// The address refuses mails for good.
        Hard => "hard",
        /// This mail did not arrive; another one may.
        Soft => "soft",
        /// The recipient reported the mail as unwanted (RFC 5965).
        Complaint => "complaint",
    }
}

impl BounceKind {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hard => "dauerhaft unzustellbar",
            Self::Soft => "vorübergehend unzustellbar",
            Self::Complaint => "als Spam gemeldet",
        }
    }

    /// Whether it takes the place of what came back before about the same mail.
    pub fn outweighs(self, before: Option<Self>) -> bool {
        let weight = |kind| match kind {
            Self::Soft => 1,
            Self::Hard => 2,
            Self::Complaint => 3,
        };
        weight(self) > before.map_or(0, weight)
    }
}

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
        let mut before = ' ';
        for (at, c) in text.char_indices() {
            if matches!(c, '4' | '5')
                && !before.is_alphanumeric()
                && before != '.'
                && let Some(code) = Self::at_start(&text[at..])
            {
                return Some(code);
            }
            before = c;
        }
        None
    }

    /// Whether it says no more than that something failed (x.0.0).
    pub const fn is_unspecific(self) -> bool {
        self.subject == 0 && self.detail == 0
    }

    /// Whether a server that refuses a mail with it, while it is being handed over, speaks of this
    /// address and of nothing else: there is no such mailbox, domain, or place any more, or the
    /// mailbox is switched off.
    pub const fn is_about_the_address(self) -> bool {
        matches!(
            (self.class, self.subject, self.detail),
            (5, 1, 1 | 2 | 3 | 6 | 10) | (5, 2, 1)
        )
    }

    /// What a mail that failed with this code means for its address; none where the code says
    /// that nothing failed.
    ///
    /// Codes of class 5 speak of this mail, not always of the address: a full mailbox, a mail too
    /// large or taken for spam says nothing about the next one. Those count as temporary.
    pub const fn kind(self) -> Option<BounceKind> {
        match (self.class, self.subject, self.detail) {
            (4, ..)
            // The sender's address is at fault.
            | (5, 1, 7 | 8)
            // The mailbox is full, or takes no mails of this size.
            | (5, 2, 2 | 3)
            // The mail system is full, or at fault, or takes no mails of this size.
            | (5, 3, 1..=5)
            // A mail that went in circles or waited too long.
            | (5, 4, 6 | 7)
            // The mail's content, and what a system has against it.
            | (5, 6 | 7, _) => Some(BounceKind::Soft),
            (5, ..) => Some(BounceKind::Hard),
            _ => None,
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
            "5.0.0", "5.1.1", "5.1.2", "5.2.1", "5.4.1", "5.4.4", "5.5.0",
        ] {
            assert_eq!(kind(hard), Some(BounceKind::Hard), "{hard}");
        }
        for soft in [
            "4.4.7", "4.2.2", "5.2.2", "5.3.4", "5.7.1", "5.7.26", "5.6.0", "5.1.8",
        ] {
            assert_eq!(kind(soft), Some(BounceKind::Soft), "{soft}");
        }
        assert_eq!(kind("2.1.5"), None);
    }

    #[test]
    fn a_refusal_is_about_the_address_or_about_the_sender() {
        let about = |text| StatusCode::at_start(text).is_some_and(StatusCode::is_about_the_address);
        for yes in ["5.1.1", "5.1.2", "5.1.10", "5.2.1"] {
            assert!(about(yes), "{yes}");
        }
        for no in [
            "5.0.0", "5.1.0", "5.1.8", "5.2.2", "5.4.1", "5.7.1", "4.1.1",
        ] {
            assert!(!about(no), "{no}");
        }
    }

    #[test]
    fn the_worse_news_of_a_mail_stays() {
        use BounceKind::{Complaint, Hard, Soft};
        assert!(Soft.outweighs(None) && Hard.outweighs(Some(Soft)));
        assert!(Complaint.outweighs(Some(Hard)) && Complaint.outweighs(Some(Soft)));
        for kind in [Soft, Hard, Complaint] {
            assert!(!kind.outweighs(Some(kind)) && !Soft.outweighs(Some(kind)));
        }
    }
}
