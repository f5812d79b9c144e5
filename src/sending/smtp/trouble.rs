//! What keeps an account's mails from going out at all.

/// Why a mail server takes nothing now. It is no fault of any mail, so nothing is lost: all of it
/// is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// What is set up can't be used: the password was sealed under another secret.
    #[error("the settings can't be used")]
    Settings,
    /// Nobody answers there.
    #[error("the server can't be reached")]
    Unreachable,
    /// Something answers that is no mail server, or hangs up at once.
    #[error("the server does not speak SMTP, or hangs up")]
    Silent,
    /// STARTTLS was chosen, and the server does not offer it.
    #[error("the server offers no STARTTLS")]
    NoTls,
    /// The TLS handshake failed.
    #[error("no TLS with the server")]
    Tls,
    /// The certificate is not trusted, or is another host's.
    #[error("the server's certificate is not trusted")]
    Certificate,
    /// User and password were refused, or are asked for.
    #[error("signing in was refused ({0})")]
    SignIn(String),
    /// The server knows no way of signing in that we know.
    #[error("the server offers no way to sign in")]
    NoSignIn,
    /// The server takes no mails from this sender.
    #[error("the sender was refused ({0})")]
    Sender(String),
    /// The server asks to come back later.
    #[error("the server is busy ({0})")]
    Busy(String),
    /// The server wants nothing of us.
    #[error("the server refuses ({0})")]
    Refused(String),
}

impl Trouble {
    /// What an administrator reads: what is the matter, and what can be done.
    pub fn in_german(&self) -> String {
        match self {
            Self::Settings => "Das gespeicherte Passwort des Mailservers kann nicht gelesen werden. Bitte geben Sie es unter „Versand“ neu ein.".to_owned(),
            Self::Unreachable => "Der Mailserver ist nicht erreichbar. Bitte prüfen Sie Server und Port.".to_owned(),
            Self::Silent => "Der Mailserver antwortet nicht so, wie ein Mailserver antwortet, oder beendet die Verbindung. Bitte prüfen Sie Port und Verschlüsselung.".to_owned(),
            Self::NoTls => "Der Mailserver bietet kein STARTTLS an. Unverschlüsselt wird nicht versendet.".to_owned(),
            Self::Tls => "Mit dem Mailserver kommt keine verschlüsselte Verbindung zustande. Bitte prüfen Sie Port und Verschlüsselung.".to_owned(),
            Self::Certificate => "Das Zertifikat des Mailservers ist nicht vertrauenswürdig oder gilt für einen anderen Namen.".to_owned(),
            Self::SignIn(code) => format!("Der Mailserver lehnt Benutzername oder Passwort ab (Antwort {code})."),
            Self::NoSignIn => "Der Mailserver bietet keine Anmeldung mit Benutzername und Passwort an.".to_owned(),
            Self::Sender(code) => format!("Der Mailserver nimmt keine E-Mails von diesem Absender an (Antwort {code})."),
            Self::Busy(code) => format!("Der Mailserver nimmt im Augenblick nichts an (Antwort {code})."),
            Self::Refused(code) => format!("Der Mailserver lehnt die Verbindung ab (Antwort {code})."),
        }
    }
}
