//! What there is help about, and on which pages it is offered.

use crate::domain::role::Role::{self, Admin, Mailings, Recipients, Reports, Sending};

/// A page of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// In its address. `templates/help/topics/` has a file of this name.
    pub word: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// One sentence for the index.
    pub summary: &'static str,
    /// Where it stands in the index.
    pub part: Part,
    /// Who may do it; *Admin* may do everything, and everybody what needs no role.
    pub roles: &'static [Role],
    /// The page on which it begins, with the words of the link there.
    pub start: (&'static str, &'static str),
    /// The pages that offer it as *Hilfe zu dieser Seite*, as the table of addresses writes them.
    pub pages: &'static [&'static str],
}

/// A part of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The objection to tracking, and what goes with it.
    Tracking,
    /// People and groups.
    Recipients,
    /// Mailings and what became of them.
    Mailings,
    /// Settings of the account.
    Account,
}

impl Part {
    /// In the order of the index.
    pub const ALL: [Self; 4] = [
        Self::Tracking,
        Self::Recipients,
        Self::Mailings,
        Self::Account,
    ];

    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Tracking => "Tracking und Datenschutz",
            Self::Recipients => "Empfänger",
            Self::Mailings => "E-Mailings und Analysen",
            Self::Account => "Benutzerkonto",
        }
    }
}

/// All of it, in the order of the index.
pub const TOPICS: &[Topic] = &[
    Topic {
        word: "tracking-fuer-alle",
        title: "Tracking für das ganze Benutzerkonto deaktivieren",
        summary: "Danach wird bei niemandem mehr festgehalten, ob er öffnet oder klickt.",
        part: Part::Tracking,
        roles: &[Admin],
        start: ("/benutzerkonto/tracking", "Zu Personenbez. Tracking"),
        pages: &["/benutzerkonto/tracking"],
    },
    Topic {
        word: "tracking-fuer-einen",
        title: "Tracking für einen Empfänger deaktivieren",
        summary: "Wenn jemand widerspricht: einen Empfänger suchen und ein Häkchen setzen.",
        part: Part::Tracking,
        roles: &[Recipients],
        start: ("/empfaenger/suche", "Zu Empfänger suchen"),
        pages: &[
            "/empfaenger/{id}/tracking",
            "/empfaenger/{id}/tracking/aufheben",
            "/empfaenger/suche",
        ],
    },
    Topic {
        word: "alte-tracking-daten",
        title: "Alte Tracking-Daten löschen",
        summary: "Was früher erfasst wurde, führt danach nicht mehr zu der Person; alle Zahlen bleiben.",
        part: Part::Tracking,
        roles: &[Recipients],
        start: ("/empfaenger/suche", "Zu Empfänger suchen"),
        pages: &[
            "/empfaenger/{id}/loeschen",
            "/empfaenger/{id}/tracking/pseudonymisieren",
            "/belege",
            "/belege/{id}",
        ],
    },
    Topic {
        word: "einwilligung",
        title: "Tracking nur mit Einwilligung",
        summary: "Erfasst wird nur, wer ausdrücklich zugestimmt hat, mit Nachweis.",
        part: Part::Tracking,
        roles: &[Admin],
        start: ("/benutzerkonto/tracking", "Zu Personenbez. Tracking"),
        pages: &[
            "/benutzerkonto/tracking/modus",
            "/benutzerkonto/tracking/fragen",
            "/empfaenger/{id}/tracking/einwilligung",
        ],
    },
    Topic {
        word: "aufbewahrung",
        title: "Tracking-Daten nach einer Frist pseudonymisieren",
        summary: "Alte Tracking-Daten verschwinden von selbst, oder alle auf einmal.",
        part: Part::Tracking,
        roles: &[Admin],
        start: ("/benutzerkonto/aufbewahrung", "Zur Aufbewahrung"),
        pages: &[
            "/benutzerkonto/aufbewahrung",
            "/benutzerkonto/tracking/vergangenheit",
        ],
    },
    Topic {
        word: "auskunft",
        title: "Auskunft geben",
        summary: "Alles, was über eine Person gespeichert ist: zum Drucken und als Datei.",
        part: Part::Tracking,
        roles: &[Recipients],
        start: ("/empfaenger/suche", "Zu Empfänger suchen"),
        pages: &["/empfaenger/{id}/auskunft", "/empfaenger/{id}/verlauf"],
    },
    Topic {
        word: "loeschwuensche",
        title: "Löschwünsche beantworten",
        summary: "Wer über seine Datenschutz-Einstellungen um Löschung bittet, wartet auf Ihre Antwort.",
        part: Part::Tracking,
        roles: &[Recipients],
        start: ("/empfaenger/loeschwuensche", "Zu den Löschwünschen"),
        pages: &[
            "/empfaenger/loeschwuensche",
            "/empfaenger/{id}/loeschwunsch/ablehnen",
        ],
    },
    Topic {
        word: "loeschen-nach-liste",
        title: "Löschen nach Liste",
        summary: "Viele auf einmal löschen, mit einem Beleg und einem Brief für die Person.",
        part: Part::Tracking,
        roles: &[Recipients],
        start: ("/empfaenger/loeschliste", "Zum Löschen nach Liste"),
        pages: &["/empfaenger/loeschliste", "/belege/{id}/bestaetigung"],
    },
    Topic {
        word: "gruppe-anlegen",
        title: "Gruppen anlegen und füllen",
        summary: "E-Mailings gehen an Gruppen.",
        part: Part::Recipients,
        roles: &[Recipients],
        start: ("/gruppen", "Zu den Gruppen"),
        pages: &[
            "/gruppen",
            "/gruppen/{id}",
            "/gruppen/{id}/aufloesen",
            "/gruppen/{id}/samt-empfaengern-loeschen",
            "/empfaenger/{id}/gruppen",
            "/empfaenger/neu",
        ],
    },
    Topic {
        word: "empfaenger-importieren",
        title: "Empfänger importieren",
        summary: "Eine Liste aus Excel oder einem anderen Programm übernehmen.",
        part: Part::Recipients,
        roles: &[Recipients],
        start: ("/empfaenger/import", "Zum Import"),
        pages: &["/empfaenger/import", "/empfaenger/import/{id}"],
    },
    Topic {
        word: "anmeldeformular",
        title: "Ein Anmeldeformular auf die Website stellen",
        summary: "Leute melden sich selbst an, mit Bestätigung und Nachweis.",
        part: Part::Recipients,
        roles: &[Recipients],
        start: ("/anmeldeformulare", "Zu den Anmeldeformularen"),
        pages: &[
            "/anmeldeformulare",
            "/anmeldeformulare/neu",
            "/anmeldeformulare/{id}",
            "/anmeldeformulare/{id}/loeschen",
        ],
    },
    Topic {
        word: "e-mailing-senden",
        title: "Ein E-Mailing schreiben und senden",
        summary: "Vom Entwurf über Vorschau und Testmail bis zum Versand.",
        part: Part::Mailings,
        roles: &[Mailings, Sending],
        start: ("/e-mailings", "Zu den E-Mailings"),
        pages: &[
            "/e-mailings",
            "/e-mailings/neu",
            "/e-mailings/{id}",
            "/e-mailings/{id}/vorschau",
            "/e-mailings/{id}/testmail",
            "/e-mailings/{id}/senden",
            "/e-mailings/{id}/abbrechen",
            "/e-mailings/bilder",
        ],
    },
    Topic {
        word: "analyse-lesen",
        title: "Eine Analyse lesen",
        summary: "Was die Zahlen bedeuten und worauf sich die Raten beziehen.",
        part: Part::Mailings,
        roles: &[Reports],
        start: ("/analysen", "Zu den Analysen"),
        pages: &[
            "/analysen",
            "/analysen/vergleich",
            "/analysen/{id}",
            "/analysen/{id}/e-mail",
            "/analysen/{id}/aktivitaet",
            "/analysen/{id}/aktivitaet/gruppe",
        ],
    },
    Topic {
        word: "benutzer",
        title: "Benutzer einladen und ihre Rollen ändern",
        summary: "Wer sich anmelden kann, und was er darf.",
        part: Part::Account,
        roles: &[Admin],
        start: ("/benutzerkonto/benutzer", "Zu den Benutzern"),
        pages: &[
            "/benutzerkonto/benutzer",
            "/benutzerkonto/benutzer/einladen",
            "/benutzerkonto/benutzer/einladungen/{id}/zuruecknehmen",
            "/benutzerkonto/benutzer/{id}",
            "/benutzerkonto/benutzer/{id}/entfernen",
        ],
    },
    Topic {
        word: "passwort-und-anmeldungen",
        title: "Eigenes Passwort und eigene Anmeldungen",
        summary: "Das Passwort ändern, und sehen, wo Sie angemeldet sind.",
        part: Part::Account,
        roles: &[],
        start: ("/benutzerkonto/anmeldungen", "Zu Meine Anmeldungen"),
        pages: &["/benutzerkonto/passwort", "/benutzerkonto/anmeldungen"],
    },
    Topic {
        word: "versand-einrichten",
        title: "Den Versand einrichten",
        summary: "E-Mails über den eigenen Mailserver senden und signieren.",
        part: Part::Account,
        roles: &[Admin],
        start: ("/benutzerkonto/versand", "Zum Versand"),
        pages: &[
            "/benutzerkonto/versand",
            "/benutzerkonto/versand/signatur",
            "/benutzerkonto/versand/signatur/{id}/loeschen",
            "/postausgang",
        ],
    },
    Topic {
        word: "ruecklaeufer",
        title: "Rückläufer auswerten lassen",
        summary: "Unzustellbare Adressen und Beschwerden werden von selbst erkannt.",
        part: Part::Account,
        roles: &[Admin],
        start: ("/benutzerkonto/ruecklaeufer", "Zu den Rückläufern"),
        pages: &[
            "/benutzerkonto/ruecklaeufer",
            "/benutzerkonto/ruecklaeufer/absagen",
        ],
    },
    Topic {
        word: "schnittstelle",
        title: "Ein Programm anbinden",
        summary: "Schlüssel, mit denen ein Webshop oder ein anderes Programm Zugriff bekommt.",
        part: Part::Account,
        roles: &[Admin],
        start: ("/benutzerkonto/schnittstelle", "Zur Schnittstelle"),
        pages: &[
            "/benutzerkonto/schnittstelle",
            "/benutzerkonto/schnittstelle/{id}/widerrufen",
        ],
    },
    Topic {
        word: "protokoll",
        title: "Im Protokoll nachsehen",
        summary: "Wer wann was geändert, versendet, gelöscht oder heruntergeladen hat.",
        part: Part::Account,
        roles: &[Admin],
        start: ("/benutzerkonto/protokoll", "Zum Protokoll"),
        pages: &["/benutzerkonto/protokoll"],
    },
];

/// The topic of that word.
pub fn find(word: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.word == word)
}

/// What helps with a page, by its address in the table.
pub fn about(pattern: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.pages.contains(&pattern))
}
