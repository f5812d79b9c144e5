//! Tab *Schnittstelle*: keys for programs. A key is shown once, when it is made.

use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use serde_json::json;

use crate::db::models::api_keys::{self, ApiKey, NewApiKey};
use crate::db::models::audit::{self, Action, Entry};
use crate::domain::day::any_day;
use crate::domain::scope::{Scope, Scopes};
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::api::caller;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::{FormErrors, may_hold_address};
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, page_with, see_other};
use crate::web::state::State;

const HERE: &str = "/benutzerkonto/schnittstelle";

/// Longest name, in characters.
const MAX_NAME_CHARS: usize = 80;

/// Keys of one account that are not revoked: far more than anybody needs.
const MOST_KEYS: i64 = 50;

/// So many keys are listed, revoked ones among them.
const LISTED: i64 = 100;

#[derive(Template)]
#[template(path = "account/api.html")]
struct ApiPage {
    page: Page,
    keys: Vec<ApiKey>,
    now: Timestamp,
    typed: Typed,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "account/api_key.html")]
struct MadePage {
    page: Page,
    name: String,
    key: String,
    base: String,
}

#[derive(Template)]
#[template(path = "account/api_revoke.html")]
struct RevokePage {
    page: Page,
    key: ApiKey,
}

/// A key as asked for.
#[derive(Default)]
struct Typed {
    name: String,
    scopes: Scopes,
    until: String,
}

impl ApiPage {
    fn scope_choices(&self) -> Vec<(&'static str, String, bool)> {
        Scope::ALL
            .into_iter()
            .map(|scope| {
                let text = format!("{} ({})", scope.label(), scope.word());
                (scope.word(), text, self.typed.scopes.allow(scope))
            })
            .collect()
    }

    /// The last day on which a key is valid, if there is one.
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn last_day(&self, key: &ApiKey) -> Option<String> {
        key.expires_at.map(|end| filters::format_date(end - 1))
    }

    fn is_valid(&self, key: &ApiKey) -> bool {
        key.is_valid(self.now)
    }
}

impl Typed {
    fn from_form(form: &Fields) -> Self {
        Self {
            name: form.text("name").trim().to_owned(),
            scopes: form.all("rechte").filter_map(Scope::of_word).collect(),
            until: form.text("gueltig-bis").trim().to_owned(),
        }
    }

    /// Until when it is to be valid: to the end of that day. Or everything that is wrong.
    fn check(&self, now: Timestamp) -> Result<Option<Timestamp>, FormErrors> {
        let mut errors = FormErrors::new();
        if self.name.is_empty() {
            errors.add(
                "name",
                "Geben Sie dem Schlüssel einen Namen, zum Beispiel den des Programms.",
            );
        } else if self.name.chars().count() > MAX_NAME_CHARS {
            errors.add(
                "name",
                format!("Der Name darf höchstens {MAX_NAME_CHARS} Zeichen haben."),
            );
        } else if self.name.chars().any(char::is_control) {
            errors.add("name", "Der Name enthält ein Steuerzeichen.");
        } else if may_hold_address(&self.name) {
            errors.add(
                "name",
                "Bitte ohne E-Mail-Adresse: Der Name steht im Protokoll und bleibt dort.",
            );
        }
        if self.scopes.is_empty() {
            errors.add("rechte", "Wählen Sie mindestens ein Recht.");
        }
        let mut end = None;
        if !self.until.is_empty() {
            match any_day(&self.until).map(|day| day.plus_days(1)) {
                Ok(after) if after <= now => {
                    errors.add("gueltig-bis", "Dieser Tag ist schon vorbei.");
                }
                Ok(after) => end = Some(after),
                Err(problem) => {
                    let prompt = "Geben Sie einen Tag an, zum Beispiel 24.11.2027.";
                    errors.add("gueltig-bis", problem.sentence(prompt));
                }
            }
        }
        if errors.is_empty() {
            Ok(end)
        } else {
            Err(errors)
        }
    }
}

/// GET `/benutzerkonto/schnittstelle`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    page(&api_page(&signed_in, &state, Typed::default(), FormErrors::new()).await?)
}

/// POST `/benutzerkonto/schnittstelle`: shows the key, this once.
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let (typed, now) = (Typed::from_form(&form), Timestamp::now());
    let expires_at = match typed.check(now) {
        Ok(end) => end,
        Err(errors) => return invalid(&api_page(&signed_in, &state, typed, errors).await?),
    };
    let made = caller::new_key().map_err(|problem| WebError::Internal(problem.to_string()))?;
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let (name, scopes) = (typed.name.clone(), typed.scopes);
    let (beginning, hash) = (made.beginning, made.hash);
    let fits = state
        .write(move |conn| {
            if api_keys::count_kept(conn, account_id)? >= MOST_KEYS {
                return Ok(false);
            }
            let new = NewApiKey {
                name: &name,
                beginning: &beginning,
                hash: &hash,
                scopes,
                created_by: actor.label(),
                expires_at,
            };
            api_keys::add(conn, account_id, &new, now)?;
            let words: Vec<&str> = scopes.iter().map(Scope::label).collect();
            let until = expires_at.map(|end| end.plus_days(-1).millis());
            let entry = Entry {
                actor: &actor,
                action: Action::ApiKeyMade,
                recipient_id: None,
                details: json!({ "key": format!("{name} ({beginning}…)"), "scopes": words, "valid_until": until }),
            };
            audit::record(conn, account_id, &entry, now)?;
            Ok(true)
        })
        .await?;
    if !fits {
        let errors = FormErrors::one(
            "name",
            "Es gibt schon zu viele Schlüssel. Widerrufen Sie zuerst, was niemand mehr braucht.",
        );
        return invalid(&api_page(&signed_in, &state, typed, errors).await?);
    }
    let shown = MadePage {
        page: Page::new(&signed_in, Section::Account, "API-Schlüssel erzeugt"),
        name: typed.name,
        key: made.key,
        base: state.public_url.as_str().trim_end_matches('/').to_owned(),
    };
    page_with(StatusCode::CREATED, &shown)
}

/// GET `/benutzerkonto/schnittstelle/{id}/widerrufen`
pub async fn ask_to_revoke(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let key = state
        .read(move |conn| api_keys::find(conn, account_id, id))
        .await?;
    page(&RevokePage {
        page: Page::new(&signed_in, Section::Account, "API-Schlüssel widerrufen?"),
        key,
    })
}

/// POST `/benutzerkonto/schnittstelle/{id}/widerrufen`
pub async fn revoke(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, actor, id) = (signed_in.account_id(), signed_in.actor(), *id);
    state
        .write(move |conn| {
            let now = Timestamp::now();
            let key = api_keys::revoke(conn, account_id, id, now)?;
            let entry = Entry {
                actor: &actor,
                action: Action::ApiKeyRevoked,
                recipient_id: None,
                details: json!({ "key": format!("{} ({}…)", key.name, key.beginning) }),
            };
            audit::record(conn, account_id, &entry, now)
        })
        .await?;
    see_other(format!("{HERE}?meldung=api-schluessel-widerrufen"))
}

async fn api_page(
    signed_in: &SignedIn,
    state: &State,
    typed: Typed,
    errors: FormErrors,
) -> Result<ApiPage, WebError> {
    let account_id = signed_in.account_id();
    let keys = state
        .read(move |conn| api_keys::newest(conn, account_id, LISTED))
        .await?;
    Ok(ApiPage {
        page: Page::new(signed_in, Section::Account, "Benutzerkonto"),
        keys,
        now: Timestamp::now(),
        typed,
        errors,
    })
}
