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
#[allow(clippy::too_many_lines, reason = "a list, however long")]
pub fn find(word: &str) -> Option<Notice> {
    let (kind, text) = match word {
        "gespeichert" => ("success", "Gespeichert."),
        "eingaben-wieder-da" => (
            "warning",
            "Ihre Eingaben stehen wieder im Formular. Gespeichert sind sie noch nicht.",
        ),
        "konto-tracking-aus" => (
            "success",
            "Tracking deaktiviert. Ab sofort wird für dieses Benutzerkonto nichts mehr personenbezogen erfasst.",
        ),
        "konto-tracking-an" => ("success", "Tracking aktiviert."),
        "konto-tracking-einwilligung" => (
            "success",
            "Ab sofort wird nur noch personenbezogen erfasst, wer eingewilligt hat.",
        ),
        "modus-unveraendert" => ("warning", "Das gilt bereits. Es wurde nichts geändert."),
        "modus-geaendert" => (
            "warning",
            "Die Einstellung wurde inzwischen geändert. Bitte sehen Sie noch einmal hin.",
        ),
        "einwilligung-eingetragen" => ("success", "Einwilligung eingetragen."),
        "keine-vergangenheit" => ("warning", "Es ist nichts da, was zu pseudonymisieren wäre."),
        "nichts-so-alt" => (
            "success",
            "Nichts ist so alt. Es gibt nichts zu pseudonymisieren.",
        ),
        "passwort-geaendert" => (
            "success",
            "Passwort geändert. Alle anderen Sitzungen wurden beendet.",
        ),
        "tracking-aus" => (
            "success",
            "Tracking deaktiviert. Ab sofort wird über diesen Empfänger nichts mehr personenbezogen erfasst.",
        ),
        "tracking-an" => (
            "success",
            "Tracking aktiviert. Der Widerspruch ist aufgehoben.",
        ),
        "widersprochen" => (
            "success",
            "Sie haben widersprochen. Ab sofort wird über Sie nichts mehr personenbezogen erfasst.",
        ),
        "tracking-erlaubt" => (
            "success",
            "Danke. Sie haben personenbezogenes Tracking erlaubt und können es hier jederzeit widerrufen.",
        ),
        "gruppe-selbst-verlassen" => (
            "warning",
            "Gespeichert. Unverändert bleiben die Gruppen, die dieser Empfänger selbst verlassen hat; sie stehen unten.",
        ),
        "gruppe-wieder-aufgenommen" => ("success", "Wieder in die Gruppe aufgenommen."),
        "gruppe-verlassen" => ("success", "Sie haben die Gruppe verlassen."),
        "person-abgemeldet" => ("success", "Sie sind von allen E-Mails abgemeldet."),
        "loeschwunsch" => ("success", "Ihr Löschwunsch ist angekommen."),
        "loeschwunsch-zurueckgenommen" => {
            ("success", "Sie haben Ihren Löschwunsch zurückgenommen.")
        }
        "loeschwunsch-abgelehnt" => (
            "success",
            "Abgelehnt. Die Person sieht den Grund in ihren Datenschutz-Einstellungen.",
        ),
        "anmeldung-bestaetigt" => (
            "success",
            "Ihre Anmeldung ist bestätigt. Hier sehen Sie, was gilt, und können es jederzeit ändern.",
        ),
        "formular-angelegt" => ("success", "Formular angelegt."),
        "formular-geloescht" => ("success", "Formular gelöscht."),
        "empfaenger-hinzugefuegt" => ("success", "Empfänger hinzugefügt."),
        "empfaenger-widerspruch-gemerkt" => (
            "warning",
            "Empfänger hinzugefügt. Für diese Adresse ist ein Widerspruch gemerkt, deshalb ist das Tracking von Anfang an deaktiviert.",
        ),
        "empfaenger-abmeldung-gemerkt" => (
            "warning",
            "Empfänger hinzugefügt. Für diese Adresse ist eine Abmeldung gemerkt, deshalb erhält der Empfänger keine E-Mailings.",
        ),
        "empfaenger-beides-gemerkt" => (
            "warning",
            "Empfänger hinzugefügt. Für diese Adresse sind ein Widerspruch und eine Abmeldung gemerkt: Das Tracking ist von Anfang an deaktiviert, und der Empfänger erhält keine E-Mailings.",
        ),
        "widerspruch-wieder-gemerkt" => (
            "warning",
            "Gespeichert. Für die neue Adresse ist ein Widerspruch gemerkt, deshalb ist das Tracking jetzt deaktiviert.",
        ),
        "abmeldung-wieder-gemerkt" => (
            "warning",
            "Gespeichert. Für die neue Adresse ist eine Abmeldung gemerkt, deshalb erhält der Empfänger jetzt keine E-Mailings mehr.",
        ),
        "beides-wieder-gemerkt" => (
            "warning",
            "Gespeichert. Für die neue Adresse sind ein Widerspruch und eine Abmeldung gemerkt: Das Tracking ist jetzt deaktiviert, und der Empfänger erhält keine E-Mailings mehr.",
        ),
        "neue-adresse-zustellbar" => (
            "success",
            "Gespeichert. Die Rückläufer betrafen die alte Adresse: An die neue werden wieder E-Mailings gesendet.",
        ),
        "empfaenger-abgemeldet" => (
            "success",
            "Abgemeldet. Der Empfänger erhält keine E-Mailings mehr.",
        ),
        "empfaenger-angemeldet" => (
            "success",
            "Wieder angemeldet. Der Empfänger erhält wieder E-Mailings.",
        ),
        "empfaenger-wieder-zustellbar" => (
            "success",
            "Wieder zustellbar. Der Empfänger erhält wieder E-Mailings, und die Zählung der Rückläufer beginnt von vorn.",
        ),
        "absagen-zurueckgenommen" => (
            "success",
            "Zurückgenommen. Diese Empfänger erhalten wieder E-Mailings.",
        ),
        "postfach-abgerufen" => ("success", "Das Postfach wurde abgerufen."),
        "postfach-wird-abgerufen" => (
            "success",
            "Das Postfach wird gerade abgerufen. Laden Sie die Seite gleich noch einmal.",
        ),
        "nichts-ausgewaehlt" => ("warning", "Wählen Sie mindestens einen Empfänger aus."),
        "loeschliste-abgelaufen" => (
            "warning",
            "Die Vorschau war älter als eine Stunde, und es wurde nichts gelöscht. Bitte prüfen Sie die Liste noch einmal.",
        ),
        "felder-zusammengefuehrt" => (
            "success",
            "Felder zusammengeführt. Bitte prüfen Sie, ob E-Mailings noch einen der anderen Namen verwenden.",
        ),
        "import-vorschau" => (
            "warning",
            "Die Datei wird jetzt anders gelesen. Bitte prüfen Sie die Spalten, und starten Sie dann den Import.",
        ),
        "import-verworfen" => ("success", "Verworfen. Die hochgeladene Datei ist gelöscht."),
        "gruppe-angelegt" => ("success", "Gruppe angelegt."),
        "gruppe-aufgeloest" => (
            "success",
            "Gruppe aufgelöst. Ihre Empfänger sind weiterhin vorhanden.",
        ),
        "versand-gestartet" => ("success", "Der Versand hat begonnen."),
        "versand-geplant" => ("success", "Der Versand ist geplant."),
        "planung-aufgehoben" => (
            "success",
            "Die Planung ist aufgehoben. Das E-Mailing ist wieder ein Entwurf.",
        ),
        "versand-angehalten" => ("success", "Der Versand ist angehalten."),
        "versand-fortgesetzt" => ("success", "Der Versand geht weiter."),
        "versand-abgebrochen" => ("success", "Der Versand ist abgebrochen."),
        "entwurf-geloescht" => ("success", "Entwurf gelöscht."),
        "bild-hochgeladen" => (
            "success",
            "Hochgeladen. Vergessen Sie beim Einfügen nicht, das Bild in alt zu beschreiben.",
        ),
        "bild-geloescht" => ("success", "Bild gelöscht."),
        "kopiert" => ("success", "Kopiert. Das hier ist der neue Entwurf."),
        "postausgang-geleert" => ("success", "Der Postausgang ist leer."),
        "abgemeldet" => ("success", "Sie sind abgemeldet."),
        _ => return of_sending(word).or_else(|| of_users(word)),
    };
    Some(Notice { kind, text })
}

/// Those of users and their signing in.
fn of_users(word: &str) -> Option<Notice> {
    let (kind, text) = match word {
        "eingeladen" => (
            "success",
            "Eingeladen. Die E-Mail mit dem Link ist unterwegs.",
        ),
        "einladung-zurueckgenommen" => (
            "success",
            "Einladung zurückgenommen. Der Link gilt nicht mehr.",
        ),
        "passwort-link" => (
            "success",
            "Die E-Mail mit dem Link für ein neues Passwort ist unterwegs.",
        ),
        "benutzer-entfernt" => (
            "success",
            "Benutzer entfernt. Alle seine Anmeldungen sind beendet.",
        ),
        "zweiter-faktor-aus" => (
            "success",
            "Ausgeschaltet. Zum Anmelden genügt jetzt das Passwort.",
        ),
        "zweiter-faktor-zurueckgesetzt" => (
            "success",
            "Zurückgesetzt. Die Person meldet sich jetzt mit dem Passwort allein an.",
        ),
        "zweiter-faktor-verlangt" => (
            "success",
            "Gespeichert. Wer noch keinen zweiten Faktor hat, wird beim nächsten Schritt zum Einrichten geführt.",
        ),
        "wiederherstellungscode-verwendet" => (
            "warning",
            "Sie haben sich mit einem Wiederherstellungscode angemeldet; er gilt nicht mehr. Ist Ihre App verloren, schalten Sie den zweiten Faktor aus, und richten Sie ihn neu ein.",
        ),
        "anmeldung-abgelaufen" => (
            "warning",
            "Bitte beginnen Sie noch einmal mit dem Passwort.",
        ),
        "anmeldung-beendet" => ("success", "Anmeldung beendet."),
        "andere-abgemeldet" => ("success", "Überall sonst sind Sie jetzt abgemeldet."),
        "passwort-ersetzt" => (
            "success",
            "Passwort gespeichert. Melden Sie sich jetzt damit an.",
        ),
        _ => return None,
    };
    Some(Notice { kind, text })
}

/// Those of *Versand* and *Signatur*.
fn of_sending(word: &str) -> Option<Notice> {
    let (kind, text) = match word {
        "mailserver-gespeichert" => (
            "success",
            "Gespeichert. Bis Sie den Versand einschalten, landen E-Mails weiter im Postausgang: Testen Sie vorher die Verbindung.",
        ),
        "versand-an" => (
            "success",
            "Versand eingeschaltet. E-Mails gehen ab sofort über Ihren Mailserver.",
        ),
        "versand-aus" => (
            "success",
            "Versand ausgeschaltet. E-Mails landen ab sofort im Postausgang.",
        ),
        "schluessel-erzeugt" => (
            "success",
            "Schlüssel erzeugt. Tragen Sie ihn im DNS ein, und aktivieren Sie ihn danach.",
        ),
        "signatur-an" => (
            "success",
            "Aktiviert. E-Mails von dieser Domain werden ab sofort mit diesem Schlüssel signiert.",
        ),
        "signatur-aus" => (
            "success",
            "Deaktiviert. Mit diesem Schlüssel wird nichts mehr signiert.",
        ),
        "webhook-test" => (
            "success",
            "Das Testereignis wird gesendet. Laden Sie die Seite gleich noch einmal, um die Antwort zu sehen.",
        ),
        "webhook-erneut" => (
            "success",
            "Die Nachricht wird noch einmal gesendet. Laden Sie die Seite gleich noch einmal.",
        ),
        "webhook-an" => ("success", "Webhook eingeschaltet."),
        "webhook-aus" => (
            "success",
            "Webhook ausgeschaltet. Was ab jetzt geschieht, erfährt das andere Programm nicht.",
        ),
        "webhook-geloescht" => ("success", "Webhook gelöscht."),
        "api-schluessel-widerrufen" => (
            "success",
            "Widerrufen. Mit diesem Schlüssel kommt ab sofort kein Programm mehr herein.",
        ),
        "schluessel-geloescht" => ("success", "Schlüssel gelöscht."),
        _ => return None,
    };
    Some(Notice { kind, text })
}
