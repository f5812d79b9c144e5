//! Tab *Rückläufer*: the mailbox in which bounces and complaints arrive, and when an address
//! counts as undeliverable.

use std::time::Duration;

use actix_web::web;
use askama::Template;
use serde_json::json;

use super::refusals::{self, DAYS, Group};
use super::saving::{self, Sent, password_again};
use crate::db::Conn;
use crate::db::models::accounts::{self, Account};
use crate::db::models::audit::{self, Action, Entry};
use crate::db::models::bounce_mailboxes::{self, Mailbox, Progress};
use crate::db::models::bounces::{self, Sums};
use crate::db::models::recipient_list::{self, Filter};
use crate::db::models::smtp_settings;
use crate::db::paging::CappedCount;
use crate::db::search::COUNT_LIMIT;
use crate::domain::server::Encryption;
use crate::domain::time::Timestamp;
use crate::domain::tracking::RecipientStatus;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::Snapshot;

/// The tab's address.
const HERE: &str = "/benutzerkonto/ruecklaeufer";

/// The address after a mailbox was read, or while it still is.
const READ: &str = "/benutzerkonto/ruecklaeufer?meldung=postfach-abgerufen";
const READING: &str = "/benutzerkonto/ruecklaeufer?meldung=postfach-wird-abgerufen";

/// How long a person waits for a mailbox to be read.
const PATIENCE: Duration = Duration::from_secs(8);

/// Longest name of a server (RFC 1035, 2.3.4), a user or a folder, in characters.
const LONGEST: usize = 250;

/// Over how many months what came back is added up.
const MONTHS: i64 = 12;

/// The most temporary bounces in a row that can be asked for.
const LARGEST_LIMIT: i64 = 20;

#[derive(Template)]
#[template(path = "account/bounces.html")]
struct BouncesPage {
    page: Page,
    /// What came back of the mailings of the last months.
    sums: Sums,
    /// Many refusals alike.
    refusals: Vec<Group>,
    /// How many recipients get no mails any more because of that.
    given_up: CappedCount,
    stored: Option<(Mailbox, Progress)>,
    form: Typed,
    limit: String,
    /// Where bounces come to, as set up for sending.
    return_path: String,
    result: Option<Tested>,
    errors: FormErrors,
}

/// What came of *Verbindung testen*.
struct Tested {
    well: bool,
    text: String,
}

/// The mailbox as typed, kept for showing the form again; without the password.
struct Typed {
    active: bool,
    host: String,
    port: String,
    encryption: String,
    username: String,
    folder: String,
}

impl BouncesPage {
    /// Of which a figure is a part.
    fn share(&self, part: i64) -> String {
        if part > 0 && part * 2_000 < self.sums.handed {
            return "unter 0,1 % der E-Mails".to_owned();
        }
        format!(
            "{} der E-Mails",
            filters::format_percent(part, self.sums.handed)
        )
    }

    fn has_password(&self) -> bool {
        self.stored
            .as_ref()
            .is_some_and(|(mailbox, _)| mailbox.password.is_some())
    }
}

impl Typed {
    fn from_form(form: &Fields) -> Self {
        Self {
            active: form.has("active"),
            host: form.text("host").trim().to_owned(),
            port: form.text("port").trim().to_owned(),
            encryption: form.text("encryption").to_owned(),
            username: form.text("username").trim().to_owned(),
            folder: form.text("folder").trim().to_owned(),
        }
    }

    fn stored(mailbox: Option<&Mailbox>) -> Self {
        mailbox.map_or_else(
            || Self {
                active: true,
                host: String::new(),
                port: "993".into(),
                encryption: Encryption::Tls.as_str().into(),
                username: String::new(),
                folder: "INBOX".into(),
            },
            |mailbox| Self {
                active: mailbox.active,
                host: mailbox.host.clone(),
                port: mailbox.port.to_string(),
                encryption: mailbox.encryption.as_str().into(),
                username: mailbox.username.clone(),
                folder: mailbox.folder.clone(),
            },
        )
    }

    /// The form's fields without the password, for comparing them with what somebody else saved.
    fn snapshot(&self) -> Snapshot {
        let encryption = match self.encryption.as_str() {
            "starttls" => "STARTTLS",
            "tls" => "TLS",
            _ => "keine",
        };
        Snapshot::default()
            .text("host", "Server (IMAP)", &self.host)
            .choice(
                "encryption",
                "Verschlüsselung",
                &self.encryption,
                encryption,
            )
            .text("port", "Port", &self.port)
            .text("username", "Benutzername", &self.username)
            .text("folder", "Ordner", &self.folder)
            .checkbox("active", "Regelmäßig abrufen", self.active)
    }

    /// The mailbox without its password, or everything that is wrong with what was typed.
    fn check(&self) -> Result<Mailbox, FormErrors> {
        let mut errors = FormErrors::new();
        if self.host.len() > LONGEST
            || self
                .host
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "/@:".contains(c))
        {
            errors.add(
                "host",
                "Geben Sie nur den Namen des Servers ein, zum Beispiel imap.example.de.",
            );
        }
        let encryption = self.encryption.parse();
        if encryption.is_err() {
            errors.add("encryption", "Wählen Sie eine Verschlüsselung.");
        }
        let port = self.port.parse::<u16>().ok().filter(|port| *port > 0);
        if port.is_none() {
            errors.add("port", "Der Port ist eine Zahl von 1 bis 65535.");
        }
        let names = [
            (
                "username",
                &self.username,
                "Geben Sie den Benutzernamen ein.",
            ),
            (
                "folder",
                &self.folder,
                "Geben Sie den Ordner ein, meist INBOX.",
            ),
        ];
        for (field, text, missing) in names {
            if text.is_empty() {
                errors.add(field, missing);
            } else if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
                errors.add(
                    field,
                    format!("Höchstens {LONGEST} Zeichen, ohne Steuerzeichen."),
                );
            }
        }
        match (encryption, port) {
            (Ok(encryption), Some(port)) if errors.is_empty() => Ok(Mailbox {
                active: self.active,
                host: self.host.clone(),
                port: i64::from(port),
                encryption,
                username: self.username.clone(),
                password: None,
                folder: self.folder.clone(),
            }),
            _ => Err(errors),
        }
    }
}

/// GET `/benutzerkonto/ruecklaeufer`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    page(&load(&signed_in, &state).await?)
}

/// POST `/benutzerkonto/ruecklaeufer`: keeps the mailbox; without a server, forgets it.
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let typed = Typed::from_form(&form);
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let mut shown = load(&signed_in, &state).await?;
    let mailbox = if typed.host.is_empty() {
        None
    } else {
        match typed.check() {
            Ok(mailbox) => Some(mailbox),
            Err(errors) => {
                shown.page = shown.page.again(&form);
                shown.form = typed;
                shown.errors = errors;
                return invalid(&shown);
            }
        }
    };
    let mailbox = match mailbox {
        None => None,
        Some(mut mailbox) => {
            let old = shown.stored.as_ref().map(|(mailbox, _)| mailbox);
            mailbox.password = password(&state, account_id, form.text("password"), &mailbox, old)?;
            if mailbox.password.is_none() {
                shown.errors =
                    FormErrors::one("password", "Geben Sie das Passwort für das Postfach ein.");
                shown.page = shown.page.again(&form);
                shown.form = typed;
                return invalid(&shown);
            }
            Some(mailbox)
        }
    };
    let sent = Sent {
        mine: typed.snapshot(),
        fields: form.into_inner(),
        acts: &[Action::BounceMailboxChanged],
    };
    let again = password_again(&sent.fields);
    let kept = move |conn: &mut Conn, _: &Account| {
        let stored = bounce_mailboxes::find(conn, account_id)?;
        Ok(Typed::stored(stored.as_ref().map(|(mailbox, _)| mailbox)).snapshot())
    };
    let write = move |conn: &mut Conn| {
        let now = Timestamp::now();
        let what = match &mailbox {
            Some(mailbox) => {
                bounce_mailboxes::save(conn, account_id, mailbox, now)?;
                if mailbox.active { "on" } else { "off" }
            }
            None if bounce_mailboxes::remove(conn, account_id)? => "removed",
            None => return Ok(()),
        };
        let entry = Entry {
            actor: &actor,
            action: Action::BounceMailboxChanged,
            recipient_id: None,
            details: json!({ "mailbox": what }),
        };
        audit::record(conn, account_id, &entry, now)
    };
    let Some((both, last)) = saving::save(&state, account_id, sent, kept, write).await? else {
        return see_other(format!("{HERE}?meldung=gespeichert"));
    };
    let mut shown = load(&signed_in, &state).await?;
    shown.form = Typed::from_form(&both.merged);
    shown.errors = again;
    shown.page = shown.page.overtaken(both, last, HERE);
    overtaken(&shown)
}

fn limit_snapshot(limit: &str) -> Snapshot {
    Snapshot::default().text("limit", "Vorübergehende Rückläufer in Folge", limit)
}

/// The password to keep: the one typed, sealed, or the one there was. A password that was kept
/// for one server is not sent to another.
fn password(
    state: &State,
    account_id: i64,
    typed: &str,
    mailbox: &Mailbox,
    old: Option<&Mailbox>,
) -> Result<Option<Vec<u8>>, WebError> {
    if typed.is_empty() {
        let same = old.filter(|old| old.host == mailbox.host && old.username == mailbox.username);
        return Ok(same.and_then(|old| old.password.clone()));
    }
    state
        .sealer
        .seal(&bounce_mailboxes::place(account_id), typed.as_bytes())
        .map(Some)
        .map_err(|error| WebError::Internal(error.to_string()))
}

/// POST `/benutzerkonto/ruecklaeufer/testen`
pub async fn test(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let mut shown = load(&signed_in, &state).await?;
    let Some((mailbox, _)) = shown.stored.clone() else {
        return see_other(HERE);
    };
    let bounces = state.bounces.clone();
    let folder = mailbox.folder.clone();
    let tested = web::block(move || bounces.test(account_id, &mailbox)).await?;
    shown.result = Some(match tested {
        Ok(messages) => Tested {
            well: true,
            text: format!(
                "Die Verbindung steht. Im Ordner {folder} {}.",
                match messages {
                    0 => "liegt keine Nachricht".to_owned(),
                    1 => "liegt 1 Nachricht".to_owned(),
                    n => format!(
                        "liegen {} Nachrichten",
                        filters::format_number(i64::from(n))
                    ),
                }
            ),
        },
        Err(problem) => Tested {
            well: false,
            text: problem.to_string(),
        },
    });
    page(&shown)
}

/// POST `/benutzerkonto/ruecklaeufer/abrufen`
pub async fn read(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let bounces = state.bounces.clone();
    let done = web::block(move || bounces.read_now(account_id, PATIENCE)).await?;
    see_other(if done { READ } else { READING })
}

/// POST `/benutzerkonto/ruecklaeufer/grenze`
pub async fn update_limit(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let typed = form.text("limit").trim();
    let limit = typed.parse().ok();
    let Some(limit) = limit.filter(|limit| (1..=LARGEST_LIMIT).contains(limit)) else {
        let mut shown = load(&signed_in, &state).await?;
        shown.page = shown.page.again(&form);
        typed.clone_into(&mut shown.limit);
        shown.errors = FormErrors::one(
            "limit",
            format!("Geben Sie eine Zahl von 1 bis {LARGEST_LIMIT} ein."),
        );
        return invalid(&shown);
    };
    let sent = Sent {
        mine: limit_snapshot(typed),
        fields: form.clone(),
        acts: &[Action::SoftBounceLimitChanged],
    };
    let kept = |_: &mut Conn, account: &Account| {
        Ok(limit_snapshot(&account.soft_bounce_limit.to_string()))
    };
    let write = move |conn: &mut Conn| {
        accounts::set_soft_bounce_limit(conn, account_id, limit)?;
        let entry = Entry {
            actor: &actor,
            action: Action::SoftBounceLimitChanged,
            recipient_id: None,
            details: json!({ "limit": limit }),
        };
        audit::record(conn, account_id, &entry, Timestamp::now())
    };
    let Some((both, last)) = saving::save(&state, account_id, sent, kept, write).await? else {
        return see_other(format!("{HERE}?meldung=gespeichert"));
    };
    let mut shown = load(&signed_in, &state).await?;
    both.merged.text("limit").clone_into(&mut shown.limit);
    shown.page = shown.page.overtaken(both, last, HERE);
    overtaken(&shown)
}

async fn load(signed_in: &SignedIn, state: &State) -> Result<BouncesPage, WebError> {
    let account_id = signed_in.account_id();
    let given_up = Filter {
        status: Some(RecipientStatus::Bounced),
        ..Filter::default()
    };
    let (sums, refusals, given_up, stored, smtp) = state
        .read(move |conn| {
            let begin = Timestamp::now().plus_months(-MONTHS);
            Ok((
                bounces::since(conn, account_id, begin)?,
                refusals::groups(conn, account_id)?,
                recipient_list::count(conn, account_id, given_up, COUNT_LIMIT)?,
                bounce_mailboxes::find(conn, account_id)?,
                smtp_settings::find(conn, account_id)?,
            ))
        })
        .await?;
    let form = Typed::stored(stored.as_ref().map(|(mailbox, _)| mailbox));
    let limit = signed_in.account.soft_bounce_limit.to_string();
    Ok(BouncesPage {
        page: Page::new(signed_in, Section::Account, "Benutzerkonto")
            .made_from(&form.snapshot())
            .made_from(&limit_snapshot(&limit)),
        form,
        sums,
        refusals,
        given_up,
        stored,
        limit,
        return_path: smtp.map(|smtp| smtp.return_path).unwrap_or_default(),
        result: None,
        errors: FormErrors::new(),
    })
}
