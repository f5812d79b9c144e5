//! What the running program holds, shared by all requests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::web;
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use url::Url;

use crate::bounces::background::Bounces;
use crate::config::PasswordCost;
use crate::db::{Conn, Db, DbError, DbResult};
use crate::demo::Background;
use crate::domain::sealed::Sealer;
use crate::domain::secret::Key;
use crate::erasure::cleanup::Cleaner;
use crate::erasure::jobs::Deletions;
use crate::import::background::Imports;
use crate::jobs::runner::Runner;
use crate::jobs::worker::Worker;
use crate::sending::Sender;
use crate::sending::outbox::Outbox;
use crate::signup::Mailer;
use crate::signup::stamp::Stamps;
use crate::tracking::links::LinkCache;
use crate::tracking::recorder::Recorder;
use crate::tracking::token::TokenKeys;
use crate::web::error::WebError;
use crate::web::head;
use crate::web::measures::Requests;
use crate::web::password::Passwords;
use crate::web::public::signup::limits::FormLimits;
use crate::web::session::throttle::Throttle;
use crate::webhooks::worker::Teller;

/// What the running program holds. Cheap to clone.
#[derive(Clone)]
pub struct State {
    inner: Arc<Inner>,
}

/// The parts of the [`State`].
pub struct Inner {
    /// The database.
    pub db: Db,
    /// Where hits go.
    pub recorder: Recorder,
    /// Links of sent mailings.
    pub links: LinkCache,
    /// Sends what was started.
    pub sender: Sender,
    /// The mails of the built-in *Postausgang*.
    pub outbox: Outbox,
    /// The keys of all tokens.
    pub tokens: TokenKeys,
    /// Cleans files after deletions.
    pub cleaner: Cleaner,
    /// Deletes many recipients in the background.
    pub deletions: Deletions,
    /// Pseudonymises the past of many in the background.
    pub past: Runner,
    /// Fills the example account, where one is asked for.
    pub demo: Background,
    /// Imports uploaded files in the background.
    pub imports: Imports,
    /// Reads what comes back of mails.
    pub bounces: Bounces,
    /// Seals passwords of mail servers, and keys, at rest.
    pub sealer: Sealer,
    /// Sends the mails that ask whether somebody really signed up.
    pub mailer: Mailer,
    /// The key of the links in these mails.
    pub signup_key: Key,
    /// Shows that a public form was really opened.
    pub stamps: Stamps,
    /// How often public forms may be sent.
    pub form_limits: FormLimits,
    /// The key for remembered addresses (rule P9).
    pub remembering: Key,
    /// Tells webhooks.
    pub teller: Teller,
    /// The key under which requests of programs are known again.
    pub idempotency: Key,
    /// Hashing and checking of passwords.
    pub passwords: Passwords,
    /// Signs the session cookie.
    pub session_key: actix_web::cookie::Key,
    /// Slows guessing of passwords down.
    pub throttle: Throttle,
    /// How many mails with links to new passwords are sent at the same time.
    pub reset_turns: Semaphore,
    /// The threads of background work, for who watches them.
    pub workers: Mutex<Vec<Worker>>,
    /// Under which address browsers and mails reach this installation.
    pub public_url: Url,
    /// Whose word about their clients is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// How many requests were answered, if anybody is to see it.
    pub requests: Requests,
    /// Where `/healthz` and `/metrics` are, if anywhere.
    pub metrics_address: Option<SocketAddr>,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The key of the one-time link to *Ersteinrichtung*, while there is no account.
    pub setup_key: Mutex<Option<String>>,
}

impl std::ops::Deref for State {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl State {
    /// Puts the parts together.
    pub fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Passwords and throttling as configured.
    pub fn passwords(cost: PasswordCost) -> Passwords {
        Passwords::new(cost)
    }

    /// Runs queries that only read, off the async threads.
    pub async fn read<T, F>(&self, queries: F) -> Result<T, WebError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        let db = self.db.clone();
        off_thread(move || db.read(queries)).await
    }

    /// Runs queries that write, in one transaction, off the async threads. For a request with HEAD
    /// it is rolled back: the answer is the same, and nothing has changed.
    pub async fn write<T, F>(&self, queries: F) -> Result<T, WebError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        let db = self.db.clone();
        let keep = !head::is_all_that_is_wanted();
        off_thread(move || {
            let mut outcome = None;
            let written = db.write(|conn| {
                outcome = Some(queries(conn)?);
                if keep {
                    Ok(())
                } else {
                    Err(DbError::Refused("HEAD writes nothing"))
                }
            });
            match outcome {
                Some(outcome) if !keep => Ok(outcome),
                outcome => written.and_then(|()| outcome.ok_or(DbError::Unconfirmed)),
            }
        })
        .await
    }

    /// Whether browsers reach this installation by https: decides on cookies.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// Runs queries off the async threads. The task is of one type, whatever runs in it: hundreds of
/// types of tasks took a tenth of the time to compile all this.
async fn off_thread<T: Send + 'static>(
    queries: impl FnOnce() -> DbResult<T> + Send + 'static,
) -> Result<T, WebError> {
    let outcome = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&outcome);
    let work: Box<dyn FnOnce() + Send> = Box::new(move || *slot.lock() = Some(queries()));
    web::block(work).await?;
    match outcome.lock().take() {
        Some(outcome) => outcome.map_err(WebError::from),
        None => Err(WebError::Internal("the queries did not run".into())),
    }
}
