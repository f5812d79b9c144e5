//! What a mail server refused a mail for.

use super::BounceKind;
use crate::domain::stored_as_word;

stored_as_word! {
    /// What was refused: the address, its mailbox for now, or something that is no matter of the
    /// recipient.
    BounceReason {
        /// There is no such mailbox.
        NoMailbox => "no_mailbox",
        /// The recipient has moved to another address.
        Moved => "moved",
        /// The mailbox is switched off.
        Disabled => "disabled",
        /// There is no such domain, or it takes no mails at all.
        NoDomain => "no_domain",
        /// The mailbox is full.
        Full => "full",
        /// The mailbox takes nothing for now.
        Unavailable => "unavailable",
        /// The sender's address.
        Sender => "sender",
        /// The sending host: its IP address, its name (PTR), its reputation, a block list.
        Reputation => "reputation",
        /// SPF, DKIM, DMARC or ARC.
        Authentication => "authentication",
        /// What stands in the mail: taken for spam, a virus, malformed.
        Content => "content",
        /// A rule of the receiving side, not nearer described.
        Policy => "policy",
        /// The mail is too large.
        Size => "size",
        /// Too many mails, or too early (greylisting).
        Rate => "rate",
        /// A mail server that could not be reached in time.
        Unreachable => "unreachable",
        /// A mail that went in circles.
        Loop => "loop",
        /// A fault of a mail system.
        System => "system",
        /// Nothing that could be recognised.
        Unknown => "unknown",
    }
}

impl BounceReason {
    /// What is said of the address itself.
    pub const PERMANENT: [Self; 4] = [Self::NoMailbox, Self::Moved, Self::Disabled, Self::NoDomain];

    /// How a bounce for this reason counts. Only what is said of the address itself is permanent.
    pub const fn kind(self) -> BounceKind {
        match self {
            Self::NoMailbox | Self::Moved | Self::Disabled | Self::NoDomain => BounceKind::Hard,
            _ => BounceKind::Soft,
        }
    }

    /// Whether it is about this recipient's mailbox. What is about the sender, the mail or the way
    /// there would be said of every recipient alike, so it counts against none.
    pub const fn is_about_the_mailbox(self) -> bool {
        matches!(self, Self::Full | Self::Unavailable) || matches!(self.kind(), BounceKind::Hard)
    }

    /// What it comes to in a reply that is for now only (RFC 5321, 4.2.1: 4yz).
    pub(super) const fn for_now(self) -> Self {
        match self {
            Self::NoDomain => Self::Unreachable,
            Self::NoMailbox | Self::Moved | Self::Disabled => Self::Unavailable,
            other => other,
        }
    }

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoMailbox => "Adresse gibt es nicht",
            Self::Moved => "Adresse ist umgezogen",
            Self::Disabled => "Postfach ist abgeschaltet",
            Self::NoDomain => "Domain gibt es nicht oder sie nimmt keine E-Mails an",
            Self::Full => "Postfach ist voll",
            Self::Unavailable => "Postfach ist zurzeit nicht erreichbar",
            Self::Sender => "Absenderadresse abgelehnt",
            Self::Reputation => "IP-Adresse oder Ruf des Mailservers abgelehnt",
            Self::Authentication => "SPF, DKIM oder DMARC nicht bestanden",
            Self::Content => "Inhalt abgelehnt, zum Beispiel als Spam",
            Self::Policy => "Durch eine Regel des Anbieters abgelehnt",
            Self::Size => "E-Mail ist zu groß",
            Self::Rate => "Zu viele E-Mails in kurzer Zeit",
            Self::Unreachable => "Mailserver war nicht erreichbar",
            Self::Loop => "E-Mail lief im Kreis",
            Self::System => "Störung eines Mailsystems",
            Self::Unknown => "Ohne erkennbaren Grund abgelehnt",
        }
    }
}
