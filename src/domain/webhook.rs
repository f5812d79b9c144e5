//! What other programs are told of by webhooks, and when a telling is tried again.

use super::time::Timestamp;

/// Something that another program can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookEvent {
    /// A recipient objected to personal tracking.
    Objected,
    /// A recipient unsubscribed, or complained about a mail.
    Unsubscribed,
    /// Mails to a recipient come back: no further ones go there.
    Bounced,
    /// Nothing happened: somebody tries whether it arrives.
    Test,
}

impl HookEvent {
    /// Those that a webhook can be for.
    pub const ALL: [Self; 3] = [Self::Objected, Self::Unsubscribed, Self::Bounced];

    /// As it is stored, and told.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Objected => "recipient.objected",
            Self::Unsubscribed => "recipient.unsubscribed",
            Self::Bounced => "recipient.bounced",
            Self::Test => "test",
        }
    }

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Objected => "Widerspruch gegen personenbezogenes Tracking",
            Self::Unsubscribed => "Abmeldung (auch durch eine Beschwerde)",
            Self::Bounced => "Adresse dauerhaft unzustellbar",
            Self::Test => "Test",
        }
    }

    /// The event of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain([Self::Test])
            .find(|event| event.word() == word)
    }

    /// The bit by which a webhook is for it.
    pub const fn bit(self) -> i32 {
        match self {
            Self::Objected => 1,
            Self::Unsubscribed => 2,
            Self::Bounced => 4,
            Self::Test => 0,
        }
    }
}

/// The pauses after a failure, in minutes: two days in all.
const PAUSES: [i64; 9] = [1, 5, 15, 60, 180, 360, 540, 720, 999];

/// For how long it is tried, in milliseconds: after so long without any success a webhook is
/// switched off.
pub const TRIED_MILLIS: i64 = 2 * 24 * 3_600_000;

/// When it is tried again after so many failures; not any more, if none.
pub fn next_try(failures: i64, now: Timestamp) -> Option<Timestamp> {
    let at = usize::try_from(failures - 1).ok()?;
    PAUSES
        .get(at)
        .map(|minutes| now.plus_millis(minutes * 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_takes_two_days() {
        let mut now = Timestamp(0);
        let mut failures = 1;
        while let Some(next) = next_try(failures, now) {
            assert!(next > now);
            now = next;
            failures += 1;
        }
        assert_eq!(now.millis(), TRIED_MILLIS);
    }

    #[test]
    fn events_have_words_of_their_own() {
        for event in HookEvent::ALL {
            assert_eq!(HookEvent::of_word(event.word()), Some(event));
            assert!(event.bit() > 0);
        }
        assert_eq!(HookEvent::of_word("recipient.deleted"), None);
    }
}
