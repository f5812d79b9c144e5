//! Bounces: why a mail server refused a mail, by the words and codes of its reply or report.
//!
//! * [`BounceKind`] is how it is counted, [`BounceReason`] what was refused.
//! * [`rules`] and [`codes`] are the table of words and codes, [`judge`] applies it: to a report that comes back
//!   and to a reply while a mail is handed over alike.

pub mod codes;
mod judge;
mod reason;
pub mod rules;
mod status_code;
mod words;

use super::stored_as_word;
pub use judge::{Verdict, judge};
pub use reason::BounceReason;
pub use status_code::StatusCode;

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

#[cfg(test)]
mod tests {
    use super::*;

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
