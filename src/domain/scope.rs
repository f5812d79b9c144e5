//! What a key for programs allows.

/// One thing that a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To read recipients, their tracking setting and groups.
    ReadRecipients,
    /// To enter and change recipients and groups.
    WriteRecipients,
    /// To change what is recorded about a recipient.
    WriteTracking,
    /// To delete recipients.
    DeleteRecipients,
    /// To read mailings.
    ReadMailings,
    /// To read reports.
    ReadReports,
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(i32);

impl Scope {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::ReadRecipients,
        Self::WriteRecipients,
        Self::WriteTracking,
        Self::DeleteRecipients,
        Self::ReadMailings,
        Self::ReadReports,
    ];

    /// As programs read it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ReadRecipients => "recipients:read",
            Self::WriteRecipients => "recipients:write",
            Self::WriteTracking => "tracking:write",
            Self::DeleteRecipients => "recipients:delete",
            Self::ReadMailings => "mailings:read",
            Self::ReadReports => "reports:read",
        }
    }

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ReadRecipients => "Empfänger und Gruppen lesen",
            Self::WriteRecipients => "Empfänger und Gruppen anlegen und ändern",
            Self::WriteTracking => "Widersprüche und Einwilligungen eintragen und aufheben",
            Self::DeleteRecipients => "Empfänger löschen",
            Self::ReadMailings => "E-Mailings lesen",
            Self::ReadReports => "Analysen lesen",
        }
    }

    /// The scope of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }

    const fn bit(self) -> i32 {
        match self {
            Self::ReadRecipients => 1,
            Self::WriteRecipients => 2,
            Self::WriteTracking => 4,
            Self::DeleteRecipients => 8,
            Self::ReadMailings => 16,
            Self::ReadReports => 32,
        }
    }
}

impl Scopes {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// From the stored bits.
    pub const fn from_bits(bits: i32) -> Self {
        Self(bits)
    }

    /// The bits as stored.
    pub const fn bits(self) -> i32 {
        self.0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// Whether that is among them.
    pub const fn allow(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order they are shown.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.allow(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(all: I) -> Self {
        all.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_bits_and_words_of_their_own() {
        let all: Scopes = Scope::ALL.into_iter().collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), Scope::ALL);
        for scope in Scope::ALL {
            assert_eq!(Scope::of_word(scope.word()), Some(scope));
            let alone = Scopes::NONE.with(scope);
            assert_eq!(alone.iter().collect::<Vec<_>>(), [scope]);
            assert_eq!(Scopes::from_bits(alone.bits()), alone);
        }
        assert!(Scope::of_word("everything").is_none());
    }
}
