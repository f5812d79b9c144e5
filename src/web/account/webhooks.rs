//! *Webhooks*: other programs are told when somebody objects, unsubscribes, or can't be reached. A
//! webhook's secret is shown once, when it is made.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use serde_json::json;

use crate::db::models::audit::{self, Action, Entry};
use crate::db::models::webhook_deliveries::{self, Telling, TellingStatus};
use crate::db::models::webhooks::{self, Webhook, place};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::time::Timestamp;
use crate::domain::webhook::HookEvent;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, page_with, see_other};
use crate::web::state::State;
use crate::webhooks::client::{self, Reach, UrlProblem};
use crate::webhooks::{KEPT_DAYS, signature};

const HERE: &str = "/benutzerkonto/schnittstelle/webhooks";

/// Webhooks of one account: every event is told to each.
const MOST: usize = 20;

/// So many tellings are listed.
const LISTED: i64 = 100;

#[derive(Template)]
#[template(path = "account/webhooks.html")]
struct ListPage {
    page: Page,
    webhooks: Vec<Webhook>,
    typed: Typed,
    https_only: bool,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "account/webhook_made.html")]
struct MadePage {
    page: Page,
    id: i64,
    url: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "account/webhook.html")]
struct ShowPage {
    page: Page,
    webhook: Webhook,
    tellings: Vec<Telling>,
}

#[derive(Template)]
#[template(path = "account/webhook_delete.html")]
struct DeletePage {
    page: Page,
    webhook: Webhook,
}

/// A webhook as asked for.
#[derive(Default)]
struct Typed {
    url: String,
    events: Vec<HookEvent>,
}

impl ListPage {
    fn event_choices(&self) -> Vec<(&'static str, &'static str, bool)> {
        HookEvent::ALL
            .into_iter()
            .map(|event| {
                let is_ticked = self.typed.events.contains(&event);
                (event.word(), event.label(), is_ticked)
            })
            .collect()
    }
}

impl ShowPage {
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn event(&self, telling: &Telling) -> &'static str {
        HookEvent::of_word(&telling.event).map_or("", HookEvent::label)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn is_done(&self, telling: &Telling) -> bool {
        telling.status == TellingStatus::Done
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn is_failed(&self, telling: &Telling) -> bool {
        telling.status == TellingStatus::Failed
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    const fn kept_days(&self) -> i64 {
        KEPT_DAYS
    }
}

/// GET `/benutzerkonto/schnittstelle/webhooks`
pub async fn index(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let (typed, errors) = (Typed::default(), FormErrors::new());
    page(&list_page(&signed_in, &state, typed, errors).await?)
}

/// POST `/benutzerkonto/schnittstelle/webhooks`: shows the secret, this once.
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let typed = Typed {
        url: form.text("url").trim().to_owned(),
        events: form
            .all("ereignisse")
            .filter_map(HookEvent::of_word)
            .filter(|event| event.bit() != 0)
            .collect(),
    };
    let account_id = signed_in.account_id();
    let count = state
        .read(move |conn| Ok(webhooks::of_account(conn, account_id)?.len()))
        .await?;
    let mut errors = FormErrors::new();
    let url = client::read_url(&typed.url, state.teller.reach());
    if let Err(problem) = url {
        errors.add("url", words_of(problem));
    } else if count >= MOST {
        errors.add(
            "url",
            "Es gibt schon zu viele Webhooks. Löschen Sie zuerst einen.",
        );
    }
    if typed.events.is_empty() {
        errors.add("ereignisse", "Wählen Sie mindestens ein Ereignis.");
    }
    let url = match url {
        Ok(url) if errors.is_empty() => url.to_string(),
        _ => return invalid(&list_page(&signed_in, &state, typed, errors).await?),
    };
    let problem = |problem: String| WebError::Internal(problem);
    let secret = signature::new_secret().map_err(|error| problem(error.to_string()))?;
    let sealed = state
        .sealer
        .seal(&place(account_id, &url), secret.as_bytes())
        .map_err(|error| problem(error.to_string()))?;
    let (kept, events) = (url.clone(), typed.events);
    let id = change(&signed_in, &state, Action::WebhookMade, move |conn| {
        let id = webhooks::create(conn, account_id, &kept, &events, &sealed, Timestamp::now())?;
        webhooks::find(conn, account_id, id)
    })
    .await?;
    let shown = MadePage {
        page: Page::new(&signed_in, Section::Account, "Webhook eingerichtet"),
        id,
        url,
        secret,
    };
    page_with(StatusCode::CREATED, &shown)
}

/// GET `/benutzerkonto/schnittstelle/webhooks/{id}`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let (webhook, tellings) = state
        .read(move |conn| {
            Ok((
                webhooks::find(conn, account_id, id)?,
                webhook_deliveries::newest(conn, account_id, id, LISTED)?,
            ))
        })
        .await?;
    page(&ShowPage {
        page: Page::new(&signed_in, Section::Account, "Webhook"),
        webhook,
        tellings,
    })
}

/// POST `/benutzerkonto/schnittstelle/webhooks/{id}/testen`
pub async fn test(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    state
        .write(move |conn| {
            if !webhooks::find(conn, account_id, id)?.active {
                return Err(DbError::Refused("the webhook is switched off"));
            }
            webhook_deliveries::queue_test(conn, account_id, id, Timestamp::now())
        })
        .await?;
    state.teller.wake();
    see_other(format!("{HERE}/{id}?meldung=webhook-test"))
}

/// POST `/benutzerkonto/schnittstelle/webhooks/{id}/erneut`: tells one thing again.
pub async fn repeat(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let telling: i64 = form
        .text("nummer")
        .parse()
        .map_err(|_| WebError::NotFound)?;
    state
        .write(move |conn| {
            webhooks::find(conn, account_id, id)?;
            let now = Timestamp::now();
            if webhook_deliveries::repeat(conn, account_id, id, telling, now)? {
                Ok(())
            } else {
                Err(DbError::NotFound)
            }
        })
        .await?;
    state.teller.wake();
    see_other(format!("{HERE}/{id}?meldung=webhook-erneut"))
}

/// POST `/benutzerkonto/schnittstelle/webhooks/{id}/einschalten`
pub async fn switch_on(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    switch(&signed_in, &state, *id, Action::WebhookOn).await
}

/// POST `/benutzerkonto/schnittstelle/webhooks/{id}/ausschalten`
pub async fn switch_off(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    switch(&signed_in, &state, *id, Action::WebhookOff).await
}

/// GET `/benutzerkonto/schnittstelle/webhooks/{id}/loeschen`
pub async fn confirm_deletion(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let webhook = state
        .read(move |conn| webhooks::find(conn, account_id, id))
        .await?;
    page(&DeletePage {
        page: Page::new(&signed_in, Section::Account, "Webhook löschen?"),
        webhook,
    })
}

/// POST `/benutzerkonto/schnittstelle/webhooks/{id}/loeschen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    change(&signed_in, &state, Action::WebhookRemoved, move |conn| {
        let webhook = webhooks::find(conn, account_id, id)?;
        webhooks::remove(conn, account_id, id)?;
        Ok(webhook)
    })
    .await?;
    see_other(format!("{HERE}?meldung=webhook-geloescht"))
}

async fn switch(signed_in: &SignedIn, state: &State, id: i64, action: Action) -> WebResult {
    let account_id = signed_in.account_id();
    let on = action == Action::WebhookOn;
    change(signed_in, state, action, move |conn| {
        let webhook = webhooks::find(conn, account_id, id)?;
        webhooks::switch(conn, account_id, id, on)?;
        Ok(webhook)
    })
    .await?;
    state.teller.wake();
    let word = if on { "webhook-an" } else { "webhook-aus" };
    see_other(format!("{HERE}/{id}?meldung={word}"))
}

/// Changes something about a webhook, and writes it down. Gives its number.
async fn change(
    signed_in: &SignedIn,
    state: &State,
    action: Action,
    act: impl FnOnce(&mut Conn) -> DbResult<Webhook> + Send + 'static,
) -> Result<i64, WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| {
            let webhook = act(conn)?;
            let events: Vec<&str> = webhook.events().map(HookEvent::label).collect();
            // The host alone: the rest of an address may be a secret of the other side.
            let host = url::Url::parse(&webhook.url)
                .ok()
                .and_then(|url| url.host_str().map(str::to_owned));
            let entry = Entry {
                actor: &actor,
                action,
                recipient_id: None,
                details: json!({ "webhook": webhook.id, "server": host, "events": events }),
            };
            audit::record(conn, account_id, &entry, Timestamp::now())?;
            Ok(webhook.id)
        })
        .await
}

const fn words_of(problem: UrlProblem) -> &'static str {
    match problem {
        UrlProblem::Unusable => {
            "Geben Sie eine vollständige Adresse ein, zum Beispiel https://shop.example.de/widerspruch."
        }
        UrlProblem::NotEncrypted => "Die Adresse muss mit https:// beginnen.",
        UrlProblem::NotPublic => {
            "Diese Adresse führt in ein Netz, das nicht öffentlich ist. Wer den Server betreibt, kann das erlauben."
        }
    }
}

async fn list_page(
    signed_in: &SignedIn,
    state: &State,
    typed: Typed,
    errors: FormErrors,
) -> Result<ListPage, WebError> {
    let account_id = signed_in.account_id();
    let webhooks = state
        .read(move |conn| webhooks::of_account(conn, account_id))
        .await?;
    Ok(ListPage {
        page: Page::new(signed_in, Section::Account, "Webhooks"),
        webhooks,
        typed,
        https_only: state.teller.reach() == Reach::Public,
        errors,
    })
}
