//! The mail that answers a signing up: the question whether it was really them, or, where the
//! address receives these mails already, just that. Plain text, without pixel and without rewritten
//! links; and without the names that were typed, which a stranger could have filled with anything.

use askama::Template;
use url::Url;

use super::{encode, key_of};
use crate::db::models::accounts;
use crate::db::models::groups;
use crate::db::models::recipients::{self, Recipient};
use crate::db::models::signup_forms::{self, SignupForm};
use crate::db::models::signups::Signup;
use crate::db::{Conn, DbResult};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::RecipientStatus;
use crate::mail::MailError;
use crate::mail::compose::Composed;
use crate::mail::plain::{PlainLetter, compose_plain};
use crate::tracking::token::{PersonalLink, PersonalToken, TokenKeys};

/// What is known when the mail is written.
pub struct Facts {
    form: SignupForm,
    account: String,
    /// The recipient, where these mails go to the address already.
    subscribed: Option<Recipient>,
}

impl Facts {
    /// From which address the mail comes.
    pub fn sender_address(&self) -> &str {
        &self.form.sender_address
    }
}

#[derive(Template)]
#[template(path = "mail/signup/confirm.txt")]
struct Question<'a> {
    form: &'a SignupForm,
    account: &'a str,
    signup: &'a Signup,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/signup/already.txt")]
struct Already<'a> {
    form: &'a SignupForm,
    account: &'a str,
    url: &'a str,
}

/// Where the links of the mail lead, and what they are made with.
pub struct Links<'a> {
    /// Under which address readers reach this installation.
    pub public_url: &'a Url,
    /// The key of the links that confirm.
    pub secret: &'a Key,
    /// The keys of the personal links.
    pub tokens: &'a TokenKeys,
}

/// Looks up what the mail depends on.
pub fn facts(conn: &mut Conn, signup: &Signup) -> DbResult<Facts> {
    let account_id = signup.account_id;
    let form = signup_forms::find(conn, account_id, signup.form_id)?;
    let known = recipients::find_by_address(conn, account_id, &signup.address_key)?
        .filter(|recipient| recipient.status == RecipientStatus::Active);
    let subscribed = match known {
        Some(recipient) => {
            let of_recipient = groups::of_recipient(conn, account_id, recipient.id)?;
            let is_member = of_recipient.iter().any(|group| group.id == form.group_id);
            is_member.then_some(recipient)
        }
        None => None,
    };
    Ok(Facts {
        account: accounts::find(conn, account_id)?.name,
        form,
        subscribed,
    })
}

/// Writes the mail.
///
/// # Errors
/// [`MailError::Address`] if no mail can be sent to or from these addresses.
pub fn write(
    facts: &Facts,
    signup: &Signup,
    links: &Links<'_>,
    now: Timestamp,
) -> Result<Composed, MailError> {
    let Facts { form, account, .. } = facts;
    let (subject, text) = if let Some(recipient) = &facts.subscribed {
        let url = preferences(links, recipient);
        let text = Already {
            form,
            account,
            url: &url,
        };
        ("Sie sind schon angemeldet", text.render()?)
    } else {
        let asked_at = Timestamp(signup.created_at);
        let key = key_of(links.secret, signup.form_id, &signup.address_key, asked_at);
        let url = under(links.public_url, &format!("bestaetigen/{}", encode(&key)));
        let text = Question {
            form,
            account,
            signup,
            url: &url,
        };
        ("Bitte bestätigen Sie Ihre Anmeldung", text.render()?)
    };
    compose_plain(&PlainLetter {
        from_name: &form.sender_name,
        from_address: &form.sender_address,
        to_address: &signup.address,
        subject: &format!("{subject}: {}", form.title),
        text: &text,
        sent_at: now.millis(),
    })
}

/// *Datenschutz-Einstellungen* of a recipient, from no mailing.
fn preferences(links: &Links<'_>, recipient: &Recipient) -> String {
    let key = recipient.public_key.as_slice().try_into();
    let token = PersonalToken {
        mailing_id: 0,
        recipient_key: key.unwrap_or_default(),
    };
    let token = links.tokens.personal(PersonalLink::Preferences, token);
    under(links.public_url, &format!("datenschutz/{token}"))
}

fn under(public_url: &Url, path: &str) -> String {
    public_url
        .join(path)
        .map_or_else(|_| String::new(), String::from)
}
