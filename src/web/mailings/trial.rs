//! *Testmail*: the mailing to addresses that are typed, as a recipient would get it. It goes the
//! way that the mailing will go, but carries no token: nothing in it counts or unsubscribes.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::persona::Persona;
use super::preview::{find, told};
use crate::db::Db;
use crate::db::models::mailings::Mailing;
use crate::domain::address::EmailAddress;
use crate::domain::sealed::Sealer;
use crate::domain::time::Timestamp;
use crate::mail::compose::{Outgoing, compose};
use crate::mail::{MailError, RenderedMail};
use crate::sending::letter::{Letter, Post, Route, send_now};
use crate::sending::outbox::Outbox;
use crate::sending::signing;
use crate::web::access::SignedIn;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page};
use crate::web::state::State;

/// To how many addresses at once.
const MOST_ADDRESSES: usize = 10;

/// How it went with one address.
struct Attempt {
    address: String,
    outcome: Result<Route, String>,
}

#[derive(Template)]
#[template(path = "mailings/trial.html")]
struct TrialPage {
    page: Page,
    mailing: Mailing,
    persona: Persona,
    to: String,
    errors: FormErrors,
    /// What keeps a mail from being made.
    problem: Option<String>,
    results: Vec<Attempt>,
}

impl TrialPage {
    fn action(&self) -> String {
        format!("/e-mailings/{}/testmail{}", self.mailing.id, self.as_whom())
    }

    /// The query that keeps the person.
    fn as_whom(&self) -> String {
        self.persona
            .id
            .map_or_else(String::new, |id| format!("?als={id}"))
    }

    fn taken(&self) -> i64 {
        let taken = self.results.iter().filter(|one| one.outcome.is_ok());
        i64::try_from(taken.count()).unwrap_or(i64::MAX)
    }

    fn lies_in_outbox(&self) -> bool {
        self.results
            .iter()
            .any(|one| matches!(one.outcome, Ok(Route::Outbox(_))))
    }
}

/// As whom.
#[derive(Deserialize)]
pub struct TrialQuery {
    als: Option<i64>,
}

/// GET `/e-mailings/{id}/testmail`
pub async fn new(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    query: web::Query<TrialQuery>,
) -> WebResult {
    let mailing = find(&signed_in, &state, *id).await?;
    let persona = Persona::chosen(&signed_in, &state, query.als).await?;
    let to = signed_in.user.email.clone();
    page(&trial_page(&signed_in, mailing, persona, to))
}

/// POST `/e-mailings/{id}/testmail`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    query: web::Query<TrialQuery>,
    fields: web::Form<Fields>,
) -> WebResult {
    let mailing = find(&signed_in, &state, *id).await?;
    let persona = Persona::chosen(&signed_in, &state, query.als).await?;
    let to = fields.text("to").trim().to_owned();
    let addresses = match addresses(&to) {
        Ok(addresses) => addresses,
        Err(problem) => {
            return invalid(&TrialPage {
                errors: FormErrors::one("to", problem),
                ..trial_page(&signed_in, mailing, persona, to)
            });
        }
    };
    let trial = Trial {
        db: state.db.clone(),
        outbox: state.outbox.clone(),
        sealer: state.sealer.clone(),
        public_url: state.public_url.clone(),
        account_id: signed_in.account_id(),
    };
    let (mailing, persona, results) = web::block(move || {
        let results = trial.send(&mailing, &persona, addresses);
        (mailing, persona, results)
    })
    .await?;
    match results {
        Ok(results) => page(&TrialPage {
            results,
            ..trial_page(&signed_in, mailing, persona, to)
        }),
        Err(problem) => invalid(&TrialPage {
            problem: Some(problem),
            ..trial_page(&signed_in, mailing, persona, to)
        }),
    }
}

fn trial_page(signed_in: &SignedIn, mailing: Mailing, persona: Persona, to: String) -> TrialPage {
    TrialPage {
        page: Page::new(signed_in, Section::Mailings, "Testmail"),
        mailing,
        persona,
        to,
        errors: FormErrors::new(),
        problem: None,
        results: Vec::new(),
    }
}

/// The addresses in what was typed, with blanks, commas or semicolons between them.
fn addresses(typed: &str) -> Result<Vec<EmailAddress>, String> {
    let mut found: Vec<EmailAddress> = Vec::new();
    for word in typed.split([',', ';', ' ', '\n', '\r', '\t']) {
        if word.is_empty() {
            continue;
        }
        let address =
            EmailAddress::parse(word).map_err(|_| format!("„{word}“ ist keine E-Mail-Adresse."))?;
        if !found.iter().any(|known| known.key() == address.key()) {
            found.push(address);
        }
    }
    if found.is_empty() {
        return Err("Geben Sie mindestens eine E-Mail-Adresse ein.".to_owned());
    }
    if found.len() > MOST_ADDRESSES {
        return Err(format!(
            "Geben Sie höchstens {MOST_ADDRESSES} Adressen ein."
        ));
    }
    Ok(found)
}

/// What sending test mails needs.
struct Trial {
    db: Db,
    outbox: Outbox,
    sealer: Sealer,
    public_url: url::Url,
    account_id: i64,
}

impl Trial {
    /// Sends the mailing to each address; the error is what keeps a mail from being made.
    fn send(
        &self,
        mailing: &Mailing,
        persona: &Persona,
        addresses: Vec<EmailAddress>,
    ) -> Result<Vec<Attempt>, String> {
        let base = self.public_url.as_str().trim_end_matches('/');
        let mut mail = persona
            .render(
                mailing,
                &format!("{base}/abmelden/testmail"),
                &format!("{base}/datenschutz/testmail"),
            )
            .map_err(|error| told(&error))?;
        mail.subject.insert_str(0, "[Test] ");
        Ok(addresses
            .into_iter()
            .map(|address| Attempt {
                outcome: self.send_one(mailing, &mail, address.as_typed()),
                address: address.as_typed().to_owned(),
            })
            .collect())
    }

    fn send_one(
        &self,
        mailing: &Mailing,
        mail: &RenderedMail,
        address: &str,
    ) -> Result<Route, String> {
        let now = Timestamp::now();
        let unreadable = |error: MailError| match error {
            MailError::Address(_) => "An diese Adresse lässt sich nicht senden.".to_owned(),
            other => told(&other),
        };
        let mut composed = compose(&Outgoing {
            from_name: &mailing.sender_name,
            from_address: &mailing.sender_address,
            to_name: "",
            to_address: address,
            mail,
            unsubscribe: "",
            stream: None,
            return_path: "",
            sent_at: now.millis(),
        })
        .map_err(unreadable)?;
        let signer = self
            .db
            .read(|conn| {
                signing::signer(conn, &self.sealer, self.account_id, &mailing.sender_address)
            })
            .map_err(|_| "Der Schlüssel für die Signatur (DKIM) kann nicht gelesen werden.")?;
        if let Some(signer) = signer {
            composed.message = signer.sign(&composed.message, now).map_err(unreadable)?;
        }
        let post = Post {
            db: &self.db,
            outbox: &self.outbox,
            sealer: &self.sealer,
            public_url: &self.public_url,
        };
        let letter = Letter {
            mailing_id: Some(mailing.id),
            signup_id: None,
            from: &mailing.sender_address,
            to: address,
            message: &composed.message,
        };
        send_now(&post, self.account_id, &letter, now).map_err(|error| {
            tracing::warn!(%error, "a test mail could not be sent");
            error.in_german()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{EmailAddress, addresses};

    #[test]
    fn several_addresses_can_be_typed() {
        let found = addresses("a@b.de, c@d.de;e@f.de\n A@b.de ").unwrap();
        let typed: Vec<&str> = found.iter().map(EmailAddress::as_typed).collect();
        assert_eq!(typed, ["a@b.de", "c@d.de", "e@f.de"]);
        assert!(addresses(" ,; ").is_err());
        assert_eq!(
            addresses("a@b.de, x").unwrap_err(),
            "„x“ ist keine E-Mail-Adresse."
        );
        let many = (0..11)
            .map(|n| format!("a{n}@b.de"))
            .collect::<Vec<_>>()
            .join(" ");
        assert!(addresses(&many).is_err());
    }
}
