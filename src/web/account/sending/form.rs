//! What can be typed about a mail server.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::db::models::smtp_settings::SmtpSettings;
use crate::domain::address::EmailAddress;
use crate::domain::server::Encryption;
use crate::mail::verp::LONGEST_PLAIN_LOCAL_PART;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::versions::Snapshot;

/// More would be taken for an attack by most servers.
const MOST_CONNECTIONS: i64 = 20;
/// So many mails a minute are no limit at all.
const MOST_PER_MINUTE: i64 = 100_000;

/// The form as typed. Holds a password, so it has no `Debug` (rule P8).
#[derive(Clone)]
pub struct SendingForm {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: String,
    /// The word of an [`Encryption`].
    pub encryption: String,
    /// Who signs in.
    pub username: String,
    /// The new password; empty keeps the stored one.
    password: Zeroizing<String>,
    /// Whether the stored password is to be forgotten.
    pub forget_password: bool,
    /// Connections at the same time.
    pub connections: String,
    /// Mails a minute.
    pub per_minute: String,
    /// Where bounces go.
    pub return_path: String,
}

/// What a form means, with the password in the clear.
pub struct Wanted {
    /// All but the password.
    pub settings: SmtpSettings,
    /// What becomes of the password.
    pub password: NewPassword,
}

/// What becomes of the stored password.
pub enum NewPassword {
    /// It stays.
    Keep,
    /// It is forgotten.
    Forget,
    /// This one takes its place.
    Set(Zeroizing<String>),
}

impl SendingForm {
    /// Before anything is set up: what most providers want.
    pub fn empty() -> Self {
        Self {
            host: String::new(),
            port: "587".to_owned(),
            encryption: Encryption::StartTls.as_str().to_owned(),
            username: String::new(),
            password: Zeroizing::default(),
            forget_password: false,
            connections: "4".to_owned(),
            per_minute: String::new(),
            return_path: String::new(),
        }
    }

    /// From what is stored.
    pub fn of(settings: &SmtpSettings) -> Self {
        Self {
            host: settings.host.clone(),
            port: settings.port.to_string(),
            encryption: settings.encryption.as_str().to_owned(),
            username: settings.username.clone(),
            password: Zeroizing::default(),
            forget_password: false,
            connections: settings.connections.to_string(),
            per_minute: match settings.per_minute {
                0 => String::new(),
                limit => limit.to_string(),
            },
            return_path: settings.return_path.clone(),
        }
    }

    /// From what a browser sends.
    pub fn from_fields(fields: &Fields) -> Self {
        let text = |name| fields.text(name).trim().to_owned();
        Self {
            host: text("host"),
            port: text("port"),
            encryption: text("encryption"),
            username: text("username"),
            password: Zeroizing::new(fields.text("password").to_owned()),
            forget_password: fields.has("forget_password"),
            connections: text("connections"),
            per_minute: text("per_minute"),
            return_path: text("return_path"),
        }
    }

    /// The form's fields without the password, for comparing them with what somebody else saved.
    pub fn snapshot(&self) -> Snapshot {
        let encryption = match self.encryption.as_str() {
            "starttls" => "STARTTLS",
            "tls" => "TLS",
            _ => "keine",
        };
        Snapshot::default()
            .text("host", "Server", &self.host)
            .choice(
                "encryption",
                "Verschlüsselung",
                &self.encryption,
                encryption,
            )
            .text("port", "Port", &self.port)
            .text("username", "Benutzername", &self.username)
            .text(
                "connections",
                "Verbindungen gleichzeitig",
                &self.connections,
            )
            .text("per_minute", "E-Mails pro Minute", &self.per_minute)
            .text("return_path", "Rücksendeadresse", &self.return_path)
    }

    /// What is wanted, or what is wrong with it.
    pub fn read(&self, stored: Option<&SmtpSettings>) -> Result<Wanted, FormErrors> {
        let mut errors = FormErrors::new();
        let host = host(&self.host);
        if host.is_none() {
            errors.add(
                "host",
                "Geben Sie den Namen des Servers ohne Port ein, zum Beispiel smtp.example.de.",
            );
        }
        let port = within(&self.port, 1, 65_535);
        if port.is_none() {
            errors.add("port", "Geben Sie als Port eine Zahl von 1 bis 65535 ein.");
        }
        let encryption: Option<Encryption> = self.encryption.parse().ok();
        if encryption.is_none() {
            errors.add("encryption", "Wählen Sie eine Verschlüsselung.");
        }
        if self.username.chars().count() > 250 || self.username.contains(char::is_control) {
            errors.add(
                "username",
                "Der Benutzername darf höchstens 250 Zeichen haben.",
            );
        }
        let connections = within(&self.connections, 1, MOST_CONNECTIONS);
        if connections.is_none() {
            errors.add(
                "connections",
                format!("Geben Sie eine Zahl von 1 bis {MOST_CONNECTIONS} ein."),
            );
        }
        let per_minute = match self.per_minute.as_str() {
            "" => Some(0),
            text => within(text, 0, MOST_PER_MINUTE),
        };
        if per_minute.is_none() {
            errors.add(
                "per_minute",
                "Geben Sie eine Zahl bis 100000 ein, oder lassen Sie das Feld leer.",
            );
        }
        if let Some(problem) = self.return_path_problem() {
            errors.add("return_path", problem);
        }
        let (Some(host), Some(port), Some(encryption), Some(connections), Some(per_minute)) =
            (host, port, encryption, connections, per_minute)
        else {
            return Err(errors);
        };
        let settings = SmtpSettings {
            active: stored.is_some_and(|stored| stored.active),
            host,
            port,
            encryption,
            username: self.username.clone(),
            password: None,
            connections,
            per_minute,
            return_path: self.return_path.clone(),
        };
        match self.new_password(&settings, stored) {
            Ok(password) if errors.is_empty() => Ok(Wanted { settings, password }),
            Ok(_) => Err(errors),
            Err(problem) => {
                errors.add("password", problem);
                Err(errors)
            }
        }
    }

    fn return_path_problem(&self) -> Option<String> {
        if self.return_path.is_empty() {
            return None;
        }
        let address = match EmailAddress::parse(&self.return_path) {
            Ok(address) => address,
            Err(problem) => return Some(problem.to_string()),
        };
        let local_part = address.as_typed().split('@').next().unwrap_or_default();
        if !local_part.is_ascii() {
            return Some("Vor dem @ darf die Rücksendeadresse keine Umlaute enthalten.".to_owned());
        }
        (local_part.len() > LONGEST_PLAIN_LOCAL_PART).then(|| {
            format!(
                "Vor dem @ darf die Rücksendeadresse höchstens {LONGEST_PLAIN_LOCAL_PART} Zeichen haben, damit noch ein Kennzeichen dazu passt."
            )
        })
    }

    fn new_password(
        &self,
        settings: &SmtpSettings,
        stored: Option<&SmtpSettings>,
    ) -> Result<NewPassword, &'static str> {
        if !self.password.is_empty() {
            if self.username.is_empty() {
                return Err("Zu einem Passwort gehört ein Benutzername.");
            }
            if self.password.len() > 500 || self.password.contains(char::is_control) {
                return Err("Das Passwort darf höchstens 500 Zeichen haben.");
            }
            return Ok(NewPassword::Set(self.password.clone()));
        }
        let kept = stored.filter(|stored| stored.password.is_some());
        if self.forget_password || self.username.is_empty() {
            return Ok(NewPassword::Forget);
        }
        let Some(kept) = kept else {
            return Err("Geben Sie das Passwort ein, oder lassen Sie auch den Benutzernamen leer.");
        };
        // Whoever may change the server must not learn the password by sending it elsewhere.
        let weaker = settings.encryption == Encryption::None && kept.encryption != Encryption::None;
        if kept.host != settings.host || kept.username != settings.username || weaker {
            return Err(
                "Geben Sie das Passwort neu ein: Das gespeicherte gilt nur für den bisherigen Server, Benutzer und Schutz der Verbindung.",
            );
        }
        Ok(NewPassword::Keep)
    }
}

/// The names of the fields that differ, for the audit log.
pub fn changed(before: Option<&SmtpSettings>, after: &Wanted) -> Vec<&'static str> {
    let now = &after.settings;
    let mut changed = Vec::new();
    let mut note = |name, differs| {
        if differs {
            changed.push(name);
        }
    };
    let differs = |same: fn(&SmtpSettings, &SmtpSettings) -> bool| {
        before.is_none_or(|before| !same(before, now))
    };
    note("host", differs(|a, b| a.host == b.host));
    note("port", differs(|a, b| a.port == b.port));
    note("encryption", differs(|a, b| a.encryption == b.encryption));
    note("username", differs(|a, b| a.username == b.username));
    note(
        "connections",
        differs(|a, b| a.connections == b.connections),
    );
    note("per_minute", differs(|a, b| a.per_minute == b.per_minute));
    note(
        "return_path",
        differs(|a, b| a.return_path == b.return_path),
    );
    let had_password = before.is_some_and(|before| before.password.is_some());
    note(
        "password",
        match after.password {
            NewPassword::Keep => false,
            NewPassword::Forget => had_password,
            NewPassword::Set(_) => true,
        },
    );
    changed
}

/// A host's name in ASCII (IDNA), or an IP address.
fn host(typed: &str) -> Option<String> {
    if let Ok(address) = typed.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let name = idna::domain_to_ascii_strict(typed).ok()?;
    (!name.is_empty() && !name.ends_with('.')).then_some(name)
}

fn within(typed: &str, least: i64, most: i64) -> Option<i64> {
    let number: i64 = typed.parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}
