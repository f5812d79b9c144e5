//! Tab *Versand*: the account's mail server.
//!
//! - Here: the settings, and whether mails go there or into the *Postausgang*.
//! - [`form`]: what can be typed. [`trial`]: *Verbindung testen* and a test mail.

mod form;
pub mod trial;

use std::net::IpAddr;

use actix_web::web;
use askama::Template;
use serde_json::json;

use self::form::{NewPassword, SendingForm, Wanted, changed};
use self::trial::{TrialForm, TrialResult};
use super::saving::{self, Sent, password_again};
use crate::db::Conn;
use crate::db::models::accounts::Account;
use crate::db::models::audit::{self, Action, Entry};
use crate::db::models::dkim_keys::{self, DkimKey};
use crate::db::models::last_change::LastChange;
use crate::db::models::smtp_settings::{self, SmtpSettings};
use crate::domain::server::Encryption;
use crate::domain::time::Timestamp;
use crate::sending::preparation;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::Overtaken;

const HERE: &str = "/benutzerkonto/versand";

#[derive(Template)]
#[template(path = "account/sending.html")]
struct SendingPage {
    page: Page,
    stored: Option<SmtpSettings>,
    form: SendingForm,
    trial: TrialForm,
    result: Option<TrialResult>,
    /// Domains with the algorithms that sign their mails.
    signed: Vec<(String, Vec<&'static str>)>,
    errors: FormErrors,
}

impl SendingPage {
    fn has_password(&self) -> bool {
        self.stored
            .as_ref()
            .is_some_and(|stored| stored.password.is_some())
    }

    fn is_active(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.active)
    }

    /// Whether others could read along: on the same machine there is nobody between.
    fn is_in_the_clear(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| {
            let is_here = stored.host == "localhost"
                || stored
                    .host
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_loopback());
            stored.encryption == Encryption::None && !is_here
        })
    }
}

/// What the page shows besides what is being typed.
struct Known {
    stored: Option<SmtpSettings>,
    keys: Vec<DkimKey>,
}

/// GET `/benutzerkonto/versand`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let known = known(&signed_in, &state).await?;
    page(&sending_page(&signed_in, known))
}

/// POST `/benutzerkonto/versand`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Fields>,
) -> WebResult {
    let form = SendingForm::from_fields(&fields);
    let known = known(&signed_in, &state).await?;
    match form.read(known.stored.as_ref()) {
        Ok(wanted) => {
            let is_first = known.stored.is_none();
            let sent = Sent {
                mine: form.snapshot(),
                fields: fields.into_inner(),
                acts: &[Action::MailServerChanged],
            };
            let again = password_again(&sent.fields);
            if let Some((both, last)) = save(&signed_in, &state, sent, wanted).await? {
                let known = self::known(&signed_in, &state).await?;
                let mut shown = sending_page(&signed_in, known);
                shown.form = SendingForm::from_fields(&both.merged);
                shown.errors = again;
                shown.page = shown.page.overtaken(both, last, HERE);
                return overtaken(&shown);
            }
            see_other(if is_first {
                "/benutzerkonto/versand?meldung=mailserver-gespeichert"
            } else {
                "/benutzerkonto/versand?meldung=gespeichert"
            })
        }
        Err(errors) => {
            let mut shown = sending_page(&signed_in, known);
            shown.page = shown.page.again(&fields);
            shown.form = form;
            shown.errors = errors;
            invalid(&shown)
        }
    }
}

/// POST `/benutzerkonto/versand/einschalten`
pub async fn switch_on(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    switch(&signed_in, &state, true).await?;
    see_other("/benutzerkonto/versand?meldung=versand-an")
}

/// POST `/benutzerkonto/versand/ausschalten`
pub async fn switch_off(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    switch(&signed_in, &state, false).await?;
    see_other("/benutzerkonto/versand?meldung=versand-aus")
}

async fn known(signed_in: &SignedIn, state: &State) -> Result<Known, WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| {
            Ok(Known {
                stored: smtp_settings::find(conn, account_id)?,
                keys: dkim_keys::of_account(conn, account_id)?,
            })
        })
        .await
}

fn sending_page(signed_in: &SignedIn, known: Known) -> SendingPage {
    let mut signed: Vec<(String, Vec<&'static str>)> = Vec::new();
    for key in known.keys {
        if signed
            .last()
            .is_none_or(|(domain, _)| *domain != key.domain)
        {
            signed.push((key.domain.clone(), Vec::new()));
        }
        if let Some((_, algorithms)) = signed.last_mut()
            && key.active
        {
            algorithms.push(key.algorithm.label());
        }
    }
    let form = form_of(known.stored.as_ref());
    SendingPage {
        page: Page::new(signed_in, Section::Account, "Benutzerkonto").made_from(&form.snapshot()),
        form,
        stored: known.stored,
        trial: TrialForm::for_user(signed_in),
        result: None,
        signed,
        errors: FormErrors::new(),
    }
}

/// The form as it is stored.
fn form_of(stored: Option<&SmtpSettings>) -> SendingForm {
    stored.map_or_else(SendingForm::empty, SendingForm::of)
}

async fn save(
    signed_in: &SignedIn,
    state: &State,
    sent: Sent,
    wanted: Wanted,
) -> Result<Option<(Overtaken, LastChange)>, WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let sealed = match &wanted.password {
        NewPassword::Set(password) => Some(
            state
                .sealer
                .seal(&smtp_settings::place(account_id), password.as_bytes())
                .map_err(|problem| WebError::Internal(problem.to_string()))?,
        ),
        NewPassword::Keep | NewPassword::Forget => None,
    };
    let kept = move |conn: &mut Conn, _: &Account| {
        let stored = smtp_settings::find(conn, account_id)?;
        Ok(form_of(stored.as_ref()).snapshot())
    };
    let write = move |conn: &mut Conn| {
        let now = Timestamp::now();
        let before = smtp_settings::find(conn, account_id)?;
        let mut settings = wanted.settings.clone();
        if let Some(before) = &before {
            settings.active = before.active;
        }
        settings.password = match wanted.password {
            NewPassword::Keep => before.as_ref().and_then(|before| before.password.clone()),
            NewPassword::Forget | NewPassword::Set(_) => sealed,
        };
        let changed = changed(before.as_ref(), &wanted);
        if changed.is_empty() {
            return Ok(());
        }
        smtp_settings::save(conn, account_id, &settings, now)?;
        let entry = Entry {
            actor: &actor,
            action: Action::MailServerChanged,
            recipient_id: None,
            details: json!({ "changed": changed }),
        };
        audit::record(conn, account_id, &entry, now)
    };
    saving::save(state, account_id, sent, kept, write).await
}

async fn switch(signed_in: &SignedIn, state: &State, on: bool) -> Result<(), WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let there_was = state
        .write(move |conn| {
            let now = Timestamp::now();
            if !smtp_settings::set_active(conn, account_id, on, now)? {
                return Ok(false);
            }
            let action = if on {
                Action::MailServerOn
            } else {
                Action::MailServerOff
            };
            let entry = Entry {
                actor: &actor,
                action,
                recipient_id: None,
                details: json!({}),
            };
            audit::record(conn, account_id, &entry, now)?;
            if !on {
                preparation::halt_all(conn, account_id, &actor, now)?;
            }
            Ok(true)
        })
        .await?;
    if there_was {
        Ok(())
    } else {
        Err(WebError::Conflict(
            "Richten Sie zuerst einen Mailserver ein.",
        ))
    }
}
