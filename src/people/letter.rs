//! The mails to users. Plain text, from the address of an administrator, by the account's mail
//! server; never into the *Postausgang*, which more people read than such a link is for.

use askama::Template;
use url::Url;

use super::{LinkKey, invite, reset};
use crate::db::models::invitations::Invitation;
use crate::db::models::users::{self, User};
use crate::db::models::{accounts, smtp_settings};
use crate::db::{Conn, Db, DbError, DbResult};
use crate::domain::role::Role;
use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;
use crate::mail::MailError;
use crate::mail::dkim::Signer;
use crate::mail::plain::{PlainLetter, compose_plain};
use crate::sending::letter::{Letter, LetterError, Post, send_by_server};
use crate::sending::outbox::Outbox;
use crate::sending::signing;

/// What sending needs.
#[derive(Clone)]
pub struct Tools {
    /// The database.
    pub db: Db,
    /// The built-in *Postausgang*, into which nothing of this goes.
    pub outbox: Outbox,
    /// Opens the password of the account's mail server.
    pub sealer: Sealer,
    /// Under which address the installation is reached.
    pub public_url: Url,
}

/// Why a mail did not go out. No message holds an address.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// It could not be written.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// It could not be handed over.
    #[error(transparent)]
    Letter(#[from] LetterError),
}

impl From<DbError> for NotSent {
    fn from(error: DbError) -> Self {
        Self::Letter(error.into())
    }
}

impl NotSent {
    /// What the person reads who wanted it sent.
    pub fn in_german(&self) -> String {
        match self {
            Self::Mail(MailError::Address(_)) => {
                "An diese Adresse lässt sich keine E-Mail senden.".to_owned()
            }
            Self::Mail(_) => "Die E-Mail lässt sich nicht zusammenstellen.".to_owned(),
            Self::Letter(error) => error.in_german(),
        }
    }
}

#[derive(Template)]
#[template(path = "mail/users/invitation.txt")]
struct InvitationText<'a> {
    account: &'a str,
    invitation: &'a Invitation,
    roles: &'a str,
    days: i64,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/users/reset.txt")]
struct ResetText<'a> {
    account: &'a str,
    user: &'a User,
    minutes: i64,
    url: &'a str,
}

/// The address of the page that accepts an invitation.
pub fn invitation_url(public_url: &Url, key: &LinkKey) -> String {
    under(public_url, &format!("einladung/{}", key.as_str()))
}

/// The address of the page that takes a new password.
pub fn reset_url(public_url: &Url, key: &LinkKey) -> String {
    under(public_url, &format!("passwort/{}", key.as_str()))
}

fn under(public_url: &Url, path: &str) -> String {
    public_url
        .join(path)
        .map_or_else(|_| String::new(), String::from)
}

/// Whether the account's mails leave by a mail server.
pub fn has_server(conn: &mut Conn, account_id: i64) -> DbResult<bool> {
    let settings = smtp_settings::find(conn, account_id)?;
    Ok(settings.is_some_and(|settings| settings.active))
}

/// Sends an invitation, from the address of whoever invites.
///
/// # Errors
/// See [`NotSent`]; then nothing has gone out, or nobody knows.
pub fn send_invitation(
    tools: &Tools,
    invitation: &Invitation,
    key: &LinkKey,
    from: &str,
) -> Result<(), NotSent> {
    let account_id = invitation.account_id;
    let facts = tools
        .db
        .read(|conn| Facts::of(conn, tools, account_id, Some(from)))?;
    let text = InvitationText {
        account: &facts.account,
        invitation,
        roles: &invitation.roles().labels().join(", "),
        days: invite::DAYS,
        url: &invitation_url(&tools.public_url, key),
    };
    let text = text.render().map_err(MailError::from)?;
    let subject = format!("Einladung zum Benutzerkonto {}", facts.account);
    let to = (account_id, invitation.email.as_str());
    send(tools, &facts, to, &subject, &text)
}

/// Sends a link to a new password, from the address of the account's first administrator.
///
/// # Errors
/// See [`NotSent`]; then nothing has gone out, or nobody knows.
pub fn send_reset(tools: &Tools, user: &User, key: &LinkKey) -> Result<(), NotSent> {
    let account_id = user.account_id;
    let facts = tools
        .db
        .read(|conn| Facts::of(conn, tools, account_id, None))?;
    let text = ResetText {
        account: &facts.account,
        user,
        minutes: reset::MINUTES,
        url: &reset_url(&tools.public_url, key),
    };
    let text = text.render().map_err(MailError::from)?;
    let to = (account_id, user.email.as_str());
    send(tools, &facts, to, "Ihr neues Passwort", &text)
}

/// What a mail depends on.
struct Facts {
    account: String,
    from: String,
    signer: Option<Signer>,
}

impl Facts {
    fn of(conn: &mut Conn, tools: &Tools, account_id: i64, from: Option<&str>) -> DbResult<Self> {
        let from = if let Some(from) = from {
            from.to_owned()
        } else {
            let users = users::list(conn, account_id)?;
            let admins = users
                .into_iter()
                .filter(|user| user.roles().has(Role::Admin));
            let first = admins.min_by_key(|user| user.id);
            first.ok_or(DbError::NotFound)?.email
        };
        Ok(Self {
            account: accounts::find(conn, account_id)?.name,
            signer: signing::signer(conn, &tools.sealer, account_id, &from)?,
            from,
        })
    }
}

fn send(
    tools: &Tools,
    facts: &Facts,
    (account_id, to): (i64, &str),
    subject: &str,
    text: &str,
) -> Result<(), NotSent> {
    let now = Timestamp::now();
    let mut composed = compose_plain(&PlainLetter {
        from_name: &facts.account,
        from_address: &facts.from,
        to_address: to,
        subject,
        text,
        sent_at: now.millis(),
    })?;
    if let Some(signer) = &facts.signer {
        composed.message = signer.sign(&composed.message, now)?;
    }
    let post = Post {
        db: &tools.db,
        outbox: &tools.outbox,
        sealer: &tools.sealer,
        public_url: &tools.public_url,
    };
    let letter = Letter {
        mailing_id: None,
        signup_id: None,
        from: &facts.from,
        to,
        message: &composed.message,
    };
    Ok(send_by_server(&post, account_id, &letter)?)
}
