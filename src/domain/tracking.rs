//! Settings of personal tracking, of an account and of a recipient.

use super::stored_as_word;
use super::time::Timestamp;

stored_as_word! {
    /// Whom an account tracks personally.
    TrackingMode {
        /// *aktiv*: everyone who has not objected.
        Active => "active",
        /// *nur mit Einwilligung*: only those whose consent is recorded (Art. 7 GDPR).
        Consent => "consent",
        /// *deaktiviert*: nobody.
        Off => "off",
    }
}

stored_as_word! {
    /// What a recipient has said about personal tracking.
    RecipientTracking {
        /// *ohne Angabe*: nothing.
        Unset => "unset",
        /// *eingewilligt* (Art. 7 GDPR).
        Consented => "consented",
        /// *widersprochen* (Art. 21 GDPR): the checkbox *Tracking deaktiviert* is ticked.
        Objected => "objected",
    }
}

impl RecipientTracking {
    /// In a word, as lists are narrowed by it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unset => "ohne Angabe",
            Self::Consented => "eingewilligt",
            Self::Objected => "widersprochen",
        }
    }

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Objected => "Tracking deaktiviert",
            said => said.word(),
        }
    }

    /// The end of a sentence about what the person has said.
    pub const fn answer(self) -> &'static str {
        match self {
            Self::Unset => "zum Tracking nichts gesagt",
            said => said.word(),
        }
    }
}

/// For how many months after a refusal nobody asks the same person for consent again (CNIL,
/// deliberation 2026-042).
pub const REST_MONTHS: i64 = 6;

/// From when on somebody who refused then may be asked again.
pub fn may_be_asked_from(refused_at: Timestamp) -> Timestamp {
    refused_at.plus_months(REST_MONTHS)
}

impl TrackingMode {
    /// Whether it may track somebody less than that one.
    pub const fn is_narrower_than(self, other: Self) -> bool {
        !matches!((other, self), (_, Self::Active) | (Self::Off, _))
    }

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "aktiv",
            Self::Consent => "nur mit Einwilligung",
            Self::Off => "deaktiviert",
        }
    }
}

stored_as_word! {
    /// How a recipient's tracking setting, or status, came about.
    TrackingSource {
        /// Set by a user of the account.
        Admin => "admin",
        /// Set by the recipient, behind the link in a mail.
        Recipient => "self",
        /// Came with an imported file.
        Import => "import",
        /// Came with a sign-up form that the recipient confirmed.
        Form => "form",
        /// Set by a program of the account, with a key.
        Program => "api",
        /// Remembered from before the recipient was deleted (rule P9).
        Remembered => "remembered",
        /// Mails came back (statuses only).
        Bounce => "bounce",
        /// The recipient reported a mail as unwanted (statuses only).
        Complaint => "complaint",
    }
}

impl TrackingSource {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Admin => "Benutzer des Kontos",
            Self::Recipient => "Empfänger selbst",
            Self::Import => "Import",
            Self::Form => "Anmeldeformular",
            Self::Program => "Schnittstelle",
            Self::Remembered => "gemerkter Widerspruch",
            Self::Bounce => "Rückläufer",
            Self::Complaint => "Beschwerde",
        }
    }
}

stored_as_word! {
    /// Whether mails go to a recipient.
    RecipientStatus {
        /// Receives mailings.
        Active => "active",
        /// Has unsubscribed, or was unsubscribed.
        Unsubscribed => "unsubscribed",
        /// The address refuses mails for good.
        Bounced => "bounced",
    }
}

impl RecipientStatus {
    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "Aktiv",
            Self::Unsubscribed => "Abgemeldet",
            Self::Bounced => "Unzustellbar",
        }
    }
}

/// What an account says about tracking: the half of the policy that is the same for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountTracking {
    /// Whom the account tracks personally.
    pub mode: TrackingMode,
    /// Whether what may not be personal is counted anonymously, or not at all.
    pub count_anonymously: bool,
}

stored_as_word! {
    /// How something may be measured; decided by `tracking::policy` and nobody else.
    Decision {
        /// With a way back to the recipient.
        Personal => "personal",
        /// As an hourly total of the mailing, and nothing else (rule P3).
        Anonymous => "anonymous",
        /// Not at all: the mail carries no pixel and unchanged links.
        Nothing => "nothing",
    }
}
