//! What the words of the audit log mean: the area a change belongs to, and what it is called on the
//! screen. A word that is not here is shown as it is stored.

/// A part of the product that changes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// What is recorded about people.
    Tracking,
    /// Recipients and what they do by themselves.
    Recipients,
    /// Deleting and pseudonymising.
    Deletion,
    /// Mailings and the ways they leave.
    Sending,
    /// Data that was taken away or given out.
    Export,
    /// Users, passwords and the account.
    Users,
}

impl Area {
    /// All of them, in the order of the screen.
    pub const ALL: [Self; 6] = [
        Self::Tracking,
        Self::Recipients,
        Self::Deletion,
        Self::Sending,
        Self::Export,
        Self::Users,
    ];

    /// As it stands in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tracking => "tracking",
            Self::Recipients => "empfaenger",
            Self::Deletion => "loeschung",
            Self::Sending => "versand",
            Self::Export => "export",
            Self::Users => "benutzer",
        }
    }

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Tracking => "Tracking",
            Self::Recipients => "Empfänger",
            Self::Deletion => "Löschung",
            Self::Sending => "Versand",
            Self::Export => "Export und Auskunft",
            Self::Users => "Benutzer und Konto",
        }
    }

    /// The area of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.word() == word)
    }

    /// The stored words of all changes that belong here.
    pub fn actions(self) -> Vec<&'static str> {
        let here = ACTIONS.iter().filter(|(_, area, _)| *area == self);
        here.map(|(word, ..)| *word).collect()
    }
}

/// The area of a stored word, and what it is called.
pub fn describe(action: &str) -> Option<(Area, &'static str)> {
    let found = ACTIONS.iter().find(|(word, ..)| *word == action);
    found.map(|(_, area, label)| (*area, *label))
}

/// Stored word, area, what it is called.
const ACTIONS: &[(&str, Area, &str)] = &[
    (
        "account_tracking_off",
        Area::Tracking,
        "Tracking des Kontos deaktiviert",
    ),
    (
        "account_tracking_on",
        Area::Tracking,
        "Tracking des Kontos aktiviert",
    ),
    (
        "account_tracking_by_consent",
        Area::Tracking,
        "Tracking des Kontos nur mit Einwilligung",
    ),
    (
        "account_tracking_options",
        Area::Tracking,
        "Einstellungen zum Tracking geändert",
    ),
    (
        "recipient_objected",
        Area::Tracking,
        "Tracking eines Empfängers deaktiviert",
    ),
    ("objection_lifted", Area::Tracking, "Widerspruch aufgehoben"),
    (
        "recipient_consented",
        Area::Tracking,
        "Einwilligung eingetragen",
    ),
    (
        "retention_changed",
        Area::Tracking,
        "Aufbewahrung der Tracking-Daten geändert",
    ),
    (
        "asking_group_made",
        Area::Tracking,
        "Gruppe zum Fragen nach Einwilligung angelegt",
    ),
    ("recipient_left_group", Area::Recipients, "Gruppe verlassen"),
    (
        "recipient_readmitted",
        Area::Recipients,
        "Wieder in eine verlassene Gruppe aufgenommen",
    ),
    ("signup_confirmed", Area::Recipients, "Anmeldung bestätigt"),
    (
        "recipient_unsubscribed",
        Area::Recipients,
        "Von E-Mailings abgemeldet",
    ),
    (
        "recipient_resubscribed",
        Area::Recipients,
        "Wieder angemeldet",
    ),
    ("fields_merged", Area::Recipients, "Felder zusammengeführt"),
    (
        "recipient_bounced",
        Area::Recipients,
        "Als unzustellbar erkannt",
    ),
    (
        "recipient_reactivated",
        Area::Recipients,
        "Wieder zustellbar",
    ),
    (
        "group_made_of_activity",
        Area::Recipients,
        "Gruppe aus Empfängeraktivität",
    ),
    ("deletion_requested", Area::Deletion, "Um Löschung gebeten"),
    (
        "deletion_request_withdrawn",
        Area::Deletion,
        "Löschwunsch zurückgenommen",
    ),
    (
        "deletion_request_declined",
        Area::Deletion,
        "Löschwunsch abgelehnt",
    ),
    (
        "recipient_pseudonymised",
        Area::Deletion,
        "Alte Tracking-Daten pseudonymisiert",
    ),
    (
        "past_pseudonymised",
        Area::Deletion,
        "Alte Tracking-Daten des Kontos pseudonymisiert",
    ),
    ("list_deleted", Area::Deletion, "Löschen nach Liste"),
    ("recipient_deleted", Area::Deletion, "Empfänger gelöscht"),
    ("mailing_sent", Area::Sending, "Versand gestartet"),
    ("mailing_scheduled", Area::Sending, "Versand geplant"),
    ("mailing_unscheduled", Area::Sending, "Planung aufgehoben"),
    ("mailing_paused", Area::Sending, "Versand angehalten"),
    ("mailing_resumed", Area::Sending, "Versand fortgesetzt"),
    ("mailing_cancelled", Area::Sending, "Versand abgebrochen"),
    ("mail_server_changed", Area::Sending, "Mailserver geändert"),
    ("mail_server_on", Area::Sending, "Versand eingeschaltet"),
    ("mail_server_off", Area::Sending, "Versand ausgeschaltet"),
    (
        "signing_key_made",
        Area::Sending,
        "Signaturschlüssel erzeugt",
    ),
    (
        "signing_key_on",
        Area::Sending,
        "Signaturschlüssel aktiviert",
    ),
    (
        "signing_key_off",
        Area::Sending,
        "Signaturschlüssel deaktiviert",
    ),
    (
        "signing_key_removed",
        Area::Sending,
        "Signaturschlüssel gelöscht",
    ),
    (
        "bounce_mailbox_changed",
        Area::Sending,
        "Postfach für Rückläufer geändert",
    ),
    (
        "soft_bounce_limit_changed",
        Area::Sending,
        "Grenze für Rückläufer geändert",
    ),
    ("report_exported", Area::Export, "Analyse heruntergeladen"),
    ("webhook_made", Area::Export, "Webhook eingerichtet"),
    ("webhook_on", Area::Export, "Webhook eingeschaltet"),
    ("webhook_off", Area::Export, "Webhook ausgeschaltet"),
    (
        "webhook_given_up",
        Area::Export,
        "Webhook ausgeschaltet, weil nichts ankam",
    ),
    ("webhook_removed", Area::Export, "Webhook gelöscht"),
    ("log_exported", Area::Export, "Protokoll heruntergeladen"),
    (
        "address_searched",
        Area::Export,
        "Nach einer Adresse gesucht",
    ),
    ("data_disclosed", Area::Export, "Auskunft erstellt"),
    ("backup_made", Area::Export, "Sicherung erstellt"),
    (
        "backup_restored",
        Area::Export,
        "Aus Sicherung wiederhergestellt",
    ),
    (
        "log_retention_changed",
        Area::Users,
        "Aufbewahrung des Protokolls geändert",
    ),
    ("api_key_made", Area::Users, "API-Schlüssel erzeugt"),
    ("api_key_revoked", Area::Users, "API-Schlüssel widerrufen"),
    ("password_changed", Area::Users, "Passwort geändert"),
    (
        "password_reset",
        Area::Users,
        "Vergessenes Passwort ersetzt",
    ),
    (
        "password_link_made",
        Area::Users,
        "Link für ein neues Passwort erzeugt",
    ),
    ("user_invited", Area::Users, "Benutzer eingeladen"),
    (
        "invitation_renewed",
        Area::Users,
        "Einladung erneut gesendet",
    ),
    (
        "invitation_revoked",
        Area::Users,
        "Einladung zurückgenommen",
    ),
    ("user_joined", Area::Users, "Einladung angenommen"),
    ("user_changed", Area::Users, "Benutzer geändert"),
    ("user_deleted", Area::Users, "Benutzer entfernt"),
    ("session_ended", Area::Users, "Andere Anmeldung beendet"),
    (
        "second_factor_on",
        Area::Users,
        "Zweiten Faktor eingerichtet",
    ),
    ("second_factor_off", Area::Users, "Zweiten Faktor entfernt"),
    (
        "second_factor_reset",
        Area::Users,
        "Zweiten Faktor zurückgesetzt",
    ),
    (
        "second_factor_blocked",
        Area::Users,
        "Zweiten Faktor nach falschen Codes gesperrt",
    ),
    (
        "second_factor_required",
        Area::Users,
        "Pflicht zum zweiten Faktor geändert",
    ),
    (
        "recovery_code_used",
        Area::Users,
        "Wiederherstellungscode verwendet",
    ),
    (
        "recovery_codes_renewed",
        Area::Users,
        "Wiederherstellungscodes erneuert",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The module that declares every action, as it is written.
    const DECLARED: &str = include_str!("../db/models/audit.rs");

    #[test]
    fn every_action_has_an_area_and_a_name() {
        let stored: Vec<&str> = DECLARED
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""))
            .filter_map(|(_, rest)| rest.strip_suffix("\","))
            .filter(|word| !word.contains(' '))
            .collect();
        assert!(stored.len() > 30, "{stored:?}");
        for word in stored {
            assert!(describe(word).is_some(), "{word}");
        }
    }

    #[test]
    fn every_area_has_changes() {
        for area in Area::ALL {
            assert!(!area.actions().is_empty());
            assert_eq!(Area::of_word(area.word()), Some(area));
        }
        assert_eq!(Area::of_word("alles"), None);
    }
}
