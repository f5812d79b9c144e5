//! *Signatur (DKIM)*: keys for the domains that mails are sent from, and the records that belong
//! into the DNS.

use actix_web::web;
use askama::Template;
use serde_json::json;

use crate::db::Conn;
use crate::db::models::audit::{self, Action, Actor, Entry};
use crate::db::models::dkim_keys::{self, DkimKey, NewDkimKey, place};
use crate::db::models::smtp_settings;
use crate::db::{DbError, DbResult};
use crate::domain::address::EmailAddress;
use crate::domain::signature::SignatureAlgorithm;
use crate::domain::time::Timestamp;
use crate::mail::dkim::{self, DnsRecord, KeyPair};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

const HERE: &str = "/benutzerkonto/versand/signatur";

/// Keys of one account: far more than anybody uses, so that nobody fills the table.
const MOST_KEYS: usize = 60;

#[derive(Template)]
#[template(path = "account/signing.html")]
struct SigningPage {
    page: Page,
    domains: Vec<DomainView>,
    domain: String,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "account/signing_delete.html")]
struct DeletePage {
    page: Page,
    key: KeyView,
    domain: String,
}

/// A domain with its keys and records.
struct DomainView {
    /// In ASCII, as the DNS has it.
    name: String,
    /// With umlauts, where it has some.
    unicode: Option<String>,
    keys: Vec<KeyView>,
    spf: DnsRecord,
    dmarc: DnsRecord,
}

struct KeyView {
    id: i64,
    algorithm: SignatureAlgorithm,
    active: bool,
    created_at: i64,
    record: DnsRecord,
    /// A newer key of its algorithm is there.
    is_old: bool,
}

impl KeyView {
    fn new(key: &DkimKey, is_old: bool) -> Self {
        Self {
            id: key.id,
            algorithm: key.algorithm,
            active: key.active,
            created_at: key.created_at,
            record: DnsRecord::of_key(&key.domain, &key.selector, key.algorithm, &key.public_key),
            is_old,
        }
    }

    fn is_long(&self) -> bool {
        self.record.strings().len() > 1
    }
}

impl DomainView {
    fn new(name: &str, server: Option<&str>) -> Self {
        let (unicode, _) = idna::domain_to_unicode(name);
        Self {
            name: name.to_owned(),
            unicode: (unicode != name).then_some(unicode),
            keys: Vec::new(),
            spf: DnsRecord {
                name: name.to_owned(),
                value: match server {
                    Some(server) => format!("v=spf1 mx a:{server} ~all"),
                    None => "v=spf1 mx ~all".to_owned(),
                },
            },
            dmarc: DnsRecord {
                name: format!("_dmarc.{name}"),
                value: format!("v=DMARC1; p=none; rua=mailto:postmaster@{name}"),
            },
        }
    }
}

/// GET `/benutzerkonto/versand/signatur`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let domain = signed_in
        .user
        .email
        .rsplit_once('@')
        .map_or(String::new(), |(_, domain)| domain.to_owned());
    page(&signing_page(&signed_in, &state, domain, FormErrors::new()).await?)
}

/// POST `/benutzerkonto/versand/signatur`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    fields: web::Form<Fields>,
) -> WebResult {
    let typed = fields.text("domain").trim().to_owned();
    let account_id = signed_in.account_id();
    let known = state
        .read(move |conn| dkim_keys::of_account(conn, account_id))
        .await?;
    let problem = match domain_of(&typed) {
        Err(problem) => problem,
        Ok(domain) if known.iter().any(|key| key.domain == domain) => {
            "Für diese Domain gibt es schon Schlüssel.".to_owned()
        }
        Ok(_) if known.len() + 2 > MOST_KEYS => {
            "Es gibt schon zu viele Schlüssel. Löschen Sie zuerst alte.".to_owned()
        }
        Ok(domain) => {
            make(&signed_in, &state, domain, &SignatureAlgorithm::ALL).await?;
            return see_other("/benutzerkonto/versand/signatur?meldung=schluessel-erzeugt");
        }
    };
    let errors = FormErrors::one("domain", problem);
    invalid(&signing_page(&signed_in, &state, typed, errors).await?)
}

/// POST `/benutzerkonto/versand/signatur/{id}/neu`
pub async fn renew(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let (key, count) = state
        .read(move |conn| {
            Ok((
                dkim_keys::find(conn, account_id, id)?,
                dkim_keys::of_account(conn, account_id)?.len(),
            ))
        })
        .await?;
    if count >= MOST_KEYS {
        return Err(WebError::Conflict(
            "Es gibt schon zu viele Schlüssel. Löschen Sie zuerst alte.",
        ));
    }
    make(&signed_in, &state, key.domain, &[key.algorithm]).await?;
    see_other("/benutzerkonto/versand/signatur?meldung=schluessel-erzeugt")
}

/// POST `/benutzerkonto/versand/signatur/{id}/aktivieren`
pub async fn activate(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    change(
        &signed_in,
        &state,
        *id,
        Action::SigningKeyOn,
        dkim_keys::activate,
    )
    .await?;
    see_other("/benutzerkonto/versand/signatur?meldung=signatur-an")
}

/// POST `/benutzerkonto/versand/signatur/{id}/deaktivieren`
pub async fn deactivate(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    change(
        &signed_in,
        &state,
        *id,
        Action::SigningKeyOff,
        dkim_keys::deactivate,
    )
    .await?;
    see_other("/benutzerkonto/versand/signatur?meldung=signatur-aus")
}

/// GET `/benutzerkonto/versand/signatur/{id}/loeschen`
pub async fn confirm_deletion(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let key = state
        .read(move |conn| dkim_keys::find(conn, account_id, id))
        .await?;
    page(&DeletePage {
        page: Page::new(&signed_in, Section::Account, "Schlüssel löschen"),
        domain: idna::domain_to_unicode(&key.domain).0,
        key: KeyView::new(&key, false),
    })
}

/// POST `/benutzerkonto/versand/signatur/{id}/loeschen`
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    change(
        &signed_in,
        &state,
        *id,
        Action::SigningKeyRemoved,
        dkim_keys::remove,
    )
    .await?;
    see_other("/benutzerkonto/versand/signatur?meldung=schluessel-geloescht")
}

async fn signing_page(
    signed_in: &SignedIn,
    state: &State,
    domain: String,
    errors: FormErrors,
) -> Result<SigningPage, WebError> {
    let account_id = signed_in.account_id();
    let (keys, server) = state
        .read(move |conn| {
            Ok((
                dkim_keys::of_account(conn, account_id)?,
                smtp_settings::find(conn, account_id)?,
            ))
        })
        .await?;
    let server = server.map(|server| server.host);
    let mut domains: Vec<DomainView> = Vec::new();
    for key in &keys {
        if domains.last().is_none_or(|last| last.name != key.domain) {
            domains.push(DomainView::new(&key.domain, server.as_deref()));
        }
        if let Some(domain) = domains.last_mut() {
            // The newest of each algorithm comes first.
            let is_old = domain
                .keys
                .last()
                .is_some_and(|newer| newer.algorithm == key.algorithm);
            domain.keys.push(KeyView::new(key, is_old));
        }
    }
    Ok(SigningPage {
        page: Page::new(signed_in, Section::Account, "Signatur (DKIM)"),
        domains,
        domain,
        errors,
    })
}

/// The domain that was typed, alone or with an address before it; in ASCII.
fn domain_of(typed: &str) -> Result<String, String> {
    let domain = typed.rsplit_once('@').map_or(typed, |(_, domain)| domain);
    if domain.is_empty() {
        return Err(
            "Geben Sie die Domain Ihrer Absenderadresse ein, zum Beispiel example.de.".to_owned(),
        );
    }
    EmailAddress::parse(&format!("post@{domain}"))
        .map(|address| address.domain().to_owned())
        .map_err(|problem| problem.to_string())
}

/// Makes keys, which takes some tenths of a second, and keeps them.
async fn make(
    signed_in: &SignedIn,
    state: &State,
    domain: String,
    algorithms: &[SignatureAlgorithm],
) -> Result<(), WebError> {
    let now = Timestamp::now();
    let algorithms = algorithms.to_vec();
    let made = web::block(move || {
        algorithms
            .into_iter()
            .map(|algorithm| {
                let keys = dkim::make_keys(algorithm)?;
                Ok((algorithm, dkim::new_selector(algorithm, now)?, keys))
            })
            .collect::<Result<Vec<_>, crate::mail::MailError>>()
    })
    .await?
    .map_err(|problem| WebError::Internal(problem.to_string()))?;
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let safe = state.sealer.clone();
    state
        .write(move |conn| {
            for (
                algorithm,
                selector,
                KeyPair {
                    private_key,
                    public_key,
                },
            ) in &made
            {
                let sealed = safe
                    .seal(&place(account_id, &domain, selector), private_key)
                    .map_err(|problem| DbError::Unavailable(problem.to_string()))?;
                let key = NewDkimKey {
                    domain: &domain,
                    algorithm: *algorithm,
                    selector,
                    private_key: &sealed,
                    public_key,
                };
                dkim_keys::add(conn, account_id, &key, now)?;
                note(
                    conn,
                    account_id,
                    &actor,
                    Action::SigningKeyMade,
                    (&domain, selector),
                    now,
                )?;
            }
            Ok(())
        })
        .await
}

async fn change(
    signed_in: &SignedIn,
    state: &State,
    id: i64,
    action: Action,
    act: fn(&mut Conn, i64, i64) -> DbResult<DkimKey>,
) -> Result<(), WebError> {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| {
            let key = act(conn, account_id, id)?;
            note(
                conn,
                account_id,
                &actor,
                action,
                (&key.domain, &key.selector),
                Timestamp::now(),
            )
        })
        .await
}

fn note(
    conn: &mut Conn,
    account_id: i64,
    actor: &Actor,
    action: Action,
    (domain, selector): (&str, &str),
    now: Timestamp,
) -> DbResult<()> {
    let entry = Entry {
        actor,
        action,
        recipient_id: None,
        details: json!({ "domain": domain, "selector": selector }),
    };
    audit::record(conn, account_id, &entry, now)
}
