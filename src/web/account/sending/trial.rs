//! *Verbindung testen*, and a test mail by way of the mail server, whether it is switched on or
//! not.

use actix_web::web;
use askama::Template;

use super::{SendingPage, known, sending_page};
use crate::db::models::smtp_settings::SmtpSettings;
use crate::domain::address::EmailAddress;
use crate::domain::time::Timestamp;
use crate::mail::RenderedMail;
use crate::mail::compose::{Composed, Outgoing, compose};
use crate::sending::probe::{self, Probe, Problem};
use crate::sending::signing;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::forms::FormErrors;
use crate::web::respond::{WebResult, invalid, page};
use crate::web::state::State;

/// What is typed for a test mail. Holds addresses, so it has no `Debug` (rule P8).
#[derive(Clone)]
pub struct TrialForm {
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: String,
}

/// How a test went, as the page says it.
pub struct TrialResult {
    /// Whether it went well.
    pub well: bool,
    /// What happened, as German sentences.
    pub text: String,
}

#[derive(Template)]
#[template(path = "mail/trial.html")]
struct TrialHtml<'a> {
    account: &'a str,
}

#[derive(Template)]
#[template(path = "mail/trial.txt")]
struct TrialText<'a> {
    account: &'a str,
}

impl TrialForm {
    /// From and to the user.
    pub fn for_user(signed_in: &SignedIn) -> Self {
        Self {
            from: signed_in.user.email.clone(),
            to: signed_in.user.email.clone(),
        }
    }

    fn check(&self) -> FormErrors {
        let mut errors = FormErrors::new();
        for (field, address) in [("from", &self.from), ("to", &self.to)] {
            if let Err(problem) = EmailAddress::parse(address) {
                errors.add(field, problem.to_string());
            }
        }
        errors
    }
}

impl TrialResult {
    fn of(outcome: Result<(), Problem>, well: &str) -> Self {
        match outcome {
            Ok(()) => Self {
                well: true,
                text: well.to_owned(),
            },
            Err(problem) => Self {
                well: false,
                text: problem.in_german(),
            },
        }
    }
}

/// POST `/benutzerkonto/versand/pruefen`
pub async fn check(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let known = known(&signed_in, &state).await?;
    let probe = probe(&signed_in, &state, known.stored.as_ref())?;
    let outcome = match probe {
        Ok(probe) => probe::in_time(move || probe.connect()).await,
        Err(problem) => Err(problem),
    };
    let has_user = known
        .stored
        .as_ref()
        .is_some_and(|stored| !stored.username.is_empty());
    let well = if has_user {
        "Die Verbindung steht, und der Mailserver nimmt Benutzername und Passwort an."
    } else {
        "Die Verbindung steht. Eine Anmeldung ist nicht eingerichtet."
    };
    page(&SendingPage {
        result: Some(TrialResult::of(outcome, well)),
        ..sending_page(&signed_in, known)
    })
}

/// POST `/benutzerkonto/versand/testmail`
pub async fn send(
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Fields>,
) -> WebResult {
    let trial = TrialForm {
        from: fields.text("from").trim().to_owned(),
        to: fields.text("to").trim().to_owned(),
    };
    let known = known(&signed_in, &state).await?;
    let errors = trial.check();
    if !errors.is_empty() {
        return invalid(&SendingPage {
            trial,
            errors,
            ..sending_page(&signed_in, known)
        });
    }
    let probe = probe(&signed_in, &state, known.stored.as_ref())?;
    let return_path = known
        .stored
        .as_ref()
        .map_or("", |stored| stored.return_path.as_str());
    let (mail, is_signed) = test_mail(&signed_in, &state, &trial, return_path).await?;
    let outcome = match probe {
        Ok(probe) => probe::in_time(move || probe.send(&mail.envelope, &mail.message)).await,
        Err(problem) => Err(problem),
    };
    let well = if is_signed {
        "Der Mailserver hat die Testmail angenommen. Sie ist signiert (DKIM)."
    } else {
        "Der Mailserver hat die Testmail angenommen. Sie ist nicht signiert, weil für die Domain des Absenders kein Schlüssel aktiv ist."
    };
    page(&SendingPage {
        trial,
        result: Some(TrialResult::of(outcome, well)),
        ..sending_page(&signed_in, known)
    })
}

/// The stored server, ready to be tried; or why it can't be.
fn probe(
    signed_in: &SignedIn,
    state: &State,
    stored: Option<&SmtpSettings>,
) -> Result<Result<Probe, Problem>, WebError> {
    let stored = stored.ok_or(WebError::Conflict(
        "Richten Sie zuerst einen Mailserver ein.",
    ))?;
    Ok(Probe::new(
        stored,
        signed_in.account_id(),
        &state.sealer,
        &state.public_url,
    ))
}

/// Composed, and signed if the sender's domain has a key. Whether it is signed.
async fn test_mail(
    signed_in: &SignedIn,
    state: &State,
    trial: &TrialForm,
    return_path: &str,
) -> Result<(Composed, bool), WebError> {
    let now = Timestamp::now();
    let account = signed_in.account.name.as_str();
    let mail = RenderedMail {
        subject: "Testmail: Der Versand funktioniert".to_owned(),
        html: TrialHtml { account }.render()?,
        text: TrialText { account }.render()?,
    };
    let internal = |problem: crate::mail::MailError| WebError::Internal(problem.to_string());
    let mut composed = compose(&Outgoing {
        from_name: account,
        from_address: &trial.from,
        to_name: "",
        to_address: &trial.to,
        mail: &mail,
        unsubscribe: "",
        stream: None,
        return_path,
        sent_at: now.millis(),
    })
    .map_err(internal)?;
    let (account_id, from, sealer) = (
        signed_in.account_id(),
        trial.from.clone(),
        state.sealer.clone(),
    );
    let signer = state
        .read(move |conn| signing::signer(conn, &sealer, account_id, &from))
        .await?;
    if let Some(signer) = &signer {
        composed.message = signer.sign(&composed.message, now).map_err(internal)?;
    }
    Ok((composed, signer.is_some()))
}
