//! What the page after a change says. The address carries only a word from this list
//! (`?meldung=gespeichert`), so that nobody can make a page say something else.

/// What a page says at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// `success` or `warning`.
    pub kind: &'static str,
    /// The sentence.
    pub text: &'static str,
}

/// The sentence for a word; none for a word that is not in the list.
pub fn find(word: &str) -> Option<Notice> {
    let (kind, text) = match word {
        "gespeichert" => ("success", "Gespeichert."),
        "konto-tracking-aus" => (
            "success",
            "Tracking deaktiviert. Ab sofort wird für dieses Benutzerkonto nichts mehr personenbezogen erfasst.",
        ),
        "konto-tracking-an" => ("success", "Tracking aktiviert."),
        "passwort-geaendert" => (
            "success",
            "Passwort geändert. Alle anderen Sitzungen wurden beendet.",
        ),
        "tracking-erlaubt" => ("success", "Ihr Widerspruch ist aufgehoben."),
        "abgemeldet" => ("success", "Sie sind abgemeldet."),
        _ => return None,
    };
    Some(Notice { kind, text })
}
